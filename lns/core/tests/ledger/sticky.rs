//! Answers that a device repeats until it hears us.

use lns_core::mac::Kind;
use lns_core::{Note, Profile};
use lns_lorawan::{MacVersion, Region, RxDelay};

use crate::bench::{Up, opening};
use crate::talk::*;

fn delay(seconds: u8) -> impl Fn(&mut Profile) {
    move |profile| profile.rx_delay = RxDelay::new(seconds)
}

fn talk() -> Talk {
    Talk::with(Region::Eu868, MacVersion::V1_0_3, delay(5))
}

#[test]
fn a_repeated_answer_is_no_surprise_and_is_stopped_by_an_empty_downlink() {
    let mut talk = talk();
    talk.exchange(CLEAR);
    for _ in 0..3 {
        // The answer, and again, because the device does not hear us.
        assert_eq!(talk.exchange(DOWN_LOST), [0u8; 0]);
        let surprised = |note: &Note| matches!(note, Note::UnexpectedMacAnswer { .. });
        assert!(!talk.notes.iter().any(surprised), "{:?}", talk.notes);
        assert!(talk.bench.device.session.as_ref().unwrap().n_f_cnt_down.next.0 > 1);
    }
    talk.exchange(CLEAR);
    assert!(talk.model.speak().is_empty(), "the device has heard us");
}

#[test]
fn another_value_waits_until_the_old_answer_is_not_repeated_any_more() {
    let mut talk = talk();
    talk.exchange(CLEAR);
    // The answer to 5 s comes, and the device does not hear us.
    talk.describe(delay(7));
    for _ in 0..3 {
        assert_eq!(talk.exchange(DOWN_LOST), [0u8; 0], "which value would an answer mean?");
        talk.assert_true();
    }
    assert_eq!(talk.exchange(CLEAR), [0u8; 0], "this frame stops the answer");
    assert_eq!(talk.exchange(CLEAR), [0x08, 7]);
    talk.exchange(CLEAR);
    talk.assert_true();
    assert_eq!(talk.model.rx_delay, 7);
}

#[test]
fn windows_are_those_of_current_until_the_answer_says_otherwise() {
    let mut talk = talk();
    let seconds = |talk: &mut Talk, f_cnt: u32, f_opts: &[u8]| {
        let step = talk.bench.hear(&Up { f_opts, ..Up::at(f_cnt) }).unwrap();
        let window = opening(&step).unwrap().windows[0].start;
        talk.bench.listen();
        format!("{window:?}")
    };
    let before = seconds(&mut talk, 0, &[]);
    assert!(talk.is_outstanding(Kind::RxTimingSetup));
    // Not answered: the device has not heard it, and opens RX1 as before.
    assert_eq!(seconds(&mut talk, 1, &[]), before);
    // The uplink with the answer is itself followed by the new windows.
    assert_ne!(seconds(&mut talk, 2, &[0x08]), before);
}

#[test]
fn a_device_of_1_0_1_answers_once() {
    let mut talk = Talk::with(Region::Eu868, MacVersion::V1_0_1, delay(5));
    assert_eq!(talk.exchange(DOWN_LOST), [0x08, 5]);
    assert_eq!(talk.exchange(CLEAR), [0x08, 5], "a lost request is asked again");
    talk.exchange(CLEAR);
    talk.assert_true();
}
