//! What a device knows of its region: channels, data rates, receive windows, powers, limits. Written
//! from RP002-1.0.5 and, where a device is older, from RP001; one file a region.
//!
//! On purpose these are not the server's tables: a mistake that both ends share would cancel itself.

mod as923;
mod au915;
mod cn470;
mod cn779;
mod eu433;
mod eu868;
mod in865;
mod ism2400;
mod kr920;
mod ru864;
mod rx1;
#[cfg(test)]
mod tests;
mod us915;

use lns_lorawan::Bandwidth::{Khz125, Khz250, Khz500};
use lns_lorawan::RegParamsRevision::{Rp001_1_0_2A, Rp001_1_0_2B, Rp001_1_1A};
use lns_lorawan::SpreadingFactor::{Sf5, Sf6, Sf7, Sf8, Sf9, Sf10, Sf11, Sf12};
use lns_lorawan::{Dbm, Frequency, Modulation, RegParamsRevision, Region};

pub use rx1::Rx1;

/// What a region means to a device.
#[derive(Debug)]
pub struct Plan {
    /// Where it may send.
    pub grid: Grid,
    /// What uplink data rates stand for, by rising index.
    pub up: &'static [Rate],
    /// What downlink data rates stand for.
    pub down: &'static [Rate],
    /// RX1's data rate.
    pub rx1: fn(Rx1) -> u8,
    /// The greatest RX1DROffset.
    pub max_rx1_dr_offset: u8,
    /// RX2 until the network changes it: Hz and data rate.
    pub rx2: (u32, u8),
    /// What a data rate backs off to, where that is not the next lower one.
    pub slower: &'static [(u8, u8)],
    /// TXPower 0 in hundredths of a dBm EIRP, from which revision on; newest last. Each index is 2 dB
    /// less.
    pub max_eirp: &'static [(RegParamsRevision, i16)],
    /// The greatest TXPower, from which revision on; newest last.
    pub max_tx_power: &'static [(RegParamsRevision, u8)],
    /// Where the regulator limits the share of time, and to what. Elsewhere it does not.
    pub bands: &'static [Band],
    /// Dwell times, which the network may set.
    pub dwell: Dwelling,
    /// The data rates of Join-Requests: slowest and fastest at 125 kHz.
    pub join_rates: (u8, u8),
    /// Where downlinks may be, Hz: first, last, step.
    pub downlinks: &'static [(u32, u32, u32)],
    /// Beacons and ping slots.
    pub class_b: ClassB,
    /// CN470 from RP002 on: what follows from the channel of the Join-Request.
    pub homes: &'static [Home],
}

/// Frames that last at most 400 ms, and whether devices know TXParamSetupReq.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dwelling {
    /// There is no such thing, and no such command.
    Never,
    /// Uplinks are short until the network says otherwise.
    Uplinks,
    /// Uplinks are; downlinks are for devices older than this, and not from it on.
    DownlinksUntil(RegParamsRevision),
}

impl Dwelling {
    /// Do devices know TXParamSetupReq?
    pub const fn can_be_set(self) -> bool {
        match self {
            Self::Never => false,
            Self::Uplinks | Self::DownlinksUntil(_) => true,
        }
    }
}

/// Where a device may send.
#[derive(Debug, Clone, Copy)]
pub enum Grid {
    /// A few channels that every device knows, and others that the network makes: sixteen in all.
    Dynamic {
        /// The default channels, Hz.
        defaults: &'static [u32],
        /// Where others can be, Hz: first, last.
        range: (u32, u32),
    },
    /// Channels in groups, all known.
    Fixed {
        /// By rising index.
        groups: &'static [Group],
        /// How LinkADRReq names them.
        masks: Masks,
    },
}

/// Channels of a fixed plan, evenly spaced, and the channels that answer them.
#[derive(Debug, Clone, Copy)]
pub struct Group {
    /// How many.
    pub count: u8,
    /// The first one, Hz, and the step to the next.
    pub up: (u32, u32),
    /// The data rates on them.
    pub rates: Rates,
    /// The first channel of RX1, Hz, the step to the next, and how many there are.
    pub down: (u32, u32, u8),
}

/// What ChMaskCntl means in a fixed plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Masks {
    /// 64 narrow channels and 8 wide ones: 0 to 4 are masks, 5 banks, 6 and 7 all narrow ones on and
    /// off, with a mask for the wide ones.
    SeventyTwo,
    /// CN470 until RP001: 0 to 5 are masks, 6 is all on.
    NinetySix,
    /// CN470, 20 MHz antennas: 0 to 3 are masks, 6 is all on, 7 all off.
    SixtyFour,
    /// CN470, 26 MHz antennas: 0 to 2 are masks, 3 is all on, 4 all off.
    FortyEight,
}

/// A set of data rates; bit 0 is DR0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates(pub u16);

impl Rates {
    /// From one to another.
    pub const fn span(low: u8, high: u8) -> Self {
        let mut bits = 0;
        let mut index = low;
        while index <= high && index < 16 {
            bits |= 1 << index;
            index += 1;
        }
        Self(bits)
    }

    /// In either.
    pub const fn and_also(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Is it one of them?
    pub const fn contains(self, data_rate: u8) -> bool {
        data_rate < 16 && self.0 >> data_rate & 1 == 1
    }
}

/// A data rate.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// Its index.
    pub index: u8,
    /// What it stands for.
    pub modulation: Modulation,
    /// Bytes of MACPayload, not behind a repeater.
    pub most: usize,
    /// The same where dwell times are limited; 0 where it must not be used then.
    pub most_dwelling: usize,
    /// The first revision that has it.
    pub since: RegParamsRevision,
}

impl Rate {
    const fn new(index: u8, modulation: Modulation, most: usize) -> Self {
        let since = RegParamsRevision::Rp001_1_0_2A;
        Self { index, modulation, most, most_dwelling: most, since }
    }

    const fn since(self, since: RegParamsRevision) -> Self {
        Self { since, ..self }
    }

    const fn dwelling(self, most_dwelling: usize) -> Self {
        Self { most_dwelling, ..self }
    }
}

/// A part of the band.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Band {
    /// Its edges, Hz; the upper one is not in it.
    pub edges: (u32, u32),
    /// One part in so many of the time may be used.
    pub one_in: i64,
}

/// Beacons and ping slots of a region.
#[derive(Debug, Clone, Copy)]
pub struct ClassB {
    /// Where beacons are.
    pub beacon: Place,
    /// Where ping slots are until the network moves them.
    pub ping: Place,
    /// Of both.
    pub data_rate: u8,
    /// What stands before Param and after GwSpecific, in bytes (TS001-1.0.4, chapter on class B beacons).
    pub rfu: (usize, usize),
}

/// A frequency that is always the same, or one that changes with each beacon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Always this, Hz.
    At(u32),
    /// One of eight: the first, Hz, and the step to the next.
    Hops(u32, u32),
}

impl Place {
    /// Of the beacon period that begins at this GPS second; `shift` is 0 for the beacon and the
    /// DevAddr for ping slots (RP002, chapters on beacons of US902–928 and CN470–510).
    pub const fn at(self, beacon_time: u32, shift: u32) -> Frequency {
        match self {
            Self::At(hz) => Frequency::from_hz(hz),
            Self::Hops(first, step) => {
                let channel = shift.wrapping_add(beacon_time / 128) % 8;
                Frequency::from_hz(first + channel * step)
            }
        }
    }
}

/// What follows from the channel of the Join-Request in CN470 from RP002 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Home {
    /// Index of the Join-Request's channel.
    pub join: u8,
    /// RX1 of the Join-Request, Hz.
    pub rx1: u32,
    /// RX2 from then on, Hz.
    pub rx2: u32,
    /// Where beacons are.
    pub beacon: Place,
    /// Where ping slots are.
    pub ping: Place,
}

/// Which antenna a CN470 network has, from RP002 on; a device learns it by joining.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Antenna {
    /// 20 MHz, type A.
    #[default]
    A20,
    /// 20 MHz, type B.
    B20,
    /// 26 MHz, type A.
    A26,
    /// 26 MHz, type B.
    B26,
}

/// Everything that a device in a region knows. `antenna` matters in CN470 only.
pub fn of(region: Region, revision: RegParamsRevision, antenna: Antenna) -> &'static Plan {
    match region {
        Region::Eu868 => &eu868::PLAN,
        Region::Us915 => &us915::PLAN,
        Region::Au915 if revision == Rp001_1_0_2A => &au915::FIRST_PLAN,
        Region::Au915 if matches!(revision, Rp001_1_0_2B | Rp001_1_1A) => &au915::OLD_BEACONS,
        Region::Au915 => &au915::PLAN,
        Region::As923_1 => &as923::AS923_1,
        Region::As923_2 => &as923::AS923_2,
        Region::As923_3 => &as923::AS923_3,
        Region::As923_4 => &as923::AS923_4,
        Region::Eu433 => &eu433::PLAN,
        Region::Cn470 if revision < RegParamsRevision::Rp002_1_0_0 => &cn470::LEGACY,
        Region::Cn470 => match antenna {
            Antenna::A20 => &cn470::A20,
            Antenna::B20 => &cn470::B20,
            Antenna::A26 => &cn470::A26,
            Antenna::B26 => &cn470::B26,
        },
        Region::Cn779 => &cn779::PLAN,
        Region::Ru864 => &ru864::PLAN,
        Region::Kr920 => &kr920::PLAN,
        Region::In865 => &in865::PLAN,
        Region::Ism2400 => &ism2400::PLAN,
    }
}

/// There is one of each.
impl PartialEq for Plan {
    fn eq(&self, other: &Self) -> bool {
        core::ptr::eq(self, other)
    }
}

impl Eq for Plan {}

impl Plan {
    /// What an uplink data rate stands for, for a device of this revision.
    pub fn up(&self, data_rate: u8, revision: RegParamsRevision) -> Option<&'static Rate> {
        self.up.iter().find(|rate| rate.index == data_rate && rate.since <= revision)
    }

    /// What a downlink data rate stands for.
    pub fn down(&self, data_rate: u8, revision: RegParamsRevision) -> Option<&'static Rate> {
        self.down.iter().find(|rate| rate.index == data_rate && rate.since <= revision)
    }

    /// RX1's frequency after an uplink on a channel.
    pub fn rx1_frequency(&self, channel: u8, uplink: Frequency) -> Frequency {
        let Grid::Fixed { groups, .. } = self.grid else { return uplink };
        let mut index = channel;
        for group in groups {
            if index < group.count {
                let (first, step, count) = group.down;
                return Frequency::from_hz(first + u32::from(index % count) * step);
            }
            index -= group.count;
        }
        uplink
    }

    /// Can the radio be tuned to it?
    pub fn is_downlink_frequency(&self, frequency: Frequency) -> bool {
        let fits = |(first, last, step): &(u32, u32, u32)| {
            let hz = frequency.hz();
            (*first..=*last).contains(&hz) && (hz - first).is_multiple_of(*step)
        };
        self.downlinks.iter().any(fits)
    }

    /// The greatest TXPower of a device of this revision.
    pub fn max_tx_power(&self, revision: RegParamsRevision) -> u8 {
        let known = self.max_tx_power.iter().take_while(|(since, _)| *since <= revision);
        known.last().map_or(0, |(_, index)| *index)
    }

    /// The greatest EIRP of a device of this revision.
    pub fn max_eirp(&self, revision: RegParamsRevision) -> Dbm {
        let known = self.max_eirp.iter().take_while(|(since, _)| *since <= revision);
        Dbm::from_hundredths(known.last().map_or(0, |(_, eirp)| *eirp))
    }

    /// EIRP at a TXPower, under a device's greatest one and the network's limit if there is one.
    pub fn eirp(&self, tx_power: u8, (most, limit): (Dbm, Option<Dbm>)) -> Dbm {
        let most = limit.map_or(most, |limit| most.min(limit));
        Dbm::from_hundredths(most.hundredths() - 200 * i16::from(tx_power))
    }

    /// The data rate to back off to; `None` from the slowest.
    pub fn slower(&self, data_rate: u8) -> Option<u8> {
        let listed = self.slower.iter().find(|(from, _)| *from == data_rate);
        let slowest = self.up.first().map_or(0, |rate| rate.index);
        match listed {
            Some((_, to)) => Some(*to),
            None => data_rate.checked_sub(1).filter(|below| *below >= slowest),
        }
    }

    /// One part in how many of the time may be used at this frequency; `None` for all of it.
    pub fn one_in(&self, frequency: Frequency) -> Option<&'static Band> {
        let within = |band: &&Band| (band.edges.0..band.edges.1).contains(&frequency.hz());
        self.bands.iter().find(within)
    }

    /// How many default channels there are; all of a fixed plan.
    pub fn default_count(&self) -> u8 {
        match self.grid {
            Grid::Dynamic { defaults, .. } => u8::try_from(defaults.len()).unwrap_or(0),
            Grid::Fixed { groups, .. } => groups.iter().map(|group| group.count).sum(),
        }
    }

    /// May channels be made and moved?
    pub const fn is_dynamic(&self) -> bool {
        match self.grid {
            Grid::Dynamic { .. } => true,
            Grid::Fixed { .. } => false,
        }
    }

    /// A frequency as frames carry it: at 2.4 GHz in steps of 200 Hz, not of 100.
    pub const fn from_frame(&self, frequency: Frequency) -> Frequency {
        let above_1_67_ghz = self.rx2.0 > 1_670_000_000;
        let factor = if above_1_67_ghz { 2 } else { 1 };
        Frequency::from_hz(frequency.hz().saturating_mul(factor))
    }

    /// What follows from the channel of the Join-Request.
    pub fn home(&self, join: u8) -> Option<&'static Home> {
        self.homes.iter().find(|home| home.join == join)
    }

    /// Bytes of a beacon's frame: RFU, Param, Time, CRC, GwSpecific, RFU, CRC.
    pub const fn beacon_length(&self) -> usize {
        let (before, after) = self.class_b.rfu;
        before + 1 + 4 + 2 + 7 + after + 2
    }
}

/// The data rates that all dynamic plans below 1 GHz begin with: SF12 to SF7 at 125 kHz.
const fn narrow(index: u8, most: usize) -> Rate {
    let spreading_factor = match index {
        0 => Sf12,
        1 => Sf11,
        2 => Sf10,
        3 => Sf9,
        4 => Sf8,
        5 => Sf7,
        // From RP002-1.0.5 on.
        12 => Sf6,
        _ => Sf5,
    };
    let rate = Rate::new(index, Modulation::lora(spreading_factor, Khz125), most);
    if index > 5 { rate.since(RegParamsRevision::Rp002_1_0_5) } else { rate }
}

/// 500 kHz, whose indices differ by plan.
const fn wide(index: u8, spreading_factor: lns_lorawan::SpreadingFactor, most: usize) -> Rate {
    Rate::new(index, Modulation::lora(spreading_factor, Khz500), most)
}

/// DR6 of most dynamic plans.
const SF7_AT_250: Rate = Rate::new(6, Modulation::lora(Sf7, Khz250), 250);
/// DR7 of most dynamic plans.
const FSK: Rate = Rate::new(7, Modulation::Fsk { bit_rate: 50_000 }, 250);

/// DR0 to DR7 with their sizes, and SF6 and SF5 of RP002-1.0.5: EU433, RU864, CN779 and, with more
/// in between, EU868.
const EUROPEAN: [Rate; 10] = [
    narrow(0, 59),
    narrow(1, 59),
    narrow(2, 59),
    narrow(3, 123),
    narrow(4, 250),
    narrow(5, 250),
    SF7_AT_250,
    FSK,
    narrow(12, 250),
    narrow(13, 250),
];

/// Downlinks of 500 kHz in US915 and AU915, with SF6 and SF5 of RP002-1.0.5. DR0 down is not DR0 up.
const AMERICAN_DOWN: [Rate; 8] = [
    wide(0, Sf5, 250).since(RegParamsRevision::Rp002_1_0_5),
    wide(8, Sf12, 61),
    wide(9, Sf11, 137),
    wide(10, Sf10, 250),
    wide(11, Sf9, 250),
    wide(12, Sf8, 250),
    wide(13, Sf7, 250),
    wide(14, Sf6, 250).since(RegParamsRevision::Rp002_1_0_5),
];

/// Downlinks and beacons of US915 and AU915: eight channels from 923.3 MHz on.
const AMERICAN_DOWNLINKS: &[(u32, u32, u32)] = &[(923_300_000, 927_500_000, 600_000)];

/// Beacons of 23 bytes that hop over them.
const AMERICAN_CLASS_B: ClassB = ClassB {
    beacon: Place::Hops(923_300_000, 600_000),
    ping: Place::Hops(923_300_000, 600_000),
    data_rate: 8,
    rfu: (4, 3),
};

/// Indices 12 and 13 back off into the common ladder.
const TO_THE_LADDER: &[(u8, u8)] = &[(12, 5), (13, 12)];

/// How long one symbol takes, µs: what a receiver detects a preamble in.
pub const fn symbol_micros(modulation: Modulation) -> i64 {
    match modulation {
        Modulation::Lora { spreading_factor, bandwidth } => {
            (1_000_000i64 << spreading_factor.value()) / bandwidth.hz() as i64
        }
        // A byte of preamble.
        Modulation::Fsk { bit_rate } => 8_000_000 / if bit_rate == 0 { 1 } else { bit_rate as i64 },
        Modulation::LrFhss { .. } => 0,
    }
}
