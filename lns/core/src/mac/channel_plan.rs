//! Which channels a device has, which it should use, and how it is told.
//!
//! A dynamic plan (EU868) starts with a few channels and gets more in the Join-Accept's CFList; a
//! fixed plan (US915) has all of them from the start and is told which to use: by CFList where the
//! device knows that, else by a block of LinkADRReq.

use lns_lorawan::region::{ChannelPlan, Judged, MaskRequest};
use lns_lorawan::{
    CfList, ChMask, DataRateIndex, Direction, Frequency, Modulation, Region, RegionTables,
};

use crate::env::Network;
use crate::profile::Profile;
use crate::session::{Channels, Session};

/// The uplink data rate that this modulation is in a region.
pub fn uplink_data_rate(region: Region, modulation: Modulation) -> Option<DataRateIndex> {
    region.tables().data_rate_index(Direction::Up, modulation)
}

/// The index of the device's channel with this frequency, for this data rate.
pub fn channel_of(
    profile: &Profile,
    session: &Session,
    (frequency, data_rate): (Frequency, DataRateIndex),
) -> Option<u8> {
    let tables = profile.region.tables();
    if tables.plan.is_dynamic() {
        return session.current.channels.find(frequency, data_rate).map(|(index, _)| index);
    }
    tables.uplink_channel_index(frequency, data_rate)
}

/// The CFList (TS001-1.0.4 §6.2.6) for a device that joins; `None` where none is due or the device
/// would not know it.
pub fn cf_list(profile: &Profile, network: &Network) -> Option<CfList> {
    let tables = profile.region.tables();
    match &tables.plan {
        // The network's extra channels are of one region; another dynamic plan has its own.
        ChannelPlan::Dynamic { .. } => {
            let usable = |channel: &&Frequency| tables.downlink_max_eirp(**channel).is_some();
            let mut extra = network.extra_channels.iter().filter(usable).copied();
            let frequencies = std::array::from_fn(|_| extra.next());
            let some = frequencies.iter().any(Option::is_some);
            some.then_some(CfList::Frequencies(frequencies))
        }
        ChannelPlan::Fixed { .. } => {
            tables.cf_list_masks(&wanted(profile, network)?, profile.reg_params)
        }
    }
}

/// The channels of a session that begins with this CFList, and those in use, where they are known.
pub fn at_join(
    profile: &Profile,
    network: &Network,
    cf_list: Option<CfList>,
) -> (Channels, Option<ChMask>) {
    let tables = profile.region.tables();
    if tables.plan.is_dynamic() {
        let extra = match cf_list {
            Some(CfList::Frequencies(frequencies)) => frequencies.to_vec(),
            Some(CfList::Masks(_)) | None => Vec::new(),
        };
        return dynamic(tables, extra);
    }
    let mask = match cf_list {
        Some(CfList::Masks(words)) => Some(ChMask::from_words(words)),
        Some(CfList::Frequencies(_)) | None => unselected(profile, network),
    };
    (Channels::default(), mask)
}

/// The channels of a personalized device, and those in use, where they are known.
pub fn from_factory(profile: &Profile) -> (Channels, Option<ChMask>) {
    let tables = profile.region.tables();
    if tables.plan.is_dynamic() {
        return dynamic(tables, profile.factory_channels.iter().copied().map(Some));
    }
    (Channels::default(), None)
}

/// A dynamic plan's channels; all are in use until a mask says otherwise.
fn dynamic(
    tables: &RegionTables,
    extra: impl IntoIterator<Item = Option<Frequency>>,
) -> (Channels, Option<ChMask>) {
    let channels = Channels::new(tables, extra);
    let mask = defined(&channels);
    (channels, Some(mask))
}

/// The channels that there are.
pub fn defined(channels: &Channels) -> ChMask {
    channels.slots().filter(|(_, slot)| slot.channel().is_some()).map(|(index, _)| index).collect()
}

/// The channels in use of a fixed plan where nothing has selected any: all, unless some should be.
fn unselected(profile: &Profile, network: &Network) -> Option<ChMask> {
    wanted(profile, network).is_none().then(|| profile.region.tables().default_mask())
}

/// A frame on a channel that should be off: the device has not done what it was told, or has fallen
/// back to all channels (ADR's last resort). What it has on is not known any more.
pub fn notice(session: &mut Session, channel: Option<u8>) {
    if let (Some(mask), Some(channel)) = (session.current.ch_mask, channel)
        && !mask.contains(channel)
    {
        session.current_mut().ch_mask = None;
    }
}

/// The channels of a fixed plan that a device should use: the profile's sub-band, else the
/// network's. `None` in a dynamic plan, and where no sub-band is chosen.
pub fn wanted(profile: &Profile, network: &Network) -> Option<ChMask> {
    let sub_band = profile.sub_band.or(network.sub_band)?;
    profile.region.tables().sub_band_mask(sub_band)
}

/// The masks that switch a device from all channels to these.
pub fn block(tables: &RegionTables, wanted: &ChMask, judged: Judged) -> Vec<MaskRequest> {
    tables.ch_mask_layout().block(&tables.default_mask(), wanted, judged)
}
