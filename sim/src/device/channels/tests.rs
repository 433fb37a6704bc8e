use super::*;
use crate::device::plan::{self, Antenna};
use lns_lorawan::{DataRateIndex, RegParamsRevision, Region, TxPowerIndex};

fn request(ch_mask_cntl: u8, ch_mask: u16) -> LinkAdrReq {
    LinkAdrReq {
        data_rate: DataRateIndex::DR0,
        tx_power: TxPowerIndex::MAX_POWER,
        ch_mask,
        ch_mask_cntl,
        nb_trans: 1,
    }
}

fn channels(region: Region, sub_band: Option<u8>) -> Channels {
    let plan = plan::of(region, RegParamsRevision::Rp002_1_0_5, Antenna::default());
    Channels::new(plan, sub_band)
}

fn masked(channels: &Channels, block: &[(u8, u16)]) -> Option<Vec<u8>> {
    let block: Vec<_> = block.iter().map(|(cntl, mask)| request(*cntl, *mask)).collect();
    channels.masked(&block).map(|mask| mask.iter().collect())
}

fn free(_: Frequency) -> bool {
    true
}

#[test]
fn a_sub_band_is_eight_narrow_channels_and_a_wide_one() {
    for region in [Region::Us915, Region::Au915] {
        let channels = channels(region, Some(2));
        let enabled: Vec<u8> = channels.enabled().iter().collect();
        assert_eq!(enabled, [8, 9, 10, 11, 12, 13, 14, 15, 65]);
    }
}

#[test]
fn us915_and_au915_join_narrow_and_wide_in_turn() {
    let mut random = Random::new(1);
    for (region, narrow, wide) in [(Region::Us915, 0, 4), (Region::Au915, 2, 6)] {
        let channels = channels(region, Some(2));
        for attempt in 0..8 {
            let picked = channels.pick_for_join((3, attempt), free, &mut random);
            let (index, _, data_rate) = picked.unwrap();
            if attempt % 2 == 0 {
                assert!((8..16).contains(&index) && data_rate == narrow);
            } else {
                assert_eq!((index, data_rate), (65, wide));
            }
        }
    }
}

#[test]
fn dynamic_plans_join_on_their_default_channels_within_their_rates() {
    let mut random = Random::new(1);
    let joins = |region, rate, random: &mut Random| {
        let picked = channels(region, None).pick_for_join((rate, 0), free, random).unwrap();
        (picked.0 < 3, picked.2)
    };
    assert_eq!(joins(Region::Eu868, 7, &mut random), (true, 5));
    assert_eq!(joins(Region::As923_1, 0, &mut random), (true, 2));
    assert_eq!(joins(Region::Ism2400, 7, &mut random), (true, 7));
}

#[test]
fn cn470_joins_on_common_join_channels() {
    let mut random = Random::new(1);
    let channels = channels(Region::Cn470, None);
    for _ in 0..40 {
        let (index, _, rate) = channels.pick_for_join((0, 0), free, &mut random).unwrap();
        assert!(index % 8 == 3 && rate == 1, "{index} {rate}");
    }
}

#[test]
fn masks_of_72_channels_are_read() {
    let all = channels(Region::Us915, None);
    let sub_band_2 = vec![8, 9, 10, 11, 12, 13, 14, 15, 65];
    assert_eq!(masked(&all, &[(7, 0x0002), (0, 0xff00)]), Some(sub_band_2.clone()));
    assert_eq!(masked(&all, &[(5, 0x0002)]), Some(sub_band_2));
    assert_eq!(masked(&all, &[(6, 0x0001)]), Some((0..65).collect()));
    assert_eq!(masked(&all, &[(7, 0x0000)]), None);
    assert_eq!(masked(&all, &[(7, 0x0000), (0, 0x0001)]), None);
}

#[test]
fn masks_of_dynamic_plans_name_only_what_is_there() {
    let mut channels = channels(Region::Eu868, None);
    assert_eq!(masked(&channels, &[(0, 0b1111)]), None);
    assert_eq!(masked(&channels, &[(0, 0)]), None);
    assert_eq!(masked(&channels, &[(1, 1)]), None);
    let frequency = Some(Frequency::from_hz(867_100_000));
    channels.join(&CfList::Frequencies([frequency, None, None, None, None]));
    assert_eq!(masked(&channels, &[(0, 0b1111)]), Some(vec![0, 1, 2, 3]));
    assert_eq!(masked(&channels, &[(0, 1), (6, 0)]), Some(vec![0, 1, 2, 3]));
}

#[test]
fn a_cf_list_follows_the_default_channels() {
    let mut as923 = channels(Region::As923_1, None);
    let frequency = Frequency::from_hz(922_200_000);
    as923.join(&CfList::Frequencies([Some(frequency), None, None, None, None]));
    assert_eq!(as923.channel(2).unwrap().frequency, frequency);
    let mut au915 = channels(Region::Au915, None);
    au915.join(&CfList::Masks([0x00ff, 0, 0, 0, 0x0001, 0]));
    assert_eq!(au915.enabled().iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6, 7, 64]);
}

/// ChMaskCntl of CN470 by the number of its channels.
#[test]
fn masks_of_cn470_are_read_by_the_plan() {
    use RegParamsRevision::{Rp001_1_0_3A, Rp002_1_0_5};
    let of = |revision, antenna| Channels::new(plan::of(Region::Cn470, revision, antenna), None);
    let count =
        |channels: &Channels, block: &[(u8, u16)]| masked(channels, block).map(|it| it.len());
    let legacy = of(Rp001_1_0_3A, Antenna::A20);
    assert_eq!(count(&legacy, &[(5, 0)]), Some(80));
    assert_eq!(count(&legacy, &[(5, 0), (6, 0)]), Some(96));
    assert_eq!(count(&legacy, &[(7, 0)]), None);
    let of_64 = of(Rp002_1_0_5, Antenna::B20);
    assert_eq!(count(&of_64, &[(7, 0), (3, 0x00ff)]), Some(8));
    assert_eq!(count(&of_64, &[(6, 0)]), Some(64));
    assert_eq!(count(&of_64, &[(4, 0xffff)]), None);
    let of_48 = of(Rp002_1_0_5, Antenna::A26);
    assert_eq!(count(&of_48, &[(4, 0), (2, 1)]), Some(1));
    assert_eq!(count(&of_48, &[(3, 0)]), Some(48));
    assert_eq!(count(&of_48, &[(6, 0)]), None);
}

#[test]
fn an_impossible_data_rate_gives_way_to_a_possible_one() {
    let mut channels = channels(Region::Us915, Some(1));
    channels.enable([65u8].into_iter().collect());
    let (index, _, data_rate) = channels.pick((3, ALL), free, &mut Random::new(1)).unwrap();
    assert_eq!((index, data_rate), (65, 4));
}

#[test]
fn a_channel_that_is_not_free_is_not_picked() {
    let channels = channels(Region::Eu868, None);
    let only = |frequency: Frequency| frequency.hz() == 868_300_000;
    let mut random = Random::new(1);
    for _ in 0..20 {
        assert_eq!(channels.pick((5, ALL), only, &mut random).unwrap().0, 1);
    }
    assert_eq!(channels.pick((5, ALL), |_| false, &mut random), None);
}
