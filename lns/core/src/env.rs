//! What a decision may know besides the device and the event.

use lns_lorawan::region::DataRateSet;
use lns_lorawan::{Frequency, NetId, Region, RegionTables, Timestamp};

/// The network's own settings, the same for all devices.
#[derive(Clone, Debug)]
pub struct Network {
    /// The NetID that Join-Accepts carry and DevAddrs are drawn from.
    pub net_id: NetId,
    /// The sub-band (1 to 8) of fixed plans where a profile names none.
    pub sub_band: Option<u8>,
    /// Channels beyond the default ones of a dynamic plan: the first five go into the CFList of a
    /// Join-Accept, the others into NewChannelReq. One with the frequency of a default channel says
    /// only where that listens.
    pub extra_channels: Vec<ExtraChannel>,
    /// How many queued downlinks a device may have.
    pub queue_limit: usize,
}

/// An uplink channel of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtraChannel {
    /// Whose; `None`: of every region in whose band it lies.
    pub region: Option<Region>,
    /// Where devices send.
    pub frequency: Frequency,
    /// What they may send at; `None`: as the region has it for channels of a CFList.
    pub data_rates: Option<DataRateSet>,
    /// Where RX1 is; `None`: on the same frequency.
    pub rx1_frequency: Option<Frequency>,
}

impl Network {
    /// The network's channels in a region. Bands overlap, so that a frequency alone does not tell
    /// whose a channel is.
    pub(crate) fn channels_of<'a>(
        &'a self,
        tables: &'static RegionTables,
    ) -> impl Iterator<Item = &'a ExtraChannel> {
        self.extra_channels.iter().filter(|channel| {
            channel.region.is_none_or(|region| region == tables.region)
                && tables.downlink_max_eirp(channel.frequency).is_some()
        })
    }
}

impl From<Frequency> for ExtraChannel {
    fn from(frequency: Frequency) -> Self {
        ExtraChannel { region: None, frequency, data_rates: None, rx1_frequency: None }
    }
}

/// Everything a decision may know besides the device and the event.
#[derive(Clone, Debug)]
pub struct Env<'a> {
    /// Now.
    pub now: Timestamp,
    /// The network's settings.
    pub network: &'a Network,
    /// Fresh random bits for this step.
    pub random: u64,
}
