//! MAC commands: what a device is asked, and what it is answered. TS001-1.0.4 §5.
//!
//! A session remembers what the device's MAC does ([`MacParams`], *current*); [`desired()`] is what
//! it should do. Where they differ, a request is due. One command pair a file:
//!
//! * a request of ours has `needed` or `differs` (does the device do otherwise?), `aim` (what to
//!   ask), `request` (the commands), `copy` (which parameters it sets) and `on_answer` (what an
//!   answer says); it is a [`Kind`], and the [`Ledger`] remembers which value was asked and where it
//!   stands;
//! * a question of the device's is answered by [`Answers`].
//!
//! Whether an answer came, was a refusal or is missing is decided here, once for all of them.

pub mod account;
pub mod adr_param_setup;
pub mod answers;
pub mod ask;
pub mod beacon_freq;
pub mod beacon_timing;
pub mod channel_plan;
pub mod desired;
pub mod dev_status;
pub mod device_mode;
pub mod device_time;
pub mod dl_channel;
pub mod duty_cycle;
pub mod force_rejoin;
pub mod kind;
pub mod ledger;
pub mod link_adr;
pub mod link_check;
pub mod new_channel;
pub mod ping_slot_channel;
pub mod ping_slot_info;
pub mod rejoin_param_setup;
pub mod rekey;
pub mod reset;
pub mod rx_param_setup;
pub mod rx_timing_setup;
pub mod tx_param_setup;

use lns_lorawan::mac::{DownlinkMacCommand, MacStop, UplinkMacCommand, UplinkMacCommands};
use lns_lorawan::{DataRateIndex, FCntUp, MacVersion, RxDelay, Timestamp, TxPowerIndex};

use crate::adr::Target;
use crate::env::Network;
use crate::event::{Freshness, UplinkHeard};
use crate::note::Note;
use crate::profile::Profile;
use crate::session::{MacParams, Session};

pub use account::{Account, Standing, account};
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
    /// ADR bit of its last uplink.
    pub adr: bool,
    /// Its battery and margin.
    pub dev_status: DevStatus,
    /// What ADR wants of it; `None` before ADR has said anything. In memory only.
    pub target: Option<Target>,
    /// RX1 must not open earlier: the gateways that hear it answer late.
    pub least_rx_delay: Option<RxDelay>,
    /// Answers in its last uplink that it repeats until it hears us. While it may repeat one, no
    /// other value of its kind is asked: nobody could tell which one an answer means.
    pub repeated: Requests,
    /// What it was asked; `None` while nothing is outstanding, refused or put off.
    pub ledger: Option<Box<Ledger>>,
}

/// From this CID on commands are their makers' (TS001-1.0.4 §5).
const PROPRIETARY: u8 = 0x80;

/// What an uplink's commands have come to.
#[derive(Debug, Default)]
pub struct Received {
    /// To be answered.
    pub answers: Answers,
    /// The device repeats an answer until it hears any downlink.
    pub repeats_until_heard: bool,
    /// A data rate and a power that it has refused.
    pub refused: (Option<DataRateIndex>, Option<TxPowerIndex>),
    /// Commands of its maker's, for the application; as long as they were in a new frame.
    pub proprietary: Option<Box<[u8]>>,
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
    /// For a new session: what the device told of itself, and what is known of its gateways, stays
    /// true; what it was asked does not.
    pub fn for_new_session(&self) -> Self {
        MacState {
            dev_status: self.dev_status,
            least_rx_delay: self.least_rx_delay,
            ..MacState::default()
        }
    }

    /// For new keys with the old parameters: of what was asked and not answered, the device may have
    /// done the one or the other. NbTrans is not known either: the text lets it stay, a reference
    /// device puts it back to 1.
    pub fn for_new_keys(&self, session: &mut Session) -> Self {
        if let Some(ledger) = &self.ledger {
            for kind in ledger.outstanding().iter() {
                kind.forget(&ledger.asked, session.current_mut());
            }
        }
        session.current_mut().nb_trans = None;
        MacState { ledger: None, ..self.clone() }
    }

    /// A new uplink's data rate and ADR bit, when its answers have been read: it is sent as they say.
    ///
    /// A device with ADR that slows itself down has waited for a downlink in vain. It has then first
    /// gone to full power, and at the slowest data rate to one transmission on the default channels
    /// (TS001-1.0.4 §4.3.1.1): power, and there NbTrans, are as they were or so.
    pub fn hear_parameters(
        &mut self,
        session: &mut Session,
        (data_rate, adr): (DataRateIndex, bool),
        profile: &Profile,
    ) {
        let (slowest, _) = profile.tables().adr_data_rates;
        let slower = session.current.data_rate.is_some_and(|before| data_rate < before);
        let by_itself = slower && adr;
        if session.current.data_rate != Some(data_rate) {
            session.current_mut().data_rate = Some(data_rate);
        }
        if by_itself {
            let current = session.current_mut();
            current.tx_power = current.tx_power.filter(|power| *power == TxPowerIndex::MAX_POWER);
            if data_rate <= slowest {
                current.nb_trans = current.nb_trans.filter(|nb_trans| *nb_trans == 1);
            }
        }
        self.adr = adr;
    }

    /// Whether an answer to this is waited for.
    pub fn is_outstanding(&self, kind: Kind) -> bool {
        self.ledger.as_ref().is_some_and(|ledger| ledger.ask(kind).outstanding)
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
                Ok(UplinkMacCommand::PingSlotInfoReq(request)) => {
                    ping_slot_info::hear(request, session);
                    received.answers.ping_slot_info = true;
                }
                Ok(command) => match verdict(&command) {
                    Some(said_so) => said.push(said_so),
                    None => {
                        let note = Note::UnexpectedMacAnswer { cid: command.cid() };
                        received.notes.push(note);
                    }
                },
                Err(MacStop::UnknownCid { cid, rest }) if cid >= PROPRIETARY => {
                    let new = moment.freshness == Freshness::New;
                    received.proprietary = new.then(|| rest.into());
                }
                Err(MacStop::UnknownCid { cid, .. } | MacStop::Truncated { cid, .. }) => {
                    received.notes.push(Note::UnknownMacCommand { cid });
                }
            }
            if let Ok(UplinkMacCommand::DevStatusAns(answer)) = command
                && moment.freshness == Freshness::New
            {
                received.notes.push(self.dev_status.on_answer(answer, moment.now));
            }
        }
        let repeats = |(kind, _): &(Kind, Verdict)| kind.is_sticky(MacVersion::V1_1_0);
        received.repeats_until_heard = said.iter().any(repeats);
        if moment.freshness == Freshness::New {
            self.take(&said, (session, moment.f_cnt_up), &mut received);
            self.repeated =
                said.iter().filter(|said| repeats(said)).map(|(kind, _)| *kind).collect();
        }
        received
    }

    /// Settles the requests that these answers are to.
    fn take(
        &mut self,
        said: &[(Kind, Verdict)],
        (session, f_cnt_up): (&mut Session, FCntUp),
        received: &mut Received,
    ) {
        for kind in Kind::ALL {
            let of_kind = said.iter().filter(|(said, _)| *said == kind);
            let verdicts: Vec<Verdict> = of_kind.map(|(_, verdict)| *verdict).collect();
            if verdicts.is_empty() {
                continue;
            }
            let cid = kind.cid();
            let outstanding = |ledger: &&mut Box<Ledger>| ledger.ask(kind).outstanding;
            let Some(ledger) = self.ledger.as_mut().filter(outstanding) else {
                // One that was taken before is no surprise.
                if !self.repeated.contains(kind) {
                    received.notes.push(Note::UnexpectedMacAnswer { cid });
                }
                continue;
            };
            for status in ledger.answered((kind, &verdicts), session, f_cnt_up) {
                received.notes.push(Note::MacRequestRefused { cid, status });
                if kind == Kind::LinkAdr {
                    received.refused = link_adr::refused(&ledger.asked, status);
                    self::part_of_a_block(session, &verdicts);
                }
            }
        }
        self.put_away();
    }

    /// Nothing is left to be remembered.
    fn put_away(&mut self) {
        self.ledger.take_if(|ledger| ledger.is_settled());
    }
}

/// Which request of ours a command answers, and how. `None` for what is no answer to one.
fn verdict(command: &UplinkMacCommand) -> Option<(Kind, Verdict)> {
    Some(match command {
        UplinkMacCommand::LinkAdrAns(answer) => (Kind::LinkAdr, link_adr::on_answer(*answer)),
        UplinkMacCommand::DutyCycleAns => (Kind::DutyCycle, Verdict::Done),
        UplinkMacCommand::RxParamSetupAns(answer) => {
            (Kind::RxParamSetup, rx_param_setup::on_answer(*answer))
        }
        UplinkMacCommand::DevStatusAns(_) => (Kind::DevStatus, Verdict::Done),
        UplinkMacCommand::NewChannelAns(answer) => {
            (Kind::NewChannel, new_channel::on_answer(*answer))
        }
        UplinkMacCommand::RxTimingSetupAns => (Kind::RxTimingSetup, Verdict::Done),
        UplinkMacCommand::TxParamSetupAns => (Kind::TxParamSetup, Verdict::Done),
        UplinkMacCommand::DlChannelAns(answer) => (Kind::DlChannel, dl_channel::on_answer(*answer)),
        UplinkMacCommand::AdrParamSetupAns => (Kind::AdrParamSetup, Verdict::Done),
        UplinkMacCommand::RejoinParamSetupAns(_) => (Kind::RejoinParamSetup, Verdict::Done),
        UplinkMacCommand::PingSlotChannelAns(answer) => {
            (Kind::PingSlotChannel, ping_slot_channel::on_answer(*answer))
        }
        UplinkMacCommand::BeaconFreqAns(answer) => {
            (Kind::BeaconFreq, beacon_freq::on_answer(*answer))
        }
        UplinkMacCommand::ResetInd(_)
        | UplinkMacCommand::LinkCheckReq
        | UplinkMacCommand::RekeyInd(_)
        | UplinkMacCommand::DeviceTimeReq
        | UplinkMacCommand::PingSlotInfoReq(_)
        | UplinkMacCommand::BeaconTimingReq
        | UplinkMacCommand::DeviceModeInd(_)
        | UplinkMacCommand::RelayConfAns(_)
        | UplinkMacCommand::EndDeviceConfAns(_)
        | UplinkMacCommand::FilterListAns(_)
        | UplinkMacCommand::UpdateUplinkListAns
        | UplinkMacCommand::CtrlUplinkListAns(_)
        | UplinkMacCommand::ConfigureFwdLimitAns
        | UplinkMacCommand::NotifyNewEndDeviceReq(_) => return None,
    })
}

/// A device that judges each request of a block alone has refused some and taken others: which
/// channels it uses is not known.
fn part_of_a_block(session: &mut Session, verdicts: &[Verdict]) {
    if verdicts.contains(&Verdict::Done) {
        session.current_mut().ch_mask = None;
    }
}

/// Appends an answer of ours.
fn write(command: DownlinkMacCommand, commands: &mut Vec<u8>) {
    let written = command.encode(commands);
    written.expect("only a frequency can be impossible to write, and no answer of ours has one");
}

/// Whether something should be and is not. `None` as what should be means that it does not matter.
fn differs_from<T: PartialEq>(one: Option<T>, desired: Option<T>) -> bool {
    desired.is_some() && one != desired
}

/// Our requests and where each of them stands.
impl MacState {
    /// What is to be asked now.
    pub fn due(&self, session: &Session, moment: &Moment<'_>) -> Requests {
        let desired = desired(moment.profile, moment.network, (session, self));
        let view = View { session, desired: &desired, mac: self, moment };
        Kind::ALL.into_iter().filter(|kind| self.is_due(*kind, &view)).collect()
    }

    fn is_due(&self, kind: Kind, view: &View<'_>) -> bool {
        // NewChannel and DlChannel are kept in one place, and the latter needs the former's channels.
        let waits_for_another = match kind {
            Kind::DlChannel => {
                self.is_outstanding(Kind::NewChannel) || Kind::NewChannel.needed(view)
            }
            Kind::NewChannel => self.is_outstanding(Kind::DlChannel),
            Kind::LinkAdr
            | Kind::RxTimingSetup
            | Kind::RxParamSetup
            | Kind::TxParamSetup
            | Kind::DutyCycle
            | Kind::AdrParamSetup
            | Kind::RejoinParamSetup
            | Kind::PingSlotChannel
            | Kind::BeaconFreq
            | Kind::DevStatus => false,
        };
        let may_ask = || self.ledger.as_ref().is_none_or(|ledger| ledger.may_ask(kind, view));
        !waits_for_another && !self.repeated.contains(kind) && kind.needed(view) && may_ask()
    }

    /// These requests as bytes, as far as they are still due; most urgent first.
    pub fn requests(
        &self,
        wanted: Requests,
        session: &Session,
        moment: &Moment<'_>,
    ) -> Vec<(Kind, Vec<u8>)> {
        let desired = desired(moment.profile, moment.network, (session, self));
        let view = View { session, desired: &desired, mac: self, moment };
        let due = wanted.iter().filter(|kind| self.is_due(*kind, &view));
        let written = due.map(|kind| {
            let mut bytes = Vec::new();
            let commands = kind.request(&aim(kind, &view), &view);
            // Only a frequency can be impossible to write: one that is no multiple of 100 Hz.
            let all = commands.iter().try_for_each(|command| command.encode(&mut bytes));
            (kind, if all.is_ok() { bytes } else { Vec::new() })
        });
        written.filter(|(_, bytes)| !bytes.is_empty()).collect()
    }

    /// A frame with these requests was filled.
    pub fn asked(&mut self, requests: Requests, session: &Session, moment: &Moment<'_>) {
        let desired = desired(moment.profile, moment.network, (session, self));
        let view = View { session, desired: &desired, mac: self, moment };
        let aims: Vec<_> = requests.iter().map(|kind| (kind, aim(kind, &view))).collect();
        if !aims.is_empty() {
            let ledger = self.ledger.get_or_insert_with(|| Box::new(Ledger::new(&session.current)));
            ledger.asked(aims);
        }
    }

    /// The frame with these requests was not sent.
    pub fn not_sent(&mut self, requests: Requests) {
        if let Some(ledger) = &mut self.ledger {
            requests.iter().for_each(|kind| ledger.ask_mut(kind).not_sent());
        }
        self.put_away();
    }

    /// A new uplink has been read: what it has not answered has no answer. What the device repeats
    /// until it is heard, it would have said if it had done it; anything else it may have done or
    /// not.
    pub fn unanswered(&mut self, session: &mut Session, f_cnt_up: FCntUp) {
        let version = session.mac_version;
        let Some(ledger) = &mut self.ledger else { return };
        for kind in Kind::ALL {
            if ledger.ask_mut(kind).unanswered(f_cnt_up) && !kind.is_sticky(version) {
                kind.forget(&ledger.asked, session.current_mut());
            }
        }
    }

    /// Of a request that is not wanted any more, because the device does what it should or nobody
    /// wants anything else, nothing need be remembered.
    pub fn conform(&mut self, session: &Session, moment: &Moment<'_>) {
        if self.ledger.is_none() {
            return;
        }
        let desired = desired(moment.profile, moment.network, (session, self));
        let view = View { session, desired: &desired, mac: self, moment };
        let is_over = |kind: &Kind| {
            let differs = || kind.differs(&session.current, &desired);
            !self.is_outstanding(*kind) && !kind.needed(&view) && !differs()
        };
        let over: Vec<Kind> = Kind::ALL.into_iter().filter(is_over).collect();
        if let Some(ledger) = &mut self.ledger {
            over.into_iter().for_each(|kind| ledger.ask_mut(kind).granted());
        }
        self.put_away();
    }
}

/// What a request would ask for now.
fn aim(kind: Kind, view: &View<'_>) -> MacParams {
    let mut aim = view.current().clone();
    kind.aim(view, &mut aim);
    aim
}
