//! A session's keys, and the same expanded for use.

use serde::{Deserialize, Serialize};

use super::aes::Aes128Schedule;
use super::mic::MicSchedule;
use crate::key::{AppSKey, FNwkSIntKey, NwkSEncKey, NwkSKey, SNwkSIntKey};
use crate::units::DataRateIndex;

/// The port of what relays forward, both ways (TS011).
pub const RELAY_F_PORT: u8 = 226;

/// Which rules protect a session's frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Scheme {
    /// 1.0.x: one network key, FOpts in clear, one downlink counter.
    V1_0,
    /// 1.1 with the errata on FOpts encryption: three network keys (LoRaWAN 1.1 §6.1.2), two
    /// downlink counters (§4.3.1.5).
    V1_1,
    /// 1.1 as first published (§4.3.1.6), for a device that was built before the errata.
    V1_1FirstText,
}

impl Scheme {
    /// Three network keys, encrypted FOpts, two downlink counters?
    pub const fn is_1_1(self) -> bool {
        match self {
            Self::V1_0 => false,
            Self::V1_1 | Self::V1_1FirstText => true,
        }
    }
}

/// The keys of one session. In 1.0.x the three network keys are the NwkSKey; so they are one key
/// for a 1.1 device on a 1.0.x network (LoRaWAN 1.1 §6.1.1.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionKeys {
    /// Which rules they serve.
    pub scheme: Scheme,
    /// Uplink MIC.
    pub f_nwk_s_int_key: FNwkSIntKey,
    /// Downlink MIC and the serving network's half of the uplink MIC.
    pub s_nwk_s_int_key: SNwkSIntKey,
    /// MAC commands.
    pub nwk_s_enc_key: NwkSEncKey,
    /// The application's payload.
    pub app_s_key: AppSKey,
}

impl SessionKeys {
    /// A 1.0.x session.
    pub fn v1_0(nwk_s_key: &NwkSKey, app_s_key: AppSKey) -> Self {
        let nwk_s_key = *nwk_s_key.as_bytes();
        Self {
            scheme: Scheme::V1_0,
            f_nwk_s_int_key: FNwkSIntKey::from_bytes(nwk_s_key),
            s_nwk_s_int_key: SNwkSIntKey::from_bytes(nwk_s_key),
            nwk_s_enc_key: NwkSEncKey::from_bytes(nwk_s_key),
            app_s_key,
        }
    }

    /// The NwkSKey of a 1.0.x session; `None` in 1.1, where it is three keys.
    pub fn nwk_s_key(&self) -> Option<NwkSKey> {
        match self.scheme {
            Scheme::V1_0 => Some(NwkSKey::from_bytes(*self.f_nwk_s_int_key.as_bytes())),
            Scheme::V1_1 | Scheme::V1_1FirstText => None,
        }
    }

    /// Expands the keys.
    pub fn schedules(&self) -> SessionSchedules {
        SessionSchedules::from(self)
    }
}

/// A session's keys, expanded: about 700 bytes that save most of a frame's cost. Keep them in a
/// bounded cache.
#[derive(Debug, Clone)]
pub struct SessionSchedules {
    pub(crate) scheme: Scheme,
    pub(crate) f_nwk_s_int: MicSchedule,
    /// Only where it is another key than `f_nwk_s_int`.
    pub(crate) s_nwk_s_int: Option<MicSchedule>,
    pub(crate) nwk_s_enc: Aes128Schedule,
    pub(crate) app_s: Aes128Schedule,
}

impl SessionSchedules {
    /// Which rules protect the frames.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The key that FRMPayload on this port is encrypted with (LoRaWAN 1.1 §4.3.3). What a relay
    /// forwards is the network's, too (TS011).
    pub(crate) const fn payload_key(&self, f_port: u8) -> &Aes128Schedule {
        match f_port {
            0 | RELAY_F_PORT => &self.nwk_s_enc,
            _ => &self.app_s,
        }
    }

    /// The key of a downlink's MIC (LoRaWAN 1.1 §4.4.1).
    pub(crate) fn downlink_mic(&self) -> &MicSchedule {
        self.s_nwk_s_int.as_ref().unwrap_or(&self.f_nwk_s_int)
    }
}

impl From<&SessionKeys> for SessionSchedules {
    fn from(keys: &SessionKeys) -> Self {
        Self {
            scheme: keys.scheme,
            f_nwk_s_int: MicSchedule::from(&keys.f_nwk_s_int_key),
            s_nwk_s_int: keys.scheme.is_1_1().then(|| MicSchedule::from(&keys.s_nwk_s_int_key)),
            nwk_s_enc: Aes128Schedule::from(&keys.nwk_s_enc_key),
            app_s: Aes128Schedule::from(&keys.app_s_key),
        }
    }
}

/// What the MIC of a 1.1 uplink covers besides its bytes (LoRaWAN 1.1 §4.4.2). 1.0.x ignores it.
///
/// Data rate and channel are the *device's* indices, so a frame must be matched to the channel
/// plan before its MIC can be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Uplink11Ctx {
    /// The low half of the counter of the downlink that is acknowledged. Ignored without ACK.
    pub conf_f_cnt: u16,
    /// The data rate of the uplink.
    pub tx_dr: DataRateIndex,
    /// The index of the uplink's channel.
    pub tx_ch: u8,
}

impl Default for Uplink11Ctx {
    fn default() -> Self {
        Self { conf_f_cnt: 0, tx_dr: DataRateIndex::DR0, tx_ch: 0 }
    }
}
