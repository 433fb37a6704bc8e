//! The command line, flag by flag.

use super::*;
use clap::CommandFactory as _;
use sim::device::Payload;

fn work(line: &str) -> Result<Work, String> {
    let args = std::iter::once("sim").chain(line.split_whitespace());
    Args::try_parse_from(args).map_err(|error| error.to_string())?.work()
}

#[test]
fn the_command_line_is_well_formed() {
    Args::command().debug_assert();
}

#[test]
fn flags_make_a_fleet() {
    let work = work(
        "--server 127.0.0.1:1700 --gateways 2 --devices 5 --interval 1m --region us915 \
         --sub-band 7 --duration 90s --confirmed 0.25 --payload 2:0a1B --seed 9 --data-rate 2 \
         --dev-eui-base 00-11-22-33-44-55-66-77 --app-key 000102030405060708090a0b0c0d0e0f",
    )
    .unwrap();
    let scenario = work.scenario;
    assert_eq!((scenario.gateways, scenario.devices, scenario.sub_band), (2, 5, Some(7)));
    assert_eq!(scenario.interval, TimeDelta::from_secs(60));
    assert_eq!(work.duration, Some(Duration::from_secs(90)));
    assert_eq!(scenario.dev_eui_base.value(), 0x0011_2233_4455_6677);
    assert!(
        matches!(&scenario.payloads[..], [Payload::Fixed { f_port: 2, bytes }] if bytes == &[10, 27])
    );
    assert_eq!(work.server, Some(([127, 0, 0, 1], 1700).into()));
}

#[test]
fn what_makes_no_sense_is_said_so() {
    let table = [
        ("", "nothing to do"),
        ("--server nowhere", "--server nowhere"),
        ("--list --devices 0", "--devices 0: give 1 to"),
        ("--list --gateways 1001", "--gateways 1001: give 1 to"),
        ("--list --sub-band 2", "EU868 has none"),
        ("--list --region US915 --sub-band 9", "US915 has 1 to 8"),
        ("--list --region EU915", "the regions are"),
        ("--list --mac-version 1.2", "1.0.4 or 1.1"),
        ("--list --class D", "write A, B"),
        ("--list --class B:8", "write A, B"),
        ("--list --cn470 30A", "20A"),
        ("--list --mischief mean", "replay-every=N"),
        ("--list --mischief mute=zz", "mute=CID"),
        ("--list --data-rate 6", "0 to 5"),
        ("--list --confirmed 1.5", "a share is 0 to 1"),
        ("--list --interval 0s", "the shortest interval"),
        ("--list --payload 0:00", "write temperature"),
        ("--list --payload 1:0", "write temperature"),
        ("--list --provision https://x", "http://127.0.0.1:8080"),
        ("--list --codecs dir", "--provision"),
    ];
    for (line, expected) in table {
        let said = work(line).unwrap_err();
        assert!(said.contains(expected), "{line}: {said}");
    }
}

#[test]
fn regions_classes_and_versions_are_taken() {
    let work = work(
        "--list --region cn470 --cn470 26b --class b:4 --mac-version 1.1 --reg-params RP002-1.0.3 \
         --duty-cycle --abp --gateway-sub-band 3",
    );
    let scenario = work.unwrap().scenario;
    assert_eq!((scenario.region, scenario.antenna), (Region::Cn470, Antenna::B26));
    assert_eq!((scenario.class, scenario.beacons), (Class::B { periodicity: 4 }, true));
    assert_eq!(scenario.reg_params(), RegParamsRevision::Rp002_1_0_3);
    assert!(scenario.mac_version.is_1_1() && scenario.keeps_duty_cycle && scenario.personalized);
    assert_eq!(scenario.gateway_sub_band, Some(3));
    for region in Region::ALL {
        let line = format!("--list --region {region}");
        assert_eq!(super::tests::work(&line).unwrap().scenario.region, region);
    }
}

#[test]
fn groups_and_concentrators_are_taken() {
    let key = "000102030405060708090a0b0c0d0e0f";
    let line = format!("--list --class B:2 --concentrator SX1301 --group 2700ffff:{key}:{key}");
    let scenario = work(&line).unwrap().scenario;
    let [group] = scenario.groups.as_slice() else { panic!() };
    assert_eq!((group.mc_addr.value(), group.periodicity), (0x2700_ffff, 2));
    assert_eq!(scenario.gateway_specs()[0].model, Model::Sx1301);
    let specs = scenario.device_specs(lns_lorawan::Timestamp::default());
    assert!(specs.iter().all(|spec| spec.groups == scenario.groups));
    let five = format!(" --group 2700ffff:{key}:{key}").repeat(5);
    assert!(work(&format!("--list{five}")).unwrap_err().contains("4 at most"));
    assert!(work("--list --group 2700ffff").unwrap_err().contains("McAddr:McNwkSKey"));
}
