//! How often a device is asked the same thing.
//!
//! A request may be lost, its answer may be lost, a device may not know the command at all, and it
//! may refuse for reasons of its own. None of that may become an endless conversation.

use lns_lorawan::FCntUp;
use serde::{Deserialize, Serialize};

/// Tries without an answer after which we ask less often.
const PATIENCE: u8 = 3;

/// The longest pause, as a power of two: 1,024 uplinks.
const LONGEST: u8 = 10;

/// The pause after the first refusal, as a power of two: 64 uplinks.
const AFTER_REFUSAL: u8 = 6;

/// What a device answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It does what it was asked.
    Done,
    /// It does not; the answer's status bits.
    Refused {
        /// A bit that is not set names what it cannot do.
        status: u8,
    },
}

impl Verdict {
    /// From an answer's bits, the lowest first.
    pub fn of<const N: usize>(bits: [bool; N]) -> Self {
        let status = bits.iter().rev().fold(0, |status, bit| status << 1 | u8::from(*bit));
        if bits.iter().all(|bit| *bit) { Verdict::Done } else { Verdict::Refused { status } }
    }
}

/// Where one MAC request stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// A frame with the request is under way, or was sent and not answered yet.
    pub outstanding: bool,
    /// The device's last answer was no.
    pub refused: bool,
    /// Tries without success since the last one with.
    pub tries: u8,
    /// How often in a row the device has said yes to the same value and then done otherwise.
    pub in_vain: u8,
    /// Not to be asked again before an uplink with this counter.
    pub not_before: FCntUp,
}

impl Ask {
    /// Whether it may be asked in answer to this uplink.
    pub fn may_ask(&self, f_cnt_up: FCntUp) -> bool {
        !self.outstanding && f_cnt_up >= self.not_before
    }

    /// Whether a value that it has not refused may be asked, when this one may not yet. A device
    /// that refuses one value after the other is left alone.
    pub fn may_ask_other(&self) -> bool {
        !self.outstanding && self.refused && self.tries < PATIENCE
    }

    /// A frame with the request was filled.
    pub fn asked(&mut self) {
        self.outstanding = true;
    }

    /// The frame was not sent after all.
    pub fn not_sent(&mut self) {
        self.outstanding = false;
    }

    /// The device did what it was asked.
    pub fn granted(&mut self) {
        *self = Ask::default();
    }

    /// The device says that it does what it was asked, and may yet be heard to do otherwise. Where
    /// that happens again and again, it is asked less often.
    pub fn granted_for_now(&mut self, f_cnt_up: FCntUp) {
        let in_vain = self.in_vain.saturating_add(1);
        *self = Ask { in_vain, ..Ask::default() };
        if in_vain >= PATIENCE {
            self.pause(f_cnt_up, in_vain);
        }
    }

    /// A new uplink came without an answer. Whether one was due.
    pub fn unanswered(&mut self, f_cnt_up: FCntUp) -> bool {
        let due = self.outstanding;
        if self.outstanding {
            self.outstanding = false;
            self.refused = false;
            self.tries = self.tries.saturating_add(1);
            if self.tries >= PATIENCE {
                self.pause(f_cnt_up, self.tries);
            }
        }
        due
    }

    /// The device refused.
    pub fn refused(&mut self, f_cnt_up: FCntUp) {
        self.outstanding = false;
        self.refused = true;
        self.tries = self.tries.saturating_add(1);
        self.pause(f_cnt_up, self.tries.saturating_add(AFTER_REFUSAL - 1));
    }

    fn pause(&mut self, f_cnt_up: FCntUp, power: u8) {
        self.not_before = FCntUp(f_cnt_up.0.saturating_add(1 << power.min(LONGEST)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unanswered_request_is_repeated_three_times_and_then_ever_less() {
        let mut ask = Ask::default();
        let mut asked_at = Vec::new();
        for counter in 0..200 {
            let f_cnt_up = FCntUp(counter);
            ask.unanswered(f_cnt_up);
            if ask.may_ask(f_cnt_up) {
                asked_at.push(counter);
                ask.asked();
            }
        }
        assert_eq!(asked_at, [0, 1, 2, 11, 28, 61, 126]);
    }

    #[test]
    fn a_refusal_silences_for_longer_each_time() {
        let mut ask = Ask::default();
        ask.asked();
        ask.refused(FCntUp(10));
        assert!(!ask.may_ask(FCntUp(73)));
        assert!(ask.may_ask(FCntUp(74)));
        ask.asked();
        ask.refused(FCntUp(74));
        assert!(!ask.may_ask(FCntUp(74 + 127)));
        assert!(ask.may_ask(FCntUp(74 + 128)));
    }

    #[test]
    fn another_value_than_the_refused_one_may_be_asked_at_once_but_not_for_ever() {
        let mut ask = Ask::default();
        assert!(!ask.may_ask_other(), "nothing was refused");
        let mut refusals = 0;
        while ask.may_ask(FCntUp(10)) || ask.may_ask_other() {
            ask.asked();
            assert!(!ask.may_ask_other());
            ask.refused(FCntUp(10));
            refusals += 1;
        }
        assert_eq!(refusals, 3);
    }

    #[test]
    fn a_device_that_says_yes_and_does_otherwise_is_asked_ever_less() {
        let mut ask = Ask::default();
        let mut asked_at = Vec::new();
        for counter in 0..100 {
            if ask.may_ask(FCntUp(counter)) {
                asked_at.push(counter);
                ask.asked();
                ask.granted_for_now(FCntUp(counter));
            }
        }
        assert_eq!(asked_at, [0, 1, 2, 10, 26, 58]);
    }

    #[test]
    fn an_answers_bits_are_its_status() {
        assert_eq!(Verdict::of([true, true]), Verdict::Done);
        assert_eq!(Verdict::of([true, false, true]), Verdict::Refused { status: 0b101 });
    }

    #[test]
    fn a_frame_that_was_not_sent_is_no_try() {
        let mut ask = Ask::default();
        ask.asked();
        ask.not_sent();
        ask.unanswered(FCntUp(1));
        assert_eq!(ask, Ask::default());
    }
}
