//! What a device has asked and is owed.

use lns_lorawan::GpsTime;
use lns_lorawan::mac::UplinkMacCommand;

use crate::event::Reception;

use super::link_check::{self, LinkCheck};
use super::{device_time, rekey};

/// Answers to the commands of one uplink; each is given once, however often it was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Answers {
    /// LinkCheckAns.
    pub link_check: Option<LinkCheck>,
    /// DeviceTimeAns: when the uplink ended.
    pub device_time: Option<GpsTime>,
    /// RekeyConf.
    pub rekey: bool,
}

/// A question that we answer.
pub(super) fn is_question(command: &UplinkMacCommand) -> bool {
    matches!(command, UplinkMacCommand::LinkCheckReq | UplinkMacCommand::DeviceTimeReq)
}

impl Answers {
    /// Whether nothing was asked.
    pub fn is_empty(&self) -> bool {
        self.link_check.is_none() && self.device_time.is_none() && !self.rekey
    }

    /// One more question.
    pub(super) fn answer(&mut self, question: &UplinkMacCommand, receptions: &[Reception]) {
        if *question == UplinkMacCommand::LinkCheckReq {
            self.link_check = Some(link_check::answer(receptions));
        } else {
            self.device_time = device_time::answer(receptions);
        }
    }

    /// The answers as they are sent: at most eleven bytes, which FOpts have room for.
    pub fn write(&self, commands: &mut Vec<u8>) {
        if self.rekey {
            rekey::write(commands);
        }
        if let Some(link_check) = self.link_check {
            link_check.write(commands);
        }
        if let Some(time) = self.device_time {
            device_time::write(time, commands);
        }
    }
}
