//! Forwarders of their own, against the lanes: whatever is asked for and taken, the gateway's queue
//! refuses nothing that a lane has promised, and no two frames are on air together.
//!
//! The queue here is written after the reference forwarders' `jitqueue.c`, on a 32-bit counter, with
//! their comparisons and roundings; it shares no code with the lane.

mod radio_given;

use lns_core::event::{Offer, When};
use lns_core::radio::forwarder::ForwarderModel;
use lns_core::radio::lane::{Lane, LaneSettings, OfferName, airtime};
use lns_core::radio::place::Tie;
use lns_core::radio::plan::WindowPlan;
use lns_lorawan::{GpsTime, Modulation};
use proptest::prelude::*;
use radio_given::{
    SF7, SF12, START, at, bands, clock, copy, gateway, ms, path, ping, rx1, rx2, rxc, tmms,
};

/// One of Semtech's two just-in-time queues.
struct Jit {
    /// µs of the just-in-time loop: 30,000 or 40,000.
    loop_us: u32,
    sx1301: bool,
    queue: Vec<Node>,
}

struct Node {
    count_us: u32,
    pre: u32,
    post: u32,
    beacon: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Class {
    A,
    B,
}

#[derive(Debug, PartialEq)]
enum Verdict {
    Queued,
    TooLate,
    TooEarly,
    Full,
    Collision,
    Beacon,
}

impl Jit {
    fn new(model: ForwarderModel) -> Self {
        let sx1301 = model == ForwarderModel::Sx1301;
        Jit { loop_us: if sx1301 { 30_000 } else { 40_000 }, sx1301, queue: Vec::new() }
    }

    /// What is programmed has left the queue.
    fn run(&mut self, now: u32) {
        let loop_us = self.loop_us;
        self.queue.retain(|node| {
            let until = node.count_us.wrapping_sub(now);
            until >= loop_us && until < 0x8000_0000
        });
    }

    fn push(&mut self, now: u32, count_us: u32, (class, post): (Class, u32)) -> Verdict {
        self.run(now);
        let pre = 1_500 + self.loop_us;
        if self.queue.len() == 32 {
            return Verdict::Full;
        }
        let ahead = count_us.wrapping_sub(now);
        if ahead <= 1_500 + 1_000 + self.loop_us {
            return Verdict::TooLate;
        }
        if ahead > 4 * 128_000_000 {
            return Verdict::TooEarly;
        }
        for node in &self.queue {
            let their_pre = if class == Class::A && node.beacon { 1_500 } else { node.pre };
            let after = count_us.wrapping_sub(node.count_us) <= pre + node.post + 1_000;
            let before = node.count_us.wrapping_sub(count_us) <= their_pre + post + 1_000;
            if after || before {
                return if node.beacon { Verdict::Beacon } else { Verdict::Collision };
            }
        }
        self.queue.push(Node { count_us, pre, post, beacon: false });
        Verdict::Queued
    }

    fn push_beacon(&mut self, count_us: u32) {
        let pre = 1_500 + 3_000_000 + self.loop_us;
        self.queue.push(Node { count_us, pre, post: 2_120_000, beacon: true });
    }

    /// How long it takes a frame to be on air, µs: 125 kHz, coding rate 4/5, explicit header.
    fn post(&self, modulation: Modulation, size: usize) -> u32 {
        let factor = if modulation == SF7 { 7.0 } else { 12.0 };
        let symbol = f64::exp2(factor) / 125.0;
        let crc = if self.sx1301 { 16.0 } else { 0.0 };
        let low = if factor > 10.0 { 1.0 } else { 0.0 };
        let bits = 8.0 * size as f64 - 4.0 * factor + 28.0 + crc;
        let symbols = 12.25 + 8.0 + 5.0 * (bits.max(0.0) / (4.0 * (factor - 2.0 * low))).ceil();
        let millis = symbols * symbol;
        let millis = if self.sx1301 { millis.floor() } else { (millis + 0.5).floor() };
        millis as u32 * 1_000
    }
}

/// What happens to a gateway.
#[derive(Clone, Debug)]
enum Happens {
    /// A frame is heard, and an answer of so many bytes asked for, so late, in RX1 or RX2.
    Uplink { late: i64, rx2: bool, slow: bool, size: usize },
    /// Something is to be said to a class C device.
    Soon { size: usize, slow: bool },
    /// A ping slot in so many ms.
    Ping { ahead: i64, size: usize },
}

fn happens() -> impl Strategy<Value = (i64, Happens)> {
    let what = prop_oneof![
        5 => (0i64..900, any::<bool>(), any::<bool>(), 12usize..64)
            .prop_map(|(late, rx2, slow, size)| Happens::Uplink { late, rx2, slow, size }),
        3 => (12usize..64, any::<bool>()).prop_map(|(size, slow)| Happens::Soon { size, slow }),
        3 => (150i64..4_000, 12usize..64).prop_map(|(ahead, size)| Happens::Ping { ahead, size }),
    ];
    (1i64..400, what)
}

/// The gateway's counter at `millis`; the round trip takes nothing, so that every microsecond that a
/// lane wastes or lacks shows.
fn counter(millis: i64) -> u32 {
    copy(1, millis, 0, 0).tmst.0
}

struct Bench {
    lane: Lane,
    jit: Jit,
    model: ForwarderModel,
    now: i64,
    next: u64,
    /// Begin and end on air, µs of the counter since the start.
    on_air: Vec<(i64, i64)>,
}

impl Bench {
    fn new(lane: ForwarderModel, model: ForwarderModel, now: i64) -> Self {
        let settings = LaneSettings { forwarder: lane, beaconing: true, ..LaneSettings::default() };
        let mut lane = Lane::new(gateway(1), 1, settings, &bands());
        lane.observe_round_trip(ms(0));
        let mut jit = Jit::new(model);
        // As many beacons as forwarders keep queued, and on.
        let gps = GpsTime::from_timestamp(at(now)).unwrap().micros() as i64;
        let to_next = 128_000_000 - gps % 128_000_000;
        for beacon in 0..3 {
            let ahead = to_next + beacon * 128_000_000;
            jit.push_beacon(counter(now).wrapping_add(ahead as u32));
        }
        Bench { lane, jit, model, now, next: 0, on_air: Vec::new() }
    }

    fn ask(&mut self, tie: Tie<'_>, window: &WindowPlan) -> Option<Offer> {
        self.next += 1;
        let name = OfferName { id: self.next, ask: self.next };
        self.lane.set_clock(clock(1, self.now, Some(tmms(self.now))));
        self.lane.offer(at(self.now), name, tie, window).ok()
    }

    /// Takes what fits, hands it over, and says what the queue says.
    fn send(&mut self, offer: &Offer, size: usize) -> Option<Verdict> {
        if offer.max_phy_payload < size {
            self.lane.release(offer.id);
            return None;
        }
        assert!(self.lane.take(offer.id, size));
        let starts = match &offer.when {
            When::After { delay, .. } => {
                counter(self.now - self.late(offer)).wrapping_add(delay.micros() as u32)
            }
            When::Tmst(tmst) => tmst.0,
            When::Gps(moment) => {
                let ahead = moment.to_timestamp().since(at(self.now)).micros();
                counter(self.now).wrapping_add(ahead as u32)
            }
            When::Immediately => panic!("the lane has a clock"),
        };
        let class = if matches!(offer.when, When::Gps(_)) { Class::B } else { Class::A };
        let post = self.jit.post(offer.modulation, size);
        let verdict = self.jit.push(counter(self.now), starts, (class, post));
        let begins = at(self.now).since(START).micros()
            + i64::from(starts.wrapping_sub(counter(self.now)) as i32);
        self.on_air.push((begins, begins + airtime(offer.modulation, size).micros()));
        Some(verdict)
    }

    /// How long ago the uplink of an offer was, ms.
    fn late(&self, offer: &Offer) -> i64 {
        let When::After { delay, .. } = &offer.when else { return 0 };
        (at(self.now).since(offer.starts) + *delay).millis()
    }

    fn happen(&mut self, happens: &Happens) -> Option<Verdict> {
        match happens {
            Happens::Uplink { late, rx2: second, slow, size } => {
                let window = match (second, slow) {
                    (true, _) => rx2(),
                    (false, true) => rx1(SF12),
                    (false, false) => rx1(SF7),
                };
                let heard = copy(1, self.now - late, 0, 5);
                let offer = self.ask(Tie::Heard(&heard), &window)?;
                self.send(&offer, *size)
            }
            Happens::Soon { size, slow } => {
                let window = rxc(self.now);
                let modulation = if *slow { SF12 } else { SF7 };
                let window = WindowPlan { modulation, max_phy_payload: *size, ..window };
                let offer = self.ask(Tie::Known(&path(1, 5)), &window)?;
                self.send(&offer, *size)
            }
            Happens::Ping { ahead, size } => {
                let offer = self.ask(Tie::Known(&path(1, 5)), &ping(self.now + ahead))?;
                self.send(&offer, *size)
            }
        }
    }
}

/// Shortly before a beacon, and shortly before the counter wraps: 2³² µs after it was zero.
fn beginnings() -> impl Strategy<Value = i64> {
    let gps = GpsTime::from_timestamp(START).unwrap().micros() as i64 / 1000;
    let beacon = 128_000 - gps % 128_000;
    let wrap = i64::from(u32::MAX - counter(0)) / 1000;
    prop_oneof![0i64..100_000, (beacon - 9_000)..beacon, (wrap - 9_000)..wrap]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn what_a_lane_promises_no_forwarder_refuses(
        which in 0usize..4,
        begins in beginnings(),
        happenings in prop::collection::vec(happens(), 1..60),
    ) {
        let (lane, model) = [
            (ForwarderModel::Sx1301, ForwarderModel::Sx1301),
            (ForwarderModel::Sx1302, ForwarderModel::Sx1302),
            (ForwarderModel::Unknown, ForwarderModel::Sx1301),
            (ForwarderModel::Unknown, ForwarderModel::Sx1302),
        ][which];
        let mut bench = Bench::new(lane, model, begins);
        for (later, happens) in &happenings {
            bench.now += later;
            let verdict = bench.happen(happens);
            prop_assert!(
                matches!(verdict, None | Some(Verdict::Queued)),
                "{:?} at {}: {:?} on {:?}", verdict, bench.now, happens, bench.model
            );
        }
        bench.on_air.sort_unstable();
        for pair in bench.on_air.windows(2) {
            prop_assert!(pair[0].1 < pair[1].0, "two frames at once: {:?}", pair);
        }
    }
}

#[test]
fn a_queue_refuses_what_the_reference_refuses() {
    let mut jit = Jit::new(ForwarderModel::Sx1302);
    assert_eq!(jit.push(0, 42_500, (Class::A, 50_000)), Verdict::TooLate);
    assert_eq!(jit.push(0, 42_501, (Class::A, 50_000)), Verdict::Queued);
    assert_eq!(jit.push(0, 42_501 + 50_000 + 42_500, (Class::A, 50_000)), Verdict::Collision);
    assert_eq!(jit.push(0, 42_501 + 50_000 + 42_501, (Class::A, 50_000)), Verdict::Queued);
    assert_eq!(jit.push(1_000_000, 0, (Class::A, 50_000)), Verdict::TooEarly, "in the past");
    let mut jit = Jit::new(ForwarderModel::Sx1301);
    assert_eq!(jit.push(u32::MAX - 9_999, 22_501, (Class::A, 50_000)), Verdict::Queued, "it wraps");
    jit.push_beacon(10_000_000);
    assert_eq!(jit.push(0, 9_900_000, (Class::A, 97_500)), Verdict::Beacon);
    assert_eq!(jit.push(0, 9_900_000, (Class::A, 97_499)), Verdict::Queued);
    assert_eq!(jit.push(0, 6_900_000, (Class::B, 100_000)), Verdict::Beacon);
    // The first has been programmed; the beacon and one frame wait.
    for slot in 0..30 {
        assert_eq!(jit.push(0, 20_000_000 + slot * 100_000, (Class::A, 1_000)), Verdict::Queued);
    }
    assert_eq!(jit.push(0, 40_000_000, (Class::A, 1_000)), Verdict::Full);
}

#[test]
fn a_lane_wastes_next_to_nothing_of_a_known_forwarder() {
    for model in [ForwarderModel::Sx1301, ForwarderModel::Sx1302] {
        let settings = LaneSettings { forwarder: model, ..LaneSettings::default() };
        let mut lane = Lane::new(gateway(1), 1, settings, &bands());
        lane.observe_round_trip(ms(0));
        let mut ask = |id: u64, late: i64| {
            let heard = copy(1, late, 0, 0);
            let name = OfferName { id, ask: id };
            let offer = lane.offer(at(0), name, Tie::Heard(&heard), &rx1(SF7)).ok()?;
            lane.take(offer.id, 20).then_some(offer)
        };
        assert!(ask(1, 0).is_some());
        let jit = Jit::new(model);
        let least = (jit.post(SF7, 20) + 1_500 + 1_000 + jit.loop_us) as i64 / 1000;
        assert!(ask(2, least - 1).is_none(), "{model:?}");
        assert!(ask(3, least + 2).is_some(), "{model:?}");
    }
}
