//! Hours in a second: the same fleet, with a server that answers at once or wrongly.

use lns_lorawan::{Region, TimeDelta, Timestamp};
use sim::device::Class;
use sim::{AirSpec, Event, Field, Report, Scenario};

use crate::little_server::{Faults, LittleServer};

fn start() -> Timestamp {
    Timestamp::from_secs(1_700_000_000)
}

pub fn server_of(scenario: &Scenario) -> LittleServer {
    let devices = scenario.device_specs(start());
    LittleServer::new(devices.iter().map(|spec| (spec.dev_eui, scenario.app_key_of(spec.dev_eui))))
}

/// Lets so much time pass; what happened.
fn drive(field: &mut Field, server: &mut LittleServer, span: TimeDelta) -> Vec<Event> {
    let end = start() + span;
    let mut events = Vec::new();
    while let Some(now) = field.next_wake().filter(|now| *now <= end) {
        field.wake(now);
        for (gateway, datagram) in field.take_datagrams() {
            for answer in server.datagram(&datagram) {
                field.datagram(now, gateway, &answer);
            }
        }
        events.extend(field.take_events());
    }
    events
}

fn run(scenario: &Scenario, faults: Faults, span: TimeDelta) -> (Report, LittleServer) {
    let mut server = server_of(scenario);
    server.faults = faults;
    let mut field = scenario.build(start());
    drive(&mut field, &mut server, span);
    (field.report(), server)
}

#[test]
fn everybody_joins_and_is_acknowledged_in_rx1() {
    let scenario = Scenario {
        devices: 20,
        gateways: 3,
        interval: TimeDelta::from_secs(300),
        confirmed_share: 0.5,
        ..Scenario::default()
    };
    let (report, server) = run(&scenario, Faults::default(), TimeDelta::from_secs(7200));
    let total = report.total;
    assert_eq!((report.joined, report.connected, total.joins), (20, 3, 20));
    assert!(total.uplinks > 400 && total.confirmed > 150, "{report}");
    assert_eq!((total.heard_rx1, total.heard_rx2), (total.joins + total.acked, 0));
    assert_eq!((report.missed_total(), report.worst_offset), (0, TimeDelta::ZERO));
    assert_eq!(report.air.push_data, report.air.push_acks);
    // Two devices that talk at once may find a gateway deaf or its queue taken; not the most.
    assert!(server.uplinks * 100 > total.uplinks * 95, "{} of {report}", server.uplinks);
}

#[test]
fn a_wrong_server_is_found_out_by_name() {
    let scenario = Scenario { devices: 1, ..Scenario::default() };
    let table = [
        (Faults { not_inverted: true, ..Faults::default() }, "wrong polarity"),
        (Faults { other_channel: true, ..Faults::default() }, "wrong frequency"),
        (Faults { late_us: 3001, ..Faults::default() }, "too late"),
    ];
    for (faults, reason) in table {
        let (report, _) = run(&scenario, faults, TimeDelta::from_secs(60));
        assert_eq!((report.joined, report.total.heard_rx1), (0, 0), "{reason}");
        assert!(report.total.join_failures > 0);
        assert_eq!(report.missed.keys().collect::<Vec<_>>(), [&reason]);
    }
}

#[test]
fn air_that_loses_frames_costs_repeats_and_not_sessions() {
    let scenario = Scenario {
        confirmed_share: 1.0,
        interval: TimeDelta::from_secs(120),
        air: AirSpec { loss_up: 0.2, loss_down: 0.2, ..AirSpec::default() },
        ..Scenario::default()
    };
    let (report, _) = run(&scenario, Faults::default(), TimeDelta::from_secs(3600));
    assert_eq!(report.joined, 3);
    assert!(report.total.repeats > 0 && report.unheard_up > 0, "{report}");
    assert!(report.missed.contains_key("lost"), "{report}");
}

#[test]
fn a_run_repeats_to_the_letter() {
    let transcript = |seed| {
        let scenario = Scenario { seed, gateways: 2, ..Scenario::default() };
        let mut field = scenario.build(start());
        let mut server = server_of(&scenario);
        let events = drive(&mut field, &mut server, TimeDelta::from_secs(120));
        let lines = events.iter().map(|event| format!("{} {event}\n", event.at()));
        lines.collect::<String>()
    };
    let first = transcript(3);
    assert_eq!(first, transcript(3));
    assert_ne!(first, transcript(4));
    for word in ["Join-Request", "joined, DevAddr", "in RX1, +0 µs", "uplink FCnt 0 FPort 1"] {
        assert!(first.contains(word), "{word} is missing in\n{first}");
    }
}

#[test]
fn a_report_is_a_table_that_people_can_read() {
    let scenario = Scenario { devices: 2, confirmed_share: 1.0, ..Scenario::default() };
    let (report, _) = run(&scenario, Faults::default(), TimeDelta::from_secs(60));
    let text = report.to_string();
    for row in
        ["devices                      2  2 with a session", "joins                        2"]
    {
        assert!(text.contains(row), "{row} is missing in\n{text}");
    }
    assert!(text.contains("RX2 0"), "{text}");
}

/// Where RX1 is like the uplink, this server serves any region.
#[test]
fn everybody_joins_in_every_region_of_a_dynamic_plan() {
    let dynamic = [
        Region::As923_1,
        Region::As923_2,
        Region::As923_3,
        Region::As923_4,
        Region::Eu433,
        Region::Cn779,
        Region::Ru864,
        Region::Kr920,
        Region::In865,
        Region::Ism2400,
    ];
    for region in dynamic {
        let scenario = Scenario {
            region,
            devices: 3,
            interval: TimeDelta::from_secs(60),
            confirmed_share: 1.0,
            ..Scenario::default()
        };
        let (report, _) = run(&scenario, Faults::default(), TimeDelta::from_secs(600));
        assert_eq!((report.joined, report.missed_total()), (3, 0), "{region}\n{report}");
        assert!(report.total.acked > 10, "{region}\n{report}");
    }
}

#[test]
fn a_fleet_goes_to_class_b_and_hears_its_ping_slots() {
    let scenario = Scenario {
        devices: 4,
        gateways: 2,
        interval: TimeDelta::from_secs(300),
        class: Class::B { periodicity: 2 },
        beacons: true,
        ..Scenario::default()
    };
    let (report, _) = run(&scenario, Faults::default(), TimeDelta::from_secs(7200));
    let total = report.total;
    assert_eq!(report.joined, 4);
    assert!(total.beacons > 200 && report.air.beacons > 100, "{report}");
    // One frame a ping slot after every uplink in class B, and the gateways' clocks are exact.
    assert!(total.heard_ping > 60, "{report}");
    assert!(report.worst_offset < TimeDelta::from_millis(1), "{report}");
}
