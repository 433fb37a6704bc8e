//! Multicast groups of class B and C over several gateways.

use lns_core::class::b::Periodicity;
use lns_core::event::Fate;
use lns_core::multicast::{GroupAbout, GroupClass, GroupId, GroupStage, Hours, Senders};
use lns_lorawan::{
    AppSKey, DevAddr, DevEui, FCntDown, MacVersion, McKey, NwkSKey, Region, SessionKeys, TimeDelta,
    mc_session_keys,
};
use sim::device::{Class, Group, Payload};
use system_tests::world::{GroupWish, Node, Setup, Weather, World};

const PERIODICITY: u8 = 3;

fn members_of(setup: &Setup, group: DevAddr) -> Vec<DevEui> {
    let is_member = |node: &&Node| node.spec.groups.iter().any(|of| of.mc_addr == group);
    setup.nodes.iter().filter(is_member).map(|node| node.spec.dev_eui).collect()
}

fn keys(number: u8) -> SessionKeys {
    mc_session_keys(&McKey::from_bytes([number; 16]), mc_addr(number))
}

fn mc_addr(number: u8) -> DevAddr {
    DevAddr::new(0x01ab_cd00 + u32::from(number))
}

fn about(number: u8, class: GroupClass, setup: &Setup) -> GroupAbout {
    GroupAbout {
        id: GroupId([number; 16]),
        region: setup.region,
        class,
        mc_addr: mc_addr(number),
        keys: keys(number),
        frequency: None,
        data_rate: None,
        hours: Hours::Always,
        senders: Senders::Cover,
        interval: TimeDelta::ZERO,
        members: members_of(setup, mc_addr(number)),
        f_cnt_at_least: FCntDown(0),
    }
}

fn member(number: u8) -> Group {
    let keys = keys(number);
    let nwk_s_key: NwkSKey = keys.nwk_s_key().expect("a group's keys are those of 1.0.x");
    let mc_app_s_key: AppSKey = keys.app_s_key;
    Group {
        mc_addr: mc_addr(number),
        mc_nwk_s_key: nwk_s_key,
        mc_app_s_key,
        place: None,
        periodicity: PERIODICITY,
    }
}

fn listening(class: Class, group: u8) -> impl Fn(&mut Node) {
    move |node| {
        node.spec.class = class;
        node.spec.mac_version = MacVersion::V1_0_4;
        node.profile.supports_class_c = class == Class::C;
        node.profile.supports_class_b = class != Class::C;
        node.spec.payload = Payload::Fixed { f_port: 2, bytes: vec![0x0b, 0x0e] };
        node.spec.interval = TimeDelta::from_secs(300);
        node.spec.adr = false;
        node.spec.groups = vec![member(group)];
    }
}

fn begin(setup: Setup) -> World {
    World::new(setup).unwrap_or_else(|failure| panic!("{failure}"))
}

fn wish(group: usize, payload: &[u8]) -> GroupWish {
    GroupWish { group, payload: payload.to_vec() }
}

#[test]
fn every_member_of_a_class_c_group_hears_a_message_once() {
    let mut setup = Setup::new(31, Region::Eu868).gateways(2);
    for _ in 0..3 {
        setup = setup.node(listening(Class::C, 1));
    }
    setup.groups.push(about(1, GroupClass::C, &setup));
    let mut world = begin(setup);
    for number in 0..5 {
        world.group_wish(TimeDelta::from_secs(60 + 20 * number), wish(0, &[number as u8]));
    }
    world.run(TimeDelta::from_secs(240)).unwrap_or_else(|failure| panic!("{failure}"));
    for device in 1..=3 {
        let heard = world.multicast().heard_by(&format!("node-{device}"), mc_addr(1));
        assert_eq!(heard, [0, 1, 2, 3, 4], "node-{device}\n{}", world.transcript());
    }
}

/// Three members of class C in group 1, three of class B in group 2, four gateways that beacon.
fn both_classes(seed: u64) -> Setup {
    let mut setup = Setup::new(seed, Region::Eu868).gateways(4).beaconing();
    for _ in 0..3 {
        setup = setup.node(listening(Class::C, 1));
    }
    for _ in 0..3 {
        setup = setup.node(listening(Class::B { periodicity: PERIODICITY }, 2));
    }
    let periodicity = Periodicity::new(PERIODICITY).expect("3 is one");
    setup.groups.push(about(1, GroupClass::C, &setup));
    setup.groups.push(about(2, GroupClass::B(periodicity), &setup));
    setup
}

/// A message to each group every minute and a half, from the tenth minute on.
fn speak(world: &mut World, messages: u8) {
    for number in 0..messages {
        let at = TimeDelta::from_secs(600 + 90 * i64::from(number));
        world.group_wish(at, wish(0, &[number]));
        world.group_wish(at, wish(1, &[number]));
    }
}

fn run(world: &mut World, seconds: i64) {
    world.run(TimeDelta::from_secs(seconds)).unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn an_hour_of_both_classes_in_fine_weather_loses_nothing() {
    let mut world = begin(both_classes(32));
    speak(&mut world, 30);
    run(&mut world, 3_600);
    let all: Vec<u32> = (0..30).collect();
    for device in 1..=3 {
        let heard = world.multicast().heard_by(&format!("node-{device}"), mc_addr(1));
        assert_eq!(heard, all, "node-{device} of class C");
    }
    for device in 4..=6 {
        let heard = world.multicast().heard_by(&format!("node-{device}"), mc_addr(2));
        assert_eq!(heard, all, "node-{device} of class B");
    }
    let sent = |stage: &&GroupStage| matches!(stage, GroupStage::Sent { missing: 0, .. });
    assert_eq!(world.group_news().filter(sent).count(), 60);
}

/// The checkers see to it that counters rise on air and that nobody hears a message twice. A doubled
/// PULL_RESP is left out: a gateway that promises one and refuses its twin says that it does not send
/// what it sends, and no server can know when that leaves the air.
#[test]
fn an_hour_with_losses_and_deaths_reuses_no_counter_and_ends_every_message() {
    for seed in 40..44 {
        let mut setup = both_classes(seed);
        setup.air.loss_down = 0.1;
        setup.air.loss_up = 0.1;
        setup.weather = Weather {
            lost: 0.03,
            reordered: 0.05,
            late: 0.01,
            gateway_reboots: 0.02,
            commit_refused: 0.02,
            commit_slow: 0.02,
            death: 0.02,
            ..Weather::fine()
        };
        let mut world = begin(setup);
        speak(&mut world, 25);
        run(&mut world, 3_000);
        world.set_weather(Weather::fine());
        run(&mut world, 900);
        assert!(world.deaths() > 0, "seed {seed}: the server should have died");
        let queued = |stage: &&GroupStage| matches!(stage, GroupStage::Queued);
        let ended =
            |stage: &&GroupStage| matches!(stage, GroupStage::Sent { .. } | GroupStage::Expired);
        let (queued, ended) =
            (world.group_news().filter(queued).count(), world.group_news().filter(ended).count());
        assert_eq!(queued, ended, "seed {seed}: each queued message has one end");
        let accepted =
            |stage: &&GroupStage| matches!(stage, GroupStage::Handed { fate: Fate::Accepted, .. });
        assert!(world.group_news().filter(accepted).count() >= 40, "seed {seed}");
        let heard = world.multicast().heard_by("node-1", mc_addr(1)).len();
        assert!(heard >= 15, "seed {seed}: node-1 heard {heard} of 25");
    }
}

#[test]
fn listed_gateways_send_in_their_order_with_their_interval() {
    let mut setup = Setup::new(33, Region::Eu868).gateways(3).node(listening(Class::C, 1));
    let mut group = about(1, GroupClass::C, &setup);
    let gateways = setup.gateways.iter().map(|spec| lns::treaty::eui(spec.eui));
    group.senders = Senders::Listed(gateways.collect());
    group.interval = TimeDelta::from_secs(5);
    setup.groups.push(group);
    let mut world = begin(setup);
    world.group_wish(TimeDelta::from_secs(60), wish(0, &[7]));
    run(&mut world, 120);
    assert_eq!(world.multicast().on_air(mc_addr(1)), (1, 3), "one message, three copies");
    let starts = world.multicast().starts(mc_addr(1));
    for pair in starts.windows(2) {
        let apart = pair[1] - pair[0];
        assert!(apart >= TimeDelta::from_secs(5), "{apart:?} apart\n{}", world.transcript());
    }
    assert_eq!(world.multicast().heard_by("node-1", mc_addr(1)), [0]);
}
