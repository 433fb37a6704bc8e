//! A session in a record.

use lns_lorawan::{
    AppSKey, DevAddr, FCntDown, FCntUp, FNwkSIntKey, MacVersion, NwkSEncKey, NwkSKey, SNwkSIntKey,
    Scheme, SessionKeys,
};
use serde::{Deserialize, Serialize};

use crate::session::{DownCounter, Session};

use super::params::ParamsV2;

/// Of the downlink counters only the ceilings are durable.
#[derive(Serialize, Deserialize)]
pub(super) struct SessionV2 {
    dev_addr: DevAddr,
    keys: KeysV1,
    mac_version: MacVersion,
    f_cnt_up: Option<FCntUp>,
    f_cnt_up_start: FCntUp,
    last_digest: [u8; 8],
    n_f_cnt_down_ceiling: FCntDown,
    a_f_cnt_down_ceiling: FCntDown,
    confirmed_f_cnt_down: Option<FCntDown>,
    current: ParamsV2,
}

/// In 1.0.x the three network keys are one.
#[derive(Serialize, Deserialize)]
pub(super) enum KeysV1 {
    V1_0 {
        nwk_s_key: NwkSKey,
        app_s_key: AppSKey,
    },
    V1_1 {
        scheme: Scheme,
        f_nwk_s_int_key: FNwkSIntKey,
        s_nwk_s_int_key: SNwkSIntKey,
        nwk_s_enc_key: NwkSEncKey,
        app_s_key: AppSKey,
    },
}

impl From<&Session> for SessionV2 {
    fn from(session: &Session) -> Self {
        SessionV2 {
            dev_addr: session.dev_addr,
            keys: KeysV1::from(&session.keys),
            mac_version: session.mac_version,
            f_cnt_up: session.f_cnt_up,
            f_cnt_up_start: session.f_cnt_up_start,
            last_digest: session.last_digest.to_le_bytes(),
            n_f_cnt_down_ceiling: session.n_f_cnt_down.ceiling,
            a_f_cnt_down_ceiling: session.a_f_cnt_down.ceiling,
            confirmed_f_cnt_down: session.confirmed_f_cnt_down,
            current: ParamsV2::from(&*session.current),
        }
    }
}

impl From<SessionV2> for Session {
    fn from(record: SessionV2) -> Self {
        let keys = SessionKeys::from(record.keys);
        Session {
            f_cnt_up: record.f_cnt_up,
            f_cnt_up_start: record.f_cnt_up_start,
            last_digest: u64::from_le_bytes(record.last_digest),
            n_f_cnt_down: DownCounter::after_crash(record.n_f_cnt_down_ceiling),
            a_f_cnt_down: DownCounter::after_crash(record.a_f_cnt_down_ceiling),
            confirmed_f_cnt_down: record.confirmed_f_cnt_down,
            ..Session::new(record.dev_addr, keys, record.mac_version, record.current.into())
        }
    }
}

impl From<&SessionKeys> for KeysV1 {
    fn from(keys: &SessionKeys) -> Self {
        let app_s_key = keys.app_s_key.clone();
        match keys.nwk_s_key() {
            Some(nwk_s_key) => KeysV1::V1_0 { nwk_s_key, app_s_key },
            None => KeysV1::V1_1 {
                scheme: keys.scheme,
                f_nwk_s_int_key: keys.f_nwk_s_int_key.clone(),
                s_nwk_s_int_key: keys.s_nwk_s_int_key.clone(),
                nwk_s_enc_key: keys.nwk_s_enc_key.clone(),
                app_s_key,
            },
        }
    }
}

impl From<KeysV1> for SessionKeys {
    fn from(keys: KeysV1) -> Self {
        match keys {
            KeysV1::V1_0 { nwk_s_key, app_s_key } => SessionKeys::v1_0(&nwk_s_key, app_s_key),
            KeysV1::V1_1 { scheme, f_nwk_s_int_key, s_nwk_s_int_key, nwk_s_enc_key, app_s_key } => {
                SessionKeys { scheme, f_nwk_s_int_key, s_nwk_s_int_key, nwk_s_enc_key, app_s_key }
            }
        }
    }
}
