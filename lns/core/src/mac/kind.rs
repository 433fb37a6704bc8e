//! The requests of ours, and sets of them.

use crate::session::MacParams;

use super::{Moment, dev_status, link_adr};

/// One of our requests, most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// LinkADRReq: channels in use, data rate, power, repetitions.
    LinkAdr,
    /// DevStatusReq.
    DevStatus,
}

/// What a request is made of.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// What the device does.
    pub current: &'a MacParams,
    /// What it should do.
    pub desired: &'a MacParams,
    /// What it has told.
    pub mac: &'a super::MacState,
    /// When and for whom.
    pub moment: &'a Moment<'a>,
}

impl Kind {
    /// All of them, most urgent first.
    pub const ALL: [Kind; 2] = [Kind::LinkAdr, Kind::DevStatus];

    /// How many there are.
    pub(super) const COUNT: usize = Self::ALL.len();

    /// The command's CID.
    pub const fn cid(self) -> u8 {
        match self {
            Kind::LinkAdr => 0x03,
            Kind::DevStatus => 0x06,
        }
    }

    /// The command's name.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::LinkAdr => "LinkADR",
            Kind::DevStatus => "DevStatus",
        }
    }

    /// Whether the device does not do what it should.
    pub(super) fn needed(self, view: &View<'_>) -> bool {
        match self {
            Kind::LinkAdr => link_adr::needed(view),
            Kind::DevStatus => dev_status::needed(view),
        }
    }

    /// The request's bytes.
    pub(super) fn request(self, view: &View<'_>) -> Vec<u8> {
        match self {
            Kind::LinkAdr => link_adr::request(view),
            Kind::DevStatus => dev_status::request(),
        }
    }

    /// What this request sets, from one to the other.
    pub(super) fn copy(self, from: &MacParams, to: &mut MacParams) {
        match self {
            Kind::LinkAdr => link_adr::copy(from, to),
            Kind::DevStatus => {}
        }
    }

    /// Whether a request for what `desired` has would be another one than that for what `asked` has.
    pub(super) fn differs(self, asked: &MacParams, desired: &MacParams) -> bool {
        match self {
            Kind::LinkAdr => link_adr::differs(asked, desired),
            Kind::DevStatus => false,
        }
    }

    /// The device may or may not have done what it was asked.
    pub(super) fn forget(self, current: &mut MacParams) {
        match self {
            Kind::LinkAdr => link_adr::forget(current),
            Kind::DevStatus => {}
        }
    }
}

/// A set of requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requests(u16);

impl Requests {
    /// Just this one.
    pub const fn only(kind: Kind) -> Self {
        Requests(1 << kind as u16)
    }

    /// Whether it is one of them.
    pub const fn contains(self, kind: Kind) -> bool {
        self.0 & Self::only(kind).0 != 0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Both sets.
    #[must_use]
    pub const fn and(self, other: Requests) -> Requests {
        Requests(self.0 | other.0)
    }

    /// Most urgent first.
    pub fn iter(self) -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(move |kind| self.contains(*kind))
    }
}

impl FromIterator<Kind> for Requests {
    fn from_iter<I: IntoIterator<Item = Kind>>(kinds: I) -> Self {
        kinds.into_iter().fold(Requests::default(), |all, kind| all.and(Requests::only(kind)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_place_of_its_own() {
        for (place, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, place, "{kind:?}");
        }
        let all: Requests = Kind::ALL.into_iter().collect();
        assert_eq!(all.iter().count(), Kind::COUNT);
    }
}
