//! MAC commands: one file a pair, their layouts and nothing of what they cause.
//!
//! TS001-1.0.4 §5 and §12; LoRaWAN 1.1 §5, §14 and §18; TS011 for the relay. What a
//! command says next to the standard's reserved bits is dropped when parsed and 0 when encoded.

mod adr_param_setup;
mod beacon_freq;
mod beacon_timing;
mod codec;
mod dev_status;
mod device_mode;
mod device_time;
mod dl_channel;
mod duty_cycle;
mod force_rejoin;
mod link_adr;
mod link_check;
mod new_channel;
mod ping_slot_channel;
mod ping_slot_info;
mod rejoin_param_setup;
mod rekey;
mod relay;
mod reset;
mod rx_param_setup;
mod rx_timing_setup;
mod tx_param_setup;

pub use adr_param_setup::AdrParamSetupReq;
pub use beacon_freq::{BeaconFreqAns, BeaconFreqReq};
pub use beacon_timing::BeaconTimingAns;
pub use codec::MacStop;
pub use dev_status::{Battery, DevStatusAns};
pub use device_mode::DeviceMode;
pub use device_time::DeviceTimeAns;
pub use dl_channel::{DlChannelAns, DlChannelReq};
pub use duty_cycle::DutyCycleReq;
pub use force_rejoin::ForceRejoinReq;
pub use link_adr::{LinkAdrAns, LinkAdrReq};
pub use link_check::LinkCheckAns;
pub use new_channel::{NewChannelAns, NewChannelReq};
pub use ping_slot_channel::{PingSlotChannelAns, PingSlotChannelReq};
pub use ping_slot_info::PingSlotInfoReq;
pub use rejoin_param_setup::{RejoinParamSetupAns, RejoinParamSetupReq};
pub use rekey::RekeyMinor;
pub use relay::{FilterListReq, NotifyNewEndDeviceReq};
pub use reset::ResetMinor;
pub use rx_param_setup::{RxParamSetupAns, RxParamSetupReq};
pub use rx_timing_setup::RxTimingSetupReq;
pub use tx_param_setup::TxParamSetupReq;

codec::commands! {
    /// What a device says.
    pub enum UplinkMacCommand;
    /// Reads what a device says. See [`UplinkMacCommands::new`].
    pub struct UplinkMacCommands;
    {
        0x01 ResetInd(ResetMinor), "1.1, ABP: I have been reset.",
        0x02 LinkCheckReq, "How well am I heard?",
        0x03 LinkAdrAns(LinkAdrAns), "One for each request, or one for a block.",
        0x04 DutyCycleAns, "Done.",
        0x05 RxParamSetupAns(RxParamSetupAns), "Sticky.",
        0x06 DevStatusAns(DevStatusAns), "Battery and margin.",
        0x07 NewChannelAns(NewChannelAns), "Channel and range accepted?",
        0x08 RxTimingSetupAns, "Sticky.",
        0x09 TxParamSetupAns, "Sticky.",
        0x0a DlChannelAns(DlChannelAns), "Sticky.",
        0x0b RekeyInd(RekeyMinor), "1.1: I use the new keys. Repeated until RekeyConf.",
        0x0c AdrParamSetupAns, "Done.",
        0x0d DeviceTimeReq, "What time was it when this frame ended?",
        0x0f RejoinParamSetupAns(RejoinParamSetupAns), "Is the time limit kept?",
        0x10 PingSlotInfoReq(PingSlotInfoReq), "My ping slots.",
        0x11 PingSlotChannelAns(PingSlotChannelAns), "Sticky.",
        0x12 BeaconTimingReq, "When is the next beacon? (deprecated)",
        0x13 BeaconFreqAns(BeaconFreqAns), "Frequency usable?",
        0x20 DeviceModeInd(DeviceMode), "1.1: my class. Repeated until DeviceModeConf.",
        0x40 RelayConfAns([u8; 1]), "TS011, in raw bytes.",
        0x41 EndDeviceConfAns([u8; 1]), "TS011, in raw bytes.",
        0x42 FilterListAns([u8; 1]), "TS011, in raw bytes.",
        0x43 UpdateUplinkListAns, "TS011.",
        0x44 CtrlUplinkListAns([u8; 5]), "TS011, in raw bytes.",
        0x45 ConfigureFwdLimitAns, "TS011.",
        0x46 NotifyNewEndDeviceReq(NotifyNewEndDeviceReq), "TS011: a device that is not served.",
    }
}

codec::commands! {
    /// What the network says.
    pub enum DownlinkMacCommand;
    /// Reads what the network says. See [`DownlinkMacCommands::new`].
    pub struct DownlinkMacCommands;
    {
        0x01 ResetConf(ResetMinor), "1.1, ABP: reset noted.",
        0x02 LinkCheckAns(LinkCheckAns), "Margin and gateways.",
        0x03 LinkAdrReq(LinkAdrReq), "Data rate, power, channels, repetitions.",
        0x04 DutyCycleReq(DutyCycleReq), "Be quieter.",
        0x05 RxParamSetupReq(RxParamSetupReq), "RX1's offset, RX2's data rate and frequency.",
        0x06 DevStatusReq, "How are you?",
        0x07 NewChannelReq(NewChannelReq), "Create, change or remove a channel.",
        0x08 RxTimingSetupReq(RxTimingSetupReq), "When RX1 opens.",
        0x09 TxParamSetupReq(TxParamSetupReq), "Dwell times and EIRP.",
        0x0a DlChannelReq(DlChannelReq), "Another RX1 frequency for a channel.",
        0x0b RekeyConf(RekeyMinor), "1.1: new keys noted.",
        0x0c AdrParamSetupReq(AdrParamSetupReq), "1.1: when to back off.",
        0x0d DeviceTimeAns(DeviceTimeAns), "GPS time at the end of the asking uplink.",
        0x0e ForceRejoinReq(ForceRejoinReq), "1.1: rejoin.",
        0x0f RejoinParamSetupReq(RejoinParamSetupReq), "1.1: how often to show yourself.",
        0x10 PingSlotInfoAns, "Noted.",
        0x11 PingSlotChannelReq(PingSlotChannelReq), "Frequency and data rate of ping slots.",
        0x12 BeaconTimingAns(BeaconTimingAns), "The next beacon (deprecated).",
        0x13 BeaconFreqReq(BeaconFreqReq), "The beacon's frequency.",
        0x20 DeviceModeConf(DeviceMode), "1.1: class noted.",
        0x40 RelayConfReq([u8; 5]), "TS011, in raw bytes.",
        0x41 EndDeviceConfReq([u8; 6]), "TS011, in raw bytes.",
        0x42 FilterListReq(FilterListReq), "TS011: 2 bytes and up to 16 of EUI.",
        0x43 UpdateUplinkListReq([u8; 26]), "TS011, in raw bytes. Never fits FOpts.",
        0x44 CtrlUplinkListReq([u8; 1]), "TS011, in raw bytes.",
        0x45 ConfigureFwdLimitReq([u8; 5]), "TS011, in raw bytes.",
    }
}

#[cfg(test)]
mod tests;
