//! sendDownlink and files, which need no endpoint.

use lns::actions::{Deed, Downlink, FileTarget, Target};

use crate::support::Bench;

#[test]
fn a_downlink_for_nobody_is_a_dead_letter_that_names_the_device() {
    let bench = Bench::new();
    bench.apply(vec![Target::SendDownlink]);
    bench.queue(
        0,
        Deed::SendDownlink {
            device: "nobody".into(),
            f_port: Some(1),
            confirmed: false,
            payload: Downlink::Bytes(vec![1]),
        },
    );
    bench.drained(0);
    assert_eq!(bench.reasons(), [r#"there is no device with the DevEUI or id "nobody""#]);
}

#[test]
fn lines_are_appended_in_the_order_of_their_messages() {
    let bench = Bench::new();
    bench.apply(vec![Target::File(FileTarget { is_synced: true, ..FileTarget::default() })]);
    for number in 0..2000 {
        let payload = number.to_string().into_bytes();
        bench.queue(0, Deed::File { path: "d/n.jsonl".into(), payload });
    }
    bench.drained(0);
    let written = std::fs::read_to_string(bench.files.path().join("d/n.jsonl")).expect("written");
    let numbers: Vec<u32> = written.lines().map(|line| line.parse().expect("a number")).collect();
    assert_eq!(numbers, (0..2000).collect::<Vec<u32>>());
}
