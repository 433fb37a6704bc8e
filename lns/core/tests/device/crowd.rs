//! A thousand sessions under one address.

use std::sync::Arc;

use lns_core::device::matching::{Match, Matcher, NEAREST, OnAir, Row, digest};
use lns_core::event::Under;
use lns_core::{Activation, Device, Reject};
use lns_lorawan::{
    AppSKey, DataUp, FCntUp, FCtrlUp, Frame, MacVersion, NwkSKey, PhyPayload, Region, SessionKeys,
    TimeDelta, Timestamp, Uplink11Ctx,
};

use crate::bench::*;

struct Crowd {
    devices: Vec<Device>,
    rows: Vec<(usize, Row)>,
    matcher: Matcher,
    now: Timestamp,
}

impl Crowd {
    /// So many sessions, the last accepted counters by their numbers.
    fn new(sessions: usize, last: impl Fn(usize) -> u32) -> Self {
        let devices: Vec<Device> = (0..sessions)
            .map(|n| {
                let mut key = [1; 16];
                key[..8].copy_from_slice(&digest(&n.to_le_bytes()).to_le_bytes());
                let keys =
                    SessionKeys::v1_0(&NwkSKey::from_bytes(key), AppSKey::from_bytes([2; 16]));
                let activation =
                    Activation::Abp { dev_addr: DEV_ADDR, keys, f_cnt_start: FCntUp(0) };
                let mut device = Bench::new(eu868(MacVersion::V1_0_4), activation).device;
                device.session.as_mut().unwrap().advance(FCntUp(last(n)), n as u64);
                device
            })
            .collect();
        let row = |(n, device)| (n, Row::of(device, Under::Current).unwrap());
        Crowd {
            rows: devices.iter().enumerate().map(row).collect(),
            devices,
            matcher: Matcher::new(4_096, 1_024),
            now: Timestamp::from_secs(1_700_000_000),
        }
    }

    fn frame(&self, n: usize, f_cnt: u32) -> Vec<u8> {
        let up = DataUp {
            confirmed: false,
            dev_addr: DEV_ADDR,
            f_ctrl: FCtrlUp::default(),
            f_cnt_up: FCntUp(f_cnt),
            f_opts: &[],
            f_port: Some(1),
            frm_payload: b"twenty bytes of them",
        };
        let keys = self.devices[n].session.as_ref().unwrap().keys.schedules();
        up.build(&keys, Uplink11Ctx::default()).unwrap()
    }

    fn forged(&self, f_cnt: u32) -> Vec<u8> {
        let mut bytes = self.frame(0, f_cnt);
        *bytes.last_mut().unwrap() ^= 0x55;
        bytes
    }

    fn hear(&mut self, bytes: &[u8]) -> Result<usize, Reject> {
        let Frame::Up(sealed) = PhyPayload::parse(bytes).unwrap() else { panic!("no uplink") };
        let on_air = OnAir {
            now: self.now,
            digest: digest(bytes),
            region: Region::Eu868,
            modulation: "SF7BW125".parse().unwrap(),
            frequency: lns_lorawan::Frequency::from_hz(868_100_000),
        };
        let Crowd { devices, rows, matcher, .. } = self;
        match matcher.match_uplink(&sealed, &on_air, rows, |n| devices.get(n)) {
            Match::Verified(verified) => Ok(verified.key),
            Match::Refused { reject, .. } => Err(reject),
        }
    }
}

#[test]
fn the_mic_finds_the_right_one_wherever_its_counter_stands() {
    let last = |n: usize| (n as u32 * 7_919) % 60_000;
    let mut crowd = Crowd::new(1_000, last);
    for n in [0, 1, 37, 499, 998, 999] {
        for ahead in [1, 2, 300, 20_000, 65_535] {
            let bytes = crowd.frame(n, last(n) + ahead);
            assert_eq!(crowd.hear(&bytes), Ok(n), "{n}, {ahead} ahead");
        }
    }
}

#[test]
fn in_a_fleet_that_counts_in_step_all_are_found() {
    let mut crowd = Crowd::new(300, |_| 500);
    for n in 0..300 {
        let bytes = crowd.frame(n, 501);
        assert_eq!(crowd.hear(&bytes), Ok(n));
    }
}

#[test]
fn among_many_a_replay_is_told_from_a_stranger() {
    let mut crowd = Crowd::new(1_000, |n| 1_000 + n as u32);
    let bytes = crowd.frame(700, 900);
    let last = 1_700;
    assert_eq!(crowd.hear(&bytes), Err(Reject::FCntReplayed { got: 900, last }));
    let bytes = crowd.forged(900);
    assert_eq!(crowd.hear(&bytes), Err(Reject::MicMismatch));
}

#[test]
fn a_flood_of_forged_frames_is_cut_short_and_does_not_silence_a_device_that_keeps_counting() {
    let mut crowd = Crowd::new(1_000, |n| n as u32 * 60);
    let flood = (0..1_000u32).map(|f_cnt| crowd.forged(f_cnt * 60 + 1)).collect::<Vec<_>>();
    let verdicts: Vec<_> = flood.iter().map(|bytes| crowd.hear(bytes).unwrap_err()).collect();
    let looked_into = verdicts.iter().filter(|reject| **reject == Reject::MicMismatch).count();
    assert!((10..=20).contains(&looked_into), "{looked_into}");
    assert_eq!(verdicts[999], Reject::AddressFlooded);
    // Every one of them is heard, the next frame and one after a gap.
    for n in 0..1_000 {
        for ahead in [1, 17] {
            let bytes = crowd.frame(n, n as u32 * 60 + ahead);
            assert_eq!(crowd.hear(&bytes), Ok(n), "{n}, {ahead} ahead");
        }
    }
    // One whose counter is far ahead is not near enough, until the flood has been over for a moment.
    let far = crowd.frame(0, (NEAREST as u32 + 10) * 60);
    assert_eq!(crowd.hear(&far), Err(Reject::AddressFlooded));
    crowd.now += TimeDelta::from_secs(1);
    assert_eq!(crowd.hear(&far), Ok(0));
}

#[test]
fn a_device_of_its_own_address_is_heard_through_any_flood() {
    let mut crowd = Crowd::new(1, |_| 5);
    for f_cnt in 0..30_000 {
        let bytes = crowd.forged(f_cnt);
        crowd.hear(&bytes).unwrap_err();
    }
    let bytes = crowd.forged(9);
    assert_eq!(crowd.hear(&bytes), Err(Reject::AddressFlooded));
    for f_cnt in [6, 40_000] {
        let bytes = crowd.frame(0, f_cnt);
        assert_eq!(crowd.hear(&bytes), Ok(0));
    }
}

#[test]
fn the_row_follows_its_device() {
    let mut bench = Bench::abp();
    let before = Row::of(&bench.device, Under::Current).unwrap();
    bench.hear(&Up::at(4)).unwrap();
    let after = Row::of(&bench.device, Under::Current).unwrap();
    assert_ne!(before, after);
    assert_eq!(Row::of(&bench.device, Under::Pending), None);
    assert_eq!(Arc::strong_count(&bench.device.about), 1);
}
