//! DevStatusReq / DevStatusAns: a device's battery and how well it hears us. TS001-1.0.4
//! §5.5.

use lns_lorawan::Timestamp;
use lns_lorawan::mac::DevStatusAns;
use serde::{Deserialize, Serialize};

use super::kind::View;
use crate::note::Note;

/// What the device last said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DevStatus {
    answer: Option<(u8, i8)>,
    answered_at: Option<Timestamp>,
}

impl DevStatus {
    /// What an earlier life of the server was told.
    pub(crate) fn said(answer: Option<(u8, i8)>, answered_at: Option<Timestamp>) -> Self {
        DevStatus { answer, answered_at }
    }

    /// 0 external, 1 to 254, 255 unknown to the device; `None` before the first answer.
    pub fn battery(&self) -> Option<u8> {
        self.answer.map(|(battery, _)| battery)
    }

    /// How far the last downlink was above what the device needed, dB; `None` before the first
    /// answer.
    pub fn margin(&self) -> Option<i8> {
        self.answer.map(|(_, margin)| margin)
    }

    /// The device has answered.
    pub fn on_answer(&mut self, answer: DevStatusAns, at: Timestamp) -> Note {
        let (battery, margin) = (answer.battery.to_byte(), answer.margin);
        self.answer = Some((battery, margin));
        self.answered_at = Some(at);
        Note::DevStatus { battery, margin }
    }
}

/// Whether it is time to ask: once an interval, by the profile.
pub fn needed(view: &View<'_>) -> bool {
    let Some(interval) = view.moment.profile.dev_status_interval else { return false };
    let answered_at = view.mac.dev_status.answered_at;
    answered_at.is_none_or(|at| view.moment.now.since(at) >= interval)
}
