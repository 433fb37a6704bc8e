use std::sync::Arc;

use lns_core::effect::{Durable, Stage};
use lns_core::event::Fate;
use lns_core::mac::MacState;
use lns_core::record::{
    RecordError, decode, decode_dev_nonces, decode_event, encode, encode_dev_nonces, encode_event,
};
use lns_core::{AppEvent, Device, EventKind, Profile, Session};
use lns_lorawan::{
    ChMask, Db, DevNonce, FCntDown, Frequency, MacVersion, RegParamsRevision, Region, Timestamp,
    Window,
};

use crate::bench::*;

/// What a shell does with published events.
fn keep(bench: &mut Bench, step: &lns_core::Step) {
    for kind in published(step) {
        let number = bench.device.next_event;
        let event = AppEvent { sequence: 100 + number, number, at: bench.now, kind: kind.clone() };
        bench.device.events.push(event);
        bench.device.next_event += 1;
    }
}

fn assert_same(one: &Device, other: &Device) {
    assert_eq!(one.join_nonce, other.join_nonce);
    assert_eq!(one.last_dev_nonce, other.last_dev_nonce);
    assert_eq!(one.queue, other.queue);
    // What ADR wants is decided anew after each uplink.
    let mac = |device: &Device| MacState { target: None, ..device.mac.clone() };
    assert_eq!(mac(one), mac(other));
    assert_eq!(one.next_event, other.next_event);
    assert_eq!(one.addresses(), other.addresses());
    let sessions = |device: &Device| {
        let current = device.session.clone();
        let pending = device.pending.clone().map(|session| *session);
        [current, pending].map(|session| {
            session.map(|session| {
                let counters = (session.f_cnt_up, session.last_digest);
                (session.dev_addr, counters, session.keys, session.current)
            })
        })
    };
    assert_eq!(sessions(one), sessions(other));
}

/// Joined twice, one confirmed downlink under way and one waiting, two events.
fn lively() -> Bench {
    let mut bench = Bench::new(eu868(MacVersion::V1_0_3), otaa());
    bench.join(1);
    bench.hear(&Up::at(0)).unwrap();
    bench.enqueue(1, true, b"first");
    bench.enqueue(2, false, b"second");
    let step = bench.hear(&Up { f_opts: &[0x06, 200, 10], ..Up::at(1) }).unwrap();
    keep(&mut bench, &step);
    let down = bench.listen().unwrap();
    let step = bench.outcome(down.plan.id, Fate::Accepted);
    keep(&mut bench, &step);
    let keys = bench.keys.clone();
    let dev_addr = bench.dev_addr;
    bench.join(2);
    (bench.keys, bench.dev_addr) = (keys, dev_addr);
    bench
}

#[test]
fn a_device_comes_back_as_it_was() {
    let bench = lively();
    let about = Arc::clone(&bench.device.about);
    let nonces = decode_dev_nonces(&encode_dev_nonces(&bench.device.used_dev_nonces)).unwrap();
    let back = decode(&bench.record(), about, nonces).unwrap();
    assert_same(&back, &bench.device);
    assert_eq!(back.used_dev_nonces, bench.device.used_dev_nonces);
    let kinds = |device: &Device| -> Vec<(u64, u64, EventKind)> {
        let events = device.events.iter().cloned();
        events.map(|event| (event.sequence, event.number, event.kind)).collect()
    };
    let without_tokens = |mut events: Vec<(u64, u64, EventKind)>| {
        for (_, _, kind) in &mut events {
            if let EventKind::Uplink(uplink) = kind {
                uplink.receptions.iter_mut().for_each(|copy| copy.token = Box::default());
            }
        }
        events
    };
    assert_eq!(kinds(&back), without_tokens(kinds(&bench.device)));
}

#[test]
fn a_planned_item_is_queued_again_and_no_counter_is_used_twice() {
    let mut bench = Bench::abp();
    bench.enqueue(1, false, b"on");
    bench.hear(&Up::at(0)).unwrap();
    let record = bench.record();
    let before = bench.listen().unwrap();
    bench.crash(&record);
    bench.hear(&Up::at(1)).unwrap();
    let after = bench.listen().unwrap();
    assert_eq!(&*after.opened.frm_payload, b"on");
    assert!(after.opened.f_cnt_down > before.opened.f_cnt_down);
}

#[test]
fn an_uplink_that_was_accepted_is_a_repeat_after_a_crash() {
    let mut bench = Bench::abp();
    bench.hear(&Up::confirmed(4)).unwrap();
    let record = bench.record();
    bench.crash(&record);
    let step = bench.hear(&Up::confirmed(4)).unwrap();
    assert!(published(&step).is_empty());
    assert!(bench.listen().unwrap().opened.f_ctrl.ack);
}

#[test]
fn a_quiet_devices_record_is_small() {
    let mut bench = Bench::new(eu868(MacVersion::V1_0_3), otaa());
    bench.join(1);
    let step = bench.hear(&Up { f_cnt: 60_000, payload: &[7; 20], ..Up::default() }).unwrap();
    keep(&mut bench, &step);
    let size = bench.record().len();
    println!("{size} bytes");
    assert!(size <= 250, "{size} bytes");
}

#[test]
fn a_device_in_memory_is_small() {
    let size = std::mem::size_of::<Device>();
    assert!(size <= 448, "{size} bytes, {} of them a session", std::mem::size_of::<Session>());
}

#[test]
fn an_event_kept_apart_comes_back() {
    let bench = lively();
    for event in &bench.device.events {
        let (dev_eui, back) = decode_event(&encode_event(DEV_EUI, event)).unwrap();
        assert_eq!(dev_eui, DEV_EUI);
        assert_eq!((back.sequence, back.number, back.at), (event.sequence, event.number, event.at));
    }
}

#[test]
fn an_estimated_margin_comes_back_with_its_transmission() {
    for margin in [None, Some(Db::from_hundredths(-325))] {
        let (fate, gateway, window) = (Fate::Accepted, None, Some(Window::Rx2));
        let f_cnt_down = FCntDown(7);
        let stage = Stage::Handed { fate, f_cnt_down, gateway, window, again: false, margin };
        let correlation_id = Some("open-42".into());
        let kind = EventKind::Downlink { id: 42, correlation_id, f_port: 10, stage };
        let event = AppEvent { sequence: 3, number: 2, at: Timestamp::from_micros(5), kind };
        assert_eq!(decode_event(&encode_event(DEV_EUI, &event)).unwrap(), (DEV_EUI, event));
    }
}

#[test]
fn damage_is_an_error_and_names_the_record() {
    let bench = Bench::abp();
    let about = || Arc::clone(&bench.device.about);
    let record = encode(&bench.device);
    assert_eq!(decode(&[], about(), Vec::new()).unwrap_err(), RecordError::Empty);
    let newer = decode(&[9, 0], about(), Vec::new()).unwrap_err();
    assert_eq!(newer, RecordError::Version { found: 9 });
    for length in 1..record.len() {
        let error = decode(&record[..length], about(), Vec::new()).unwrap_err();
        assert!(matches!(error, RecordError::Damaged { what: "device", .. }), "{error}");
    }
}

/// Written by the first release, and to be read by every later one.
#[test]
fn a_record_of_version_1_opens() {
    let bytes = hex::decode(include_str!("device-v1.hex").trim()).unwrap();
    let bench = lively();
    let about = Arc::clone(&bench.device.about);
    let device = decode(&bytes, about, vec![DevNonce(1)]).unwrap();
    assert_same(&device, &bench.device);
    assert_eq!(device.events.len(), 2);
    let again = decode(&encode(&device), bench.device.about.clone(), vec![DevNonce(1)]).unwrap();
    assert_same(&again, &device);
}

/// A device with two sessions, a queue and events, and one that was asked to change its channels.
/// Written when version 2 was made; every later release must read them, and may write others only
/// under another version.
#[test]
fn records_of_version_2_open_and_are_written_again_as_they_were() {
    let mut records = include_str!("device-v2.hex").lines();
    for device in [lively().device, asked().device] {
        let bytes = hex::decode(records.next().expect("one line for each")).unwrap();
        let decoded = decode(&bytes, Arc::clone(&device.about), vec![DevNonce(1)]).unwrap();
        assert_same(&decoded, &device);
        assert_eq!(hex::encode(encode(&decoded)), hex::encode(&bytes));
    }
}

/// A device of US915 with a LinkADRReq block outstanding.
fn asked() -> Bench {
    let profile = Profile::new(Region::Us915, MacVersion::V1_0_2, RegParamsRevision::Rp001_1_0_2B);
    let mut bench = Bench::new(profile, abp());
    bench.network.sub_band = Some(2);
    bench.frequency = Frequency::from_hz(903_900_000);
    bench.hear(&Up::at(0)).unwrap();
    let step = bench.offer(64, 64);
    assert_eq!(step.durable, Durable::Record, "before the device can answer it");
    bench
}

/// As version 1 had it: channels apart, and no word of the default ones.
#[test]
fn a_session_of_version_1_has_the_regions_channels_and_those_of_its_cf_list() {
    let bytes = hex::decode(include_str!("device-v1.hex").trim()).unwrap();
    let about = Arc::clone(&lively().device.about);
    let device = decode(&bytes, about, Vec::new()).unwrap();
    let current = device.session.unwrap().current;
    let frequencies: Vec<u32> = current
        .channels
        .slots()
        .filter_map(|(_, slot)| slot.channel().map(|channel| channel.frequency.hz() / 100_000))
        .collect();
    assert_eq!(frequencies, [8681, 8683, 8685, 8671, 8673, 8675, 8677, 8679]);
    assert_eq!(current.ch_mask, Some(ChMask::first(8)));
}

#[test]
fn what_was_asked_outlives_a_crash() {
    let mut bench = asked();
    let record = bench.record();
    bench.crash(&record);
    bench.hear(&Up { f_opts: &[3, 7, 3, 7, 3, 7, 3, 7, 3, 7], ..Up::at(1) }).unwrap();
    assert_eq!(bench.device.session.as_ref().unwrap().current.ch_mask, ChMask::bank(1));
}
