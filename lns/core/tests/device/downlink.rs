use lns_core::effect::Durable;
use lns_core::event::Fate;
use lns_core::{Event, Note};
use lns_lorawan::Window;

use crate::bench::*;

fn windows(step: &lns_core::Step) -> Vec<Window> {
    let plan = transmitted(step);
    plan.map(|plan| plan.offers.iter().map(|offer| offer.window).collect()).unwrap_or_default()
}

#[test]
fn nothing_to_say_says_nothing() {
    let mut bench = Bench::abp();
    bench.hear(&Up::at(0)).unwrap();
    let step = bench.offer(64, 64);
    assert!(step.effects.is_empty() && step.notes.is_empty());
    assert_eq!(bench.device.session.as_ref().unwrap().n_f_cnt_down.next.0, 0);
}

#[test]
fn a_confirmed_uplink_is_acknowledged_with_twelve_bytes() {
    let mut bench = Bench::abp();
    bench.hear(&Up::confirmed(0)).unwrap();
    let step = bench.offer(64, 64);
    assert_eq!(step.durable, Durable::Nothing, "the ceiling was raised with the uplink");
    let down = bench.understand(&step).unwrap();
    assert!(down.opened.f_ctrl.ack && !down.opened.confirmed);
    assert_eq!(down.plan.phy_payload.len(), 12);
}

#[test]
fn a_window_without_room_is_left_out() {
    // 13 bytes of overhead and 51 of payload.
    let cases = [
        (64, 64, vec![Window::Rx1, Window::Rx2]),
        (64, 63, vec![Window::Rx1]),
        (63, 64, vec![Window::Rx2]),
        (63, 63, vec![]),
    ];
    for (rx1, rx2, expected) in cases {
        let mut bench = Bench::abp();
        bench.enqueue(1, false, &[0; 51]);
        bench.hear(&Up::at(0)).unwrap();
        let step = bench.offer(rx1, rx2);
        assert_eq!(windows(&step), expected, "{rx1} {rx2}");
        assert_eq!(bench.device.queue.len(), 1);
        let room = bench.device.queue[0].room;
        assert_eq!(room, expected.is_empty().then_some(50));
    }
}

#[test]
fn an_item_without_room_does_not_hold_back_the_acknowledgement() {
    let mut bench = Bench::abp();
    bench.enqueue(1, false, &[0; 51]);
    bench.hear(&Up::confirmed(0)).unwrap();
    let step = bench.offer(30, 30);
    let down = bench.understand(&step).unwrap();
    assert!(down.opened.f_ctrl.ack && down.opened.f_ctrl.f_pending);
    assert_eq!(down.opened.f_port, None);
    assert!(step.notes.contains(&Note::DoesNotFit { id: 1, room: 17 }));
}

#[test]
fn all_windows_carry_the_same_bytes_under_one_counter() {
    let mut bench = Bench::abp();
    bench.enqueue(1, false, b"on");
    bench.hear(&Up::at(0)).unwrap();
    let step = bench.offer(64, 64);
    assert_eq!(transmitted(&step).unwrap().offers.len(), 2);
    assert_eq!(bench.device.session.as_ref().unwrap().n_f_cnt_down.next.0, 1);
}

#[test]
fn without_an_offer_the_counter_is_kept() {
    let mut bench = Bench::abp();
    bench.enqueue(1, false, b"on");
    bench.hear(&Up::at(0)).unwrap();
    let step = bench.offer(0, 0);
    assert_eq!(step.notes, [Note::NoOffer]);
    assert!(step.effects.is_empty());
    assert_eq!(bench.device.session.as_ref().unwrap().n_f_cnt_down.next.0, 0);
    assert_eq!(bench.device.queue.len(), 1);
}

#[test]
fn f_pending_tells_of_more() {
    let mut bench = Bench::abp();
    bench.enqueue(1, false, b"one");
    bench.enqueue(2, false, b"two");
    let mut heard = Vec::new();
    for f_cnt in 0..3 {
        bench.hear(&Up::at(f_cnt)).unwrap();
        if let Some(down) = bench.listen() {
            heard.push((down.opened.frm_payload.to_vec(), down.opened.f_ctrl.f_pending));
            bench.outcome(down.plan.id, Fate::Accepted);
        }
    }
    assert_eq!(heard, [(b"one".to_vec(), true), (b"two".to_vec(), false)]);
}

#[test]
fn mac_answers_travel_with_the_payload() {
    let mut bench = Bench::abp();
    bench.enqueue(1, false, b"on");
    bench.hear(&Up { f_opts: &[0x02, 0x0d], ..Up::at(0) }).unwrap();
    let down = bench.listen().unwrap();
    assert_eq!(down.opened.f_opts.len(), 9);
    assert_eq!(&*down.opened.frm_payload, b"on");
}

#[test]
fn answers_without_room_do_not_hold_back_the_acknowledgement() {
    let mut bench = Bench::abp();
    bench.hear(&Up { f_opts: &[0x02, 0x0d], ..Up::confirmed(0) }).unwrap();
    let step = bench.offer(20, 14);
    let down = bench.understand(&step).unwrap();
    assert!(down.opened.f_ctrl.ack && down.opened.f_opts.is_empty());
    assert_eq!(windows(&step), [Window::Rx1, Window::Rx2]);
}

#[test]
fn a_passed_occasion_leaves_nothing_open() {
    let mut bench = Bench::abp();
    bench.hear(&Up::confirmed(0)).unwrap();
    assert!(bench.device.has_something_to_say(bench.now));
    let step = bench.step(Event::OccasionPassed);
    assert_eq!(step.notes, [Note::NoOffer]);
    assert!(!bench.device.has_something_to_say(bench.now));
    assert!(bench.listen().is_none());
}

#[test]
fn counters_are_used_without_the_disk_below_the_ceiling_and_never_above() {
    let mut bench = Bench::abp();
    bench.hear(&Up::confirmed(0)).unwrap();
    let ceiling = bench.device.session.as_ref().unwrap().n_f_cnt_down.ceiling.0;
    // Repeats write nothing, so that the ceiling stays where it was.
    for used in 0..ceiling {
        let step = bench.offer(64, 64);
        assert_eq!(step.durable, Durable::Nothing);
        assert_eq!(transmitted(&step).unwrap().f_cnt_down.unwrap().0, used);
        bench.hear(&Up::confirmed(0)).unwrap();
    }
    let step = bench.offer(64, 64);
    assert_eq!(step.durable, Durable::Record);
    assert!(bench.device.session.as_ref().unwrap().n_f_cnt_down.ceiling.0 > ceiling);
}

#[test]
fn the_last_counter_is_not_used() {
    let mut bench = Bench::abp();
    bench.hear(&Up::confirmed(0)).unwrap();
    bench.device.session.as_mut().unwrap().n_f_cnt_down.next.0 = u32::MAX;
    let step = bench.offer(64, 64);
    assert_eq!(step.notes, [Note::DownCounterExhausted]);
    assert!(step.effects.is_empty());
}
