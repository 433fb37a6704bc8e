//! The duty cycle across restarts: given what was promised and written down, when the server dies and
//! comes back, then no sub-band is overdrawn in any hour.

mod radio_given;

use std::collections::HashMap;

use lns_core::effect::{Opening, Reach, TxPlan};
use lns_core::event::{Fate, Purpose};
use lns_core::radio::duty::{DutyLedger, HOUR, allowance};
use lns_core::radio::lane::{LaneSettings, airtime};
use lns_core::radio::lanes::{AskId, LaneOutput, Lanes, PlanName, TxAnswer};
use lns_lorawan::region::SubBand;
use lns_lorawan::{DevEui, FCntDown, GatewayEui, Region, TimeDelta, Timestamp};
use proptest::prelude::*;
use radio_given::{SF7, START, at, bands, copy, gateway, ms, rx1, rx2};

fn left(ledger: &mut DutyLedger, now: i64) -> [TimeDelta; 2] {
    [rx1(SF7), rx2()].map(|window| ledger.left(at(now), window.frequency).unwrap())
}

#[test]
fn what_was_used_is_known_after_a_restart() {
    let mut before = DutyLedger::new(&bands());
    before.promise(1, rx1(SF7).frequency, (at(1_000), ms(400)));
    before.promise(2, rx2().frequency, (at(400_000), ms(2_000)));
    let bytes = before.write(at(400_000), true);
    let mut after = DutyLedger::new(&bands());
    assert!(after.read(at(401_000), &bytes));
    assert_eq!(left(&mut after, 401_000), left(&mut before, 401_000));
    // It forgets no sooner than it should, and at most five minutes later.
    let all = bands().map(|band| allowance(&band));
    assert_eq!(left(&mut after, 3_600_999)[0], all[0] - ms(400));
    assert_eq!(left(&mut after, 3_600_000 + 1_000 + 300_000)[0], all[0]);
}

#[test]
fn a_run_that_did_not_end_in_order_may_have_sent_more() {
    let mut before = DutyLedger::new(&bands());
    before.promise(1, rx1(SF7).frequency, (at(1_000), ms(400)));
    let bytes = before.write(at(2_000), false);
    let mut after = DutyLedger::new(&bands());
    assert!(after.read(at(3_000), &bytes));
    let [rx1_left, rx2_left] = left(&mut after, 3_000);
    // 36 s and 360 s an hour.
    assert_eq!(rx1_left, ms(36_000 - 400 - 360 - 5_000));
    assert_eq!(rx2_left, ms(360_000 - 3_600 - 5_000));
}

#[test]
fn a_hundredth_of_the_allowance_is_written_at_once() {
    let mut ledger = DutyLedger::new(&bands());
    ledger.promise(1, rx1(SF7).frequency, (at(1_000), ms(360)));
    assert!(!ledger.must_be_written());
    ledger.promise(2, rx1(SF7).frequency, (at(2_000), ms(1)));
    assert!(ledger.must_be_written());
    ledger.write(at(2_000), false);
    assert!(!ledger.must_be_written());
}

#[test]
fn bytes_that_are_no_ledger_are_not_read() {
    let mut ledger = DutyLedger::new(&bands());
    ledger.promise(1, rx1(SF7).frequency, (at(1_000), ms(400)));
    let good = ledger.write(at(2_000), false);
    let untouched = left(&mut DutyLedger::new(&bands()), 2_000);
    let cut = (0..good.len()).map(|end| good[..end].to_vec());
    for bytes in cut.chain([vec![2, 0], vec![1, 2], vec![1, 0, 9], [&good[..], &[0]].concat()]) {
        let mut other = DutyLedger::new(&bands());
        let read = other.read(at(3_000), &bytes);
        // The two bytes in front, alone, are a ledger without bands.
        assert!(!read || bytes.len() == 2 || bytes.len() == 2 + 5 + 12, "{bytes:?}");
        if !read {
            assert_eq!(left(&mut other, 2_000), untouched);
        }
    }
}

/// What happens next to one gateway and its server.
#[derive(Clone, Copy, Debug)]
enum Happens {
    /// An uplink is answered with so many bytes.
    Uplink(usize),
    /// The server dies, having written what it had to, and comes back.
    Crash,
    /// It stops in order and comes back.
    Restart,
}

fn happens() -> impl Strategy<Value = (i64, Happens)> {
    let what = prop_oneof![
        30 => (12usize..60).prop_map(Happens::Uplink),
        1 => Just(Happens::Crash),
        1 => Just(Happens::Restart),
    ];
    (2_000i64..40_000, what)
}

struct Server {
    lanes: Lanes,
    disk: HashMap<GatewayEui, Vec<u8>>,
    writes: usize,
    sent: Vec<(SubBand, Timestamp, TimeDelta)>,
    next: u64,
}

impl Server {
    fn start(now: Timestamp, disk: HashMap<GatewayEui, Vec<u8>>) -> Self {
        let mut lanes = Lanes::new(10);
        for (gateway, bytes) in &disk {
            lanes.remember(*gateway, bytes.clone().into_boxed_slice());
        }
        let up = (gateway(1), 1);
        assert!(lanes.gateway_up(now, up, LaneSettings::default(), Region::Eu868));
        Server { lanes, disk, writes: 0, sent: Vec::new(), next: 0 }
    }

    fn again(self, now: Timestamp) -> Self {
        let Server { disk, sent, writes, next, .. } = self;
        Server { sent, writes, next, ..Server::start(now, disk) }
    }

    fn write(&mut self, now: Timestamp) {
        for (gateway, ledger) in self.lanes.ledgers(now) {
            self.writes += 1;
            match ledger {
                Some(ledger) => drop(self.disk.insert(gateway, ledger)),
                None => drop(self.disk.remove(&gateway)),
            }
        }
    }

    fn answer(&mut self, now: i64, size: usize) {
        self.next += 1;
        let (ask, dev_eui) = (AskId(self.next), DevEui::new(self.next));
        self.lanes.tick(at(now));
        let heard = Opening {
            purpose: Purpose::ClassA,
            windows: vec![rx1(radio_given::SF12), rx2()],
            reach: Reach::Heard(vec![copy(1, now - 10, 5, 5)]),
            something_to_say: true,
            reply_window_ms: 0,
        };
        let offers = self.lanes.ask(at(now), ask, &heard);
        let offers = offers.into_iter().filter(|offer| offer.max_phy_payload >= size).collect();
        let phy_payload = vec![0; size].into();
        let f_cnt_down = Some(FCntDown(0));
        let plan = TxPlan { id: self.next, to: dev_eui.into(), phy_payload, f_cnt_down, offers };
        if let LaneOutput::Emit(emission) = self.lanes.hand_over(at(now + 1), ask, plan) {
            let item = &emission.items[0];
            let band = *Region::Eu868.tables().sub_band(item.frequency).unwrap();
            let air = airtime(item.modulation, size);
            self.sent.push((band, item.starts + air, air));
            let name = PlanName { to: dev_eui.into(), plan: self.next };
            let answer = TxAnswer::Accepted { item: 0, lead_us: None };
            let end = self.lanes.tx_ack(at(now + 50), name, gateway(1), answer);
            let accepted = matches!(&end, Some(LaneOutput::Outcome(_, outcome)) if outcome.fate == Fate::Accepted);
            assert!(accepted, "{end:?}");
        }
        self.write(at(now + 60));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn no_hour_is_overdrawn_whenever_the_server_dies(
        happenings in prop::collection::vec(happens(), 50..500)
    ) {
        let mut server = Server::start(START, HashMap::new());
        let mut now = 0;
        for (later, happens) in happenings {
            now += later;
            match happens {
                Happens::Uplink(size) => server.answer(now, size),
                Happens::Crash => server = server.again(at(now)),
                Happens::Restart => {
                    for (gateway, ledger) in server.lanes.last_ledgers(at(now)) {
                        server.disk.insert(gateway, ledger);
                    }
                    server = server.again(at(now));
                }
            }
        }
        for band in Region::Eu868.tables().sub_bands {
            let sent: Vec<_> = server.sent.iter().filter(|(of, ..)| of == band).collect();
            for (_, end, _) in &sent {
                let in_hour = sent.iter().filter(|(_, ends, _)| {
                    *ends <= *end && end.since(*ends) < HOUR
                });
                let used = in_hour.fold(TimeDelta::ZERO, |sum, (.., air)| sum + *air);
                prop_assert!(used <= allowance(band), "{used} of {}", allowance(band));
            }
        }
        prop_assert!(server.writes <= server.next as usize * 2 + 1);
    }
}

#[test]
fn a_quiet_gateway_is_written_once_a_minute_and_forgotten_after_an_hour() {
    let mut server = Server::start(START, HashMap::new());
    for second in 0..120 {
        server.lanes.tick(at(second * 1000));
        // 13 bytes in the 10 % band would be 1.2 s at SF12: less than a hundredth of the hour's 360 s.
        let heard = Opening {
            purpose: Purpose::ClassA,
            windows: vec![rx1(SF7)],
            reach: Reach::Heard(vec![copy(1, second * 1000 - 10, 5, 5)]),
            something_to_say: true,
            reply_window_ms: 0,
        };
        let offers = server.lanes.ask(at(second * 1000), AskId(second as u64), &heard);
        assert_eq!(offers.len(), 1);
        server.lanes.withdraw(AskId(second as u64));
        if second % 20 == 1 {
            server.write(at(second * 1000));
        }
    }
    assert!(server.writes <= 6, "{}", server.writes);
    server.write(at(10_000_000));
    assert!(server.disk.is_empty(), "nothing is left to remember");
}
