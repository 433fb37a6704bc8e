//! A group's counters reach the air in order over *all* gateways, and none is used for two messages.
//!
//! A receiver drops a counter that is not above its last one. Where each gateway had a queue of its
//! own, one that was busy sent message 5 after another gateway had sent message 6, and the members
//! between the two lost it for ever.

use std::sync::Arc;

use lns_core::Env;
use lns_core::event::{Fate, Offer, Outcome, Path, When};
use lns_core::multicast::{
    Group, GroupAbout, GroupClass, GroupCommand, GroupEffect, GroupEvent, GroupId, GroupItem,
    Hours, MemberPaths, Senders, step,
};
use lns_core::radio::odds::Odds;
use lns_core::{Network, TxPlan};
use lns_lorawan::{
    Db, DevAddr, DevEui, FCntDown, GatewayEui, McKey, NetId, Region, TimeDelta, Timestamp, Tmst,
    Window, mc_session_keys,
};

const START: Timestamp = Timestamp::from_secs(1_790_000_000);
const MC_ADDR: DevAddr = DevAddr::new(0x01ab_cdef);

fn about() -> Arc<GroupAbout> {
    Arc::new(GroupAbout {
        id: GroupId([1; 16]),
        region: Region::Eu868,
        class: GroupClass::C,
        mc_addr: MC_ADDR,
        keys: mc_session_keys(&McKey::from_bytes([7; 16]), MC_ADDR),
        frequency: None,
        data_rate: None,
        hours: Hours::Always,
        senders: Senders::Cover,
        interval: TimeDelta::ZERO,
        members: vec![DevEui::new(1), DevEui::new(2), DevEui::new(3)],
        f_cnt_at_least: FCntDown(0),
    })
}

/// Two gateways: one member hears the first, one the second, one both.
fn paths() -> Vec<MemberPaths> {
    let member = |n, gateways: &[u64]| MemberPaths {
        dev_eui: DevEui::new(n),
        paths: gateways
            .iter()
            .map(|eui| Path { gateway: GatewayEui::new(*eui), margin: Db::from_whole(12) })
            .collect(),
    };
    vec![member(1, &[1]), member(2, &[2]), member(3, &[1, 2])]
}

/// A group, and a world that answers it.
struct Bench {
    group: Group,
    durable: Vec<u8>,
    now: Timestamp,
    random: u64,
    /// Asked, by gateway.
    asked: Vec<GatewayEui>,
    /// What left the server, in order.
    sent: Vec<TxPlan>,
}

impl Bench {
    fn new() -> Self {
        let group = Group::new(about());
        let durable = group.encode();
        let (asked, sent) = (Vec::new(), Vec::new());
        Bench { group, durable, now: START, random: 0, asked, sent }
    }

    fn happen(&mut self, event: GroupEvent) {
        self.random += 1;
        let network = Network {
            net_id: NetId::new(0).unwrap(),
            sub_band: None,
            extra_channels: Vec::new(),
            queue_limit: 20,
        };
        let env = Env { now: self.now, network: &network, random: self.random };
        let decided = step(&self.group, event, &env);
        self.group = decided.group;
        if decided.durable {
            self.durable = self.group.encode();
        }
        let mut learns = false;
        for effect in decided.effects {
            match effect {
                GroupEffect::Learn => learns = true,
                GroupEffect::Open { gateway, .. } => self.asked.push(gateway),
                GroupEffect::Transmit(plan) => self.sent.push(*plan),
                GroupEffect::Publish(_) => {}
            }
        }
        if learns {
            self.happen(GroupEvent::Learned(paths()));
        }
    }

    fn queue(&mut self, id: u64) {
        let item = GroupItem {
            id,
            f_port: 9,
            payload: vec![id as u8; 4].into(),
            correlation_id: None,
            queued_at: self.now,
            expires_at: Some(self.now + TimeDelta::from_secs(600)),
        };
        self.happen(GroupEvent::Command(GroupCommand::Enqueue(item)));
    }

    /// Time goes on to the group's next deadline.
    fn wake(&mut self) {
        if let Some(at) = self.group.next_wake() {
            self.now = self.now.max(at);
            self.happen(GroupEvent::Wake);
        }
    }

    /// Every gateway that was asked offers a place.
    fn offer(&mut self) {
        for gateway in std::mem::take(&mut self.asked) {
            let offers = vec![offer(gateway, self.now)];
            self.happen(GroupEvent::Offers { gateway, offers, shortage: None });
        }
    }

    fn outcome(&mut self, sent: usize, fate: Fate) {
        let plan = &self.sent[sent];
        let offer = &plan.offers[0];
        let outcome = Outcome {
            plan: plan.id,
            fate,
            gateway: Some(offer.gateway),
            window: Some(Window::Rxc),
            margin: None,
            starts: Some(offer.starts),
            modulation: Some(offer.modulation),
            lead_us: None,
        };
        self.happen(GroupEvent::Outcome(outcome));
    }

    /// The server dies and comes back with what was durable.
    fn die(&mut self) {
        self.asked.clear();
        self.group = Group::decode(&self.durable, about(), self.now).unwrap();
    }

    fn counters(&self) -> Vec<(u64, u32)> {
        let of = |plan: &TxPlan| {
            (plan.offers[0].gateway.value(), plan.f_cnt_down.expect("it has one").0)
        };
        self.sent.iter().map(of).collect()
    }
}

fn offer(gateway: GatewayEui, now: Timestamp) -> Offer {
    let (frequency, data_rate) = Region::Eu868.tables().rx2;
    Offer {
        id: gateway.value(),
        gateway,
        boot_epoch: 1,
        window: Window::Rxc,
        when: When::Tmst(Tmst(0)),
        starts: now + TimeDelta::from_millis(100),
        frequency,
        data_rate,
        modulation: "SF12BW125".parse().unwrap(),
        power: lns_lorawan::Dbm::from_whole(27),
        max_phy_payload: 64,
        margin: Db::from_whole(12),
        odds: Odds { chance: 900, worth: 900 },
        reserved_until: now + TimeDelta::from_secs(1),
    }
}

#[test]
fn the_next_counter_waits_for_the_last_copy_of_the_one_before() {
    let mut bench = Bench::new();
    bench.queue(1);
    bench.queue(2);
    bench.wake();
    assert_eq!(bench.asked.len(), 1, "a member hears both gateways: one after the other");
    bench.offer();
    assert_eq!(bench.counters(), [(1, 0)]);
    bench.happen(GroupEvent::Wake);
    assert!(bench.asked.is_empty(), "nothing while the first copy is under way");
    let first_ends = bench.sent[0].offers[0].starts;
    bench.outcome(0, Fate::Accepted);
    bench.wake();
    assert!(bench.now > first_ends, "the second copy waits until the first has left the air");
    bench.offer();
    assert_eq!(bench.counters(), [(1, 0), (2, 0)]);
    assert_eq!(bench.sent[0].phy_payload, bench.sent[1].phy_payload, "the same bytes");
    // The second gateway is busy: message 2 does not overtake it.
    bench.outcome(1, Fate::Refused("COLLISION_PACKET".into()));
    bench.wake();
    bench.offer();
    assert_eq!(bench.counters(), [(1, 0), (2, 0), (2, 0)]);
    bench.outcome(2, Fate::Accepted);
    bench.wake();
    bench.offer();
    assert_eq!(bench.counters().last(), Some(&(1, 1)));
}

/// Whenever the server dies, no counter carries two messages, and what is sent again is sent as it was.
#[test]
fn no_death_makes_a_counter_carry_two_messages() {
    for dies_after in 0..24 {
        let mut bench = Bench::new();
        for id in 1..=4 {
            bench.queue(id);
        }
        for turn in 0..40 {
            if turn == dies_after {
                bench.die();
            }
            let before = bench.sent.len();
            match turn % 2 {
                0 => bench.wake(),
                _ => bench.offer(),
            }
            // Every other one is answered; a crash loses the rest of the answers.
            for sent in before..bench.sent.len() {
                bench.outcome(sent, if turn % 3 == 0 { Fate::Unknown } else { Fate::Accepted });
            }
        }
        let mut by_counter = std::collections::BTreeMap::new();
        let mut last = 0;
        for plan in &bench.sent {
            let f_cnt = plan.f_cnt_down.expect("it has one").0;
            let bytes = by_counter.entry(f_cnt).or_insert_with(|| plan.phy_payload.clone());
            assert_eq!(*bytes, plan.phy_payload, "dies after {dies_after}: counter {f_cnt}");
            assert!(f_cnt >= last, "dies after {dies_after}: {f_cnt} after {last}");
            last = f_cnt;
        }
        assert_eq!(by_counter.len(), 4, "dies after {dies_after}: every message was sent");
    }
}
