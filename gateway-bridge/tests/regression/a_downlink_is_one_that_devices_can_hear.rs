//! Devices hear downlinks with inverted polarity and without a payload CRC, and nothing else.
//!
//! A forwarder that is not told so sends with normal polarity, which only gateways hear: everything
//! looks well, TX_ACK and all, and no device ever answers. Each way of naming a time must be whole,
//! too: forwarders drop a `txpk` that lacks a field without any TX_ACK, and `imme` must be a boolean
//! also where it is false.

use gateway_bridge::semtech::packet::{TxTime, Txpk, Version};
use gateway_bridge::semtech::session::{Config, Policy};
use gateway_link::When;

use crate::bench::{Bench, HOME, item};

/// The JSON of the one datagram that a downlink at this time becomes.
fn json(when: When) -> (TxTime, String) {
    let mut bench = Bench::connected();
    bench.send(vec![item(when, 1400)]);
    let (_, token, txpk) = bench.sent.remove(0);
    let datagram = Txpk::build(&txpk, Version::V2, token);
    (txpk.when, String::from_utf8(datagram[4..].to_vec()).unwrap())
}

#[test]
fn every_downlink_is_inverted_and_without_a_crc_and_says_when() {
    for (when, expected, words) in [
        (When::Tmst(12_000_000), TxTime::Tmst(12_000_000), r#""imme":false,"tmst":12000000"#),
        (
            When::Gps { tmms: 1_400_000_000_120 },
            TxTime::Gps(1_400_000_000_120),
            r#""imme":false,"tmms":1400000000120"#,
        ),
        (When::Immediately, TxTime::Immediately, r#""imme":true"#),
    ] {
        let (at, json) = json(when);
        assert_eq!(at, expected);
        for words in [words, r#""ipol":true"#, r#""ncrc":true"#, r#""rfch":0"#, r#""size":4"#] {
            assert!(json.contains(words), "{words} in {json}");
        }
        assert!(!json.contains("nhdr") && !json.contains("prea"), "left to the forwarder: {json}");
    }
}

#[test]
fn what_needs_no_counter_needs_no_uplink_either() {
    let mut bench = Bench::new(Config::default(), Policy::default());
    bench.pull(HOME);
    bench.send(vec![item(When::Gps { tmms: 1_400_000_000_120 }, 1400)]);
    bench.send(vec![item(When::Immediately, 1400)]);
    assert_eq!(bench.tmsts(), [TxTime::Gps(1_400_000_000_120), TxTime::Immediately]);
}
