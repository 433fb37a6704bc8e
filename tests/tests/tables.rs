//! What RP002 says was written down twice, by different people: for the server and for simulated
//! devices. Where the two differ, one of them is wrong, or the documents are.

use lns_lorawan::region::{Cn470JoinChannel, PayloadRules, RegionTables};
use lns_lorawan::{DataRateIndex, DevAddr, Direction, Frequency, RegParamsRevision, Region};
use sim::device::Channels;
use sim::device::plan::{Antenna, Plan, Rx1};

/// One region in one edition: the server's tables, a device's, and its name for people.
struct Both {
    name: String,
    server: &'static RegionTables,
    device: &'static Plan,
    region: Region,
    revision: RegParamsRevision,
}

fn antenna_of(joined_on: Cn470JoinChannel) -> Antenna {
    match joined_on.index() {
        0..=7 => Antenna::A20,
        8..=9 => Antenna::B20,
        10..=14 => Antenna::A26,
        _ => Antenna::B26,
    }
}

fn all() -> Vec<Both> {
    let mut all = Vec::new();
    for region in Region::ALL {
        for revision in RegParamsRevision::ALL.iter().copied() {
            let is_new_china =
                region == Region::Cn470 && revision >= RegParamsRevision::Rp002_1_0_0;
            let joined_on: Vec<_> = match is_new_china {
                true => (0..20).map(Cn470JoinChannel::new).collect(),
                false => vec![None],
            };
            for joined_on in joined_on {
                let antenna = joined_on.map(antenna_of).unwrap_or_default();
                let name = match joined_on {
                    Some(channel) => format!("{region} {revision} joined on {}", channel.index()),
                    None => format!("{region} {revision}"),
                };
                all.push(Both {
                    name,
                    server: region.tables_for(revision, joined_on),
                    device: sim::device::plan::of(region, revision, antenna),
                    region,
                    revision,
                });
            }
        }
    }
    all
}

fn index(value: u8) -> DataRateIndex {
    DataRateIndex::from_low_bits(value)
}

/// Compares something in all regions and editions; what differs, one line each.
fn differences(compare: impl Fn(&Both) -> Vec<String>) -> Vec<String> {
    let named = |both: &Both| {
        let name = &both.name;
        compare(both).into_iter().map(|line| format!("{name}: {line}")).collect::<Vec<_>>()
    };
    all().iter().flat_map(named).collect()
}

fn none(differences: &[String]) {
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
}

fn differs<T: PartialEq + std::fmt::Debug>(what: &str, server: T, device: T) -> Option<String> {
    (server != device).then(|| format!("{what}: the server has {server:?}, devices {device:?}"))
}

#[test]
fn data_rates_are_the_same() {
    none(&differences(|both| {
        let rates = (0..16).flat_map(|rate| {
            let known = |direction| {
                let knows = both.server.knows_data_rate(direction, index(rate), both.revision);
                both.server.data_rate(direction, index(rate)).filter(|_| knows)
            };
            let up = both.device.up(rate, both.revision).map(|it| it.modulation);
            let down = both.device.down(rate, both.revision).map(|it| it.modulation);
            let what = format!("DR{rate}");
            [
                differs(&(what.clone() + " up"), known(Direction::Up), up),
                differs(&(what + " down"), known(Direction::Down), down),
            ]
        });
        rates.flatten().collect()
    }));
}

/// A device must never send more than the server thinks possible.
#[test]
fn devices_send_no_more_than_fits() {
    none(&differences(|both| {
        let rates = both.device.up.iter().filter(|rate| rate.since <= both.revision);
        let sizes = rates.flat_map(|rate| {
            [(false, rate.most), (true, rate.most_dwelling)].map(|(dwell_time, most)| {
                let rules = PayloadRules { repeater_compatible: false, dwell_time };
                let fits = both.server.max_payload(Direction::Up, index(rate.index), rules);
                let fits = fits.map_or(0, |it| usize::from(it.m));
                (most > fits).then(|| {
                    format!("DR{} dwell {dwell_time}: {most} bytes, {fits} fit", rate.index)
                })
            })
        });
        sizes.flatten().collect()
    }));
}

#[test]
fn channels_and_what_answers_them_are_the_same() {
    none(&differences(|both| {
        let channels = Channels::new(both.device, None);
        let places = (0..96).flat_map(|number| {
            let server = both.server.channel(number).map(|it| it.frequency);
            let device = channels.channel(number).map(|it| it.frequency);
            let rx1 = server.map(|up| both.server.rx1_frequency(number, up));
            let device_rx1 = device.map(|up| both.device.rx1_frequency(number, up));
            [
                differs(&format!("channel {number}"), server, device),
                differs(&format!("RX1 of channel {number}"), rx1, device_rx1),
            ]
        });
        places.flatten().collect()
    }));
}

/// IN865 until RP001: implementations disagree about DR5 with offset 7 (DR5 by the formula, DR7 by the
/// later table). The two sides keep one reading each.
fn is_unsettled(both: &Both, row: (u8, u8)) -> bool {
    both.region == Region::In865 && both.revision < RegParamsRevision::Rp002_1_0_0 && row == (5, 7)
}

#[test]
fn rx1_data_rates_are_the_same() {
    none(&differences(|both| {
        let offsets = both.server.max_rx1_dr_offset();
        let mut found: Vec<String> =
            differs("offsets", offsets, both.device.max_rx1_dr_offset).into_iter().collect();
        let knows = |rate: &u8| both.device.up(*rate, both.revision).is_some();
        for (up, offset) in (0..16).filter(knows).flat_map(|up| (0..=offsets).map(move |o| (up, o)))
        {
            for dwell in [false, true] {
                let server = both.server.rx1_data_rate(index(up), offset, Some(dwell));
                let rule = Rx1 { up, offset, dwell, revision: both.revision };
                let device = Some(index((both.device.rx1)(rule)));
                if is_unsettled(both, (up, offset)) {
                    continue;
                }
                let what = format!("RX1 of DR{up} with offset {offset}, dwell {dwell}");
                found.extend(differs(&what, server, device));
            }
        }
        found
    }));
}

#[test]
fn rx2_powers_and_commands_are_the_same() {
    none(&differences(|both| {
        let (hz, rate) = both.device.rx2;
        let home = both.server.join_rx1.is_some() || both.device.homes.is_empty();
        let rx2 = (Frequency::from_hz(hz), index(rate));
        // The first edition's powers are those of its successor in devices: AS923 and KR920 differ, and
        // nothing but the report of a transmission depends on it.
        let is_first = both.revision == RegParamsRevision::Rp001_1_0_2A;
        let powers = both.server.max_tx_power_index(both.revision).value();
        [
            home.then(|| differs("RX2", both.server.rx2, rx2)).flatten(),
            differs("TXPower", powers, both.device.max_tx_power(both.revision)),
            differs("EIRP", both.server.max_eirp, both.device.max_eirp(both.revision))
                .filter(|_| !is_first),
            differs(
                "TXParamSetupReq",
                both.server.has_tx_param_setup(),
                both.device.dwell.can_be_set(),
            ),
        ]
        .into_iter()
        .flatten()
        .collect()
    }));
}

#[test]
fn beacons_and_ping_slots_are_the_same() {
    none(&differences(|both| {
        let beacon = &both.server.beacon;
        let mut found: Vec<String> = [
            differs("beacon data rate", beacon.data_rate.value(), both.device.class_b.data_rate),
            differs("beacon length", usize::from(beacon.length()), both.device.beacon_length()),
        ]
        .into_iter()
        .flatten()
        .collect();
        if !both.device.homes.is_empty() {
            return found;
        }
        let dev_addr = DevAddr::new(0x2700_1a2b);
        for time in (0..16).map(|n| n * 128) {
            let device = both.device.class_b.beacon.at(time, 0);
            found.extend(differs("beacon", beacon.frequency(time), device));
            let device = both.device.class_b.ping.at(time, dev_addr.value());
            found.extend(differs("ping", beacon.ping_slot_frequency(dev_addr, time), device));
        }
        found
    }));
}

/// CN470 from RP002 on: what the join channel decides.
#[test]
fn join_channels_of_cn470_are_the_same() {
    let revision = RegParamsRevision::Rp002_1_0_5;
    let mut found = Vec::new();
    for joined_on in (0..20).filter_map(Cn470JoinChannel::new) {
        let server = Region::Cn470.tables_for(revision, Some(joined_on));
        let device = sim::device::plan::of(Region::Cn470, revision, antenna_of(joined_on));
        let channels = Channels::new(device, None);
        let home = device
            .homes
            .iter()
            .find(|it| {
                channels.channel(it.join).is_some_and(|it| it.frequency == joined_on.frequency())
            })
            .expect("every join channel is one of devices', too");
        let name = format!("joined on {}", joined_on.frequency());
        let rx1 = server.join_rx1_frequency(home.join, joined_on.frequency());
        let beacon = |time| server.beacon.frequency(time);
        found.extend(differs(&(name.clone() + ", RX1"), rx1, Frequency::from_hz(home.rx1)));
        found.extend(differs(
            &(name.clone() + ", RX2"),
            server.rx2.0,
            Frequency::from_hz(home.rx2),
        ));
        for time in [0, 128, 1280] {
            let (server, device) = (beacon(time), home.beacon.at(time, 0));
            found.extend(differs(&format!("{name}, beacon at {time}"), server, device));
        }
        let dev_addr = DevAddr::new(5);
        let ping = server.beacon.ping_slot_frequency(dev_addr, 128);
        found.extend(differs(&(name + ", ping slot"), ping, home.ping.at(128, 5)));
    }
    none(&found);
}
