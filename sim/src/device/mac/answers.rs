//! MAC commands that wait for an uplink to carry them.

use lns_lorawan::UplinkMacCommand;

use super::super::Mischief;

/// What a device says, and how long it goes on saying it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::device) struct Answers {
    /// With every uplink until the network confirms: ResetInd, RekeyInd, DeviceModeInd.
    until_confirmed: Vec<UplinkMacCommand>,
    /// With every uplink until a class A downlink shows that the network has heard them.
    sticky: Vec<UplinkMacCommand>,
    /// Once.
    once: Vec<UplinkMacCommand>,
}

impl Answers {
    /// To be sent once.
    pub(in crate::device) fn push(&mut self, answer: UplinkMacCommand) {
        self.once.push(answer);
    }

    /// To be sent until heard; the latest answer replaces the one before.
    pub(super) fn stick(&mut self, answer: UplinkMacCommand) {
        self.sticky.retain(|before| before.cid() != answer.cid());
        self.sticky.push(answer);
    }

    /// To be sent until heard, next to others like it: a DlChannelAns for each request.
    pub(super) fn stick_beside(&mut self, answer: UplinkMacCommand) {
        self.sticky.push(answer);
    }

    /// To be sent until its confirmation comes.
    pub(in crate::device) fn insist(&mut self, indication: UplinkMacCommand) {
        self.until_confirmed.retain(|before| before.cid() != indication.cid());
        self.until_confirmed.push(indication);
    }

    /// The confirmation has come.
    pub(in crate::device) fn confirm(&mut self, cid: u8) {
        self.until_confirmed.retain(|indication| indication.cid() != cid);
    }

    /// A class A downlink has shown that the network hears.
    pub(in crate::device) fn unstick(&mut self, mischief: &Mischief) {
        if !mischief.sticky_for_ever {
            self.sticky.clear();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.once.is_empty() && self.sticky.is_empty() && self.until_confirmed.is_empty()
    }

    /// The bytes of as many whole commands as fit. What was to be sent once is gone then, so that a
    /// forgotten answer makes the network ask again.
    pub(in crate::device) fn encode(
        &mut self,
        requests: &[UplinkMacCommand],
        room: usize,
        mischief: &Mischief,
    ) -> Vec<u8> {
        let once = core::mem::take(&mut self.once);
        let answers = self.sticky.iter().chain(&once).copied();
        let bent = mischief.bend_answers(answers.collect());
        let commands = self.until_confirmed.iter().chain(&bent).chain(requests);
        let mut bytes = Vec::new();
        for command in commands {
            let mut one = Vec::new();
            if command.encode(&mut one).is_ok() && bytes.len() + one.len() <= room {
                bytes.append(&mut one);
            }
        }
        bytes
    }
}
