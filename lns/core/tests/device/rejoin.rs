//! Rejoin-Requests of LoRaWAN 1.1, with a device that goes by the standard.

use lns_core::effect::Durable;
use lns_core::{Activation, Event, EventKind, Note, Reject, Step};
use lns_lorawan::JoinReqType::{Rejoin0, Rejoin1, Rejoin2};
use lns_lorawan::{
    DataRateIndex, JoinAcceptFields, JoinEui, JoinReqType, MacVersion, NwkKey, RxDelay, TimeDelta,
    Window, js_int_key,
};
use lns_lorawan::{NetId, RejoinFields, SNwkSIntKey};

use crate::bench::*;
use crate::join_1_1::{answer, bench, hear, join, otaa_1_1};
use crate::model::Model;

const KINDS: [JoinReqType; 3] = [Rejoin0, Rejoin1, Rejoin2];

/// A device that has joined and said so.
fn joined() -> (Bench, Model) {
    let (mut bench, mut model) = (bench(|_| {}), Model::new());
    join(&mut bench, &mut model);
    hear(&mut bench, &model.up(b"1")).unwrap();
    answer(&mut bench, &mut model).unwrap();
    (bench, model)
}

/// The server answers a Rejoin-Request; the bytes of the Join-Accept.
fn answer_rejoin(bench: &mut Bench, model: &mut Model, kind: JoinReqType) -> Vec<u8> {
    let asked = bench.join_with(&model.ask_to_rejoin(kind));
    assert!(opening(&asked).is_some(), "{kind:?}: {:?}", asked.notes);
    assert_eq!(asked.durable, Durable::Nothing, "judging spends nothing");
    let answered = bench.offer_join(&[64]);
    assert_eq!(answered.durable, Durable::Record);
    transmitted(&answered).expect("a Join-Accept").phy_payload.to_vec()
}

fn rejoin(bench: &mut Bench, model: &mut Model, kind: JoinReqType) -> JoinAcceptFields {
    let accept = answer_rejoin(bench, model, kind);
    assert_eq!(accept.len(), 17, "no CFList");
    model.take_accept(&accept, kind).expect("a good Join-Accept")
}

#[test]
fn every_type_ends_in_a_new_session_that_both_have() {
    for kind in KINDS {
        let (mut bench, mut model) = joined();
        let old = model.life().clone();
        let fields = rejoin(&mut bench, &mut model, kind);
        assert!(fields.dl_settings.opt_neg);
        assert_ne!(fields.dev_addr, old.dev_addr);
        let step = hear(&mut bench, &model.up(b"2")).unwrap();
        assert_eq!(&*uplink(&step).unwrap().frm_payload, b"2", "{kind:?}");
        assert!(step.notes.contains(&Note::SessionConfirmed { dev_addr: fields.dev_addr }));
        answer(&mut bench, &mut model).unwrap();
        assert!(!model.life().rekeying);
        assert_eq!(bench.device.addresses(), [fields.dev_addr]);
    }
}

#[test]
fn the_application_is_told_and_people_too() {
    let (mut bench, mut model) = joined();
    bench.join_with(&model.ask_to_rejoin(Rejoin2));
    let step = bench.offer_join(&[64]);
    let [EventKind::Joined { join_eui, .. }] = published(&step)[..] else { panic!() };
    assert_eq!(*join_eui, JOIN_EUI);
    let rejoining = |note: &Note| matches!(note, Note::Rejoining { kind: 2, rj_count: 0, .. });
    assert!(step.notes.iter().any(rejoining), "{:?}", step.notes);
}

#[test]
fn the_windows_are_the_sessions_with_the_delays_of_a_join() {
    let (mut bench, mut model) = (
        bench(|profile| {
            profile.rx_delay = RxDelay::new(2);
            profile.rx1_dr_offset = 1;
            profile.rx2_data_rate = DataRateIndex::new(3);
        }),
        Model::new(),
    );
    join(&mut bench, &mut model);
    hear(&mut bench, &model.up(b"1")).unwrap();
    let asked = bench.join_with(&model.ask_to_rejoin(Rejoin0));
    let windows = &opening(&asked).unwrap().windows;
    let seen: Vec<_> = windows.iter().map(|w| (w.window, w.data_rate.value())).collect();
    assert_eq!(seen, [(Window::Rx1, 4), (Window::Rx2, 3)]);
    let starts: Vec<_> = windows.iter().map(|w| w.start).collect();
    let plain = bench_windows_after_join();
    assert_eq!(starts, plain, "5 s and 6 s after the end of the request");
}

/// The starts of the windows after a Join-Request.
fn bench_windows_after_join() -> Vec<lns_core::radio::plan::Start> {
    let mut bench = bench(|_| {});
    let asked = bench.join_with(&Model::new().ask_to_join());
    opening(&asked).unwrap().windows.iter().map(|window| window.start).collect()
}

#[test]
fn type_2_keeps_the_parameters_and_types_0_and_1_begin_anew() {
    for (kind, offset, rx2) in [(Rejoin0, 0, 0), (Rejoin1, 0, 0), (Rejoin2, 2, 3)] {
        let (mut bench, mut model) = (
            bench(|profile| {
                profile.rx1_dr_offset = 2;
                profile.rx2_data_rate = DataRateIndex::new(3);
            }),
            Model::new(),
        );
        join(&mut bench, &mut model);
        hear(&mut bench, &model.up(b"1")).unwrap();
        let before = bench.device.session.as_ref().unwrap().current.clone();
        let fields = rejoin(&mut bench, &mut model, kind);
        assert_eq!(fields.dl_settings.rx1_dr_offset, offset, "{kind:?}");
        assert_eq!(fields.dl_settings.rx2_data_rate.value(), rx2, "{kind:?}");
        hear(&mut bench, &model.up(b"2")).unwrap();
        let after = bench.device.session.as_ref().unwrap().current.clone();
        assert_eq!(after.channels == before.channels, kind == Rejoin2);
        assert_eq!((after.rx.rx1_dr_offset, after.rx.rx2_data_rate.value()), (offset, rx2));
    }
}

#[test]
fn what_changes_between_accept_and_first_frame_counts_for_type_2() {
    let (mut bench, mut model) = joined();
    rejoin(&mut bench, &mut model, Rejoin2);
    let session = bench.device.session.as_mut().unwrap();
    session.current_mut().max_duty_cycle = Some(3);
    let record = bench.record();
    bench.crash(&record);
    hear(&mut bench, &model.up(b"2")).unwrap();
    let current = &bench.device.session.as_ref().unwrap().current;
    assert_eq!((current.max_duty_cycle, current.nb_trans), (Some(3), None));
}

#[test]
fn a_lost_accept_costs_nothing_and_the_next_request_is_answered() {
    for kind in KINDS {
        let (mut bench, mut model) = joined();
        for round in 0..5 {
            answer_rejoin(&mut bench, &mut model, kind);
            // The device has not heard it and goes on in its session, even across a crash of ours.
            hear(&mut bench, &model.up(b"still here")).unwrap();
            let record = bench.record();
            bench.crash(&record);
            assert!(bench.device.pending.is_some(), "{kind:?} {round}");
        }
        rejoin(&mut bench, &mut model, kind);
        hear(&mut bench, &model.up(b"2")).unwrap();
    }
}

#[test]
fn a_counter_is_taken_once_and_only_upwards() {
    for kind in KINDS {
        let (mut bench, mut model) = joined();
        let (first, second) = (model.ask_to_rejoin(kind), model.ask_to_rejoin(kind));
        bench.join_with(&second);
        assert!(transmitted(&bench.offer_join(&[64])).is_some());
        let record = bench.record();
        bench.crash(&record);
        for (bytes, got) in [(first, 0), (second, 1)] {
            bench.now += TimeDelta::from_secs(60);
            let step = bench.join_with(&bytes);
            assert_refused(&step, Reject::RejoinCountNotAbove { got, last: 1 });
        }
    }
}

#[test]
fn rj_count0_begins_with_each_session_and_rj_count1_never_again() {
    let (mut bench, mut model) = joined();
    for _ in 0..3 {
        assert_eq!(model.life().rj_count0, 0);
        let count1 = model.rj_count1;
        rejoin(&mut bench, &mut model, Rejoin0);
        hear(&mut bench, &model.up(b"2")).unwrap();
        rejoin(&mut bench, &mut model, Rejoin1);
        hear(&mut bench, &model.up(b"3")).unwrap();
        assert_eq!(model.rj_count1, count1 + 1);
        join(&mut bench, &mut model);
        hear(&mut bench, &model.up(b"4")).unwrap();
    }
    model.rj_count1 = 0;
    let step = bench.join_with(&model.ask_to_rejoin(Rejoin1));
    assert_refused(&step, Reject::RejoinCountNotAbove { got: 0, last: 2 });
}

#[test]
fn a_device_may_rejoin_before_its_first_frame() {
    let (mut bench, mut model) = joined();
    rejoin(&mut bench, &mut model, Rejoin0);
    let between = model.life().dev_addr;
    answer_rejoin(&mut bench, &mut model, Rejoin2);
    assert_eq!(bench.device.session.as_ref().unwrap().dev_addr, between, "it has used it");
    hear(&mut bench, &model.up(b"without the second accept")).unwrap();
    rejoin(&mut bench, &mut model, Rejoin2);
    hear(&mut bench, &model.up(b"with the third")).unwrap();
}

#[test]
fn type_1_restores_a_session_that_the_server_has_lost() {
    let (mut bench, mut model) = joined();
    bench.device.session = None;
    let lost = bench.join_with(&model.ask_to_rejoin(Rejoin0));
    assert_refused(&lost, Reject::RejoinMicMismatch);
    rejoin(&mut bench, &mut model, Rejoin1);
    hear(&mut bench, &model.up(b"back")).unwrap();
}

#[test]
fn without_air_nothing_is_spent() {
    for kind in KINDS {
        let (mut bench, mut model) = joined();
        let request = model.ask_to_rejoin(kind);
        let before = (bench.device.join_nonce, bench.device.rejoining());
        for sizes in [&[][..], &[16]] {
            bench.join_with(&request);
            assert_refused(&bench.offer_join(sizes), Reject::NoAirForJoin);
            assert_eq!((bench.device.join_nonce, bench.device.rejoining()), before);
        }
        bench.join_with(&request);
        let step = bench.step(Event::OccasionPassed);
        assert_refused(&step, Reject::NoAirForJoin);
        bench.join_with(&request);
        assert!(transmitted(&bench.offer_join(&[17])).is_some(), "the same counter is still good");
    }
}

fn type_1(join_eui: JoinEui, key: &NwkKey) -> Vec<u8> {
    let fields = RejoinFields::Type1 { join_eui, dev_eui: DEV_EUI, rj_count1: 9 };
    fields.build_with_root(&js_int_key(key, DEV_EUI)).unwrap()
}

#[test]
fn every_refusal_of_a_rejoin_request() {
    let (mut bench, _) = joined();
    let net_id = NetId::new(0x13).unwrap();
    let fields = RejoinFields::Type0 { net_id, dev_eui: DEV_EUI, rj_count0: 0 };
    let stranger = fields.build_with_session(&SNwkSIntKey::from_bytes([9; 16])).unwrap();
    let nwk_key = crate::model::nwk_key();
    let cases = [
        (stranger.clone(), Reject::RejoinMicMismatch),
        (type_1(JOIN_EUI, &NwkKey::from_bytes([9; 16])), Reject::RejoinMicMismatch),
        (type_1(JoinEui::new(1), &nwk_key), Reject::JoinEuiMismatch),
    ];
    for (bytes, reject) in cases {
        assert_refused(&bench.join_with(&bytes), reject);
    }
    bench.device.join_nonce = None;
    let step = bench.join_with(&type_1(JOIN_EUI, &nwk_key));
    assert_refused(&step, Reject::JoinNonceExhausted);

    let not_served = [
        Bench::abp(),
        Bench::new(eu868(MacVersion::V1_0_4), otaa()),
        crate::join_1_1::bench(|profile| profile.answer_as_1_0 = true),
    ];
    for mut bench in not_served {
        for bytes in [&stranger, &type_1(JOIN_EUI, &nwk_key)] {
            assert_refused(&bench.join_with(bytes), Reject::RejoinNotServed);
        }
    }
}

#[test]
fn where_no_join_eui_is_registered_that_of_the_join_counts() {
    let Activation::Otaa11 { nwk_key, app_key, .. } = otaa_1_1() else { panic!() };
    let activation = Activation::Otaa11 { join_eui: None, nwk_key, app_key };
    let mut bench = Bench::new(eu868(MacVersion::V1_1_0), activation);
    let mut model = Model::new();
    join(&mut bench, &mut model);
    hear(&mut bench, &model.up(b"1")).unwrap();
    let record = bench.record();
    bench.crash(&record);
    rejoin(&mut bench, &mut model, Rejoin2);
    hear(&mut bench, &model.up(b"2")).unwrap();
}

#[test]
fn another_copy_of_a_request_that_is_being_answered_is_ignored() {
    let (mut bench, mut model) = joined();
    let request = model.ask_to_rejoin(Rejoin0);
    bench.join_with(&request);
    bench.now = bench.now - TimeDelta::from_secs(9);
    let copy: Step = bench.join_with(&request);
    assert!(copy.effects.is_empty() && copy.notes.is_empty());
}

/// Forty joins and rejoins of all kinds, frames lost either way by turns, our crashes among them:
/// JoinNonces only grow, and the two ends always find each other again.
#[test]
fn a_long_life_with_losses() {
    let (mut bench, mut model) = joined();
    let mut nonces = Vec::new();
    for round in 0..40usize {
        let kind = [JoinReqType::Join, Rejoin0, Rejoin1, Rejoin2][round * 7 % 4];
        let request = match kind {
            JoinReqType::Join => model.ask_to_join(),
            Rejoin0 | Rejoin1 | Rejoin2 => model.ask_to_rejoin(kind),
        };
        if round % 5 != 3 {
            assert!(opening(&bench.join_with(&request)).is_some(), "{round} {kind:?}");
            let answered = bench.offer_join(&[64]);
            let accept = transmitted(&answered).unwrap().phy_payload.to_vec();
            let record = bench.record();
            if round % 3 == 0 {
                bench.crash(&record);
            }
            if round % 4 != 2 {
                let fields = model.take_accept(&accept, kind).expect("JoinNonce has grown");
                nonces.push(fields.join_nonce);
            }
        }
        hear(&mut bench, &model.up(b"here")).unwrap_or_else(|reject| panic!("{round}: {reject}"));
        if round % 2 == 0 {
            answer(&mut bench, &mut model);
        }
    }
    assert!(nonces.is_sorted() && nonces.len() > 20, "{nonces:?}");
}
