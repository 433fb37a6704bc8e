//! Class B: what is queued is sent in the next ping slot.

use std::sync::Arc;

use lns_core::class::Class;
use lns_core::class::b::{Periodicity, PingSlots};
use lns_core::class::beacon::is_kept_free;
use lns_core::effect::{Opening, Stage};
use lns_core::event::{Fate, Purpose};
use lns_core::radio::plan::Start;
use lns_core::{Event, Note, Profile};
use lns_lorawan::{
    FCtrlUp, Frequency, GpsTime, MacVersion, RegParamsRevision, Region, TimeDelta, Timestamp,
    Window,
};

use crate::bench::*;

fn profile() -> Profile {
    Profile { supports_class_b: true, ..eu868(MacVersion::V1_0_4) }
}

/// An uplink with the ClassB bit.
fn up(f_cnt: u32) -> Up<'static> {
    Up { f_ctrl: FCtrlUp { class_b: true, ..FCtrlUp::default() }, ..Up::at(f_cnt) }
}

/// A personalized device that said a minute ago that it is in class B.
fn in_class_b(profile: Profile) -> Bench {
    let mut bench = Bench::new(profile, abp());
    bench.hear(&up(0)).unwrap();
    bench.step(Event::OccasionPassed);
    bench.now += TimeDelta::from_secs(60);
    bench
}

/// How often the device has ping slots, as it has told.
fn set_periodicity(bench: &mut Bench, periodicity: u8) {
    let session = bench.device.session.as_mut().unwrap();
    session.current_mut().ping_slot.periodicity = Periodicity::new(periodicity);
}

/// The device's deadline comes; what is opened then.
fn open(bench: &mut Bench) -> Opening {
    bench.now = bench.now.max(bench.device.next_wake().expect("a deadline"));
    bench.wake().expect("an occasion")
}

fn slot_of(opening: &Opening) -> GpsTime {
    match opening.windows[0].start {
        Start::At(moment) => moment,
        other => panic!("no ping slot: {other:?}"),
    }
}

fn gps(moment: Timestamp) -> GpsTime {
    GpsTime::from_timestamp(moment).unwrap()
}

#[test]
fn the_class_b_bit_says_when_a_device_is_in_class_b() {
    let mut bench = Bench::new(profile(), abp());
    for (f_cnt, class_b, class) in
        [(0, false, Class::A), (1, true, Class::B), (2, true, Class::B), (3, false, Class::A)]
    {
        let f_ctrl = FCtrlUp { class_b, ..FCtrlUp::default() };
        let step = bench.hear(&Up { f_ctrl, ..Up::at(f_cnt) }).unwrap();
        assert_eq!(bench.device.class(), class, "frame {f_cnt}");
        let told = step.notes.contains(&Note::ClassChanged { class });
        assert_eq!(told, f_cnt == 1 || f_cnt == 3, "frame {f_cnt}");
    }
    let mut other = Bench::abp();
    other.hear(&up(0)).unwrap();
    assert_eq!(other.device.class(), Class::A, "its profile says that it cannot");
}

#[test]
fn what_is_queued_goes_into_the_next_ping_slot_and_is_asked_for_two_seconds_before() {
    let mut bench = in_class_b(profile());
    bench.enqueue(1, false, b"on");
    let queued_at = bench.now;
    let opening = open(&mut bench);
    assert_eq!(opening.purpose, Purpose::ClassB);
    let window = &opening.windows[0];
    assert_eq!((window.window, window.frequency.hz()), (Window::Ping, 869_525_000));
    assert_eq!(window.modulation.to_string(), "SF9BW125");
    let periodicity = Periodicity::new(7).unwrap();
    let slots = PingSlots { dev_addr: DEV_ADDR, periodicity };
    let slot = slots.first_from(gps(queued_at + TimeDelta::from_secs(1)));
    assert_eq!(slot_of(&opening), slot.starts);
    assert_eq!(slot.starts.to_timestamp().since(bench.now), TimeDelta::from_secs(2));
    let step = bench.offer_in(&opening, 64);
    let down = bench.understand(&step).unwrap();
    assert_eq!(&*down.opened.frm_payload, b"on");
    assert!(down.opened.f_opts.is_empty(), "a MAC command would make it void");
}

/// At every second of two beacon periods, with every periodicity.
#[test]
fn no_slot_is_opened_near_a_beacon_or_too_late_to_be_reached() {
    for periodicity in 0..8 {
        for second in 0..256 {
            let mut bench = in_class_b(profile());
            set_periodicity(&mut bench, periodicity);
            bench.now += TimeDelta::from_secs(second);
            bench.enqueue(1, false, b"on");
            let opening = open(&mut bench);
            let slot = slot_of(&opening);
            assert!(!is_kept_free(slot), "{periodicity} {second}");
            let ahead = slot.to_timestamp().since(bench.now);
            assert!(ahead >= TimeDelta::from_secs(1) && ahead <= TimeDelta::from_secs(2));
        }
    }
}

#[test]
fn the_devices_own_periodicity_outranks_its_profiles() {
    let slots = |bench: &mut Bench| {
        bench.enqueue(1, false, b"on");
        let first = slot_of(&open(bench));
        bench.step(Event::OccasionPassed);
        first.micros() / 1_000_000
    };
    let often = Profile { ping_slot_periodicity: Periodicity::new(0).unwrap(), ..profile() };
    let mut by_profile = in_class_b(often.clone());
    let began = gps(by_profile.now).micros() / 1_000_000;
    assert!(slots(&mut by_profile) <= began + 3);
    let mut by_device = in_class_b(often);
    set_periodicity(&mut by_device, 7);
    let periodicity = Periodicity::new(7).unwrap();
    let wanted = PingSlots { dev_addr: DEV_ADDR, periodicity }
        .first_from(gps(by_device.now + TimeDelta::from_secs(1)));
    assert_eq!(slots(&mut by_device), wanted.starts.micros() / 1_000_000);
}

#[test]
fn ping_slots_hop_where_beacons_do_unless_they_were_put_elsewhere() {
    let (version, revision) = (MacVersion::V1_0_4, RegParamsRevision::Rp002_1_0_5);
    let us915 = || Profile {
        supports_class_b: true,
        sub_band: Some(2),
        ..Profile::new(Region::Us915, version, revision)
    };
    let mut bench = in_class_b(us915());
    let mut seen = std::collections::BTreeSet::new();
    for id in 0..8 {
        bench.enqueue(id, false, b"on");
        let opening = open(&mut bench);
        let beacon = u64::from(slot_of(&opening).seconds()) / 128;
        let channel = (u64::from(DEV_ADDR.value()) + beacon) % 8;
        let frequency = u64::from(opening.windows[0].frequency.hz());
        assert_eq!(frequency, 923_300_000 + channel * 600_000);
        seen.insert(frequency);
        let step = bench.offer_in(&opening, 64);
        let plan = transmitted(&step).unwrap().id;
        bench.outcome(plan, Fate::Accepted);
    }
    assert_eq!(seen.len(), 8, "one period after the other, one channel after the other");

    let mut bench = in_class_b(us915());
    let fixed = Frequency::from_hz(923_900_000);
    let session = bench.device.session.as_mut().unwrap();
    let channel = session.current_mut().ping_slot.channel.as_mut().unwrap();
    channel.place = lns_core::session::Place::At(fixed);
    bench.enqueue(1, false, b"on");
    assert_eq!(open(&mut bench).windows[0].frequency, fixed);
}

#[test]
fn a_device_whose_ping_slots_are_uncertain_waits_for_an_uplink() {
    let mut bench = in_class_b(profile());
    bench.device.session.as_mut().unwrap().current_mut().ping_slot.channel = None;
    bench.enqueue(1, false, b"on");
    assert_eq!(bench.device.next_wake(), None);
}

#[test]
fn gateways_without_beacons_for_two_hours_end_class_b_until_the_device_says_otherwise() {
    let mut bench = in_class_b(profile());
    bench.enqueue(1, false, b"on");
    let began = bench.now;
    let ended = loop {
        let opening = open(&mut bench);
        let step = bench.offer_in(&opening, 0);
        if step.notes.contains(&Note::ClassChanged { class: Class::A }) {
            break bench.now;
        }
        assert!(bench.now.since(began) < TimeDelta::from_secs(3 * 3600), "it ends");
    };
    let tried = ended.since(began);
    assert!(tried >= TimeDelta::from_secs(2 * 3600), "tried for {tried}");
    assert_eq!(bench.device.next_wake(), None);
    assert_eq!(bench.device.queue.len(), 1, "nothing is lost");
    bench.hear(&up(1)).unwrap();
    assert_eq!(bench.device.class(), Class::B);
    assert_eq!(&*bench.listen().unwrap().opened.frm_payload, b"on");
}

/// TS001-1.0.4 §9.3.1: with ADR, a time-out for each transmission of the answer and the windows
/// between them.
#[test]
fn an_acknowledgement_is_awaited_for_as_long_as_the_device_may_take() {
    for (adr, nb_trans, wait) in [(false, 1, 10), (true, 1, 10), (true, 3, 34), (false, 3, 10)] {
        let timeout = TimeDelta::from_secs(10);
        let mut bench = Bench::new(Profile { class_b_timeout: timeout, ..profile() }, abp());
        let f_ctrl = FCtrlUp { class_b: true, adr, ..FCtrlUp::default() };
        bench.hear(&Up { f_ctrl, ..Up::at(0) }).unwrap();
        bench.step(Event::OccasionPassed);
        bench.device.session.as_mut().unwrap().current_mut().nb_trans = Some(nb_trans);
        bench.now += TimeDelta::from_secs(60);
        bench.enqueue(1, true, b"on");
        let opening = open(&mut bench);
        let step = bench.offer_in(&opening, 64);
        let ends = bench.device.in_flight.as_ref().unwrap().ends;
        let plan = transmitted(&step).unwrap().clone();
        bench.outcome(plan.id, Fate::Accepted);
        let wake = bench.device.next_wake().unwrap();
        assert_eq!(wake.since(ends), TimeDelta::from_secs(wait), "{adr} {nb_trans}");
        bench.now = wake;
        bench.step(Event::Wake);
        let opening = open(&mut bench);
        let step = bench.offer_in(&opening, 64);
        let again = transmitted(&step).unwrap();
        assert!(again.f_cnt_down > plan.f_cnt_down);
    }
}

#[test]
fn a_slot_without_a_place_is_not_tried_twice() {
    let mut bench = in_class_b(profile());
    set_periodicity(&mut bench, 0);
    bench.enqueue(1, false, b"on");
    let mut last = slot_of(&open(&mut bench));
    for _ in 0..4 {
        bench.step(Event::OccasionPassed);
        let next = slot_of(&open(&mut bench));
        assert!(next > last);
        last = next;
    }
}

#[test]
fn a_refused_frame_takes_a_later_slot() {
    let mut bench = in_class_b(profile());
    bench.enqueue(1, false, b"on");
    let opening = open(&mut bench);
    let first = slot_of(&opening);
    let step = bench.offer_in(&opening, 64);
    let plan = transmitted(&step).unwrap().id;
    let step = bench.outcome(plan, Fate::Refused("GPS_UNLOCKED".into()));
    assert!(matches!(&stages(&step)[..], [(1, Stage::Handed { again: true, .. })]));
    assert!(slot_of(&open(&mut bench)) > first);
}

#[test]
fn class_b_and_the_ways_to_the_device_survive_a_crash() {
    let mut bench = in_class_b(profile());
    let step = bench.enqueue(1, false, b"on");
    assert!(step.durable >= lns_core::effect::Durable::Record);
    let record = bench.record();
    let about = Arc::clone(&bench.device.about);
    bench.device = lns_core::record::decode(&record, about, Vec::new()).unwrap();
    assert!(bench.wake().is_none(), "it looks, and the slot is not yet near");
    let opening = open(&mut bench);
    let step = bench.offer_in(&opening, 64);
    assert_eq!(&*bench.understand(&step).unwrap().opened.frm_payload, b"on");
}

#[test]
fn people_are_told_when_a_device_listens_and_who_reaches_it() {
    let mut bench = in_class_b(profile());
    set_periodicity(&mut bench, 3);
    let listening = bench.device.listening(bench.now);
    assert_eq!(listening.class, Class::B);
    let slots = listening.ping_slots.expect("class B");
    assert_eq!(slots.periodicity.value(), 3);
    assert_eq!(slots.period(), TimeDelta::from_millis(7_680));
    let next = slots.next_at.expect("a slot");
    assert!(next >= bench.now && next.since(bench.now) < TimeDelta::from_millis(7_680 + 5_120));
    assert_eq!(listening.paths.len(), 1);
    assert_eq!(listening.paths[0].gateway, GATEWAY);
    let class_a = Bench::abp();
    let listening = class_a.device.listening(class_a.now);
    assert_eq!((listening.class, listening.ping_slots), (Class::A, None));
}

#[test]
fn a_device_says_how_often_it_listens_and_is_answered_each_time() {
    let mut bench = Bench::new(profile(), abp());
    // The second time because our answer was lost; the highest bits are reserved.
    for f_cnt in 0..2 {
        bench.hear(&Up { f_opts: &[0x10, 0b1010_0011], ..Up::at(f_cnt) }).unwrap();
        let down = bench.listen().expect("an answer");
        assert_eq!(&*down.opened.f_opts, [0x10]);
        bench.outcome(down.plan.id, Fate::Accepted);
    }
    bench.hear(&up(2)).unwrap();
    let slots = bench.device.listening(bench.now).ping_slots.expect("class B");
    assert_eq!(slots.periodicity.value(), 3);
    let record = bench.record();
    bench.crash(&record);
    let slots = bench.device.listening(bench.now).ping_slots.expect("class B");
    assert_eq!(slots.periodicity.value(), 3, "durable");
}

/// LoRaWAN 1.0.3 §14.3: no ping slot may be used until PingSlotChannelAns has come.
#[test]
fn while_the_ping_slots_are_being_moved_none_is_used() {
    let elsewhere = Frequency::from_hz(868_100_000);
    let moved = Profile { ping_slot_frequency: Some(elsewhere), ..profile() };
    let mut bench = Bench::new(moved, abp());
    bench.hear(&up(0)).unwrap();
    let down = bench.listen().expect("PingSlotChannelReq");
    assert!(down.opened.f_opts.contains(&0x11), "{:?}", down.opened.f_opts);
    bench.outcome(down.plan.id, Fate::Accepted);
    bench.now += TimeDelta::from_secs(60);
    bench.enqueue(1, false, b"on");
    assert_eq!(bench.device.next_wake(), None);
    bench.hear(&Up { f_opts: &[0x11, 0b11], ..up(1) }).unwrap();
    bench.step(Event::OccasionPassed);
    assert_eq!(open(&mut bench).windows[0].frequency, elsewhere);
}

/// LoRaWAN 1.0.2 §14.5: the delay counts from the end of the frame that carries it.
#[test]
fn an_old_device_is_told_when_the_next_beacon_is_in_one_window_only() {
    let mut bench = Bench::new(profile(), abp());
    bench.enqueue(1, false, b"on");
    bench.hear(&Up { f_opts: &[0x12], ..Up::at(0) }).unwrap();
    let step = bench.offer(64, 64);
    let down = bench.understand(&step).expect("an answer");
    let windows: Vec<_> = down.plan.offers.iter().map(|offer| offer.window).collect();
    assert_eq!(windows, [Window::Rx1]);
    let [0x12, low, high, 0] = down.opened.f_opts[..] else { panic!("{:?}", down.opened.f_opts) };
    let offer = &down.plan.offers[0];
    let air = lns_core::radio::lane::airtime(offer.modulation, down.plan.phy_payload.len());
    let ends = gps(offer.starts + air).micros();
    let left_ms = (128_000_000 - ends % 128_000_000) / 1000;
    assert_eq!(u64::from(u16::from_le_bytes([low, high])), left_ms / 30);
    assert_eq!(&*down.opened.frm_payload, b"on");
}
