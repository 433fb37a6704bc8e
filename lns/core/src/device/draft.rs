//! A decision while it is being made.

use crate::device::{Device, unprompted};
use crate::effect::{Durable, Effect, EventKind, Step};
use crate::env::Env;
use crate::note::Note;
use crate::reject::Reject;

/// The device as it will be, and what the decision has come to so far.
pub(super) struct Draft<'e> {
    pub device: Device,
    pub env: &'e Env<'e>,
    durable: Durable,
    effects: Vec<Effect>,
    notes: Vec<Note>,
}

impl<'e> Draft<'e> {
    /// Nothing is decided yet.
    pub fn new(device: &Device, env: &'e Env<'e>) -> Self {
        Draft {
            device: device.clone(),
            env,
            durable: Durable::Nothing,
            effects: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// The answer to a frame that is refused: the device as it was, and why.
    pub fn refused(device: &Device, reject: Reject) -> Step {
        Step {
            device: device.clone(),
            durable: Durable::Nothing,
            effects: Vec::new(),
            notes: vec![Note::Rejected(reject)],
        }
    }

    /// So much must be durable before the effects.
    pub fn needs(&mut self, durable: Durable) {
        self.durable = self.durable.max(durable);
    }

    /// The world should do this, after what was asked of it before.
    pub fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// The application should be told: part of the record.
    pub fn publish(&mut self, kind: EventKind) {
        self.needs(Durable::Record);
        self.effect(Effect::Publish(kind));
    }

    /// This was seen.
    pub fn note(&mut self, note: Note) {
        self.notes.push(note);
    }

    /// The decision is made. Where a record is written anyway, the ceilings of the downlink counters
    /// are raised in it, so that the next downlink need not wait for one.
    pub fn done(mut self) -> Step {
        if self.durable >= Durable::Record {
            let current = self.device.session.iter_mut();
            let pending = self.device.pending.iter_mut().map(|session| &mut **session);
            for session in current.chain(pending) {
                session.n_f_cnt_down.raise_ceiling();
                session.a_f_cnt_down.raise_ceiling();
            }
        }
        unprompted::plan(&mut self.device, self.env.now);
        Step {
            device: self.device,
            durable: self.durable,
            effects: self.effects,
            notes: self.notes,
        }
    }
}
