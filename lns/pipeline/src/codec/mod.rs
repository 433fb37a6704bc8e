//! Payload codecs: the bytes of an application's frame to JSON and back.
//!
//! Three kinds: none, Cayenne LPP (built in), and JavaScript in the dialects of The Things Network
//! and ChirpStack. A codec is foreign code fed with foreign bytes, so it is given limits
//! ([`Limits`]) and no host: no files, no network, no timers. One that throws, loops or eats
//! memory costs that message its decoding and nothing else; one that keeps doing so is suspended.
//!
//! A [`Worker`] belongs to one thread, and keeps the scripts it has compiled. It is neither `Send`
//! nor shared; make it in the thread that uses it.

mod cayenne;
mod error;
mod javascript;

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use serde_json::Value;

pub use cayenne::CayenneError;
pub use error::CodecError;
pub use javascript::{Dialect, Functions};

/// The longest script accepted, in bytes. Published decoders with tables reach about 100 KiB.
pub const MAX_SCRIPT_BYTES: usize = 256 * 1024;

/// The longest frame an encoder may return, in bytes. What the network carries is less; the
/// sender checks that.
pub const MAX_ENCODED_BYTES: usize = 1024;

/// What turns bytes into JSON for one kind of device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CodecSpec {
    /// Bytes stay bytes.
    #[default]
    None,
    /// Cayenne Low Power Payload.
    CayenneLpp,
    /// A script of the operator.
    JavaScript {
        /// Its text, and the identity of its text.
        script: Script,
    },
}

impl CodecSpec {
    /// A codec written in JavaScript. Nothing is compiled yet; see [`check`].
    pub fn javascript(text: impl Into<Arc<str>>) -> Self {
        Self::JavaScript { script: Script::new(text) }
    }
}

/// The text of a codec. Make it once, where the profile is read: it is hashed here, so that no
/// call hashes it again. A clone is cheap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    id: CodecId,
    text: Arc<str>,
}

impl Script {
    /// Takes the text as it is; nothing is compiled.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        let text = text.into();
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Self { id: CodecId(hasher.finish()), text }
    }

    /// What distinguishes this text from others, in caches and logs.
    pub fn id(&self) -> CodecId {
        self.id
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether both are the same text. The id alone does not tell: it can be forged, and one
    /// customer's script must never run as another's.
    fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.text, &other.text) || self.text == other.text
    }
}

/// A hash of a script's text. Stable within one build of this program, so not for storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CodecId(pub u64);

/// What a script may read about a device besides its bytes: names and values an operator set.
pub type Variables = BTreeMap<String, String>;

/// A frame to decode.
#[derive(Clone, Copy, Debug)]
pub struct DecodeInput<'a> {
    /// The application's bytes, in clear.
    pub bytes: &'a [u8],
    /// The port they came on; scripts see it as `fPort`.
    pub port: u8,
    /// When they came, in µs since 1970 UTC; scripts see a `Date` in `recvTime`.
    pub received_at_us: i64,
    /// Variables of the device, if it has any.
    pub variables: Option<&'a Variables>,
}

/// An object to encode.
#[derive(Clone, Copy, Debug)]
pub struct EncodeInput<'a> {
    /// What the application asked for.
    pub object: &'a Value,
    /// The port it asked for, if it did. A script may choose another.
    pub port: Option<u8>,
    /// Variables of the device, if it has any.
    pub variables: Option<&'a Variables>,
}

/// What a frame means.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// A JSON object.
    pub data: Value,
    /// What the script found odd but not wrong. At most 16, each at most 256 characters.
    pub warnings: Vec<String>,
}

/// A frame to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// The application's bytes, at most [`MAX_ENCODED_BYTES`].
    pub bytes: Vec<u8>,
    /// The port the script chose, else the one that was asked for.
    pub port: Option<u8>,
    /// What the script found odd but not wrong. At most 16, each at most 256 characters.
    pub warnings: Vec<String>,
}

/// What one script may use. The defaults are those of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Memory of one script with all it keeps, in bytes.
    pub memory_bytes: usize,
    /// Depth of its stack, in bytes. The worker's thread needs about 256 KiB more than this.
    pub stack_bytes: usize,
    /// CPU time of one call, in µs.
    pub call_us: u64,
    /// CPU time of the script's top level, run once after compiling, in µs.
    pub load_us: u64,
    /// Length of one result as JSON, in bytes.
    pub result_bytes: usize,
    /// Scripts one worker keeps compiled; each takes 250 KiB or more. The least recently used goes.
    pub loaded: usize,
    /// So many limits hit within [`suspension_us`](Self::suspension_us) suspend a script.
    pub strikes: u8,
    /// How long a suspension lasts, in µs.
    pub suspension_us: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 8 * 1024 * 1024,
            stack_bytes: 1024 * 1024,
            call_us: 20_000,
            load_us: 100_000,
            result_bytes: 64 * 1024,
            loaded: 128,
            strikes: 3,
            suspension_us: 60_000_000,
        }
    }
}

/// The codecs of one thread.
///
/// That thread should have nothing else to do that is urgent. A script is stopped between its own
/// steps; within one step of the interpreter it is not. The loops known to be endless are refused,
/// but a malicious script can still make a number of a million bits and ask for its decimal
/// digits, which takes seconds before it counts as a limit hit.
pub struct Worker {
    javascript: javascript::Engine,
}

impl Worker {
    /// A worker that has compiled nothing yet.
    pub fn new(limits: Limits) -> Self {
        Self { javascript: javascript::Engine::new(limits) }
    }

    /// What an uplink means. `now_us` is the present in µs since 1970 UTC; it decides suspensions
    /// only, and the script does not see it.
    pub fn decode(
        &mut self,
        spec: &CodecSpec,
        input: &DecodeInput<'_>,
        now_us: i64,
    ) -> Result<Decoded, CodecError> {
        match spec {
            CodecSpec::None => Err(CodecError::NoCodec),
            CodecSpec::CayenneLpp => Ok(cayenne::decode(input.bytes)?),
            CodecSpec::JavaScript { script } => self.javascript.decode(script, input, now_us),
        }
    }

    /// What a downlink means: the inverse of [`encode`](Self::encode), for showing what was sent.
    pub fn decode_downlink(
        &mut self,
        spec: &CodecSpec,
        input: &DecodeInput<'_>,
        now_us: i64,
    ) -> Result<Decoded, CodecError> {
        match spec {
            CodecSpec::None => Err(CodecError::NoCodec),
            CodecSpec::CayenneLpp => Ok(cayenne::decode(input.bytes)?),
            CodecSpec::JavaScript { script } => {
                self.javascript.decode_downlink(script, input, now_us)
            }
        }
    }

    /// The bytes that ask a device for what `input` describes.
    pub fn encode(
        &mut self,
        spec: &CodecSpec,
        input: &EncodeInput<'_>,
        now_us: i64,
    ) -> Result<Encoded, CodecError> {
        match spec {
            CodecSpec::None => Err(CodecError::NoCodec),
            CodecSpec::CayenneLpp => {
                let bytes = cayenne::encode(input.object)?;
                Ok(Encoded { bytes, port: input.port, warnings: Vec::new() })
            }
            CodecSpec::JavaScript { script } => self.javascript.encode(script, input, now_us),
        }
    }

    /// What the last call's script wrote to its `console`: at most 32 lines of 256 characters.
    /// Empty if it wrote nothing or was not run.
    pub fn console(&self) -> Vec<String> {
        self.javascript.console()
    }
}

/// Compiles a script and runs its top level, as an upload does before it is accepted.
///
/// Fails if the script is longer than [`MAX_SCRIPT_BYTES`], does not compile, throws or hits a
/// limit at its top level, or offers none of the functions of any [`Dialect`].
pub fn check(script: &str) -> Result<Functions, CodecError> {
    javascript::check(script)
}
