//! What the network has set in a device, and how the device answers MAC commands. TS001-1.0.4 §5 and
//! §12, LoRaWAN 1.1 §5 and §14.

mod answers;
mod back_off;
mod commands;
mod link_adr;

use lns_lorawan::mac::{AdrParamSetupReq, RejoinParamSetupReq};
use lns_lorawan::{Dbm, Frequency, MacVersion, RegParamsRevision};

pub(super) use answers::Answers;

use super::channels::Channels;
use super::plan::{self, Dwelling, Home, Place, Plan, Rate, Rates};
use super::{Class, DeviceSpec};

/// Frames that last at most 400 ms?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dwell {
    /// Uplinks.
    pub up: bool,
    /// Downlinks.
    pub down: bool,
}

/// Ping slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PingSlot {
    /// n for 2⁷⁻ⁿ slots in a beacon period; it is the device that chooses it.
    pub periodicity: u8,
    /// `None` for the region's default, which may hop.
    pub frequency: Option<Frequency>,
    /// The data rate's index.
    pub data_rate: u8,
}

/// What the network may change: the truth that a server's ledger has to agree with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MacState {
    /// The region's rules, as the device knows them.
    pub plan: &'static Plan,
    /// The edition of the rules that the device was built to.
    pub revision: RegParamsRevision,
    /// What it speaks: a 1.1 device on a network of 1.0.x speaks 1.0.4.
    pub version: MacVersion,
    /// Channels, and which are on.
    pub channels: Channels,
    /// Index of the uplink data rate.
    pub data_rate: u8,
    /// Index of the power.
    pub tx_power: u8,
    /// How often an uplink is sent.
    pub nb_trans: u8,
    /// RX1DROffset.
    pub rx1_dr_offset: u8,
    /// RX2: frequency and data-rate index.
    pub rx2: (Frequency, u8),
    /// Seconds from the end of an uplink to RX1.
    pub rx_delay: u8,
    /// n of a duty cycle of 1/2ⁿ.
    pub max_duty_cycle: u8,
    /// Dwell times, as at the start or as TXParamSetupReq has set them.
    pub dwell: Dwell,
    /// The greatest EIRP, once TXParamSetupReq has set one.
    pub max_eirp: Option<Dbm>,
    /// When a device that hears nothing begins to doubt: 2ⁿ for the limit and for the delay.
    pub adr_ack: AdrParamSetupReq,
    /// How often it shows itself, 1.1; `None` until the network wants it to.
    pub rejoin: Option<RejoinParamSetupReq>,
    /// Its ping slots, class B.
    pub ping_slot: PingSlot,
    /// Where it looks for beacons; `None` for the region's default, which may hop.
    pub beacon_frequency: Option<Frequency>,
    /// CN470 from RP002 on: what the join channel has decided.
    pub home: Option<&'static Home>,
    /// Uplinks since the last downlink.
    pub adr_ack_cnt: u32,
    pub(super) answers: Answers,
}

impl MacState {
    /// As after a reset.
    pub(super) fn new(spec: &DeviceSpec) -> Self {
        let plan = spec.plan();
        let mut state = Self {
            plan,
            revision: spec.reg_params,
            version: spec.mac_version,
            channels: Channels::new(plan, spec.sub_band),
            data_rate: spec.data_rate.value(),
            tx_power: 0,
            nb_trans: 1,
            rx1_dr_offset: 0,
            rx2: (Frequency::from_hz(plan.rx2.0), plan.rx2.1),
            rx_delay: 1,
            max_duty_cycle: 0,
            dwell: boot_dwell(spec, plan),
            max_eirp: None,
            adr_ack: AdrParamSetupReq { limit_exp: 6, delay_exp: 5 },
            rejoin: None,
            ping_slot: PingSlot {
                periodicity: match spec.class {
                    Class::B { periodicity } => periodicity.min(7),
                    Class::A | Class::C => 7,
                },
                frequency: None,
                data_rate: plan.class_b.data_rate,
            },
            beacon_frequency: None,
            home: None,
            adr_ack_cnt: 0,
            answers: Answers::default(),
        };
        state.keep_dwell_time();
        state
    }

    /// What an uplink data rate stands for, if the device may use it now.
    pub fn up(&self, data_rate: u8) -> Option<&'static Rate> {
        let rate = self.plan.up(data_rate, self.revision)?;
        (!self.dwell.up || rate.most_dwelling > 0).then_some(rate)
    }

    /// Bytes of MACPayload that fit an uplink of this data rate.
    pub fn max_mac_payload(&self, data_rate: u8) -> usize {
        self.up(data_rate).map_or(
            0,
            |rate| {
                if self.dwell.up { rate.most_dwelling } else { rate.most }
            },
        )
    }

    /// RX1's data rate after an uplink of this one.
    pub fn rx1_data_rate(&self, up: u8, offset: u8) -> u8 {
        let (dwell, revision) = (self.dwell.down, self.revision);
        (self.plan.rx1)(plan::Rx1 { up, offset, dwell, revision })
    }

    /// Where beacons are, unless the network has moved them.
    pub(super) fn beacon_place(&self) -> Place {
        self.home.map_or(self.plan.class_b.beacon, |home| home.beacon)
    }

    /// Where ping slots are, unless the network has moved them.
    pub(super) fn ping_place(&self) -> Place {
        self.home.map_or(self.plan.class_b.ping, |home| home.ping)
    }

    /// Is anything waiting to be answered?
    pub fn has_answers(&self) -> bool {
        !self.answers.is_empty()
    }

    /// The data rates that it may use now.
    pub(super) fn allowed(&self) -> Rates {
        let usable = self.plan.up.iter().filter(|rate| self.up(rate.index).is_some());
        Rates(usable.fold(0, |bits, rate| bits | 1 << rate.index))
    }

    /// A data rate that takes too long gives way to the slowest that does not.
    fn keep_dwell_time(&mut self) {
        if self.up(self.data_rate).is_none() {
            let slowest = u8::try_from(self.allowed().0.trailing_zeros());
            self.data_rate = slowest.unwrap_or(self.data_rate);
        }
    }
}

/// What a device takes for granted until TXParamSetupReq comes.
fn boot_dwell(spec: &DeviceSpec, plan: &Plan) -> Dwell {
    let by_the_book = match plan.dwell {
        Dwelling::Never => Dwell { up: false, down: false },
        Dwelling::Uplinks => Dwell { up: true, down: false },
        Dwelling::DownlinksUntil(revision) => Dwell { up: true, down: spec.reg_params < revision },
    };
    spec.dwell.unwrap_or(by_the_book)
}
