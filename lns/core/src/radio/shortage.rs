//! Why an asking came to nothing: what the lanes say when they have no offer.

use lns_lorawan::Timestamp;

use super::lane::{Lane, NoOffer};
use super::plan::WindowPlan;

/// Why no gateway had an offer for any window of an occasion: the reason of the one that came
/// nearest to making one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// What was lacking.
    pub reason: NoOffer,
    /// When the duty cycle allows the smallest frame again; `None` for other reasons, and on a
    /// frequency that may not be used at all.
    pub until: Option<Timestamp>,
}

impl Shortage {
    /// There was no gateway to ask.
    pub const NOBODY: Shortage = Shortage { reason: NoOffer::Offline, until: None };

    /// A lane has refused a window for this reason.
    pub(super) fn of(
        reason: NoOffer,
        lane: Option<&mut Lane>,
        (now, window): (Timestamp, &WindowPlan),
    ) -> Self {
        let lane = lane.filter(|_| reason == NoOffer::DutyCycle);
        Shortage { reason, until: lane.and_then(|lane| lane.allowed_again(now, window)) }
    }

    /// Of two refusals the one that came nearer to an offer; of two for duty cycle the one that
    /// ends first.
    pub fn nearer(self, other: Shortage) -> Shortage {
        let rank = |shortage: &Shortage| (nearness(shortage.reason), shortage.until.is_some());
        match rank(&self).cmp(&rank(&other)) {
            core::cmp::Ordering::Greater => self,
            core::cmp::Ordering::Less => other,
            core::cmp::Ordering::Equal if other.until < self.until => other,
            core::cmp::Ordering::Equal => self,
        }
    }
}

/// How far a lane got before it refused: its questions in their order.
fn nearness(reason: NoOffer) -> u8 {
    match reason {
        NoOffer::Offline => 0,
        NoOffer::Rebooted => 1,
        NoOffer::NotBeaconing => 2,
        NoOffer::NoClock => 3,
        NoOffer::TooLate | NoOffer::TooEarly => 4,
        NoOffer::QueueFull => 5,
        NoOffer::AirTaken => 6,
        NoOffer::Crowded => 7,
        NoOffer::DutyCycle => 8,
    }
}

/// What was refused, counted by reason, and the shortage of the asking under way.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    counts: [u64; NoOffer::ALL.len()],
    nearest: Option<Shortage>,
}

impl Refusals {
    /// A new asking begins.
    pub fn start(&mut self) {
        self.nearest = None;
    }

    /// A window got no offer.
    pub fn add(&mut self, shortage: Shortage) {
        self.counts[shortage.reason.place()] += 1;
        self.nearest = Some(self.nearest.map_or(shortage, |nearest| nearest.nearer(shortage)));
    }

    /// Why this asking got nothing so far.
    pub fn nearest(&self) -> Option<Shortage> {
        self.nearest
    }

    /// How often each reason left a window without an offer.
    pub fn counts(&self) -> impl Iterator<Item = (NoOffer, u64)> + '_ {
        NoOffer::ALL.iter().map(|reason| (*reason, self.counts[reason.place()]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refusal_that_came_nearest_to_an_offer_is_told() {
        let of = |reason| Shortage { reason, until: None };
        let duty = |second| Shortage {
            reason: NoOffer::DutyCycle,
            until: Some(Timestamp::from_secs(second)),
        };
        let mut refusals = Refusals::default();
        assert_eq!(refusals.nearest(), None);
        let steps = [
            (of(NoOffer::Offline), of(NoOffer::Offline)),
            (of(NoOffer::AirTaken), of(NoOffer::AirTaken)),
            (of(NoOffer::TooLate), of(NoOffer::AirTaken)),
            (of(NoOffer::DutyCycle), of(NoOffer::DutyCycle)),
            (duty(90), duty(90)),
            (duty(60), duty(60)),
            (duty(70), duty(60)),
            (of(NoOffer::DutyCycle), duty(60)),
        ];
        for (refused, told) in steps {
            refusals.add(refused);
            assert_eq!(refusals.nearest(), Some(told), "after {refused:?}");
        }
        let counted: u64 = refusals.counts().map(|(_, count)| count).sum();
        assert_eq!(counted, 8);
        refusals.start();
        assert_eq!(refusals.nearest(), None);
    }
}
