//! Device shadows: what a device is wanted to be and what it says it is, kept as JSON.
//!
//! [`apply`] is all of it: a shadow and a request give the shadow afterwards and what is to be said
//! of it. Total and pure: any bytes get an answer, and a request that is rejected changes nothing.
//! Behaviour, topics and texts are those of AWS IoT (Developer Guide, *Device Shadow service*);
//! where AWS is silent or contradicts itself, `docs/SHADOWS.md` says what was chosen.

mod answer;
mod delta;
mod document;
mod error;
pub mod json;
pub mod limits;
mod merge;
mod metadata;
mod names;
mod number;
mod record;
mod request;
pub mod topic;

pub use delta::Delta;
pub use document::{Branch, Node, Seconds, Shadow, State};
pub use error::Rejection;
pub use names::{MAX_SHADOW_NAME, MAX_THING_NAME, NameError, ShadowId};
pub use number::Number;
pub use record::RecordError;
pub use request::{Change, Update};
pub use topic::{Reply, Verb};

use limits::MAX_STATE;

/// Something asked of a shadow.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Which shadow.
    pub id: &'a ShadowId,
    /// What is to be done.
    pub verb: Verb,
    /// The body.
    pub payload: &'a [u8],
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The shadow from now on; `None`: as before.
    pub after: Option<Shadow>,
    /// The answer to whoever asked.
    pub answer: Answer,
    /// For `update/delta`.
    pub delta: Option<Vec<u8>>,
    /// For `update/documents`.
    pub documents: Option<Vec<u8>>,
}

/// An answer, as a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was done.
    Accepted(Vec<u8>),
    /// It was not.
    Rejected {
        /// Why.
        why: Rejection,
        /// The error document.
        document: Vec<u8>,
    },
}

impl Outcome {
    fn unchanged(document: Vec<u8>) -> Self {
        let answer = Answer::Accepted(document);
        Outcome { after: None, answer, delta: None, documents: None }
    }

    /// A request that was rejected.
    pub fn rejected(why: Rejection, now: Seconds, client_token: Option<&str>) -> Self {
        let document = why.document(now, client_token);
        let answer = Answer::Rejected { why, document };
        Outcome { after: None, answer, delta: None, documents: None }
    }

    /// What is to be published, and under which topic of the request.
    pub fn messages(self) -> impl Iterator<Item = (Reply, Vec<u8>)> {
        let answer = match self.answer {
            Answer::Accepted(document) => (Reply::Accepted, document),
            Answer::Rejected { document, .. } => (Reply::Rejected, document),
        };
        let delta = self.delta.map(|document| (Reply::Delta, document));
        let documents = self.documents.map(|document| (Reply::Documents, document));
        std::iter::once(answer).chain(delta).chain(documents)
    }
}

/// The token in the body of a request, when there is one, for who rejects it unread.
pub fn client_token(payload: &[u8]) -> Option<Box<str>> {
    request::token_of_delete(payload).ok().flatten()
}

/// What a request does to a shadow, at `now`.
pub fn apply(before: &Shadow, request: &Request<'_>, now: Seconds) -> Outcome {
    match request.verb {
        Verb::Get => get(before, request, now),
        Verb::Update => update(before, request.payload, now),
        Verb::Delete => delete(before, request, now),
    }
}

fn get(before: &Shadow, request: &Request<'_>, now: Seconds) -> Outcome {
    let token = match request::token_of_get(request.payload) {
        Ok(token) => token,
        Err(why) => return Outcome::rejected(why, now, None),
    };
    match &before.state {
        Some(state) => {
            Outcome::unchanged(answer::whole(before.version, state, now, token.as_deref()))
        }
        None => Outcome::rejected(Rejection::NoShadow(request.id.clone()), now, token.as_deref()),
    }
}

fn delete(before: &Shadow, request: &Request<'_>, now: Seconds) -> Outcome {
    let token = match request::token_of_delete(request.payload) {
        Ok(token) => token,
        Err(why) => return Outcome::rejected(why, now, None),
    };
    if before.state.is_none() {
        let why = Rejection::NoShadow(request.id.clone());
        return Outcome::rejected(why, now, token.as_deref());
    }
    // The version outlives the shadow, so that nobody takes the next one for the last.
    let after = Shadow { version: before.version, state: None };
    let document = answer::deleted(before.version, now, token.as_deref());
    Outcome { after: Some(after), ..Outcome::unchanged(document) }
}

fn update(before: &Shadow, payload: &[u8], now: Seconds) -> Outcome {
    let update = match Update::parse(payload) {
        Ok(update) => update,
        Err((why, token)) => return Outcome::rejected(why, now, token.as_deref()),
    };
    let token = update.client_token.as_deref();
    match updated(before, &update, now) {
        Ok(after) => {
            let state = after.state.as_ref().expect("an updated shadow is there");
            Outcome {
                answer: Answer::Accepted(answer::updated(after.version, &update, now)),
                delta: answer::delta(after.version, state, now, token),
                documents: Some(answer::documents((before, &after), now, token)),
                after: Some(after),
            }
        }
        Err(why) => Outcome::rejected(why, now, token),
    }
}

fn updated(before: &Shadow, update: &Update, now: Seconds) -> Result<Shadow, Rejection> {
    if update.version.is_some_and(|version| version != before.version) {
        return Err(Rejection::VersionConflict);
    }
    let mut state = before.state.clone().unwrap_or_default();
    change(&mut state.desired, update.desired.as_ref(), now);
    change(&mut state.reported, update.reported.as_ref(), now);
    let mut written = Vec::with_capacity(MAX_STATE / 8);
    state.write(&mut written);
    if written.len() > MAX_STATE {
        return Err(Rejection::TooLarge);
    }
    // A version of 64 bits outlives the disk it is written on; one read from elsewhere may not.
    let version = before.version.checked_add(1).ok_or(Rejection::Internal)?;
    Ok(Shadow { version, state: Some(state) })
}

fn change(section: &mut Branch, change: Option<&Change>, now: Seconds) {
    match change {
        None => {}
        Some(Change::Clear) => section.clear(),
        Some(Change::Merge(patch)) => merge::merge(section, patch, now),
    }
}
