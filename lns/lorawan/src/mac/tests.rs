use proptest::prelude::*;

use super::*;
use crate::time::Timestamp;
use crate::units::{DataRateIndex, Dbm, Frequency, TxPowerIndex};
use crate::wire::{BuildError, RxDelay};

fn up(bytes: &[u8]) -> Vec<Result<UplinkMacCommand, MacStop<'_>>> {
    UplinkMacCommands::new(bytes).collect()
}

fn down(bytes: &[u8]) -> Vec<Result<DownlinkMacCommand, MacStop<'_>>> {
    DownlinkMacCommands::new(bytes).collect()
}

/// CID and payload length of every command, as the standard's tables have them.
const UP_LENGTHS: [(u8, usize); 26] = [
    (0x01, 1),
    (0x02, 0),
    (0x03, 1),
    (0x04, 0),
    (0x05, 1),
    (0x06, 2),
    (0x07, 1),
    (0x08, 0),
    (0x09, 0),
    (0x0a, 1),
    (0x0b, 1),
    (0x0c, 0),
    (0x0d, 0),
    (0x0f, 1),
    (0x10, 1),
    (0x11, 1),
    (0x12, 0),
    (0x13, 1),
    (0x20, 1),
    (0x40, 1),
    (0x41, 1),
    (0x42, 1),
    (0x43, 0),
    (0x44, 5),
    (0x45, 0),
    (0x46, 6),
];

const DOWN_LENGTHS: [(u8, usize); 26] = [
    (0x01, 1),
    (0x02, 2),
    (0x03, 4),
    (0x04, 1),
    (0x05, 4),
    (0x06, 0),
    (0x07, 5),
    (0x08, 1),
    (0x09, 1),
    (0x0a, 4),
    (0x0b, 1),
    (0x0c, 1),
    (0x0d, 5),
    (0x0e, 2),
    (0x0f, 1),
    (0x10, 0),
    (0x11, 4),
    (0x12, 3),
    (0x13, 3),
    (0x20, 1),
    (0x40, 5),
    (0x41, 6),
    (0x42, 2),
    (0x43, 26),
    (0x44, 1),
    (0x45, 5),
];

#[test]
fn every_command_has_its_length_and_no_other_cid_is_known() {
    for cid in 0..=u8::MAX {
        let mut bytes = [0u8; 27];
        bytes[0] = cid;
        let known = |table: &[(u8, usize)]| table.iter().find(|row| row.0 == cid).map(|row| row.1);
        match known(&UP_LENGTHS) {
            Some(length) => {
                assert!(matches!(up(&bytes[..=length])[..], [Ok(_)]), "{cid:02x} up");
                let short = up(&bytes[..length.max(1)]);
                let truncated = matches!(short[..], [Err(MacStop::Truncated { .. })]);
                assert_eq!(truncated, length > 0, "{cid:02x} up");
            }
            None => assert_eq!(up(&bytes), [Err(MacStop::UnknownCid { cid, rest: &bytes })]),
        }
        match known(&DOWN_LENGTHS) {
            Some(length) => {
                assert!(matches!(down(&bytes[..=length])[..], [Ok(_)]), "{cid:02x} down");
                let short = down(&bytes[..length.max(1)]);
                let truncated = matches!(short[..], [Err(MacStop::Truncated { .. })]);
                assert_eq!(truncated, length > 0, "{cid:02x} down");
            }
            None => assert_eq!(down(&bytes), [Err(MacStop::UnknownCid { cid, rest: &bytes })]),
        }
    }
}

#[test]
fn commands_before_an_unknown_one_are_kept() {
    let bytes = [0x02, 0x03, 0x07, 0x80, 0x01, 0x02];
    let commands = up(&bytes);
    let ans = LinkAdrAns { channel_mask_ack: true, data_rate_ack: true, power_ack: true };
    assert_eq!(commands[0], Ok(UplinkMacCommand::LinkCheckReq));
    assert_eq!(commands[1], Ok(UplinkMacCommand::LinkAdrAns(ans)));
    assert_eq!(commands[2], Err(MacStop::UnknownCid { cid: 0x80, rest: &[0x80, 0x01, 0x02] }));
    assert_eq!(commands.len(), 3);
}

/// Bytes worked out by hand from the standard's layouts.
#[test]
fn layouts_are_those_of_the_standard() {
    let rate = |n| DataRateIndex::new(n).unwrap();
    let frequency = Frequency::from_hz(868_100_000);
    let cases: [(DownlinkMacCommand, &str); 14] = [
        (
            DownlinkMacCommand::LinkAdrReq(LinkAdrReq {
                data_rate: rate(5),
                tx_power: TxPowerIndex::new(2).unwrap(),
                ch_mask: 0xff07,
                ch_mask_cntl: 6,
                nb_trans: 3,
            }),
            "035207ff63",
        ),
        (DownlinkMacCommand::DutyCycleReq(DutyCycleReq { max_duty_cycle: 7 }), "0407"),
        (
            DownlinkMacCommand::RxParamSetupReq(RxParamSetupReq {
                rx1_dr_offset: 2,
                rx2_data_rate: rate(3),
                frequency,
            }),
            "0523287684",
        ),
        (DownlinkMacCommand::DevStatusReq, "06"),
        (
            DownlinkMacCommand::NewChannelReq(NewChannelReq {
                ch_index: 3,
                frequency,
                max_data_rate: rate(5),
                min_data_rate: rate(0),
            }),
            "070328768450",
        ),
        (
            DownlinkMacCommand::RxTimingSetupReq(RxTimingSetupReq {
                rx_delay: RxDelay::new(5).unwrap(),
            }),
            "0805",
        ),
        (
            DownlinkMacCommand::TxParamSetupReq(TxParamSetupReq {
                downlink_dwell_time: true,
                uplink_dwell_time: false,
                max_eirp: 5,
            }),
            "0925",
        ),
        (DownlinkMacCommand::DlChannelReq(DlChannelReq { ch_index: 1, frequency }), "0a01287684"),
        (
            DownlinkMacCommand::AdrParamSetupReq(AdrParamSetupReq { limit_exp: 6, delay_exp: 5 }),
            "0c65",
        ),
        (
            DownlinkMacCommand::DeviceTimeAns(DeviceTimeAns { seconds: 0x0102_0304, fraction: 9 }),
            "0d0403020109",
        ),
        (
            DownlinkMacCommand::ForceRejoinReq(ForceRejoinReq {
                period: 5,
                max_retries: 3,
                rejoin_type: 2,
                data_rate: rate(4),
            }),
            "0e2b24",
        ),
        (
            DownlinkMacCommand::RejoinParamSetupReq(RejoinParamSetupReq {
                max_time_n: 10,
                max_count_n: 4,
            }),
            "0fa4",
        ),
        (
            DownlinkMacCommand::PingSlotChannelReq(PingSlotChannelReq {
                frequency: Frequency::from_hz(869_525_000),
                data_rate: rate(3),
            }),
            "11d2ad8403",
        ),
        (
            DownlinkMacCommand::BeaconFreqReq(BeaconFreqReq { frequency: Frequency::from_hz(0) }),
            "13000000",
        ),
    ];
    for (command, bytes) in cases {
        let mut out = Vec::new();
        command.encode(&mut out).unwrap();
        assert_eq!(hex::encode(&out), bytes, "{command:?}");
        assert_eq!(down(&out), [Ok(command)]);
    }
}

#[test]
fn margins_have_a_sign_and_batteries_three_meanings() {
    let read = |bytes: [u8; 3]| match up(&bytes)[..] {
        [Ok(UplinkMacCommand::DevStatusAns(ans))] => (ans.battery, ans.margin),
        ref other => panic!("{other:?}"),
    };
    assert_eq!(read([6, 0, 0b01_1111]), (Battery::External, 31));
    assert_eq!(read([6, 255, 0b10_0000]), (Battery::Unknown, -32));
    assert_eq!(read([6, 254, 0b1111_1111]), (Battery::Level(254), -1));
    assert_eq!(Battery::Level(254).permille(), Some(1000));
    assert_eq!(Battery::Level(1).permille(), Some(0));
    assert_eq!(Battery::External.permille(), None);
}

#[test]
fn a_frequency_off_the_grid_is_refused_and_leaves_nothing() {
    let frequency = Frequency::from_hz(868_100_050);
    let command = DownlinkMacCommand::DlChannelReq(DlChannelReq { ch_index: 0, frequency });
    let mut out = vec![0x06];
    let error = BuildError::Frequency { hz: 868_100_050 };
    assert_eq!(command.encode(&mut out), Err(error));
    assert_eq!(out, [0x06]);
}

#[test]
fn a_filter_list_counts_its_eui_with_five_bits() {
    // Eight bytes: bit 3 of the length counts.
    let bytes = [0x42, 0x08, 0x01, 1, 2, 3, 4, 5, 6, 7, 8, 0x06];
    let commands = down(&bytes);
    let filter = FilterListReq::new([0, 1], &[1, 2, 3, 4, 5, 6, 7, 8]).unwrap();
    let expected =
        [Ok(DownlinkMacCommand::FilterListReq(filter)), Ok(DownlinkMacCommand::DevStatusReq)];
    assert_eq!(commands, expected);
    assert!(matches!(down(&[0x42, 0x1f, 0, 0])[..], [Err(MacStop::Truncated { .. })]));
    let mut seventeen = [0u8; 20];
    seventeen[..2].copy_from_slice(&[0x42, 17]);
    assert!(matches!(down(&seventeen)[..], [Err(MacStop::Truncated { .. })]));
}

#[test]
fn eirp_codes_and_gps_time() {
    let setup = |max_eirp| TxParamSetupReq {
        downlink_dwell_time: false,
        uplink_dwell_time: false,
        max_eirp,
    };
    assert_eq!(setup(5).max_eirp_dbm(), Dbm::from_whole(16));
    assert_eq!(setup(15).max_eirp_dbm(), Dbm::from_whole(36));
    let noon = Timestamp::from_millis(1_522_843_200_500);
    let time = crate::time::GpsTime::from_timestamp(noon).unwrap();
    let ans = DeviceTimeAns { seconds: 1_206_878_418, fraction: 128 };
    assert_eq!(DeviceTimeAns::from(time), ans);
}

proptest! {
    #[test]
    fn any_bytes_end_and_what_was_read_encodes_to_the_same_meaning(
        bytes in proptest::collection::vec(any::<u8>(), 0..250)
    ) {
        let commands = down(&bytes);
        let readable: Vec<_> = commands.iter().filter_map(|command| command.ok()).collect();
        prop_assert!(commands.len() - readable.len() <= 1);
        let mut out = Vec::new();
        for command in &readable {
            let before = out.len();
            command.encode(&mut out).unwrap();
            prop_assert_eq!(out.len() - before, command.length());
        }
        let again: Vec<_> = down(&out).into_iter().map(Result::unwrap).collect();
        prop_assert_eq!(readable, again);

        let commands = up(&bytes);
        let readable: Vec<_> = commands.iter().filter_map(|command| command.ok()).collect();
        let mut out = Vec::new();
        for command in &readable {
            let before = out.len();
            command.encode(&mut out).unwrap();
            prop_assert_eq!(out.len() - before, command.length());
        }
        let again: Vec<_> = up(&out).into_iter().map(Result::unwrap).collect();
        prop_assert_eq!(readable, again);
    }

    #[test]
    fn every_known_command_survives_a_round_trip(
        row in 0usize..26, payload in proptest::collection::vec(any::<u8>(), 26)
    ) {
        let mut bytes = vec![DOWN_LENGTHS[row].0];
        bytes.extend(&payload[..DOWN_LENGTHS[row].1]);
        if let Ok(command) = down(&bytes)[0] {
            let mut out = Vec::new();
            command.encode(&mut out).unwrap();
            prop_assert_eq!(out.len(), bytes.len());
            prop_assert_eq!(down(&out)[0], Ok(command));
        }
    }
}
