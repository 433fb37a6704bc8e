//! EU868, one walk a transcript.

use lns_lorawan::{Frequency, Region, TimeDelta};
use sim::AirSpec;
use sim::device::{Payload, Request};
use system_tests::world::{Answer, Node, Setup, Weather, Wish, World};

use crate::expected::transcript_is;

/// A device that always says the same, so that a transcript is easy to read.
fn plain(node: &mut Node) {
    node.spec.payload = Payload::Fixed { f_port: 2, bytes: vec![0x0b, 0x0e] };
    node.spec.interval = TimeDelta::from_secs(20);
    node.spec.adr = false;
}

fn begin(setup: Setup) -> World {
    World::new(setup).unwrap_or_else(|failure| panic!("{failure}"))
}

fn wish(payload: &[u8], confirmed: bool) -> Wish {
    Wish { device: 0, payload: payload.to_vec(), confirmed }
}

#[test]
fn a_device_joins_is_heard_and_hears_a_downlink_in_rx1() {
    let setup = Setup {
        extra_channels: vec![Frequency::from_hz(867_100_000), Frequency::from_hz(867_300_000)],
        ..Setup::new(1, Region::Eu868)
    };
    let mut world = begin(setup.gateways(1).node(plain));
    world.wish(TimeDelta::from_secs(15), wish(&[1, 2, 3], false));
    transcript_is("eu868_join_uplink_downlink", &mut world, 60);
}

#[test]
fn a_frame_that_is_too_late_for_rx1_is_sent_in_rx2() {
    let mut world = begin(Setup::new(2, Region::Eu868).gateways(1).node(plain));
    world.wish(TimeDelta::from_secs(22), wish(&[1, 2, 3], false));
    world.run(TimeDelta::from_secs(20)).unwrap_or_else(|failure| panic!("{failure}"));
    // The line becomes so slow, at once, that an answer in time for RX1 reaches the gateway too
    // late, and its refusal the bridge in time for RX2.
    let journey = TimeDelta::from_millis(485);
    world.set_weather(Weather { journey, ..Weather::fine() });
    transcript_is("eu868_rx2_after_too_late", &mut world, 40);
}

#[test]
fn a_confirmed_uplink_is_repeated_when_its_acknowledgement_is_lost_and_is_one_event() {
    let setup = Setup::new(3, Region::Eu868).gateways(1).node(|node| {
        plain(node);
        node.spec.confirmed_share = 1.0;
        // The second frame that it should hear: the Join-Accept is the first.
        node.spec.mischief.lose_every = Some(2);
    });
    transcript_is("eu868_lost_acknowledgement", &mut begin(setup), 40);
}

#[test]
fn two_gateways_hear_a_frame_and_it_is_one_event() {
    let setup = Setup::new(4, Region::Eu868).gateways(2).node(plain);
    transcript_is("eu868_two_gateways", &mut begin(setup), 60);
}

#[test]
fn a_device_asks_for_the_time_and_how_it_is_heard() {
    let setup = Setup::new(5, Region::Eu868).gateways(1).node(plain);
    let mut world = begin(setup);
    world.field().with_device(0, |device| {
        device.ask(Request::DeviceTime);
        device.ask(Request::LinkCheck);
    });
    transcript_is("eu868_device_time_and_link_check", &mut world, 40);
}

#[test]
fn an_application_that_answers_after_300_ms_makes_rx1() {
    let mut setup = Setup::new(6, Region::Eu868).gateways(1).node(plain);
    setup.answer =
        Some(Answer { after: TimeDelta::from_millis(300), payload: vec![7], confirmed: false });
    transcript_is("eu868_answer_in_time", &mut begin(setup), 60);
}

#[test]
fn the_same_seed_makes_the_same_world() {
    let run = || {
        let mut setup = Setup::new(7, Region::Eu868).gateways(2).node(plain).node(plain);
        setup.air = AirSpec { loss_up: 0.1, loss_down: 0.1, ..setup.air };
        setup.weather = Weather::rough(&mut sim::random::Random::new(7));
        let mut world = begin(setup);
        world.run(TimeDelta::from_secs(600)).unwrap_or_else(|failure| panic!("{failure}"));
        world.transcript()
    };
    assert_eq!(run(), run());
}
