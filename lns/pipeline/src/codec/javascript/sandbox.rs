//! One script, compiled, in an interpreter of its own.
//!
//! A runtime for each script, not a context for each in one runtime: memory is limited by
//! runtime, and so is what a script can do to the built-in prototypes of others. It costs about
//! 250 KiB and a millisecond to make, and nothing per call.

use std::cell::RefCell;
use std::rc::Rc;

use rquickjs::context::EvalOptions;
use rquickjs::{Array, CatchResultExt, CaughtError, Context, Ctx, Function, Module, Object};
use rquickjs::{Persistent, Runtime, context::intrinsic};
use serde::Deserialize;
use serde_json::Value;

use super::meter::{Meter, measure_stack_from_here};
use super::{Dialect, Functions};
use crate::codec::{CodecError, DecodeInput, EncodeInput, Limits, Script, Variables};

const HARNESS: &str = include_str!("harness.js");
const ENCODINGS: &str = include_str!("encodings.js");
const BUFFER: &str = include_str!("buffer.js");
const LANGUAGE: &str = include_str!("language.js");

/// What the encodings and the buffer define; a script that names none of it does not pay for it.
const BYTES_NAMES: [&str; 5] = ["Buffer", "atob", "btoa", "TextEncoder", "TextDecoder"];

/// What a script names that may notice `language.js`. `recvTime` is a `Date`.
const LANGUAGE_NAMES: [&str; 5] = ["sort", "Sort", "Locale", "Date", "recvTime"];

/// Everything but `performance`, which is a clock of the host, and `Proxy`, with which an array
/// can lie about its length to the guards of the harness.
type Intrinsics = (
    intrinsic::Date,
    intrinsic::Eval,
    intrinsic::RegExpCompiler,
    intrinsic::RegExp,
    intrinsic::Json,
    intrinsic::MapSet,
    intrinsic::TypedArrays,
    intrinsic::Promise,
    intrinsic::WeakRef,
);

type Entry = Persistent<Function<'static>>;

/// The fields are dropped in this order: what lives in a runtime goes before it.
pub(super) struct Sandbox {
    decode_uplink: Entry,
    decode_downlink: Entry,
    encode_downlink: Entry,
    functions: Functions,
    console: Rc<RefCell<Vec<String>>>,
    meter: Meter,
    limits: Limits,
    context: Context,
    runtime: Runtime,
}

/// What the harness makes of one call.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Outcome {
    pub(super) problem: Option<String>,
    pub(super) errors: Vec<String>,
    pub(super) warnings: Vec<String>,
    pub(super) data: Option<Value>,
    pub(super) bytes: Vec<u8>,
    pub(super) port: Option<u8>,
}

impl Sandbox {
    /// Compiles `script` and runs its top level.
    pub(super) fn load(script: &Script, limits: Limits) -> Result<Self, CodecError> {
        let engine = |error: rquickjs::Error| CodecError::Engine(error.to_string());
        let meter = Meter::unlimited();
        let runtime = Runtime::new_with_alloc(meter.clone()).map_err(engine)?;
        runtime.set_max_stack_size(limits.stack_bytes);
        let clock = meter.clone();
        runtime.set_interrupt_handler(Some(Box::new(move || clock.out_of_time())));
        let context = Context::custom::<Intrinsics>(&runtime).map_err(engine)?;
        let console = Rc::new(RefCell::new(Vec::new()));
        let parts = context.with(|ctx| {
            measure_stack_from_here(&ctx);
            let harness = install(&ctx, script, &console).map_err(engine)?;
            // Only now: the interpreter does not bear to run out of memory before it is complete.
            meter.limit_memory(limits.memory_bytes);
            meter.start(limits.load_us);
            let loaded = run(&ctx, script, &harness).catch(&ctx);
            let loaded = loaded.map_err(|error| explain(&error, &limits));
            meter.verdict().map_or(loaded, Err)
        });
        let parts = parts.map_err(|error| match error {
            CodecError::Script(message) => CodecError::Compile(message),
            other => other,
        })?;
        let [decode_uplink, decode_downlink, encode_downlink] = parts.entries;
        Ok(Self {
            decode_uplink,
            decode_downlink,
            encode_downlink,
            functions: parts.functions,
            console,
            meter,
            limits,
            context,
            runtime,
        })
    }

    /// The functions the script offers.
    pub(super) fn functions(&self) -> Functions {
        self.functions
    }

    /// Lines the last call wrote.
    pub(super) fn console(&self) -> Vec<String> {
        self.console.borrow().clone()
    }

    /// Whether the last call left work for later. Nothing runs it, and it would pile up.
    pub(super) fn left_jobs(&self) -> bool {
        self.runtime.is_job_pending()
    }

    pub(super) fn decode_uplink(&self, input: &DecodeInput<'_>) -> Result<Outcome, CodecError> {
        self.decode(&self.decode_uplink, input)
    }

    pub(super) fn decode_downlink(&self, input: &DecodeInput<'_>) -> Result<Outcome, CodecError> {
        self.decode(&self.decode_downlink, input)
    }

    fn decode(&self, entry: &Entry, input: &DecodeInput<'_>) -> Result<Outcome, CodecError> {
        self.call(entry, |ctx, function| {
            let bytes = Array::new(ctx.clone())?;
            for (index, byte) in input.bytes.iter().enumerate() {
                bytes.set(index, *byte)?;
            }
            // A script's clock counts milliseconds.
            let at_ms = input.received_at_us.div_euclid(1000) as f64;
            function.call((bytes, input.port, at_ms, variables_json(input.variables)))
        })
    }

    pub(super) fn encode_downlink(&self, input: &EncodeInput<'_>) -> Result<Outcome, CodecError> {
        let object = input.object.to_string();
        self.call(&self.encode_downlink, |_, function| {
            function.call((object.as_str(), input.port, variables_json(input.variables)))
        })
    }

    fn call<F>(&self, entry: &Entry, call: F) -> Result<Outcome, CodecError>
    where
        F: for<'js> FnOnce(&Ctx<'js>, Function<'js>) -> rquickjs::Result<rquickjs::String<'js>>,
    {
        self.console.borrow_mut().clear();
        self.meter.start(self.limits.call_us);
        let json = self.context.with(|ctx| {
            measure_stack_from_here(&ctx);
            let function = entry.clone().restore(&ctx);
            let result = function.and_then(|function| call(&ctx, function)?.to_string());
            let result = result.catch(&ctx).map_err(|error| explain(&error, &self.limits));
            self.meter.verdict().map_or(result, Err)
        })?;
        if json.len() > self.limits.result_bytes {
            return Ok(Outcome {
                problem: Some(format!(
                    "returned {} bytes of JSON; {} is the most",
                    json.len(),
                    self.limits.result_bytes
                )),
                ..Outcome::default()
            });
        }
        let outcome = serde_json::from_str(&json);
        // Texts of a script may hold half a character, which JSON can spell and UTF-8 cannot.
        let outcome = outcome.or_else(|_| serde_json::from_str(&well_formed(&json)));
        Ok(outcome.unwrap_or_else(|error| Outcome {
            problem: Some(format!("returned what is not JSON: {error}")),
            ..Outcome::default()
        }))
    }
}

/// What loading leaves for calls.
struct Parts {
    entries: [Entry; 3],
    functions: Functions,
}

/// Our part of the context.
fn install<'js>(
    ctx: &Ctx<'js>,
    script: &Script,
    console: &Rc<RefCell<Vec<String>>>,
) -> rquickjs::Result<Object<'js>> {
    let lines = Rc::clone(console);
    let print = Function::new(ctx.clone(), move |line: String| lines.borrow_mut().push(line))?;
    if LANGUAGE_NAMES.iter().any(|name| script.text().contains(name)) {
        let language: Function<'js> = ctx.eval_with_options(LANGUAGE, options("language"))?;
        language.call::<_, ()>((Function::new(ctx.clone(), zone_offset)?,))?;
    }
    if BYTES_NAMES.iter().any(|name| script.text().contains(name)) {
        let encodings: Function<'js> = ctx.eval_with_options(ENCODINGS, options("encodings"))?;
        let buffer: Function<'js> = ctx.eval_with_options(BUFFER, options("buffer"))?;
        buffer.call::<_, ()>((encodings,))?;
    }
    let harness: Function<'js> = ctx.eval_with_options(HARNESS, options("harness"))?;
    harness.call((print, needs_require(script.text())))
}

/// Whether a script loads, by `require`, what only Node.js has as a module, or asks whether it is
/// the main program there.
fn needs_require(text: &str) -> bool {
    let loads = |name: &str| ["'", "\""].iter().any(|q| text.contains(&format!("{q}{name}{q}")));
    text.contains("require.main")
        || text.contains("require")
            && ["buffer", "node:buffer", "util", "node:util"].iter().any(|name| loads(name))
}

/// How far a time zone is ahead of UTC, in minutes; NaN if there is none of that name.
fn zone_offset(name: String, at_ms: f64) -> f64 {
    let offset = || {
        let zone = jiff::tz::TimeZone::get(&name).ok()?;
        let at = jiff::Timestamp::from_millisecond(at_ms as i64).ok()?;
        Some(f64::from(zone.to_offset(at).seconds()) / 60.0)
    };
    offset().unwrap_or(f64::NAN)
}

/// The script's part: its top level, and which functions it defines.
fn run<'js>(ctx: &Ctx<'js>, script: &Script, harness: &Object<'js>) -> rquickjs::Result<Parts> {
    let namespace = evaluate(ctx, script)?;
    let found: Vec<bool> = harness.get::<_, Function<'js>>("seal")?.call((namespace,))?;
    let entry = |name: &str| -> rquickjs::Result<Entry> {
        Ok(Persistent::save(ctx, harness.get::<_, Function<'js>>(name)?))
    };
    Ok(Parts {
        entries: [entry("decodeUplink")?, entry("decodeDownlink")?, entry("encodeDownlink")?],
        functions: functions(&found),
    })
}

/// Runs the top level. A module, which only `export` or `import` tell from a script, gives what it
/// exports.
fn evaluate<'js>(ctx: &Ctx<'js>, script: &Script) -> rquickjs::Result<Option<Object<'js>>> {
    let error = match ctx.eval_with_options::<(), _>(script.text(), options("codec")) {
        Ok(()) => return Ok(None),
        Err(error) => error,
    };
    let keyword = |line: &str| ["export", "import"].iter().any(|word| line.starts_with(word));
    if !error.is_exception() || !script.text().lines().any(|line| keyword(line.trim_start())) {
        return Err(error);
    }
    let thrown = ctx.catch();
    let name: Option<String> = thrown.as_object().and_then(|object| object.get("name").ok());
    if name.as_deref() != Some("SyntaxError") {
        return Err(ctx.throw(thrown));
    }
    let (module, done) = Module::declare(ctx.clone(), "codec", script.text())?.eval()?;
    match done.result::<rquickjs::Value<'js>>() {
        Some(result) => result?,
        None => {
            let waits = "a codec must not await at its top level";
            return Err(rquickjs::Exception::throw_type(ctx, waits));
        }
    };
    module.namespace().map(Some)
}

/// Scripts run sloppy: many published ones assign to variables they never declare.
fn options(file: &str) -> EvalOptions {
    let mut options = EvalOptions::default();
    options.strict = false;
    options.filename = Some(file.to_owned());
    options
}

/// In the order in which `seal` of the harness reports.
fn functions(found: &[bool]) -> Functions {
    let has = |index: usize| found.get(index).copied().unwrap_or(false);
    let pick = |first: usize| {
        [Dialect::Modern, Dialect::Decoder, Dialect::Decode]
            .into_iter()
            .enumerate()
            .find_map(|(offset, dialect)| has(first + offset).then_some(dialect))
    };
    Functions { decode: pick(0), encode: pick(3), decode_downlink: has(6) }
}

fn variables_json(variables: Option<&Variables>) -> Option<String> {
    variables.map(|map| serde_json::to_string(map).expect("a map of strings is JSON"))
}

/// What an exception means. Time and memory are told by the meter, not by exceptions.
fn explain(error: &CaughtError<'_>, limits: &Limits) -> CodecError {
    match error {
        CaughtError::Exception(exception) => {
            let message = exception.message().unwrap_or_default();
            if message == STACK_OVERFLOW {
                return CodecError::StackLimit { limit_bytes: limits.stack_bytes };
            }
            CodecError::Script(describe(exception, &message))
        }
        CaughtError::Value(value) => CodecError::Script(thrown(value)),
        CaughtError::Error(error) => CodecError::Script(error.to_string()),
    }
}

/// What a thrown value says that is no `Error`: a text, or an object with a `message`, or anything.
fn thrown(value: &rquickjs::Value<'_>) -> String {
    if let Some(text) = value.as_string() {
        return text.to_string().unwrap_or_default();
    }
    let field = |name: &str| -> Option<String> { value.as_object()?.get(name).ok() };
    if let Some(message) = field("message") {
        return format!("{}: {message}", field("name").unwrap_or_else(|| "Error".to_owned()));
    }
    let json = value.ctx().json_stringify(value.clone()).ok().flatten();
    match json.and_then(|json| json.to_string().ok()) {
        Some(json) => format!("a thrown {} {json:.256}", value.type_name()),
        None => format!("a thrown {}", value.type_name()),
    }
}

/// JSON text in which each escaped surrogate that has no partner is U+FFFD.
fn well_formed(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        let length = match (surrogate(escape), escape.get(6..).and_then(surrogate)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(0xD800..=0xDFFF), _) => {
                out.push('\u{FFFD}');
                rest = &escape[6..];
                continue;
            }
            (Some(_) | None, _) => 2,
        };
        let (whole, after) = escape.split_at(length.min(escape.len()));
        out.push_str(whole);
        rest = after;
    }
    out + rest
}

/// The code unit of the escape `\uXXXX` at the start of `text`.
fn surrogate(text: &str) -> Option<u16> {
    u16::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok()
}

/// What the interpreter throws, as a RangeError, where the stack ends.
const STACK_OVERFLOW: &str = "Maximum call stack size exceeded";

/// `TypeError: x is undefined (codec:12:5)`: where it happened, as the top frame of the stack
/// that is the script's own.
fn describe(exception: &rquickjs::Exception<'_>, message: &str) -> String {
    let name: String = exception.as_object().get("name").unwrap_or_else(|_| "Error".to_owned());
    let stack = exception.stack().unwrap_or_default();
    let place = stack.split(['(', ' ', ')', '\n']).find(|word| word.starts_with("codec:"));
    match place {
        Some(place) => format!("{name}: {message} ({place})"),
        None => format!("{name}: {message}"),
    }
}
