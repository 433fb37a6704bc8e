//! The one place that takes bytes off the front of a slice.

use crate::units::{Frequency, FrequencyStep};

/// What is left to read. A read that does not fit takes nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    step: FrequencyStep,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, step: FrequencyStep::Hz100 }
    }

    /// Frequencies are in these steps.
    pub(crate) const fn in_steps_of(self, step: FrequencyStep) -> Self {
        Self { step, ..self }
    }

    pub(crate) fn frequency(&mut self) -> Option<Frequency> {
        self.array().map(|bytes| Frequency::from_wire(bytes, self.step))
    }

    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*first)
    }

    pub(crate) fn slice(&mut self, length: usize) -> Option<&'a [u8]> {
        let (first, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(first)
    }

    /// Takes an array off the back.
    pub(crate) fn last_array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (rest, last) = self.rest.split_last_chunk::<N>()?;
        self.rest = rest;
        Some(*last)
    }
}
