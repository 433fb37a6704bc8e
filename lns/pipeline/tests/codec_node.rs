//! Scripts as device makers write them, run here and by a real Node.js in its sloppy mode.
//!
//! Needs Node.js (`apt-get install nodejs`); without it the test is skipped, or fails if
//! `LNS_REQUIRE_TOOLS` is set. `LNS_CODECS` may name a folder of further scripts, such as published
//! codecs that are not ours to keep here; they get frames of every length up to 64.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use lns_pipeline::codec::{CodecError, CodecSpec, DecodeInput, EncodeInput, Limits, Worker};
use serde_json::{Value, json};

/// Frames that every script gets: a port and bytes.
const FRAMES: [(u8, &[u8]); 5] = [
    (1, &[0x01, 0x02, 0x03, 0x04]),
    (2, &[0xff, 0x80, 0x7f, 0x01]),
    (3, &[0x42, 0xf6, 0xe9, 0x79, 0x41, 0x42]),
    (4, &[0x00, 0x00, 0x00, 0x00]),
    (10, &[0xc0, 0x7f, 0xff, 0xff]),
];

/// What the encoders are asked for.
const OBJECT: &str = r#"{"interval": 300, "on": true, "name": "Zürich", "level": -1.5}"#;

/// One call of one script.
struct Case {
    name: String,
    script: String,
    call: &'static str,
    port: u8,
    bytes: Vec<u8>,
}

impl Case {
    fn for_node(&self) -> Value {
        let object: Value = serde_json::from_str(OBJECT).expect("it is JSON");
        json!({
            "script": self.script, "call": self.call, "port": self.port, "bytes": self.bytes,
            "object": object,
        })
    }
}

#[test]
fn scripts_give_what_they_give_in_node() {
    let Some(node) = node() else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node");
    let mut cases = Vec::new();
    for (name, script) in scripts(&folder.join("scripts")) {
        for (port, bytes) in FRAMES {
            cases.extend(calls(&name, &script, port, bytes));
        }
    }
    assert!(cases.len() >= 60, "the scripts are there");
    if let Some(more) = std::env::var_os("LNS_CODECS") {
        for (name, script) in scripts(Path::new(&more)) {
            for (port, bytes) in noise() {
                cases.extend(calls(&name, &script, port, &bytes));
            }
        }
    }
    let expected = ask_node(&node, &folder.join("run.js"), &cases);
    let mut wrong = Vec::new();
    for (case, expected) in cases.iter().zip(expected) {
        let found = run(case);
        if found != expected {
            let Case { name, call, port, bytes, .. } = case;
            let bytes = hex::encode(bytes);
            wrong.push(format!(
                "{name}, {call}, port {port}, {bytes}:\n  here {found}\n  node {expected}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {}\n{}\n", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn names_of_the_language_that_a_call_takes_are_given_back() {
    let script = "function Decoder(bytes) { \
                  var before = typeof Map + typeof escape + typeof console; \
                  Map = 1; escape = 2; console = 3; return { before: before, now: Map + escape }; }";
    let spec = CodecSpec::javascript(script);
    let input = DecodeInput { bytes: &[1], port: 1, received_at_us: 0, variables: None };
    let mut worker = Worker::new(Limits::default());
    for _ in 0..3 {
        let decoded = worker.decode(&spec, &input, 0).expect("it decodes");
        assert_eq!(decoded.data, json!({"before": "functionfunctionobject", "now": 3}));
    }
}

/// Where Node.js is. `None`, and a word about it, if it is not installed.
fn node() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut names = std::env::split_paths(&path).map(|folder| folder.join("node"));
    let found = names.find(|file| file.is_file());
    let required = std::env::var_os("LNS_REQUIRE_TOOLS").is_some();
    assert!(found.is_some() || !required, "node is needed: apt-get install nodejs");
    if found.is_none() {
        eprintln!("skipped: node is not installed");
    }
    found
}

/// Names and texts, in the order of the names.
fn scripts(folder: &Path) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("it is there").path()).collect();
    paths.sort();
    let named = |path: &PathBuf| {
        let name = path.file_stem().expect("it has a name").to_string_lossy().into_owned();
        (name, std::fs::read_to_string(path).expect("a script is text"))
    };
    paths.iter().map(named).collect()
}

/// The calls of one script with one frame: its decoder, and whatever else it names.
fn calls(name: &str, script: &str, port: u8, bytes: &[u8]) -> Vec<Case> {
    let encodes = script.contains("encodeDownlink") || script.contains("Encode");
    let directions = [
        ("decode", true),
        ("encode", encodes),
        ("decode_downlink", script.contains("decodeDownlink")),
    ];
    let case = |call| Case {
        name: name.to_owned(),
        script: script.to_owned(),
        call,
        port,
        bytes: bytes.to_vec(),
    };
    directions.into_iter().filter(|(_, there)| *there).map(|(call, _)| case(call)).collect()
}

/// Frames of every length up to 64 on ports that devices use; the same in every run.
fn noise() -> Vec<(u8, Vec<u8>)> {
    const PORTS: [u8; 9] = [1, 2, 3, 5, 8, 10, 85, 100, 136];
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..=64_usize)
        .map(|length| (PORTS[length % PORTS.len()], (0..length).map(|_| next()).collect()))
        .collect()
}

/// What Node.js makes of the cases, in the words of [`run`].
fn ask_node(node: &Path, program: &Path, cases: &[Case]) -> Vec<Value> {
    let asked: Value = cases.iter().map(Case::for_node).collect();
    let mut child = Command::new(node)
        .args(["--experimental-vm-modules", "--no-warnings"])
        .arg(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(asked.to_string().as_bytes()).expect("node reads");
    drop(stdin);
    let output = child.wait_with_output().expect("node ends");
    assert!(output.status.success(), "node ends with {}", output.status);
    let results: Vec<Value> = serde_json::from_slice(&output.stdout).expect("node writes JSON");
    results.into_iter().map(meant).collect()
}

/// What a result means: errors if there are any, else bytes or an object, else nothing of use.
fn meant(mut result: Value) -> Value {
    if result.get("error").is_some() {
        return result;
    }
    if let Some(errors) = result["errors"].as_array().filter(|errors| !errors.is_empty()) {
        let first = errors[0].as_str().unwrap_or_default();
        return json!({"error": first.split(':').next().unwrap_or_default()});
    }
    let warnings = result["warnings"].as_array().cloned().unwrap_or_default();
    if result["data"].is_object() {
        return json!({"data": result["data"].take(), "warnings": warnings});
    }
    let byte = |value: &Value| value.as_u64().is_some_and(|byte| byte <= 255);
    match result["bytes"].as_array() {
        Some(bytes) if bytes.iter().all(byte) => json!({"bytes": bytes, "warnings": warnings}),
        _ => json!({"error": "unusable"}),
    }
}

/// What a fresh worker makes of a case.
fn run(case: &Case) -> Value {
    let spec = CodecSpec::javascript(case.script.clone());
    let mut worker = Worker::new(Limits::default());
    let frame = DecodeInput {
        bytes: &case.bytes,
        port: case.port,
        received_at_us: 1_000_000,
        variables: None,
    };
    let outcome = match case.call {
        "decode" => worker.decode(&spec, &frame, 0),
        "decode_downlink" => worker.decode_downlink(&spec, &frame, 0),
        _ => {
            let object: Value = serde_json::from_str(OBJECT).expect("it is JSON");
            let input = EncodeInput { object: &object, port: Some(case.port), variables: None };
            return match worker.encode(&spec, &input, 0) {
                Ok(encoded) => json!({"bytes": encoded.bytes, "warnings": encoded.warnings}),
                Err(error) => failed(&error),
            };
        }
    };
    match outcome {
        Ok(decoded) => json!({"data": decoded.data, "warnings": decoded.warnings}),
        Err(error) => failed(&error),
    }
}

fn failed(error: &CodecError) -> Value {
    match error {
        // `TypeError: x is undefined (codec:12:5)`
        CodecError::Script(message) => {
            json!({"error": message.split(':').next().unwrap_or_default()})
        }
        CodecError::BadResult { .. } => json!({"error": "unusable"}),
        CodecError::NoFunction { .. } => json!({"error": "no function"}),
        other => json!({"error": other.to_string()}),
    }
}
