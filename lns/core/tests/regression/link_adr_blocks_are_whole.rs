//! A block of LinkADRReq is one request.
//!
//! A sub-band takes two to five LinkADRReq. A device takes contiguous ones as one, all or nothing; a
//! server that puts other commands between them, or sends the rest in the next frame, leaves it with
//! half of the channels. Versions differ in how they answer: once for each request, or once for
//! the block (LoRaMac-node answers once for each in every version). A server that counts answers
//! takes the second for one that nobody asked for, or waits for ever.

use lns_core::Note;
use lns_lorawan::{ChMask, MacVersion, Region, RxDelay};

use crate::talk::*;

#[test]
fn requests_of_a_block_stand_together_and_any_number_of_answers_will_do() {
    for answers in 1..=5 {
        let mut talk = Talk::with(Region::Us915, MacVersion::V1_0_2, |profile| {
            profile.rx_delay = RxDelay::new(5);
        });
        talk.bench.network.sub_band = Some(2);
        let frame = talk.exchange(CLEAR);
        assert_eq!((frame[0], frame[5], frame[10]), (0x03, 0x03, 0x08), "a block, then the rest");
        assert_eq!(frame.len(), 12);
        // What this make of device says, instead of what the model would.
        talk.model.speak();
        talk.bench.frequency = lns_lorawan::Frequency::from_hz(talk.model.sends_on());
        let said = [[0x03, 7]].repeat(answers).concat();
        let step = talk.bench.hear(&crate::bench::Up { f_opts: &said, ..crate::bench::Up::at(1) });
        let notes = step.unwrap().notes;
        assert!(!notes.iter().any(|note| matches!(note, Note::UnexpectedMacAnswer { .. })));
        assert_eq!(talk.current().ch_mask, ChMask::bank(1), "{answers} answers");
    }
}

#[test]
fn a_block_that_has_no_room_waits_as_a_whole() {
    let mut talk = Talk::new(Region::Us915, MacVersion::V1_0_2);
    talk.bench.network.sub_band = Some(2);
    talk.bench.frequency = lns_lorawan::Frequency::from_hz(903_900_000);
    talk.bench.device.mac.adr = true;
    let f_ctrl = lns_lorawan::FCtrlUp { adr: true, ..Default::default() };
    talk.bench.hear(&crate::bench::Up { f_ctrl, ..crate::bench::Up::at(0) }).unwrap();
    // Room for one request of the two.
    let step = talk.bench.offer(18, 18);
    assert!(talk.bench.understand(&step).is_none_or(|down| down.opened.mac_commands().is_empty()));
}
