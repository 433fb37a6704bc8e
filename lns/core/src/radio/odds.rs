//! How likely a frame is to be heard from one gateway in one window, and what that costs others.
//!
//! Three chances are multiplied: that the frame reaches the gateway in time, by the round trips that
//! were measured; that the gateway takes it, by what it said to the last ones; that the device hears
//! it, by its margin. What the place costs is then taken off: the share of the air that others lose,
//! the duty cycle that is nearly used up. All figures are in thousandths.
//!
//! The weights are judgement, not theory. They say: a window that is a tenth likelier is worth a
//! second of quiet air; a place that keeps ten others off is worth half as much as it seems.

use lns_lorawan::{Db, TimeDelta};

use super::percentile::Percentile;

/// Certain.
const CERTAIN: i32 = 1000;

/// What the measured round trips are mixed with: as many imagined ones.
const DOUBT: usize = 1;

/// Of a line of which nothing is known, how many answers take no longer than assumed, and than
/// twice that.
const ASSUMED: (i32, i32) = (800, 950);

/// Frames that are imagined to have been taken before anything is known.
const TRUST: u32 = 9;

/// What a gateway said before so many answers counts half.
const MEMORY: u32 = 64;

/// The chance of being heard by margin, dB: straight between these points.
const HEARD: [(i32, i32); 7] =
    [(-10, 50), (-5, 250), (0, 600), (3, 800), (6, 920), (10, 985), (15, 998)];

/// What a second on air costs where nobody else asks.
const SECOND: i32 = 20;

/// What each other answer that is kept off the air costs, and all of them at most.
const DISPLACED: (i32, i32) = (50, 400);

/// The share of a sub-band's duty cycle below which it grows dear, and what its last bit costs.
const SCARCE: (i32, i32) = (250, 200);

/// What is known of a gateway's answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    accepted: u32,
    refused: u32,
}

impl Record {
    /// The gateway has taken a frame, or not.
    pub fn count(&mut self, accepted: bool) {
        if self.accepted + self.refused >= MEMORY {
            self.accepted /= 2;
            self.refused /= 2;
        }
        if accepted {
            self.accepted += 1;
        } else {
            self.refused += 1;
        }
    }

    /// How likely it is to take the next one.
    fn taken(self) -> i32 {
        let of = self.accepted + self.refused + TRUST + 1;
        (CERTAIN as u32 * (self.accepted + TRUST) / of) as i32
    }
}

/// What an estimate rests on.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// How long the frame may take to the gateway: from now to its start, less what the forwarder
    /// needs.
    pub slack: TimeDelta,
    /// Measured round trips.
    pub round_trips: &'a Percentile,
    /// What is assumed before one was.
    pub assumed: TimeDelta,
    /// What the gateway said to earlier frames.
    pub record: Record,
    /// How far the downlink will be above what it needs.
    pub margin: Db,
    /// How long the frame keeps others off.
    pub air: TimeDelta,
    /// The mean time between two askings at this gateway; `None` while nobody else asks.
    pub between_asks: Option<TimeDelta>,
    /// What is left of the sub-band's duty cycle, thousandths; `None` where there is no limit.
    pub duty_left: Option<u16>,
}

/// A place's worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Odds {
    /// The chance that the device hears the frame, thousandths.
    pub chance: u16,
    /// The same less what the place costs: by this, places are ranked.
    pub worth: i16,
}

impl Odds {
    /// The estimate.
    pub fn of(given: &Circumstances<'_>) -> Odds {
        let arrives = arrives(given.slack, given.round_trips, given.assumed);
        let chance = arrives * given.record.taken() / CERTAIN * heard(given.margin) / CERTAIN;
        let worth = chance - cost(given);
        Odds {
            chance: chance.clamp(0, CERTAIN) as u16,
            worth: worth.clamp(-CERTAIN, CERTAIN) as i16,
        }
    }
}

/// The chance to arrive: how many of the measured round trips would have been in time. The whole
/// round trip counts, since a start is known by its reception's arrival, late by the way here.
fn arrives(slack: TimeDelta, measured: &Percentile, assumed: TimeDelta) -> i32 {
    if slack < TimeDelta::ZERO {
        return 0;
    }
    let imagined = if slack >= assumed.times(2) {
        ASSUMED.1
    } else if slack >= assumed {
        ASSUMED.0
    } else {
        CERTAIN - ASSUMED.0
    };
    let within = measured.within(slack) as i32;
    (within * CERTAIN + DOUBT as i32 * imagined) / (measured.len() + DOUBT) as i32
}

fn heard(margin: Db) -> i32 {
    let hundredths = i32::from(margin.hundredths());
    let (first, last) = (HEARD[0], HEARD[HEARD.len() - 1]);
    if hundredths <= first.0 * 100 {
        return first.1;
    }
    let line = HEARD.windows(2).find(|line| hundredths <= line[1].0 * 100);
    line.map_or(last.1, |line| {
        let ((from, low), (to, high)) = (line[0], line[1]);
        low + (high - low) * (hundredths - from * 100) / ((to - from) * 100)
    })
}

fn cost(given: &Circumstances<'_>) -> i32 {
    let air = i32::try_from(given.air.millis()).unwrap_or(i32::MAX / SECOND);
    let quiet = air * SECOND / 1000;
    let displaced = given.between_asks.map_or(0, |between| {
        let others = given.air.micros() * i64::from(DISPLACED.0) / between.micros().max(1);
        i32::try_from(others).unwrap_or(DISPLACED.1).min(DISPLACED.1)
    });
    let scarce =
        given.duty_left.map_or(0, |left| (SCARCE.0 - i32::from(left)).max(0) * SCARCE.1 / SCARCE.0);
    quiet + displaced + scarce
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ms(millis: i64) -> TimeDelta {
        TimeDelta::from_millis(millis)
    }

    fn line(spans: &[i64]) -> Percentile {
        let mut line = Percentile::new();
        spans.iter().for_each(|span| line.observe(ms(*span)));
        line
    }

    fn given(round_trips: &Percentile) -> Circumstances<'_> {
        Circumstances {
            slack: ms(500),
            round_trips,
            assumed: ms(100),
            record: Record::default(),
            margin: Db::from_whole(10),
            air: ms(50),
            between_asks: None,
            duty_left: None,
        }
    }

    fn chance(given: Circumstances<'_>) -> u16 {
        Odds::of(&given).chance
    }

    #[test]
    fn the_chance_to_arrive_is_that_of_the_measured_round_trips() {
        let nothing = line(&[]);
        let arrives = |slack, line: &Percentile| arrives(ms(slack), line, ms(100));
        assert_eq!([99, 100, 200, -1].map(|slack| arrives(slack, &nothing)), [200, 800, 950, 0]);
        let measured = line(&[40, 40, 40, 40, 40, 40, 40, 40, 300]);
        assert_eq!(arrives(39, &measured), 20);
        assert_eq!(arrives(40, &measured), 820);
        assert_eq!(arrives(300, &measured), 995);
    }

    #[test]
    fn a_gateway_that_refuses_is_believed_less_and_forgiven() {
        let mut record = Record::default();
        assert_eq!(record.taken(), 900);
        (0..10).for_each(|_| record.count(false));
        assert_eq!(record.taken(), 450);
        (0..200).for_each(|_| record.count(true));
        assert!(record.taken() > 970);
    }

    #[test]
    fn margin_is_worth_much_where_there_is_little() {
        let at = |decibels| heard(Db::from_whole(decibels));
        assert_eq!([-20, -10, 0, 3, 10, 15, 40].map(at), [50, 50, 600, 800, 985, 998, 998]);
        assert_eq!(heard(Db::from_hundredths(150)), 700);
    }

    #[test]
    fn what_keeps_others_off_costs() {
        let line = line(&[40; 20]);
        let quiet = Odds::of(&given(&line));
        let long = Circumstances { air: ms(1_300), ..given(&line) };
        assert_eq!(Odds::of(&long).worth, quiet.worth - 25);
        let busy = Circumstances { between_asks: Some(ms(100)), ..long };
        assert_eq!(Odds::of(&busy).worth, quiet.worth - 25 - 400);
        assert_eq!(Odds::of(&busy).chance, quiet.chance);
        let scarce = Circumstances { duty_left: Some(125), ..given(&line) };
        assert_eq!(Odds::of(&scarce).worth, quiet.worth - 100);
    }

    proptest! {
        #[test]
        fn more_of_what_is_good_is_never_worse(
            slack in -100i64..1_000, margin in -3_000i16..3_000, air in 0i64..3_000,
            left in 0u16..1_000, spans in prop::collection::vec(0i64..900, 0..140),
        ) {
            let line = line(&spans);
            let worse = Circumstances {
                slack: ms(slack), margin: Db::from_hundredths(margin), air: ms(air + 10),
                duty_left: Some(left), between_asks: Some(ms(60)), ..given(&line)
            };
            let worth = Odds::of(&worse).worth;
            prop_assert!((-1000..=1000).contains(&worth));
            let better = [
                Circumstances { slack: ms(slack + 50), ..worse },
                Circumstances { margin: Db::from_hundredths(margin + 100), ..worse },
                Circumstances { air: ms(air), ..worse },
                Circumstances { duty_left: Some(left + 10), ..worse },
                Circumstances { between_asks: None, ..worse },
            ];
            for other in better {
                prop_assert!(Odds::of(&other).worth >= worth, "{:?}", other);
            }
            prop_assert!(chance(worse) <= 1000);
        }
    }
}
