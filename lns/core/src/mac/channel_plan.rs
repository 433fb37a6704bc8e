//! Which channels a device has, which it should use, and how it is told.
//!
//! A dynamic plan (EU868) starts with a few channels and gets more in the Join-Accept's CFList; a
//! fixed plan (US915) has all of them from the start and is told which to use: by CFList where the
//! device knows that, else by a block of LinkADRReq.

use lns_lorawan::region::{
    Channel, ChannelPlan, Cn470JoinChannel, DataRateSet, Judged, MaskRequest,
};
use lns_lorawan::{
    CfList, ChMask, DataRateIndex, Direction, Frequency, Modulation, Region, RegionTables,
};

use crate::env::{ExtraChannel, Network};
use crate::event::Reception;
use crate::profile::Profile;
use crate::session::{Channels, DeviceChannel, MacParams, Session, Slot};

/// The uplink data rate that this modulation is in a region.
pub fn uplink_data_rate(region: Region, modulation: Modulation) -> Option<DataRateIndex> {
    region.tables().data_rate_index(Direction::Up, modulation)
}

/// The join channel that a Join-Request was sent on; `None` outside CN470, and before RP002.
pub fn join_channel(profile: &Profile, receptions: &[Reception]) -> Option<Cn470JoinChannel> {
    let at = |copy: &Reception| profile.region.join_channel(profile.reg_params, copy.frequency);
    receptions.iter().find_map(at)
}

/// The index of the device's channel with this frequency, for this data rate.
pub fn channel_of(
    profile: &Profile,
    session: &Session,
    (frequency, data_rate): (Frequency, DataRateIndex),
) -> Option<u8> {
    let tables = profile.tables_after(session.current.joined_on);
    if tables.plan.is_dynamic() {
        return session.current.channels.find(frequency, data_rate).map(|(index, _)| index);
    }
    tables.uplink_channel_index(frequency, data_rate)
}

/// The CFList (TS001-1.0.4 §6.2.6) for a device that joins; `None` where none is due or the device
/// would not know it.
pub fn cf_list(
    (profile, tables): (&Profile, &'static RegionTables),
    network: &Network,
) -> Option<CfList> {
    match &tables.plan {
        ChannelPlan::Dynamic { .. } => {
            let mut extra = beyond_default(tables, network).map(|channel| channel.frequency);
            let frequencies = std::array::from_fn(|_| extra.next());
            let some = frequencies.iter().any(Option::is_some);
            some.then_some(CfList::Frequencies(frequencies))
        }
        ChannelPlan::Fixed { .. } => {
            tables.cf_list_masks(&wanted((profile, tables), network)?, profile.reg_params)
        }
    }
}

/// The channels of a session that begins with this CFList, and those in use, where they are known.
pub fn at_join(
    (profile, tables): (&Profile, &'static RegionTables),
    network: &Network,
    cf_list: Option<CfList>,
) -> (Channels, Option<ChMask>) {
    if tables.plan.is_dynamic() {
        let extra = match cf_list {
            Some(CfList::Frequencies(frequencies)) => frequencies.to_vec(),
            Some(CfList::Masks(_)) | None => Vec::new(),
        };
        return dynamic(tables, extra);
    }
    let mask = match cf_list {
        Some(CfList::Masks(words)) => Some(ChMask::from_words(words)),
        Some(CfList::Frequencies(_)) | None => unselected((profile, tables), network),
    };
    (Channels::default(), mask)
}

/// The channels of a personalized device, and those in use, where they are known.
pub fn from_factory(profile: &Profile) -> (Channels, Option<ChMask>) {
    let tables = profile.tables();
    if tables.plan.is_dynamic() {
        // Some write down all that the device has.
        let is_default = |frequency: &Frequency| {
            tables.default_channels().any(|(_, channel)| channel.frequency == *frequency)
        };
        let extra = profile.factory_channels.iter().copied().filter(|extra| !is_default(extra));
        return dynamic(tables, extra.map(Some));
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
fn unselected(
    (profile, tables): (&Profile, &'static RegionTables),
    network: &Network,
) -> Option<ChMask> {
    wanted((profile, tables), network).is_none().then(|| tables.default_mask())
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
pub fn wanted(
    (profile, tables): (&Profile, &'static RegionTables),
    network: &Network,
) -> Option<ChMask> {
    let sub_band = profile.sub_band.or(network.sub_band)?;
    tables.sub_band_mask(sub_band)
}

/// The masks that switch a device from one set of channels to another; `None` where it is not known
/// which it has.
pub fn block(
    tables: &RegionTables,
    (from, to): (Option<ChMask>, ChMask),
    judged: Judged,
) -> Vec<MaskRequest> {
    let layout = tables.ch_mask_layout();
    let all = tables.default_mask();
    if let Some(from) = from {
        return layout.block(&from, &to, judged);
    }
    // It may have anything. Where that makes a difference, every mask is named.
    let block = layout.block(&all, &to, judged);
    let leads_from = |from: &ChMask| layout.apply(from, &all.or(&to), &block) == Some(to);
    if [ChMask::EMPTY, all].iter().all(leads_from) {
        return block;
    }
    let opposite = ChMask::from_words(to.words().map(|word| !word)).and(&all);
    layout.block(&opposite, &to, judged)
}

/// The network's channels that are not among the region's default ones.
fn beyond_default<'a>(
    tables: &'static RegionTables,
    network: &'a Network,
) -> impl Iterator<Item = &'a ExtraChannel> {
    let default = |channel: &&ExtraChannel| {
        !tables.default_channels().any(|(_, other)| other.frequency == channel.frequency)
    };
    network.channels_of(tables).filter(default)
}

/// The channels that a device of a dynamic plan should have: the region's and the network's. One
/// that it has keeps its index. Where the network has none, the device keeps what it has. A set of
/// data rates that NewChannelReq has no words for in the device's edition becomes the region's.
pub fn wanted_channels(profile: &Profile, network: &Network, current: &MacParams) -> Channels {
    let tables = profile.tables();
    let ChannelPlan::Dynamic { extra_data_rates, max_channels, .. } = &tables.plan else {
        return Channels::default();
    };
    let sayable = |set: &DataRateSet| set.to_new_channel(profile.reg_params).is_some();
    let mut wanted: Vec<DeviceChannel> = beyond_default(tables, network)
        .map(|extra| DeviceChannel {
            frequency: extra.frequency,
            data_rates: extra.data_rates.filter(sayable).unwrap_or(*extra_data_rates),
            rx1_frequency: extra.rx1_frequency.unwrap_or(extra.frequency),
        })
        .collect();
    let keeps = wanted.is_empty();
    let mut slots = vec![Slot::Free; usize::from(*max_channels)];
    let defaults =
        tables.default_channels().map(|(_, channel)| default_channel((tables, network), &channel));
    for (place, channel) in slots.iter_mut().zip(defaults) {
        *place = Slot::Channel(channel);
    }
    for (place, (_, has)) in slots.iter_mut().zip(current.channels.slots()) {
        let same = |wanted: &DeviceChannel| {
            has.channel().is_some_and(|channel| channel.frequency == wanted.frequency)
        };
        if let Some(found) = wanted.iter().position(same) {
            *place = Slot::Channel(wanted.remove(found));
        } else if keeps && *place == Slot::Free && has != Slot::Unknown {
            *place = has;
        }
    }
    let free = slots.iter_mut().filter(|slot| **slot == Slot::Free);
    for (place, channel) in free.zip(wanted) {
        *place = Slot::Channel(channel);
    }
    Channels::of(slots)
}

/// A default channel, which cannot be changed but may listen elsewhere.
fn default_channel(
    (tables, network): (&'static RegionTables, &Network),
    channel: &Channel,
) -> DeviceChannel {
    let same = |extra: &&ExtraChannel| extra.frequency == channel.frequency;
    let moved = network.channels_of(tables).find(same).and_then(|extra| extra.rx1_frequency);
    let plain = DeviceChannel::new(channel.frequency, channel.data_rates);
    DeviceChannel { rx1_frequency: moved.unwrap_or(plain.rx1_frequency), ..plain }
}

/// The channels that a device should have in use: of a fixed plan those of the sub-band, of a
/// dynamic plan those that it should have and, as far as we know, has. One that it does not have
/// would make it refuse the whole mask.
pub fn wanted_mask(
    profile: &Profile,
    network: &Network,
    (current, wanted): (&MacParams, &Channels),
) -> Option<ChMask> {
    let tables = profile.tables_after(current.joined_on);
    if !tables.plan.is_dynamic() {
        return self::wanted((profile, tables), network).or(current.ch_mask);
    }
    let frequency = |slot: Slot| slot.channel().map(|channel| channel.frequency);
    let has = |(index, slot): &(u8, Slot)| {
        frequency(*slot).is_some() && frequency(*slot) == frequency(current.channels.slot(*index))
    };
    Some(wanted.slots().filter(has).map(|(index, _)| index).collect())
}
