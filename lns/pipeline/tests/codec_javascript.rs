//! JavaScript codecs: dialects, results, errors, and what a call leaves behind.

use std::collections::BTreeMap;

use lns_pipeline::codec::{
    CodecError, CodecSpec, DecodeInput, Decoded, Dialect, EncodeInput, Functions, Limits, Worker,
    check,
};
use serde_json::{Value, json};

/// 2026-01-02 03:04:05.678 UTC.
const AT_US: i64 = 1_767_323_045_678_000;

fn worker() -> Worker {
    Worker::new(Limits::default())
}

fn input(bytes: &[u8], port: u8) -> DecodeInput<'_> {
    DecodeInput { bytes, port, received_at_us: AT_US, variables: None }
}

fn decode(script: &str, bytes: &[u8]) -> Result<Decoded, CodecError> {
    worker().decode(&CodecSpec::javascript(script), &input(bytes, 7), AT_US)
}

fn data(script: &str, bytes: &[u8]) -> Value {
    decode(script, bytes).unwrap_or_else(|error| panic!("{script}: {error}")).data
}

fn encode(script: &str, object: &Value, port: Option<u8>) -> Result<(Vec<u8>, Option<u8>), String> {
    let input = EncodeInput { object, port, variables: None };
    worker()
        .encode(&CodecSpec::javascript(script), &input, AT_US)
        .map(|encoded| (encoded.bytes, encoded.port))
        .map_err(|error| error.to_string())
}

#[test]
fn every_dialect_decodes() {
    let scripts = [
        "function decodeUplink(input) { return { data: { sum: input.bytes[0] + input.fPort } }; }",
        "var decodeUplink = function (i) { return { data: { sum: i.bytes[0] + i.fPort } }; };",
        "const decodeUplink = (i) => ({ data: { sum: i.bytes[0] + i.fPort } });",
        "let decodeUplink = ({ bytes: [b], fPort }) => ({ data: { sum: b + fPort } });",
        "function Decoder(bytes, port) { return { sum: bytes[0] + port }; }",
        "function Decode(fPort, bytes, variables) { return { sum: bytes[0] + fPort }; }",
        "function Decode(fPort, bytes) { return { sum: bytes[0] + fPort }; }",
        "module.exports = { decodeUplink: (i) => ({ data: { sum: i.bytes[0] + i.fPort } }) };",
        "exports.decodeUplink = function (i) { return { data: { sum: i.bytes[0] + i.fPort } }; };",
        "exports = { decodeUplink(i) { return { data: { sum: i.bytes[0] + i.fPort } }; } };",
        "function decodeUplink(i) { return { data: { sum: i.bytes[0] + i.fPort } }; }\n\
         if (typeof module !== 'undefined') module.exports = { decodeUplink: decodeUplink };",
        // Undeclared, so a property of the global object.
        "decodeUplink = function (i) { sum = i.bytes[0] + i.fPort; return { data: { sum } }; }",
        // Sloppy, with octal literals and `with`, which strict mode refuses.
        "function Decoder(bytes, port) { with ({ b: bytes[0] }) { return { sum: b + port + 00 }; } }",
    ];
    for script in scripts {
        assert_eq!(data(script, &[35]), json!({ "sum": 42 }), "{script}");
    }
}

#[test]
fn a_modern_function_is_preferred_to_a_legacy_one() {
    let script = "function Decoder() { return { by: 'Decoder' }; }\n\
                  function decodeUplink() { return { data: { by: 'decodeUplink' } }; }";
    assert_eq!(data(script, &[]), json!({ "by": "decodeUplink" }));
}

#[test]
fn a_script_sees_bytes_port_time_and_variables() {
    let script = "function decodeUplink(input) { return { data: {
        keys: Object.keys(input), array: Array.isArray(input.bytes), bytes: input.bytes,
        slice: input.bytes.slice(1), port: input.fPort, time: input.recvTime,
        ms: input.recvTime.getTime(), factor: +input.variables.factor } }; }";
    let variables = BTreeMap::from([("factor".to_owned(), "2.5".to_owned())]);
    let input = DecodeInput { variables: Some(&variables), ..input(&[1, 2, 255], 7) };
    let decoded = worker().decode(&CodecSpec::javascript(script), &input, AT_US).unwrap();
    assert_eq!(
        decoded.data,
        json!({
            "keys": ["bytes", "fPort", "recvTime", "variables"], "array": true,
            "bytes": [1, 2, 255], "slice": [2, 255], "port": 7,
            "time": "2026-01-02T03:04:05.678Z", "ms": 1_767_323_045_678_i64, "factor": 2.5,
        })
    );
}

#[test]
fn a_result_becomes_json_as_json_stringify_makes_it() {
    let cases = [
        (
            "{ a: NaN, b: Infinity, c: -0, d: undefined, e: null }",
            json!({"a":null,"b":null,"c":0,"e":null}),
        ),
        ("{ t: new Date(0) }", json!({ "t": "1970-01-01T00:00:00.000Z" })),
        ("{ f: function () {}, s: Symbol('x'), n: 1.5 }", json!({ "n": 1.5 })),
        ("{ u: new Uint8Array([1, 2]), f: new Float32Array([0.5]) }", json!({"u":[1,2],"f":[0.5]})),
        ("{ text: 'äöü😀\\u0000' }", json!({ "text": "äöü😀\u{0}" })),
        (
            "{ nested: { list: [1, [2, { three: 3 }]] } }",
            json!({"nested":{"list":[1,[2,{"three":3}]]}}),
        ),
        (
            "Object.create({ inherited: 1 }, { own: { value: 2, enumerable: true } })",
            json!({"own":2}),
        ),
        ("{ toJSON: function () { return { replaced: true }; } }", json!({ "replaced": true })),
    ];
    for (expression, expected) in cases {
        let script = format!("function Decoder() {{ return {expression}; }}");
        assert_eq!(data(&script, &[]), expected, "{expression}");
    }
}

#[test]
fn warnings_are_delivered_and_errors_refuse() {
    let script = "function decodeUplink(i) { return {
        data: { ok: true }, warnings: ['low battery', new Error('odd')],
        errors: i.bytes[0] ? ['broken sensor', 17] : [] }; }";
    let decoded = decode(script, &[0]).unwrap();
    assert_eq!(decoded.warnings, ["low battery", "Error: odd"]);
    assert_eq!(decode(script, &[1]), Err(CodecError::Script("broken sensor; 17".to_owned())));
}

#[test]
fn a_bad_result_is_explained() {
    let cases = [
        (
            "return;",
            "decodeUplink of the codec script returned undefined where an object is expected",
        ),
        (
            "return null;",
            "decodeUplink of the codec script returned null where an object is expected",
        ),
        (
            "return 5;",
            "decodeUplink of the codec script returned number where an object is expected",
        ),
        (
            "return {};",
            "decodeUplink of the codec script returned an object without \"data\" and without \"errors\"",
        ),
        (
            "return { data: [1] };",
            "decodeUplink of the codec script returned an array where an object is expected",
        ),
        (
            "return { data: 'x' };",
            "decodeUplink of the codec script returned string where an object is expected",
        ),
        (
            "return { data: { toJSON: () => 5 } };",
            "decodeUplink of the codec script returned data that is no object as JSON",
        ),
        (
            "return Promise.resolve({ data: {} });",
            "decodeUplink of the codec script returned a Promise; it must not be async",
        ),
        (
            "return { warnings: ['empty payload'] };",
            "decodeUplink of the codec script returned an object without \"data\" and without \"errors\"; it warns: empty payload",
        ),
    ];
    for (body, expected) in cases {
        let script = format!("function decodeUplink(input) {{ {body} }}");
        let error = decode(&script, &[]).unwrap_err();
        assert_eq!(error.label(), "bad_result", "{body}: {error}");
        assert_eq!(error.to_string(), expected, "{body}");
    }
    let long = "function Decoder() { return { s: 'x'.repeat(70000) }; }";
    let error = decode(long, &[]).unwrap_err().to_string();
    assert_eq!(
        error,
        "Decoder of the codec script returned 70017 bytes of JSON; 65536 is the most"
    );
}

#[test]
fn an_exception_says_what_and_where() {
    let cases = [
        (
            "function Decoder(b) {\n  return { x: b.none.deep };\n}",
            "TypeError: cannot read property 'deep' of undefined (codec:2:15)",
        ),
        (
            "function Decoder(b) {\n  throw new RangeError('too cold');\n}",
            "RangeError: too cold (codec:2:13)",
        ),
        ("function Decoder(b) { throw 'just text'; }", "just text"),
        ("function Decoder(b) { throw { code: 5 }; }", r#"a thrown object {"code":5}"#),
        ("function Decoder(b) { throw { name: 'Own', message: 'cold' }; }", "Own: cold"),
        ("function Decoder(b) { throw undefined; }", "a thrown undefined"),
        (
            "export function decodeUplink(i) {\n  return {\n data: i.none.deep };\n}",
            "TypeError: cannot read property 'deep' of undefined (codec:3:8)",
        ),
        (
            "function Decoder(b) { return missing; }",
            "ReferenceError: missing is not defined (codec:1:30)",
        ),
        ("function Decoder(b) { var o = {}; o.o = o; return o; }", "TypeError: circular reference"),
        (
            "function Decoder(b) { return { n: 5n }; }",
            "TypeError: BigInt are forbidden in JSON.stringify",
        ),
    ];
    for (script, expected) in cases {
        assert_eq!(decode(script, &[]), Err(CodecError::Script(expected.to_owned())), "{script}");
    }
}

#[test]
fn every_dialect_encodes() {
    let object = json!({ "level": 3, "list": [1, 2] });
    let cases: [(&str, Option<u8>); 9] = [
        (
            "function encodeDownlink(i) { return { bytes: [i.data.level, 255], fPort: 9 }; }",
            Some(9),
        ),
        ("function encodeDownlink(i) { return { bytes: [i.data.level, 255] }; }", Some(4)),
        ("function encodeDownlink(i) { return { bytes: [3, 255], fPort: i.fPort }; }", Some(4)),
        ("function encodeDownlink(i) { return { bytes: new Uint8Array([3, 255]) }; }", Some(4)),
        ("function encodeDownlink(i) { return { bytes: Buffer.from('03ff', 'hex') }; }", Some(4)),
        ("function Encoder(object, port) { return [object.level, 251 + port]; }", Some(4)),
        ("function Encode(fPort, obj, variables) { return [obj.level, 251 + fPort]; }", Some(4)),
        (
            "module.exports = { encodeDownlink: (i) => ({ bytes: [i.data.list[0] + 2, 255] }) }",
            Some(4),
        ),
        (
            "function Encoder(object) { var b = []; b[0] = object.level; b.push(255); return b; }",
            Some(4),
        ),
    ];
    for (script, port) in cases {
        assert_eq!(encode(script, &object, Some(4)), Ok((vec![3, 255], port)), "{script}");
    }
    let script = "function encodeDownlink(i) { return { bytes: ['fPort' in i && i.fPort === undefined ? 1 : 0] }; }";
    assert_eq!(encode(script, &object, None), Ok((vec![1], None)));
}

#[test]
fn errors_and_warnings_that_are_no_texts_are_told_as_json() {
    let with = |errors: &str| {
        let script = format!("function decodeUplink() {{ return {{ data: {{}}, {errors} }}; }}");
        decode(&script, &[]).map(|decoded| decoded.warnings).map_err(|error| error.to_string())
    };
    let reports = |text: &str| Err(format!("the codec script reports: {text}"));
    assert_eq!(
        with("errors: [{ code: 5 }, new TypeError('x')]"),
        reports("{\"code\":5}; TypeError: x")
    );
    assert_eq!(with("errors: { code: 5 }"), reports("{\"code\":5}"));
    assert_eq!(with("errors: 'cold'"), reports("cold"));
    for none in ["''", "false", "0", "null", "[]", "undefined"] {
        assert_eq!(with(&format!("errors: {none}, warnings: {none}")), Ok(vec![]), "{none}");
    }
    assert_eq!(with("warnings: [{ low: true }]"), Ok(vec!["{\"low\":true}".to_owned()]));
}

#[test]
fn numbers_are_those_of_the_script_to_the_last_digit() {
    let script = "function Decoder(bytes) { var all = [], x = 0.7; \
                  for (var i = 0; i < 400; i++) { x = x * 3.987 * (1 - x); all.push(x * 100, String(x * 100)); } \
                  return { all: all }; }";
    let decoded = data(script, &[]);
    let all = decoded["all"].as_array().expect("a list");
    for pair in all.chunks(2) {
        let text = pair[1].as_str().expect("a text");
        assert_eq!(pair[0].as_f64(), text.parse().ok(), "{text}");
    }
}

#[test]
fn half_a_character_costs_that_character_alone() {
    let script = r"function decodeUplink() { return { data: { 'a\ud83c': '\udf21x', b: '\\ud83c \ud83c\udf21' } }; }";
    assert_eq!(data(script, &[]), json!({ "a\u{fffd}": "\u{fffd}x", "b": "\\ud83c \u{1f321}" }));
}

#[test]
fn what_cannot_be_sent_is_refused() {
    let cases = [
        (
            "{ bytes: [1, 256] }",
            "returned 256 at index 1 of the bytes; a byte is a whole number from 0 to 255",
        ),
        (
            "{ bytes: [-1] }",
            "returned -1 at index 0 of the bytes; a byte is a whole number from 0 to 255",
        ),
        (
            "{ bytes: [1.5] }",
            "returned 1.5 at index 0 of the bytes; a byte is a whole number from 0 to 255",
        ),
        (
            "{ bytes: [NaN] }",
            "returned NaN at index 0 of the bytes; a byte is a whole number from 0 to 255",
        ),
        (
            "{ bytes: ['1'] }",
            "returned 1 at index 0 of the bytes; a byte is a whole number from 0 to 255",
        ),
        ("{ bytes: 'AQ==' }", "returned no array of bytes"),
        ("{ }", "returned no array of bytes"),
        ("{ bytes: new Array(2000).fill(0) }", "returned 2000 bytes; 1024 is the most"),
        ("{ bytes: [1], fPort: 0 }", "returned fPort 0; a port is a whole number from 1 to 255"),
        (
            "{ bytes: [1], fPort: 256 }",
            "returned fPort 256; a port is a whole number from 1 to 255",
        ),
        ("undefined", "returned undefined where an object is expected"),
    ];
    for (expression, expected) in cases {
        let script = format!("function encodeDownlink() {{ return {expression}; }}");
        let expected = format!("encodeDownlink of the codec script {expected}");
        assert_eq!(encode(&script, &json!({}), Some(1)), Err(expected), "{expression}");
    }
    let script = "function encodeDownlink() { return { errors: ['no such mode'] }; }";
    let expected = Err("the codec script reports: no such mode".to_owned());
    assert_eq!(encode(script, &json!({}), None), expected);
}

#[test]
fn a_downlink_decodes_by_its_own_function() {
    let spec = CodecSpec::javascript(
        "function decodeDownlink(input) { return { data: { on: input.bytes[0] === 1, port: input.fPort } }; }",
    );
    let mut worker = worker();
    let decoded = worker.decode_downlink(&spec, &input(&[1], 10), AT_US).unwrap();
    assert_eq!(decoded.data, json!({ "on": true, "port": 10 }));
    let error = worker.decode(&spec, &input(&[1], 10), AT_US).unwrap_err();
    assert_eq!(error.label(), "no_function");
    assert!(error.to_string().contains("decodeUplink(input)"), "{error}");
}

#[test]
fn an_upload_is_checked() {
    let all = "function decodeUplink() {} function Encode() {} function decodeDownlink() {}";
    let functions = Functions {
        decode: Some(Dialect::Modern),
        encode: Some(Dialect::Decode),
        decode_downlink: true,
    };
    assert_eq!(check(all), Ok(functions));
    let cases = [
        ("function decodeUplink( {", "compile", "SyntaxError"),
        ("throw new Error('at load')", "compile", "Error: at load (codec:1"),
        ("var x = require('fs');", "compile", "require is not defined"),
        ("function decode() {}", "no_function", "decodeUplink"),
        ("", "no_function", "decodeUplink"),
        ("export function decode() {}", "no_function", "decodeUplink"),
        ("export function decodeUplink( {", "compile", "SyntaxError"),
        ("import fs from 'fs';\nexport function Decoder() {}", "compile", "'fs'"),
        ("export function Decoder() {}\nthrow new Error('at load')", "compile", "(codec:2:11)"),
        ("export function Decoder() {}\nawait new Promise(() => {})", "compile", "must not await"),
        ("export function Decoder() {}\nwhile (true) {}", "time_limit", "100 ms"),
        ("require('util'); require('fs')", "compile", "Cannot find module 'fs'"),
        ("while (true) {}", "time_limit", "100 ms"),
        ("var a = []; while (true) a.push([1, 2, 3]);", "memory_limit", "8192 KiB"),
        ("\0", "compile", "NUL"),
    ];
    for (script, label, part) in cases {
        let error = check(script).unwrap_err();
        assert_eq!(error.label(), label, "{script}: {error}");
        assert!(error.to_string().contains(part), "{script}: {error}");
    }
    let long = "//".repeat(150_000);
    assert_eq!(check(&long).unwrap_err().label(), "compile");
}

#[test]
fn undeclared_globals_do_not_survive_a_call() {
    let spec = CodecSpec::javascript(
        "var total = 0; function helper() { return 1; } counter = 5;\n\
         function decodeUplink(input) {\n\
           var before = { leaked: typeof leaked, total: total, counter: counter, helper: helper() };\n\
           leaked = input.bytes; total += 1; counter = 'changed'; delete globalThis.counter;\n\
           helper = function () { return 2; };\n\
           Math = null; JSON = null; Array = null; console = null;\n\
           return { data: before };\n\
         }",
    );
    let mut worker = worker();
    let expected = json!({ "leaked": "undefined", "total": 0, "counter": 5, "helper": 1 });
    for call in 0..3 {
        let decoded = worker.decode(&spec, &input(&[call], 1), AT_US).unwrap();
        assert_eq!(decoded.data, expected, "call {call}");
    }
}

#[test]
fn a_call_that_throws_leaves_no_globals_either() {
    let spec = CodecSpec::javascript(
        "function Decoder(bytes) { if (bytes[0]) { leaked = 1; throw 'x'; } return { leaked: typeof leaked }; }",
    );
    let mut worker = worker();
    assert!(worker.decode(&spec, &input(&[1], 1), AT_US).is_err());
    let decoded = worker.decode(&spec, &input(&[0], 1), AT_US).unwrap();
    assert_eq!(decoded.data, json!({ "leaked": "undefined" }));
}

#[test]
fn scripts_cannot_reach_each_other() {
    let polluter = CodecSpec::javascript(
        "Object.prototype.polluted = 1; Array.prototype.map = null; globalThis.shared = 1;\n\
         function Decoder() { Object.prototype.later = 2; Number.prototype.toFixed = null; return { a: 1 }; }",
    );
    let victim = CodecSpec::javascript(
        "function Decoder() { return { polluted: typeof {}.polluted, later: typeof {}.later,\n\
           shared: typeof shared, map: [1].map(String), fixed: (1.25).toFixed(1) }; }",
    );
    let mut worker = worker();
    let expected = json!({
        "polluted": "undefined", "later": "undefined", "shared": "undefined", "map": ["1"], "fixed": "1.3",
    });
    for _ in 0..2 {
        worker.decode(&polluter, &input(&[], 1), AT_US).unwrap();
        let decoded = worker.decode(&victim, &input(&[], 1), AT_US).unwrap();
        assert_eq!(decoded.data, expected);
    }
}

#[test]
fn a_script_has_no_host() {
    let names = [
        "require",
        "process",
        "fetch",
        "XMLHttpRequest",
        "setTimeout",
        "setInterval",
        "performance",
        "std",
        "os",
        "print",
        "load",
        "loadScript",
        "Deno",
        "importScripts",
        "gc",
        "queueMicrotask",
        "decodeInput",
        "sweep",
    ];
    for name in names {
        let script = format!("function Decoder() {{ return {{ type: typeof {name} }}; }}");
        assert_eq!(data(&script, &[]), json!({ "type": "undefined" }), "{name}");
    }
    let script = "async function Decoder() {} function decodeUplink() { import('fs'); return { data: {} }; }";
    assert_eq!(data(script, &[]), json!({}));
    let script =
        "function Decoder() { Atomics.wait(new Int32Array(new SharedArrayBuffer(8)), 0, 0); }";
    assert_eq!(decode(script, &[]).unwrap_err().label(), "script");
}

#[test]
fn the_console_is_kept_and_bounded() {
    let spec = CodecSpec::javascript(
        "console.log('while loading');\n\
         function Decoder(bytes) {\n\
           console.log('bytes', bytes, { a: 1 }, undefined, null, 1.5, new Error('e'));\n\
           console.warn('x'.repeat(1000));\n\
           if (bytes[0] === 1) for (var i = 0; i < 1000; i++) console.info(i);\n\
           if (bytes[0] === 2) throw 'late';\n\
           if (bytes[0] === 3) while (true) {}\n\
           return {};\n\
         }",
    );
    let mut worker = worker();
    assert!(worker.console().is_empty());
    worker.decode(&spec, &input(&[1], 1), AT_US).unwrap();
    let lines = worker.console();
    assert_eq!(lines.len(), 32);
    assert_eq!(lines[0], "bytes [1] {\"a\":1} undefined null 1.5 Error: e");
    assert_eq!(lines[1], "x".repeat(256));
    for byte in [2, 3] {
        worker.decode(&spec, &input(&[byte], 1), AT_US).unwrap_err();
        assert_eq!(worker.console().len(), 2, "byte {byte}");
    }
}

#[test]
fn no_codec_is_an_error_and_not_an_empty_object() {
    let error = worker().decode(&CodecSpec::None, &input(&[1], 1), AT_US).unwrap_err();
    assert_eq!(error, CodecError::NoCodec);
    assert_eq!(error.label(), "no_codec");
}
