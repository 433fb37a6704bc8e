//! What a device does wrong on purpose.

use lns_lorawan::mac::{DlChannelAns, LinkAdrAns, RxParamSetupAns};
use lns_lorawan::{DevNonce, UplinkMacCommand};

use crate::random::Random;

/// What a device refuses although it could do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Refusals {
    /// LinkADRReq: the channels.
    pub channel_mask: bool,
    /// LinkADRReq: the data rate.
    pub data_rate: bool,
    /// LinkADRReq: the power.
    pub power: bool,
    /// RXParamSetupReq: the frequency.
    pub rx_params: bool,
    /// NewChannelReq.
    pub new_channel: bool,
    /// DlChannelReq.
    pub dl_channel: bool,
    /// PingSlotChannelReq.
    pub ping_slot_channel: bool,
    /// BeaconFreqReq.
    pub beacon_freq: bool,
}

/// A device's bad habits. None by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mischief {
    /// Instead of every n-th frame, sends its first one again.
    pub replay_every: Option<u32>,
    /// Forgets its counters once, after so many uplinks, and goes on in the same session.
    pub reset_after: Option<u32>,
    /// Starts anew every so many uplinks: an OTAA device joins again, an ABP device counts from the
    /// beginning; what the network had set is forgotten.
    pub reboot_every: Option<u32>,
    /// Joins with the same DevNonce each time.
    pub stuck_dev_nonce: Option<DevNonce>,
    /// Knows so many DevNonces only, and draws one of them.
    pub few_dev_nonces: Option<u16>,
    /// Has another root key, or other session keys, than it says.
    pub wrong_key: bool,
    /// Misses every n-th downlink that it should hear.
    pub lose_every: Option<u32>,
    /// After so many downlinks, misses so many.
    pub deaf: Option<(u32, u32)>,
    /// Hears nothing at all.
    pub never_hears: bool,
    /// Its clock is so many millionths slow: its windows open that much too late.
    pub drift_ppm: i32,
    /// What it refuses.
    pub refuse: Refusals,
    /// Answers that it never gives, by CID; what it was told it does.
    pub mute: Vec<u8>,
    /// Gives every answer twice.
    pub answers_twice: bool,
    /// Gives the answer to another command than the one that was asked.
    pub answers_another: bool,
    /// Repeats its sticky answers whatever it hears.
    pub sticky_for_ever: bool,
    /// Begins the FOpts of every n-th uplink with a command that there is not.
    pub unknown_cid_every: Option<u32>,
    /// Instead of every n-th frame, sends a proprietary one.
    pub proprietary_every: Option<u32>,
    /// Sends every n-th frame on a channel that is switched off.
    pub off_mask_every: Option<u32>,
}

/// A CID that no edition has.
pub(super) const UNKNOWN_CID: u8 = 0x7f;

impl Mischief {
    /// Is this the n-th time, counted from 1?
    pub(super) const fn is_nth(every: Option<u32>, count: u64) -> bool {
        match every {
            Some(every) if every > 0 => count > 0 && count.is_multiple_of(every as u64),
            Some(_) | None => false,
        }
    }

    /// The key that it has instead.
    pub(super) fn bend(&self, key: [u8; 16]) -> [u8; 16] {
        if self.wrong_key { key.map(|byte| !byte) } else { key }
    }

    /// Is the n-th frame that passes the radio lost in the device?
    pub(super) fn loses(&self, audible: u64) -> bool {
        let deaf = self.deaf.is_some_and(|(after, count)| {
            let first = u64::from(after) + 1;
            (first..first + u64::from(count)).contains(&audible)
        });
        self.never_hears || deaf || Self::is_nth(self.lose_every, audible)
    }

    /// The DevNonce that it uses instead of this one.
    pub(super) fn dev_nonce(&self, drawn: DevNonce, random: &mut Random) -> DevNonce {
        let few = |count: u16| DevNonce(u16::try_from(random.below(count.into())).unwrap_or(0));
        self.stuck_dev_nonce.or(self.few_dev_nonces.map(few)).unwrap_or(drawn)
    }

    /// The answers that it gives instead of these.
    pub(super) fn bend_answers(&self, answers: Vec<UplinkMacCommand>) -> Vec<UplinkMacCommand> {
        let times = if self.answers_twice { 2 } else { 1 };
        let given = answers.into_iter().filter(|answer| !self.mute.contains(&answer.cid()));
        let given = given.map(|answer| if self.answers_another { another(answer) } else { answer });
        given.flat_map(|answer| core::iter::repeat_n(answer, times)).collect()
    }
}

/// The answer to another command.
const fn another(answer: UplinkMacCommand) -> UplinkMacCommand {
    use UplinkMacCommand as Up;
    match answer.cid() {
        0x03 => Up::RxParamSetupAns(RxParamSetupAns {
            channel_ack: true,
            rx2_data_rate_ack: true,
            rx1_dr_offset_ack: true,
        }),
        0x05 => Up::DlChannelAns(DlChannelAns {
            channel_frequency_ack: true,
            uplink_frequency_exists: true,
        }),
        0x04 => Up::RxTimingSetupAns,
        0x08 => Up::DutyCycleAns,
        _ => Up::LinkAdrAns(LinkAdrAns {
            channel_mask_ack: true,
            data_rate_ack: true,
            power_ack: true,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_third_is_every_third() {
        let hit: Vec<u64> = (0..8).filter(|n| Mischief::is_nth(Some(3), *n)).collect();
        assert_eq!(hit, [3, 6]);
        assert!(!Mischief::is_nth(Some(0), 5) && !Mischief::is_nth(None, 5));
    }

    #[test]
    fn a_wrong_key_is_another_key() {
        let wrong = Mischief { wrong_key: true, ..Mischief::default() };
        assert_ne!(wrong.bend([7; 16]), [7; 16]);
        assert_eq!(Mischief::default().bend([7; 16]), [7; 16]);
    }

    #[test]
    fn a_deaf_device_misses_what_comes_then() {
        let deaf = Mischief { deaf: Some((2, 3)), ..Mischief::default() };
        let lost: Vec<u64> = (1..9).filter(|count| deaf.loses(*count)).collect();
        assert_eq!(lost, [3, 4, 5]);
    }

    #[test]
    fn answers_are_held_back_doubled_and_mistaken() {
        let answers = || vec![UplinkMacCommand::DutyCycleAns, UplinkMacCommand::RxTimingSetupAns];
        let mute = Mischief { mute: vec![0x04], ..Mischief::default() };
        assert_eq!(mute.bend_answers(answers()), [UplinkMacCommand::RxTimingSetupAns]);
        let twice = Mischief { answers_twice: true, ..Mischief::default() };
        assert_eq!(twice.bend_answers(answers()).len(), 4);
        let another = Mischief { answers_another: true, ..Mischief::default() };
        let cids: Vec<_> = another.bend_answers(answers()).iter().map(|it| it.cid()).collect();
        assert_eq!(cids, [0x08, 0x04]);
    }
}
