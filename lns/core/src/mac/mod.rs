//! MAC commands: what a device is asked, and what it is answered. TS001-1.0.4 §5.
//!
//! A session remembers what the device's MAC does ([`MacParams`], *current*); [`desired`] is what it
//! should do. Where they differ, a request is due. One command pair a file:
//!
//! * a request of ours has `needed` (does the device do otherwise?), `request` (its bytes), `copy`
//!   (which parameters it sets) and `on_answer` (what an answer says); it is a [`Kind`], and the
//!   [`Ledger`] remembers which value was asked and where it stands;
//! * a question of the device's is answered by [`Answers`].
//!
//! Whether an answer came, was a refusal or is missing is decided here, once for all of them.

pub mod answers;
pub mod ask;
pub mod channel_plan;
pub mod desired;
pub mod dev_status;
pub mod device_mode;
pub mod device_time;
pub mod force_rejoin;
pub mod kind;
pub mod ledger;
pub mod link_adr;
pub mod link_check;
pub mod rekey;
pub mod reset;

use lns_lorawan::mac::{DownlinkMacCommand, MacStop, UplinkMacCommand, UplinkMacCommands};
use lns_lorawan::{DataRateIndex, FCntUp, Timestamp};

use crate::env::Network;
use crate::event::{Freshness, UplinkHeard};
use crate::note::Note;
use crate::profile::Profile;
use crate::session::{MacParams, Session};

pub use answers::Answers;
pub use desired::desired;
pub use kind::{Kind, Requests};
pub use ledger::Ledger;

use ask::Verdict;
use dev_status::DevStatus;
use kind::View;

/// What a device has told and was asked in MAC commands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MacState {
    /// Data rate of its last uplink.
    pub data_rate: Option<DataRateIndex>,
    /// ADR bit of its last uplink.
    pub adr: bool,
    /// Its battery and margin.
    pub dev_status: DevStatus,
    /// What it was asked; `None` while nothing is outstanding, refused or put off.
    pub ledger: Option<Box<Ledger>>,
}

/// What an uplink's commands have come to.
#[derive(Debug, Default)]
pub struct Received {
    /// To be answered.
    pub answers: Answers,
    /// The device repeats an answer until it hears any downlink.
    pub repeats_until_heard: bool,
    /// What was seen.
    pub notes: Vec<Note>,
}

/// When and for whom it is decided what to ask.
#[derive(Clone, Copy)]
pub struct Moment<'a> {
    /// Now.
    pub now: Timestamp,
    /// Whether the uplink is new.
    pub freshness: Freshness,
    /// The counter of the last uplink.
    pub f_cnt_up: FCntUp,
    /// The device's make.
    pub profile: &'a Profile,
    /// The network's settings.
    pub network: &'a Network,
    /// Whether the device has joined; else it is activated by personalization.
    pub joined: bool,
}

impl MacState {
    /// For a new session: what the device told of itself stays true, what it was asked does not.
    pub fn for_new_session(&self) -> Self {
        MacState { dev_status: self.dev_status, ..MacState::default() }
    }

    /// For new keys with the old parameters: of what was asked and not answered, the device may have
    /// done the one or the other. NbTrans is not known either: the text lets it stay, a reference
    /// device puts it back to 1.
    pub fn for_new_keys(&self, session: &mut Session) -> Self {
        let outstanding = self.ledger.as_ref().map(|ledger| ledger.outstanding());
        for kind in outstanding.unwrap_or_default().iter() {
            kind.forget(session.current_mut());
        }
        session.current_mut().nb_trans = None;
        MacState { ledger: None, ..self.clone() }
    }

    /// An uplink's data rate and ADR bit.
    pub fn hear_parameters(&mut self, data_rate: DataRateIndex, adr: bool) {
        self.data_rate = Some(data_rate);
        self.adr = adr;
    }

    /// Reads the commands of an uplink. In a repeat only the device's questions count: its answers
    /// have been taken.
    pub fn hear(
        &mut self,
        session: &mut Session,
        heard: &UplinkHeard,
        moment: &Moment<'_>,
    ) -> Received {
        let mut received = Received::default();
        let mut said = Vec::new();
        for command in UplinkMacCommands::new(heard.opened.mac_commands()) {
            match command {
                Ok(command) if answers::is_question(&command) => {
                    received.answers.answer(&command, &heard.receptions)
                }
                Ok(command) if answers::is_indication(&command) => {
                    if !received.answers.confirm(&command, session, moment.joined) {
                        let note = Note::UnexpectedMacAnswer { cid: command.cid() };
                        received.notes.push(note);
                    }
                }
                Ok(_) if moment.freshness == Freshness::Repeat => {}
                Ok(UplinkMacCommand::LinkAdrAns(answer)) => {
                    said.push((Kind::LinkAdr, link_adr::on_answer(answer)));
                }
                Ok(UplinkMacCommand::DevStatusAns(answer)) => {
                    received.notes.push(self.dev_status.on_answer(answer, moment.now));
                    said.push((Kind::DevStatus, Verdict::Done));
                }
                Ok(other) => {
                    received.repeats_until_heard |= is_sticky(&other);
                    received.notes.push(Note::UnexpectedMacAnswer { cid: other.cid() });
                }
                Err(MacStop::UnknownCid { cid, .. } | MacStop::Truncated { cid, .. }) => {
                    received.notes.push(Note::UnknownMacCommand { cid });
                }
            }
        }
        for kind in Kind::ALL {
            let of_kind = said.iter().filter(|(said, _)| *said == kind);
            let verdicts: Vec<Verdict> = of_kind.map(|(_, verdict)| *verdict).collect();
            if !verdicts.is_empty() {
                received.notes.extend(self.settle((kind, &verdicts), session, moment.f_cnt_up));
            }
        }
        received
    }

    /// A request has its answer. One refusal among several answers counts for all.
    fn settle(
        &mut self,
        (kind, verdicts): (Kind, &[Verdict]),
        session: &mut Session,
        f_cnt_up: FCntUp,
    ) -> Option<Note> {
        let cid = kind.cid();
        let outstanding = |ledger: &&mut Box<Ledger>| ledger.ask(kind).outstanding;
        let Some(ledger) = self.ledger.as_mut().filter(outstanding) else {
            return Some(Note::UnexpectedMacAnswer { cid });
        };
        let refusal = verdicts.iter().find_map(|verdict| match verdict {
            Verdict::Done => None,
            Verdict::Refused { status } => Some(*status),
        });
        let Some(status) = refusal else {
            kind.copy(&ledger.asked, session.current_mut());
            ledger.ask_mut(kind).granted();
            self.put_away();
            return None;
        };
        kind.copy(&ledger.asked, &mut ledger.refused);
        ledger.ask_mut(kind).refused(f_cnt_up);
        Some(Note::MacRequestRefused { cid, status })
    }

    /// Nothing is left to be remembered.
    fn put_away(&mut self) {
        self.ledger.take_if(|ledger| ledger.is_settled());
    }
}

/// An answer that a device repeats in every uplink until it hears any downlink, so that a lost frame
/// cannot leave the two ends with different parameters: RXParamSetupAns (LoRaWAN 1.0.3 §5.4),
/// RXTimingSetupAns (TS001-1.0.4 §5.7), TXParamSetupAns (§5.8), DlChannelAns (LoRaWAN 1.0.3 §5.6),
/// PingSlotChannelAns (TS001-1.0.4 §12).
fn is_sticky(command: &UplinkMacCommand) -> bool {
    matches!(
        command,
        UplinkMacCommand::RxParamSetupAns(_)
            | UplinkMacCommand::RxTimingSetupAns
            | UplinkMacCommand::TxParamSetupAns
            | UplinkMacCommand::DlChannelAns(_)
            | UplinkMacCommand::PingSlotChannelAns(_)
    )
}

/// Appends a command of ours.
fn write(command: DownlinkMacCommand, commands: &mut Vec<u8>) {
    let written = command.encode(commands);
    written.expect("only a frequency can be impossible to write, and no command here has one");
}

/// Our requests and where each of them stands.
impl MacState {
    /// What is to be asked now.
    pub fn due(&self, session: &Session, moment: &Moment<'_>) -> Requests {
        let desired = desired(moment.profile, moment.network, session);
        let view = View { current: &session.current, desired: &desired, mac: self, moment };
        let may_ask = |kind| self.ledger.as_ref().is_none_or(|ledger| ledger.may_ask(kind, &view));
        Kind::ALL.into_iter().filter(|kind| kind.needed(&view) && may_ask(*kind)).collect()
    }

    /// These requests as bytes, most urgent first.
    pub fn requests(
        &self,
        wanted: Requests,
        session: &Session,
        moment: &Moment<'_>,
    ) -> Vec<(Kind, Vec<u8>)> {
        let desired = desired(moment.profile, moment.network, session);
        let view = View { current: &session.current, desired: &desired, mac: self, moment };
        let requests = wanted.iter().filter(|kind| kind.needed(&view));
        requests.map(|kind| (kind, kind.request(&view))).collect()
    }

    /// A frame with these requests was filled, for what `desired` has.
    pub fn asked(&mut self, requests: Requests, current: &MacParams, desired: &MacParams) {
        if !requests.is_empty() {
            let ledger = self.ledger.get_or_insert_with(|| Box::new(Ledger::new(current)));
            ledger.asked(requests, desired);
        }
    }

    /// The frame with these requests was not sent.
    pub fn not_sent(&mut self, requests: Requests) {
        if let Some(ledger) = &mut self.ledger {
            requests.iter().for_each(|kind| ledger.ask_mut(kind).not_sent());
        }
        self.put_away();
    }

    /// A new uplink has been read: what it has not answered has no answer, and the device may have
    /// done it or not.
    pub fn unanswered(&mut self, session: &mut Session, f_cnt_up: FCntUp) {
        let Some(ledger) = &mut self.ledger else { return };
        for kind in Kind::ALL {
            if ledger.ask_mut(kind).unanswered(f_cnt_up) {
                kind.forget(session.current_mut());
            }
        }
    }
}
