//! What a device is before it is switched on.

use lns_lorawan::{
    AppKey, AppSKey, DataRateIndex, DevAddr, DevEui, DevNonce, JoinEui, MacVersion, NwkSKey,
    Region, TimeDelta, Timestamp,
};

use super::{Mischief, Payload};

/// How DevNonces are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DevNonces {
    /// At random: until 1.0.3.
    Random,
    /// Counting from this: from 1.0.4. Semtech's reference device starts at 1.
    Counting(DevNonce),
}

/// How a device comes by a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Activation {
    /// Over the air, 1.0.x.
    Otaa {
        /// Who holds the root key.
        join_eui: JoinEui,
        /// The root key.
        app_key: AppKey,
        /// The nonces.
        dev_nonces: DevNonces,
    },
    /// By personalization, 1.0.x.
    Abp {
        /// The address.
        dev_addr: DevAddr,
        /// The network's key.
        nwk_s_key: NwkSKey,
        /// The application's key.
        app_s_key: AppSKey,
    },
}

/// A device, class A, LoRaWAN 1.0.x.
#[derive(Debug, Clone)]
pub struct DeviceSpec {
    /// For people.
    pub name: String,
    /// Who it is.
    pub dev_eui: DevEui,
    /// How it comes by a session.
    pub activation: Activation,
    /// Where it is.
    pub region: Region,
    /// US915: the sub-band it is restricted to from the start, 1 to 8; `None` for all channels.
    pub sub_band: Option<u8>,
    /// What it was built to, 1.0.0 to 1.0.4.
    pub mac_version: MacVersion,
    /// FCntUp of a session's first uplink: 0, or 1 as Semtech's reference device has it.
    pub first_f_cnt_up: u32,
    /// The network may set data rate, power and repetitions.
    pub adr: bool,
    /// The data rate to begin with; also of Join-Requests in EU868.
    pub data_rate: DataRateIndex,
    /// When it is switched on: its first Join-Request, or an ABP device's first uplink.
    pub switched_on: Timestamp,
    /// From one uplink to the next.
    pub interval: TimeDelta,
    /// What it sends.
    pub payload: Payload,
    /// The share of uplinks that are confirmed, 0 to 1.
    pub confirmed_share: f64,
    /// How often a confirmed uplink is sent at most: 8 in the reference device.
    pub confirmed_attempts: u8,
    /// Answers a confirmed downlink at once with an empty uplink, not with the next regular one.
    pub prompt_ack: bool,
    /// Sends at once when the network says that more is waiting.
    pub follow_f_pending: bool,
    /// How much a frame may be off its window: what the receiver's margin is made for.
    pub timing_error: TimeDelta,
    /// The least time from a Join-Request without answer to the next; up to half as much is added
    /// at random.
    pub join_retry: TimeDelta,
    /// What DevStatusAns says: battery and margin.
    pub status: (u8, i8),
    /// Bad habits.
    pub mischief: Mischief,
}

impl DeviceSpec {
    /// An OTAA device of 1.0.3 with a temperature sensor in EU868, one uplink a minute.
    pub fn otaa(name: &str, dev_eui: DevEui, join_eui: JoinEui, app_key: AppKey) -> Self {
        let dev_nonces = DevNonces::Random;
        Self::new(name, dev_eui, Activation::Otaa { join_eui, app_key, dev_nonces })
    }

    /// An ABP device of 1.0.3 with a temperature sensor in EU868, one uplink a minute.
    pub fn abp(name: &str, dev_eui: DevEui, (dev_addr, nwk_s_key, app_s_key): AbpSession) -> Self {
        Self::new(name, dev_eui, Activation::Abp { dev_addr, nwk_s_key, app_s_key })
    }

    fn new(name: &str, dev_eui: DevEui, activation: Activation) -> Self {
        Self {
            name: name.into(),
            dev_eui,
            activation,
            region: Region::Eu868,
            sub_band: None,
            mac_version: MacVersion::V1_0_3,
            first_f_cnt_up: 0,
            adr: true,
            data_rate: DataRateIndex::from_low_bits(5),
            switched_on: Timestamp::default(),
            interval: TimeDelta::from_secs(60),
            payload: Payload::default(),
            confirmed_share: 0.0,
            confirmed_attempts: 8,
            prompt_ack: false,
            follow_f_pending: true,
            timing_error: TimeDelta::from_millis(3),
            join_retry: TimeDelta::from_secs(10),
            status: (254, 10),
            mischief: Mischief::default(),
        }
    }

    /// The same device in US915, on a sub-band, at DR3.
    pub fn us915(mut self, sub_band: Option<u8>) -> Self {
        self.region = Region::Us915;
        self.sub_band = sub_band;
        self.data_rate = DataRateIndex::from_low_bits(3);
        self
    }
}

/// DevAddr, NwkSKey, AppSKey.
pub type AbpSession = (DevAddr, NwkSKey, AppSKey);
