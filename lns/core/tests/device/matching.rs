use lns_core::event::Freshness;
use lns_core::{Profile, Reject};
use lns_lorawan::{FCntUp, Frame, MacVersion, PhyPayload};
use proptest::prelude::*;

use crate::bench::*;

/// A device whose server has accepted these counters.
fn after(version: MacVersion, counters: impl IntoIterator<Item = u32>) -> Bench {
    let mut bench = Bench::new(eu868(version), abp());
    for f_cnt in counters {
        bench.hear(&Up::at(f_cnt)).unwrap();
    }
    bench
}

fn other(f_cnt: u32) -> Up<'static> {
    Up { payload: b"after the reset", ..Up::at(f_cnt) }
}

#[test]
fn every_verdict_on_a_counter() {
    use MacVersion::{V1_0_3, V1_0_4};
    let replayed = |got, last| Err(Reject::FCntReplayed { got, last });
    let reset = |got, last| Err(Reject::FCntReset { got, last });
    let gap = |got, last| Err(Reject::FCntGap { got, last });
    let cases = [
        ("the first frame may start anywhere", V1_0_4, 0..0, Up::at(40_000), Ok(Freshness::New)),
        ("the next one", V1_0_4, 0..6, Up::at(6), Ok(Freshness::New)),
        ("the same bytes", V1_0_4, 0..6, Up::at(5), Ok(Freshness::Repeat)),
        ("other bytes under the last counter", V1_0_4, 0..6, other(5), reset(5, 5)),
        ("an old frame again", V1_0_4, 0..6, Up::at(2), replayed(2, 5)),
        ("an early frame again, much later", V1_0_4, 0..100, Up::at(2), replayed(2, 99)),
        ("another frame under an early counter", V1_0_4, 0..100, other(0), reset(0, 99)),
        ("another frame under a late counter", V1_0_4, 0..100, other(90), reset(90, 99)),
        ("another frame under a forgotten counter", V1_0_4, 0..100, other(40), replayed(40, 99)),
        ("a jump within MAX_FCNT_GAP", V1_0_3, 0..6, Up::at(5 + 16_384), Ok(Freshness::New)),
        ("a jump beyond it", V1_0_3, 0..6, Up::at(6 + 16_384), gap(6 + 16_384, 5)),
        ("a jump beyond it in 1.0.4", V1_0_4, 0..6, Up::at(6 + 16_384), Ok(Freshness::New)),
        ("a jump of one roll-over", V1_0_4, 0..6, Up::at(4 + 65_536), Ok(Freshness::New)),
        ("a jump beyond that", V1_0_4, 0..6, Up::at(6 + 65_536), Err(Reject::MicMismatch)),
    ];
    for (what, version, accepted, up, expected) in cases {
        let mut bench = after(version, accepted);
        let bytes = bench.frame(&up);
        let verdict = bench.matched(&bytes).map(|heard| heard.freshness);
        assert_eq!(verdict, expected, "{what}");
    }
}

#[test]
fn a_device_that_counts_anew_is_noticed_even_when_its_old_frames_are_forgotten() {
    let mut bench = after(MacVersion::V1_0_4, [500, 501, 502]);
    let verdicts: Vec<_> = (0..4)
        .map(|f_cnt| {
            let bytes = bench.frame(&other(f_cnt));
            bench.matched(&bytes).unwrap_err()
        })
        .collect();
    assert_eq!(
        verdicts,
        [
            Reject::FCntReplayed { got: 0, last: 502 },
            Reject::FCntReplayed { got: 1, last: 502 },
            Reject::FCntReset { got: 2, last: 502 },
            Reject::FCntReset { got: 3, last: 502 },
        ]
    );
    bench.hear(&Up::at(503)).unwrap();
    assert_eq!(bench.device.behind, None, "a good frame ends the series");
}

#[test]
fn a_recording_played_back_in_order_is_no_reset() {
    let mut bench = after(MacVersion::V1_0_4, 0..20);
    for f_cnt in 4..20 {
        let bytes = bench.frame(&Up::at(f_cnt));
        let verdict = bench.matched(&bytes).map(|heard| heard.freshness);
        match f_cnt {
            19 => assert_eq!(verdict, Ok(Freshness::Repeat)),
            _ => assert_eq!(verdict, Err(Reject::FCntReplayed { got: f_cnt, last: 19 })),
        }
    }
}

#[test]
fn a_frame_from_before_the_roll_over_is_a_replay() {
    let mut bench = after(MacVersion::V1_0_4, [65_530, 65_531, 65_536, 65_537]);
    let bytes = bench.frame(&Up::at(65_531));
    let verdict = bench.matched(&bytes).unwrap_err();
    assert_eq!(verdict, Reject::FCntReplayed { got: 65_531, last: 65_537 });
}

#[test]
fn a_strangers_frame_is_a_mic_mismatch() {
    let mut bench = after(MacVersion::V1_0_4, 0..3);
    let mut bytes = bench.frame(&Up::at(3));
    *bytes.last_mut().unwrap() ^= 1;
    assert_eq!(bench.matched(&bytes).unwrap_err(), Reject::MicMismatch);
}

#[test]
fn the_last_counter_is_the_end() {
    let mut bench = Bench::abp();
    bench.device.session.as_mut().unwrap().f_cnt_up = Some(FCntUp(u32::MAX - 1));
    bench.hear(&Up::at(u32::MAX)).unwrap();
    let bytes = bench.frame(&Up::at(0));
    assert_eq!(bench.matched(&bytes).unwrap_err(), Reject::FCntExhausted);
}

#[test]
fn a_device_with_sixteen_bits_is_followed_over_its_roll_over_and_not_replayed() {
    let profile = Profile { f_cnt_16_bit: true, ..eu868(MacVersion::V1_0_2) };
    let mut bench = Bench::new(profile, abp());
    // The device signs the low half only.
    for f_cnt in [65_534, 65_535, 0, 1] {
        bench.hear(&Up::at(f_cnt)).unwrap();
    }
    assert_eq!(bench.device.session.as_ref().unwrap().f_cnt_up, Some(FCntUp(65_537)));
    let bytes = bench.frame(&Up::at(65_534));
    assert!(matches!(bench.matched(&bytes), Err(Reject::FCntReplayed { .. })));
}

#[test]
fn a_gateway_of_another_region_is_not_this_devices() {
    let mut bench = Bench::abp();
    let bytes = bench.frame(&Up::at(0));
    let mut profile = eu868(MacVersion::V1_0_4);
    profile.region = lns_lorawan::Region::Us915;
    let other = Bench::new(profile, abp());
    bench.device = other.device;
    let verdict = bench.matched_in(lns_lorawan::Region::Eu868, &bytes);
    assert_eq!(verdict.unwrap_err(), Reject::OtherRegion);
}

proptest! {
    #[test]
    fn a_device_is_followed_over_any_steps_below_a_roll_over(
        steps in prop::collection::vec(1u32..65_536, 1..40), start in 0u32..60_000
    ) {
        let mut bench = Bench::abp();
        let mut f_cnt = start;
        for step in steps {
            bench.hear(&Up::at(f_cnt)).unwrap();
            prop_assert_eq!(bench.device.session.as_ref().unwrap().f_cnt_up, Some(FCntUp(f_cnt)));
            f_cnt += step;
        }
    }

    #[test]
    fn any_damage_to_a_frame_is_refused(bit in 0usize..(17 * 8), f_cnt in 0u32..1000) {
        let mut bench = Bench::abp();
        bench.hear(&Up::at(f_cnt)).unwrap();
        let mut bytes = bench.frame(&Up::at(f_cnt + 1));
        // Not MHDR, whose three reserved bits are ignored but signed.
        let place = 1 + bit / 8;
        bytes[place] ^= 1 << (bit % 8);
        let opened = match PhyPayload::parse(&bytes) {
            Ok(Frame::Up(_)) => bench.matched(&bytes).is_ok(),
            Ok(_) | Err(_) => false,
        };
        prop_assert!(!opened);
    }
}
