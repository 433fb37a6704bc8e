//! MAC commands at the device's end. TS001-1.0.4 §5.

use super::*;
use lns_lorawan::mac::{
    Battery, BeaconFreqAns, BeaconFreqReq, DevStatusAns, DlChannelAns, DlChannelReq, DutyCycleReq,
    LinkAdrAns, LinkAdrReq, NewChannelAns, NewChannelReq, RxParamSetupAns, RxParamSetupReq,
    RxTimingSetupReq,
};
use lns_lorawan::{DataRateIndex, Frequency, MacVersion, TxPowerIndex};

fn link_adr(data_rate: u8, tx_power: u8, (ch_mask_cntl, ch_mask): (u8, u16)) -> DownlinkMacCommand {
    DownlinkMacCommand::LinkAdrReq(LinkAdrReq {
        data_rate: DataRateIndex::from_low_bits(data_rate),
        tx_power: TxPowerIndex::from_low_bits(tx_power),
        ch_mask,
        ch_mask_cntl,
        nb_trans: 2,
    })
}

fn answer(channel_mask_ack: bool, data_rate_ack: bool, power_ack: bool) -> UplinkMacCommand {
    UplinkMacCommand::LinkAdrAns(LinkAdrAns { channel_mask_ack, data_rate_ack, power_ack })
}

#[test]
fn link_adr_sets_everything_or_nothing() {
    let mut pair = Pair::new(abp());
    assert_eq!(pair.ask(&[link_adr(3, 2, (0, 0b011))]), [answer(true, true, true)]);
    let mac = pair.device.mac();
    assert_eq!((mac.data_rate, mac.tx_power, mac.nb_trans), (3, 2, 2));
    assert_eq!(mac.channels.enabled().iter().collect::<Vec<_>>(), [0, 1]);

    let before = pair.device.mac().clone();
    let refused = [
        (link_adr(3, 2, (0, 0b1000)), answer(false, true, true)),
        (link_adr(6, 2, (0, 0b111)), answer(true, false, true)),
        (link_adr(3, 8, (0, 0b111)), answer(true, true, false)),
    ];
    for (request, expected) in refused {
        assert_eq!(pair.ask(&[request]), [expected]);
        let mac = pair.device.mac();
        assert_eq!((mac.data_rate, mac.tx_power), (before.data_rate, before.tx_power));
        assert_eq!(mac.channels, before.channels);
    }
}

#[test]
fn a_block_is_one_request_with_an_answer_for_each_part() {
    let mut pair = Pair::new(abp().us915(None));
    let sub_band_2 = [link_adr(2, 5, (7, 0x0002)), link_adr(2, 5, (0, 0xff00))];
    assert_eq!(pair.ask(&sub_band_2), [answer(true, true, true); 2]);
    let enabled: Vec<_> = pair.device.mac().channels.enabled().iter().collect();
    assert_eq!(enabled, [8, 9, 10, 11, 12, 13, 14, 15, 65]);
    // Were the first part judged alone, it would leave nothing for DR2.
    let half = [link_adr(2, 5, (7, 0x0002)), link_adr(2, 5, (0, 0x0000))];
    assert_eq!(pair.ask(&half), [answer(true, false, true); 2]);
}

#[test]
fn with_adr_off_each_part_stands_alone_and_only_masks_count() {
    let mut spec = abp().us915(None);
    spec.adr = false;
    let mut pair = Pair::new(spec);
    let answers = pair.ask(&[link_adr(0, 5, (7, 0x0002)), link_adr(0, 5, (0, 0x00ff))]);
    assert_eq!(answers, [answer(false, true, true), answer(true, true, true)]);
    assert_eq!((pair.device.mac().data_rate, pair.device.mac().tx_power), (3, 0));
}

#[test]
fn fifteen_means_keep_from_1_0_4_on() {
    for (version, keeps) in [(MacVersion::V1_0_3, false), (MacVersion::V1_0_4, true)] {
        let mut spec = abp();
        spec.mac_version = version;
        let mut pair = Pair::new(spec);
        assert_eq!(pair.ask(&[link_adr(15, 15, (0, 0b111))]), [answer(true, keeps, keeps)]);
        assert_eq!(pair.device.mac().data_rate, 5);
    }
}

#[test]
fn rx_params_stick_until_a_downlink_shows_that_they_were_heard() {
    let mut pair = Pair::new(abp());
    let request = DownlinkMacCommand::RxParamSetupReq(RxParamSetupReq {
        rx1_dr_offset: 1,
        rx2_data_rate: DataRateIndex::from_low_bits(2),
        frequency: Frequency::from_hz(868_700_000),
    });
    let rx_delay = RxDelay::new(3).unwrap();
    let timing = DownlinkMacCommand::RxTimingSetupReq(RxTimingSetupReq { rx_delay });
    let expected = [
        UplinkMacCommand::RxParamSetupAns(RxParamSetupAns {
            channel_ack: true,
            rx2_data_rate_ack: true,
            rx1_dr_offset_ack: true,
        }),
        UplinkMacCommand::RxTimingSetupAns,
    ];
    assert_eq!(pair.ask(&[request, timing]), expected);
    assert_eq!(answers(&pair.uplink().1), expected);
    pair.answer(Down::default());
    assert_eq!(answers(&pair.uplink().1), []);
    let mac = pair.device.mac();
    assert_eq!(
        (mac.rx1_dr_offset, mac.rx2.0.hz(), mac.rx2.1, mac.rx_delay),
        (1, 868_700_000, 2, 3)
    );
}

#[test]
fn impossible_rx_params_are_refused_in_part_and_kept_out_in_whole() {
    let mut pair = Pair::new(abp().us915(Some(1)));
    let request = DownlinkMacCommand::RxParamSetupReq(RxParamSetupReq {
        rx1_dr_offset: 4,
        rx2_data_rate: DataRateIndex::from_low_bits(3),
        frequency: Frequency::from_hz(923_400_000),
    });
    let expected = UplinkMacCommand::RxParamSetupAns(RxParamSetupAns {
        channel_ack: false,
        rx2_data_rate_ack: false,
        rx1_dr_offset_ack: false,
    });
    assert_eq!(pair.ask(&[request]), [expected]);
    assert_eq!(pair.device.mac().rx2, (Frequency::from_hz(923_300_000), 8));
}

#[test]
fn status_and_duty_cycle_are_answered_once() {
    let mut spec = abp();
    spec.status = (200, -7);
    let mut pair = Pair::new(spec);
    let duty_cycle = DownlinkMacCommand::DutyCycleReq(DutyCycleReq { max_duty_cycle: 4 });
    let status = DevStatusAns { battery: Battery::Level(200), margin: -7 };
    let expected = [UplinkMacCommand::DevStatusAns(status), UplinkMacCommand::DutyCycleAns];
    assert_eq!(pair.ask(&[DownlinkMacCommand::DevStatusReq, duty_cycle]), expected);
    assert_eq!(answers(&pair.uplink().1), []);
    assert_eq!(pair.device.mac().max_duty_cycle, 4);
}

#[test]
fn channels_are_made_moved_and_removed() {
    let mut pair = Pair::new(abp());
    let new_channel = |ch_index, hz| {
        DownlinkMacCommand::NewChannelReq(NewChannelReq {
            ch_index,
            frequency: Frequency::from_hz(hz),
            max_data_rate: DataRateIndex::from_low_bits(5),
            min_data_rate: DR0,
        })
    };
    let said = |ok| {
        UplinkMacCommand::NewChannelAns(NewChannelAns {
            channel_frequency_ack: ok,
            data_rate_range_ack: ok,
        })
    };
    assert_eq!(pair.ask(&[new_channel(3, 867_100_000)]), [said(true)]);
    assert_eq!(pair.ask(&[new_channel(0, 867_100_000)]), [said(false)]);
    let moved = DownlinkMacCommand::DlChannelReq(DlChannelReq {
        ch_index: 3,
        frequency: Frequency::from_hz(865_500_000),
    });
    let ok = DlChannelAns { channel_frequency_ack: true, uplink_frequency_exists: true };
    assert_eq!(pair.ask(&[moved]), [UplinkMacCommand::DlChannelAns(ok)]);
    pair.device.mac.channels.enable([3u8].into_iter().collect());
    pair.answer(Down::default());
    let sent = pair.sends();
    assert_eq!(sent.frequency.hz(), 867_100_000);
    assert_eq!(pair.device.windows()[0].frequency.hz(), 865_500_000);
    pair.answer(Down { mac: &[new_channel(3, 0)], ..Down::default() });
    assert_eq!(pair.device.mac().channels.channel(3), None);
}

#[test]
fn questions_go_out_with_the_next_uplink() {
    let mut pair = Pair::new(abp());
    pair.device.ask(Request::LinkCheck);
    pair.device.ask(Request::DeviceTime);
    let expected = [UplinkMacCommand::LinkCheckReq, UplinkMacCommand::DeviceTimeReq];
    assert_eq!(answers(&pair.uplink().1), expected);
    assert_eq!(answers(&pair.uplink().1), []);
}

#[test]
fn a_payload_gives_way_to_commands_that_leave_it_no_room() {
    let mut spec = abp().us915(Some(2));
    spec.data_rate = DR0;
    spec.payload = Payload::Tracker;
    let mut pair = Pair::new(spec);
    // DR0 carries 19 bytes: 7 of FHDR, FPort, and the tracker's 11.
    assert_eq!(pair.uplink().1.frm_payload.len(), 11);
    pair.device.ask(Request::LinkCheck);
    let (_, opened) = pair.uplink();
    assert_eq!((opened.f_port, opened.f_opts.len()), (None, 1));
}

#[test]
fn answers_that_f_opts_do_not_hold_go_on_port_0() {
    let mut pair = Pair::new(abp());
    let requests = [link_adr(3, 2, (0, 0b011)); 8];
    pair.uplink();
    pair.answer(Down { payload: Some((0, &commands(&requests))), ..Down::default() });
    let (_, opened) = pair.uplink();
    assert_eq!((opened.f_port, opened.f_opts.len()), (Some(0), 0));
    assert_eq!(answers(&opened), [answer(true, true, true); 8]);
    // Each is sent twice now.
    let ports = [pair.uplink().1.f_port, pair.uplink().1.f_port];
    assert_eq!(ports, [Some(0), Some(1)]);
}

#[test]
fn beacons_can_be_looked_for_elsewhere() {
    let mut spec = abp();
    spec.class = Class::B { periodicity: 0 };
    let mut pair = Pair::new(spec);
    let request = |hz| {
        let frequency = Frequency::from_hz(hz);
        DownlinkMacCommand::BeaconFreqReq(BeaconFreqReq { frequency })
    };
    let said = |beacon_frequency_ack| {
        UplinkMacCommand::BeaconFreqAns(BeaconFreqAns { beacon_frequency_ack })
    };
    let time = UplinkMacCommand::DeviceTimeReq;
    assert_eq!(pair.ask(&[request(868_500_000)]), [said(true), time]);
    assert_eq!(pair.device.mac().beacon_frequency, Some(Frequency::from_hz(868_500_000)));
    assert_eq!(pair.ask(&[request(915_000_000)]), [said(false), time]);
    assert_eq!(pair.ask(&[request(0)]), [said(true), time]);
    assert_eq!(pair.device.mac().beacon_frequency, None);
    // A device of class A does not know it.
    assert_eq!(Pair::new(abp()).ask(&[request(0), DownlinkMacCommand::DevStatusReq]), []);
}

/// TXParamSetupReq and DlChannelReq came with 1.0.2.
#[test]
fn an_older_device_stops_reading_at_what_it_does_not_know() {
    let mut spec = abp();
    spec.mac_version = MacVersion::V1_0_1;
    let mut pair = Pair::new(spec);
    let moved = DownlinkMacCommand::DlChannelReq(DlChannelReq {
        ch_index: 0,
        frequency: Frequency::from_hz(865_500_000),
    });
    let status = DownlinkMacCommand::DevStatusReq;
    assert_eq!(pair.ask(&[moved, status]), []);
    assert_eq!(pair.ask(&[status, moved]).len(), 1);
}

#[test]
fn one_answer_to_a_block_is_possible_too() {
    let mut spec = abp().us915(None);
    spec.single_link_adr_ans = true;
    let mut pair = Pair::new(spec);
    let block = [link_adr(2, 5, (7, 0x0002)), link_adr(2, 5, (0, 0xff00))];
    assert_eq!(pair.ask(&block), [answer(true, true, true)]);
}
