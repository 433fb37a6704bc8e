//! The network's side of the certification of devices: what a laboratory asks of a device under test
//! by the test protocol on FPort 224 (TS009-1.0.0), the network must carry, answer or follow.

use std::sync::Arc;

use lns_core::Command;
use lns_lorawan::{DevNonce, MacVersion, Region, TimeDelta};
use sim::device::{Activation, DevNonces, TEST_F_PORT, Tally};
use system_tests::world::{Setup, Wish, World};

/// A device under test that sends every five seconds, so that each step takes a few of them.
fn laboratory(region: Region) -> World {
    let mut setup = Setup::new(9, region).gateways(1).beaconing().node(|node| {
        node.spec.certifiable = true;
        node.spec.mac_version = MacVersion::V1_0_4;
        if let Activation::Otaa { dev_nonces, .. } = &mut node.spec.activation {
            *dev_nonces = DevNonces::Counting(DevNonce(1));
        }
        node.spec.interval = TimeDelta::from_secs(5);
        node.spec.prompt_ack = true;
        node.profile.supports_class_b = true;
    });
    // On the same bench.
    (setup.air.mean_snr_db, setup.air.spread_db) = (11.0, 0.0);
    let mut world = World::new(setup).unwrap_or_else(|failure| panic!("{failure}"));
    pass(&mut world, 30);
    assert_eq!(tally(&mut world).joins, 1, "the device has joined");
    world
}

fn tally(world: &mut World) -> Tally {
    *world.field().devices()[0].tally()
}

fn pass(world: &mut World, seconds: i64) {
    world.run(TimeDelta::from_secs(seconds)).unwrap_or_else(|failure| panic!("{failure}"));
}

/// The laboratory sends a request; what happens in the next `seconds` is returned.
fn request(world: &mut World, payload: &[u8], seconds: i64) -> String {
    let before = world.transcript().lines().count();
    let wish = Wish { device: 0, payload: payload.to_vec(), confirmed: false };
    world.wish_on(world.elapsed(), TEST_F_PORT, wish);
    pass(world, seconds);
    let lines: Vec<_> = world.transcript().lines().skip(before).map(str::to_owned).collect();
    lines.join("\n")
}

/// Has the application read this answer of the device?
fn answered(said: &str, answer: &str) -> bool {
    said.lines().any(|line| {
        line.contains("✓ app") && line.contains(&format!("FPort {TEST_F_PORT} {answer} "))
    })
}

/// How many lines of the device's downlinks carry ACK.
fn acknowledgements(said: &str) -> usize {
    said.lines().filter(|line| line.contains("▼ node-1") && line.contains("ACK")).count()
}

#[test]
fn payloads_of_the_test_port_pass_both_ways_unchanged() {
    let mut world = laboratory(Region::Eu868);
    let said = request(&mut world, &[0x00], 20);
    assert!(answered(&said, "000601"), "{said}");
    let said = request(&mut world, &[0x08, 0x01, 0x7f, 0xff], 20);
    assert!(answered(&said, "08028000"), "{said}");
}

/// The device's count of payloads is the number that the server handed to the gateway: none was lost,
/// none was sent twice.
#[test]
fn the_device_has_received_each_payload_once() {
    let mut world = laboratory(Region::Us915);
    request(&mut world, &[0x0a], 20);
    for n in 0..6 {
        request(&mut world, &[0x08, n], 20);
    }
    let said = request(&mut world, &[0x09], 20);
    assert!(answered(&said, "090700"), "six echoes and the question: {said}");
}

#[test]
fn every_confirmed_uplink_is_acknowledged() {
    let mut world = laboratory(Region::Eu868);
    let before = tally(&mut world).acked;
    let said = request(&mut world, &[0x07, 2], 120);
    let tally = tally(&mut world);
    assert!(tally.confirmed >= 15, "{said}");
    assert!(tally.acked - before >= tally.confirmed - 1, "the last may be on its way: {tally:?}");
    let said = request(&mut world, &[0x07, 1], 30);
    let later = request(&mut world, &[0x0a], 60);
    assert!(acknowledgements(&said) > 0 && acknowledgements(&later) == 0, "{later}");
}

#[test]
fn a_device_told_to_join_is_in_a_new_session_and_the_next_request_reaches_it() {
    for code in [0x01, 0x02] {
        let mut world = laboratory(Region::Us915);
        let said = request(&mut world, &[code], 60);
        assert_eq!(tally(&mut world).joins, 2, "{said}");
        let said = request(&mut world, &[0x08, 0x10], 20);
        assert!(answered(&said, "0811"), "{said}");
    }
}

#[test]
fn link_check_and_device_time_are_answered() {
    let mut world = laboratory(Region::Eu868);
    for (code, answer) in [(0x20, "LinkCheckAns"), (0x21, "DeviceTimeAns")] {
        let said = request(&mut world, &[code], 20);
        let heard = said.lines().any(|line| line.contains("▼ node-1") && line.contains(answer));
        assert!(heard, "{answer}: {said}");
    }
}

/// With the bit off the network leaves data rate and power alone; with it on, it sets them.
#[test]
fn the_adr_bit_is_followed() {
    let mut world = laboratory(Region::Eu868);
    let power = |world: &mut World| world.field().devices()[0].mac().tx_power;
    request(&mut world, &[0x04, 0], 10);
    let before = power(&mut world);
    pass(&mut world, 300);
    assert_eq!(power(&mut world), before);
    request(&mut world, &[0x04, 1], 300);
    assert_ne!(power(&mut world), before, "a device beside the gateway whispers");
}

#[test]
fn a_device_that_becomes_class_b_is_reached_between_its_uplinks() {
    let mut world = laboratory(Region::Eu868);
    request(&mut world, &[0x03, 1], 300);
    // One uplink in eight minutes: what is heard in between is not class A.
    request(&mut world, &[0x06, 10], 60);
    let said = request(&mut world, &[0x08, 1], 200);
    let heard = said.lines().any(|line| line.contains("▼ node-1") && line.contains(" ping "));
    assert!(heard, "{said}");
}

/// Until 1.1 a device does not say that it is of class C: its network is told by the profile.
#[test]
fn a_device_that_becomes_class_c_is_reached_between_its_uplinks() {
    let mut world = laboratory(Region::Eu868);
    request(&mut world, &[0x06, 10], 20);
    request(&mut world, &[0x03, 2], 500);
    let mut node = world.nodes()[0].clone();
    node.profile.supports_class_c = true;
    world.command(world.elapsed(), 0, Command::Describe(Arc::new(node.description())));
    let said = request(&mut world, &[0x08, 2], 100);
    let heard = said.lines().any(|line| line.contains("▼ node-1") && line.contains("RXC"));
    assert!(heard, "{said}");
}
