//! A server that answers joins and confirmed uplinks in RX1, for EU868, and keeps no promises.

use std::collections::HashMap;

use gateway_bridge::semtech::packet::{
    FromGateway, GatewayMessage, PushData, Rxpk, TxTime, Txpk, pull_ack, push_ack,
};
use lns_lorawan::{
    AppKey, DataDown, DerivationContext, DevAddr, DevEui, DlSettings, FCntDown, FCtrlDown, Frame,
    JoinAcceptFields, JoinAcceptKeys, JoinNonce, JoinRequest, NetId, PhyPayload, RxDelay,
    SealedUplink, SessionSchedules, Uplink11Ctx, session_keys_1_0,
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
                    answers.extend(self.heard(&rxpk.unwrap()).map(|txpk| {
                        self.token += 1;
                        txpk.build(version, self.token.into())
                    }));
                }
                answers
            }
        }
    }

    fn heard(&mut self, rxpk: &Rxpk) -> Option<Txpk> {
        // The first copy is answered; a confirmed uplink that is repeated is not, here.
        if self.seen.contains(&rxpk.phy_payload) {
            return None;
        }
        self.seen.push(rxpk.phy_payload.clone());
        let (delay, phy_payload) = match PhyPayload::parse(&rxpk.phy_payload).unwrap() {
            Frame::JoinRequest(request) => (5_000_000, self.join(&request)?),
            Frame::Up(sealed) => (1_000_000, self.uplink(&sealed)?),
            other => panic!("{other:?}"),
        };
        let shift = if self.faults.other_channel { 50_000_000 } else { 0 };
        Some(Txpk {
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
        })
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
        let session = Session { keys, f_cnt_down: FCntDown(0), last_f_cnt_up: None };
        self.sessions.insert(fields.dev_addr, session);
        fields.build(&JoinAcceptKeys::V1_0 { app_key }).ok()
    }

    fn uplink(&mut self, sealed: &SealedUplink<'_>) -> Option<Vec<u8>> {
        let session = self.sessions.get_mut(&sealed.dev_addr())?;
        let f_cnt_up = lns_lorawan::FCntUp(u32::from(sealed.wire_f_cnt().0));
        let opened = sealed.open(&session.keys, f_cnt_up, Uplink11Ctx::default()).unwrap();
        assert!(session.last_f_cnt_up < Some(f_cnt_up.0), "counters rise");
        session.last_f_cnt_up = Some(f_cnt_up.0);
        self.uplinks += 1;
        if !opened.confirmed {
            return None;
        }
        let down = DataDown {
            confirmed: false,
            dev_addr: opened.dev_addr,
            f_ctrl: FCtrlDown { adr: false, ack: true, f_pending: false },
            f_cnt_down: session.f_cnt_down,
            f_opts: &[],
            f_port: Some(10),
            frm_payload: &[1],
        };
        session.f_cnt_down = session.f_cnt_down.next()?;
        down.build(&session.keys, 0).ok()
    }
}
