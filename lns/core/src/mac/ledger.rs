//! What was asked, what was refused, and where each request stands.

use crate::session::MacParams;

use super::ask::Ask;
use super::kind::{Kind, Requests, View};

/// The account of our requests in one session. A device that does what it should has none.
#[derive(Clone, Debug, PartialEq)]
pub struct Ledger {
    /// The values last asked, each meaningful while its request is outstanding.
    pub asked: MacParams,
    /// The values last refused, each meaningful while its [`Ask`] says so.
    pub refused: MacParams,
    asks: [Ask; Kind::COUNT],
}

impl Ledger {
    /// Nothing is asked yet of a device that does this.
    pub fn new(current: &MacParams) -> Self {
        let (asked, refused) = (current.clone(), current.clone());
        Ledger { asked, refused, asks: [Ask::default(); Kind::COUNT] }
    }

    /// Where a request stands.
    pub fn ask(&self, kind: Kind) -> &Ask {
        // A kind's number is below the length of an array that has a place for each.
        &self.asks[kind as usize]
    }

    pub(crate) fn ask_mut(&mut self, kind: Kind) -> &mut Ask {
        &mut self.asks[kind as usize]
    }

    /// Whether nothing is outstanding, refused or put off.
    pub fn is_settled(&self) -> bool {
        self.asks.iter().all(|ask| *ask == Ask::default())
    }

    /// What a device's MAC does once it has granted everything that is outstanding.
    pub fn if_granted(&self, current: &MacParams) -> MacParams {
        let mut granted = current.clone();
        for kind in self.outstanding().iter() {
            kind.copy(&self.asked, &mut granted);
        }
        granted
    }

    /// The requests that wait for their answers.
    pub fn outstanding(&self) -> Requests {
        Kind::ALL.into_iter().filter(|kind| self.ask(*kind).outstanding).collect()
    }

    /// Whether this may be asked now: nothing of its kind is outstanding, and it is not put off. A
    /// value that the device has not refused need not wait for one that it has.
    pub(super) fn may_ask(&self, kind: Kind, view: &View<'_>) -> bool {
        let ask = self.ask(kind);
        let other_value = || kind.differs(&self.refused, view.desired);
        ask.may_ask(view.moment.f_cnt_up) || (ask.may_ask_other() && other_value())
    }

    /// A frame asks for these.
    pub(super) fn asked(&mut self, requests: Requests, desired: &MacParams) {
        for kind in requests.iter() {
            kind.copy(desired, &mut self.asked);
            self.ask_mut(kind).asked();
        }
    }
}
