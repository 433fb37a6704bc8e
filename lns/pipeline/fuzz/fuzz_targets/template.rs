//! Any text as a template: it is refused, or can be filled in.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lns_pipeline::rule::{Env, Nothing, Origin, Payload, Seeded, SqlVersion, Template};

fuzz_target!(|input: (&str, &[u8])| {
    let (text, payload) = input;
    let Ok(template) = Template::compile(text, SqlVersion::V2016_03_23, &[]) else { return };
    let (dice, origin) = (Seeded::new(1), Origin { topic: "a/b", ..Origin::default() });
    let env = Env {
        now_ms: 1_700_000_000_000,
        dice: &dice,
        account_id: "1",
        origin: &origin,
        shadows: &Nothing,
        things: &Nothing,
        descriptors: &Nothing,
    };
    let rendered = template.render(&env, &Payload::new(payload.to_vec()), &[]);
    if let (Some(constant), Ok(rendered)) = (template.constant(), rendered) {
        assert_eq!(constant, rendered);
    }
});
