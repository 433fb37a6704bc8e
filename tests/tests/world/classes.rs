//! Classes B and C: downlinks that no uplink has asked for.

use lns_lorawan::{MacVersion, Region, TimeDelta};
use sim::device::{Class, Payload};
use system_tests::world::{Node, Setup, Wish, World};

use crate::expected::transcript_is;

/// A class C device that sends seldom and acknowledges at once.
fn class_c(node: &mut Node) {
    node.spec.class = Class::C;
    node.spec.mac_version = MacVersion::V1_0_4;
    node.profile.mac_version = MacVersion::V1_0_4;
    node.profile.supports_class_c = true;
    node.spec.payload = Payload::Fixed { f_port: 2, bytes: vec![0x0b, 0x0e] };
    node.spec.interval = TimeDelta::from_secs(3600);
    node.spec.prompt_ack = true;
    node.spec.adr = false;
}

fn begin(setup: Setup) -> World {
    World::new(setup).unwrap_or_else(|failure| panic!("{failure}"))
}

fn wish(payload: &[u8], confirmed: bool) -> Wish {
    Wish { device: 0, payload: payload.to_vec(), confirmed }
}

#[test]
fn a_class_c_device_hears_what_is_queued_at_once_and_acknowledges_it() {
    let mut world = begin(Setup::new(21, Region::Eu868).gateways(2).node(class_c));
    world.wish(TimeDelta::from_secs(60), wish(&[1], false));
    world.wish(TimeDelta::from_secs(120), wish(&[2], true));
    transcript_is("eu868_class_c", &mut world, 180);
}

/// A class B device whose slots are about eight seconds apart.
fn class_b(node: &mut Node) {
    node.spec.class = Class::B { periodicity: 3 };
    node.spec.mac_version = MacVersion::V1_0_4;
    node.profile.mac_version = MacVersion::V1_0_4;
    node.profile.supports_class_b = true;
    node.spec.payload = Payload::Fixed { f_port: 2, bytes: vec![0x0b, 0x0e] };
    node.spec.interval = TimeDelta::from_secs(300);
    node.spec.prompt_ack = true;
    node.spec.adr = false;
}

#[test]
fn a_class_b_device_finds_its_beacon_and_hears_what_is_queued_in_its_ping_slots() {
    let mut setup = Setup::new(22, Region::Eu868).gateways(2).node(class_b);
    for gateway in &mut setup.gateways {
        *gateway = gateway.clone().beaconing(Region::Eu868);
    }
    let mut world = begin(setup);
    world.wish(TimeDelta::from_secs(1_000), wish(&[1], false));
    world.wish(TimeDelta::from_secs(1_000), wish(&[2], true));
    transcript_is("eu868_class_b", &mut world, 1_100);
}
