//! What an administrator says of devices: a profile for many, a description for one.

use std::sync::Arc;

use lns_lorawan::region::Cn470JoinChannel;
use lns_lorawan::{
    AppKey, AppSKey, DataRateIndex, Dbm, DevAddr, DevEui, Direction, FCntUp, Frequency, JoinEui,
    MacVersion, Modulation, NwkKey, RegParamsRevision, Region, RegionTables, RxDelay, Scheme,
    SessionKeys, TimeDelta,
};
use serde::{Deserialize, Serialize};

use crate::adr::Policy;
use crate::class::b::{DEFAULT_PERIODICITY, Periodicity};
use crate::session::{AdrAck, RejoinPeriod};

/// How the DevNonce of a Join-Request is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DevNoncePolicy {
    /// As the MAC version says: random up to 1.0.3, a counter from 1.0.4 on (TS001-1.0.4 §6.2.5).
    ByVersion,
    /// Drawn at random; one of the last 1,024 is refused.
    Random,
    /// Counts up; one that is not above the last is refused.
    Counting,
    /// Not checked: for devices that forget it or are stuck on one value. A replayed Join-Request
    /// then costs a pending session, which changes nothing until the device itself uses it.
    Unchecked,
}

/// What is done when a personalized device counts from the start again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum FCntResetPolicy {
    /// Its frames are refused and people are told, until somebody allows it once.
    #[default]
    Refuse,
    /// It is taken at its word, as soon as it can be told from a replay of frames that we remember.
    ///
    /// The risks: the device uses its keystream again, so that who recorded both frames can compare
    /// their contents; and who has a recording that we do not remember can have it accepted once.
    Accept,
}

/// What devices of one make have in common.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// The region whose tables, plan and gateways serve these devices.
    pub region: Region,
    /// The LoRaWAN version that the device implements.
    pub mac_version: MacVersion,
    /// The revision of the regional parameters that the device implements.
    pub reg_params: RegParamsRevision,
    /// Whether the device joins over the air; else it is activated by personalization.
    pub supports_join: bool,
    /// RxDelay to give at a join, or that an ABP device has; `None`: chosen by the serving
    /// gateway's round trip (1 s or 5 s) for OTAA, 1 s for ABP.
    pub rx_delay: Option<RxDelay>,
    /// RX1DROffset to give at a join, or that an ABP device has.
    pub rx1_dr_offset: u8,
    /// RX2 data rate; `None`: the region's default.
    pub rx2_data_rate: Option<DataRateIndex>,
    /// RX2 frequency: an ABP device has it from the factory, another is told. `None`: the region's
    /// default.
    pub rx2_frequency: Option<Frequency>,
    /// Extra uplink channels that an ABP device knows from the factory.
    pub factory_channels: Vec<Frequency>,
    /// n for the most that devices may send: 1/2ⁿ of the time; 0: no limit.
    pub max_duty_cycle: u8,
    /// The most that devices can radiate; `None`: what the region allows.
    pub max_eirp: Option<Dbm>,
    /// Whether uplinks are limited to 400 ms; `None`: as the region starts, and limited where nobody
    /// can know.
    pub uplink_dwell_time: Option<bool>,
    /// Whether downlinks are limited to 400 ms; the same.
    pub downlink_dwell_time: Option<bool>,
    /// When devices of 1.1 doubt that they are heard; `None`: as the standard has it.
    pub adr_ack: Option<AdrAck>,
    /// How often joined devices of 1.1 rejoin by themselves; `None`: as they like.
    pub rejoin: Option<RejoinPeriod>,
    /// Where ping slots are; `None`: where the region has them.
    pub ping_slot_frequency: Option<Frequency>,
    /// How fast they are; `None`: as the region has them.
    pub ping_slot_data_rate: Option<DataRateIndex>,
    /// Where beacons are; `None`: where the region has them.
    pub beacon_frequency: Option<Frequency>,
    /// Sub-band (1 to 8) of a fixed plan; `None`: the network's.
    pub sub_band: Option<u8>,
    /// How DevNonce is judged.
    pub dev_nonce: DevNoncePolicy,
    /// How often a confirmed downlink is sent before it has failed; at least 1.
    pub confirmed_attempts: u8,
    /// How long an occasion that has something to say is held for an application's answer, ms.
    pub reply_window_ms: u32,
    /// How often DevStatusReq is asked; `None`: never.
    pub dev_status_interval: Option<TimeDelta>,
    /// The device counts in 16 bits only and computes its MIC with the upper half zero.
    pub f_cnt_16_bit: bool,
    /// What is done when an ABP device counts from the start again.
    pub f_cnt_reset: FCntResetPolicy,
    /// The device can be in class B.
    pub supports_class_b: bool,
    /// How often it has ping slots, until it says so itself.
    pub ping_slot_periodicity: Periodicity,
    /// How long it may take to acknowledge a class B downlink, for each transmission of its uplink.
    pub class_b_timeout: TimeDelta,
    /// The device is in class C, or in LoRaWAN 1.1 can be.
    pub supports_class_c: bool,
    /// How long it may take to acknowledge a class C downlink, for each transmission of its uplink.
    pub class_c_timeout: TimeDelta,
    /// A 1.1 device that is answered as by a 1.0.x network (OptNeg unset): it reverts to 1.0.4.
    pub answer_as_1_0: bool,
    /// A 1.1 device that encrypts FOpts as the standard was first published, before its errata.
    pub f_opts_first_text: bool,
    /// From the end of one downlink in class B or C to the start of the next, at least.
    pub unprompted_interval: TimeDelta,
}

/// CLASS_B_RESP_TIMEOUT and CLASS_C_RESP_TIMEOUT unless the device is known to differ (TS001-1.0.4
/// §9.3.1 and §15).
const RESPONSE_TIMEOUT: TimeDelta = TimeDelta::from_secs(8);

/// Time for a device to deal with a downlink, and for its answer to be heard.
const UNPROMPTED_INTERVAL: TimeDelta = TimeDelta::from_secs(1);

impl Profile {
    /// The region's tables as the device's edition of the regional parameters has them, before it
    /// has joined.
    pub fn tables(&self) -> &'static RegionTables {
        self.tables_after(None)
    }

    /// Which uplink data rate a modulation is to the device.
    pub fn uplink_data_rate(&self, modulation: Modulation) -> Option<DataRateIndex> {
        self.tables().data_rate_index(Direction::Up, modulation)
    }

    /// The tables in a session that began on this join channel, which matters in CN470.
    pub fn tables_after(&self, joined_on: Option<Cn470JoinChannel>) -> &'static RegionTables {
        self.region.tables_for(self.reg_params, joined_on)
    }

    /// A profile with the field's defaults for a region and version.
    pub fn new(region: Region, mac_version: MacVersion, reg_params: RegParamsRevision) -> Self {
        Profile {
            region,
            mac_version,
            reg_params,
            supports_join: true,
            rx_delay: None,
            rx1_dr_offset: 0,
            rx2_data_rate: None,
            rx2_frequency: None,
            factory_channels: Vec::new(),
            max_duty_cycle: 0,
            max_eirp: None,
            uplink_dwell_time: None,
            downlink_dwell_time: None,
            adr_ack: None,
            rejoin: None,
            ping_slot_frequency: None,
            ping_slot_data_rate: None,
            beacon_frequency: None,
            sub_band: None,
            dev_nonce: DevNoncePolicy::ByVersion,
            confirmed_attempts: 3,
            reply_window_ms: 0,
            dev_status_interval: None,
            f_cnt_16_bit: false,
            f_cnt_reset: FCntResetPolicy::Refuse,
            supports_class_b: false,
            ping_slot_periodicity: DEFAULT_PERIODICITY,
            class_b_timeout: RESPONSE_TIMEOUT,
            supports_class_c: false,
            class_c_timeout: RESPONSE_TIMEOUT,
            answer_as_1_0: false,
            f_opts_first_text: false,
            unprompted_interval: UNPROMPTED_INTERVAL,
        }
    }

    /// How a 1.1 session of these devices is protected.
    pub fn scheme_1_1(&self) -> Scheme {
        if self.f_opts_first_text { Scheme::V1_1FirstText } else { Scheme::V1_1 }
    }
}

/// How a device comes by its session, with the secrets that takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Activation {
    /// Over the air, LoRaWAN 1.0.x: one root key.
    Otaa10 {
        /// Whom the device asks to join; `None`: any.
        join_eui: Option<JoinEui>,
        /// The root key.
        app_key: AppKey,
    },
    /// Over the air, LoRaWAN 1.1: two root keys.
    Otaa11 {
        /// Whom the device asks to join; `None`: any.
        join_eui: Option<JoinEui>,
        /// Root of the network keys.
        nwk_key: NwkKey,
        /// Root of the application key.
        app_key: AppKey,
    },
    /// By personalization: the session is written at the factory.
    Abp {
        /// The address.
        dev_addr: DevAddr,
        /// The session keys; for 1.0.x all three network keys are NwkSKey.
        keys: SessionKeys,
        /// The lowest FCntUp to accept first.
        f_cnt_start: FCntUp,
    },
}

impl Activation {
    /// Whether the device joins; else it is activated by personalization.
    pub fn joins(&self) -> bool {
        match self {
            Activation::Otaa10 { .. } | Activation::Otaa11 { .. } => true,
            Activation::Abp { .. } => false,
        }
    }

    /// Whom the device asks to join; `None` where that is not known.
    pub fn join_eui(&self) -> Option<JoinEui> {
        match self {
            Activation::Otaa10 { join_eui, .. } | Activation::Otaa11 { join_eui, .. } => *join_eui,
            Activation::Abp { .. } => None,
        }
    }
}

/// What an administrator says of one device: the cold half, shared and never changed in place.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// The device.
    pub dev_eui: DevEui,
    /// Its name for people; empty when it has none.
    pub name: String,
    /// How it is activated.
    pub activation: Activation,
    /// Its make.
    pub profile: Arc<Profile>,
    /// What is wanted of ADR.
    pub adr: Policy,
}

impl Description {
    /// The AppSKey that an ABP description carries.
    pub fn abp_app_s_key(&self) -> Option<&AppSKey> {
        match &self.activation {
            Activation::Abp { keys, .. } => Some(&keys.app_s_key),
            Activation::Otaa10 { .. } | Activation::Otaa11 { .. } => None,
        }
    }
}
