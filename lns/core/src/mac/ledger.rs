//! What was asked, what was refused, and where each request stands.

use lns_lorawan::FCntUp;

use super::ask::{Ask, Verdict};
use super::kind::{Kind, Requests, View};
use crate::session::{MacParams, Session};

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
    pub(super) fn asked(&mut self, aims: Vec<(Kind, MacParams)>) {
        for (kind, aim) in aims {
            let another = kind.differs(&self.asked, &aim);
            let ask = self.ask_mut(kind);
            if another {
                ask.in_vain = 0;
            }
            ask.asked();
            kind.copy(&aim, &mut self.asked);
        }
    }

    /// The device has answered. The statuses of its refusals.
    pub(super) fn answered(
        &mut self,
        (kind, verdicts): (Kind, &[Verdict]),
        session: &mut Session,
        f_cnt_up: FCntUp,
    ) -> Vec<u8> {
        let refusals = verdicts.iter().filter_map(|verdict| match verdict {
            Verdict::Done => None,
            Verdict::Refused { status } => Some(*status),
        });
        let refusals: Vec<u8> = refusals.collect();
        if kind.is_about_channels() {
            self.one_by_one((kind, verdicts), session);
        } else if refusals.is_empty() {
            kind.grant(&self.asked, session.current_mut());
        } else {
            kind.copy(&self.asked, &mut self.refused);
        }
        let ask = self.ask_mut(kind);
        if !refusals.is_empty() {
            ask.refused(f_cnt_up);
        } else if kind == Kind::LinkAdr {
            ask.granted_for_now(f_cnt_up);
        } else {
            ask.granted();
        }
        refusals
    }

    /// Each of several requests has an answer of its own, in the order of the requests. One that has
    /// none, because the device had no room for it, may have been done or not.
    fn one_by_one(&mut self, (kind, verdicts): (Kind, &[Verdict]), session: &mut Session) {
        let Ledger { asked, refused, .. } = self;
        let current = session.current_mut();
        let mut verdicts = verdicts.iter();
        for index in kind.indices(asked, current) {
            match verdicts.next() {
                Some(Verdict::Done) => kind.grant_one(index, asked, current),
                Some(Verdict::Refused { .. }) => {
                    let slot = asked.channels.slot(index);
                    refused.channels = refused.channels.with(index, slot);
                }
                None => kind.forget_one(index, current),
            }
        }
    }
}
