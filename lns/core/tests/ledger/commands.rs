//! Each command: asked, answered, refused, lost on either way, not sent, put off.

use std::sync::Arc;

use lns_core::env::ExtraChannel;
use lns_core::mac::Kind;
use lns_core::session::{AdrAck, DeviceChannel};
use lns_core::{Command, Event, Note, Profile};
use lns_lorawan::region::DataRateSet;
use lns_lorawan::{
    DataRateIndex, Dbm, Frequency, MacVersion, RegParamsRevision, Region, RxDelay, TimeDelta,
};

use crate::bench::{Bench, Up, abp};
use crate::talk::*;

/// One command: what a profile must say for it, and what is then asked.
struct Case {
    kind: Kind,
    version: MacVersion,
    wish: fn(&mut Profile),
    other_wish: fn(&mut Profile),
    asked: &'static [u8],
    cannot: Option<fn(&mut crate::model::Cannot)>,
}

const HZ: u32 = 868_800_000;

fn mhz(hz: u32) -> Option<Frequency> {
    Some(Frequency::from_hz(hz))
}

fn cases() -> Vec<Case> {
    vec![
        Case {
            kind: Kind::RxTimingSetup,
            version: MacVersion::V1_0_3,
            wish: |profile| profile.rx_delay = RxDelay::new(5),
            other_wish: |profile| profile.rx_delay = RxDelay::new(7),
            asked: &[0x08, 5],
            cannot: None,
        },
        Case {
            kind: Kind::RxParamSetup,
            version: MacVersion::V1_0_3,
            wish: |profile| {
                profile.rx1_dr_offset = 2;
                profile.rx2_data_rate = DataRateIndex::new(3);
                profile.rx2_frequency = mhz(HZ);
            },
            other_wish: |profile| {
                profile.rx1_dr_offset = 1;
                profile.rx2_data_rate = DataRateIndex::new(3);
                profile.rx2_frequency = None;
            },
            asked: &[0x05, 0x23, 0x80, 0x91, 0x84],
            cannot: Some(|cannot| cannot.rx1_dr_offsets.push(2)),
        },
        Case {
            kind: Kind::DutyCycle,
            version: MacVersion::V1_0_0,
            wish: |profile| profile.max_duty_cycle = 7,
            other_wish: |profile| profile.max_duty_cycle = 4,
            asked: &[0x04, 7],
            cannot: None,
        },
        Case {
            kind: Kind::AdrParamSetup,
            version: MacVersion::V1_1_0,
            wish: |profile| profile.adr_ack = Some(AdrAck { limit_exp: 3, delay_exp: 2 }),
            other_wish: |profile| profile.adr_ack = Some(AdrAck { limit_exp: 4, delay_exp: 2 }),
            asked: &[0x0c, 0x32],
            cannot: None,
        },
        Case {
            kind: Kind::PingSlotChannel,
            version: MacVersion::V1_0_4,
            wish: |profile| {
                profile.supports_class_b = true;
                profile.ping_slot_frequency = mhz(HZ);
                profile.ping_slot_data_rate = DataRateIndex::new(4);
            },
            other_wish: |profile| profile.ping_slot_data_rate = DataRateIndex::new(2),
            asked: &[0x11, 0x80, 0x91, 0x84, 4],
            cannot: Some(|cannot| cannot.frequencies.push(HZ)),
        },
        Case {
            kind: Kind::BeaconFreq,
            version: MacVersion::V1_0_3,
            wish: |profile| {
                profile.supports_class_b = true;
                profile.beacon_frequency = mhz(HZ);
            },
            other_wish: |profile| profile.beacon_frequency = mhz(868_900_000),
            asked: &[0x13, 0x80, 0x91, 0x84],
            cannot: Some(|cannot| cannot.frequencies.push(HZ)),
        },
    ]
}

impl Case {
    fn talk(&self) -> Talk {
        Talk::with(Region::Eu868, self.version, self.wish)
    }

    /// In how many of the next uplinks it is asked.
    fn asked_in(&self, talk: &mut Talk, uplinks: usize) -> Vec<usize> {
        let asks = |commands: Vec<u8>| commands.first() == self.asked.first();
        (0..uplinks).filter(|_| asks(talk.exchange(CLEAR))).collect()
    }
}

#[test]
fn what_differs_is_asked_answered_and_not_asked_again() {
    for case in cases() {
        let mut talk = case.talk();
        assert_eq!(talk.exchange(CLEAR), case.asked, "{:?}", case.kind);
        assert!(talk.is_outstanding(case.kind));
        assert_eq!(talk.exchange(CLEAR), [0u8; 0], "{:?}", case.kind);
        talk.assert_true();
        assert!(case.asked_in(&mut talk, 10).is_empty(), "{:?}", case.kind);
        assert!(talk.is_quiet(), "{:?}: nothing is remembered of it", case.kind);
    }
}

#[test]
fn a_request_that_was_lost_is_asked_again() {
    for case in cases() {
        let mut talk = case.talk();
        assert_eq!(talk.exchange(DOWN_LOST), case.asked);
        assert_eq!(talk.exchange(CLEAR), case.asked, "{:?}", case.kind);
        talk.exchanges(3);
        talk.assert_true();
        assert!(talk.is_quiet(), "{:?}", case.kind);
    }
}

#[test]
fn an_answer_that_was_lost_is_repeated_or_asked_for_again() {
    for case in cases() {
        let mut talk = case.talk();
        assert_eq!(talk.exchange(CLEAR), case.asked);
        talk.exchange(UP_LOST);
        let again = talk.exchange(CLEAR);
        let sticky = case.kind.is_sticky(case.version);
        assert_eq!(again.is_empty(), sticky, "{:?}: {again:02x?}", case.kind);
        talk.assert_true();
        talk.exchanges(3);
        talk.assert_true();
        assert!(talk.is_quiet(), "{:?}", case.kind);
    }
}

#[test]
fn what_is_not_known_is_asked_even_if_the_old_value_is_wanted_again() {
    for case in cases().into_iter().filter(|case| !case.kind.is_sticky(case.version)) {
        let mut talk = case.talk();
        talk.exchange(CLEAR);
        talk.exchange(UP_LOST);
        talk.describe(|profile| {
            let plain = Profile::new(Region::Eu868, case.version, profile.reg_params);
            *profile = Profile { supports_class_b: profile.supports_class_b, ..plain };
        });
        let asked = talk.exchange(CLEAR);
        assert_eq!(asked.first(), case.asked.first(), "{:?}: it may have done it", case.kind);
        talk.exchanges(3);
        talk.assert_true();
        assert!(talk.is_quiet(), "{:?}", case.kind);
    }
}

#[test]
fn a_request_that_was_not_sent_is_no_try() {
    for case in cases() {
        let mut talk = case.talk();
        for _ in 0..10 {
            let asked = talk.exchange(Air { not_sent: true, ..CLEAR });
            assert_eq!(asked, case.asked, "{:?}", case.kind);
            talk.assert_true();
        }
    }
}

#[test]
fn a_device_that_never_answers_is_asked_ever_less() {
    for case in cases() {
        let mut talk = case.talk();
        talk.model.cannot.cids.push(case.asked[0]);
        let asked = case.asked_in(&mut talk, 200);
        assert_eq!(asked, [0, 1, 2, 11, 28, 61, 126], "{:?}", case.kind);
        talk.describe(|profile| profile.supports_class_b = false);
    }
}

#[test]
fn a_refused_value_is_put_off_and_another_is_asked_at_once() {
    for case in cases() {
        let Some(cannot) = case.cannot else { continue };
        let mut talk = case.talk();
        cannot(&mut talk.model.cannot);
        assert_eq!(talk.exchange(CLEAR), case.asked);
        talk.exchange(CLEAR);
        let refused = |note: &Note| matches!(note, Note::MacRequestRefused { cid, .. } if *cid == case.asked[0]);
        assert!(talk.notes.iter().any(refused), "{:?}: {:?}", case.kind, talk.notes);
        talk.assert_true();
        // 64 uplinks later, at the earliest.
        assert_eq!(case.asked_in(&mut talk, 120), [63], "{:?}", case.kind);
        talk.describe(case.other_wish);
        talk.model.cannot = Default::default();
        assert_eq!(talk.exchange(CLEAR).first(), case.asked.first(), "{:?}", case.kind);
        talk.exchanges(3);
        talk.assert_true();
        assert!(talk.is_quiet(), "{:?}", case.kind);
    }
}

#[test]
fn a_device_that_refuses_whatever_it_is_asked_is_left_alone() {
    let mut talk = Talk::with(Region::Eu868, MacVersion::V1_0_3, |profile| {
        profile.rx2_frequency = mhz(869_000_000);
    });
    let mut asked = 0;
    for turn in 0..200 {
        // Another wish each time, and refused each time.
        let hz = 869_000_000 + turn * 100;
        talk.model.cannot.frequencies.push(hz);
        talk.describe(|profile| profile.rx2_frequency = mhz(hz));
        asked += usize::from(!talk.exchange(CLEAR).is_empty() && talk.model.obeyed.len() > asked);
    }
    assert!(talk.model.obeyed.len() <= 6, "{:?}", talk.model.obeyed.len());
    talk.assert_true();
}

#[test]
fn a_new_wish_while_a_request_is_outstanding_is_asked_after_the_answer() {
    for case in cases() {
        let mut talk = case.talk();
        assert_eq!(talk.exchange(CLEAR), case.asked);
        talk.describe(case.other_wish);
        // The answer is to the old wish.
        talk.exchange(CLEAR);
        talk.assert_true();
        talk.exchanges(4);
        talk.assert_true();
        assert!(talk.is_quiet(), "{:?}", case.kind);
    }
}

#[test]
fn a_crash_between_request_and_answer_loses_nothing() {
    for case in cases() {
        let mut talk = case.talk();
        assert_eq!(talk.exchange(CLEAR), case.asked);
        talk.crash();
        assert_eq!(talk.exchange(CLEAR), [0u8; 0], "{:?}", case.kind);
        talk.assert_true();
    }
}

#[test]
fn commands_of_a_later_version_or_class_are_not_sent() {
    let wish = |profile: &mut Profile| {
        profile.adr_ack = Some(AdrAck { limit_exp: 3, delay_exp: 2 });
        profile.ping_slot_frequency = mhz(HZ);
        profile.beacon_frequency = mhz(HZ);
    };
    let mut talk = Talk::with(Region::Eu868, MacVersion::V1_0_4, wish);
    assert_eq!(talk.exchanges(3), vec![Vec::<u8>::new(); 3]);

    let mut talk = Talk::new(Region::Eu868, MacVersion::V1_0_1);
    talk.bench.network.extra_channels = vec![ExtraChannel {
        rx1_frequency: mhz(HZ),
        ..ExtraChannel::from(mhz(868_100_000).unwrap())
    }];
    assert_eq!(talk.exchange(CLEAR), [0u8; 0], "DlChannelReq came with 1.0.2");
}

#[test]
fn dev_status_is_asked_by_schedule_and_given_up_slowly() {
    let mut talk = Talk::with(Region::Eu868, MacVersion::V1_0_3, |profile| {
        profile.dev_status_interval = Some(TimeDelta::from_secs(60));
    });
    // An uplink every ten seconds.
    let asked: Vec<bool> =
        talk.exchanges(14).into_iter().map(|commands| commands == [0x06]).collect();
    let due: Vec<bool> = (0..14).map(|uplink| uplink == 0 || uplink % 7 == 0).collect();
    assert_eq!(asked, due);
}

fn extra(hz: u32) -> ExtraChannel {
    ExtraChannel::from(Frequency::from_hz(hz))
}

/// A personalized device with nothing but the default channels, in a network of eight.
fn poor(version: MacVersion) -> Talk {
    let mut talk = Talk::new(Region::Eu868, version);
    talk.bench.network.extra_channels = (0..5).map(|n| extra(867_100_000 + n * 200_000)).collect();
    talk
}

#[test]
fn channels_are_made_two_in_a_frame_until_the_device_has_them_all() {
    let mut talk = poor(MacVersion::V1_0_3);
    let first = talk.exchange(CLEAR);
    assert_eq!(first, [7, 3, 0x18, 0x4f, 0x84, 0x50, 7, 4, 0xe8, 0x56, 0x84, 0x50]);
    let frames = talk.exchanges(6).into_iter().filter(|commands| !commands.is_empty()).count();
    assert_eq!(frames, 2, "three more channels");
    talk.assert_true();
    assert!(talk.is_quiet());
    assert_eq!(talk.current().ch_mask.unwrap().count(), 8, "a new channel is in use");
}

#[test]
fn a_channel_whose_answer_was_lost_is_made_again() {
    let mut talk = poor(MacVersion::V1_0_3);
    talk.exchange(CLEAR);
    talk.exchange(UP_LOST);
    talk.assert_true();
    assert!(!talk.exchange(CLEAR).is_empty());
    talk.assert_true();
    talk.exchanges(10);
    talk.assert_true();
    assert!(talk.is_quiet());
}

#[test]
fn a_refused_channel_does_not_keep_the_others_waiting() {
    let mut talk = poor(MacVersion::V1_0_3);
    talk.model.cannot.frequencies.push(867_300_000);
    talk.exchanges(10);
    talk.assert_true();
    assert_eq!(talk.current().ch_mask.unwrap().count(), 7);
    let asked = talk.exchanges(200).into_iter().filter(|commands| !commands.is_empty()).count();
    assert!(asked <= 3, "{asked}");
}

#[test]
fn channels_that_the_network_has_not_are_removed_and_ranges_corrected() {
    let mut talk = poor(MacVersion::V1_0_4);
    talk.exchanges(10);
    let range = DataRateSet::of(&[0, 1, 2, 3]);
    talk.bench.network.extra_channels =
        vec![ExtraChannel { data_rates: Some(range), ..extra(867_300_000) }, extra(867_900_000)];
    talk.exchanges(10);
    talk.assert_true();
    assert!(talk.is_quiet());
    let channels = &talk.current().channels;
    assert_eq!(channels.slot(4).channel().map(|channel| channel.data_rates), Some(range));
    assert!(channels.slot(3).channel().is_none() && channels.slot(7).channel().is_some());
    assert_eq!(talk.current().ch_mask.unwrap().count(), 5);
}

/// RP002-1.0.5 gives NewChannelReq's two data rates a second meaning. A device of an older edition
/// would take them for a range, the wrong way round.
#[test]
fn a_device_of_an_older_edition_is_sent_a_range_only() {
    let mut talk = poor(MacVersion::V1_0_4);
    talk.describe(|profile| profile.reg_params = RegParamsRevision::Rp002_1_0_4);
    let (set, range) = (&[0, 1, 2, 3, 4, 5, 12, 13], &[0, 1, 2, 3, 4, 5]);
    let (with_sf5, frequency) = (Some(DataRateSet::of(set)), Frequency::from_hz(867_900_000));
    talk.bench.network.extra_channels =
        vec![ExtraChannel { data_rates: with_sf5, ..extra(867_900_000) }];
    talk.exchanges(10);
    talk.assert_true();
    assert!(talk.is_quiet());
    let channels = &talk.current().channels;
    let given = channels.slots().filter_map(|(_, slot)| slot.channel().copied());
    let given: Vec<_> = given.filter(|given| given.frequency == frequency).collect();
    assert_eq!(given, [DeviceChannel::new(frequency, DataRateSet::of(range))]);
}

#[test]
fn rx1_is_moved_for_default_channels_too() {
    let mut talk = poor(MacVersion::V1_0_3);
    talk.bench
        .network
        .extra_channels
        .push(ExtraChannel { rx1_frequency: mhz(869_525_000), ..extra(868_100_000) });
    for place in [0, 3, 4] {
        talk.bench.network.extra_channels[place].rx1_frequency = mhz(869_525_000);
    }
    talk.exchanges(20);
    talk.assert_true();
    assert!(talk.is_quiet());
    let moved = |index: u8| talk.current().channels.slot(index).channel().unwrap().rx1_frequency;
    assert_eq!(
        [0, 1, 3, 4, 6, 7].map(|index| moved(index) == mhz(869_525_000).unwrap()),
        [true, false, true, false, true, true]
    );
}

#[test]
fn channels_go_and_one_listens_elsewhere() {
    let mut talk = poor(MacVersion::V1_0_3);
    talk.bench.network.extra_channels.truncate(3);
    talk.exchanges(2);
    talk.bench.network.extra_channels =
        vec![ExtraChannel { rx1_frequency: mhz(867_200_000), ..extra(867_100_000) }];
    talk.exchanges(6);
    talk.assert_true();
    assert!(talk.is_quiet());
    assert_eq!(talk.model.channels[3].unwrap().rx1_hz, 867_200_000);
}

#[test]
fn dwell_times_are_told_where_nobody_can_know_them_or_somebody_wants_others() {
    let asked = |region, change: fn(&mut Profile)| {
        let profile = Profile::new(region, MacVersion::V1_0_3, RegParamsRevision::Rp002_1_0_5);
        let mut bench = Bench::new(profile.clone(), abp());
        let session = bench.device.session.clone();
        let mut about = (*bench.device.about).clone();
        about.profile = Arc::new(profile);
        change(Arc::make_mut(&mut about.profile));
        bench.step(Event::Command(Command::Describe(Arc::new(about))));
        bench.device.session = session;
        bench.hear(&Up::at(0)).unwrap();
        bench.listen().map(|down| down.opened.f_opts.to_vec())
    };
    // 16 dBm has the code 5, 30 dBm 13, 20 dBm 7; 0x20 limits downlinks and 0x10 uplinks.
    assert_eq!(asked(Region::As923_1, |_| {}), Some(vec![0x09, 0x35]));
    let free: fn(&mut Profile) = |profile| {
        (profile.uplink_dwell_time, profile.downlink_dwell_time) = (Some(false), Some(false));
    };
    assert_eq!(asked(Region::As923_1, free), Some(vec![0x09, 0x05]));
    assert_eq!(asked(Region::Au915, |_| {}), None, "devices start as they should");
    assert_eq!(asked(Region::Au915, free), Some(vec![0x09, 0x0d]));
    let weak: fn(&mut Profile) = |profile| profile.max_eirp = Some(Dbm::from_whole(20));
    assert_eq!(asked(Region::Au915, weak), Some(vec![0x09, 0x17]));
    assert_eq!(asked(Region::Eu868, weak), None, "EU868 has no such command");
}
