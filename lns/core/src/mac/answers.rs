//! What a device has asked and is owed.

use lns_lorawan::GpsTime;
use lns_lorawan::mac::UplinkMacCommand;

use crate::class::Class;
use crate::event::Reception;
use crate::session::Session;

use super::link_check::{self, LinkCheck};
use super::{device_mode, device_time, ping_slot_info, rekey, reset};

/// Answers to the commands of one uplink; each is given once, however often it was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Answers {
    /// LinkCheckAns.
    pub link_check: Option<LinkCheck>,
    /// DeviceTimeAns: when the uplink ended.
    pub device_time: Option<GpsTime>,
    /// RekeyConf.
    pub rekey: bool,
    /// ResetConf.
    pub reset: bool,
    /// DeviceModeConf: the class that the device has named.
    pub device_mode: Option<Class>,
    /// PingSlotInfoAns.
    pub ping_slot_info: bool,
    /// BeaconTimingAns, which is written when it is known when its frame ends.
    pub beacon_timing: bool,
}

/// A question that we answer.
pub(super) fn is_question(command: &UplinkMacCommand) -> bool {
    matches!(
        command,
        UplinkMacCommand::LinkCheckReq
            | UplinkMacCommand::DeviceTimeReq
            | UplinkMacCommand::BeaconTimingReq
    )
}

/// What a 1.1 device says until it is confirmed.
pub(super) fn is_indication(command: &UplinkMacCommand) -> bool {
    matches!(
        command,
        UplinkMacCommand::RekeyInd(_)
            | UplinkMacCommand::ResetInd(_)
            | UplinkMacCommand::DeviceModeInd(_)
    )
}

impl Answers {
    /// Whether nothing was asked.
    pub fn is_empty(&self) -> bool {
        *self == Answers::default()
    }

    /// One more indication. Whether it may be said in this session.
    pub(super) fn confirm(
        &mut self,
        indication: &UplinkMacCommand,
        session: &Session,
        joined: bool,
    ) -> bool {
        if let UplinkMacCommand::RekeyInd(minor) = indication {
            self.rekey |= rekey::is_due(*minor, session, joined);
            self.rekey
        } else if let UplinkMacCommand::ResetInd(minor) = indication {
            self.reset |= reset::is_due(*minor, session, joined);
            self.reset
        } else if let UplinkMacCommand::DeviceModeInd(mode) = indication {
            self.device_mode = device_mode::class_of(*mode, session);
            self.device_mode.is_some()
        } else {
            false
        }
    }

    /// One more question.
    pub(super) fn answer(&mut self, question: &UplinkMacCommand, receptions: &[Reception]) {
        if *question == UplinkMacCommand::LinkCheckReq {
            self.link_check = Some(link_check::answer(receptions));
        } else if *question == UplinkMacCommand::BeaconTimingReq {
            self.beacon_timing = true;
        } else {
            self.device_time = device_time::answer(receptions);
        }
    }

    /// The answers as they are sent: at most fourteen bytes, which FOpts have room for: no session
    /// has both RekeyConf and ResetConf. Without BeaconTimingAns.
    pub fn write(&self, commands: &mut Vec<u8>) {
        if self.rekey {
            rekey::write(commands);
        }
        if self.reset {
            reset::write(commands);
        }
        if let Some(class) = self.device_mode {
            device_mode::write(class, commands);
        }
        if let Some(link_check) = self.link_check {
            link_check.write(commands);
        }
        if let Some(time) = self.device_time {
            device_time::write(time, commands);
        }
        if self.ping_slot_info {
            ping_slot_info::write(commands);
        }
    }
}
