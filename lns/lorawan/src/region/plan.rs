//! The two kinds of channel plan.

use serde::{Deserialize, Serialize};

use super::data_rate::{BASIC, DataRateSet};
use crate::units::Frequency;

/// An uplink channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Channel {
    /// Its centre.
    pub frequency: Frequency,
    /// What may be sent on it.
    pub data_rates: DataRateSet,
    /// What a Join-Request may be sent at.
    pub join_data_rates: DataRateSet,
}

impl Channel {
    /// A channel for DR0 to DR5, joins included.
    pub(super) const fn basic(hz: u32) -> Self {
        let frequency = Frequency::from_hz(hz);
        Self { frequency, data_rates: BASIC, join_data_rates: BASIC }
    }
}

/// Channels at equal distances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelGroup {
    /// The first one's index.
    pub first_index: u8,
    /// How many.
    pub count: u8,
    /// The first one's frequency in Hz.
    pub first_hz: u32,
    /// From one to the next in Hz.
    pub step_hz: u32,
    /// What may be sent on them.
    pub data_rates: DataRateSet,
    /// What a Join-Request may be sent at.
    pub join_data_rates: DataRateSet,
}

impl ChannelGroup {
    fn channel(&self, index: u8) -> Option<Channel> {
        let offset = index.checked_sub(self.first_index).filter(|offset| *offset < self.count)?;
        Some(Channel {
            frequency: Frequency::from_hz(self.first_hz + u32::from(offset) * self.step_hz),
            data_rates: self.data_rates,
            join_data_rates: self.join_data_rates,
        })
    }
}

/// Downlink channels of a fixed plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DownlinkGrid {
    /// How many; the uplink channel's index modulo this chooses.
    pub count: u8,
    /// The first one's frequency in Hz.
    pub first_hz: u32,
    /// From one to the next in Hz.
    pub step_hz: u32,
}

impl DownlinkGrid {
    /// The frequency of a downlink channel; the index wraps.
    pub const fn frequency(&self, index: u8) -> Frequency {
        Frequency::from_hz(self.first_hz + (index % self.count) as u32 * self.step_hz)
    }
}

/// Where devices may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelPlan {
    /// A few default channels, and more by CFList and NewChannelReq. RX1 is on the uplink's
    /// frequency.
    Dynamic {
        /// Every device has these and cannot lose them.
        default_channels: &'static [Channel],
        /// Channels that devices must be able to hold.
        max_channels: u8,
        /// What we put into a CFList unless told otherwise; at most five.
        extra: &'static [Frequency],
        /// What may be sent on a channel of the CFList.
        extra_data_rates: DataRateSet,
    },
    /// All channels are known; masks choose among them. RX1 is elsewhere.
    Fixed {
        /// In order of their indices, without gaps.
        groups: &'static [ChannelGroup],
        /// RX1's channels; `None`: the uplink's frequency.
        downlink: Option<DownlinkGrid>,
    },
}

impl ChannelPlan {
    /// How many channels a device starts with.
    pub fn default_count(&self) -> u8 {
        match self {
            Self::Dynamic { default_channels, .. } => {
                u8::try_from(default_channels.len()).unwrap_or(u8::MAX)
            }
            Self::Fixed { groups, .. } => groups.iter().map(|group| group.count).sum(),
        }
    }

    /// How many channels a device can hold.
    pub fn max_channels(&self) -> u8 {
        match self {
            Self::Dynamic { max_channels, .. } => *max_channels,
            Self::Fixed { .. } => self.default_count(),
        }
    }

    /// Do CFList type 0 and NewChannelReq make channels here?
    pub const fn is_dynamic(&self) -> bool {
        match self {
            Self::Dynamic { .. } => true,
            Self::Fixed { .. } => false,
        }
    }

    pub(super) fn channel(&self, index: u8) -> Option<Channel> {
        match self {
            Self::Dynamic { default_channels, .. } => {
                default_channels.get(usize::from(index)).copied()
            }
            Self::Fixed { groups, .. } => groups.iter().find_map(|group| group.channel(index)),
        }
    }

    pub(super) const fn rx1_frequency(&self, channel_index: u8, uplink: Frequency) -> Frequency {
        match self {
            Self::Fixed { downlink: Some(grid), .. } => grid.frequency(channel_index),
            Self::Dynamic { .. } | Self::Fixed { downlink: None, .. } => uplink,
        }
    }
}
