//! What a region allows: RP002's tables, laid out as RP002 lays them out.
//!
//! One file a region, one static table each; the questions are asked here. RP002-1.0.5 unless a
//! comment says otherwise.

mod ch_mask;
mod data_rate;
mod eu868;
mod plan;
mod sub_band;
mod us915;

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

pub use ch_mask::{ChMask, ChMaskLayout, Judged, MaskRequest};
pub use data_rate::{DataRate, DataRateSet, MaxPayload, PayloadRules};
pub use plan::{Channel, ChannelGroup, ChannelPlan, DownlinkGrid};
pub use sub_band::SubBand;

use crate::modulation::Modulation;
use crate::time::TimeDelta;
use crate::units::{DataRateIndex, Db, Dbm, Direction, Frequency, TxPowerIndex};
use crate::version::RegParamsRevision;
use crate::wire::CfList;

/// From the end of an uplink to RX1, unless RXDelay says otherwise (TS001-1.0.4 §5.7).
pub const RECEIVE_DELAY1: TimeDelta = TimeDelta::from_secs(1);
/// From RX1 to RX2, always (TS001-1.0.4 §5.7).
pub const RECEIVE_DELAY2_AFTER_RX1: TimeDelta = TimeDelta::from_secs(1);
/// From the end of a Join-Request to RX1 (LoRaWAN 1.1 §6.2.3; the value: RP002).
pub const JOIN_ACCEPT_DELAY1: TimeDelta = TimeDelta::from_secs(5);
/// From the end of a Join-Request to RX2.
pub const JOIN_ACCEPT_DELAY2: TimeDelta = TimeDelta::from_secs(6);
/// Uplinks without a downlink after which a device asks for one (TS001-1.0.4 §4.3.1.1).
pub const ADR_ACK_LIMIT: u32 = 64;
/// Further uplinks after which it backs off (TS001-1.0.4 §4.3.1.1).
pub const ADR_ACK_DELAY: u32 = 32;

/// A region whose tables are filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Region {
    /// Europe, 863–870 MHz.
    #[serde(rename = "EU868")]
    Eu868,
    /// North America, 902–928 MHz.
    #[serde(rename = "US915")]
    Us915,
}

impl Region {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Eu868, Self::Us915];

    /// The name that RP002 uses: `EU868`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Eu868 => "EU868",
            Self::Us915 => "US915",
        }
    }

    /// Its tables.
    pub const fn tables(self) -> &'static RegionTables {
        match self {
            Self::Eu868 => &eu868::TABLES,
            Self::Us915 => &us915::TABLES,
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No region of ours has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot find region {name:?}: the regions are EU868 and US915")]
pub struct UnknownRegion {
    /// What was written.
    pub name: String,
}

/// Either case: `EU868`, `us915`.
impl FromStr for Region {
    type Err = UnknownRegion;
    fn from_str(name: &str) -> Result<Self, UnknownRegion> {
        Self::ALL
            .into_iter()
            .find(|region| region.name().eq_ignore_ascii_case(name.trim()))
            .ok_or_else(|| UnknownRegion { name: name.into() })
    }
}

/// Everything that RP002 says about one region.
#[derive(Debug)]
pub struct RegionTables {
    /// Whose tables they are.
    pub region: Region,
    /// Uplink data rates by index. A given index may mean something else down.
    pub up: [Option<DataRate>; 16],
    /// Downlink data rates by index.
    pub down: [Option<DataRate>; 16],
    /// RX1's data rate by uplink data rate, then by RX1DROffset.
    pub rx1: [&'static [u8]; 16],
    /// Channels.
    pub plan: ChannelPlan,
    /// RX2 until the network changes it: frequency and data rate.
    pub rx2: (Frequency, DataRateIndex),
    /// The data rates that ADR may choose: slowest and fastest at 125 kHz.
    pub adr_data_rates: (DataRateIndex, DataRateIndex),
    /// A device's greatest power, TXPower 0.
    pub max_eirp: Dbm,
    /// From one TXPower to the next.
    pub tx_power_step: Db,
    /// The greatest TXPower, from which revision on; newest last.
    pub max_tx_power: &'static [(RegParamsRevision, u8)],
    /// What the regulator allows where. Empty where it does not divide the band.
    pub sub_bands: &'static [SubBand],
    /// A gateway's greatest power where no sub-band says otherwise.
    pub downlink_max_eirp: Dbm,
}

impl RegionTables {
    const fn data_rates(&self, direction: Direction) -> &[Option<DataRate>; 16] {
        match direction {
            Direction::Up => &self.up,
            Direction::Down => &self.down,
        }
    }

    fn row(&self, direction: Direction, index: DataRateIndex) -> Option<&DataRate> {
        self.data_rates(direction).get(usize::from(index.value()))?.as_ref()
    }

    /// What a data-rate index means in this direction.
    pub fn data_rate(&self, direction: Direction, index: DataRateIndex) -> Option<Modulation> {
        self.row(direction, index).map(|row| row.modulation)
    }

    /// Which index means this modulation in this direction.
    pub fn data_rate_index(
        &self,
        direction: Direction,
        modulation: Modulation,
    ) -> Option<DataRateIndex> {
        self.data_rates(direction)
            .iter()
            .zip(0u8..)
            .find(|(row, _)| row.as_ref().is_some_and(|row| row.modulation == modulation))
            .and_then(|(_, index)| DataRateIndex::new(index))
    }

    /// Does a device of this revision know this data rate? What it *does* is its own affair: SF5
    /// and LR-FHSS need other hardware.
    pub fn knows_data_rate(
        &self,
        direction: Direction,
        index: DataRateIndex,
        revision: RegParamsRevision,
    ) -> bool {
        self.row(direction, index).is_some_and(|row| row.since <= revision)
    }

    /// How much fits a frame at this data rate.
    pub fn max_payload(
        &self,
        direction: Direction,
        index: DataRateIndex,
        rules: PayloadRules,
    ) -> Option<MaxPayload> {
        self.row(direction, index).map(|row| row.max_payload(rules))
    }

    /// The data rate of RX1 after an uplink. `None` for an undefined data rate or offset.
    pub fn rx1_data_rate(&self, up: DataRateIndex, offset: u8) -> Option<DataRateIndex> {
        let row = self.rx1.get(usize::from(up.value()))?;
        DataRateIndex::new(*row.get(usize::from(offset))?)
    }

    /// The greatest RX1DROffset that every defined data rate has.
    pub fn max_rx1_dr_offset(&self) -> u8 {
        let lengths = self.rx1.iter().map(|row| row.len()).filter(|length| *length > 0);
        u8::try_from(lengths.min().unwrap_or(1).saturating_sub(1)).unwrap_or(0)
    }

    /// The channel with this index: a default one of a dynamic plan, any of a fixed plan.
    pub fn channel(&self, index: u8) -> Option<Channel> {
        self.plan.channel(index)
    }

    /// The channels that every device starts with, by index.
    pub fn default_channels(&self) -> impl Iterator<Item = (u8, Channel)> + '_ {
        (0..self.plan.default_count()).filter_map(|index| Some((index, self.channel(index)?)))
    }

    /// Which default channel an uplink was sent on: the one with its frequency that may carry its
    /// data rate. In a fixed plan that is every channel there is.
    pub fn uplink_channel_index(&self, frequency: Frequency, up: DataRateIndex) -> Option<u8> {
        self.default_channels()
            .find(|(_, channel)| channel.frequency == frequency && channel.data_rates.contains(up))
            .map(|(index, _)| index)
    }

    /// RX1's frequency after an uplink on this channel: the same in a dynamic plan (unless
    /// DlChannelReq has moved it), from the downlink grid in a fixed one.
    pub fn rx1_frequency(&self, channel_index: u8, uplink: Frequency) -> Frequency {
        self.plan.rx1_frequency(channel_index, uplink)
    }

    /// May a Join-Request be sent on this channel at this data rate?
    pub fn is_join_channel(&self, index: u8, up: DataRateIndex) -> bool {
        self.channel(index).is_some_and(|channel| channel.join_data_rates.contains(up))
    }

    /// How the region reads ChMask and ChMaskCntl.
    pub const fn ch_mask_layout(&self) -> ChMaskLayout {
        match self.plan {
            ChannelPlan::Dynamic { .. } => ChMaskLayout::Sixteen,
            ChannelPlan::Fixed { .. } => ChMaskLayout::SeventyTwo,
        }
    }

    /// A device's power at this index, under the region's limit or a lower one that
    /// TXParamSetupReq or the device's hardware sets. `None` beyond the table of its revision.
    pub fn tx_power(
        &self,
        index: TxPowerIndex,
        max_eirp: Dbm,
        revision: RegParamsRevision,
    ) -> Option<Dbm> {
        if index > self.max_tx_power_index(revision) {
            return None;
        }
        let below = i16::from(index.value()).saturating_mul(self.tx_power_step.hundredths());
        Some(max_eirp.min(self.max_eirp) - Db::from_hundredths(below))
    }

    /// The greatest TXPower that a device of this revision knows. One step more makes an older
    /// device refuse the whole block.
    pub fn max_tx_power_index(&self, revision: RegParamsRevision) -> TxPowerIndex {
        let known = self.max_tx_power.iter().take_while(|(since, _)| *since <= revision);
        let value = known.last().map_or(0, |(_, value)| *value);
        TxPowerIndex::from_low_bits(value)
    }

    /// The regulator's sub-band that this frequency lies in.
    pub fn sub_band(&self, frequency: Frequency) -> Option<&'static SubBand> {
        self.sub_bands.iter().find(|band| band.contains(frequency))
    }

    /// A gateway's greatest EIRP at this frequency. `None` where transmitting is not allowed at
    /// all. The UDP protocol's `powe` is this, less the antenna's gain if the forwarder adds it.
    pub fn downlink_max_eirp(&self, frequency: Frequency) -> Option<Dbm> {
        if self.sub_bands.is_empty() {
            return Some(self.downlink_max_eirp);
        }
        self.sub_band(frequency).map(SubBand::max_eirp)
    }

    /// CFList type 0 for a dynamic plan: the channels that the plan recommends after its default
    /// ones. `None` for a fixed plan, which type 0 is barred from (RP002-1.0.5 §3.3.1).
    pub fn default_cf_list(&self) -> Option<CfList> {
        match &self.plan {
            ChannelPlan::Dynamic { extra, .. } => Some(CfList::Frequencies(extra.map(Some))),
            ChannelPlan::Fixed { .. } => None,
        }
    }

    /// CFList type 1 for a fixed plan. `None` for a dynamic plan, and for a device that is too old
    /// to know it: that one needs LinkADRReq.
    pub fn cf_list_masks(&self, mask: &ChMask, revision: RegParamsRevision) -> Option<CfList> {
        match &self.plan {
            ChannelPlan::Dynamic { .. } => None,
            ChannelPlan::Fixed { .. } => {
                revision.has_cf_list_type_1().then(|| CfList::Masks(mask.words()))
            }
        }
    }

    /// A fixed plan's sub-band, counted from 1 as network operators do: eight narrow channels and
    /// the wide one above them. `None` in a dynamic plan or outside 1 to 8.
    pub fn sub_band_mask(&self, number: u8) -> Option<ChMask> {
        match &self.plan {
            ChannelPlan::Dynamic { .. } => None,
            ChannelPlan::Fixed { .. } => ChMask::bank(number.checked_sub(1)?),
        }
    }

    /// The mask of all default channels.
    pub fn default_mask(&self) -> ChMask {
        self.default_channels().map(|(index, _)| index).collect()
    }
}

#[cfg(test)]
mod tests;
