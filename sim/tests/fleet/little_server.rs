//! A server that answers joins, confirmed uplinks and what class B asks in RX1, where RX1 is like the
//! uplink, and keeps no promises. To devices in class B it sends one frame in a ping slot each time
//! that it hears them.

use std::collections::HashMap;

use gateway_bridge::semtech::packet::{
    FromGateway, GatewayMessage, PushData, Rxpk, TxTime, Txpk, pull_ack, push_ack,
};
use lns_lorawan::mac::DeviceTimeAns;
use lns_lorawan::{
    AppKey, DataDown, DerivationContext, DevAddr, DevEui, DlSettings, DownlinkMacCommand, FCntDown,
    FCtrlDown, Frame, GpsTime, JoinAcceptFields, JoinAcceptKeys, JoinNonce, JoinRequest, NetId,
    OpenedUplink, PhyPayload, RxDelay, SealedUplink, SessionSchedules, Uplink11Ctx,
    UplinkMacCommand, UplinkMacCommands, ping_slot_rand, session_keys_1_0,
};

/// What the server does wrong.
#[derive(Default, Clone, Copy)]
pub struct Faults {
    pub late_us: u32,
    pub not_inverted: bool,
    pub other_channel: bool,
}

struct Session {
    keys: SessionSchedules,
    f_cnt_down: FCntDown,
    last_f_cnt_up: Option<u32>,
    /// As PingSlotInfoReq has told.
    periodicity: Option<u8>,
}

pub struct LittleServer {
    app_keys: HashMap<DevEui, AppKey>,
    sessions: HashMap<DevAddr, Session>,
    seen: Vec<Vec<u8>>,
    next_nonce: u32,
    token: u16,
    pub faults: Faults,
    pub uplinks: u64,
}

impl LittleServer {
    pub fn new(app_keys: impl IntoIterator<Item = (DevEui, AppKey)>) -> Self {
        Self {
            app_keys: app_keys.into_iter().collect(),
            sessions: HashMap::new(),
            seen: Vec::new(),
            next_nonce: 1,
            token: 0,
            faults: Faults::default(),
            uplinks: 0,
        }
    }

    /// What it answers to a datagram.
    pub fn datagram(&mut self, datagram: &[u8]) -> Vec<Vec<u8>> {
        let FromGateway { version, token, message, .. } = FromGateway::parse(datagram).unwrap();
        match message {
            GatewayMessage::PullData => vec![pull_ack::build(version, token).to_vec()],
            GatewayMessage::TxAck(_) => Vec::new(),
            GatewayMessage::PushData(body) => {
                let mut answers = vec![push_ack::build(version, token).to_vec()];
                for rxpk in PushData::parse(body).rxpk {
                    for txpk in self.heard(&rxpk.unwrap()) {
                        self.token += 1;
                        answers.push(txpk.build(version, self.token.into()));
                    }
                }
                answers
            }
        }
    }

    fn heard(&mut self, rxpk: &Rxpk) -> Vec<Txpk> {
        // The first copy is answered; a confirmed uplink that is repeated is not, here.
        if self.seen.contains(&rxpk.phy_payload) {
            return Vec::new();
        }
        self.seen.push(rxpk.phy_payload.clone());
        let (delay, phy_payload, ping) = match PhyPayload::parse(&rxpk.phy_payload).unwrap() {
            Frame::JoinRequest(request) => (5_000_000, self.join(&request), None),
            Frame::Up(sealed) => {
                let (answer, ping) = self.uplink(&sealed, rxpk);
                (1_000_000, answer, ping)
            }
            other => panic!("{other:?}"),
        };
        let shift = if self.faults.other_channel { 50_000_000 } else { 0 };
        let rx1 = phy_payload.map(|phy_payload| Txpk {
            when: TxTime::Tmst(rxpk.tmst.wrapping_add(delay + self.faults.late_us)),
            frequency_hz: if shift > 0 { 869_525_000 } else { rxpk.frequency_hz },
            rf_chain: 0,
            power_dbm: Some(14),
            modulation: rxpk.modulation,
            coding_rate: rxpk.coding_rate,
            deviation_hz: None,
            invert_polarity: !self.faults.not_inverted,
            no_crc: true,
            preamble: None,
            phy_payload,
        });
        rx1.into_iter().chain(ping).collect()
    }

    fn join(&mut self, request: &JoinRequest) -> Option<Vec<u8>> {
        let app_key = self.app_keys.get(&request.dev_eui)?;
        assert!(request.verify_1_0(app_key));
        let fields = JoinAcceptFields {
            join_nonce: JoinNonce::new(self.next_nonce)?,
            net_id: NetId::new(0)?,
            dev_addr: DevAddr::new(self.next_nonce),
            dl_settings: DlSettings {
                opt_neg: false,
                rx1_dr_offset: 0,
                rx2_data_rate: lns_lorawan::DataRateIndex::DR0,
            },
            rx_delay: RxDelay::default(),
            cf_list: None,
        };
        self.next_nonce += 1;
        let context = DerivationContext {
            join_nonce: fields.join_nonce,
            dev_nonce: request.dev_nonce,
            net_id: fields.net_id,
            join_eui: request.join_eui,
        };
        let keys = session_keys_1_0(app_key, &context).schedules();
        let session =
            Session { keys, f_cnt_down: FCntDown(0), last_f_cnt_up: None, periodicity: None };
        self.sessions.insert(fields.dev_addr, session);
        fields.build(&JoinAcceptKeys::V1_0 { app_key }).ok()
    }

    fn uplink(
        &mut self,
        sealed: &SealedUplink<'_>,
        rxpk: &Rxpk,
    ) -> (Option<Vec<u8>>, Option<Txpk>) {
        let Some(session) = self.sessions.get_mut(&sealed.dev_addr()) else { return (None, None) };
        let f_cnt_up = lns_lorawan::FCntUp(u32::from(sealed.wire_f_cnt().0));
        let opened = sealed.open(&session.keys, f_cnt_up, Uplink11Ctx::default()).unwrap();
        assert!(session.last_f_cnt_up < Some(f_cnt_up.0), "counters rise");
        session.last_f_cnt_up = Some(f_cnt_up.0);
        self.uplinks += 1;
        let f_opts = session.answers(&opened, rxpk);
        let answer = (opened.confirmed || !f_opts.is_empty())
            .then(|| session.build(&opened, (opened.confirmed, &f_opts)));
        let ping = session.periodicity.filter(|_| opened.f_ctrl.class_b);
        (answer, ping.map(|periodicity| session.ping(&opened, periodicity, rxpk)))
    }
}

impl Session {
    /// What class B asks for.
    fn answers(&mut self, opened: &OpenedUplink, rxpk: &Rxpk) -> Vec<u8> {
        let mut f_opts = Vec::new();
        for command in UplinkMacCommands::new(opened.mac_commands()).map(Result::unwrap) {
            let answer = match command {
                UplinkMacCommand::DeviceTimeReq => {
                    let time = GpsTime::from_micros(rxpk.tmms.unwrap() * 1000);
                    DownlinkMacCommand::DeviceTimeAns(DeviceTimeAns::from(time))
                }
                UplinkMacCommand::PingSlotInfoReq(info) => {
                    self.periodicity = Some(info.periodicity);
                    DownlinkMacCommand::PingSlotInfoAns
                }
                _ => continue,
            };
            answer.encode(&mut f_opts).unwrap();
        }
        f_opts
    }

    fn build(&mut self, opened: &OpenedUplink, (ack, f_opts): (bool, &[u8])) -> Vec<u8> {
        let down = DataDown {
            confirmed: false,
            dev_addr: opened.dev_addr,
            f_ctrl: FCtrlDown { adr: false, ack, f_pending: false },
            f_cnt_down: self.f_cnt_down,
            f_opts,
            f_port: Some(10),
            frm_payload: &[1],
        };
        self.f_cnt_down = self.f_cnt_down.next().unwrap();
        down.build(&self.keys, 0).unwrap()
    }

    /// A frame in the first ping slot of the next beacon period: LoRaWAN 1.1 §13.2, on EU868's
    /// frequency and data rate.
    fn ping(&mut self, opened: &OpenedUplink, periodicity: u8, rxpk: &Rxpk) -> Txpk {
        let beacon = (rxpk.tmms.unwrap() / 128_000 + 1) * 128;
        let period = 4096 >> (7 - periodicity);
        let time = u32::try_from(beacon).unwrap();
        let offset = u64::from(ping_slot_rand(time, opened.dev_addr) % period);
        Txpk {
            when: TxTime::Gps(beacon * 1000 + 2120 + offset * 30),
            frequency_hz: 869_525_000,
            rf_chain: 0,
            power_dbm: Some(14),
            modulation: gateway_bridge::semtech::packet::Modulation::Lora {
                spreading_factor: 9,
                bandwidth_hz: 125_000,
            },
            coding_rate: rxpk.coding_rate,
            deviation_hz: None,
            invert_polarity: true,
            no_crc: true,
            preamble: None,
            phy_payload: self.build(opened, (false, &[])),
        }
    }
}
