//! The plans against the rows of RP002 as people write them down: megahertz, `SF12BW125`, bytes.

use lns_lorawan::RegParamsRevision::{
    Rp001_1_0_2A, Rp001_1_0_2B, Rp001_1_0_3A, Rp002_1_0_4, Rp002_1_0_5,
};

use super::*;
use crate::device::Channels;

fn plan(region: Region) -> &'static Plan {
    of(region, Rp002_1_0_5, Antenna::default())
}

fn mhz(texts: &[&str]) -> Vec<u32> {
    let hz = |text: &&str| Frequency::from_mhz_str(text).unwrap().hz();
    texts.iter().map(hz).collect()
}

/// Region; default channels; RX2; beacon, its data rate and length; TXPower 0 and the greatest one;
/// the greatest RX1DROffset.
type Row = (Region, &'static [&'static str], (&'static str, u8), Bcn, (f64, u8), u8);
type Bcn = (&'static str, u8, usize);

#[rustfmt::skip]
const DYNAMIC: [Row; 11] = [
    (Region::Eu868, &["868.1", "868.3", "868.5"], ("869.525", 0), ("869.525", 3, 17), (16.0, 7), 5),
    (Region::As923_1, &["923.2", "923.4"], ("923.2", 2), ("923.4", 3, 17), (16.0, 7), 7),
    (Region::As923_2, &["921.4", "921.6"], ("921.4", 2), ("921.6", 3, 17), (16.0, 7), 7),
    (Region::As923_3, &["916.6", "916.8"], ("916.6", 2), ("916.8", 3, 17), (16.0, 7), 7),
    (Region::As923_4, &["917.3", "917.5"], ("917.3", 2), ("917.5", 3, 17), (16.0, 7), 7),
    (Region::Kr920, &["922.1", "922.3", "922.5"], ("921.9", 0), ("923.1", 3, 17), (14.0, 7), 5),
    (Region::In865, &["865.0625", "865.4025", "865.985"], ("866.55", 2), ("866.55", 4, 19), (29.2, 14), 7),
    (Region::Ru864, &["868.9", "869.1"], ("869.1", 0), ("869.1", 3, 17), (16.0, 7), 5),
    (Region::Eu433, &["433.175", "433.375", "433.575"], ("434.665", 0), ("434.665", 3, 17), (12.15, 5), 5),
    (Region::Cn779, &["779.5", "779.7", "779.9"], ("786.0", 0), ("785.0", 3, 17), (12.15, 5), 5),
    (Region::Ism2400, &["2403.0", "2425.0", "2479.0"], ("2423.0", 0), ("2424.0", 3, 17), (10.0, 7), 5),
];

#[test]
fn dynamic_plans_have_the_rows_of_the_table() {
    for (region, defaults, (rx2, rx2_rate), (beacon, rate, length), power, offset) in DYNAMIC {
        let plan = plan(region);
        let channels = Channels::new(plan, None);
        let found: Vec<_> = channels.usable().map(|(_, it)| it.frequency.hz()).collect();
        assert_eq!(found, mhz(defaults), "{region}");
        assert_eq!((vec![plan.rx2.0], plan.rx2.1), (mhz(&[rx2]), rx2_rate), "{region}");
        assert_eq!(plan.class_b.beacon, Place::At(mhz(&[beacon])[0]), "{region}");
        assert_eq!((plan.class_b.data_rate, plan.beacon_length()), (rate, length), "{region}");
        let most = plan.max_eirp(Rp002_1_0_5);
        assert_eq!(most, Dbm::from_f64(power.0), "{region}");
        assert_eq!(plan.eirp(2, (most, None)), Dbm::from_f64(power.0 - 4.0), "{region}");
        assert_eq!(plan.max_tx_power(Rp002_1_0_5), power.1, "{region}");
        assert_eq!(plan.max_rx1_dr_offset, offset, "{region}");
        assert!(plan.is_downlink_frequency(Frequency::from_hz(plan.rx2.0)), "{region}");
    }
    assert_eq!(plan(Region::Ru864).class_b.ping, Place::At(868_900_000));
}

/// Index, first and last uplink of each group and their RX1.
type FixedRow = (Region, Antenna, &'static [(u8, &'static str, &'static str)]);

#[rustfmt::skip]
const FIXED: [FixedRow; 6] = [
    (Region::Us915, Antenna::A20, &[
        (0, "902.3", "923.3"), (7, "903.7", "927.5"), (13, "904.9", "926.3"), (63, "914.9", "927.5"),
        (64, "903.0", "923.3"), (71, "914.2", "927.5"),
    ]),
    (Region::Au915, Antenna::A20, &[
        (0, "915.2", "923.3"), (63, "927.8", "927.5"), (64, "915.9", "923.3"), (71, "927.1", "927.5"),
    ]),
    (Region::Cn470, Antenna::A20, &[
        (0, "470.3", "483.9"), (31, "476.5", "490.1"), (32, "503.5", "490.3"), (63, "509.7", "496.5"),
    ]),
    (Region::Cn470, Antenna::B20, &[
        (0, "476.9", "476.9"), (31, "483.1", "483.1"), (32, "496.9", "496.9"), (63, "503.1", "503.1"),
    ]),
    (Region::Cn470, Antenna::A26, &[
        (0, "470.3", "490.1"), (23, "474.9", "494.7"), (24, "475.1", "490.1"), (47, "479.7", "494.7"),
    ]),
    (Region::Cn470, Antenna::B26, &[
        (0, "480.3", "500.1"), (23, "484.9", "504.7"), (24, "485.1", "500.1"), (47, "489.7", "504.7"),
    ]),
];

#[test]
fn fixed_plans_have_their_channels_and_answer_on_others() {
    for (region, antenna, rows) in FIXED {
        let plan = of(region, Rp002_1_0_5, antenna);
        let channels = Channels::new(plan, None);
        for (index, up, down) in rows {
            let channel = channels.channel(*index).unwrap();
            assert_eq!(channel.frequency.hz(), mhz(&[up])[0], "{region} {index}");
            let rx1 = plan.rx1_frequency(*index, channel.frequency);
            assert_eq!(rx1.hz(), mhz(&[down])[0], "{region} {index}");
            assert!(plan.is_downlink_frequency(rx1), "{region} {index}");
        }
        let last = rows.last().unwrap().0;
        assert_eq!((channels.channel(last + 1), plan.default_count()), (None, last + 1));
    }
    let legacy = of(Region::Cn470, Rp001_1_0_3A, Antenna::default());
    let channels = Channels::new(legacy, None);
    for (index, up, down) in [(0, "470.3", "500.3"), (48, "479.9", "500.3"), (95, "489.3", "509.7")]
    {
        let channel = channels.channel(index).unwrap();
        assert_eq!(channel.frequency.hz(), mhz(&[up])[0]);
        assert_eq!(legacy.rx1_frequency(index, channel.frequency).hz(), mhz(&[down])[0]);
    }
    assert_eq!((legacy.default_count(), legacy.rx2), (96, (505_300_000, 0)));
}

/// Join channel, its RX1 and RX2: the common join channels of RP002's chapter on CN470.
#[test]
fn a_cn470_device_is_answered_where_its_join_channel_says() {
    #[rustfmt::skip]
    let table = [
        (Antenna::A20, vec![
            ("470.9", "484.5", "485.3"), ("472.5", "486.1", "486.9"), ("474.1", "487.7", "488.5"),
            ("475.7", "489.3", "490.1"), ("504.1", "490.9", "491.7"), ("505.7", "492.5", "493.3"),
            ("507.3", "494.1", "494.9"), ("508.9", "495.7", "496.5"),
        ]),
        (Antenna::B20, vec![("479.9", "479.9", "478.3"), ("499.9", "499.9", "498.3")]),
        (Antenna::A26, vec![
            ("470.3", "492.5", "492.5"), ("472.3", "492.5", "492.5"), ("474.3", "492.5", "492.5"),
            ("476.3", "492.5", "492.5"), ("478.3", "492.5", "492.5"),
        ]),
        (Antenna::B26, vec![
            ("480.3", "502.5", "502.5"), ("482.3", "502.5", "502.5"), ("484.3", "502.5", "502.5"),
            ("486.3", "502.5", "502.5"), ("488.3", "502.5", "502.5"),
        ]),
    ];
    for (antenna, rows) in table {
        let plan = of(Region::Cn470, Rp002_1_0_5, antenna);
        let channels = Channels::new(plan, None);
        let found: Vec<_> = plan
            .homes
            .iter()
            .map(|home| {
                vec![channels.channel(home.join).unwrap().frequency.hz(), home.rx1, home.rx2]
            })
            .collect();
        let wanted: Vec<_> = rows.iter().map(|(up, rx1, rx2)| mhz(&[up, rx1, rx2])).collect();
        assert_eq!(found, wanted, "{antenna:?}");
    }
    let beacons = |antenna| of(Region::Cn470, Rp002_1_0_5, antenna).homes[0].beacon;
    assert_eq!(beacons(Antenna::A20), Place::Hops(483_900_000, 200_000));
    assert_eq!(beacons(Antenna::B20), Place::At(481_500_000));
    assert_eq!(beacons(Antenna::A26), Place::At(494_900_000));
    assert_eq!(beacons(Antenna::B26), Place::At(504_900_000));
    assert_eq!(of(Region::Cn470, Rp002_1_0_5, Antenna::A20).beacon_length(), 19);
}

/// Data rates and their sizes, from DR0 on; a dash where there is none.
#[rustfmt::skip]
const UP: [(Region, &str); 8] = [
    (Region::Eu868, "SF12BW125 59 SF11BW125 59 SF10BW125 59 SF9BW125 123 SF8BW125 250 SF7BW125 250 \
        SF7BW250 250 50000 250 M0CW137 58 M0CW137 123 M0CW336 58 M0CW336 123 SF6BW125 250 SF5BW125 250"),
    (Region::Us915, "SF10BW125 19 SF9BW125 61 SF8BW125 133 SF7BW125 250 SF8BW500 250 M0CW1523 58 \
        M0CW1523 133 SF6BW125 250 SF5BW125 250"),
    (Region::Au915, "SF12BW125 59 SF11BW125 59 SF10BW125 59 SF9BW125 123 SF8BW125 250 SF7BW125 250 \
        SF8BW500 250 M0CW1523 58 - SF6BW125 250 SF5BW125 250"),
    (Region::In865, "SF12BW125 59 SF11BW125 59 SF10BW125 59 SF9BW125 123 SF8BW125 250 SF7BW125 250 \
        - 50000 250 - - - - SF6BW125 250 SF5BW125 250"),
    (Region::Kr920, "SF12BW125 59 SF11BW125 59 SF10BW125 59 SF9BW125 123 SF8BW125 250 SF7BW125 250 \
        - - - - - - SF6BW125 250 SF5BW125 250"),
    (Region::Ru864, "SF12BW125 59 SF11BW125 59 SF10BW125 59 SF9BW125 123 SF8BW125 250 SF7BW125 250 \
        SF7BW250 250 50000 250 - - - - SF6BW125 250 SF5BW125 250"),
    (Region::Cn470, "- SF11BW125 31 SF10BW125 94 SF9BW125 172 SF8BW125 250 SF7BW125 250 SF7BW500 250 \
        50000 250"),
    (Region::Ism2400, "SF12BW812 59 SF11BW812 123 SF10BW812 248 SF9BW812 248 SF8BW812 248 \
        SF7BW812 248 SF6BW812 248 SF5BW812 248"),
];

fn rates_of(rates: &[Rate]) -> String {
    let last = rates.last().unwrap().index;
    let row = |index| match rates.iter().find(|rate| rate.index == index) {
        Some(rate) => format!("{} {}", rate.modulation, rate.most),
        None => "-".into(),
    };
    (0..=last).map(row).collect::<Vec<_>>().join(" ")
}

#[test]
fn uplink_data_rates_are_those_of_the_tables() {
    for (region, rows) in UP {
        assert_eq!(rates_of(plan(region).up), rows, "{region}");
    }
}

#[test]
fn us915_and_au915_answer_at_500_khz() {
    let rows = "SF5BW500 250 - - - - - - - SF12BW500 61 SF11BW500 137 SF10BW500 250 SF9BW500 250 \
                SF8BW500 250 SF7BW500 250 SF6BW500 250";
    assert_eq!(rates_of(plan(Region::Us915).down), rows);
    assert_eq!(rates_of(plan(Region::Au915).down), rows);
}

#[test]
fn short_uplinks_carry_less() {
    let dwelling = |region| -> Vec<_> {
        plan(region).up.iter().map(|rate| (rate.index, rate.most_dwelling)).take(6).collect()
    };
    let common = [(0, 0), (1, 0), (2, 19), (3, 61), (4, 133), (5, 250)];
    assert_eq!(dwelling(Region::As923_1), common);
    assert_eq!(dwelling(Region::Au915), common);
    let unlimited = plan(Region::As923_3).up.iter().map(|rate| rate.most).take(6);
    assert_eq!(unlimited.collect::<Vec<_>>(), [59, 59, 59, 123, 250, 250]);
}

fn rx1(region: Region, (up, dwell): (u8, bool), revision: RegParamsRevision) -> Vec<u8> {
    let plan = of(region, revision, Antenna::default());
    let at = |offset| (plan.rx1)(Rx1 { up, offset, dwell, revision });
    (0..=plan.max_rx1_dr_offset).map(at).collect()
}

/// Each row: the uplink's data rate, then RX1's by RX1DROffset.
type Rx1Rows = &'static [(u8, &'static [u8])];

#[rustfmt::skip]
const RX1: [(Region, Rx1Rows); 6] = [
    (Region::Eu868, &[
        (0, &[0, 0, 0, 0, 0, 0]), (1, &[1, 0, 0, 0, 0, 0]), (5, &[5, 4, 3, 2, 1, 0]),
        (6, &[6, 5, 4, 3, 2, 1]), (7, &[7, 6, 5, 4, 3, 2]), (8, &[1, 0, 0, 0, 0, 0]),
        (9, &[2, 1, 0, 0, 0, 0]), (10, &[1, 0, 0, 0, 0, 0]), (11, &[2, 1, 0, 0, 0, 0]),
        (12, &[12, 5, 4, 3, 2, 1]), (13, &[13, 12, 5, 4, 3, 2]),
    ]),
    (Region::Us915, &[
        (0, &[10, 9, 8, 8]), (1, &[11, 10, 9, 8]), (2, &[12, 11, 10, 9]), (3, &[13, 12, 11, 10]),
        (4, &[13, 13, 12, 11]), (5, &[10, 9, 8, 8]), (6, &[11, 10, 9, 8]), (7, &[14, 13, 12, 11]),
        (8, &[0, 14, 13, 12]),
    ]),
    (Region::Au915, &[
        (0, &[8, 8, 8, 8, 8, 8]), (1, &[9, 8, 8, 8, 8, 8]), (2, &[10, 9, 8, 8, 8, 8]),
        (3, &[11, 10, 9, 8, 8, 8]), (4, &[12, 11, 10, 9, 8, 8]), (5, &[13, 12, 11, 10, 9, 8]),
        (6, &[13, 13, 12, 11, 10, 9]), (7, &[9, 8, 8, 8, 8, 8]),
    ]),
    (Region::In865, &[
        (0, &[0, 0, 0, 0, 0, 0, 1, 2]), (1, &[1, 0, 0, 0, 0, 0, 2, 3]),
        (2, &[2, 1, 0, 0, 0, 0, 3, 4]), (3, &[3, 2, 1, 0, 0, 0, 4, 5]),
        (4, &[4, 3, 2, 1, 0, 0, 5, 5]), (5, &[5, 4, 3, 2, 1, 0, 5, 7]),
        (7, &[7, 5, 5, 4, 3, 2, 7, 7]),
    ]),
    (Region::Cn470, &[
        (1, &[1, 1, 1, 1, 1, 1]), (2, &[2, 1, 1, 1, 1, 1]), (3, &[3, 2, 1, 1, 1, 1]),
        (5, &[5, 4, 3, 2, 1, 1]), (6, &[6, 5, 4, 3, 2, 1]), (7, &[7, 6, 5, 4, 3, 2]),
    ]),
    (Region::Ism2400, &[(0, &[0, 0, 0, 0, 0, 0]), (7, &[7, 6, 5, 4, 3, 2])]),
];

#[test]
fn rx1_data_rates_are_those_of_the_tables() {
    for (region, rows) in RX1 {
        for (up, expected) in rows {
            assert_eq!(rx1(region, (*up, false), Rp002_1_0_5), *expected, "{region} DR{up}");
        }
    }
    for region in [Region::Kr920, Region::Ru864, Region::Eu433, Region::Cn779] {
        assert_eq!(rx1(region, (5, false), Rp002_1_0_5), [5, 4, 3, 2, 1, 0], "{region}");
        assert_eq!(rx1(region, (3, false), Rp002_1_0_5), [3, 2, 1, 0, 0, 0], "{region}");
    }
}

#[test]
fn as923_answers_within_its_dwell_time_and_its_edition() {
    let rx1 = |up, dwell, revision| rx1(Region::As923_1, (up, dwell), revision);
    assert_eq!(rx1(0, false, Rp002_1_0_5), [0, 0, 0, 0, 0, 0, 1, 2]);
    assert_eq!(rx1(0, true, Rp002_1_0_5), [2, 2, 2, 2, 2, 2, 2, 2]);
    assert_eq!(rx1(3, true, Rp002_1_0_5), [3, 2, 2, 2, 2, 2, 4, 5]);
    assert_eq!(rx1(5, false, Rp002_1_0_5), [5, 4, 3, 2, 1, 0, 6, 7]);
    assert_eq!(rx1(5, false, Rp001_1_0_3A), [5, 4, 3, 2, 1, 0, 5, 5]);
    assert_eq!(rx1(7, false, Rp002_1_0_5), [7, 6, 5, 4, 3, 2, 7, 7]);
}

#[test]
fn older_editions_know_less() {
    let powers = |region, revision| of(region, revision, Antenna::default()).max_tx_power(revision);
    let table = [
        (Region::Eu868, Rp001_1_0_2A, 5),
        (Region::Eu868, Rp001_1_0_2B, 7),
        (Region::As923_2, Rp001_1_0_2A, 5),
        (Region::Us915, Rp001_1_0_2B, 10),
        (Region::Us915, Rp001_1_0_3A, 14),
        (Region::In865, Rp002_1_0_4, 10),
    ];
    for (region, revision, most) in table {
        assert_eq!(powers(region, revision), most, "{region} {revision}");
    }
    let eu868 = plan(Region::Eu868);
    assert!(eu868.up(12, Rp002_1_0_4).is_none() && eu868.up(8, Rp001_1_0_3A).is_none());
    let first = of(Region::Au915, Rp001_1_0_2A, Antenna::default());
    assert_eq!(rates_of(first.up).split(' ').next(), Some("SF10BW125"));
    let second = of(Region::Au915, Rp001_1_0_2B, Antenna::default());
    assert_eq!((second.max_rx1_dr_offset, second.class_b.data_rate), (5, 10));
    assert_eq!(plan(Region::In865).max_eirp(Rp002_1_0_4), Dbm::from_whole(30));
    assert_eq!((first.max_rx1_dr_offset, first.class_b.data_rate), (3, 10));
    assert_eq!(rx1(Region::Au915, (0, false), Rp001_1_0_2A), [10, 9, 8, 8]);
}

#[test]
fn data_rates_back_off_to_slower_ones() {
    let ladder = |region, from| -> Vec<u8> {
        core::iter::successors(Some(from), |rate| plan(region).slower(*rate)).collect()
    };
    // RP002-1.0.5 table 93.
    assert_eq!(ladder(Region::In865, 13), [13, 12, 5, 4, 3, 2, 1, 0]);
    assert_eq!(ladder(Region::In865, 7), [7, 5, 4, 3, 2, 1, 0]);
    assert_eq!(ladder(Region::Us915, 4), [4, 3, 2, 1, 0]);
    assert_eq!(ladder(Region::Cn470, 5), [5, 4, 3, 2, 1]);
}

#[test]
fn what_hops_hops_with_the_beacons_and_the_address() {
    let us915 = plan(Region::Us915).class_b;
    assert_eq!(us915.beacon.at(0, 0).hz(), 923_300_000);
    assert_eq!(us915.beacon.at(128 * 9, 0).hz(), 923_900_000);
    assert_eq!(us915.ping.at(128 * 9, 6).hz(), 927_500_000);
    assert_eq!((us915.data_rate, plan(Region::Us915).beacon_length()), (8, 23));
    let legacy = of(Region::Cn470, Rp001_1_0_3A, Antenna::default());
    assert_eq!(legacy.class_b.beacon.at(128, 0).hz(), 508_500_000);
}

#[test]
fn frequencies_above_1_67_ghz_are_carried_in_steps_of_200_hz() {
    let raw = Frequency::from_wire([0x8e, 0x0a, 0xb8], lns_lorawan::FrequencyStep::Hz100);
    let at_2_4_ghz = plan(Region::Ism2400).from_frame(raw);
    assert_eq!(at_2_4_ghz.hz(), 0x00b8_0a8e * 200);
    assert_eq!(plan(Region::Eu868).from_frame(raw), raw);
}

#[test]
fn symbols_last_as_long_as_the_data_sheet_says() {
    assert_eq!(symbol_micros(Modulation::lora(Sf7, Khz125)), 1024);
    assert_eq!(symbol_micros(Modulation::lora(Sf12, Khz125)), 32_768);
    assert_eq!(symbol_micros(Modulation::lora(Sf12, Khz500)), 8192);
}
