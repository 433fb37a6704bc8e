//! An hour in every region: devices of classes A, B and C, of 1.0.3, 1.0.4 and 1.1, with losses on
//! the air and an application that wants things sent. At the end nothing is left open, and what the
//! server thinks of each device's MAC is what the device does.

use lns_lorawan::{DevNonce, MacVersion, NwkKey, Region, TimeDelta};
use sim::AirSpec;
use sim::device::{Activation, Class, DevNonces};
use sim::random::Random;
use system_tests::world::{Node, Setup, Wish, World};

const HOUR: TimeDelta = TimeDelta::from_secs(3600);

/// How long everything may take to come to its end.
const BOUND: TimeDelta = TimeDelta::from_secs(15 * 60);

/// Each region by itself, so that they run side by side and a failure names its region.
macro_rules! an_hour_in {
    ($($name:ident: $region:expr,)*) => {
        $(#[test] fn $name() { an_hour($region); })*
    };
}

an_hour_in! {
    an_hour_in_eu868: Region::Eu868,
    an_hour_in_us915: Region::Us915,
    an_hour_in_au915: Region::Au915,
    an_hour_in_as923_1: Region::As923_1,
    an_hour_in_as923_2: Region::As923_2,
    an_hour_in_as923_3: Region::As923_3,
    an_hour_in_as923_4: Region::As923_4,
    an_hour_in_eu433: Region::Eu433,
    an_hour_in_cn470: Region::Cn470,
    an_hour_in_cn779: Region::Cn779,
    an_hour_in_ru864: Region::Ru864,
    an_hour_in_kr920: Region::Kr920,
    an_hour_in_in865: Region::In865,
    an_hour_in_ism2400: Region::Ism2400,
}

/// What each of the devices is.
const KINDS: [fn(&mut Node, &mut Random); 6] = [
    |_, _| {},
    |node, _| of_1_0_4(node),
    |node, random| node.of_1_1(NwkKey::from_bytes(random.bytes())),
    |node, _| {
        of_1_0_4(node);
        of_class_c(node);
    },
    |node, random| {
        node.of_1_1(NwkKey::from_bytes(random.bytes()));
        of_class_c(node);
    },
    |node, _| {
        of_1_0_4(node);
        node.spec.class = Class::B { periodicity: 3 };
        node.profile.supports_class_b = true;
    },
];

fn of_1_0_4(node: &mut Node) {
    node.spec.mac_version = MacVersion::V1_0_4;
    if let Activation::Otaa { dev_nonces, .. } = &mut node.spec.activation {
        *dev_nonces = DevNonces::Counting(DevNonce(1));
    }
}

fn of_class_c(node: &mut Node) {
    node.spec.class = Class::C;
    node.profile.supports_class_c = true;
}

fn setup(region: Region, random: &mut Random) -> Setup {
    let mut setup = Setup::new(42, region);
    for kind in KINDS {
        setup = setup.node(|node| {
            kind(node, random);
            node.spec.interval = TimeDelta::from_millis(random.between(40_000, 90_000));
            node.spec.confirmed_share = 0.2;
            node.spec.prompt_ack = true;
        });
    }
    setup = setup.gateways(2).beaconing();
    setup.air = AirSpec { seed: 42, loss_up: 0.05, loss_down: 0.05, ..AirSpec::default() };
    setup
}

fn an_hour(region: Region) {
    let mut random = Random::of(42, region as u64);
    let setup = setup(region, &mut random);
    let devices = setup.nodes.len() as u64;
    let mut world = World::new(setup).unwrap_or_else(|failure| panic!("{failure}"));
    for _ in 0..40 {
        let at = TimeDelta::from_micros(random.between(60_000_000, HOUR.micros()));
        let payload = random.bytes::<8>()[..random.below(9) as usize].to_vec();
        let device = random.below(devices) as usize;
        world.wish(at, Wish { device, payload, confirmed: random.chance(0.3) });
    }
    let ended = world.run(HOUR).and_then(|()| world.converge(BOUND));
    if let Err(failure) = ended {
        let path = format!("{}/hour-{region}.txt", env!("CARGO_TARGET_TMPDIR"));
        std::fs::write(&path, world.transcript()).expect("the transcript can be written");
        panic!("{failure}\nthe whole transcript: {path}");
    }
    // A gateway beacons where one of CN470's plans has it; the device may have joined another.
    let slots = (region != Region::Cn470).then_some(" ping ");
    for window in ["RX1", "RXC"].into_iter().chain(slots) {
        let heard = world
            .transcript()
            .lines()
            .any(|line| line.contains(" ▼ ") && line.contains("downlink") && line.contains(window));
        assert!(heard, "no device in {region} has heard anything in {window}");
    }
    let (events, _) = world.events();
    assert!(events > 200, "hardly anything happened in {region}: {events} events");
}
