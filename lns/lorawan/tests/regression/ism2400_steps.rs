//! 2.4 GHz does not fit 24 bits of 100 Hz.
//!
//! There frames carry frequencies in steps of 200 Hz. A server that divides by 100 regardless cuts
//! the uppermost bits off, and its device goes to 725 MHz.

use lns_lorawan::mac::{
    BeaconFreqReq, DlChannelReq, DownlinkMacCommand, DownlinkMacCommands, NewChannelReq,
    PingSlotChannelReq, RxParamSetupReq,
};
use lns_lorawan::{
    AppKey, CfList, DevAddr, DlSettings, Frame, FrequencyStep, JoinAcceptFields, JoinAcceptKeys,
    JoinNonce, NetId, PhyPayload, Region, RxDelay,
};

use super::{dr, mhz};

#[test]
fn every_command_with_a_frequency_carries_it() {
    let frequency = mhz("2479.0002");
    let commands = [
        DownlinkMacCommand::NewChannelReq(NewChannelReq {
            ch_index: 4,
            frequency,
            max_data_rate: dr(7),
            min_data_rate: dr(0),
        }),
        DownlinkMacCommand::RxParamSetupReq(RxParamSetupReq {
            rx1_dr_offset: 0,
            rx2_data_rate: dr(0),
            frequency,
        }),
        DownlinkMacCommand::DlChannelReq(DlChannelReq { ch_index: 4, frequency }),
        DownlinkMacCommand::PingSlotChannelReq(PingSlotChannelReq { frequency, data_rate: dr(3) }),
        DownlinkMacCommand::BeaconFreqReq(BeaconFreqReq { frequency }),
    ];
    let mut bytes = Vec::new();
    for command in commands {
        command.encode(&mut bytes).unwrap();
    }
    let step = Region::Ism2400.tables().frequency_step();
    assert_eq!(step, FrequencyStep::Hz200);
    let read: Result<Vec<_>, _> = DownlinkMacCommands::new(&bytes).in_steps_of(step).collect();
    assert_eq!(read.unwrap(), commands);
}

#[test]
fn a_channel_list_carries_it() {
    let app_key = AppKey::from_bytes([7; 16]);
    let keys = JoinAcceptKeys::V1_0 { app_key: &app_key };
    let cf_list = CfList::Frequencies([Some(mhz("2427.0")), None, Some(mhz("2431.0")), None, None]);
    let fields = JoinAcceptFields {
        join_nonce: JoinNonce::new(1).unwrap(),
        net_id: NetId::new(1).unwrap(),
        dev_addr: DevAddr::new(0x0200_0001),
        dl_settings: DlSettings { opt_neg: false, rx1_dr_offset: 0, rx2_data_rate: dr(0) },
        rx_delay: RxDelay::default(),
        cf_list: Some(cf_list),
    };
    let frame = fields.build(&keys).unwrap();
    let Ok(Frame::JoinAccept(sealed)) = PhyPayload::parse(&frame) else { panic!("{frame:?}") };
    let opened = sealed.in_steps_of(FrequencyStep::Hz200).open(&keys).unwrap();
    assert_eq!(opened, fields);
}

#[test]
fn everywhere_else_steps_are_of_100_hz() {
    for region in Region::ALL.into_iter().filter(|region| *region != Region::Ism2400) {
        assert_eq!(region.tables().frequency_step(), FrequencyStep::Hz100, "{region}");
    }
}
