//! Codecs written in JavaScript: what is kept, what is suspended, which function is called.

mod meter;
mod sandbox;

use std::collections::HashMap;

use self::sandbox::{Outcome, Sandbox};
use super::{
    CodecError, CodecId, DecodeInput, Decoded, EncodeInput, Encoded, Limits, MAX_SCRIPT_BYTES,
    Script,
};

/// How a script spells its functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `decodeUplink(input)`, `encodeDownlink(input)`: The Things Stack, ChirpStack 4.
    Modern,
    /// `Decoder(bytes, port)`, `Encoder(object, port)`: The Things Network 2.
    Decoder,
    /// `Decode(fPort, bytes, variables)`, `Encode(fPort, object, variables)`: ChirpStack 3.
    Decode,
}

/// What a script can do. Where it offers several dialects, the first of [`Dialect`] is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Functions {
    /// How uplinks are decoded, if they are.
    pub decode: Option<Dialect>,
    /// How downlinks are encoded, if they are.
    pub encode: Option<Dialect>,
    /// Whether downlinks can be decoded, by `decodeDownlink(input)`.
    pub decode_downlink: bool,
}

const WANTED_DECODE: &str = "decodeUplink(input), Decoder(bytes, port) or Decode(fPort, bytes)";
const WANTED_ENCODE: &str = "encodeDownlink(input), Encoder(object, port) or Encode(fPort, object)";
const WANTED_DECODE_DOWNLINK: &str = "decodeDownlink(input)";

impl Functions {
    fn decode_name(self) -> Result<&'static str, CodecError> {
        match self.decode {
            Some(Dialect::Modern) => Ok("decodeUplink"),
            Some(Dialect::Decoder) => Ok("Decoder"),
            Some(Dialect::Decode) => Ok("Decode"),
            None => Err(CodecError::NoFunction { wanted: WANTED_DECODE }),
        }
    }

    fn encode_name(self) -> Result<&'static str, CodecError> {
        match self.encode {
            Some(Dialect::Modern) => Ok("encodeDownlink"),
            Some(Dialect::Decoder) => Ok("Encoder"),
            Some(Dialect::Decode) => Ok("Encode"),
            None => Err(CodecError::NoFunction { wanted: WANTED_ENCODE }),
        }
    }

    fn decode_downlink_name(self) -> Result<&'static str, CodecError> {
        match self.decode_downlink {
            true => Ok("decodeDownlink"),
            false => Err(CodecError::NoFunction { wanted: WANTED_DECODE_DOWNLINK }),
        }
    }
}

/// See [`super::check`].
pub(super) fn check(text: &str) -> Result<Functions, CodecError> {
    let functions = load(&Script::new(text), Limits::default())?.functions();
    if functions == Functions::default() {
        return Err(CodecError::NoFunction { wanted: WANTED_DECODE });
    }
    Ok(functions)
}

fn load(script: &Script, limits: Limits) -> Result<Sandbox, CodecError> {
    let len = script.text().len();
    if len > MAX_SCRIPT_BYTES {
        return Err(CodecError::Compile(format!(
            "it has {len} bytes; {MAX_SCRIPT_BYTES} is the most"
        )));
    }
    if script.text().contains('\0') {
        return Err(CodecError::Compile("it contains a NUL character".to_owned()));
    }
    Sandbox::load(script, limits)
}

/// All scripts of one worker.
pub(super) struct Engine {
    limits: Limits,
    slots: HashMap<CodecId, Slot>,
    /// Counts uses; the slot with the smallest is the least recently used.
    uses: u64,
    last: Option<CodecId>,
    /// What a script wrote before its sandbox was discarded.
    last_words: Vec<String>,
}

/// What a worker knows of one script. It outlives the sandbox, so that a script which is thrown
/// out does not come back with a clean record.
struct Slot {
    script: Script,
    sandbox: Option<Result<Sandbox, CodecError>>,
    used: u64,
    strikes: u8,
    /// When the first of `strikes` happened.
    first_strike_us: i64,
    suspended_until_us: Option<i64>,
}

/// Slots are small; for each sandbox so many records are kept.
const SLOTS_PER_SANDBOX: usize = 8;

impl Engine {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, slots: HashMap::new(), uses: 0, last: None, last_words: Vec::new() }
    }

    pub(super) fn decode(
        &mut self,
        script: &Script,
        input: &DecodeInput<'_>,
        now_us: i64,
    ) -> Result<Decoded, CodecError> {
        self.run(script, now_us, |sandbox| {
            let function = sandbox.functions().decode_name()?;
            decoded(function, sandbox.decode_uplink(input)?)
        })
    }

    pub(super) fn decode_downlink(
        &mut self,
        script: &Script,
        input: &DecodeInput<'_>,
        now_us: i64,
    ) -> Result<Decoded, CodecError> {
        self.run(script, now_us, |sandbox| {
            let function = sandbox.functions().decode_downlink_name()?;
            decoded(function, sandbox.decode_downlink(input)?)
        })
    }

    pub(super) fn encode(
        &mut self,
        script: &Script,
        input: &EncodeInput<'_>,
        now_us: i64,
    ) -> Result<Encoded, CodecError> {
        self.run(script, now_us, |sandbox| {
            let function = sandbox.functions().encode_name()?;
            let outcome = accepted(function, sandbox.encode_downlink(input)?)?;
            let port = outcome.port.or(input.port);
            Ok(Encoded { bytes: outcome.bytes, port, warnings: outcome.warnings })
        })
    }

    pub(super) fn console(&self) -> Vec<String> {
        let slot = self.last.and_then(|id| self.slots.get(&id));
        match slot.and_then(|slot| slot.sandbox.as_ref()) {
            Some(Ok(sandbox)) => sandbox.console(),
            Some(Err(_)) | None => self.last_words.clone(),
        }
    }

    /// Runs `call` in the script's sandbox, made first if there is none, and draws the
    /// consequences of a limit.
    fn run<T>(
        &mut self,
        script: &Script,
        now_us: i64,
        call: impl FnOnce(&Sandbox) -> Result<T, CodecError>,
    ) -> Result<T, CodecError> {
        let limits = self.limits;
        self.last = None;
        self.last_words.clear();
        self.uses += 1;
        self.make_room(script);
        let uses = self.uses;
        let slot = self.slots.entry(script.id()).or_insert_with(|| Slot::new(script));
        if !slot.script.same(script) {
            *slot = Slot::new(script);
        }
        slot.used = uses;
        slot.admit(now_us)?;
        let sandbox = slot.sandbox.get_or_insert_with(|| load(script, limits));
        let result = match sandbox {
            Ok(sandbox) => call(sandbox),
            Err(error) => Err(error.clone()),
        };
        self.last = Some(script.id());
        let in_doubt = match sandbox {
            Ok(sandbox) => {
                let limit = result.as_ref().is_err_and(CodecError::is_limit);
                if limit || sandbox.left_jobs() {
                    self.last_words = sandbox.console();
                }
                limit || sandbox.left_jobs()
            }
            Err(error) => error.is_limit(),
        };
        if in_doubt {
            slot.sandbox = None;
        }
        if result.as_ref().is_err_and(CodecError::is_limit) {
            slot.strike(now_us, &limits);
        }
        result
    }

    /// Keeps the number of sandboxes, and that of slots, within their bounds before `script`
    /// gets its own. Runs over all slots, but only when a script is not at hand.
    fn make_room(&mut self, script: &Script) {
        let at_hand = self.slots.get(&script.id()).is_some_and(|slot| slot.sandbox.is_some());
        if at_hand {
            return;
        }
        let loaded = self.slots.values().filter(|slot| slot.sandbox.is_some()).count();
        if loaded >= self.limits.loaded.max(1) {
            let oldest = self.slots.values_mut().filter(|slot| slot.sandbox.is_some());
            if let Some(slot) = oldest.min_by_key(|slot| slot.used) {
                slot.sandbox = None;
            }
        }
        if self.slots.len() >= self.limits.loaded.max(1) * SLOTS_PER_SANDBOX {
            let oldest = self.slots.iter().min_by_key(|(_, slot)| slot.used);
            if let Some(id) = oldest.map(|(id, _)| *id) {
                self.slots.remove(&id);
            }
        }
    }
}

impl Slot {
    fn new(script: &Script) -> Self {
        Self {
            script: script.clone(),
            sandbox: None,
            used: 0,
            strikes: 0,
            first_strike_us: 0,
            suspended_until_us: None,
        }
    }

    /// Refuses a suspended script; ends a suspension that is over.
    fn admit(&mut self, now_us: i64) -> Result<(), CodecError> {
        match self.suspended_until_us {
            Some(until_us) if now_us < until_us => Err(CodecError::Suspended { until_us }),
            Some(_) => {
                self.suspended_until_us = None;
                self.strikes = 0;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn strike(&mut self, now_us: i64, limits: &Limits) {
        if self.strikes == 0 || now_us - self.first_strike_us > limits.suspension_us {
            self.strikes = 0;
            self.first_strike_us = now_us;
        }
        self.strikes += 1;
        if self.strikes >= limits.strikes {
            self.suspended_until_us = Some(now_us.saturating_add(limits.suspension_us));
        }
    }
}

/// The outcome, if the script was content and what it returned is usable.
fn accepted(function: &'static str, outcome: Outcome) -> Result<Outcome, CodecError> {
    if let Some(problem) = outcome.problem {
        return Err(CodecError::BadResult { function, problem });
    }
    if !outcome.errors.is_empty() {
        return Err(CodecError::Script(outcome.errors.join("; ")));
    }
    Ok(outcome)
}

fn decoded(function: &'static str, outcome: Outcome) -> Result<Decoded, CodecError> {
    let outcome = accepted(function, outcome)?;
    // `toJSON` may have turned the object into anything.
    match outcome.data {
        Some(data) if data.is_object() => Ok(Decoded { data, warnings: outcome.warnings }),
        Some(_) | None => {
            let problem = "returned data that is no object as JSON".to_owned();
            Err(CodecError::BadResult { function, problem })
        }
    }
}
