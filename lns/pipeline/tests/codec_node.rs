//! Scripts as device makers write them, decoded here and by a real Node.js in its sloppy mode.
//!
//! Needs Node.js (`apt-get install nodejs`); without it the test is skipped, or fails if
//! `LNS_REQUIRE_TOOLS` is set.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use lns_pipeline::codec::{CodecError, CodecSpec, DecodeInput, Limits, Worker};
use serde_json::{Value, json};

/// Frames that every script gets: a port and bytes.
const FRAMES: [(u8, &[u8]); 5] = [
    (1, &[0x01, 0x02, 0x03, 0x04]),
    (2, &[0xff, 0x80, 0x7f, 0x01]),
    (3, &[0x42, 0xf6, 0xe9, 0x79, 0x41, 0x42]),
    (4, &[0x00, 0x00, 0x00, 0x00]),
    (10, &[0xc0, 0x7f, 0xff, 0xff]),
];

#[test]
fn scripts_give_what_they_give_in_node() {
    let Some(node) = node() else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node");
    let mut cases = Vec::new();
    for (name, script) in scripts(&folder.join("scripts")) {
        for (port, bytes) in FRAMES {
            cases.push((name.clone(), script.clone(), port, bytes));
        }
    }
    assert!(cases.len() >= 60, "the scripts are there");
    let expected = ask_node(&node, &folder.join("run.js"), &cases);
    let mut wrong = Vec::new();
    for ((name, script, port, bytes), expected) in cases.iter().zip(expected) {
        let found = decode(script, *port, bytes);
        if found != expected {
            wrong.push(format!("{name}, port {port}:\n  here {found}\n  node {expected}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
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

fn ask_node(node: &Path, program: &Path, cases: &[(String, String, u8, &[u8])]) -> Vec<Value> {
    let cases: Value = cases
        .iter()
        .map(|(_, script, port, bytes)| json!({"script": script, "port": port, "bytes": bytes}))
        .collect();
    let mut child = Command::new(node)
        .arg(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(cases.to_string().as_bytes()).expect("node reads");
    drop(stdin);
    let output = child.wait_with_output().expect("node ends");
    assert!(output.status.success(), "node ends with {}", output.status);
    serde_json::from_slice(&output.stdout).expect("node writes JSON")
}

/// What a fresh worker makes of a frame, as `run.js` writes it.
fn decode(script: &str, port: u8, bytes: &[u8]) -> Value {
    let input = DecodeInput { bytes, port, received_at_us: 0, variables: None };
    let mut worker = Worker::new(Limits::default());
    match worker.decode(&CodecSpec::javascript(script), &input, 0) {
        Ok(decoded) => json!({"data": decoded.data}),
        // `TypeError: x is undefined (codec:12:5)`
        Err(CodecError::Script(message)) => {
            json!({"error": message.split(':').next().unwrap_or_default()})
        }
        Err(other) => json!({"error": other.to_string()}),
    }
}
