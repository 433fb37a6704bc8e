//! What a rule may know besides the message: the time, the dice, shadows and things.

use std::cell::Cell;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::func::proto::MessageTypes;
use super::json;
use super::value::Value;

/// What an evaluation is told. Nothing here is asked twice for the same thing by one function call.
#[derive(Clone, Copy)]
pub struct Env<'a> {
    /// The present, in milliseconds since 1970 UTC: `timestamp()`.
    pub now_ms: i64,
    /// Where `rand()` and `newuuid()` come from.
    pub dice: &'a dyn Dice,
    /// `accountid()`.
    pub account_id: &'a str,
    /// Who published the message, to where and with what.
    pub origin: &'a Origin<'a>,
    /// `get_thing_shadow()`.
    pub shadows: &'a dyn Shadows,
    /// `get_registry_data()`.
    pub things: &'a dyn Things,
    /// `decode(…, 'proto', …)`.
    pub descriptors: &'a dyn Descriptors,
}

/// What is known of a message besides its payload.
#[derive(Clone, Debug, Default)]
pub struct Origin<'a> {
    /// The topic it was published to. Of a message to `$aws/rules/<rule>/…`, what follows the rule.
    pub topic: &'a str,
    /// The client that published it; `None` if it did not come by MQTT.
    pub client_id: Option<&'a str>,
    /// What the client identified itself with.
    pub principal: Option<&'a str>,
    /// The address that the client has, as text.
    pub source_ip: Option<&'a str>,
    /// An identity of this message for logs; `None` if it did not come by MQTT.
    pub trace_id: Option<&'a str>,
    /// MQTT 5's Content Type.
    pub content_type: Option<&'a str>,
    /// MQTT 5's Response Topic.
    pub response_topic: Option<&'a str>,
    /// MQTT 5's Correlation Data.
    pub correlation_data: Option<&'a [u8]>,
    /// Whether MQTT 5's Payload Format Indicator says UTF-8.
    pub payload_is_utf8: bool,
    /// MQTT 5's User Properties, in order.
    pub user_properties: &'a [(String, String)],
}

/// Where randomness comes from.
pub trait Dice {
    /// 64 random bits.
    fn roll(&self) -> u64;
}

/// Dice that give the same numbers again for the same seed: for tests and simulations. The
/// sequence is SplitMix64.
#[derive(Debug)]
pub struct Seeded(Cell<u64>);

impl Seeded {
    /// Dice of this seed.
    pub fn new(seed: u64) -> Self {
        Self(Cell::new(seed))
    }
}

impl Dice for Seeded {
    fn roll(&self) -> u64 {
        let state = self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// Something was asked for and could not be answered; not that it is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} could not be read: {why}")]
pub struct LookupError {
    /// What was asked for.
    pub what: String,
    /// What went wrong.
    pub why: String,
}

/// Who knows the device shadows.
pub trait Shadows {
    /// The document of a shadow as `GetThingShadow` answers it; `None` if there is none. The
    /// classic shadow has no name.
    fn shadow(&self, thing: &str, name: Option<&str>) -> Result<Option<Value>, LookupError>;
}

/// Who knows the registry of things.
pub trait Things {
    /// The answer of `DescribeThing`; `None` if there is no such thing.
    fn describe(&self, thing: &str) -> Result<Option<Value>, LookupError>;

    /// The answer of `ListThingGroupsForThing`; `None` if there is no such thing.
    fn groups(&self, thing: &str) -> Result<Option<Value>, LookupError>;
}

/// Who keeps the descriptors of Protocol Buffers. AWS has them in S3 buckets; here a bucket is a
/// folder under one that the operator names.
pub trait Descriptors {
    /// The message types of a descriptor file, read and parsed once; `None` if there is no such file.
    fn types(&self, bucket: &str, key: &str) -> Result<Option<Arc<MessageTypes>>, LookupError>;
}

/// Knows nothing: no shadows, no things, no descriptors.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nothing;

impl Shadows for Nothing {
    fn shadow(&self, _: &str, _: Option<&str>) -> Result<Option<Value>, LookupError> {
        Ok(None)
    }
}

impl Things for Nothing {
    fn describe(&self, _: &str) -> Result<Option<Value>, LookupError> {
        Ok(None)
    }

    fn groups(&self, _: &str) -> Result<Option<Value>, LookupError> {
        Ok(None)
    }
}

impl Descriptors for Nothing {
    fn types(&self, _: &str, _: &str) -> Result<Option<Arc<MessageTypes>>, LookupError> {
        Ok(None)
    }
}

/// A message's payload. It is read as JSON once, when the first rule asks, however many rules it
/// meets; share one.
#[derive(Debug)]
pub struct Payload {
    bytes: Bytes,
    value: OnceLock<Value>,
}

impl Payload {
    /// Takes the bytes as they are.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self { bytes: bytes.into(), value: OnceLock::new() }
    }

    /// The bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// What they say as JSON, else the bytes themselves.
    pub fn value(&self) -> &Value {
        self.value
            .get_or_init(|| json::parse(&self.bytes).unwrap_or(Value::Binary(self.bytes.clone())))
    }
}
