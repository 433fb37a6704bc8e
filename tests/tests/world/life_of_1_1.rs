//! Two hours of devices of LoRaWAN 1.1: they rejoin by themselves and because they are told to, change
//! between classes A and C, and one begins with ResetInd. At the end everybody agrees on everything.

use lns_core::Command;
use lns_core::mac::force_rejoin::{ForceRejoin, RejoinType};
use lns_core::session::RejoinPeriod;
use lns_lorawan::{
    AppSKey, DataRateIndex, DevAddr, FNwkSIntKey, MacVersion, NwkKey, NwkSEncKey, Region,
    SNwkSIntKey, Scheme, SessionKeys, TimeDelta,
};
use sim::AirSpec;
use sim::device::Activation;
use sim::random::Random;
use system_tests::world::{Node, START, Setup, Wish, World};

const MINUTE: TimeDelta = TimeDelta::from_secs(60);

/// How long everything may take to come to its end.
const BOUND: TimeDelta = TimeDelta::from_secs(15 * 60);

#[test]
fn two_hours_in_eu868() {
    two_hours(Region::Eu868);
}

#[test]
fn two_hours_in_us915() {
    two_hours(Region::Us915);
}

#[test]
fn two_hours_in_as923_2() {
    two_hours(Region::As923_2);
}

/// By their places in the setup.
const REJOINS_BY_COUNT: usize = 0;
const TOLD_TO_BEGIN_ANEW: usize = 1;
const TOLD_TO_REKEY: usize = 2;
const CHANGES_CLASS: usize = 3;
const PERSONALIZED: usize = 4;
const ASKS_BY_ITSELF: usize = 5;

fn personalized(node: &mut Node, random: &mut Random) {
    let keys = SessionKeys {
        scheme: Scheme::V1_1,
        f_nwk_s_int_key: FNwkSIntKey::from_bytes(random.bytes()),
        s_nwk_s_int_key: SNwkSIntKey::from_bytes(random.bytes()),
        nwk_s_enc_key: NwkSEncKey::from_bytes(random.bytes()),
        app_s_key: AppSKey::from_bytes(random.bytes()),
    };
    node.spec.activation = Activation::Abp11 { dev_addr: DevAddr::new(0x0100_1234), keys };
    node.spec.mac_version = MacVersion::V1_1_0;
    node.profile.supports_join = false;
}

fn setup(region: Region, random: &mut Random) -> Setup {
    let mut setup = Setup::new(11, region);
    for place in 0..=ASKS_BY_ITSELF {
        setup = setup.node(|node| {
            match place {
                PERSONALIZED => personalized(node, random),
                _ => node.of_1_1(NwkKey::from_bytes(random.bytes())),
            }
            node.profile.supports_class_c = place == CHANGES_CLASS;
            if place == REJOINS_BY_COUNT {
                // After 32 uplinks, and after 2^14 s at the latest.
                node.profile.rejoin = Some(RejoinPeriod { max_time_n: 4, max_count_n: 1 });
            }
            node.spec.interval = TimeDelta::from_millis(random.between(40_000, 70_000));
            node.spec.confirmed_share = 0.2;
            node.spec.prompt_ack = true;
        });
    }
    setup = setup.gateways(2);
    setup.air = AirSpec { seed: 11, loss_up: 0.05, loss_down: 0.05, ..AirSpec::default() };
    setup
}

fn force_rejoin(rejoin_type: RejoinType) -> Command {
    let data_rate = DataRateIndex::new(2).expect("there are sixteen");
    Command::ForceRejoin(ForceRejoin { rejoin_type, data_rate, period: 0, max_retries: 2 })
}

fn two_hours(region: Region) {
    let mut random = Random::of(11, region as u64);
    let mut world = World::new(setup(region, &mut random)).unwrap_or_else(|it| panic!("{it}"));
    for at in [10, 50, 90] {
        let at = TimeDelta::from_secs(at * 60);
        world.command(at, TOLD_TO_BEGIN_ANEW, force_rejoin(RejoinType::Anew));
        world.command(at, TOLD_TO_REKEY, force_rejoin(RejoinType::Rekey));
    }
    for at in 0..60 {
        let payload = random.bytes::<4>().to_vec();
        let device = random.below(6) as usize;
        let confirmed = random.chance(0.3);
        let at = TimeDelta::from_secs(120 + at * 110);
        world.wish(at, Wish { device, payload, confirmed });
    }
    for quarter in 0..8 {
        let run = world.run(TimeDelta::from_micros(15 * MINUTE.micros()));
        run.unwrap_or_else(|failure| panic!("{failure}"));
        let now = START + world.elapsed();
        let field = world.field();
        field.with_device(CHANGES_CLASS, |device| device.listen_always(quarter % 2 == 0));
        // Types 0 and 2 in turn, and type 1, which needs no session.
        field.with_device(ASKS_BY_ITSELF, |device| device.ask_to_rejoin(quarter % 3, now));
    }
    world.converge(BOUND).unwrap_or_else(|failure| panic!("{failure}"));
    assert_lived(&mut world, region);
}

/// What was to happen has happened.
fn assert_lived(world: &mut World, region: Region) {
    let transcript = world.transcript();
    let field = world.field();
    let devices = field.devices();
    for place in [REJOINS_BY_COUNT, TOLD_TO_BEGIN_ANEW, TOLD_TO_REKEY, ASKS_BY_ITSELF] {
        let tally = devices[place].tally();
        let (asked, joined) = (tally.rejoin_requests, tally.joins);
        assert!(asked >= 3, "device {place} in {region} has asked {asked} times to rejoin");
        assert!(joined >= 3, "device {place} in {region} was accepted {joined} times");
    }
    for kind in 0..3 {
        let line = format!("type {kind} DevAddr");
        let answered = transcript.lines().any(|it| it.contains("rejoined") && it.contains(&line));
        assert!(answered, "no rejoin of type {kind} was answered in {region}");
    }
    assert!(devices[CHANGES_CLASS].tally().heard_rxc > 0, "nothing was heard in RXC in {region}");
    assert_eq!(devices[PERSONALIZED].tally().joins, 0);
}
