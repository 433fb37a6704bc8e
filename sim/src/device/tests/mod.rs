//! A device against frames that are built here, byte by byte of the standard.

mod classes;
mod hearing;
mod limits;
mod mac;
mod mischief;
mod regions;
mod repeats;
mod v11;
mod vectors;
mod windows;

use lns_lorawan::{
    AppKey, AppSKey, CfList, DataDown, DerivationContext, DevAddr, DevEui, DevNonce, DlSettings,
    DownlinkMacCommand, FCntDown, FCtrlDown, Frame, JoinAcceptFields, JoinAcceptKeys, JoinEui,
    JoinNonce, NetId, NwkSKey, OpenedUplink, PhyPayload, RxDelay, SessionKeys, TimeDelta,
    Timestamp, Uplink11Ctx, Window, session_keys_1_0,
};

use super::*;
use crate::air::OnAir;

pub const DEV_ADDR: DevAddr = DevAddr::new(0x2700_1a2b);
pub const DEV_EUI: DevEui = DevEui::new(0x70b3_d57e_d001_0001);
pub const JOIN_EUI: JoinEui = JoinEui::new(0x70b3_d57e_d000_0000);
pub const DR0: lns_lorawan::DataRateIndex = lns_lorawan::DataRateIndex::DR0;

pub fn app_key() -> AppKey {
    AppKey::from_bytes([0x11; 16])
}

pub fn abp_keys() -> (NwkSKey, AppSKey) {
    (NwkSKey::from_bytes([0x22; 16]), AppSKey::from_bytes([0x33; 16]))
}

/// Switched on at 1 s.
pub fn abp() -> DeviceSpec {
    let (nwk_s_key, app_s_key) = abp_keys();
    let mut spec = DeviceSpec::abp("node", DEV_EUI, (DEV_ADDR, nwk_s_key, app_s_key));
    spec.switched_on = Timestamp::from_secs(1);
    spec
}

pub fn otaa() -> DeviceSpec {
    let mut spec = DeviceSpec::otaa("node", DEV_EUI, JOIN_EUI, app_key());
    spec.switched_on = Timestamp::from_secs(1);
    spec
}

/// A device and the network that it talks to, without anything between them.
pub struct Pair {
    pub device: Device,
    pub keys: SessionKeys,
    pub f_cnt_down: FCntDown,
    /// 1.1: of frames with a payload for the application.
    pub a_f_cnt_down: FCntDown,
    /// 1.1: what the device's next ACK has to name.
    pub conf_f_cnt: u16,
    pub last: Option<Transmission>,
}

impl Pair {
    pub fn new(spec: DeviceSpec) -> Self {
        let (nwk_s_key, app_s_key) = abp_keys();
        let keys = SessionKeys::v1_0(&nwk_s_key, app_s_key);
        let (f_cnt_down, a_f_cnt_down) = (FCntDown(0), FCntDown(0));
        let device = Device::new(spec, 7);
        Self { device, keys, f_cnt_down, a_f_cnt_down, conf_f_cnt: 0, last: None }
    }

    /// Lets time pass until the device sends.
    pub fn sends(&mut self) -> Transmission {
        for _ in 0..8 {
            let due = self.device.next_wake().unwrap();
            if let Some(sent) = self.device.wake(due) {
                self.last = Some(sent.clone());
                return sent;
            }
        }
        panic!("the device does not send");
    }

    /// Lets time pass; what the device has sent.
    pub fn until(&mut self, end: Timestamp) -> Vec<Transmission> {
        let mut sent = Vec::new();
        while let Some(due) = self.device.next_wake().filter(|due| *due < end) {
            sent.extend(self.device.wake(due));
        }
        self.last = sent.last().cloned().or(self.last.take());
        sent
    }

    /// The same, opened with the session's keys.
    pub fn uplink(&mut self) -> (Transmission, OpenedUplink) {
        let sent = self.sends();
        let Sent::Data(data) = &sent.sent else { panic!("{:?}", sent.sent) };
        let Ok(Frame::Up(sealed)) = PhyPayload::parse(&sent.phy_payload) else { panic!() };
        let schedules = self.keys.schedules();
        let context = Uplink11Ctx {
            conf_f_cnt: self.conf_f_cnt,
            tx_dr: lns_lorawan::DataRateIndex::from_low_bits(sent.data_rate),
            tx_ch: sent.channel,
        };
        let opened = sealed.open(&schedules, data.f_cnt_up, context).unwrap();
        assert_eq!(opened.frm_payload.as_slice(), data.payload);
        (sent, opened)
    }

    /// This frame, right in a window.
    pub fn on_air(&self, window: Window, phy_payload: Vec<u8>) -> OnAir {
        let listen = self.device.windows().iter().find(|it| it.window == window).unwrap();
        OnAir {
            starts: listen.nominal,
            frequency: listen.frequency,
            modulation: listen.modulation,
            inverted: true,
            crc_on: false,
            power: lns_lorawan::Dbm::from_whole(14),
            phy_payload,
        }
    }

    /// A data downlink with the next counter.
    pub fn build(&mut self, down: Down<'_>) -> Vec<u8> {
        let f_port = down.payload.map(|(f_port, _)| f_port);
        let is_application = self.keys.scheme.is_1_1() && f_port.is_some_and(|it| it > 0);
        let counter = match is_application {
            true => &mut self.a_f_cnt_down,
            false => &mut self.f_cnt_down,
        };
        let f_cnt_down = *counter;
        *counter = f_cnt_down.next().unwrap();
        let acknowledged = match &self.last.as_ref().unwrap().sent {
            Sent::Data(data) => data.f_cnt_up.wire().0,
            _ => 0,
        };
        let frame = DataDown {
            confirmed: down.confirmed,
            dev_addr: self.device.session().unwrap().dev_addr,
            f_ctrl: FCtrlDown { adr: true, ack: down.ack, f_pending: down.f_pending },
            f_cnt_down,
            f_opts: &commands(down.mac),
            f_port,
            frm_payload: down.payload.map_or(&[], |(_, bytes)| bytes),
        };
        if down.confirmed {
            self.conf_f_cnt = f_cnt_down.wire().0;
        }
        frame.build(&self.keys.schedules(), acknowledged).unwrap()
    }

    /// Answers in RX1.
    pub fn answer(&mut self, down: Down<'_>) -> HeardData {
        let phy_payload = self.build(down);
        let frame = self.on_air(Window::Rx1, phy_payload);
        match self.device.hear(&frame) {
            Heard::Received(Received { what: What::Data(data), .. }) => data,
            other => panic!("{other:?}"),
        }
    }

    /// Sends a MAC command, and returns what the next uplink carries.
    pub fn ask(&mut self, mac: &[DownlinkMacCommand]) -> Vec<UplinkMacCommand> {
        self.uplink();
        self.answer(Down { mac, ..Down::default() });
        let (_, opened) = self.uplink();
        answers(&opened)
    }
}

pub fn answers(opened: &OpenedUplink) -> Vec<UplinkMacCommand> {
    lns_lorawan::UplinkMacCommands::new(opened.mac_commands()).map(Result::unwrap).collect()
}

#[derive(Default, Clone, Copy)]
pub struct Down<'a> {
    pub confirmed: bool,
    pub ack: bool,
    pub f_pending: bool,
    pub mac: &'a [DownlinkMacCommand],
    pub payload: Option<(u8, &'a [u8])>,
}

fn commands(mac: &[DownlinkMacCommand]) -> Vec<u8> {
    let mut bytes = Vec::new();
    mac.iter().for_each(|command| command.encode(&mut bytes).unwrap());
    bytes
}

/// A Join-Accept, and the keys that follow from it.
pub fn join_accept(dev_nonce: DevNonce, cf_list: Option<CfList>) -> (Vec<u8>, SessionKeys) {
    let fields = JoinAcceptFields {
        join_nonce: JoinNonce::new(5).unwrap(),
        net_id: NetId::new(0x13).unwrap(),
        dev_addr: DEV_ADDR,
        dl_settings: DlSettings {
            opt_neg: false,
            rx1_dr_offset: 2,
            rx2_data_rate: lns_lorawan::DataRateIndex::from_low_bits(3),
        },
        rx_delay: RxDelay::new(5).unwrap(),
        cf_list,
    };
    let key = app_key();
    let keys = JoinAcceptKeys::V1_0 { app_key: &key };
    let context = DerivationContext {
        join_nonce: fields.join_nonce,
        dev_nonce,
        net_id: fields.net_id,
        join_eui: JOIN_EUI,
    };
    (fields.build(&keys).unwrap(), session_keys_1_0(&key, &context))
}

#[test]
fn a_device_joins_and_talks() {
    let mut pair = Pair::new(otaa());
    let request = pair.sends();
    assert_eq!(request.starts, Timestamp::from_secs(1));
    let Ok(Frame::JoinRequest(parsed)) = PhyPayload::parse(&request.phy_payload) else { panic!() };
    assert!(parsed.verify_1_0(&app_key()));
    assert_eq!((parsed.dev_eui, parsed.join_eui), (DEV_EUI, JOIN_EUI));
    let frequency = Some(lns_lorawan::Frequency::from_hz(867_100_000));
    let cf_list = CfList::Frequencies([frequency, None, None, None, None]);
    let (accept, keys) = join_accept(parsed.dev_nonce, Some(cf_list));
    let frame = pair.on_air(Window::Rx1, accept.clone());
    let Heard::Received(received) = pair.device.hear(&frame) else { panic!() };
    assert!(matches!(received.what, What::JoinAccept(_)));
    assert_eq!(pair.device.session().unwrap().keys, keys);
    assert_eq!(pair.device.mac().rx2.1, 3);
    assert_eq!((pair.device.mac().rx1_dr_offset, pair.device.mac().rx_delay), (2, 5));
    assert!(pair.device.mac().channels.enabled().contains(3));
    assert_eq!(pair.device.hear(&frame), Heard::Not(Unheard::NotListening));

    pair.keys = keys;
    let (sent, opened) = pair.uplink();
    assert_eq!((opened.f_cnt_up.0, opened.f_port), (0, Some(1)));
    let nominal = sent.ends + TimeDelta::from_secs(5);
    assert_eq!(pair.device.windows()[0].nominal, nominal);
    let data = pair.answer(Down { payload: Some((10, &[0, 30])), ..Down::default() });
    assert_eq!((data.f_port, data.payload.as_slice()), (Some(10), [0, 30].as_slice()));
    assert_eq!(pair.device.spec().interval, TimeDelta::from_secs(30));
    let tally = pair.device.tally();
    assert_eq!((tally.joins, tally.uplinks, tally.heard_rx1), (1, 1, 2));
}

#[test]
fn a_join_without_answer_is_tried_again_with_another_nonce() {
    let mut spec = otaa();
    spec.activation = Activation::Otaa {
        join_eui: JOIN_EUI,
        app_key: app_key(),
        dev_nonces: DevNonces::Counting(DevNonce(1)),
    };
    let mut pair = Pair::new(spec);
    let nonces: Vec<_> = (0..3).map(|_| pair.sends().sent).collect();
    let counted = (1..4).map(|n| Sent::JoinRequest { dev_nonce: DevNonce(n) });
    assert_eq!(nonces, counted.collect::<Vec<_>>());
    assert_eq!(pair.device.tally().join_failures, 2);
}

#[test]
fn a_stuck_nonce_stays_and_a_wrong_key_does_not_verify() {
    let mut spec = otaa();
    spec.mischief.stuck_dev_nonce = Some(DevNonce(9));
    spec.mischief.wrong_key = true;
    let mut pair = Pair::new(spec);
    for _ in 0..2 {
        let sent = pair.sends();
        let Ok(Frame::JoinRequest(parsed)) = PhyPayload::parse(&sent.phy_payload) else { panic!() };
        assert_eq!(parsed.dev_nonce, DevNonce(9));
        assert!(!parsed.verify_1_0(&app_key()));
    }
}

#[test]
fn a_join_nonce_that_was_used_is_refused_by_a_1_0_4_device() {
    let mut spec = otaa();
    spec.mac_version = lns_lorawan::MacVersion::V1_0_4;
    let mut pair = Pair::new(spec);
    for expected in [true, false] {
        let Sent::JoinRequest { dev_nonce } = pair.sends().sent else { panic!() };
        let (accept, _) = join_accept(dev_nonce, None);
        let heard = pair.device.hear(&pair.on_air(Window::Rx2, accept));
        assert_eq!(matches!(heard, Heard::Received(_)), expected, "{heard:?}");
        pair.device.rejoin(pair.last.as_ref().unwrap().ends + TimeDelta::from_secs(60));
    }
}

#[test]
fn counters_begin_where_the_device_has_them_begin() {
    let mut spec = abp();
    spec.first_f_cnt_up = 1;
    let mut pair = Pair::new(spec);
    assert_eq!(pair.uplink().1.f_cnt_up.0, 1);
    assert_eq!(pair.uplink().1.f_cnt_up.0, 2);
}

#[test]
fn the_same_seed_sends_the_same() {
    let run = |seed| {
        let mut device = Device::new(abp(), seed);
        let mut sent = Vec::new();
        while sent.len() < 5 {
            let due = device.next_wake().unwrap();
            sent.extend(device.wake(due));
        }
        sent
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn replay_and_reset_are_sent_as_asked() {
    let mut spec = abp();
    spec.mischief.replay_every = Some(3);
    spec.mischief.reset_after = Some(4);
    let mut pair = Pair::new(spec);
    let sent: Vec<_> = (0..5).map(|_| pair.sends()).collect();
    assert_eq!(sent[2].sent, Sent::Replay);
    assert_eq!(sent[2].phy_payload, sent[0].phy_payload);
    let Sent::Data(data) = &sent[4].sent else { panic!() };
    assert_eq!(data.f_cnt_up.0, 0);
}
