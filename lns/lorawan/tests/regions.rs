//! Each region against a row of its own, written by hand from RP002-1.0.5 (CN779: RP002-1.0.3;
//! ISM2400: Semtech's proposal), not from the tables.

use lns_lorawan::region::PayloadRules;
use lns_lorawan::{DataRateIndex, Direction, Frequency, RegParamsRevision, Region, RegionTables};

struct Row {
    region: Region,
    /// First, second and last default channel.
    channels: [&'static str; 3],
    count: u8,
    /// RX2, beacon (of time 0) and ping slot (of address 0 and time 0).
    places: [&'static str; 3],
    /// Data rates of RX2, beacons and ping slots.
    rates: [u8; 3],
    beacon_length: u8,
    /// Of devices, as text in dBm.
    max_eirp: &'static str,
    max_offset: u8,
    up: &'static str,
    /// M without a dwell time, by defined uplink data rate.
    up_m: &'static str,
}

const COMMON: &str = "0:SF12BW125 1:SF11BW125 2:SF10BW125 3:SF9BW125 4:SF8BW125 5:SF7BW125 \
                      6:SF7BW250 7:50000 12:SF6BW125 13:SF5BW125";
const COMMON_M: &str = "59 59 59 123 250 250 250 250 250 250";

const fn as923(region: Region, channels: [&'static str; 3], places: [&'static str; 3]) -> Row {
    Row {
        region,
        channels,
        count: 2,
        places,
        rates: [2, 3, 3],
        beacon_length: 17,
        max_eirp: "16",
        max_offset: 7,
        up: COMMON,
        up_m: "59 59 123 123 250 250 250 250 250 250",
    }
}

const ROWS: [Row; 14] = [
    Row {
        region: Region::Eu868,
        channels: ["868.1", "868.3", "868.5"],
        count: 3,
        places: ["869.525", "869.525", "869.525"],
        rates: [0, 3, 3],
        beacon_length: 17,
        max_eirp: "16",
        max_offset: 5,
        up: "0:SF12BW125 1:SF11BW125 2:SF10BW125 3:SF9BW125 4:SF8BW125 5:SF7BW125 6:SF7BW250 \
             7:50000 8:M0CW137 9:M0CW137 10:M0CW336 11:M0CW336 12:SF6BW125 13:SF5BW125",
        up_m: "59 59 59 123 250 250 250 250 58 123 58 123 250 250",
    },
    Row {
        region: Region::Us915,
        channels: ["902.3", "902.5", "914.2"],
        count: 72,
        places: ["923.3", "923.3", "923.3"],
        rates: [8, 8, 8],
        beacon_length: 23,
        max_eirp: "30",
        max_offset: 3,
        up: "0:SF10BW125 1:SF9BW125 2:SF8BW125 3:SF7BW125 4:SF8BW500 5:M0CW1523 6:M0CW1523 \
             7:SF6BW125 8:SF5BW125",
        up_m: "19 61 133 250 250 58 133 250 250",
    },
    Row {
        region: Region::Au915,
        channels: ["915.2", "915.4", "927.1"],
        count: 72,
        places: ["923.3", "923.3", "923.3"],
        rates: [8, 8, 8],
        beacon_length: 23,
        max_eirp: "30",
        max_offset: 5,
        up: "0:SF12BW125 1:SF11BW125 2:SF10BW125 3:SF9BW125 4:SF8BW125 5:SF7BW125 6:SF8BW500 \
             7:M0CW1523 9:SF6BW125 10:SF5BW125",
        up_m: "59 59 59 123 250 250 250 58 250 250",
    },
    as923(Region::As923_1, ["923.2", "923.4", "923.4"], ["923.2", "923.4", "923.4"]),
    as923(Region::As923_2, ["921.4", "921.6", "921.6"], ["921.4", "921.6", "921.6"]),
    as923(Region::As923_3, ["916.6", "916.8", "916.8"], ["916.6", "916.8", "916.8"]),
    as923(Region::As923_4, ["917.3", "917.5", "917.5"], ["917.3", "917.5", "917.5"]),
    Row {
        region: Region::Eu433,
        channels: ["433.175", "433.375", "433.575"],
        count: 3,
        places: ["434.665", "434.665", "434.665"],
        rates: [0, 3, 3],
        beacon_length: 17,
        max_eirp: "12.15",
        max_offset: 5,
        up: COMMON,
        up_m: COMMON_M,
    },
    Row {
        region: Region::Cn470,
        channels: ["470.3", "470.5", "509.7"],
        count: 64,
        places: ["486.9", "485.5", "485.5"],
        rates: [1, 2, 2],
        beacon_length: 19,
        max_eirp: "19.15",
        max_offset: 5,
        up: "1:SF11BW125 2:SF10BW125 3:SF9BW125 4:SF8BW125 5:SF7BW125 6:SF7BW500 7:50000",
        up_m: "31 94 192 250 250 250 250",
    },
    Row {
        region: Region::Cn779,
        channels: ["779.5", "779.7", "779.9"],
        count: 3,
        places: ["786.0", "785.0", "785.0"],
        rates: [0, 3, 3],
        beacon_length: 17,
        max_eirp: "12.15",
        max_offset: 5,
        up: "0:SF12BW125 1:SF11BW125 2:SF10BW125 3:SF9BW125 4:SF8BW125 5:SF7BW125 6:SF7BW250 \
             7:50000",
        up_m: "59 59 59 123 250 250 250 250",
    },
    Row {
        region: Region::Ru864,
        channels: ["868.9", "869.1", "869.1"],
        count: 2,
        places: ["869.1", "869.1", "868.9"],
        rates: [0, 3, 3],
        beacon_length: 17,
        max_eirp: "16",
        max_offset: 5,
        up: COMMON,
        up_m: COMMON_M,
    },
    Row {
        region: Region::Kr920,
        channels: ["922.1", "922.3", "922.5"],
        count: 3,
        places: ["921.9", "923.1", "923.1"],
        rates: [0, 3, 3],
        beacon_length: 17,
        max_eirp: "14",
        max_offset: 5,
        up: "0:SF12BW125 1:SF11BW125 2:SF10BW125 3:SF9BW125 4:SF8BW125 5:SF7BW125 12:SF6BW125 \
             13:SF5BW125",
        up_m: "59 59 59 123 250 250 250 250",
    },
    Row {
        region: Region::In865,
        channels: ["865.0625", "865.4025", "865.985"],
        count: 3,
        places: ["866.55", "866.55", "866.55"],
        rates: [2, 4, 4],
        beacon_length: 19,
        max_eirp: "29.2",
        max_offset: 7,
        up: "0:SF12BW125 1:SF11BW125 2:SF10BW125 3:SF9BW125 4:SF8BW125 5:SF7BW125 7:50000 \
             12:SF6BW125 13:SF5BW125",
        up_m: "59 59 59 123 250 250 250 250 250",
    },
    Row {
        region: Region::Ism2400,
        channels: ["2403.0", "2425.0", "2479.0"],
        count: 3,
        places: ["2423.0", "2424.0", "2424.0"],
        rates: [0, 3, 3],
        beacon_length: 17,
        max_eirp: "10",
        max_offset: 5,
        up: "0:SF12BW812 1:SF11BW812 2:SF10BW812 3:SF9BW812 4:SF8BW812 5:SF7BW812 6:SF6BW812 \
             7:SF5BW812",
        up_m: "59 123 248 248 248 248 248 248",
    },
];

fn dr(index: u8) -> DataRateIndex {
    DataRateIndex::new(index).unwrap()
}

fn mhz(text: &str) -> Frequency {
    Frequency::from_mhz_str(text).unwrap()
}

fn rates(tables: &RegionTables, direction: Direction) -> String {
    let defined = (0..16).map(dr).filter_map(|index| {
        tables.data_rate(direction, index).map(|rate| format!("{index}:{rate}"))
    });
    defined.collect::<Vec<_>>().join(" ")
}

#[test]
fn every_region_is_as_its_chapter_has_it() {
    assert_eq!(ROWS.each_ref().map(|row| row.region), Region::ALL);
    for row in &ROWS {
        let name = row.region;
        let tables = name.tables_for(RegParamsRevision::Rp002_1_0_5, None);
        let (default, beacon) = (tables.plan.default_count(), &tables.beacon);
        assert_eq!(default, row.count, "{name}");
        let channels = [0, 1, default - 1].map(|index| tables.channel(index).unwrap().frequency);
        assert_eq!(channels, row.channels.map(mhz), "{name}");
        let address = lns_lorawan::DevAddr::new(0);
        let places = [tables.rx2.0, beacon.frequency(0), beacon.ping_slot_frequency(address, 0)];
        assert_eq!(places, row.places.map(mhz), "{name}");
        let rates_used = [tables.rx2.1, beacon.data_rate, beacon.ping_slot_data_rate];
        assert_eq!(rates_used, row.rates.map(dr), "{name}");
        assert_eq!(beacon.length(), row.beacon_length, "{name}");
        assert_eq!(tables.max_eirp.to_string(), row.max_eirp, "{name}");
        assert_eq!(tables.max_rx1_dr_offset(), row.max_offset, "{name}");
        assert_eq!(rates(tables, Direction::Up), row.up, "{name}");
        let m: Vec<String> = (0..16)
            .map(dr)
            .filter_map(|index| tables.max_payload(Direction::Up, index, PayloadRules::default()))
            .map(|limit| limit.m.to_string())
            .collect();
        assert_eq!(m.join(" "), row.up_m, "{name}");
    }
}

/// Dynamic plans mean the same in both directions, but for LR-FHSS, which gateways cannot send.
#[test]
fn downlinks_have_no_lr_fhss() {
    for region in Region::ALL {
        let tables = region.tables();
        let down = rates(tables, Direction::Down);
        assert!(!down.contains("CW"), "{region}: {down}");
        if tables.plan.is_dynamic() && region != Region::Eu868 {
            assert_eq!(rates(tables, Direction::Up), down, "{region}");
        }
    }
    let us = "0:SF5BW500 8:SF12BW500 9:SF11BW500 10:SF10BW500 11:SF9BW500 12:SF8BW500 \
              13:SF7BW500 14:SF6BW500";
    assert_eq!(rates(Region::Us915.tables(), Direction::Down), us);
    assert_eq!(rates(Region::Au915.tables(), Direction::Down), us);
}

/// RP002-1.0.5, table 73 (AS923), and AU915's.
#[test]
fn dwell_times_shorten_frames() {
    let m = |region: Region, dwell_time| {
        let rules = PayloadRules { repeater_compatible: false, dwell_time };
        let limit = |index| region.tables().max_payload(Direction::Up, dr(index), rules);
        [0, 1, 2, 3, 4, 5].map(|index| limit(index).unwrap().m)
    };
    for region in [Region::As923_1, Region::As923_2, Region::As923_3, Region::As923_4] {
        assert_eq!(m(region, true), [0, 0, 19, 61, 133, 250]);
        assert_eq!(m(region, false), [59, 59, 123, 123, 250, 250]);
    }
    assert_eq!(m(Region::Au915, true), [0, 0, 19, 61, 133, 250]);
    assert_eq!(m(Region::Au915, false), [59, 59, 59, 123, 250, 250]);
    assert_eq!(m(Region::Eu868, true), m(Region::Eu868, false));
}

#[test]
fn gateways_stay_within_duty_cycle_and_power() {
    for (region, frequency, permille, dbm) in [
        (Region::Eu868, "868.1", Some(10), "16.15"),
        (Region::Eu868, "869.525", Some(100), "29.15"),
        (Region::As923_1, "923.2", Some(10), "16"),
        (Region::As923_3, "916.6", Some(10), "16"),
        (Region::Eu433, "434.665", Some(100), "12.15"),
        (Region::Cn779, "786.0", Some(10), "12.15"),
        (Region::Ru864, "869.1", Some(10), "16"),
        (Region::Us915, "923.3", None, "26"),
        (Region::Au915, "923.3", None, "30"),
        (Region::Kr920, "921.9", None, "23"),
        (Region::In865, "866.55", None, "29.2"),
        (Region::Cn470, "505.3", None, "19.15"),
        (Region::Ism2400, "2423.0", None, "10"),
    ] {
        let tables = region.tables();
        let band = tables.sub_band(mhz(frequency));
        assert_eq!(band.map(|band| band.duty_cycle_permille), permille, "{region}");
        let power = tables.downlink_max_eirp(mhz(frequency)).unwrap();
        assert_eq!(power.to_string(), dbm, "{region}");
    }
    for (region, frequency) in
        [(Region::Kr920, "923.4"), (Region::Us915, "868.1"), (Region::As923_4, "921.0")]
    {
        assert_eq!(region.tables().downlink_max_eirp(mhz(frequency)), None, "{region}");
    }
}
