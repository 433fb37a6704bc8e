//! Any bytes: cut them into packets and read each, as if CONNECT had said either version. However the
//! bytes come in, whole or one by one, the packets are the same.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use lns_broker::Version;
use lns_broker::wire::{Frame, WireError, parse, parse_connect};

const MOST: usize = 4096;

fuzz_target!(|bytes: &[u8]| {
    let mut whole = BytesMut::from(bytes);
    let mut frames = Vec::new();
    let end = loop {
        match Frame::take(&mut whole, MOST) {
            Ok(Some(frame)) => frames.push(frame),
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    for frame in &frames {
        assert!(frame.body.len() <= MOST);
        for version in [Version::V311, Version::V5] {
            if let Err(error) = parse(frame, version) {
                assert!(error.reason().is_refusal());
            }
        }
        let _ = parse_connect(&frame.body);
    }
    assert_eq!(end, drop_by_drop(bytes, &frames));
});

/// The same bytes, one at a time: gives how they end.
fn drop_by_drop(bytes: &[u8], frames: &[Frame]) -> Option<WireError> {
    let mut expected = frames.iter();
    let mut waiting = BytesMut::new();
    for byte in bytes {
        waiting.extend_from_slice(&[*byte]);
        match Frame::take(&mut waiting, MOST) {
            Ok(Some(frame)) => {
                let other = expected.next().expect("it was there when the bytes came as one");
                assert_eq!((frame.first, &frame.body), (other.first, &other.body));
            }
            Ok(None) => {}
            Err(error) => {
                assert!(expected.next().is_none());
                return Some(error);
            }
        }
    }
    assert!(expected.next().is_none());
    None
}
