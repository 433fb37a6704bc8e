use lns_core::effect::Durable;
use lns_core::event::Fate;
use lns_core::{Activation, Event, EventKind, Note, Profile};
use lns_lorawan::{
    ChMask, Db, DownlinkMacCommand, DownlinkMacCommands, FCntUp, FCtrlUp, Frequency, MacVersion,
    RegParamsRevision, Region, TimeDelta,
};

use crate::bench::*;

fn commands(down: &Down) -> Vec<DownlinkMacCommand> {
    DownlinkMacCommands::new(down.opened.mac_commands()).map(Result::unwrap).collect()
}

#[test]
fn link_check_tells_margin_and_gateways_of_the_best_copy() {
    let cases = [
        // SF7 needs −7.5 dB.
        (&[925][..], 16, 1),
        (&[-750], 0, 1),
        (&[-2000], 0, 1),
        (&[-300, 175, -900], 9, 3),
        (&[32_000], 254, 1),
    ];
    for (snrs, margin, gw_cnt) in cases {
        let mut bench = Bench::abp();
        let bytes = bench.frame(&Up { f_opts: &[0x02], ..Up::at(0) });
        let mut heard = bench.matched(&bytes).unwrap();
        let copy = heard.receptions.remove(0);
        heard.receptions.extend(
            snrs.iter()
                .map(|snr| lns_core::Reception { snr: Db::from_hundredths(*snr), ..copy.clone() }),
        );
        bench.step(Event::Uplink(Box::new(heard)));
        let down = bench.listen().unwrap();
        let [DownlinkMacCommand::LinkCheckAns(answer)] = commands(&down)[..] else { panic!() };
        assert_eq!((answer.margin, answer.gw_cnt), (margin, gw_cnt), "{snrs:?}");
    }
}

#[test]
fn device_time_is_the_end_of_the_uplink_in_gps_time() {
    // 2023-11-14T22:13:20Z is 1 700 000 000 s after 1970, 1 384 035 200 s after 1980-01-06, and
    // 18 leap seconds ahead.
    let gps = 1_384_035_200 + 18;
    let mut bench = Bench::abp();
    let at = bench.now;
    let answered = |bench: &mut Bench, millis: i64, tmms: Option<u64>| {
        let f_cnt = bench.steps as u32;
        let bytes = bench.frame(&Up { f_opts: &[0x0d], ..Up::at(f_cnt) });
        let mut heard = bench.matched(&bytes).unwrap();
        heard.receptions[0].air_time = at + TimeDelta::from_millis(millis);
        heard.receptions[0].tmms = tmms;
        bench.step(Event::Uplink(Box::new(heard)));
        let down = bench.listen().unwrap();
        let [DownlinkMacCommand::DeviceTimeAns(answer)] = commands(&down)[..] else { panic!() };
        (answer.seconds, answer.fraction)
    };
    assert_eq!(answered(&mut bench, 0, None), (gps, 0));
    assert_eq!(answered(&mut bench, 500, None), (gps, 128));
    assert_eq!(answered(&mut bench, -250, None), (gps - 1, 192));
    assert_eq!(answered(&mut bench, 0, Some(1_400_000_000_750)), (1_400_000_000, 192));
}

#[test]
fn a_repeat_is_told_the_time_of_the_repeat() {
    let mut bench = Bench::abp();
    let up = Up { f_opts: &[0x0d], ..Up::at(0) };
    let seconds = |bench: &mut Bench| {
        bench.hear(&up).unwrap();
        let down = bench.listen().unwrap();
        let [DownlinkMacCommand::DeviceTimeAns(answer)] = commands(&down)[..] else { panic!() };
        answer.seconds
    };
    let first = seconds(&mut bench);
    assert_eq!(seconds(&mut bench), first + 10);
}

#[test]
fn a_question_asked_twice_is_answered_once() {
    let mut bench = Bench::abp();
    bench.hear(&Up { f_opts: &[0x02, 0x0d, 0x02, 0x0d], ..Up::at(0) }).unwrap();
    assert_eq!(commands(&bench.listen().unwrap()).len(), 2);
}

#[test]
fn commands_on_port_0_count_as_well() {
    let mut bench = Bench::abp();
    bench.hear(&Up { f_port: Some(0), payload: &[0x0d], ..Up::at(0) }).unwrap();
    let down = bench.listen().unwrap();
    assert!(matches!(commands(&down)[..], [DownlinkMacCommand::DeviceTimeAns(_)]));
}

#[test]
fn what_stands_after_an_unknown_command_is_unread() {
    let mut bench = Bench::abp();
    let step = bench.hear(&Up { f_opts: &[0x02, 0x70, 0x0d], ..Up::at(0) }).unwrap();
    assert!(step.notes.contains(&Note::UnknownMacCommand { cid: 0x70 }));
    assert_eq!(commands(&bench.listen().unwrap()).len(), 1);
}

#[test]
fn commands_of_the_maker_are_passed_to_the_application_once() {
    let mut bench = Bench::abp();
    let up = Up { f_opts: &[0x02, 0x80, 0x0d, 0x01], ..Up::confirmed(0) };
    let passed = |step: &lns_core::Step| {
        let kinds = published(step).into_iter().cloned();
        let maker = kinds.filter(|kind| matches!(kind, EventKind::ProprietaryMac { .. }));
        maker.collect::<Vec<_>>()
    };
    let first = bench.hear(&up).unwrap();
    let commands = Box::from([0x80, 0x0d, 0x01]);
    assert_eq!(passed(&first), [EventKind::ProprietaryMac { f_cnt_up: FCntUp(0), commands }]);
    assert!(passed(&bench.hear(&up).unwrap()).is_empty(), "a repeat says nothing new");
    // What was before them is answered.
    assert_eq!(self::commands(&bench.listen().unwrap()).len(), 1);
}

#[test]
fn a_sticky_answer_is_stopped_with_an_empty_downlink() {
    let mut bench = Bench::abp();
    let step = bench.hear(&Up { f_opts: &[0x08], ..Up::at(0) }).unwrap();
    assert!(step.notes.contains(&Note::UnexpectedMacAnswer { cid: 0x08 }));
    let down = bench.listen().unwrap();
    assert!(commands(&down).is_empty());
}

#[test]
fn dev_status_is_asked_by_schedule_and_its_answer_published() {
    let interval = Some(TimeDelta::from_secs(3600));
    let profile = Profile { dev_status_interval: interval, ..eu868(MacVersion::V1_0_4) };
    let mut bench = Bench::new(profile, abp());
    let step = bench.hear(&Up::at(0)).unwrap();
    assert!(opening(&step).unwrap().something_to_say);
    assert_eq!(commands(&bench.listen().unwrap()), [DownlinkMacCommand::DevStatusReq]);

    let step = bench.hear(&Up { f_opts: &[0x06, 200, 0x3a], ..Up::at(1) }).unwrap();
    assert!(step.notes.contains(&Note::DevStatus { battery: 200, margin: -6 }));
    let event = uplink(&step).unwrap();
    assert_eq!((event.battery, event.margin), (Some(200), Some(-6)));
    assert!(bench.listen().is_none());

    bench.now += TimeDelta::from_secs(3595);
    let step = bench.hear(&Up::at(2)).unwrap();
    assert!(opening(&step).unwrap().something_to_say);
    assert_eq!(uplink(&step).unwrap().battery, Some(200));
}

#[test]
fn a_request_that_was_not_sent_is_no_try() {
    let interval = Some(TimeDelta::from_secs(3600));
    let profile = Profile { dev_status_interval: interval, ..eu868(MacVersion::V1_0_4) };
    let mut bench = Bench::new(profile, abp());
    for f_cnt in 0..10 {
        bench.hear(&Up::at(f_cnt)).unwrap();
        let down = bench.listen().expect("asked again each time");
        bench.outcome(down.plan.id, Fate::Expired);
    }
}

/// An ABP device in US915 that sends on sub-band 2, before anything was said.
fn us915(mac_version: MacVersion) -> Bench {
    let profile = Profile::new(Region::Us915, mac_version, RegParamsRevision::Rp001_1_0_2B);
    let mut bench = Bench::new(profile, abp());
    bench.network.sub_band = Some(2);
    bench.frequency = Frequency::from_hz(903_900_000);
    bench
}

fn with_adr(f_cnt: u32, f_opts: &'static [u8]) -> Up<'static> {
    Up { f_ctrl: FCtrlUp { adr: true, ..FCtrlUp::default() }, f_opts, ..Up::at(f_cnt) }
}

fn masks(down: &Down) -> Vec<(u8, u16)> {
    let requests = commands(down).into_iter().map(|command| match command {
        DownlinkMacCommand::LinkAdrReq(request) => (request.ch_mask_cntl, request.ch_mask),
        other => panic!("{other:?}"),
    });
    requests.collect()
}

#[test]
fn us915_channels_are_selected_as_the_device_judges() {
    let mut bench = us915(MacVersion::V1_0_2);
    bench.hear(&with_adr(0, &[])).unwrap();
    let down = bench.listen().unwrap();
    assert_eq!(masks(&down), [(7, 0x0002), (0, 0xff00)], "a block");
    assert_eq!(down.opened.f_opts.len(), 10);

    let mut bench = us915(MacVersion::V1_0_2);
    bench.hear(&Up::at(0)).unwrap();
    let down = bench.listen().unwrap();
    let (first, rest) = masks(&down).split_first().map(|(f, r)| (*f, r.to_vec())).unwrap();
    assert_eq!(first, (0, 0xff00), "the fullest first, so that two channels stay on");
    assert!([(4, 0x0002), (1, 0), (2, 0), (3, 0)].iter().all(|mask| rest.contains(mask)));
    assert_eq!(down.opened.f_port, Some(0), "25 bytes do not fit FOpts");
}

#[test]
fn the_block_keeps_data_rate_and_power() {
    for (version, expected) in [(MacVersion::V1_0_2, (3, 0)), (MacVersion::V1_0_4, (15, 15))] {
        let mut bench = us915(version);
        bench.hear(&with_adr(0, &[])).unwrap();
        for command in commands(&bench.listen().unwrap()) {
            let DownlinkMacCommand::LinkAdrReq(request) = command else { panic!() };
            assert_eq!((request.data_rate.value(), request.tx_power.value()), expected);
            assert_eq!(request.nb_trans, 1);
        }
    }
}

#[test]
fn an_accepted_block_is_durable_and_not_asked_again() {
    for answers in [&[0x03, 7][..], &[0x03, 7, 0x03, 7]] {
        let mut bench = us915(MacVersion::V1_0_2);
        bench.hear(&with_adr(0, &[])).unwrap();
        bench.listen().unwrap();
        let step = bench.hear(&Up { f_opts: answers, ..Up::at(1) }).unwrap();
        assert_eq!(step.durable, Durable::Record);
        assert_eq!(bench.device.session.as_ref().unwrap().current.ch_mask, ChMask::bank(1));
        assert!(!opening(&step).unwrap().something_to_say);
    }
}

#[test]
fn a_refused_block_is_not_asked_again_soon() {
    let mut bench = us915(MacVersion::V1_0_2);
    bench.hear(&with_adr(0, &[])).unwrap();
    bench.listen().unwrap();
    let step = bench.hear(&with_adr(1, &[0x03, 7, 0x03, 6])).unwrap();
    assert!(step.notes.contains(&Note::MacRequestRefused { cid: 0x03, status: 6 }));
    let asked: Vec<u32> = (2..100)
        .filter(|f_cnt| {
            bench.hear(&with_adr(*f_cnt, &[])).unwrap();
            bench.listen().is_some()
        })
        .collect();
    assert_eq!(asked[0], 65);
}

#[test]
fn an_answer_that_nobody_asked_for_changes_nothing() {
    let mut bench = us915(MacVersion::V1_0_2);
    let step = bench.hear(&with_adr(0, &[0x03, 7])).unwrap();
    assert!(step.notes.contains(&Note::UnexpectedMacAnswer { cid: 0x03 }));
    assert_eq!(bench.device.session.as_ref().unwrap().current.ch_mask, None);
}

#[test]
fn a_device_heard_outside_its_sub_band_is_told_again() {
    let mut bench = us915(MacVersion::V1_0_2);
    bench.device.session.as_mut().unwrap().current_mut().ch_mask = ChMask::bank(1);
    // Channel 0 lies in sub-band 1.
    bench.frequency = Frequency::from_hz(902_300_000);
    let bytes = bench.frame(&with_adr(0, &[]));
    let step = {
        let heard = bench.matched(&bytes).unwrap();
        assert_eq!(heard.channel, Some(0));
        bench.step(Event::Uplink(Box::new(heard)))
    };
    assert!(opening(&step).unwrap().something_to_say);
    assert_eq!(masks(&bench.listen().unwrap()).len(), 2);
}

#[test]
fn us915_windows_follow_the_uplinks_channel() {
    let mut bench = us915(MacVersion::V1_0_2);
    bench.device.session.as_mut().unwrap().current_mut().ch_mask = ChMask::bank(1);
    // Channel 9: RX1 on downlink channel 1, SF7 answered at SF7/500.
    bench.frequency = Frequency::from_hz(904_100_000);
    let step = bench.hear(&Up::at(0)).unwrap();
    let windows = &opening(&step).unwrap().windows;
    let seen: Vec<_> = windows
        .iter()
        .map(|w| (w.frequency.hz(), w.modulation.to_string(), w.max_phy_payload))
        .collect();
    assert_eq!(
        seen,
        [(923_900_000, "SF7BW500".to_owned(), 255), (923_300_000, "SF12BW500".to_owned(), 66),]
    );
}

#[test]
fn otaa_sessions_forget_what_was_asked_in_the_old_one() {
    let profile = Profile::new(Region::Us915, MacVersion::V1_0_2, RegParamsRevision::Rp001_1_0_2B);
    let activation: Activation = otaa();
    let mut bench = Bench::new(profile, activation);
    bench.network.sub_band = Some(2);
    bench.frequency = Frequency::from_hz(903_900_000);
    for dev_nonce in 1..4 {
        bench.join(dev_nonce);
        bench.hear(&with_adr(0, &[])).unwrap();
        assert_eq!(masks(&bench.listen().unwrap()).len(), 2);
    }
}
