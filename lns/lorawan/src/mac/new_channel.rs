//! NewChannel — create, change or remove a channel of a dynamic plan. TS001-1.0.4 §5.6.
//!
//! Devices of a fixed plan do not know it.

use super::codec::Layout;
use crate::region::DataRateSet;
use crate::units::{DataRateIndex, Frequency};
use crate::wire::{BuildError, Reader};

/// The network's wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NewChannelReq {
    /// Which channel. The default channels cannot be changed.
    pub ch_index: u8,
    /// Its frequency; 0 removes the channel.
    pub frequency: Frequency,
    /// Its greatest data rate. Less than `min_data_rate` encodes a set, from RP002-1.0.5.
    pub max_data_rate: DataRateIndex,
    /// Its least data rate.
    pub min_data_rate: DataRateIndex,
}

/// The greatest n of a set {DRn to DR5, DR12, DR13}.
const LAST_SET: u8 = 5;

impl NewChannelReq {
    /// What `min_data_rate` and `max_data_rate` stand for: all between them. The wrong way round
    /// they stand for a set, from RP002-1.0.5 on: (n + 1, 0) for DRn to DR5 with DR12 and DR13, which
    /// are SF6 and SF5. `None` for what is not defined.
    pub fn data_rates(&self) -> Option<DataRateSet> {
        let (least, greatest) = (self.min_data_rate, self.max_data_rate);
        if least <= greatest {
            return Some(DataRateSet::range(least, greatest));
        }
        let first = least.value().checked_sub(1).filter(|first| *first <= LAST_SET)?;
        (greatest == DataRateIndex::DR0).then(|| with_sf6_and_sf5(first))
    }

    /// The least and the greatest data rate that stand for this set. `None` where nothing does.
    pub fn range_of(set: DataRateSet) -> Option<(DataRateIndex, DataRateIndex)> {
        let (least, greatest) = (set.iter().next()?, set.iter().last()?);
        if DataRateSet::range(least, greatest) == set {
            return Some((least, greatest));
        }
        let first = least.value();
        let encoded = DataRateIndex::new(first + 1).filter(|_| first <= LAST_SET)?;
        (with_sf6_and_sf5(first) == set).then_some((encoded, DataRateIndex::DR0))
    }
}

fn with_sf6_and_sf5(first: u8) -> DataRateSet {
    let last = DataRateIndex::from_low_bits(LAST_SET);
    DataRateSet::range(DataRateIndex::from_low_bits(first), last).or(DataRateSet::of(&[12, 13]))
}

/// The device's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NewChannelAns {
    /// The frequency is usable.
    pub channel_frequency_ack: bool,
    /// The range is usable.
    pub data_rate_range_ack: bool,
}

impl NewChannelAns {
    /// Only if both are, the device has changed anything.
    pub const fn accepted(self) -> bool {
        self.channel_frequency_ack && self.data_rate_range_ack
    }
}

impl Layout for NewChannelReq {
    const LENGTH: usize = 5;

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let ch_index = reader.byte()?;
        let frequency = Frequency::read(reader)?;
        let range = reader.byte()?;
        Some(Self {
            ch_index,
            frequency,
            max_data_rate: DataRateIndex::from_low_bits(range >> 4),
            min_data_rate: DataRateIndex::from_low_bits(range),
        })
    }
    fn write(&self, out: &mut Vec<u8>) -> Result<(), BuildError> {
        out.push(self.ch_index);
        self.frequency.write(out)?;
        out.push(self.max_data_rate.value() << 4 | self.min_data_rate.value());
        Ok(())
    }
}

impl Layout for NewChannelAns {
    const LENGTH: usize = 1;

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let status = reader.byte()?;
        Some(Self {
            channel_frequency_ack: status & 0b01 != 0,
            data_rate_range_ack: status & 0b10 != 0,
        })
    }
    fn write(&self, out: &mut Vec<u8>) -> Result<(), BuildError> {
        out.push(u8::from(self.channel_frequency_ack) | u8::from(self.data_rate_range_ack) << 1);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(least: u8, greatest: u8) -> NewChannelReq {
        NewChannelReq {
            ch_index: 3,
            frequency: Frequency::from_hz(867_100_000),
            min_data_rate: DataRateIndex::from_low_bits(least),
            max_data_rate: DataRateIndex::from_low_bits(greatest),
        }
    }

    #[test]
    fn a_range_the_wrong_way_round_is_a_set_with_sf6_and_sf5() {
        let cases = [
            ((0, 5), &[0, 1, 2, 3, 4, 5][..]),
            ((6, 6), &[6]),
            ((1, 0), &[0, 1, 2, 3, 4, 5, 12, 13]),
            ((2, 0), &[1, 2, 3, 4, 5, 12, 13]),
            ((6, 0), &[5, 12, 13]),
        ];
        for ((least, greatest), set) in cases {
            let (request, set) = (request(least, greatest), DataRateSet::of(set));
            assert_eq!(request.data_rates(), Some(set), "{least}, {greatest}");
            let range = (request.min_data_rate, request.max_data_rate);
            assert_eq!(NewChannelReq::range_of(set), Some(range));
        }
        for (least, greatest) in [(7, 0), (3, 1), (15, 14)] {
            assert_eq!(request(least, greatest).data_rates(), None, "{least}, {greatest}");
        }
        assert_eq!(NewChannelReq::range_of(DataRateSet::of(&[0, 2])), None);
        assert_eq!(NewChannelReq::range_of(DataRateSet::of(&[])), None);
    }
}
