use proptest::prelude::*;

use super::*;
use crate::modulation::{Bandwidth, SpreadingFactor};

fn dr(value: u8) -> DataRateIndex {
    DataRateIndex::new(value).unwrap()
}

fn hz(value: u32) -> Frequency {
    Frequency::from_hz(value)
}

const EU: &RegionTables = Region::Eu868.tables();
const US: &RegionTables = Region::Us915.tables();

#[test]
fn names_read_back() {
    for region in Region::ALL {
        assert_eq!(region.to_string().parse(), Ok(region));
        assert_eq!(region.tables().region, region);
        let json = serde_json::to_string(&region).unwrap();
        assert_eq!(json, format!("\"{region}\""));
    }
    assert_eq!("eu868".parse(), Ok(Region::Eu868));
    assert!("EU433".parse::<Region>().is_err());
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
    for tables in Region::ALL.map(Region::tables) {
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
            assert_eq!(EU.rx1_data_rate(dr(up), offset), Some(dr(up.saturating_sub(offset))));
        }
        assert_eq!(EU.rx1_data_rate(dr(up), 6), None);
    }
    assert_eq!(EU.rx1_data_rate(dr(13), 0), Some(dr(13)));
    assert_eq!(EU.rx1_data_rate(dr(12), 1), Some(dr(5)));
    assert_eq!(EU.rx1_data_rate(dr(14), 0), None);
    // US915's rows for DR0 to DR3 are ten more, within DR8 to DR13.
    for up in 0..=3u8 {
        for offset in 0..=3 {
            let expected = (up + 10 - offset).clamp(8, 13);
            assert_eq!(US.rx1_data_rate(dr(up), offset), Some(dr(expected)));
        }
    }
    assert_eq!(US.rx1_data_rate(dr(4), 0), Some(dr(13)));
    assert_eq!(US.rx1_data_rate(dr(8), 0), Some(dr(0)));
    assert_eq!((EU.max_rx1_dr_offset(), US.max_rx1_dr_offset()), (5, 3));
}

/// Whatever RX1 gives must be a downlink data rate.
#[test]
fn every_row_of_rx1_is_defined() {
    for tables in Region::ALL.map(Region::tables) {
        for up in (0..16).map(dr) {
            let offsets = 0..=tables.max_rx1_dr_offset();
            let answers: Vec<_> =
                offsets.filter_map(|offset| tables.rx1_data_rate(up, offset)).collect();
            assert_eq!(!answers.is_empty(), tables.data_rate(Direction::Up, up).is_some());
            for answer in answers {
                assert!(tables.data_rate(Direction::Down, answer).is_some(), "{up} → {answer}");
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
    for tables in Region::ALL.map(Region::tables) {
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
