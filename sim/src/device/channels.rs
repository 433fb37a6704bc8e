//! Where a device may send, and how it chooses. RP002-1.0.5, chapters on EU863–870 and US902–928.

use lns_lorawan::mac::LinkAdrReq;
use lns_lorawan::{CfList, ChMask, Frequency, Region};

use crate::random::Random;

/// An uplink channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Channel {
    /// Its centre.
    pub frequency: Frequency,
    /// The slowest data rate on it.
    pub min_dr: u8,
    /// The fastest data rate on it.
    pub max_dr: u8,
    /// RX1's frequency, where DlChannelReq has moved it.
    pub rx1: Option<Frequency>,
}

impl Channel {
    fn carries(&self, data_rate: u8) -> bool {
        (self.min_dr..=self.max_dr).contains(&data_rate)
    }
}

/// How many channels an EU868 device holds.
const DYNAMIC: usize = 16;
/// EU868's default channels (RP001-1.0.3 A §2.2.2), which cannot be changed (TS001-1.0.4 §5.6).
const DEFAULTS: [u32; 3] = [868_100_000, 868_300_000, 868_500_000];

/// A device's channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channels {
    region: Region,
    /// EU868's; empty in US915, where all are known.
    dynamic: Vec<Option<Channel>>,
    enabled: ChMask,
}

impl Channels {
    /// As after a reset. `sub_band`, 1 to 8, restricts a US915 device from the start.
    pub fn new(region: Region, sub_band: Option<u8>) -> Self {
        let defaults = DEFAULTS.map(|hz| {
            let frequency = Frequency::from_hz(hz);
            Some(Channel { frequency, min_dr: 0, max_dr: 5, rx1: None })
        });
        let (dynamic, enabled) = match region {
            Region::Eu868 | not_simulated!() => {
                let mut dynamic = defaults.to_vec();
                dynamic.resize(DYNAMIC, None);
                (dynamic, ChMask::first(3))
            }
            Region::Us915 => (Vec::new(), sub_band.map_or(ChMask::first(72), bank)),
        };
        Self { region, dynamic, enabled }
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
        let fixed = |hz, min_dr, max_dr| {
            let frequency = Frequency::from_hz(hz);
            Some(Channel { frequency, min_dr, max_dr, rx1: None })
        };
        match (self.region, index) {
            (Region::Eu868 | not_simulated!(), _) => *self.dynamic.get(usize::from(index))?,
            (Region::Us915, 0..=63) => fixed(902_300_000 + u32::from(index) * 200_000, 0, 3),
            (Region::Us915, 64..=71) => {
                fixed(903_000_000 + u32::from(index - 64) * 1_600_000, 4, 4)
            }
            (Region::Us915, _) => None,
        }
    }

    /// Is this data rate possible on any channel of a mask?
    pub fn carries(&self, mask: &ChMask, data_rate: u8) -> bool {
        mask.iter().any(|index| self.channel(index).is_some_and(|it| it.carries(data_rate)))
    }

    /// A channel for this data rate, at random among the enabled ones.
    ///
    /// Where none carries it, a slower or faster one that is possible is taken instead: a device
    /// that has been told an impossible combination still has to send.
    pub fn pick(&self, data_rate: u8, random: &mut Random) -> Option<(u8, Channel, u8)> {
        let usable = |wanted: u8| -> Vec<(u8, Channel)> {
            let known = |index| self.channel(index).map(|channel| (index, channel));
            self.enabled.iter().filter_map(known).filter(|(_, it)| it.carries(wanted)).collect()
        };
        let rates = (0..=data_rate).rev().chain(data_rate + 1..16);
        rates.into_iter().find_map(|wanted| {
            let (index, channel) = *random.pick(&usable(wanted))?;
            Some((index, channel, wanted))
        })
    }

    /// A channel for a Join-Request, and its data rate.
    ///
    /// EU868: one of the default channels. US915: narrow ones at DR0 and wide ones at DR4, in turn.
    pub fn pick_for_join(
        &self,
        (data_rate, attempt): (u8, u32),
        random: &mut Random,
    ) -> Option<(u8, Channel, u8)> {
        match self.region {
            Region::Eu868 | not_simulated!() => {
                let index = u8::try_from(random.below(3)).unwrap_or(0);
                Some((index, self.channel(index)?, data_rate.min(5)))
            }
            Region::Us915 if attempt.is_multiple_of(2) => self.pick(0, random),
            Region::Us915 => self.pick(4, random),
        }
    }

    /// A Join-Accept's CFList. What is not meant for this kind of region is ignored.
    pub fn join(&mut self, cf_list: &CfList) {
        match (self.region, cf_list) {
            (Region::Eu868 | not_simulated!(), CfList::Frequencies(frequencies)) => {
                for (index, frequency) in (3..).zip(frequencies) {
                    let added = frequency.map(|frequency| Channel {
                        frequency,
                        min_dr: 0,
                        max_dr: 5,
                        rx1: None,
                    });
                    self.put(index, added);
                }
            }
            (Region::Us915, CfList::Masks(words)) => {
                self.enabled = ChMask::from_words(*words).and(&ChMask::first(72));
            }
            (Region::Eu868 | not_simulated!(), CfList::Masks(_))
            | (Region::Us915, CfList::Frequencies(_)) => {}
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
        (DEFAULTS.len()..self.dynamic.len()).contains(&usize::from(index))
    }

    /// What a block of LinkADRReq would leave enabled. `None` for a mask that cannot be.
    pub fn masked(&self, block: &[LinkAdrReq]) -> Option<ChMask> {
        let mut mask = self.enabled;
        for request in block {
            match self.region {
                Region::Eu868 | not_simulated!() => self.mask_16(&mut mask, request)?,
                Region::Us915 => mask_72(&mut mask, request)?,
            }
        }
        let undefined = mask.iter().any(|index| self.channel(index).is_none());
        // RP002 on US915: at least two channels of 125 kHz, where narrow data rates are used.
        let too_few = match self.region {
            Region::Eu868 | not_simulated!() => mask.count() == 0,
            Region::Us915 => {
                let narrow = mask.iter().filter(|index| *index < 64).count();
                narrow == 1 || mask.count() == 0
            }
        };
        (!undefined && !too_few).then_some(mask)
    }

    /// Uses these from now on.
    pub fn enable(&mut self, mask: ChMask) {
        self.enabled = mask;
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

/// Eight narrow channels and the wide one in their middle. From 1 to 8.
fn bank(sub_band: u8) -> ChMask {
    let number = sub_band.saturating_sub(1).min(7);
    (number * 8..number * 8 + 8).chain([64 + number]).collect()
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
mod tests {
    use super::*;
    use lns_lorawan::{DataRateIndex, TxPowerIndex};

    fn request(ch_mask_cntl: u8, ch_mask: u16) -> LinkAdrReq {
        LinkAdrReq {
            data_rate: DataRateIndex::DR0,
            tx_power: TxPowerIndex::MAX_POWER,
            ch_mask,
            ch_mask_cntl,
            nb_trans: 1,
        }
    }

    fn masked(channels: &Channels, block: &[(u8, u16)]) -> Option<Vec<u8>> {
        let block: Vec<_> = block.iter().map(|(cntl, mask)| request(*cntl, *mask)).collect();
        channels.masked(&block).map(|mask| mask.iter().collect())
    }

    #[test]
    fn a_sub_band_is_eight_narrow_channels_and_a_wide_one() {
        let channels = Channels::new(Region::Us915, Some(2));
        let enabled: Vec<u8> = channels.enabled().iter().collect();
        assert_eq!(enabled, [8, 9, 10, 11, 12, 13, 14, 15, 65]);
        assert_eq!(channels.channel(8).unwrap().frequency.hz(), 903_900_000);
        assert_eq!(channels.channel(65).unwrap().frequency.hz(), 904_600_000);
        assert_eq!(channels.channel(71).unwrap().frequency.hz(), 914_200_000);
        assert_eq!(channels.channel(72), None);
    }

    #[test]
    fn us915_joins_narrow_and_wide_in_turn() {
        let channels = Channels::new(Region::Us915, Some(2));
        let mut random = Random::new(1);
        for attempt in 0..8 {
            let (index, _, data_rate) = channels.pick_for_join((3, attempt), &mut random).unwrap();
            if attempt % 2 == 0 {
                assert!((8..16).contains(&index) && data_rate == 0);
            } else {
                assert_eq!((index, data_rate), (65, 4));
            }
        }
    }

    #[test]
    fn masks_of_us915_are_read() {
        let all = Channels::new(Region::Us915, None);
        let sub_band_2 = vec![8, 9, 10, 11, 12, 13, 14, 15, 65];
        assert_eq!(masked(&all, &[(7, 0x0002), (0, 0xff00)]), Some(sub_band_2.clone()));
        assert_eq!(masked(&all, &[(5, 0x0002)]), Some(sub_band_2));
        assert_eq!(masked(&all, &[(6, 0x0001)]), Some((0..65).collect()));
        assert_eq!(masked(&all, &[(7, 0x0000)]), None);
        assert_eq!(masked(&all, &[(7, 0x0000), (0, 0x0001)]), None);
    }

    #[test]
    fn masks_of_eu868_name_only_what_is_there() {
        let mut channels = Channels::new(Region::Eu868, None);
        assert_eq!(masked(&channels, &[(0, 0b1111)]), None);
        assert_eq!(masked(&channels, &[(0, 0)]), None);
        assert_eq!(masked(&channels, &[(1, 1)]), None);
        let frequency = Some(Frequency::from_hz(867_100_000));
        channels.join(&CfList::Frequencies([frequency, None, None, None, None]));
        assert_eq!(masked(&channels, &[(0, 0b1111)]), Some(vec![0, 1, 2, 3]));
        assert_eq!(masked(&channels, &[(0, 1), (6, 0)]), Some(vec![0, 1, 2, 3]));
    }

    #[test]
    fn an_impossible_data_rate_gives_way_to_a_possible_one() {
        let mut channels = Channels::new(Region::Us915, Some(1));
        channels.enable([65u8].into_iter().collect());
        let (index, _, data_rate) = channels.pick(3, &mut Random::new(1)).unwrap();
        assert_eq!((index, data_rate), (65, 4));
    }
}
