use std::sync::Arc;

use lns_core::device::home_of;
use lns_core::effect::Durable;
use lns_core::event::Purpose;
use lns_core::profile::DevNoncePolicy;
use lns_core::{Activation, EventKind, Note, Profile, Reject};
use lns_lorawan::{
    AppKey, CfList, ChMask, DevAddr, DevNonce, Frequency, JoinEui, JoinNonce, JoinRequest,
    MacVersion, RegParamsRevision, Region, RxDelay, TimeDelta, Window,
};

use crate::bench::*;

fn device(mac_version: MacVersion) -> Bench {
    Bench::new(eu868(mac_version), otaa())
}

#[test]
fn a_join_ends_with_keys_that_both_have() {
    let mut bench = device(MacVersion::V1_0_3);
    let asked = bench.ask_to_join(0x1234);
    let open = opening(&asked).unwrap();
    assert_eq!((open.purpose, open.something_to_say), (Purpose::JoinAccept, true));
    let windows: Vec<_> = open.windows.iter().map(|w| (w.window, delay_ms(w))).collect();
    assert_eq!(windows, [(Window::Rx1, 5000), (Window::Rx2, 6000)]);
    assert_eq!(asked.durable, Durable::Nothing, "judging spends nothing");
    assert!(bench.device.has_something_to_say(bench.now));

    let answered = bench.offer_join(&[64, 64]);
    assert_eq!(answered.durable, Durable::RecordAndNonces);
    let fields = bench.take_accept(&answered, 0x1234);
    assert_eq!(fields.join_nonce.value(), 1);
    assert_eq!(fields.net_id.value(), 0x13);
    let [EventKind::Joined { join_eui, dev_addr, .. }] = published(&answered)[..] else {
        panic!("{:?}", answered.effects)
    };
    assert_eq!((*join_eui, *dev_addr), (JOIN_EUI, fields.dev_addr));

    let first = bench.hear(&Up::at(0)).unwrap();
    assert_eq!(&*uplink(&first).unwrap().frm_payload, b"hello");
    assert!(first.notes.contains(&Note::SessionConfirmed { dev_addr: fields.dev_addr }));
    assert!(bench.device.pending.is_none());
    assert!(bench.hear(&Up::confirmed(1)).is_ok());
    assert!(bench.listen().unwrap().opened.f_ctrl.ack);
}

#[test]
fn the_address_points_to_the_devices_home() {
    let mut bench = device(MacVersion::V1_0_3);
    for dev_nonce in 0..20 {
        let fields = bench.join(dev_nonce);
        assert_eq!(fields.dev_addr.value() & 0x3f, u32::from(home_of(DEV_EUI)));
        assert!(fields.net_id.contains(fields.dev_addr));
    }
}

#[test]
fn a_device_stays_in_its_home_for_ever() {
    let homes = [0, 1, 2, 3, 0x70b3_d57e_d000_0042, u64::MAX];
    let homes = homes.map(|eui| home_of(lns_lorawan::DevEui::new(eui)));
    assert_eq!(homes, [0, 37, 10, 48, 40, 59]);
}

#[test]
fn the_old_session_lives_until_the_new_one_is_used() {
    let mut bench = device(MacVersion::V1_0_3);
    bench.join(1);
    bench.hear(&Up::at(0)).unwrap();
    let old = (bench.keys.clone(), bench.dev_addr);
    bench.join(2);
    let new = (bench.keys.clone(), bench.dev_addr);
    assert_eq!(bench.device.addresses(), [old.1, new.1]);

    (bench.keys, bench.dev_addr) = old.clone();
    bench.hear(&Up::at(1)).unwrap();
    assert!(bench.device.pending.is_some());
    (bench.keys, bench.dev_addr) = new;
    bench.hear(&Up::at(0)).unwrap();
    assert_eq!(bench.device.addresses(), [bench.dev_addr]);
    (bench.keys, bench.dev_addr) = old;
    let bytes = bench.frame(&Up::at(2));
    assert!(bench.matched(&bytes).is_err());
}

#[test]
fn the_first_frame_of_a_session_acknowledges_nothing() {
    let mut bench = device(MacVersion::V1_0_3);
    bench.join(1);
    let bytes = bench.frame(&Up::acking(0));
    assert_eq!(bench.matched(&bytes).unwrap_err(), Reject::AckBeforeDownlink);
}

#[test]
fn every_refusal_of_a_join_request() {
    let wrong_key = AppKey::from_bytes([8; 16]);
    let request = |join_eui, key| JoinRequest::build_1_0(join_eui, DEV_EUI, DevNonce(5), key);
    let cases = [
        (otaa(), request(JOIN_EUI, &wrong_key), Reject::JoinMicMismatch),
        (otaa(), request(JoinEui::new(1), &app_key()), Reject::JoinEuiMismatch),
        (abp(), request(JOIN_EUI, &app_key()), Reject::NotJoining),
    ];
    for (activation, bytes, reject) in cases {
        let mut bench = Bench::new(eu868(MacVersion::V1_0_3), activation);
        assert_refused(&bench.join_with(&bytes), reject);
    }
    let mut bench = device(MacVersion::V1_0_3);
    bench.device.join_nonce = None;
    assert_refused(&bench.ask_to_join(5), Reject::JoinNonceExhausted);
}

#[test]
fn any_join_eui_will_do_where_none_is_registered() {
    let activation = Activation::Otaa10 { join_eui: None, app_key: app_key() };
    let mut bench = Bench::new(eu868(MacVersion::V1_0_3), activation);
    let bytes = JoinRequest::build_1_0(JoinEui::new(9), DEV_EUI, DevNonce(5), &app_key());
    assert!(opening(&bench.join_with(&bytes)).is_some());
}

#[test]
fn dev_nonces_by_policy() {
    use DevNoncePolicy::{ByVersion, Counting, Random, Unchecked};
    use MacVersion::{V1_0_3, V1_0_4};
    let reused = |got| Some(Reject::DevNonceReused { got });
    let below = |got, last| Some(Reject::DevNonceNotAbove { got, last });
    let cases = [
        (V1_0_3, ByVersion, vec![(7, None), (3, None), (7, reused(7)), (8, None)]),
        (V1_0_4, ByVersion, vec![(0, None), (5, None), (5, below(5, 5)), (4, below(4, 5))]),
        (V1_0_3, Counting, vec![(7, None), (3, below(3, 7))]),
        (V1_0_4, Random, vec![(7, None), (3, None), (3, reused(3))]),
        (V1_0_4, Unchecked, vec![(7, None), (7, None), (0, None)]),
    ];
    for (version, policy, joins) in cases {
        let profile = Profile { dev_nonce: policy, ..eu868(version) };
        let mut bench = Bench::new(profile, otaa());
        for (dev_nonce, expected) in joins {
            let step = bench.ask_to_join(dev_nonce);
            assert_eq!(rejected(&step), expected, "{version} {policy:?} {dev_nonce}");
            if expected.is_none() {
                assert!(transmitted(&bench.offer_join(&[64])).is_some());
            }
        }
    }
}

#[test]
fn the_last_1024_drawn_nonces_are_remembered_across_a_crash() {
    let mut bench = device(MacVersion::V1_0_3);
    for dev_nonce in 0..1025 {
        bench.join(dev_nonce);
    }
    assert_eq!(bench.device.used_dev_nonces.len(), 1024);
    let record = bench.record();
    bench.crash(&record);
    assert_eq!(rejected(&bench.ask_to_join(1)), Some(Reject::DevNonceReused { got: 1 }));
    assert_eq!(rejected(&bench.ask_to_join(0)), None, "forgotten");
}

#[test]
fn without_air_nothing_is_spent() {
    let mut bench = device(MacVersion::V1_0_4);
    for sizes in [&[][..], &[16]] {
        assert!(opening(&bench.ask_to_join(5)).is_some(), "the same DevNonce is still good");
        let step = bench.offer_join(sizes);
        assert_refused(&step, Reject::NoAirForJoin);
        assert_eq!(bench.device.join_nonce, JoinNonce::new(1));
        assert!(bench.device.pending.is_none() && bench.device.awaits().is_none());
    }
}

#[test]
fn a_join_that_nobody_could_answer_in_time_is_refused_by_name() {
    let mut bench = device(MacVersion::V1_0_4);
    bench.ask_to_join(5);
    let step = bench.step(lns_core::Event::OccasionPassed);
    assert_refused(&step, Reject::NoAirForJoin);
    assert!(opening(&bench.ask_to_join(5)).is_some());
}

#[test]
fn another_copy_of_a_request_that_is_being_answered_is_ignored() {
    let mut bench = device(MacVersion::V1_0_3);
    bench.ask_to_join(5);
    bench.now = bench.now - TimeDelta::from_secs(9);
    let copy = bench.ask_to_join(5);
    assert!(copy.effects.is_empty() && copy.notes.is_empty());
    assert!(transmitted(&bench.offer_join(&[64])).is_some());
    assert_eq!(rejected(&bench.ask_to_join(5)), Some(Reject::DevNonceReused { got: 5 }));
}

#[test]
fn join_nonces_count_up() {
    let mut bench = device(MacVersion::V1_0_4);
    let nonces: Vec<u32> = (0..4).map(|n| bench.join(n).join_nonce.value()).collect();
    assert_eq!(nonces, [1, 2, 3, 4]);
}

#[test]
fn the_accept_carries_the_profiles_settings() {
    let mut profile = eu868(MacVersion::V1_0_3);
    profile.rx1_dr_offset = 2;
    profile.rx2_data_rate = lns_lorawan::DataRateIndex::new(3);
    profile.rx_delay = RxDelay::new(5);
    let mut bench = Bench::new(profile, otaa());
    let fields = bench.join(1);
    assert_eq!(fields.dl_settings.rx1_dr_offset, 2);
    assert_eq!(fields.dl_settings.rx2_data_rate.value(), 3);
    assert_eq!(fields.rx_delay.seconds(), 5);
    let Some(CfList::Frequencies(channels)) = fields.cf_list else { panic!("{fields:?}") };
    assert_eq!(channels[0].unwrap().hz(), 867_100_000);

    let step = bench.hear(&Up::at(0)).unwrap();
    let windows = &opening(&step).unwrap().windows;
    let seen: Vec<_> =
        windows.iter().map(|w| (delay_ms(w), w.frequency.hz(), w.data_rate.value())).collect();
    assert_eq!(seen, [(5000, 868_100_000, 3), (6000, 869_525_000, 3)]);
}

#[test]
fn an_offer_without_room_for_the_cf_list_gets_a_short_accept() {
    let mut bench = device(MacVersion::V1_0_3);
    bench.ask_to_join(1);
    let step = bench.offer_join(&[20]);
    assert_eq!(transmitted(&step).unwrap().phy_payload.len(), 17);
    assert_eq!(bench.take_accept(&step, 1).cf_list, None);
}

#[test]
fn us915_devices_get_their_sub_band_by_cf_list_where_they_know_it() {
    let cases = [
        (RegParamsRevision::Rp001_1_0_2B, Some(2), None, None),
        (RegParamsRevision::Rp001_1_0_3A, Some(2), Some([0xff00, 0, 0, 0, 2, 0]), ChMask::bank(1)),
        (RegParamsRevision::Rp002_1_0_5, None, None, Some(all_72())),
    ];
    for (reg_params, sub_band, masks, known) in cases {
        let profile = Profile::new(Region::Us915, MacVersion::V1_0_3, reg_params);
        let mut bench = Bench::new(profile, otaa());
        bench.network.sub_band = sub_band;
        let fields = bench.join(1);
        assert_eq!(fields.cf_list, masks.map(CfList::Masks), "{reg_params}");
        assert_eq!(bench.device.pending.as_ref().unwrap().current.ch_mask, known, "{reg_params}");
    }
}

fn all_72() -> ChMask {
    ChMask::first(72)
}

#[test]
fn another_root_key_forgets_the_nonces_of_the_old_one() {
    let mut bench = device(MacVersion::V1_0_3);
    bench.join(1);
    let mut about = (*bench.device.about).clone();
    about.activation = Activation::Otaa10 { join_eui: None, app_key: AppKey::from_bytes([3; 16]) };
    let describe = lns_core::Command::Describe(Arc::new(about));
    let step = bench.step(lns_core::Event::Command(describe));
    assert_eq!(step.durable, Durable::RecordAndNonces);
    assert!(bench.device.used_dev_nonces.is_empty());
    assert_eq!(bench.device.addresses(), Vec::<DevAddr>::new());
    assert_eq!(bench.device.join_nonce, JoinNonce::new(2), "this one never goes back");
}

/// Since RP002 the channel of the Join-Request tells where a CN470 device listens, then and later.
#[test]
fn in_china_the_join_channel_chooses_the_plan() {
    let places = |step: &lns_core::Step| -> Vec<(u32, u8)> {
        let windows = &opening(step).unwrap().windows;
        windows.iter().map(|w| (w.frequency.hz(), w.data_rate.value())).collect()
    };
    let cases = [
        // 20 MHz, type A; 20 MHz, type B; 26 MHz, type B.
        (507_300_000, [494_100_000, 494_900_000], (470_300_000, 483_900_000)),
        (499_900_000, [499_900_000, 498_300_000], (477_100_000, 477_100_000)),
        (480_300_000, [502_500_000, 502_500_000], (485_300_000, 500_300_000)),
    ];
    for (join, [rx1, rx2], (up, down)) in cases {
        let (version, edition) = (MacVersion::V1_0_4, RegParamsRevision::Rp002_1_0_5);
        let mut bench = Bench::new(Profile::new(Region::Cn470, version, edition), otaa());
        bench.frequency = Frequency::from_hz(join);
        assert_eq!(places(&bench.ask_to_join(1)), [(rx1, 5), (rx2, 1)], "{join}");
        bench.join(2);
        bench.frequency = Frequency::from_hz(up);
        let step = bench.hear(&Up::at(0)).unwrap();
        assert_eq!(places(&step), [(down, 5), (rx2, 1)], "{join}");
        let record = bench.record();
        bench.crash(&record);
        let step = bench.hear(&Up::at(1)).unwrap();
        assert_eq!(places(&step), [(down, 5), (rx2, 1)], "{join} after a crash");
    }
}

/// Bands overlap: EU868's channels at 867 MHz are none of RU864's.
#[test]
fn a_channel_list_has_the_channels_of_its_region_only() {
    let of = |region, hz: u32| lns_core::env::ExtraChannel {
        region: Some(region),
        ..Frequency::from_hz(hz).into()
    };
    for (region, expected) in [(Region::Eu868, 867_100_000), (Region::Ru864, 864_100_000)] {
        let profile = Profile::new(region, MacVersion::V1_0_4, RegParamsRevision::Rp002_1_0_5);
        let mut bench = Bench::new(profile, otaa());
        bench.network.extra_channels =
            vec![of(Region::Eu868, 867_100_000), of(Region::Ru864, 864_100_000)];
        let Some(CfList::Frequencies(list)) = bench.join(1).cf_list else { panic!("{region}") };
        assert_eq!(list, [Some(Frequency::from_hz(expected)), None, None, None, None]);
    }
}
