//! Any bytes as requests, one after the other: every one has an answer that is JSON, a refusal
//! changes nothing, a version grows by one, and what is kept is read back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lns_pipeline::shadow::{Answer, Request, Shadow, ShadowId, Verb, apply};

fuzz_target!(|bytes: &[u8]| {
    let id = ShadowId::classic("t").expect("a name");
    let mut shadow = Shadow::default();
    for payload in bytes.split(|byte| *byte == 0) {
        let outcome = apply(&shadow, &Request { id: &id, verb: Verb::Update, payload }, 1);
        if let Some(after) = &outcome.after {
            assert_eq!(after.version, shadow.version + 1);
            assert_eq!(Shadow::from_record(&after.to_record()).as_ref(), Ok(after));
            shadow = after.clone();
        } else {
            assert!(matches!(outcome.answer, Answer::Rejected { .. }));
        }
        for (_, document) in outcome.messages() {
            std::str::from_utf8(&document).expect("documents are UTF-8");
            // Numbers beyond f64 are kept, which serde_json refuses to read as a Value.
            serde_json::from_slice::<serde::de::IgnoredAny>(&document).expect("documents are JSON");
        }
    }
    let _ = Shadow::from_record(bytes);
});
