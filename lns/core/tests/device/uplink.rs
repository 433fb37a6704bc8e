use lns_core::effect::Durable;
use lns_core::event::{Freshness, Purpose};
use lns_core::{Event, Note, Reject};
use lns_lorawan::FCtrlUp;

use crate::bench::*;

#[test]
fn a_new_frame_is_published_and_its_counter_is_durable_first() {
    let mut bench = Bench::abp();
    let step = bench.hear(&Up { f_cnt: 3, payload: b"22.5", ..Up::default() }).unwrap();

    let event = uplink(&step).unwrap();
    assert_eq!((event.f_cnt_up.0, &*event.frm_payload, event.f_port), (3, &b"22.5"[..], Some(10)));
    assert_eq!(event.dev_addr, DEV_ADDR);
    assert_eq!(event.receptions.len(), 1);
    assert_eq!(step.durable, Durable::Record);
    assert_eq!(bench.device.session.as_ref().unwrap().f_cnt_up.unwrap().0, 3);
    let open = opening(&step).unwrap();
    assert_eq!((open.purpose, open.something_to_say), (Purpose::ClassA, false));
}

#[test]
fn the_event_carries_the_mic_and_the_flags_as_sent() {
    let mut bench = Bench::abp();
    let f_ctrl = FCtrlUp { adr: true, class_b: true, ..FCtrlUp::default() };
    let up = Up { f_ctrl, f_opts: &[2], confirmed: true, ..Up::at(0) };
    let bytes = bench.frame(&up);
    let event = uplink(&bench.hear(&up).unwrap()).unwrap().clone();
    assert_eq!(event.mic.0, *bytes.last_chunk::<4>().unwrap());
    assert!(event.adr && event.class_b && event.confirmed && !event.ack);
    assert_eq!(event.f_opts_len, 1);
}

#[test]
fn a_repeat_is_answered_again_and_not_delivered_again() {
    let mut bench = Bench::abp();
    bench.hear(&Up::confirmed(5)).unwrap();
    let first = bench.listen().unwrap();
    assert!(first.opened.f_ctrl.ack);

    let again = bench.hear(&Up::confirmed(5)).unwrap();
    assert!(published(&again).is_empty());
    assert!(opening(&again).unwrap().something_to_say);
    assert!(
        again
            .notes
            .iter()
            .any(|note| { matches!(note, Note::Uplink { freshness: Freshness::Repeat, .. }) })
    );
    let second = bench.listen().unwrap();
    assert!(second.opened.f_ctrl.ack);
    assert_eq!(second.opened.f_cnt_down.0, first.opened.f_cnt_down.0 + 1, "a new FCntDown");
}

#[test]
fn counters_go_on_beyond_sixteen_bits() {
    let mut bench = Bench::abp();
    for f_cnt in [60_000, 65_535, 65_536, 65_537, 131_071, 131_072] {
        let step = bench.hear(&Up::at(f_cnt)).unwrap();
        assert_eq!(uplink(&step).unwrap().f_cnt_up.0, f_cnt);
    }
}

#[test]
fn skipped_counters_are_counted_as_lost() {
    let mut bench = Bench::abp();
    bench.hear(&Up::at(10)).unwrap();
    let step = bench.hear(&Up::at(14)).unwrap();
    assert!(step.notes.iter().any(|note| matches!(note, Note::Uplink { lost: 3, .. })));
}

#[test]
fn a_frame_on_port_0_moves_the_counter_and_is_no_news_for_the_application() {
    let mut bench = Bench::abp();
    let step = bench.hear(&Up { f_port: Some(0), payload: &[2], ..Up::at(1) }).unwrap();
    assert!(published(&step).is_empty());
    assert_eq!(step.durable, Durable::Record);
    assert!(opening(&step).unwrap().something_to_say, "LinkCheckReq is to be answered");
}

#[test]
fn frames_without_payload_are_published() {
    let mut bench = Bench::abp();
    let none = bench.hear(&Up { f_port: None, payload: &[], ..Up::at(1) }).unwrap();
    assert_eq!(uplink(&none).unwrap().f_port, None);
    let empty = bench.hear(&Up { f_port: Some(7), payload: &[], ..Up::at(2) }).unwrap();
    assert_eq!(uplink(&empty).unwrap().f_port, Some(7));
}

#[test]
fn a_frame_whose_gathering_closes_after_a_later_one_was_accepted_is_no_news() {
    let mut bench = Bench::abp();
    let bytes = bench.frame(&Up::at(7));
    let slow = bench.matched(&bytes).unwrap();
    bench.hear(&Up::at(8)).unwrap();
    let before = bench.device.clone();
    let step = bench.step(Event::Uplink(Box::new(slow)));
    assert_refused(&step, Reject::FCntReplayed { got: 7, last: 8 });
    assert_eq!(before.session, bench.device.session);
}

#[test]
fn a_late_copy_is_a_note_and_opens_nothing() {
    let mut bench = Bench::abp();
    bench.hear(&Up::at(1)).unwrap();
    let copy = bench.reception();
    let step = bench.step(Event::LateCopy(Box::new(copy)));
    assert_eq!(step.notes, [Note::LateCopy { gateway: GATEWAY }]);
    assert!(step.effects.is_empty());
}

#[test]
fn an_acknowledgement_request_for_adr_is_answered_with_any_downlink() {
    let mut bench = Bench::abp();
    let f_ctrl = FCtrlUp { adr: true, adr_ack_req: true, ..FCtrlUp::default() };
    let step = bench.hear(&Up { f_ctrl, ..Up::at(64) }).unwrap();
    assert!(opening(&step).unwrap().something_to_say);
    let down = bench.listen().unwrap();
    assert!(down.opened.f_opts.is_empty() && down.opened.f_port.is_none());
}
