//! One region's tables, and the questions that they answer.

use super::Region;
use super::beacon::Beacon;
use super::ch_mask::ChMask;
use super::ch_mask_cntl::ChMaskLayout;
use super::data_rate::{DataRate, MaxPayload, PayloadRules};
use super::plan::{Channel, ChannelPlan};
use super::rx1::Rx1;
use super::sub_band::SubBand;
use crate::modulation::Modulation;
use crate::units::{DataRateIndex, Db, Dbm, Direction, Frequency, FrequencyStep, TxPowerIndex};
use crate::version::RegParamsRevision;
use crate::wire::CfList;

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
    pub rx1: Rx1,
    /// Channels.
    pub plan: ChannelPlan,
    /// How ChMask and ChMaskCntl are read.
    pub ch_mask_layout: ChMaskLayout,
    /// RX2 until the network changes it: frequency and data rate.
    pub rx2: (Frequency, DataRateIndex),
    /// RX1 after a Join-Request where it is not where it is after other uplinks.
    pub join_rx1: Option<Frequency>,
    /// The data rates that ADR may choose: slowest and fastest at 125 kHz (2.4 GHz: at 812 kHz).
    pub adr_data_rates: (DataRateIndex, DataRateIndex),
    /// A device's greatest power, TXPower 0.
    pub max_eirp: Dbm,
    /// How far each TXPower is below the greatest.
    pub tx_powers: TxPowers,
    /// Dwell times before TXParamSetupReq, where devices know that command.
    pub dwell: Option<BootDwell>,
    /// Where the band begins and ends.
    pub band: (Frequency, Frequency),
    /// What the regulator allows where. Empty where it does not divide the band.
    pub sub_bands: &'static [SubBand],
    /// A gateway's greatest power where no sub-band says otherwise.
    pub downlink_max_eirp: Dbm,
    /// Class B.
    pub beacon: Beacon,
}

/// How far each TXPower is below the greatest power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TxPowers {
    /// 2 dB for each. The greatest TXPower, from which revision on; newest last.
    TwoDbSteps(&'static [(RegParamsRevision, u8)]),
    /// By TXPower.
    Listed(&'static [Db]),
}

/// Whether time on air is limited to 400 ms before the network has said so. `None`: editions and
/// devices differ, so that nobody can know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BootDwell {
    /// Of uplinks.
    pub uplink: Option<bool>,
    /// Of downlinks.
    pub downlink: Option<bool>,
}

/// TXPower 0 to 7 in every edition that this server knows.
pub(super) const TO_7: TxPowers = TxPowers::TwoDbSteps(&[(RegParamsRevision::Rp001_1_0_2A, 7)]);

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

    /// The data rate of RX1 after an uplink. `downlink_dwell_time` is what the device has been told
    /// (`None`: it is not known).
    ///
    /// `None` for an undefined data rate or offset, and where the answer depends on a dwell time
    /// that is not known.
    pub fn rx1_data_rate(
        &self,
        up: DataRateIndex,
        offset: u8,
        downlink_dwell_time: Option<bool>,
    ) -> Option<DataRateIndex> {
        self.rx1.data_rate(up, offset, downlink_dwell_time)
    }

    /// The greatest RX1DROffset that every defined data rate has.
    pub fn max_rx1_dr_offset(&self) -> u8 {
        self.rx1.max_offset()
    }

    /// Dwell times before the network says anything. Where devices do not know TXParamSetupReq
    /// there is no limit.
    pub const fn boot_dwell(&self) -> BootDwell {
        match self.dwell {
            Some(dwell) => dwell,
            None => BootDwell { uplink: Some(false), downlink: Some(false) },
        }
    }

    /// Do devices know TXParamSetupReq here?
    pub const fn has_tx_param_setup(&self) -> bool {
        self.dwell.is_some()
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

    /// RX1's frequency after a Join-Request on this channel.
    pub fn join_rx1_frequency(&self, channel_index: u8, uplink: Frequency) -> Frequency {
        self.join_rx1.unwrap_or_else(|| self.rx1_frequency(channel_index, uplink))
    }

    /// May a Join-Request be sent on this channel at this data rate?
    pub fn is_join_channel(&self, index: u8, up: DataRateIndex) -> bool {
        self.channel(index).is_some_and(|channel| channel.join_data_rates.contains(up))
    }

    /// How the region reads ChMask and ChMaskCntl.
    pub const fn ch_mask_layout(&self) -> ChMaskLayout {
        self.ch_mask_layout
    }

    /// A device's power at this index, under the region's limit or a lower one that
    /// TXParamSetupReq or the device's hardware sets. `None` beyond the table of its revision.
    pub fn tx_power(
        &self,
        index: TxPowerIndex,
        max_eirp: Dbm,
        revision: RegParamsRevision,
    ) -> Option<Dbm> {
        let below = match self.tx_powers {
            TxPowers::TwoDbSteps(_) if index > self.max_tx_power_index(revision) => return None,
            TxPowers::TwoDbSteps(_) => Db::from_whole(2 * i16::from(index.value())),
            TxPowers::Listed(list) => *list.get(usize::from(index.value()))?,
        };
        Some(max_eirp.min(self.max_eirp) - below)
    }

    /// The greatest TXPower that a device of this revision knows. One step more makes an older
    /// device refuse the whole block.
    pub fn max_tx_power_index(&self, revision: RegParamsRevision) -> TxPowerIndex {
        let value = match self.tx_powers {
            TxPowers::TwoDbSteps(known) => {
                known.iter().take_while(|(since, _)| *since <= revision).last().map(|row| row.1)
            }
            TxPowers::Listed(list) => u8::try_from(list.len().saturating_sub(1)).ok(),
        };
        TxPowerIndex::from_low_bits(value.unwrap_or(0))
    }

    /// The steps in which frames carry the region's frequencies.
    pub const fn frequency_step(&self) -> FrequencyStep {
        self.rx2.0.step()
    }

    /// Does the frequency lie in the region's band?
    pub fn contains(&self, frequency: Frequency) -> bool {
        let (low, high) = self.band;
        low <= frequency && frequency <= high
    }

    /// The regulator's sub-band that this frequency lies in.
    pub fn sub_band(&self, frequency: Frequency) -> Option<&'static SubBand> {
        self.sub_bands.iter().find(|band| band.contains(frequency))
    }

    /// A gateway's greatest EIRP at this frequency. `None` where transmitting is not allowed at
    /// all. The UDP protocol's `powe` is this, less the antenna's gain if the forwarder adds it.
    pub fn downlink_max_eirp(&self, frequency: Frequency) -> Option<Dbm> {
        if !self.contains(frequency) {
            return None;
        }
        if self.sub_bands.is_empty() {
            return Some(self.downlink_max_eirp);
        }
        self.sub_band(frequency).map(|band| band.max_eirp)
    }

    /// The channels that networks usually add to the default ones; none in a fixed plan.
    pub const fn usual_extra_channels(&self) -> &'static [Frequency] {
        match &self.plan {
            ChannelPlan::Dynamic { extra, .. } => extra,
            ChannelPlan::Fixed { .. } => &[],
        }
    }

    /// CFList type 0 for a dynamic plan: the channels that are usual after its default ones. `None`
    /// where there are none, and for a fixed plan, which type 0 is barred from (RP002-1.0.5
    /// §3.3.1).
    pub fn default_cf_list(&self) -> Option<CfList> {
        match &self.plan {
            ChannelPlan::Dynamic { extra, .. } if !extra.is_empty() => {
                let mut frequencies = extra.iter().copied();
                Some(CfList::Frequencies(core::array::from_fn(|_| frequencies.next())))
            }
            ChannelPlan::Dynamic { .. } | ChannelPlan::Fixed { .. } => None,
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

    /// A fixed plan's sub-band, counted from 1 as network operators do: eight channels in a row,
    /// and the wide one above them where there are wide ones. `None` in a dynamic plan or outside
    /// 1 to [`RegionTables::sub_bands_of_channels`].
    pub fn sub_band_mask(&self, number: u8) -> Option<ChMask> {
        let index = number.checked_sub(1).filter(|_| number <= self.sub_bands_of_channels())?;
        match self.ch_mask_layout {
            ChMaskLayout::SeventyTwo => ChMask::bank(index),
            ChMaskLayout::Sixteen
            | ChMaskLayout::NinetySix
            | ChMaskLayout::SixtyFour
            | ChMaskLayout::FortyEight => Some((index * 8..index * 8 + 8).collect()),
        }
    }

    /// How many sub-bands of eight channels a fixed plan has; 0 in a dynamic plan.
    pub const fn sub_bands_of_channels(&self) -> u8 {
        self.ch_mask_layout.narrow_channels() / 8
    }

    /// The mask of all default channels.
    pub fn default_mask(&self) -> ChMask {
        self.default_channels().map(|(index, _)| index).collect()
    }
}
