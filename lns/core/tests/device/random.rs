//! Any events in any order: `step` answers, and what must never happen does not.

use std::collections::HashSet;
use std::sync::Arc;

use lns_core::class::beacon::is_kept_free;
use lns_core::effect::{Durable, Opening, Reach, Stage};
use lns_core::event::{Fate, Outcome, Purpose};
use lns_core::radio::plan::Start;
use lns_core::{Command, Event, EventKind, Occasion, Profile};
use lns_lorawan::{FCtrlUp, MacVersion, TimeDelta, Timestamp, Window};
use proptest::prelude::*;

use crate::bench::*;

/// Something that may happen.
#[derive(Clone, Debug)]
enum Happens {
    Uplink { ahead: u32, confirmed: bool, flags: u8, f_opts: Vec<u8>, f_port: Option<u8> },
    Repeat,
    Join { dev_nonce: u16 },
    UseNewSession,
    Offer { rx1: usize, rx2: usize },
    OfferJoin { size: usize },
    Passed,
    Outcome { of_last: bool, fate: u8 },
    Enqueue { id: u64, confirmed: bool, size: usize, expires: Option<i64> },
    Drop { id: u64 },
    Clear,
    Wake { size: usize },
    OfferOfBefore { size: usize },
    ClassC(bool),
    Pace { tenths: i64 },
    Wait { seconds: i64 },
    Crash,
}

fn happens() -> impl Strategy<Value = Happens> {
    use Happens::{
        ClassC, Clear, Crash, Drop, Enqueue, Join, Offer, OfferJoin, OfferOfBefore, Outcome, Pace,
        Passed, Repeat, Uplink, UseNewSession, Wait, Wake,
    };
    let f_opts = prop_oneof![
        3 => Just(vec![]),
        1 => prop::collection::vec(any::<u8>(), 0..15),
        1 => prop::sample::subsequence(vec![2u8, 0x0d, 0x03, 7, 0x06, 1, 2], 0..7),
    ];
    let up = (0u32..4, any::<bool>(), any::<u8>(), f_opts, prop::option::of(any::<u8>()));
    prop_oneof![
        6 => up.prop_map(|(ahead, confirmed, flags, f_opts, f_port)| {
            Uplink { ahead, confirmed, flags, f_opts, f_port }
        }),
        2 => Just(Repeat),
        1 => (0u16..20).prop_map(|dev_nonce| Join { dev_nonce }),
        1 => Just(UseNewSession),
        5 => (0usize..70, 0usize..70).prop_map(|(rx1, rx2)| Offer { rx1, rx2 }),
        1 => (0usize..40).prop_map(|size| OfferJoin { size }),
        1 => Just(Passed),
        4 => (any::<bool>(), 0u8..4).prop_map(|(of_last, fate)| Outcome { of_last, fate }),
        3 => (0u64..6, any::<bool>(), 0usize..60, prop::option::of(0i64..100)).prop_map(
            |(id, confirmed, size, expires)| Enqueue { id, confirmed, size, expires }
        ),
        1 => (0u64..6).prop_map(|id| Drop { id }),
        1 => Just(Clear),
        4 => (0usize..70).prop_map(|size| Wake { size }),
        1 => (0usize..70).prop_map(|size| OfferOfBefore { size }),
        1 => any::<bool>().prop_map(ClassC),
        1 => (0i64..100).prop_map(|tenths| Pace { tenths }),
        1 => (0i64..60).prop_map(|seconds| Wait { seconds }),
        1 => Just(Crash),
    ]
}

/// Counter, whether confirmed, flags, FOpts, FPort.
type Sent = (u32, bool, u8, Vec<u8>, Option<u8>);

/// A device and what an onlooker has seen of it.
struct Onlooker {
    bench: Bench,
    /// What a crash leaves.
    record: Vec<u8>,
    f_cnt: u32,
    last: Option<Sent>,
    plan: u64,
    new_session: Option<(lns_lorawan::SessionKeys, lns_lorawan::DevAddr)>,
    /// Every downlink counter that left, by address.
    used: HashSet<(lns_lorawan::DevAddr, u32)>,
    join_nonces: HashSet<u32>,
    delivered: HashSet<(lns_lorawan::DevAddr, u32)>,
    /// What was last opened in class B or C.
    opened: Option<Opening>,
    /// The frame whose outcome is open: its purpose, and when it has left the air.
    in_flight: Option<(Purpose, Timestamp)>,
}

impl Onlooker {
    fn new() -> Self {
        let profile = Profile { supports_class_b: true, ..eu868(MacVersion::V1_0_3) };
        let mut bench = Bench::new(profile, otaa());
        bench.join(1000);
        bench.hear(&Up::at(0)).unwrap();
        let record = bench.record();
        Onlooker {
            bench,
            record,
            f_cnt: 0,
            last: None,
            plan: 0,
            new_session: None,
            used: HashSet::new(),
            join_nonces: HashSet::new(),
            delivered: HashSet::new(),
            opened: None,
            in_flight: None,
        }
    }

    fn see(&mut self, step: &lns_core::Step) {
        if step.durable >= Durable::Record {
            self.record = self.bench.record();
        }
        for kind in published(step) {
            match kind {
                EventKind::Uplink(up) => {
                    assert!(self.delivered.insert((up.dev_addr, up.f_cnt_up.0)), "delivered twice");
                }
                EventKind::Downlink { stage: Stage::Acked { .. }, .. }
                | EventKind::Downlink { .. }
                | EventKind::Joined { .. }
                | EventKind::Counters { .. }
                | EventKind::Relayed(_)
                | EventKind::ProprietaryMac { .. } => {}
            }
        }
        self.opened = opening(step).cloned().or(self.opened.take());
        let Some(plan) = transmitted(step) else { return };
        self.plan = plan.id;
        let flight = self.bench.device.in_flight.clone().expect("it is remembered");
        let before = self.in_flight.replace((flight.purpose, flight.ends));
        if let Some((Purpose::ClassB | Purpose::ClassC, ends)) = before {
            let starts = plan.offers.iter().map(|offer| offer.starts).min();
            assert!(starts >= Some(ends), "two downlinks in flight");
        }
        assert!(!plan.offers.is_empty());
        for offer in &plan.offers {
            assert!(plan.phy_payload.len() <= offer.max_phy_payload, "too long for its window");
        }
        match plan.f_cnt_down {
            Some(f_cnt_down) => {
                let dev_addr = self.bench.device.session.as_ref().unwrap().dev_addr;
                assert!(self.used.insert((dev_addr, f_cnt_down.0)), "{f_cnt_down} used twice");
            }
            None => self.take_join(step),
        }
    }

    fn take_join(&mut self, step: &lns_core::Step) {
        let old = (self.bench.keys.clone(), self.bench.dev_addr);
        let dev_nonce = self.bench.device.last_dev_nonce.unwrap().0;
        let fields = self.bench.take_accept(step, dev_nonce);
        assert!(self.join_nonces.insert(fields.join_nonce.value()), "JoinNonce used twice");
        self.new_session = self.bench.keys.clone().zip(Some(self.bench.dev_addr));
        (self.bench.keys, self.bench.dev_addr) = old;
    }

    fn send(&mut self, sent: &Sent) {
        let (f_cnt, confirmed, flags, f_opts, f_port) = sent;
        let f_ctrl = FCtrlUp {
            adr: flags & 1 != 0,
            adr_ack_req: flags & 2 != 0,
            ack: flags & 4 != 0,
            class_b: flags & 8 != 0,
        };
        let f_opts: &[u8] = if *f_port == Some(0) { &[] } else { f_opts };
        let payload: &[u8] = if f_port.is_some() { &[2, 0x0d] } else { &[] };
        let up =
            Up { f_cnt: *f_cnt, confirmed: *confirmed, f_ctrl, f_opts, f_port: *f_port, payload };
        if let Ok(step) = self.bench.hear(&up) {
            self.see(&step);
        }
    }

    fn let_happen(&mut self, event: Happens) {
        let step = match event {
            Happens::Uplink { ahead, confirmed, flags, f_opts, f_port } => {
                self.f_cnt += ahead;
                let sent = (self.f_cnt, confirmed, flags, f_opts, f_port);
                self.send(&sent);
                self.last = Some(sent);
                return;
            }
            Happens::Repeat => {
                if let Some(sent) = self.last.clone() {
                    self.send(&sent);
                }
                return;
            }
            Happens::UseNewSession => {
                if let Some((keys, dev_addr)) = self.new_session.take() {
                    (self.bench.keys, self.bench.dev_addr) = (Some(keys), dev_addr);
                    (self.f_cnt, self.last) = (0, None);
                }
                return;
            }
            Happens::Pace { tenths } => {
                self.bench.pace = TimeDelta::from_millis(tenths * 100);
                return;
            }
            Happens::Wait { seconds } => {
                self.bench.now += TimeDelta::from_secs(seconds);
                return;
            }
            Happens::Crash => {
                let record = self.record.clone();
                self.bench.crash(&record);
                self.in_flight = None;
                return;
            }
            Happens::Join { dev_nonce } => self.bench.ask_to_join(dev_nonce),
            Happens::OfferJoin { size } => self.bench.offer_join(&[size]),
            Happens::Offer { rx1, rx2 } => self.bench.offer(rx1, rx2),
            Happens::Passed => self.bench.step(Event::OccasionPassed),
            Happens::Outcome { of_last, fate } => {
                let fates =
                    [Fate::Accepted, Fate::Refused("no".into()), Fate::Unknown, Fate::Expired];
                let plan = if of_last { self.plan } else { 77 };
                let step = self.bench.outcome(plan, fates[usize::from(fate)].clone());
                if self.bench.device.in_flight.is_none() {
                    self.in_flight = None;
                }
                step
            }
            Happens::Enqueue { id, confirmed, size, expires } => {
                let mut item = self.bench.item(id, confirmed, &vec![1; size]);
                item.expires_at = expires.map(|s| self.bench.now + TimeDelta::from_secs(s));
                self.bench.step(Event::Command(Command::Enqueue(item)))
            }
            Happens::Drop { id } => self.bench.step(Event::Command(Command::Drop(id))),
            Happens::Clear => self.bench.step(Event::Command(Command::Clear)),
            Happens::Wake { size } => {
                self.wake(size);
                return;
            }
            Happens::OfferOfBefore { size } => match self.opened.clone() {
                Some(opening) if matches!(opening.reach, Reach::Known(_)) => {
                    self.bench.offer_in(&opening, size)
                }
                Some(_) | None => return,
            },
            Happens::ClassC(supports) => {
                let mut about = (*self.bench.device.about).clone();
                Arc::make_mut(&mut about.profile).supports_class_c = supports;
                self.bench.step(Event::Command(Command::Describe(Arc::new(about))))
            }
        };
        self.see(&step);
    }

    /// The next deadline comes, and what is opened then gets an offer.
    fn wake(&mut self, size: usize) {
        let next = self.bench.device.next_wake();
        self.bench.now = self.bench.now.max(next.unwrap_or(self.bench.now));
        let step = self.bench.step(Event::Wake);
        self.see(&step);
        let busy = self.bench.device.awaiting.is_some() || self.bench.device.in_flight.is_some();
        let again = self.bench.device.next_wake();
        let forever = again.is_some_and(|at| at <= self.bench.now) && !busy;
        assert!(!forever, "it would wake for ever: {:?}", self.bench.device);
        if let Some(open) = opening(&step) {
            for window in &open.windows {
                if let Start::At(moment) = window.start {
                    assert!(!is_kept_free(moment), "in the beacon's time");
                }
            }
            let step = self.bench.offer_in(open, size);
            self.see(&step);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn no_counter_or_nonce_is_used_twice_whatever_happens(
        events in prop::collection::vec(happens(), 1..120)
    ) {
        let mut onlooker = Onlooker::new();
        for event in events {
            onlooker.let_happen(event);
        }
    }

    #[test]
    fn a_record_survives_its_own_reading(
        events in prop::collection::vec(happens(), 1..60)
    ) {
        let mut onlooker = Onlooker::new();
        for event in events {
            onlooker.let_happen(event);
        }
        let once = onlooker.bench.record();
        onlooker.bench.crash(&once);
        prop_assert_eq!(onlooker.bench.record(), once);
    }

    #[test]
    fn any_bytes_for_a_record_are_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let about = Bench::abp().device.about;
        let _ = lns_core::record::decode(&[&[1][..], &bytes].concat(), about, Vec::new());
    }
}

#[test]
fn an_occasion_that_nobody_opened_is_nothing() {
    let mut bench = Bench::abp();
    for purpose in [Purpose::ClassA, Purpose::JoinAccept, Purpose::ClassB, Purpose::ClassC] {
        let offers = vec![bench.an_offer(1, Window::Rx1, 64)];
        let step = bench.step(Event::Occasion(Occasion { purpose, offers, shortage: None }));
        assert!(step.effects.is_empty() && step.notes.is_empty());
    }
    let outcome = Outcome {
        plan: 1,
        fate: Fate::Accepted,
        gateway: None,
        window: None,
        margin: None,
        starts: None,
        modulation: None,
        lead_us: None,
    };
    assert!(bench.step(Event::Outcome(outcome)).effects.is_empty());
}
