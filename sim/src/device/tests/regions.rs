//! Devices of every region: joining, windows, channels that the network makes.

use super::*;
use lns_lorawan::mac::{NewChannelAns, NewChannelReq, RxParamSetupReq};
use lns_lorawan::{DataRateIndex, Frequency, RegParamsRevision, Region};

use crate::device::plan::Antenna;

/// RX1 and RX2 after a Join-Request and after an uplink: MHz and data rate.
#[test]
fn every_region_answers_where_its_rows_say() {
    #[rustfmt::skip]
    let rx2 = [
        (Region::Eu868, "869.525", "SF12BW125"), (Region::Us915, "923.3", "SF12BW500"),
        (Region::Au915, "923.3", "SF12BW500"), (Region::As923_1, "923.2", "SF10BW125"),
        (Region::As923_2, "921.4", "SF10BW125"), (Region::As923_3, "916.6", "SF10BW125"),
        (Region::As923_4, "917.3", "SF10BW125"), (Region::Eu433, "434.665", "SF12BW125"),
        (Region::Cn779, "786.0", "SF12BW125"), (Region::Ru864, "869.1", "SF12BW125"),
        (Region::Kr920, "921.9", "SF12BW125"), (Region::In865, "866.55", "SF10BW125"),
        (Region::Ism2400, "2423.0", "SF12BW812"),
    ];
    for (region, mhz, datr) in rx2 {
        let mut join = Pair::new(otaa().in_region(region));
        let mut data = Pair::new(abp().in_region(region));
        for (pair, delay) in [(&mut join, 6), (&mut data, 2)] {
            let sent = pair.sends();
            let [rx1, rx2] = pair.device.windows() else { panic!() };
            assert_eq!(rx2.nominal - sent.ends, TimeDelta::from_secs(delay));
            let found = (rx2.frequency.to_string(), rx2.modulation.to_string());
            assert_eq!(found, (mhz.to_owned(), datr.to_owned()), "{region}");
            if pair.device.mac().plan.is_dynamic() {
                assert_eq!(rx1.frequency, sent.frequency, "{region}");
            }
        }
    }
}

#[test]
fn a_cn470_device_keeps_the_rx2_of_its_join_channel() {
    let mut spec = otaa().in_region(Region::Cn470);
    spec.antenna = Antenna::A20;
    let mut pair = Pair::new(spec);
    let sent = pair.sends();
    let Sent::JoinRequest { dev_nonce } = sent.sent else { panic!() };
    let [rx1, rx2] = pair.device.windows() else { panic!() };
    assert_eq!(rx2.frequency.hz() - rx1.frequency.hz(), 800_000);
    let joined = rx2.frequency;
    let (accept, keys) = join_accept(dev_nonce, None);
    assert!(matches!(pair.device.hear(&pair.on_air(Window::Rx2, accept)), Heard::Received(_)));
    pair.keys = keys;
    pair.uplink();
    assert_eq!(pair.device.mac().rx2, (joined, 3));
    assert_eq!(pair.device.windows()[1].frequency, joined);
}

fn new_channel(ch_index: u8, hz: u32, (min, max): (u8, u8)) -> DownlinkMacCommand {
    DownlinkMacCommand::NewChannelReq(NewChannelReq {
        ch_index,
        frequency: Frequency::from_hz(hz),
        max_data_rate: DataRateIndex::from_low_bits(max),
        min_data_rate: DataRateIndex::from_low_bits(min),
    })
}

fn said(frequency: bool, range: bool) -> UplinkMacCommand {
    UplinkMacCommand::NewChannelAns(NewChannelAns {
        channel_frequency_ack: frequency,
        data_rate_range_ack: range,
    })
}

/// RP002-1.0.5: (min, max) of (1, 0) is {0–5, 12, 13}, (6, 0) is {5, 12, 13}.
#[test]
fn ranges_the_wrong_way_round_are_sets() {
    let mut pair = Pair::new(abp());
    assert_eq!(pair.ask(&[new_channel(3, 867_100_000, (1, 0))]), [said(true, true)]);
    assert_eq!(pair.ask(&[new_channel(4, 867_300_000, (6, 0))]), [said(true, true)]);
    assert_eq!(pair.ask(&[new_channel(5, 867_500_000, (7, 0))]), [said(true, false)]);
    let rates = |index| pair.device.mac().channels.channel(index).map(|it| it.rates.0);
    assert_eq!(rates(3), Some(0b11_0000_0011_1111));
    assert_eq!(rates(4), Some(0b11_0000_0010_0000));
    assert_eq!(rates(5), None);

    let mut spec = abp();
    spec.reg_params = RegParamsRevision::Rp002_1_0_4;
    assert_eq!(Pair::new(spec).ask(&[new_channel(3, 867_100_000, (1, 0))]), [said(true, false)]);
}

#[test]
fn a_channel_outside_the_band_is_refused() {
    let table = [
        (Region::In865, 867_100_000, said(false, true)),
        (Region::In865, 866_100_000, said(true, true)),
        (Region::Kr920, 923_300_000, said(true, true)),
        (Region::Kr920, 924_000_000, said(false, true)),
        (Region::As923_2, 922_000_000, said(true, true)),
    ];
    for (region, hz, expected) in table {
        let mut pair = Pair::new(abp().in_region(region));
        assert_eq!(pair.ask(&[new_channel(3, hz, (0, 5))]), [expected], "{region} {hz}");
    }
    let mut fixed = Pair::new(abp().in_region(Region::Au915));
    assert_eq!(fixed.ask(&[new_channel(3, 915_200_000, (0, 5))]), []);
}

#[test]
fn at_2_4_ghz_frequencies_are_carried_in_steps_of_200_hz() {
    let mut pair = Pair::new(abp().in_region(Region::Ism2400));
    let request = DownlinkMacCommand::RxParamSetupReq(RxParamSetupReq {
        rx1_dr_offset: 0,
        rx2_data_rate: DataRateIndex::from_low_bits(4),
        // Half of it: the frame's 24 bits count steps of 200 Hz here.
        frequency: Frequency::from_hz(2_450_000_000 / 2),
    });
    pair.ask(&[request]);
    assert_eq!(pair.device.mac().rx2, (Frequency::from_hz(2_450_000_000), 4));
}

#[test]
fn a_fixed_plan_takes_all_channels_back_when_nobody_answers() {
    let mut pair = Pair::new(abp().us915(Some(2)));
    pair.device.mac.nb_trans = 2;
    let mut rates = Vec::new();
    for _ in 0..2 * 64 + 2 * 32 * 6 {
        pair.sends();
        rates.push(pair.device.mac().data_rate);
    }
    rates.dedup();
    assert_eq!(rates, [3, 2, 1, 0]);
    assert_eq!(pair.device.mac().channels.enabled().count(), 72);
    assert_eq!(pair.device.mac().nb_trans, 1);
}
