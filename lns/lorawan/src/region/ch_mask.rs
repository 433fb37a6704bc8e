//! Sets of channels, and the LinkADRReq blocks that turn one into another.
//!
//! TS001-1.0.4 §5.2; ChMaskCntl by region in RP002.

use serde::{Deserialize, Serialize};

use crate::mac::LinkAdrReq;
use crate::units::{DataRateIndex, TxPowerIndex};

/// Masks of sixteen channels that a set has.
const WORDS: usize = 6;

/// Which of up to 96 channels are on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct ChMask([u16; WORDS]);

impl ChMask {
    /// None.
    pub const EMPTY: Self = Self([0; WORDS]);

    /// From masks of sixteen; channel 0 is the lowest bit of the first.
    pub const fn from_words(words: [u16; WORDS]) -> Self {
        Self(words)
    }

    /// As masks of sixteen; channel 0 is the lowest bit of the first.
    pub const fn words(&self) -> [u16; WORDS] {
        self.0
    }

    /// The first so many.
    pub fn first(count: u8) -> Self {
        (0..count).collect()
    }

    /// Eight narrow channels and the wide one above them, in a plan of 64 and 8. From 0 to 7.
    pub fn bank(number: u8) -> Option<Self> {
        let first = number.checked_mul(8).filter(|first| *first < 64)?;
        Some((first..first + 8).chain([64 + number]).collect())
    }

    /// Is this channel on?
    pub fn contains(&self, channel: u8) -> bool {
        self.word(channel >> 4) >> (channel & 0x0f) & 1 == 1
    }

    /// Switches a channel on or off. Beyond 95 there is none.
    pub fn set(&mut self, channel: u8, on: bool) {
        let Some(word) = self.0.get_mut(usize::from(channel >> 4)) else { return };
        let bit = 1u16 << (channel & 0x0f);
        *word = if on { *word | bit } else { *word & !bit };
    }

    /// The channels that are on, rising.
    pub fn iter(&self) -> impl Iterator<Item = u8> + '_ {
        (0..96).filter(|channel| self.contains(*channel))
    }

    /// How many are on.
    pub fn count(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    /// In both.
    pub fn and(&self, other: &Self) -> Self {
        Self(core::array::from_fn(|n| self.nth(n) & other.nth(n)))
    }

    /// In either.
    pub fn or(&self, other: &Self) -> Self {
        Self(core::array::from_fn(|n| self.nth(n) | other.nth(n)))
    }

    fn nth(&self, index: usize) -> u16 {
        self.0.get(index).copied().unwrap_or(0)
    }

    fn word(&self, index: u8) -> u16 {
        self.nth(usize::from(index))
    }

    fn put(&mut self, index: u8, mask: u16) {
        if let Some(word) = self.0.get_mut(usize::from(index)) {
            *word = mask;
        }
    }
}

impl FromIterator<u8> for ChMask {
    fn from_iter<I: IntoIterator<Item = u8>>(channels: I) -> Self {
        let mut mask = Self::EMPTY;
        channels.into_iter().for_each(|channel| mask.set(channel, true));
        mask
    }
}

impl core::fmt::Debug for ChMask {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("ChMask")?;
        f.debug_set().entries(self.iter()).finish()
    }
}

/// The two fields of a LinkADRReq that choose channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MaskRequest {
    /// ChMaskCntl.
    pub ch_mask_cntl: u8,
    /// ChMask.
    pub ch_mask: u16,
}

impl MaskRequest {
    /// The whole request.
    pub const fn link_adr(
        self,
        data_rate: DataRateIndex,
        tx_power: TxPowerIndex,
        nb_trans: u8,
    ) -> LinkAdrReq {
        let Self { ch_mask_cntl, ch_mask } = self;
        LinkAdrReq { data_rate, tx_power, ch_mask, ch_mask_cntl, nb_trans }
    }
}

impl From<&LinkAdrReq> for MaskRequest {
    fn from(request: &LinkAdrReq) -> Self {
        Self { ch_mask_cntl: request.ch_mask_cntl, ch_mask: request.ch_mask }
    }
}

/// How the device will take a block of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Judged {
    /// As one, all or nothing: with ADR on, in every version.
    AsBlock,
    /// Each on its own: with ADR off the reference device does so, and refuses a request that
    /// would leave fewer than two 125 kHz channels, even if the next one adds them.
    OneByOne,
}

/// What ChMaskCntl means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChMaskLayout {
    /// Dynamic plans: 0 is channels 0 to 15, 6 all that are defined.
    Sixteen,
    /// 64 narrow and 8 wide channels: 0 to 4 are masks, 5 banks, 6 and 7 all narrow ones on or off
    /// with a mask for the wide ones.
    SeventyTwo,
}

impl ChMaskLayout {
    /// What a device has on after these requests. `defined` are the channels it knows.
    ///
    /// `None` for a ChMaskCntl that is reserved, or a mask with channels that are not defined.
    pub fn apply(self, from: &ChMask, defined: &ChMask, block: &[MaskRequest]) -> Option<ChMask> {
        let after = block.iter().try_fold(*from, |mask, request| match self {
            Self::Sixteen => apply_16(mask, defined, *request),
            Self::SeventyTwo => apply_72(mask, *request),
        })?;
        (after.and(defined) == after).then_some(after)
    }

    /// The requests that lead from one set to another: as few as there can be, never none, the
    /// fullest masks first.
    ///
    /// ChMaskCntl 5 is never used: implementations disagree whether it switches the wide channels.
    pub fn block(self, from: &ChMask, to: &ChMask, judged: Judged) -> Vec<MaskRequest> {
        match self {
            Self::Sixteen => vec![MaskRequest { ch_mask_cntl: 0, ch_mask: to.word(0) }],
            Self::SeventyTwo => block_72(from, to, judged),
        }
    }
}

fn apply_16(mut mask: ChMask, defined: &ChMask, request: MaskRequest) -> Option<ChMask> {
    match request.ch_mask_cntl {
        0 => mask.put(0, request.ch_mask),
        6 => mask = *defined,
        _ => return None,
    }
    Some(mask)
}

fn apply_72(mut mask: ChMask, request: MaskRequest) -> Option<ChMask> {
    let wide = request.ch_mask & 0x00ff;
    match request.ch_mask_cntl {
        word @ 0..=3 => mask.put(word, request.ch_mask),
        4 => mask.put(4, wide),
        5 => {
            let banks = (0..8u8).filter(|bank| wide >> bank & 1 == 1).filter_map(ChMask::bank);
            mask = banks.fold(ChMask::EMPTY, |all, bank| all.or(&bank));
        }
        6 => mask = ChMask::from_words([0xffff, 0xffff, 0xffff, 0xffff, wide, 0]),
        7 => mask = ChMask::from_words([0, 0, 0, 0, wide, 0]),
        _ => return None,
    }
    Some(mask)
}

fn block_72(from: &ChMask, to: &ChMask, judged: Judged) -> Vec<MaskRequest> {
    let word = |index| MaskRequest { ch_mask_cntl: index, ch_mask: to.word(index) };
    let differing = |base: ChMask, words: core::ops::Range<u8>| {
        let differs = words.filter(|index| base.word(*index) != to.word(*index));
        let mut requests: Vec<MaskRequest> = differs.map(word).collect();
        requests.sort_by_key(|request| core::cmp::Reverse(request.ch_mask.count_ones()));
        requests
    };
    let one_by_one = differing(*from, 0..5);
    let shortcut = |ch_mask_cntl| {
        let first = MaskRequest { ch_mask_cntl, ch_mask: to.word(4) };
        let base = apply_72(*from, first).unwrap_or(*from);
        [vec![first], differing(base, 0..4)].concat()
    };
    let mut block = match judged {
        // All narrow channels on is no danger to a device that judges each request alone.
        Judged::OneByOne => shorter(one_by_one, shortcut(6)),
        Judged::AsBlock => shorter(shorter(one_by_one, shortcut(6)), shortcut(7)),
    };
    if block.is_empty() {
        block.push(word(0));
    }
    block
}

/// The first on equal length.
fn shorter(first: Vec<MaskRequest>, second: Vec<MaskRequest>) -> Vec<MaskRequest> {
    if second.len() < first.len() { second } else { first }
}
