//! A device of LoRaWAN 1.1 as the standard has it: it knows the server by its frames alone.
//!
//! Channel 0 at DR5, class A, no MAC commands of its own but RekeyInd.

use lns_lorawan::mac::{DownlinkMacCommand, DownlinkMacCommands};
use lns_lorawan::{
    AppKey, DataRateIndex, DataUp, DerivationContext, DevAddr, DevNonce, FCntDown, FCntUp, FCtrlUp,
    Frame, JoinAcceptCipher, JoinAcceptFields, JoinAcceptKeys, JoinReqType, JoinRequest, NetId,
    NwkKey, OpenedDownlink, PhyPayload, RejoinFields, Scheme, SessionKeys, Uplink11Ctx, js_enc_key,
    js_int_key, session_keys_1_0, session_keys_1_1,
};

use crate::bench::{DEV_EUI, JOIN_EUI};

const REKEY_IND: [u8; 2] = [0x0b, 0x01];

pub fn nwk_key() -> NwkKey {
    NwkKey::from_bytes([5; 16])
}

pub fn app_key_1_1() -> AppKey {
    AppKey::from_bytes([6; 16])
}

/// What it keeps from one activation to the next.
#[derive(Clone)]
pub struct Life {
    pub dev_addr: DevAddr,
    pub net_id: NetId,
    pub keys: SessionKeys,
    /// The next to use.
    pub f_cnt_up: u32,
    /// The lowest still acceptable: NFCntDown, AFCntDown.
    pub f_cnt_down: [u32; 2],
    /// The counter of the confirmed downlink to be acknowledged.
    pub to_acknowledge: Option<u32>,
    /// RekeyInd goes into every uplink until RekeyConf.
    pub rekeying: bool,
    pub rj_count0: u16,
}

pub struct Model {
    /// The text by which it encrypts FOpts.
    pub scheme: Scheme,
    pub dev_nonce: u16,
    pub rj_count1: u16,
    /// Of the last Join-Accept that it took.
    pub join_nonce: Option<u32>,
    pub life: Option<Life>,
    /// The nonce of the last Join- or Rejoin-Request.
    asked: u16,
}

impl Model {
    pub fn new() -> Self {
        Model {
            scheme: Scheme::V1_1,
            dev_nonce: 0,
            rj_count1: 0,
            join_nonce: None,
            life: None,
            asked: 0,
        }
    }

    pub fn life(&mut self) -> &mut Life {
        self.life.as_mut().expect("it has joined")
    }

    pub fn ask_to_join(&mut self) -> Vec<u8> {
        self.asked = self.dev_nonce;
        self.dev_nonce += 1;
        let dev_nonce = DevNonce(self.asked);
        JoinRequest::build_1_1(JOIN_EUI, DEV_EUI, dev_nonce, &nwk_key()).to_vec()
    }

    pub fn ask_to_rejoin(&mut self, kind: JoinReqType) -> Vec<u8> {
        let (dev_eui, join_eui) = (DEV_EUI, JOIN_EUI);
        if kind == JoinReqType::Rejoin1 {
            self.asked = self.rj_count1;
            self.rj_count1 += 1;
            let fields = RejoinFields::Type1 { join_eui, dev_eui, rj_count1: self.asked };
            return fields.build_with_root(&js_int_key(&nwk_key(), dev_eui)).unwrap();
        }
        let life = self.life();
        let (rj_count0, net_id) = (life.rj_count0, life.net_id);
        life.rj_count0 += 1;
        let fields = match kind {
            JoinReqType::Rejoin0 => RejoinFields::Type0 { net_id, dev_eui, rj_count0 },
            _ => RejoinFields::Type2 { net_id, dev_eui, rj_count0 },
        };
        let frame = fields.build_with_session(&life.keys.s_nwk_s_int_key).unwrap();
        self.asked = rj_count0;
        frame
    }

    /// Takes a Join-Accept in answer to its last request; `None` where it must not.
    pub fn take_accept(&mut self, bytes: &[u8], kind: JoinReqType) -> Option<JoinAcceptFields> {
        let Frame::JoinAccept(sealed) = PhyPayload::parse(bytes).unwrap() else { panic!() };
        let (nwk_key, nonce) = (nwk_key(), DevNonce(self.asked));
        let (js_int_key, js_enc_key) =
            (js_int_key(&nwk_key, DEV_EUI), js_enc_key(&nwk_key, DEV_EUI));
        let cipher = match kind {
            JoinReqType::Join => JoinAcceptCipher::NwkKey(&nwk_key),
            _ => JoinAcceptCipher::JsEncKey(&js_enc_key),
        };
        let request = (kind, JOIN_EUI, nonce);
        let new = JoinAcceptKeys::V1_1 { cipher, js_int_key: &js_int_key, request };
        let fields = match sealed.open(&new) {
            Ok(fields) if fields.dl_settings.opt_neg => fields,
            _ if kind != JoinReqType::Join => return None,
            _ => {
                let app_key = nwk_key.as_app_key();
                let fields = sealed.open(&JoinAcceptKeys::V1_0 { app_key: &app_key }).ok()?;
                (!fields.dl_settings.opt_neg).then_some(fields)?
            }
        };
        if self.join_nonce.is_some_and(|last| fields.join_nonce.value() <= last) {
            return None;
        }
        self.join_nonce = Some(fields.join_nonce.value());
        let context = DerivationContext {
            join_nonce: fields.join_nonce,
            dev_nonce: nonce,
            net_id: fields.net_id,
            join_eui: JOIN_EUI,
        };
        let opt_neg = fields.dl_settings.opt_neg;
        let keys = if opt_neg {
            let keys = session_keys_1_1(&nwk_key, &app_key_1_1(), &context);
            SessionKeys { scheme: self.scheme, ..keys }
        } else {
            session_keys_1_0(&nwk_key.as_app_key(), &context)
        };
        self.life = Some(Life {
            dev_addr: fields.dev_addr,
            net_id: fields.net_id,
            keys,
            f_cnt_up: 0,
            f_cnt_down: [0, 0],
            to_acknowledge: None,
            rekeying: opt_neg,
            rj_count0: 0,
        });
        Some(fields)
    }

    /// An application's uplink, with RekeyInd where that is due.
    pub fn up(&mut self, payload: &[u8]) -> Vec<u8> {
        let rekeying = self.life().rekeying;
        self.up_with(if rekeying { &REKEY_IND } else { &[] }, payload)
    }

    pub fn up_with(&mut self, f_opts: &[u8], payload: &[u8]) -> Vec<u8> {
        self.send((f_opts, payload), false)
    }

    /// One that asks to be acknowledged.
    pub fn up_confirmed(&mut self, payload: &[u8]) -> Vec<u8> {
        self.send((&[], payload), true)
    }

    fn send(&mut self, (f_opts, payload): (&[u8], &[u8]), confirmed: bool) -> Vec<u8> {
        let life = self.life();
        let f_ctrl = FCtrlUp { ack: life.to_acknowledge.is_some(), ..FCtrlUp::default() };
        let frame = DataUp {
            confirmed,
            dev_addr: life.dev_addr,
            f_ctrl,
            f_cnt_up: FCntUp(life.f_cnt_up),
            f_opts,
            f_port: Some(1),
            frm_payload: payload,
        };
        life.f_cnt_up += 1;
        let conf_f_cnt = FCntDown(life.to_acknowledge.take().unwrap_or(0)).wire().0;
        let tx_dr = DataRateIndex::new(5).unwrap();
        frame.build(&life.keys.schedules(), Uplink11Ctx { conf_f_cnt, tx_dr, tx_ch: 0 }).unwrap()
    }

    /// Hears a downlink in its last uplink's windows; `None` where it must drop it.
    pub fn hear(&mut self, bytes: &[u8]) -> Option<OpenedDownlink> {
        let Frame::Down(sealed) = PhyPayload::parse(bytes).unwrap() else { panic!() };
        let life = self.life();
        let two = life.keys.scheme.is_1_1();
        let which = usize::from(two && sealed.f_port().is_some_and(|port| port > 0));
        let f_cnt_down = FCntDown(u32::from(sealed.wire_f_cnt().0));
        if sealed.dev_addr() != life.dev_addr || f_cnt_down.0 < life.f_cnt_down[which] {
            return None;
        }
        let conf_f_cnt = FCntUp(life.f_cnt_up.saturating_sub(1)).wire().0;
        let opened = sealed.open(&life.keys.schedules(), f_cnt_down, conf_f_cnt).ok()?;
        life.f_cnt_down[which] = f_cnt_down.0 + 1;
        life.to_acknowledge = opened.confirmed.then_some(f_cnt_down.0);
        for command in DownlinkMacCommands::new(opened.mac_commands()).flatten() {
            if let DownlinkMacCommand::RekeyConf(conf) = command
                && conf.minor == 1
            {
                life.rekeying = false;
            }
        }
        Some(opened)
    }
}
