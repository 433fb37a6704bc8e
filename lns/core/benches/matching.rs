//! What matching costs among a thousand sessions of one address: a hit in fleets that count at
//! random and in step, and a miss with its explanation. Means by criterion; before them the
//! percentiles of 20,000 frames, with the processor's caches as they come and swept clean.
#![expect(clippy::disallowed_methods, reason = "a benchmark is about the clock")]

use std::hint::black_box;
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use lns_core::adr::Policy;
use lns_core::device::matching::{Match, Matcher, OnAir, Row, digest};
use lns_core::event::Under;
use lns_core::{Activation, Description, Device, Profile};
use lns_lorawan::{
    AppSKey, DataRateIndex, DataUp, DevAddr, DevEui, FCntUp, FCtrlUp, Frame, Frequency, MacVersion,
    NwkSKey, PhyPayload, RegParamsRevision, Region, SessionKeys, TimeDelta, Timestamp, Uplink11Ctx,
};

const SESSIONS: u64 = 1_000;
const FRAMES: u64 = 20_000;
const DEV_ADDR: DevAddr = DevAddr::new(0xfe00_0081);

/// A thousand devices, and frames of theirs.
struct Crowd {
    devices: Vec<Device>,
    rows: Vec<(u32, Row)>,
    frames: Vec<Vec<u8>>,
    matcher: Matcher,
    now: Timestamp,
}

/// A number that looks drawn.
fn mixed(n: u64) -> u64 {
    digest(&n.to_le_bytes())
}

fn session(n: u64, last: u32) -> Device {
    let mut key = [3; 16];
    key[..8].copy_from_slice(&mixed(n).to_le_bytes());
    let keys = SessionKeys::v1_0(&NwkSKey::from_bytes(key), AppSKey::from_bytes([2; 16]));
    let about = Description {
        dev_eui: DevEui::new(n),
        name: String::new(),
        activation: Activation::Abp { dev_addr: DEV_ADDR, keys, f_cnt_start: FCntUp(0) },
        profile: std::sync::Arc::new(Profile::new(
            Region::Eu868,
            MacVersion::V1_0_4,
            RegParamsRevision::Rp002_1_0_5,
        )),
        adr: Policy::default(),
    };
    let mut device = Device::new(std::sync::Arc::new(about));
    if let Some(session) = &mut device.session {
        let data_rate = if mixed(n + 7) % 10 < 6 { 5 } else { 3 };
        session.current_mut().data_rate = DataRateIndex::new(data_rate);
        session.advance(FCntUp(last), n);
    }
    device
}

impl Crowd {
    /// Each frame is the next of a device drawn, or one after it; `forged`: signed by nobody.
    fn new(last: impl Fn(u64) -> u32, forged: bool) -> Self {
        let devices: Vec<Device> = (0..SESSIONS).map(|n| session(n, last(n))).collect();
        let frames = (0..FRAMES).map(|k| {
            let drawn = mixed(k + 1_000_000);
            let n = drawn % SESSIONS;
            let session = devices[n as usize].session.as_ref().expect("personalized");
            let up = DataUp {
                confirmed: false,
                dev_addr: DEV_ADDR,
                f_ctrl: FCtrlUp::default(),
                f_cnt_up: FCntUp(last(n) + 1 + u32::from(drawn >> 60 == 0)),
                f_opts: &[],
                f_port: Some(1),
                frm_payload: &k.to_le_bytes().repeat(2),
            };
            let keys = session.keys.schedules();
            let mut bytes = up.build(&keys, Uplink11Ctx::default()).expect("sixteen bytes fit");
            if forged && let Some(byte) = bytes.last_mut() {
                *byte ^= 0x5a;
            }
            bytes
        });
        let row = |(n, device)| Some((n, Row::of(device, Under::Current)?));
        Crowd {
            frames: frames.collect(),
            rows: (0..).zip(&devices).filter_map(row).collect(),
            devices,
            matcher: Matcher::new(16_384, 512),
            now: Timestamp::from_secs(1_700_000_000),
        }
    }

    /// Whether a session verifies the frame.
    fn hear(&mut self, k: usize) -> bool {
        // So late that the budget of misses is full again.
        self.now += TimeDelta::from_secs(10);
        let bytes = &self.frames[k % self.frames.len()];
        let Ok(Frame::Up(sealed)) = PhyPayload::parse(black_box(bytes)) else { return false };
        let on_air = OnAir {
            now: self.now,
            digest: digest(bytes),
            region: Region::Eu868,
            modulation: "SF7BW125".parse().expect("a modulation"),
            frequency: Frequency::from_hz(868_100_000),
        };
        let devices = &self.devices;
        let found = |n: u32| devices.get(n as usize);
        matches!(self.matcher.match_uplink(&sealed, &on_air, &self.rows, found), Match::Verified(_))
    }

    /// p50, p99 and the worst of many frames in µs; `cold`: other memory is used between them.
    fn percentiles(&mut self, frames: usize, cold: bool) -> [f64; 3] {
        let mut elsewhere = vec![1u64; if cold { 8 << 20 } else { 0 }];
        let mut took: Vec<f64> = (0..frames)
            .map(|k| {
                elsewhere.iter_mut().step_by(8).for_each(|word| *word = word.wrapping_mul(3));
                let started = Instant::now();
                black_box(self.hear(k));
                started.elapsed().as_secs_f64() * 1e6
            })
            .collect();
        took.sort_by(f64::total_cmp);
        [took[frames / 2], took[frames * 99 / 100], took[frames - 1]]
    }
}

fn matching(criterion: &mut Criterion) {
    let random = |n: u64| (mixed(n + 500_000) % 60_000) as u32;
    let in_step = |n: u64| 5_000 + (mixed(n + 600_000) % 20) as u32;
    let cases: [(&str, Crowd, bool); 3] = [
        ("hit, counters at random", Crowd::new(random, false), true),
        ("hit, counters in step", Crowd::new(in_step, false), true),
        ("miss", Crowd::new(random, true), false),
    ];
    for (what, mut crowd, hit) in cases {
        for k in 0..1_000 {
            assert_eq!(crowd.hear(k), hit, "{what}, frame {k}");
        }
        let [p50, p99, worst] = crowd.percentiles(FRAMES as usize, false);
        println!("{what}: p50 {p50:.1} µs, p99 {p99:.1} µs, worst {worst:.0} µs");
        let [p50, p99, worst] = crowd.percentiles(500, true);
        println!("{what}, caches swept: p50 {p50:.1} µs, p99 {p99:.1} µs, worst {worst:.0} µs");
        let mut k = 0;
        criterion.bench_function(&format!("1,000 sessions: {what}"), |bencher| {
            bencher.iter(|| {
                k += 1;
                crowd.hear(k)
            });
        });
    }
}

criterion_group!(benches, matching);
criterion_main!(benches);
