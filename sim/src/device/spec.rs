//! What a device is before it is switched on.

use lns_lorawan::{
    AppKey, AppSKey, DataRateIndex, DevAddr, DevEui, DevNonce, Frequency, JoinEui, MacVersion,
    NwkKey, NwkSKey, RegParamsRevision, Region, SessionKeys, TimeDelta, Timestamp,
};

use super::mac::Dwell;
use super::plan::{self, Antenna, Plan};
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
    /// Over the air, 1.1, on a network of 1.1 or of 1.0.x. Its nonces count.
    Otaa11 {
        /// Who holds the root keys.
        join_eui: JoinEui,
        /// Root of the network keys; on a network of 1.0.x, of all keys.
        nwk_key: NwkKey,
        /// Root of the application key.
        app_key: AppKey,
        /// Of the first Join-Request.
        dev_nonce: DevNonce,
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
    /// By personalization, 1.1.
    Abp11 {
        /// The address.
        dev_addr: DevAddr,
        /// All four keys.
        keys: SessionKeys,
    },
}

/// When a device listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Class {
    /// After each uplink.
    #[default]
    A,
    /// In ping slots too, once it has the time and a beacon.
    B {
        /// n for 2⁷⁻ⁿ slots in a beacon period, 0 to 7.
        periodicity: u8,
    },
    /// Always, with the parameters of RX2.
    C,
}

/// A multicast group that a device belongs to. TS001-1.0.4, chapters on multicast in class B and C.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The group's address.
    pub mc_addr: DevAddr,
    /// Its network key.
    pub mc_nwk_s_key: NwkSKey,
    /// Its application key.
    pub mc_app_s_key: AppSKey,
    /// Where the device listens for it: frequency and data rate; `None` as for itself (RXC, or its
    /// ping slots' frequency).
    pub place: Option<(Frequency, u8)>,
    /// Class B: n for 2⁷⁻ⁿ slots in a beacon period.
    pub periodicity: u8,
}

/// A device.
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
    /// Which edition of the regional parameters it was built to.
    pub reg_params: RegParamsRevision,
    /// CN470 from RP002 on: whose join channels it uses.
    pub antenna: Antenna,
    /// US915, AU915: the sub-band it is restricted to from the start, 1 to 8; `None` for all channels.
    pub sub_band: Option<u8>,
    /// Dwell times that it takes for granted; `None` for those of its region and edition.
    pub dwell: Option<Dwell>,
    /// What it was built to, 1.0.0 to 1.1.
    pub mac_version: MacVersion,
    /// When it listens.
    pub class: Class,
    /// Multicast groups that it belongs to; a device has four at most.
    pub groups: Vec<Group>,
    /// FCntUp of a session's first uplink: 0, or 1 as Semtech's reference device has it.
    pub first_f_cnt_up: u32,
    /// The network may set data rate, power and repetitions.
    pub adr: bool,
    /// The data rate to begin with; also of Join-Requests in dynamic plans.
    pub data_rate: DataRateIndex,
    /// When it is switched on: its first Join-Request, or an ABP device's first uplink.
    pub switched_on: Timestamp,
    /// From one uplink to the next.
    pub interval: TimeDelta,
    /// What it sends.
    pub payload: Payload,
    /// The share of uplinks that are confirmed, 0 to 1.
    pub confirmed_share: f64,
    /// How often a confirmed uplink is sent at most until 1.0.3: 8 in the reference device. From
    /// 1.0.4 on NbTrans counts for both kinds.
    pub confirmed_attempts: u8,
    /// Answers a confirmed downlink at once with an empty uplink, not with the next regular one.
    pub prompt_ack: bool,
    /// Sends at once when the network says that more is waiting.
    pub follow_f_pending: bool,
    /// Obeys the regulator's limits on its share of time. (DutyCycleReq it obeys in any case.)
    pub keeps_duty_cycle: bool,
    /// Answers a block of LinkADRReq once, as LoRaWAN 1.1 has it, not each of them.
    pub single_link_adr_ans: bool,
    /// 1.1: can keep the time limit of RejoinParamSetupReq, next to the count.
    pub keeps_rejoin_time: bool,
    /// 1.1: an acknowledgement names the last downlink, as Semtech's reference device has it, and not
    /// the downlink that it acknowledges.
    pub acks_last_downlink: bool,
    /// How much a frame may be off its window: what the receiver's margin is made for.
    pub timing_error: TimeDelta,
    /// The least time from a Join-Request without answer to the next; up to half as much is added
    /// at random.
    pub join_retry: TimeDelta,
    /// What DevStatusAns says: battery and margin.
    pub status: (u8, i8),
    /// Obeys the test protocol on FPort 224.
    pub certifiable: bool,
    /// Bad habits.
    pub mischief: Mischief,
}

impl DeviceSpec {
    /// An OTAA device of 1.0.3 with a temperature sensor in EU868, one uplink a minute.
    pub fn otaa(name: &str, dev_eui: DevEui, join_eui: JoinEui, app_key: AppKey) -> Self {
        let dev_nonces = DevNonces::Random;
        Self::new(name, dev_eui, Activation::Otaa { join_eui, app_key, dev_nonces })
    }

    /// The same of 1.1, with two root keys.
    pub fn otaa11(
        name: &str,
        dev_eui: DevEui,
        join_eui: JoinEui,
        (nwk_key, app_key): (NwkKey, AppKey),
    ) -> Self {
        let dev_nonce = DevNonce(0);
        let activation = Activation::Otaa11 { join_eui, nwk_key, app_key, dev_nonce };
        Self { mac_version: MacVersion::V1_1_0, ..Self::new(name, dev_eui, activation) }
    }

    /// An ABP device of 1.0.3 with a temperature sensor in EU868, one uplink a minute.
    pub fn abp(name: &str, dev_eui: DevEui, (dev_addr, nwk_s_key, app_s_key): AbpSession) -> Self {
        Self::new(name, dev_eui, Activation::Abp { dev_addr, nwk_s_key, app_s_key })
    }

    /// The same of 1.1, with four keys.
    pub fn abp11(name: &str, dev_eui: DevEui, (dev_addr, keys): (DevAddr, SessionKeys)) -> Self {
        let activation = Activation::Abp11 { dev_addr, keys };
        Self { mac_version: MacVersion::V1_1_0, ..Self::new(name, dev_eui, activation) }
    }

    fn new(name: &str, dev_eui: DevEui, activation: Activation) -> Self {
        Self {
            name: name.into(),
            dev_eui,
            activation,
            region: Region::Eu868,
            reg_params: RegParamsRevision::Rp002_1_0_5,
            antenna: Antenna::default(),
            sub_band: None,
            dwell: None,
            mac_version: MacVersion::V1_0_3,
            class: Class::A,
            groups: Vec::new(),
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
            keeps_duty_cycle: false,
            single_link_adr_ans: false,
            keeps_rejoin_time: true,
            acks_last_downlink: false,
            timing_error: TimeDelta::from_millis(3),
            join_retry: TimeDelta::from_secs(10),
            status: (254, 10),
            certifiable: false,
            mischief: Mischief::default(),
        }
    }

    /// The same device in US915, on a sub-band, at DR3.
    pub fn us915(self, sub_band: Option<u8>) -> Self {
        Self { sub_band, ..self.in_region(Region::Us915) }
    }

    /// The same device elsewhere, at the region's fastest data rate of 125 kHz (812 kHz at 2.4 GHz).
    pub fn in_region(mut self, region: Region) -> Self {
        self.region = region;
        self.data_rate = DataRateIndex::from_low_bits(match region {
            Region::Us915 => 3,
            Region::Eu868
            | Region::Au915
            | Region::As923_1
            | Region::As923_2
            | Region::As923_3
            | Region::As923_4
            | Region::Eu433
            | Region::Cn470
            | Region::Cn779
            | Region::Ru864
            | Region::Kr920
            | Region::In865
            | Region::Ism2400 => 5,
        });
        self
    }

    /// What it knows of its region.
    pub fn plan(&self) -> &'static Plan {
        plan::of(self.region, self.reg_params, self.antenna)
    }
}

/// DevAddr, NwkSKey, AppSKey.
pub type AbpSession = (DevAddr, NwkSKey, AppSKey);
