//! Any document: read it, apply it to a client that chooses its own name, and add a Deny.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lns_pipeline::policy::{Action, Connect, Context, Permissions, Policy, Thing};

const NO: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"iot:Publish",
    "Resource":"arn:aws:iot:r:1:topic/*/no"}}"#;

fuzz_target!(|input: (&str, &str, &str)| {
    let (document, client_id, name) = input;
    let Ok(policy) = Policy::parse(document) else { return };
    let context = Context {
        client_id: Some(client_id.to_owned()),
        source: Some([192, 0, 2, 1].into()),
        thing: Some(Thing { name: "lamp".to_owned(), ..Thing::default() }),
        connect: Some(Connect { persistent: true, will_topic: Some(name.to_owned()) }),
        ..Context::default()
    };
    let alone = Permissions::new([&policy], &context);
    let deny = Policy::parse(NO).expect("it is a policy");
    let denied = Permissions::new([&policy, &deny], &context);
    for action in Action::ALL {
        assert!(!denied.allows(action, name) || alone.allows(action, name));
    }
    assert!(!denied.may_subscribe(name) || alone.may_subscribe(name));
    assert!(!denied.allows(Action::Publish, "a/no"));
});
