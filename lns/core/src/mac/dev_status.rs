//! DevStatusReq / DevStatusAns: a device's battery and how well it hears us. TS001-1.0.4
//! §5.5.

use lns_lorawan::Timestamp;
use lns_lorawan::mac::{DevStatusAns, DownlinkMacCommand};
use serde::{Deserialize, Serialize};

use super::Moment;
use super::ask::Ask;
use crate::note::Note;

/// What the device last said, and when to ask again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DevStatus {
    answer: Option<(u8, i8)>,
    answered_at: Option<Timestamp>,
    /// Where the request stands.
    pub ask: Ask,
}

impl DevStatus {
    /// 0 external, 1 to 254, 255 unknown to the device; `None` before the first answer.
    pub fn battery(&self) -> Option<u8> {
        self.answer.map(|(battery, _)| battery)
    }

    /// How far the last downlink was above what the device needed, dB; `None` before the first
    /// answer.
    pub fn margin(&self) -> Option<i8> {
        self.answer.map(|(_, margin)| margin)
    }

    /// The same, nothing asked: for a new session.
    pub fn without_asking(self) -> Self {
        DevStatus { ask: Ask::default(), ..self }
    }

    /// Whether it is time to ask: once an interval, by the profile.
    pub fn needed(&self, moment: &Moment<'_>) -> bool {
        let Some(interval) = moment.profile.dev_status_interval else { return false };
        let over = self.answered_at.is_none_or(|at| moment.now.since(at) >= interval);
        over && self.ask.may_ask(moment.f_cnt_up)
    }

    /// The device has answered.
    pub fn on_answer(&mut self, answer: DevStatusAns, at: Timestamp) -> Note {
        let (battery, margin) = (answer.battery.to_byte(), answer.margin);
        self.answer = Some((battery, margin));
        self.answered_at = Some(at);
        self.ask.granted();
        Note::DevStatus { battery, margin }
    }
}

/// The request.
pub fn request() -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1);
    super::write(DownlinkMacCommand::DevStatusReq, &mut bytes);
    bytes
}
