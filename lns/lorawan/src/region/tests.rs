use proptest::prelude::*;

use super::*;
use crate::dev_addr::DevAddr;
use crate::modulation::{Bandwidth, Modulation, SpreadingFactor};
use crate::units::{DataRateIndex, Dbm, Direction, TxPowerIndex};
use crate::wire::CfList;

fn dr(value: u8) -> DataRateIndex {
    DataRateIndex::new(value).unwrap()
}

fn hz(value: u32) -> Frequency {
    Frequency::from_hz(value)
}

const EU: &RegionTables = Region::Eu868.tables();
const US: &RegionTables = Region::Us915.tables();

/// Every set of tables that any device or gateway can have.
fn all_tables() -> Vec<&'static RegionTables> {
    let joined = (0..Cn470JoinChannel::COUNT).map(Cn470JoinChannel::new).chain([None]);
    let mut all: Vec<_> = Region::ALL.map(Region::tables).to_vec();
    for (region, revision) in Region::ALL
        .into_iter()
        .flat_map(|region| RegParamsRevision::ALL.iter().map(move |revision| (region, *revision)))
    {
        all.extend(joined.clone().map(|channel| region.tables_for(revision, channel)));
    }
    all.sort_by_key(|tables| core::ptr::from_ref(*tables));
    all.dedup_by_key(|tables| core::ptr::from_ref(*tables));
    all
}

#[test]
fn names_read_back() {
    for region in Region::ALL {
        assert_eq!(region.to_string().parse(), Ok(region));
        assert_eq!(region.tables().region, region);
        let json = serde_json::to_string(&region).unwrap();
        assert_eq!(json, format!("\"{region}\""));
    }
    assert_eq!("eu868".parse(), Ok(Region::Eu868));
    assert!("EU434".parse::<Region>().is_err());
}

#[test]
fn data_rates_by_direction() {
    let name = |tables: &RegionTables, direction, index| {
        tables.data_rate(direction, dr(index)).map_or("-".into(), |rate| rate.to_string())
    };
    let all = |tables, direction| {
        (0..16).map(|index| name(tables, direction, index)).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        all(EU, Direction::Up),
        "SF12BW125 SF11BW125 SF10BW125 SF9BW125 SF8BW125 SF7BW125 SF7BW250 50000 M0CW137 M0CW137 \
         M0CW336 M0CW336 SF6BW125 SF5BW125 - -"
    );
    assert_eq!(
        all(EU, Direction::Down),
        "SF12BW125 SF11BW125 SF10BW125 SF9BW125 SF8BW125 SF7BW125 SF7BW250 50000 - - - - SF6BW125 \
         SF5BW125 - -"
    );
    assert_eq!(
        all(US, Direction::Up),
        "SF10BW125 SF9BW125 SF8BW125 SF7BW125 SF8BW500 M0CW1523 M0CW1523 SF6BW125 SF5BW125 - - - \
         - - - -"
    );
    assert_eq!(
        all(US, Direction::Down),
        "SF5BW500 - - - - - - - SF12BW500 SF11BW500 SF10BW500 SF9BW500 SF8BW500 SF7BW500 SF6BW500 -"
    );
}

#[test]
fn every_data_rate_has_one_index() {
    for tables in all_tables() {
        for direction in [Direction::Up, Direction::Down] {
            for index in (0..16).map(dr) {
                let Some(modulation) = tables.data_rate(direction, index) else { continue };
                assert_eq!(tables.data_rate_index(direction, modulation), Some(index));
            }
        }
    }
    let sf8_500 = Modulation::lora(SpreadingFactor::Sf8, Bandwidth::Khz500);
    assert_eq!(US.data_rate_index(Direction::Up, sf8_500), Some(dr(4)));
    assert_eq!(US.data_rate_index(Direction::Down, sf8_500), Some(dr(12)));
}

#[test]
fn payload_limits_are_the_tables() {
    let n = |tables: &RegionTables, direction, index, rules| {
        tables.max_payload(direction, dr(index), rules).map(MaxPayload::n)
    };
    let plain = PayloadRules::default();
    let repeater = PayloadRules { repeater_compatible: true, ..plain };
    let of = |tables, direction, rules| -> Vec<Option<u8>> {
        (0..16).map(|index| n(tables, direction, index, rules)).collect()
    };
    let some = |list: &[i16]| -> Vec<Option<u8>> {
        list.iter().map(|value| u8::try_from(*value).ok()).collect()
    };
    assert_eq!(
        of(EU, Direction::Up, plain),
        some(&[51, 51, 51, 115, 242, 242, 242, 242, 50, 115, 50, 115, 242, 242, -1, -1])
    );
    assert_eq!(
        of(EU, Direction::Down, repeater),
        some(&[51, 51, 51, 115, 222, 222, 222, 222, -1, -1, -1, -1, 222, 222, -1, -1])
    );
    assert_eq!(
        of(US, Direction::Up, plain),
        some(&[11, 53, 125, 242, 242, 50, 125, 242, 242, -1, -1, -1, -1, -1, -1, -1])
    );
    assert_eq!(
        of(US, Direction::Down, plain),
        some(&[242, -1, -1, -1, -1, -1, -1, -1, 53, 129, 242, 242, 242, 242, 242, -1])
    );
}

#[test]
fn new_data_rates_are_unknown_to_old_devices() {
    let old = RegParamsRevision::Rp001_1_0_3A;
    assert!(EU.knows_data_rate(Direction::Up, dr(7), old));
    assert!(!EU.knows_data_rate(Direction::Up, dr(8), old));
    assert!(EU.knows_data_rate(Direction::Up, dr(8), RegParamsRevision::Rp002_1_0_2));
    assert!(!EU.knows_data_rate(Direction::Up, dr(12), RegParamsRevision::Rp002_1_0_4));
    assert!(US.knows_data_rate(Direction::Down, dr(0), RegParamsRevision::Rp002_1_0_5));
    assert!(!US.knows_data_rate(Direction::Down, dr(0), RegParamsRevision::Rp002_1_0_4));
}

#[test]
fn rx1_follows_the_uplink() {
    // EU868's rows for DR0 to DR7 are the uplink's data rate less the offset, not below DR0.
    for up in 0..=7u8 {
        for offset in 0..=5 {
            assert_eq!(EU.rx1_data_rate(dr(up), offset, None), Some(dr(up.saturating_sub(offset))));
        }
        assert_eq!(EU.rx1_data_rate(dr(up), 6, None), None);
    }
    assert_eq!(EU.rx1_data_rate(dr(13), 0, None), Some(dr(13)));
    assert_eq!(EU.rx1_data_rate(dr(12), 1, None), Some(dr(5)));
    assert_eq!(EU.rx1_data_rate(dr(14), 0, None), None);
    // US915's rows for DR0 to DR3 are ten more, within DR8 to DR13.
    for up in 0..=3u8 {
        for offset in 0..=3 {
            let expected = (up + 10 - offset).clamp(8, 13);
            assert_eq!(US.rx1_data_rate(dr(up), offset, None), Some(dr(expected)));
        }
    }
    assert_eq!(US.rx1_data_rate(dr(4), 0, None), Some(dr(13)));
    assert_eq!(US.rx1_data_rate(dr(8), 0, None), Some(dr(0)));
    assert_eq!((EU.max_rx1_dr_offset(), US.max_rx1_dr_offset()), (5, 3));
}

/// Whatever RX1 gives must be a downlink data rate, for every offset that the region has.
#[test]
fn every_row_of_rx1_is_defined() {
    for tables in all_tables() {
        for up in (0..16).map(dr) {
            let is_up = tables.data_rate(Direction::Up, up).is_some();
            for offset in 0..=tables.max_rx1_dr_offset() {
                let answers = [Some(false), Some(true)]
                    .map(|dwell_time| tables.rx1_data_rate(up, offset, dwell_time));
                for answer in answers {
                    assert_eq!(answer.is_some(), is_up, "{} {up} {offset}", tables.region);
                    let down = answer.map(|down| tables.data_rate(Direction::Down, down));
                    assert_ne!(down, Some(None), "{} {up} {offset}", tables.region);
                }
                let [unlimited, limited] = answers;
                let unknown = tables.rx1_data_rate(up, offset, None);
                assert_eq!(unknown, unlimited.filter(|_| unlimited == limited));
            }
            let beyond = tables.max_rx1_dr_offset() + 1;
            assert_eq!(tables.rx1_data_rate(up, beyond, Some(false)), None);
        }
    }
}

#[test]
fn no_payload_limit_is_beyond_any_modem() {
    for tables in all_tables() {
        for direction in [Direction::Up, Direction::Down] {
            for rules in [(false, false), (false, true), (true, false), (true, true)] {
                let (repeater_compatible, dwell_time) = rules;
                let rules = PayloadRules { repeater_compatible, dwell_time };
                let most = if repeater_compatible { 230 } else { 250 };
                for index in (0..16).map(dr) {
                    let limit = tables.max_payload(direction, index, rules);
                    assert_eq!(limit.is_some(), tables.data_rate(direction, index).is_some());
                    assert!(limit.is_none_or(|limit| limit.m <= most), "{index} {rules:?}");
                }
            }
        }
    }
}

/// No two channels of a plan overlap; usual extra channels and windows lie in the band.
#[test]
fn channels_do_not_overlap() {
    for tables in all_tables() {
        let extra: &[Frequency] = match &tables.plan {
            ChannelPlan::Dynamic { extra, .. } => extra,
            ChannelPlan::Fixed { .. } => &[],
        };
        assert!(extra.len() <= 5);
        let narrow: Vec<u32> = tables
            .default_channels()
            .filter(|(index, _)| *index < 64 || tables.ch_mask_layout != ChMaskLayout::SeventyTwo)
            .map(|(_, channel)| channel.frequency.hz())
            .chain(extra.iter().map(|frequency| frequency.hz()))
            .collect();
        for (n, one) in narrow.iter().enumerate() {
            for other in narrow.iter().skip(n + 1) {
                assert!(one.abs_diff(*other) >= 200_000, "{}: {one} {other}", tables.region);
            }
        }
        let usable = |frequency| tables.downlink_max_eirp(frequency).is_some();
        assert!(usable(tables.rx2.0), "{}", tables.region);
        assert!(extra.iter().all(|frequency| usable(*frequency)), "{}", tables.region);
        for (index, channel) in tables.default_channels() {
            assert!(tables.contains(channel.frequency));
            assert!(usable(tables.rx1_frequency(index, channel.frequency)));
            assert!(usable(tables.join_rx1_frequency(index, channel.frequency)));
            let mut in_use = channel.data_rates.iter();
            assert!(in_use.all(|up| tables.data_rate(Direction::Up, up).is_some()));
            assert_eq!(channel.join_data_rates.and(channel.data_rates), channel.join_data_rates);
            assert!(!channel.join_data_rates.is_empty());
        }
    }
}

#[test]
fn beacons_are_where_they_may_be() {
    let lengths = [(3, 17), (8, 23), (10, 23), (4, 19), (2, 19)];
    for tables in all_tables() {
        let beacon = &tables.beacon;
        let length = lengths.iter().find(|(rate, _)| dr(*rate) == beacon.data_rate).unwrap().1;
        assert_eq!(beacon.length(), length, "{}", tables.region);
        for rate in [beacon.data_rate, beacon.ping_slot_data_rate] {
            assert!(tables.data_rate(Direction::Down, rate).is_some(), "{}", tables.region);
        }
        for hop in 0..128 {
            let time = hop * BEACON_INTERVAL_SECS;
            for frequency in [
                beacon.frequency(time),
                beacon.ping_slot_frequency(DevAddr::new(0x2601_abcd), time),
            ] {
                assert!(tables.downlink_max_eirp(frequency).is_some(), "{}", tables.region);
            }
        }
    }
}

#[test]
fn channels_and_their_answers() {
    assert_eq!(EU.default_channels().count(), 3);
    assert_eq!(EU.uplink_channel_index(hz(868_300_000), dr(5)), Some(1));
    assert_eq!(EU.uplink_channel_index(hz(868_300_000), dr(6)), None);
    assert_eq!(EU.rx1_frequency(1, hz(868_300_000)), hz(868_300_000));
    assert!(EU.is_join_channel(2, dr(0)) && !EU.is_join_channel(3, dr(0)));

    assert_eq!(US.default_channels().count(), 72);
    assert_eq!(US.uplink_channel_index(hz(902_300_000), dr(0)), Some(0));
    assert_eq!(US.uplink_channel_index(hz(914_900_000), dr(3)), Some(63));
    assert_eq!(US.uplink_channel_index(hz(903_000_000), dr(4)), Some(64));
    assert_eq!(US.uplink_channel_index(hz(914_200_000), dr(4)), Some(71));
    assert_eq!(US.uplink_channel_index(hz(902_300_000), dr(4)), None);
    assert_eq!(US.uplink_channel_index(hz(902_400_000), dr(0)), None);
    assert_eq!(US.rx1_frequency(0, hz(902_300_000)), hz(923_300_000));
    assert_eq!(US.rx1_frequency(9, hz(904_100_000)), hz(923_900_000));
    assert_eq!(US.rx1_frequency(71, hz(914_200_000)), hz(927_500_000));
    assert!(US.is_join_channel(8, dr(0)) && !US.is_join_channel(8, dr(1)));
    assert!(US.is_join_channel(65, dr(4)));
}

#[test]
fn second_windows() {
    assert_eq!(EU.rx2, (hz(869_525_000), dr(0)));
    assert_eq!(US.rx2, (hz(923_300_000), dr(8)));
    for tables in all_tables() {
        assert!(tables.data_rate(Direction::Down, tables.rx2.1).is_some());
    }
}

#[test]
fn power_goes_down_in_steps_of_two() {
    let power = |tables: &RegionTables, index, revision| {
        let index = TxPowerIndex::new(index).unwrap();
        tables.tx_power(index, tables.max_eirp, revision).map(Dbm::to_f64)
    };
    let new = RegParamsRevision::Rp002_1_0_5;
    assert_eq!(power(EU, 0, new), Some(16.0));
    assert_eq!(power(EU, 7, new), Some(2.0));
    assert_eq!(power(EU, 8, new), None);
    assert_eq!(power(EU, 6, RegParamsRevision::Rp001_1_0_2A), None);
    assert_eq!(power(US, 14, new), Some(2.0));
    assert_eq!(power(US, 11, RegParamsRevision::Rp001_1_0_2B), None);
    let weak = EU.tx_power(TxPowerIndex::new(1).unwrap(), Dbm::from_whole(14), new);
    assert_eq!(weak, Some(Dbm::from_whole(12)));
}

#[test]
fn europes_sub_bands() {
    let band = |frequency| EU.sub_band(hz(frequency)).map(|band| band.duty_cycle_permille);
    assert_eq!(band(868_100_000), Some(10));
    assert_eq!(band(867_100_000), Some(10));
    assert_eq!(band(868_000_000), Some(10));
    assert_eq!(band(868_650_000), None);
    assert_eq!(band(868_800_000), Some(1));
    assert_eq!(band(869_525_000), Some(100));
    assert_eq!(EU.downlink_max_eirp(hz(869_525_000)), Some(Dbm::from_hundredths(2915)));
    assert_eq!(EU.downlink_max_eirp(hz(868_100_000)), Some(Dbm::from_hundredths(1615)));
    assert_eq!(EU.downlink_max_eirp(hz(869_300_000)), None);
    assert_eq!(US.downlink_max_eirp(hz(923_300_000)), Some(Dbm::from_whole(26)));
    for (_, channel) in EU.default_channels() {
        assert!(EU.sub_band(channel.frequency).is_some());
    }
}

#[test]
fn channel_lists() {
    let Some(CfList::Frequencies(list)) = EU.default_cf_list() else { panic!("no list") };
    let expected = [867_100_000, 867_300_000, 867_500_000, 867_700_000, 867_900_000];
    assert_eq!(list, expected.map(|value| Some(hz(value))));
    assert_eq!(US.default_cf_list(), None);
    let mask = US.sub_band_mask(2).unwrap();
    assert_eq!(
        US.cf_list_masks(&mask, RegParamsRevision::Rp001_1_0_3A),
        Some(CfList::Masks([0xff00, 0, 0, 0, 0x0002, 0]))
    );
    assert_eq!(US.cf_list_masks(&mask, RegParamsRevision::Rp001_1_0_2B), None);
    assert_eq!(EU.cf_list_masks(&mask, RegParamsRevision::Rp002_1_0_5), None);
}

#[test]
fn sub_bands_of_fixed_plans() {
    let channels = |number| US.sub_band_mask(number).map(|mask| mask.iter().collect::<Vec<_>>());
    assert_eq!(channels(1), Some(vec![0, 1, 2, 3, 4, 5, 6, 7, 64]));
    assert_eq!(channels(8), Some(vec![56, 57, 58, 59, 60, 61, 62, 63, 71]));
    assert_eq!((channels(0), channels(9)), (None, None));
    assert_eq!(EU.sub_band_mask(1), None);
}

/// The usual case: a fresh US915 device is told its sub-band.
#[test]
fn a_sub_band_takes_two_requests_as_a_block_and_five_one_by_one() {
    let (all, to) = (US.default_mask(), US.sub_band_mask(2).unwrap());
    let layout = US.ch_mask_layout();
    let request = |ch_mask_cntl, ch_mask| MaskRequest { ch_mask_cntl, ch_mask };
    assert_eq!(layout.block(&all, &to, Judged::AsBlock), [request(7, 2), request(0, 0xff00)]);
    assert_eq!(
        layout.block(&all, &to, Judged::OneByOne),
        [request(0, 0xff00), request(4, 2), request(1, 0), request(2, 0), request(3, 0)]
    );
    assert_eq!(layout.block(&to, &all, Judged::OneByOne), [request(6, 0x00ff)]);
}

#[test]
fn banks_switch_their_wide_channel_too() {
    let all = US.default_mask();
    let request = MaskRequest { ch_mask_cntl: 5, ch_mask: 0b10 };
    let after = US.ch_mask_layout().apply(&all, &all, &[request]);
    assert_eq!(after, US.sub_band_mask(2));
}

#[test]
fn a_dynamic_plan_refuses_channels_that_do_not_exist() {
    let defined = ChMask::first(8);
    let apply = |ch_mask_cntl, ch_mask| {
        let request = MaskRequest { ch_mask_cntl, ch_mask };
        ChMaskLayout::Sixteen.apply(&ChMask::first(3), &defined, &[request])
    };
    assert_eq!(apply(0, 0x00f0), Some((4..8).collect()));
    assert_eq!(apply(0, 0x0100), None);
    assert_eq!(apply(6, 0), Some(defined));
    assert_eq!(apply(1, 0), None);
}

fn any_72() -> impl Strategy<Value = ChMask> {
    let word = prop_oneof![Just(0u16), Just(0xffff), any::<u16>()];
    (proptest::array::uniform4(word), any::<u8>())
        .prop_map(|([a, b, c, d], wide)| ChMask::from_words([a, b, c, d, u16::from(wide), 0]))
}

proptest! {
    #[test]
    fn a_block_leads_where_it_should(
        from in any_72(), to in any_72(), judged in prop_oneof![Just(Judged::AsBlock), Just(Judged::OneByOne)]
    ) {
        let layout = ChMaskLayout::SeventyTwo;
        let block = layout.block(&from, &to, judged);
        prop_assert!(!block.is_empty() && block.len() <= 5);
        prop_assert_eq!(layout.apply(&from, &US.default_mask(), &block), Some(to));
    }

    #[test]
    fn no_step_of_a_careful_block_leaves_fewer_narrow_channels_than_it_must(
        from in any_72(), to in any_72()
    ) {
        let narrow = |mask: &ChMask| mask.iter().filter(|channel| *channel < 64).count();
        let layout = ChMaskLayout::SeventyTwo;
        prop_assume!(narrow(&from) >= 2 && to.words()[..4].iter().any(|word| word.count_ones() >= 2));
        let mut mask = from;
        for request in layout.block(&from, &to, Judged::OneByOne) {
            mask = layout.apply(&mask, &US.default_mask(), &[request]).unwrap();
            prop_assert!(narrow(&mask) >= 2, "{:?}", mask);
        }
    }

    #[test]
    fn a_dynamic_block_leads_where_it_should(from: u16, to: u16) {
        let mask = |word| ChMask::from_words([word, 0, 0, 0, 0, 0]);
        let layout = ChMaskLayout::Sixteen;
        let block = layout.block(&mask(from), &mask(to), Judged::AsBlock);
        prop_assert_eq!(layout.apply(&mask(from), &mask(0xffff), &block), Some(mask(to)));
    }
}

/// RP002-1.0.5: a least data rate above a greatest one of 0 stands for a set.
#[test]
fn new_channel_encodes_sets_since_1_0_5() {
    let (old, new) = (RegParamsRevision::Rp002_1_0_4, RegParamsRevision::Rp002_1_0_5);
    let set = |list: &[u8]| DataRateSet::of(list);
    for (range, expected) in [
        ((0, 5), Some(set(&[0, 1, 2, 3, 4, 5]))),
        ((8, 11), Some(set(&[8, 9, 10, 11]))),
        ((3, 3), Some(set(&[3]))),
        ((6, 6), Some(set(&[6]))),
        ((1, 0), Some(set(&[0, 1, 2, 3, 4, 5, 12, 13]))),
        ((2, 0), Some(set(&[1, 2, 3, 4, 5, 12, 13]))),
        ((3, 0), Some(set(&[2, 3, 4, 5, 12, 13]))),
        ((4, 0), Some(set(&[3, 4, 5, 12, 13]))),
        ((5, 0), Some(set(&[4, 5, 12, 13]))),
        ((6, 0), Some(set(&[5, 12, 13]))),
        ((7, 0), None),
        ((3, 1), None),
        ((3, 2), None),
        ((15, 14), None),
    ] {
        let range = (dr(range.0), dr(range.1));
        assert_eq!(DataRateSet::from_new_channel(range, new), expected, "{range:?}");
        if let Some(expected) = expected {
            assert_eq!(expected.to_new_channel(new), Some(range));
        }
        let plain = expected.filter(|_| range.0 <= range.1);
        assert_eq!(DataRateSet::from_new_channel(range, old), plain, "{range:?}");
    }
    let with_sf5 = set(&[0, 1, 2, 3, 4, 5, 12, 13]);
    assert_eq!(with_sf5.to_new_channel(old), None);
    assert_eq!(set(&[0, 2]).to_new_channel(new), None);
    assert_eq!(DataRateSet::default().to_new_channel(new), None);
}
