//! Where a device may send, and how it chooses. RP002-1.0.5, in each region's chapter.

use lns_lorawan::mac::LinkAdrReq;
use lns_lorawan::{CfList, ChMask, Frequency};

use super::plan::{Grid, Masks, Plan, Rates};
use crate::random::Random;

/// An uplink channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Channel {
    /// Its centre.
    pub frequency: Frequency,
    /// The data rates on it.
    pub rates: Rates,
    /// RX1's frequency, where DlChannelReq has moved it.
    pub rx1: Option<Frequency>,
}

impl Channel {
    /// Of DR0 to DR5 as default channels and those of a CFList are, or fewer.
    pub const fn new(frequency: Frequency, rates: Rates) -> Self {
        Self { frequency, rates, rx1: None }
    }
}

/// How many channels a device of a dynamic plan holds.
const DYNAMIC: usize = 16;
/// What default channels and those of a CFList carry.
const COMMON: Rates = Rates::span(0, 5);
/// At 2.4 GHz there is nothing but 812 kHz.
const ALL: Rates = Rates::span(0, 7);

/// Channel, its index, and the data rate.
pub type Choice = (u8, Channel, u8);

/// A device's channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channels {
    plan: &'static Plan,
    /// Those of a dynamic plan; empty in a fixed plan, where all are known.
    dynamic: Vec<Option<Channel>>,
    enabled: ChMask,
}

impl Channels {
    /// As after a reset. `sub_band`, 1 to 8, restricts a device of 64 and 8 channels from the start.
    pub fn new(plan: &'static Plan, sub_band: Option<u8>) -> Self {
        let (dynamic, enabled) = match plan.grid {
            Grid::Dynamic { defaults, .. } => {
                let rates = common(plan);
                let channel = |hz: &u32| Some(Channel::new(Frequency::from_hz(*hz), rates));
                let mut dynamic: Vec<_> = defaults.iter().map(channel).collect();
                dynamic.resize(DYNAMIC, None);
                (dynamic, ChMask::first(plan.default_count()))
            }
            Grid::Fixed { masks: Masks::SeventyTwo, .. } => {
                (Vec::new(), sub_band.map_or(ChMask::first(72), bank))
            }
            Grid::Fixed { .. } => (Vec::new(), ChMask::first(plan.default_count())),
        };
        Self { plan, dynamic, enabled }
    }

    /// Which may be used.
    pub fn enabled(&self) -> &ChMask {
        &self.enabled
    }

    /// Which are known.
    pub fn defined(&self) -> ChMask {
        (0..96).filter(|index| self.channel(*index).is_some()).collect()
    }

    /// The channel with this index.
    pub fn channel(&self, index: u8) -> Option<Channel> {
        let Grid::Fixed { groups, .. } = self.plan.grid else {
            return *self.dynamic.get(usize::from(index))?;
        };
        let mut within = index;
        for group in groups {
            if within < group.count {
                let (first, step) = group.up;
                let frequency = Frequency::from_hz(first + u32::from(within) * step);
                return Some(Channel::new(frequency, group.rates));
            }
            within -= group.count;
        }
        None
    }

    /// Is this data rate possible on any channel of a mask?
    pub fn carries(&self, mask: &ChMask, data_rate: u8) -> bool {
        mask.iter().any(|index| self.channel(index).is_some_and(|it| it.rates.contains(data_rate)))
    }

    /// The enabled channels, as far as they are known.
    pub fn usable(&self) -> impl Iterator<Item = (u8, Channel)> + '_ {
        self.enabled.iter().filter_map(|index| self.channel(index).map(|channel| (index, channel)))
    }

    /// A channel for this data rate, at random among the enabled ones that `is_free`.
    ///
    /// Where none carries it, a slower or faster one of those that are `allowed` is taken instead: a
    /// device that has been told an impossible combination still has to send.
    pub fn pick(
        &self,
        (data_rate, allowed): (u8, Rates),
        is_free: impl Fn(Frequency) -> bool,
        random: &mut Random,
    ) -> Option<Choice> {
        let rates = (0..=data_rate).rev().chain(data_rate + 1..16);
        let mut rates = rates.filter(|rate| allowed.contains(*rate));
        let carried = rates.find(|rate| self.carries(&self.enabled, *rate))?;
        let fits = |it: &(u8, Channel)| it.1.rates.contains(carried) && is_free(it.1.frequency);
        let (index, channel) = *random.pick(&self.usable().filter(fits).collect::<Vec<_>>())?;
        Some((index, channel, carried))
    }

    /// A channel for a Join-Request, and its data rate.
    ///
    /// Dynamic plans: one of the default channels. Plans of 64 and 8 channels: narrow ones at their
    /// slowest rate and wide ones at theirs, in turn. CN470 from RP002 on: one of the common join
    /// channels.
    pub fn pick_for_join(
        &self,
        (data_rate, attempt): (u8, u32),
        is_free: impl Fn(Frequency) -> bool,
        random: &mut Random,
    ) -> Option<Choice> {
        let (slowest, fastest) = self.plan.join_rates;
        let rate = data_rate.clamp(slowest, fastest);
        match self.plan.grid {
            Grid::Fixed { groups, masks: Masks::SeventyTwo } => {
                let wide = groups.last().map_or(0, |group| group.rates.0.trailing_zeros());
                let wide = u8::try_from(wide).unwrap_or(0);
                let rate = if attempt.is_multiple_of(2) { slowest } else { wide };
                self.pick((rate, Rates::span(rate, rate)), is_free, random)
            }
            Grid::Fixed { .. } if self.plan.homes.is_empty() => {
                self.pick((rate, COMMON), is_free, random)
            }
            Grid::Fixed { .. } => {
                let index = random.pick(self.plan.homes)?.join;
                self.channel(index).map(|channel| (index, channel, rate))
            }
            Grid::Dynamic { .. } => {
                let defaults = (0..self.plan.default_count())
                    .filter_map(|index| Some((index, self.channel(index)?)))
                    .filter(|(_, channel)| is_free(channel.frequency));
                let (index, channel) = *random.pick(&defaults.collect::<Vec<_>>())?;
                Some((index, channel, rate))
            }
        }
    }

    /// A Join-Accept's CFList. What is not meant for this kind of region is ignored.
    pub fn join(&mut self, cf_list: &CfList) {
        match (self.plan.grid, cf_list) {
            (Grid::Dynamic { .. }, CfList::Frequencies(frequencies)) => {
                for (index, frequency) in (self.plan.default_count()..).zip(frequencies) {
                    let added = frequency.map(|raw| self.plan.from_frame(raw));
                    self.put(index, added.map(|it| Channel::new(it, common(self.plan))));
                }
            }
            (Grid::Fixed { .. }, CfList::Masks(words)) => {
                let all = ChMask::first(self.plan.default_count());
                self.enabled = ChMask::from_words(*words).and(&all);
            }
            (Grid::Dynamic { .. }, CfList::Masks(_))
            | (Grid::Fixed { .. }, CfList::Frequencies(_)) => {}
        }
    }

    /// Makes, changes or removes a channel.
    pub fn put(&mut self, index: u8, channel: Option<Channel>) {
        if let Some(slot) = self.dynamic.get_mut(usize::from(index)) {
            *slot = channel;
            self.enabled.set(index, channel.is_some());
        }
    }

    /// DlChannelReq: RX1 of a channel is elsewhere from now on.
    pub(super) fn move_rx1(&mut self, index: u8, channel: Channel, rx1: Frequency) {
        if let Some(slot) = self.dynamic.get_mut(usize::from(index)) {
            *slot = Some(Channel { rx1: Some(rx1), ..channel });
        }
    }

    /// May NewChannelReq touch this index?
    pub fn is_free(&self, index: u8) -> bool {
        index >= self.plan.default_count() && usize::from(index) < self.dynamic.len()
    }

    /// What a block of LinkADRReq would leave enabled. `None` for a mask that cannot be.
    pub fn masked(&self, block: &[LinkAdrReq]) -> Option<ChMask> {
        let mut mask = self.enabled;
        for request in block {
            match self.plan.grid {
                Grid::Dynamic { .. } => self.mask_16(&mut mask, request)?,
                Grid::Fixed { masks, .. } => mask_fixed(&mut mask, masks, request)?,
            }
        }
        let undefined = mask.iter().any(|index| self.channel(index).is_none());
        // RP002 on US915 and AU915: at least two channels of 125 kHz, where narrow data rates are
        // used.
        let too_few = match self.plan.grid {
            Grid::Fixed { masks: Masks::SeventyTwo, .. } => {
                let narrow = mask.iter().filter(|index| *index < 64).count();
                narrow == 1 || mask.count() == 0
            }
            Grid::Fixed { .. } | Grid::Dynamic { .. } => mask.count() == 0,
        };
        (!undefined && !too_few).then_some(mask)
    }

    /// Uses these from now on.
    pub fn enable(&mut self, mask: ChMask) {
        self.enabled = mask;
    }

    /// All default channels are on again, whatever the network has switched off.
    pub(super) fn enable_defaults(&mut self) {
        let defaults = ChMask::first(self.plan.default_count());
        self.enabled = self.enabled.or(&defaults);
    }

    fn mask_16(&self, mask: &mut ChMask, request: &LinkAdrReq) -> Option<()> {
        match request.ch_mask_cntl {
            0 => put_word(mask, 0, request.ch_mask),
            6 => *mask = self.defined(),
            _ => return None,
        }
        Some(())
    }
}

fn common(plan: &Plan) -> Rates {
    if plan.join_rates.1 == 7 { ALL } else { COMMON }
}

/// Eight narrow channels and the wide one in their middle. From 1 to 8.
fn bank(sub_band: u8) -> ChMask {
    let number = sub_band.saturating_sub(1).min(7);
    (number * 8..number * 8 + 8).chain([64 + number]).collect()
}

fn mask_fixed(mask: &mut ChMask, masks: Masks, request: &LinkAdrReq) -> Option<()> {
    match (masks, request.ch_mask_cntl) {
        (Masks::SeventyTwo, _) => return mask_72(mask, request),
        (Masks::NinetySix, word @ 0..=5)
        | (Masks::SixtyFour, word @ 0..=3)
        | (Masks::FortyEight, word @ 0..=2) => put_word(mask, word, request.ch_mask),
        (Masks::NinetySix, 6) => *mask = ChMask::first(96),
        (Masks::SixtyFour, 6) => *mask = ChMask::first(64),
        (Masks::FortyEight, 3) => *mask = ChMask::first(48),
        (Masks::SixtyFour, 7) | (Masks::FortyEight, 4) => *mask = ChMask::EMPTY,
        (Masks::NinetySix | Masks::SixtyFour | Masks::FortyEight, _) => return None,
    }
    Some(())
}

fn mask_72(mask: &mut ChMask, request: &LinkAdrReq) -> Option<()> {
    let wide = request.ch_mask & 0x00ff;
    match request.ch_mask_cntl {
        word @ 0..=3 => put_word(mask, word, request.ch_mask),
        4 => put_word(mask, 4, wide),
        // Whole banks, wide channels included, as the reference device has it.
        5 => {
            for number in 0..8u8 {
                let on = wide >> number & 1 == 1;
                bank(number + 1).iter().for_each(|index| mask.set(index, on));
            }
        }
        narrow @ (6 | 7) => {
            (0..64).for_each(|index| mask.set(index, narrow == 6));
            put_word(mask, 4, wide);
        }
        _ => return None,
    }
    Some(())
}

fn put_word(mask: &mut ChMask, word: u8, bits: u16) {
    (0..16).for_each(|bit| mask.set(word * 16 + bit, bits >> bit & 1 == 1));
}

#[cfg(test)]
mod tests;
