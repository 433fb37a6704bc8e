//! The uplink channels that a device of a dynamic plan has.

use std::sync::Arc;

use lns_lorawan::region::{ChannelPlan, DataRateSet};
use lns_lorawan::{DataRateIndex, Frequency, RegionTables};

/// A device's channels by index, the region's default ones first. Empty for a device of a fixed
/// plan, which knows all channels from the start and is told by mask which to use.
///
/// Cheap to clone: never changed in place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Channels(Arc<[Slot]>);

/// What stands under one channel index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// No channel.
    Free,
    /// This channel.
    Channel(DeviceChannel),
    /// One or the other: the device did not answer a NewChannelReq.
    Unknown,
}

/// One uplink channel of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceChannel {
    /// Where it sends.
    pub frequency: Frequency,
    /// What it may send at.
    pub data_rates: DataRateSet,
    /// Where RX1 is after an uplink on it: the same frequency, until DlChannelReq moves it
    /// (TS001-1.0.4 §5.6).
    pub rx1_frequency: Frequency,
}

impl DeviceChannel {
    /// A channel that listens where it sends.
    pub fn new(frequency: Frequency, data_rates: DataRateSet) -> Self {
        DeviceChannel { frequency, data_rates, rx1_frequency: frequency }
    }
}

impl Slot {
    /// The channel, where one is known.
    pub fn channel(&self) -> Option<&DeviceChannel> {
        match self {
            Slot::Channel(channel) => Some(channel),
            Slot::Free | Slot::Unknown => None,
        }
    }
}

impl Channels {
    /// The region's default channels, and these after them; `None` leaves an index free. Empty in a
    /// fixed plan.
    pub fn new(tables: &RegionTables, extra: impl IntoIterator<Item = Option<Frequency>>) -> Self {
        let ChannelPlan::Dynamic { default_channels, extra_data_rates, .. } = &tables.plan else {
            return Channels::default();
        };
        let slot = |frequency| Slot::Channel(DeviceChannel::new(frequency, *extra_data_rates));
        let defaults = default_channels.iter().map(|channel| {
            Slot::Channel(DeviceChannel::new(channel.frequency, channel.data_rates))
        });
        let extra = extra.into_iter().map(|frequency| frequency.map_or(Slot::Free, slot));
        Channels::of(defaults.chain(extra))
    }

    /// Of these slots, by index. Free ones at the end count for nothing.
    pub fn of(slots: impl IntoIterator<Item = Slot>) -> Self {
        let mut slots: Vec<Slot> = slots.into_iter().collect();
        let used = slots.iter().rposition(|slot| *slot != Slot::Free).map_or(0, |last| last + 1);
        slots.truncate(used);
        Channels(slots.into())
    }

    /// What stands under an index.
    pub fn slot(&self, index: u8) -> Slot {
        self.0.get(usize::from(index)).copied().unwrap_or(Slot::Free)
    }

    /// The same, with something else under this index.
    #[must_use]
    pub fn with(&self, index: u8, slot: Slot) -> Self {
        let mut slots = self.0.to_vec();
        let index = usize::from(index);
        slots.resize(slots.len().max(index + 1), Slot::Free);
        slots[index] = slot;
        Channels::of(slots)
    }

    /// The highest index under which there may be a channel; 0 where there is none.
    pub fn last_index(&self) -> u8 {
        self.slots().map(|(index, _)| index).last().unwrap_or(0)
    }

    /// All slots with their indices.
    pub fn slots(&self) -> impl Iterator<Item = (u8, Slot)> + '_ {
        (0..).zip(self.0.iter().copied())
    }

    /// The channel with this frequency: one that carries the data rate if there is any, since two
    /// may differ in nothing else.
    pub fn find(
        &self,
        frequency: Frequency,
        data_rate: DataRateIndex,
    ) -> Option<(u8, DeviceChannel)> {
        let known = self.slots().filter_map(|(at, slot)| Some((at, *slot.channel()?)));
        let here = known.filter(|(_, channel)| channel.frequency == frequency);
        here.min_by_key(|(_, channel)| !channel.data_rates.contains(data_rate))
    }
}
