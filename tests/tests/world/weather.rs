//! Seeded runs in any weather, with the checkers watching.

use lns_core::profile::DevNoncePolicy;
use lns_lorawan::{AppSKey, DevAddr, DevNonce, NwkSKey, Region, TimeDelta};
use sim::AirSpec;
use sim::device::{Activation, Class, DevNonces};
use sim::random::Random;
use system_tests::world::{Answer, Node, Setup, Weather, Wish, World};

/// How long the weather lasts.
const STORM: TimeDelta = TimeDelta::from_secs(30 * 60);

/// How long everything may take to come to its end after the last downlink has expired.
const BOUND: TimeDelta = TimeDelta::from_secs(5 * 60);

#[test]
fn nothing_that_must_hold_breaks_in_any_weather_in_eu868() {
    weather_in(Region::Eu868);
}

#[test]
fn nothing_that_must_hold_breaks_in_any_weather_in_us915() {
    weather_in(Region::Us915);
}

fn weather_in(region: Region) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("LNS_WORLD_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("LNS_WORLD_SEEDS").unwrap_or(12),
    };
    let (mut deaths, mut events, mut deliveries) = (0, 0, 0);
    let count = seeds.end - seeds.start;
    for seed in seeds {
        let world = run(seed, region);
        deaths += world.deaths();
        events += world.events().0;
        deliveries += world.events().1;
    }
    println!(
        "{region}: {count} seeds, {deaths} deaths, {events} events in {deliveries} deliveries"
    );
    assert!(events > 100 * count, "hardly anything happened: {events} events");
}

fn run(seed: u64, region: Region) -> World {
    let mut random = Random::of(seed, 0x57_6f72_6c64);
    let setup = setup(seed, region, &mut random);
    let devices = setup.nodes.len() as u64;
    let mut world = World::new(setup).unwrap_or_else(|failure| panic!("{failure}"));
    for _ in 0..random.between(10, 60) {
        let at = TimeDelta::from_micros(random.between(0, STORM.micros()));
        let payload = random.bytes::<11>()[..random.below(12) as usize].to_vec();
        let device = random.below(devices) as usize;
        world.wish(at, Wish { device, payload, confirmed: random.chance(0.3) });
    }
    let stormy = world.run(STORM).and_then(|()| world.converge(BOUND));
    let path = format!("{}/world-{region}-{seed}.txt", env!("CARGO_TARGET_TMPDIR"));
    if stormy.is_err() || std::env::var_os("LNS_WORLD_SEED").is_some() {
        std::fs::write(&path, world.transcript()).expect("the transcript can be written");
        println!("the whole transcript: {path}");
    }
    if let Err(failure) = stormy {
        panic!("{failure}");
    }
    world
}

fn setup(seed: u64, region: Region, random: &mut Random) -> Setup {
    let mut setup = Setup::new(seed, region);
    for number in 0..6 {
        setup = setup.node(|node| shape(node, number, random));
    }
    setup = setup.gateways(2);
    for gateway in &mut setup.gateways {
        *gateway = gateway.clone().beaconing(region);
    }
    // One of the counters wraps in the middle of the run.
    setup.gateways[0].tmst_offset = u32::MAX - random.between(0, STORM.micros()) as u32;
    setup.air = AirSpec {
        seed,
        loss_up: 0.2 * random.unit(),
        loss_down: 0.2 * random.unit(),
        ..AirSpec::default()
    };
    setup.weather = Weather::rough(random);
    setup.answer = random.chance(0.3).then(|| Answer {
        after: TimeDelta::from_millis(random.between(0, 900)),
        payload: vec![0x0a],
        confirmed: false,
    });
    setup
}

/// Six kinds: an honest one, one that is stuck on a DevNonce, one that counts them and replays
/// frames, a personalized one that forgets its counters, one of class C that seldom sends
/// and one of class B.
fn shape(node: &mut Node, number: u64, random: &mut Random) {
    let spec = &mut node.spec;
    spec.interval = TimeDelta::from_millis(random.between(15_000, 60_000));
    spec.confirmed_share = 0.4 * random.unit();
    spec.prompt_ack = random.chance(0.5);
    match number {
        0 => {}
        1 => {
            spec.mischief.stuck_dev_nonce = Some(DevNonce(7));
            node.profile.dev_nonce = DevNoncePolicy::Unchecked;
        }
        2 => {
            spec.mac_version = lns_lorawan::MacVersion::V1_0_4;
            spec.mischief.replay_every = Some(9);
            if let Activation::Otaa { dev_nonces, .. } = &mut spec.activation {
                *dev_nonces = DevNonces::Counting(DevNonce(1));
            }
        }
        4 => {
            spec.class = Class::C;
            spec.interval = TimeDelta::from_millis(random.between(60_000, 600_000));
            node.profile.supports_class_c = true;
        }
        5 => {
            spec.class = Class::B { periodicity: random.below(6) as u8 };
            node.profile.supports_class_b = true;
        }
        _ => {
            spec.activation = Activation::Abp {
                dev_addr: DevAddr::new(0x0100_0000 + u32::from(random.bytes::<1>()[0])),
                nwk_s_key: NwkSKey::from_bytes(random.bytes()),
                app_s_key: AppSKey::from_bytes(random.bytes()),
            };
            spec.mischief.reset_after = Some(6);
            node.profile.supports_join = false;
        }
    }
}
