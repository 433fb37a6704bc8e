//! What devices of one make have in common, as people write it.

use std::sync::{Arc, OnceLock};

use lns_core::Profile;
use serde::{Deserialize, Serialize};

use crate::store::Table;

use super::kept::Kept;
use super::shelf::Shelf;
use super::{Fingerprint, Id, Kind, Registry, RegistryError, Tags, WirelessDevice, adr, describe};

/// A device profile: AWS's fields and ours. A field that was not given is `None` and means the
/// default that `docs/HTTP.md` names. Frequencies are in Hz.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeviceProfile {
    /// Its id.
    pub id: Id,
    /// A name for people.
    pub name: Option<String>,
    /// The region, by name (`EU868`); `None`: the server's.
    pub region: Option<String>,
    /// The LoRaWAN version, as text (`1.0.3`); `None`: 1.0.3.
    pub mac_version: Option<String>,
    /// The revision of the regional parameters, as text (`RP002-1.0.1`, `A`).
    pub reg_params_revision: Option<String>,
    /// Whether devices join over the air; `None`: as each device's keys say.
    pub supports_join: Option<bool>,
    /// Whether devices count in 32 bits; `None`: they do.
    pub supports_32_bit_f_cnt: Option<bool>,
    /// RxDelay in s, 0 to 15, 0 meaning 1; `None`: chosen at each join.
    pub rx_delay: Option<u32>,
    /// RX1DROffset, 0 to 7.
    pub rx1_dr_offset: Option<u32>,
    /// Data rate of RX2, 0 to 15.
    pub rx2_data_rate: Option<u32>,
    /// Frequency of RX2.
    pub rx2_frequency: Option<u32>,
    /// Extra channels that a personalized device knows from the factory.
    pub factory_channels: Option<Vec<u32>>,
    /// dBm EIRP the device can radiate: told in regions that have TXParamSetupReq.
    pub max_eirp: Option<u32>,
    /// The duty cycle that devices are told, in percent; 0 or 100: no limit.
    pub max_duty_cycle: Option<u32>,
    /// Whether devices can be in class B; `None`: they cannot.
    pub supports_class_b: Option<bool>,
    /// How long an acknowledgement may take in class B, in s; 0 or `None`: 8.
    pub class_b_timeout: Option<u32>,
    /// From one ping slot to the next, in slots of 30 ms; `None`: 4,096.
    pub ping_slot_period: Option<u32>,
    /// Data rate, 0 to 15.
    pub ping_slot_dr: Option<u32>,
    /// Frequency of ping slots.
    pub ping_slot_frequency: Option<u32>,
    /// Whether devices listen all the time; `None`: they do not.
    pub supports_class_c: Option<bool>,
    /// How long an acknowledgement may take in class C, in s; 0 or `None`: 8.
    pub class_c_timeout: Option<u32>,
    /// Between two downlinks in class B or C, at least, in ms; `None`: 1,000.
    pub downlink_interval_ms: Option<u32>,
    /// Whether uplinks are limited to 400 ms, in regions that have TXParamSetupReq.
    pub uplink_dwell_time: Option<bool>,
    /// Whether downlinks are; the same.
    pub downlink_dwell_time: Option<bool>,
    /// n for ADR_ACK_LIMIT = 2ⁿ, of devices of 1.1; with the next.
    pub adr_ack_limit_exp: Option<u32>,
    /// n for ADR_ACK_DELAY = 2ⁿ.
    pub adr_ack_delay_exp: Option<u32>,
    /// n for a rejoin of 1.1 devices at least every 2ⁿ⁺¹⁰ s; with the next.
    pub rejoin_max_time_n: Option<u32>,
    /// n for one at least every 2ⁿ⁺⁴ uplinks.
    pub rejoin_max_count_n: Option<u32>,
    /// Where beacons are; 0 or `None`: where the region has them.
    pub beacon_frequency: Option<u32>,
    /// The payload codec, by name; `None`: bytes stay bytes.
    pub codec: Option<String>,
    /// How DevNonce is judged: `by_version`, `random`, `counting`, `unchecked`.
    pub dev_nonce: Option<String>,
    /// What is done when an ABP device counts from the start again: `refuse`, `accept`.
    pub f_cnt_reset: Option<String>,
    /// What devices and the shadows of their things have to do with each other: one of
    /// [`ShadowMode::WORDS`]; `None`: `on`.
    pub shadow: Option<String>,
    /// How often a confirmed downlink is sent, 1 to 15; `None`: 3.
    pub confirmed_attempts: Option<u32>,
    /// How long a reply is held for the application's, ms; `None`: 0.
    pub reply_window_ms: Option<u32>,
    /// How often the device is asked for its battery, in s; 0 or `None`: never.
    pub dev_status_interval_s: Option<u32>,
    /// Sub-band of a fixed channel plan, 1 to 8; `None`: the network's.
    pub sub_band: Option<u32>,
    /// Whether 1.1 devices are answered as by a 1.0.x network; `None`: in 1.1.
    pub answer_as_1_0: Option<bool>,
    /// Whether 1.1 devices encrypt FOpts by the first published text; `None`: by its errata.
    pub f_opts_first_text: Option<bool>,
    /// Who chooses data rate, power and NbTrans: `dynamic`, `static`, `off`; `None`: `dynamic`.
    pub adr_mode: Option<String>,
    /// By which algorithm; `None`: `standard`.
    pub adr_algorithm: Option<String>,
    /// What ADR leaves a link to spare, dB; `None`: 10.
    pub adr_margin_db: Option<u32>,
    /// With `static`: the data rate.
    pub adr_data_rate: Option<u32>,
    /// With `static`: the TXPower index; `None`: 0, full power.
    pub adr_tx_power_index: Option<u32>,
    /// With `static`: NbTrans; `None`: 1.
    pub adr_nb_trans: Option<u32>,
    /// How often devices send, in s; 0 or `None`: it is learned from each.
    pub uplink_interval_s: Option<u32>,
    /// After how many intervals without an uplink a device is silent; `None`: 3.
    pub silent_after_intervals: Option<u32>,
    /// Tags, without `lns:codec`, which is [`codec`](Self::codec).
    pub tags: Tags,
    /// The request that made it.
    pub made_by: Option<Fingerprint>,
    /// The same for the decisions, made once and shared by all devices.
    #[serde(skip)]
    pub(super) decided: Decided,
}

/// What a device and the shadow of its thing have to do with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShadowMode {
    /// Uplinks are reported, and desired states become downlinks.
    On,
    /// Uplinks are reported.
    Reported,
    /// Nothing.
    Off,
}

impl ShadowMode {
    /// As profiles say it.
    pub const WORDS: [&str; 3] = ["on", "reported", "off"];

    /// What a profile's word means; what is not said means that a device that somebody has
    /// associated with a thing is to be its thing's.
    pub fn of(word: Option<&str>) -> Self {
        match word {
            Some("off") => ShadowMode::Off,
            Some("reported") => ShadowMode::Reported,
            Some(_) | None => ShadowMode::On,
        }
    }
}

impl DeviceProfile {
    /// How DevNonce may be judged.
    pub const DEV_NONCE: [&str; 4] = ["by_version", "random", "counting", "unchecked"];

    /// What may be done when an ABP device counts from the start again.
    pub const F_CNT_RESET: [&str; 2] = ["refuse", "accept"];

    /// A profile of defaults.
    pub fn new(id: Id, made_by: Option<Fingerprint>) -> Self {
        Self { id, made_by, ..Self::default() }
    }
}

/// What was worked out of a profile. A copy, which is about to change, starts without it.
#[derive(Debug, Default)]
pub(super) struct Decided(pub(super) OnceLock<Arc<Profile>>);

impl Clone for Decided {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// It follows from the fields that are compared.
impl PartialEq for Decided {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Kept for DeviceProfile {
    type Key = Id;
    const KIND: Kind = Kind::DeviceProfile;
    const TABLE: Table = Table::Profiles;
    const LIMIT: usize = 10_000;

    fn key(&self) -> Id {
        self.id
    }

    fn stored_at(&self) -> Vec<u8> {
        self.id.as_bytes().to_vec()
    }

    fn made_by(&self) -> Option<Fingerprint> {
        self.made_by
    }

    fn check(&self, registry: &Registry) -> Result<(), RegistryError> {
        let decided = describe::profile(self, registry.defaults())?;
        adr::policy(self, None, &decided)?;
        if let Some(codec) = &self.codec {
            registry.require_codec(codec)?;
        }
        // A device whose keys no longer suit its profile could never be heard again.
        let mut misfit = Ok(());
        registry.walk(None, &mut |device: &Arc<WirelessDevice>| {
            if device.device_profile_id == self.id {
                misfit = describe::fits(&device.activation, self);
            }
            misfit.is_ok()
        });
        misfit
    }

    fn user(&self, registry: &Registry) -> Option<(Kind, String)> {
        let device =
            registry.first(|device: &WirelessDevice| device.device_profile_id == self.id)?;
        Some((Kind::WirelessDevice, device.id.to_string()))
    }

    fn shelf(registry: &Registry) -> &Shelf<Self> {
        &registry.device_profiles
    }
}
