//! A device of LoRaWAN 1.1, activated by personalization, and what it sends.

use lns_core::Activation;
use lns_lorawan::{
    AppSKey, DataRateIndex, DataUp, FCntUp, FCtrlUp, FNwkSIntKey, MacVersion, NwkSEncKey,
    SNwkSIntKey, Scheme, SessionKeys, Uplink11Ctx,
};

use crate::bench::{Bench, DEV_ADDR, eu868};

/// Its session's keys.
pub fn keys() -> SessionKeys {
    SessionKeys {
        scheme: Scheme::V1_1,
        f_nwk_s_int_key: FNwkSIntKey::from_bytes([1; 16]),
        s_nwk_s_int_key: SNwkSIntKey::from_bytes([2; 16]),
        nwk_s_enc_key: NwkSEncKey::from_bytes([3; 16]),
        app_s_key: AppSKey::from_bytes([4; 16]),
    }
}

/// The device, that counts from `f_cnt_start` on.
pub fn device(f_cnt_start: u32) -> Bench {
    let f_cnt_start = FCntUp(f_cnt_start);
    let activation = Activation::Abp { dev_addr: DEV_ADDR, keys: keys(), f_cnt_start };
    Bench::new(eu868(MacVersion::V1_1_0), activation)
}

/// What it sends at DR5; the rest of its frames is always the same.
#[derive(Clone, Copy, Default)]
pub struct Up11 {
    pub f_cnt: u32,
    pub confirmed: bool,
    /// The channel that its MIC names.
    pub tx_ch: u8,
    /// The counter of the downlink that it acknowledges.
    pub conf: Option<u16>,
}

impl Up11 {
    /// Its bytes: LinkCheckReq in FOpts, `hello` on port 1.
    pub fn bytes(self) -> Vec<u8> {
        let frame = DataUp {
            confirmed: self.confirmed,
            dev_addr: DEV_ADDR,
            f_ctrl: FCtrlUp { ack: self.conf.is_some(), ..FCtrlUp::default() },
            f_cnt_up: FCntUp(self.f_cnt),
            f_opts: &[0x02],
            f_port: Some(1),
            frm_payload: b"hello",
        };
        let tx_dr = DataRateIndex::new(5).unwrap();
        let conf_f_cnt = self.conf.unwrap_or(0);
        let context = Uplink11Ctx { conf_f_cnt, tx_dr, tx_ch: self.tx_ch };
        frame.build(&keys().schedules(), context).unwrap()
    }
}
