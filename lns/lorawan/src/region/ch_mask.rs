//! Sets of channels.

use serde::{Deserialize, Serialize};

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

    pub(super) fn word(&self, index: u8) -> u16 {
        self.nth(usize::from(index))
    }

    pub(super) fn put(&mut self, index: u8, mask: u16) {
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
