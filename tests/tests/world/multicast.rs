//! Multicast groups of class B and C over several gateways.

use lns_core::multicast::{GroupAbout, GroupClass, GroupId, Hours, Senders};
use lns_lorawan::{
    AppSKey, DevAddr, FCntDown, MacVersion, McKey, NwkSKey, Region, SessionKeys, TimeDelta,
    mc_session_keys,
};
use sim::device::{Class, Group, Payload};
use system_tests::world::{GroupWish, Node, Setup, World};

const PERIODICITY: u8 = 3;

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
        members: setup.nodes.iter().map(|node| node.spec.dev_eui).collect(),
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

fn listening(class: Class) -> impl Fn(&mut Node) {
    move |node| {
        node.spec.class = class;
        node.spec.mac_version = MacVersion::V1_0_4;
        node.profile.supports_class_c = class == Class::C;
        node.profile.supports_class_b = class != Class::C;
        node.spec.payload = Payload::Fixed { f_port: 2, bytes: vec![0x0b, 0x0e] };
        node.spec.interval = TimeDelta::from_secs(300);
        node.spec.adr = false;
        node.spec.groups = vec![member(1)];
    }
}

fn begin(setup: Setup) -> World {
    World::new(setup).unwrap_or_else(|failure| panic!("{failure}"))
}

fn wish(payload: &[u8]) -> GroupWish {
    GroupWish { group: 0, payload: payload.to_vec() }
}

#[test]
fn every_member_of_a_class_c_group_hears_a_message_once() {
    let mut setup = Setup::new(31, Region::Eu868).gateways(2);
    for _ in 0..3 {
        setup = setup.node(listening(Class::C));
    }
    setup.groups.push(about(1, GroupClass::C, &setup));
    let mut world = begin(setup);
    for number in 0..5 {
        world.group_wish(TimeDelta::from_secs(60 + 20 * number), wish(&[number as u8]));
    }
    world.run(TimeDelta::from_secs(240)).unwrap_or_else(|failure| panic!("{failure}"));
    for device in 1..=3 {
        let heard = world.multicast().heard_by(&format!("node-{device}"), mc_addr(1));
        assert_eq!(heard, [0, 1, 2, 3, 4], "node-{device}\n{}", world.transcript());
    }
}
