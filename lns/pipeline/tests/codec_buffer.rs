//! `Buffer`, `atob` and the like behave as in Node.js: `buffer/expected.txt` is what Node.js 20 makes
//! of each line of `buffer/cases.txt` (`buffer/expected.js` writes it).

use lns_pipeline::codec::{CodecSpec, DecodeInput, Limits, Worker};
use serde_json::json;

/// Evaluates every case in one call, as `expected.js` does.
const SHOW: &str = r"
function Decoder() {
  // Loads them: Buffer, atob.
  return { shown: CASES.map(function (line) {
    try {
      var value = (0, eval)(line);
      return value === undefined ? 'undefined' : JSON.stringify(value);
    } catch (error) {
      return '!' + error.name;
    }
  }) };
}";

#[test]
fn buffers_behave_as_in_node() {
    let cases: Vec<&str> = include_str!("buffer/cases.txt").lines().collect();
    let expected: Vec<&str> = include_str!("buffer/expected.txt").lines().collect();
    assert_eq!(cases.len(), expected.len(), "expected.txt is out of date");
    let script = format!("var CASES = {};{SHOW}", json!(cases));
    let input = DecodeInput { bytes: &[], port: 1, received_at_us: 0, variables: None };
    // In an unoptimized build the lot takes longer than a call may.
    let mut worker = Worker::new(Limits { call_us: 2_000_000, ..Limits::default() });
    let decoded = worker.decode(&CodecSpec::javascript(script), &input, 0).unwrap();
    let shown = decoded.data["shown"].as_array().unwrap();
    let differing: Vec<String> = cases
        .iter()
        .zip(expected.iter().zip(shown))
        .filter(|(_, (expected, shown))| shown.as_str() != Some(**expected))
        .map(|(case, (expected, shown))| format!("{case}\n  node {expected}\n  ours {shown}"))
        .collect();
    assert!(differing.is_empty(), "{}", differing.join("\n"));
    assert_eq!(shown.len(), cases.len());
}
