//! One device: its memory, and the verb that changes it.

mod abp;
mod adapt;
pub mod address;
mod downlink;
mod draft;
mod join;
mod listening;
pub mod matching;
mod outcome;
mod paths;
mod queue;
mod recent;
mod rejoin;
mod relay;
mod roots;
mod unprompted;
mod uplink;
mod waits;
mod windows;

use std::sync::Arc;

use lns_lorawan::{
    DevAddr, DevEui, DevNonce, FCntDown, FCntUp, JoinEui, JoinNonce, SessionKeys, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::adr;
use crate::class::Class;
use crate::dedup::Heard;
use crate::effect::{AppEvent, Step};
use crate::env::Env;
use crate::event::{Event, JoinHeard, Path, Purpose, QueueItem, Under};
use crate::mac::force_rejoin::{ForceRejoin, Forced};
use crate::mac::{Answers, MacState, Requests, channel_plan, tx_param_setup};
use crate::note::Note;
use crate::profile::{Activation, Description, Profile};
use crate::reject::Reject;
use crate::session::{MacParams, Session};

use draft::Draft;

pub use listening::{Listening, PingSlotsSeen};
pub use paths::{PATHS, Paths};
pub use recent::Recent;
pub use unprompted::Unprompted;
pub use waits::{Missed, Waits};

/// How many homes there are. A device lives in one of them for ever.
pub const HOMES: u8 = 64;

/// 2020-01-01, in seconds since 1970.
const YEAR_2020: i64 = 1_577_836_800;

/// Everything the server remembers of one device.
///
/// Cheap to clone: `step` returns a changed copy, so that a refused commit needs no undo. What is
/// large or seldom changes is behind an `Arc` or a box.
#[derive(Clone, Debug)]
pub struct Device {
    /// What an administrator says of it.
    pub about: Arc<Description>,
    /// The session in use.
    pub session: Option<Session>,
    /// The session of the last Join-Accept, until the device uses it.
    pub pending: Option<Box<Session>>,
    /// The JoinNonce to give next; `None` when all are used up.
    pub join_nonce: Option<JoinNonce>,
    /// The last accepted DevNonce.
    pub last_dev_nonce: Option<DevNonce>,
    /// The last 1,024 accepted DevNonces, oldest first, in a record of its own.
    pub used_dev_nonces: Arc<Vec<DevNonce>>,
    /// What its Rejoin-Requests are judged by; `None` where there is nothing to remember.
    pub rejoin: Option<Box<Rejoining>>,
    /// The class that the device itself has named; `None`: that of its profile.
    pub device_class: Option<Class>,
    /// Queued downlinks, first to send first.
    pub queue: Arc<Vec<Queued>>,
    /// Marked requests of the last day, queued or not any more.
    pub recent: Recent,
    /// A frame that has been handed over or is planned, until its outcome is known.
    pub in_flight: Option<Box<InFlight>>,
    /// An occasion that is open.
    pub awaiting: Option<Box<Awaiting>>,
    /// How it stands between its uplinks; `None` while it can be in class A only.
    pub unprompted: Option<Box<Unprompted>>,
    /// The last occasion, if it had something to say and no gateway could send it.
    pub missed: Option<Missed>,
    /// MAC commands: what the device has told, what was asked.
    pub mac: MacState,
    /// What ADR goes by, and what it last decided. In memory only.
    pub adr: Arc<adr::Memory>,
    /// Which gateways heard the last transmissions.
    pub heard: Heard,
    /// The last frame of a lower counter than the session's: to tell a reset from a replay.
    pub behind: Option<Behind>,
    /// Somebody has allowed a personalized device to count from the start again, once.
    pub reset_allowed: bool,
    /// The newest undelivered events, at most two; older ones lie in the store by sequence.
    pub events: Vec<AppEvent>,
    /// The number of the next event.
    pub next_event: u64,
}

/// What Rejoin-Requests are judged and answered by (LoRaWAN 1.1 §6.2.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejoining {
    /// The last accepted RJcount0, of types 0 and 2: in this session.
    pub rj_count0: Option<u16>,
    /// The last accepted RJcount1, of type 1: never starts again.
    pub rj_count1: Option<u16>,
    /// Whom the device asked when it last joined, where none is registered: it is part of the keys,
    /// and types 0 and 2 do not say it.
    pub join_eui: Option<JoinEui>,
    /// The pending session is for new keys only: the MAC parameters stay (§6.2.4.1, type 2).
    pub keeps_parameters: bool,
    /// Somebody wants the device to rejoin.
    pub forced: Option<Forced>,
}

/// A queued downlink and where it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Queued {
    /// What is to be sent.
    pub item: QueueItem,
    /// Where it stands.
    pub state: ItemState,
    /// How often it was sent, as far as is known.
    pub attempts: u8,
    /// How often it was refused or came too late before it was sent.
    pub refusals: u8,
    /// The largest payload that the windows of the last occasion had room for, when that was too
    /// little for this item: why it stays.
    pub room: Option<u16>,
}

/// Where a queued downlink stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ItemState {
    /// It waits for an occasion.
    Waiting,
    /// A frame carries it; what became of the frame is not known yet. Not durable: after a crash it
    /// waits again.
    Planned,
    /// It was sent, and the device has not said yet whether it arrived.
    AwaitingAck {
        /// The counter it carried.
        f_cnt_down: FCntDown,
    },
}

/// A frame under way, in memory only.
#[derive(Clone, Debug, PartialEq)]
pub struct InFlight {
    /// The plan's id.
    pub plan: u64,
    /// The occasion that it was filled for.
    pub purpose: Purpose,
    /// When it has left the air, at the latest.
    pub ends: Timestamp,
    /// Its counter; `None` for a Join-Accept.
    pub f_cnt_down: Option<FCntDown>,
    /// The id of the queue item in it.
    pub item: Option<u64>,
    /// The MAC requests in it.
    pub requests: Requests,
}

/// What is open: the device will listen, and nothing has been said yet. In memory only.
#[derive(Clone, Debug)]
pub enum Awaiting {
    /// A Join- or Rejoin-Request that has been judged good; nothing has been spent on it.
    Join(JoinHeard),
    /// The windows after an uplink.
    ClassA(Owed),
    /// A ping slot or RXC, for the queue alone.
    Unprompted(Purpose),
}

/// What is to be said in the windows after an uplink, besides the queue.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Owed {
    /// A confirmed uplink is to be acknowledged.
    pub ack: bool,
    /// The device waits for any downlink: ADRACKReq, or an answer that it repeats until it hears us.
    pub anything: bool,
    /// Answers to the uplink's MAC commands.
    pub answers: Answers,
    /// MAC requests that are due.
    pub requests: Requests,
    /// A Rejoin-Request that the device is to be made to send.
    pub force_rejoin: Option<ForceRejoin>,
}

/// Frames of counters that were used before, one after the other. In memory only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behind {
    /// The last such counter.
    pub f_cnt_up: FCntUp,
    /// How many in a row, each above the one before it.
    pub count: u8,
    /// Whether they have shown that the device counts from the start again.
    pub is_reset: bool,
}

/// The home of a device, 0 to 63: the low six bits of its mixed DevEUI.
///
/// The EUI is mixed because makers number their devices in many ways (multiples of 16 or 256 occur).
/// The mixing is the finalizer of the SplitMix64 generator. Data on disk is laid out by it: it must
/// never change.
pub fn home_of(dev_eui: DevEui) -> u8 {
    let mut mixed = dev_eui.value();
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    let [low, ..] = mixed.to_le_bytes();
    low % HOMES
}

impl Device {
    /// By which gateways it can be reached, best first.
    pub fn paths(&self) -> Vec<Path> {
        let known = self.unprompted.as_deref().map(|state| state.paths.as_slice());
        match known {
            Some(paths) if !paths.is_empty() => paths.to_vec(),
            Some(_) | None => Paths::known(self.heard.gateways()).as_slice().to_vec(),
        }
    }

    /// A device that has just been described. One that is activated by personalization has its
    /// session at once.
    pub fn new(about: Arc<Description>) -> Self {
        let session = personalized(&about);
        Device {
            about,
            session,
            pending: None,
            join_nonce: JoinNonce::new(1),
            last_dev_nonce: None,
            used_dev_nonces: Arc::default(),
            rejoin: None,
            device_class: None,
            queue: Arc::default(),
            recent: Recent::default(),
            in_flight: None,
            awaiting: None,
            unprompted: None,
            missed: None,
            mac: MacState::default(),
            adr: Arc::default(),
            heard: Heard::default(),
            behind: None,
            reset_allowed: false,
            events: Vec::new(),
            next_event: 0,
        }
    }

    /// A device that is described for the first time, now.
    ///
    /// Its JoinNonce begins at the minutes since 2020 and its events' numbers at the microseconds
    /// since 1970, so that a device which is deleted and made again, or comes from another server,
    /// goes on above what it has seen: from 1.0.4 on it refuses a JoinNonce that is not above the
    /// last one (TS001-1.0.4, chapter on end-device activation), and no pair of nonces comes twice.
    pub fn born(about: Arc<Description>, now: Timestamp) -> Self {
        let minutes = (now.secs() - YEAR_2020).max(60) / 60;
        let join_nonce = u32::try_from(minutes).ok().and_then(JoinNonce::new);
        Device {
            join_nonce: join_nonce.or(JoinNonce::new(1)),
            next_event: now.micros().unsigned_abs(),
            ..Device::new(about)
        }
    }

    /// The addresses that frames of this device may carry: of the session in use and the pending one.
    pub fn addresses(&self) -> Vec<DevAddr> {
        let current = self.session.iter().map(|session| session.dev_addr);
        let pending = self.pending.iter().map(|session| session.dev_addr);
        current.chain(pending).collect()
    }

    /// Whether it can be made to rejoin: in a 1.1 session that it has joined.
    pub fn can_rejoin(&self) -> bool {
        let is_1_1 = |session: &Session| session.keys.scheme.is_1_1();
        self.about.activation.joins() && self.session.as_ref().is_some_and(is_1_1)
    }

    /// What its Rejoin-Requests are judged by.
    pub fn rejoining(&self) -> Rejoining {
        self.rejoin.as_deref().copied().unwrap_or_default()
    }

    /// Changes what its Rejoin-Requests are judged by.
    pub(crate) fn change_rejoining(&mut self, change: impl FnOnce(&mut Rejoining)) {
        let mut rejoining = self.rejoining();
        change(&mut rejoining);
        let default = Rejoining::default();
        self.rejoin = (rejoining != default).then(|| Box::new(rejoining));
    }

    /// One of its sessions.
    pub fn session_under(&self, under: Under) -> Option<&Session> {
        match under {
            Under::Current => self.session.as_ref(),
            Under::Pending => self.pending.as_deref(),
        }
    }

    /// When the device must be given [`Event::Wake`]: the next expiry of a queued downlink, or the
    /// next chance to say something in class B or C.
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.queue.iter().filter_map(Queued::expiry).chain(unprompted::deadline(self)).min()
    }

    /// When it listens: as its ClassB bit says, as a 1.1 device says in DeviceModeInd, or as the
    /// profile says of a 1.0.x device that has been heard in this session.
    pub fn class(&self) -> Class {
        let Some(session) = &self.session else { return Class::A };
        let profile = &self.about.profile;
        match self.device_class {
            Some(Class::B) if profile.supports_class_b => Class::B,
            Some(Class::C) if profile.supports_class_c => Class::C,
            Some(Class::A | Class::B | Class::C) | None => {
                let by_contract = profile.supports_class_c && !session.mac_version.is_1_1();
                if by_contract && session.f_cnt_up.is_some() { Class::C } else { Class::A }
            }
        }
    }

    /// Whether an occasion, if one is open, would be used now.
    pub fn has_something_to_say(&self, now: Timestamp) -> bool {
        match self.awaiting.as_deref() {
            None => false,
            Some(Awaiting::Join(_)) => true,
            Some(Awaiting::ClassA(owed)) => {
                !owed.is_nothing() || queue::next(&self.queue, now).is_some()
            }
            Some(Awaiting::Unprompted(_)) => queue::next(&self.queue, now).is_some(),
        }
    }

    /// Whether this downlink is queued, or was within the last 24 hours under its CorrelationId.
    pub fn knows(&self, id: u64, now: Timestamp) -> bool {
        self.queue.iter().any(|queued| queued.item.id == id) || self.recent.knows(id, now)
    }

    /// What the open occasion is for.
    pub fn awaits(&self) -> Option<Purpose> {
        match self.awaiting.as_deref()? {
            Awaiting::Join(_) => Some(Purpose::JoinAccept),
            Awaiting::ClassA(_) => Some(Purpose::ClassA),
            Awaiting::Unprompted(purpose) => Some(*purpose),
        }
    }
}

impl Owed {
    /// Whether nothing is owed.
    pub fn is_nothing(&self) -> bool {
        !self.ack
            && !self.anything
            && self.answers.is_empty()
            && self.requests.is_empty()
            && self.force_rejoin.is_none()
    }
}

/// The session that a description carries from the factory.
pub(crate) fn personalized(about: &Description) -> Option<Session> {
    match &about.activation {
        Activation::Abp { dev_addr, keys, f_cnt_start } => Some(Session {
            f_cnt_up_start: *f_cnt_start,
            ..Session::new(
                *dev_addr,
                with_text(keys, &about.profile),
                about.profile.mac_version,
                factory_params(&about.profile),
            )
        }),
        Activation::Otaa10 { .. } | Activation::Otaa11 { .. } => None,
    }
}

/// What a personalized device's MAC does, by its profile.
pub(crate) fn factory_params(profile: &Profile) -> MacParams {
    let (channels, ch_mask) = channel_plan::from_factory(profile);
    let start = MacParams::at_start(windows::factory_rx(profile), channels, ch_mask);
    MacParams { tx_params: tx_param_setup::at_start(profile), ..start }
}

/// The keys, for the text of 1.1 by which the device encrypts FOpts.
fn with_text(keys: &SessionKeys, profile: &Profile) -> SessionKeys {
    let scheme = if keys.scheme.is_1_1() { profile.scheme_1_1() } else { keys.scheme };
    SessionKeys { scheme, ..keys.clone() }
}

/// One event happens to one device. What becomes of it, and what should the world do about it?
///
/// Total: any frame, any order, any state gives an answer. A frame we refuse leaves `device`
/// unchanged and says why in `notes`. Never panics on what the air can carry.
pub fn step(device: &Device, event: Event, env: &Env<'_>) -> Step {
    let mut draft = Draft::new(device, env);
    let judged: Result<(), Reject> = match event {
        Event::Uplink(heard) => uplink::accept(&mut draft, *heard),
        Event::LateCopy(reception) => {
            uplink::late_copy(&mut draft, &reception);
            Ok(())
        }
        Event::Join(heard) => join::judge(&mut draft, *heard),
        Event::Occasion(occasion) => {
            let missed = || Missed::now(env.now, occasion.shortage);
            draft.device.missed = occasion.offers.is_empty().then(missed);
            match occasion.purpose {
                Purpose::JoinAccept => join::accept(&mut draft, occasion.offers),
                Purpose::ClassA => downlink::speak(&mut draft, occasion.offers),
                Purpose::ClassB | Purpose::ClassC => {
                    unprompted::speak(&mut draft, occasion);
                    Ok(())
                }
            }
        }
        Event::OccasionPassed => {
            pass(&mut draft);
            Ok(())
        }
        Event::Outcome(outcome) => {
            outcome::settle(&mut draft, &outcome);
            Ok(())
        }
        Event::Command(command) => {
            queue::command(&mut draft, command);
            Ok(())
        }
        Event::CountersForgotten { got, last } => {
            abp::forgotten(&mut draft, got, last);
            Ok(())
        }
        Event::Wake => {
            queue::expire(&mut draft);
            unprompted::wake(&mut draft);
            Ok(())
        }
    };
    match judged {
        Ok(()) => draft.done(),
        Err(reject) => Draft::refused(device, reject),
    }
}

/// The chance to speak is over.
fn pass(draft: &mut Draft<'_>) {
    let wanted = draft.device.has_something_to_say(draft.env.now);
    match draft.device.awaiting.take().as_deref() {
        Some(Awaiting::Join(_)) => draft.note(Note::Rejected(Reject::NoAirForJoin)),
        Some(Awaiting::ClassA(_)) if wanted => {
            draft.device.missed = Some(Missed::now(draft.env.now, None));
            draft.note(Note::NoOffer);
        }
        Some(Awaiting::Unprompted(_)) if wanted => {
            draft.device.missed = Some(Missed::now(draft.env.now, None));
            draft.note(Note::NoOffer);
            unprompted::in_vain(draft);
        }
        Some(Awaiting::ClassA(_) | Awaiting::Unprompted(_)) | None => {}
    }
}
