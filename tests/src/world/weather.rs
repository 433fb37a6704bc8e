//! What goes wrong, how often, drawn from the seed. Everything is off by default.

use lns_lorawan::TimeDelta;
use sim::random::Random;

/// A wired line within one country.
const JOURNEY: TimeDelta = TimeDelta::from_millis(10);

/// Rates of what can go wrong. Probabilities are from 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Weather {
    /// How long a datagram takes when nothing is wrong; up to a millisecond is added or taken at
    /// random.
    pub journey: TimeDelta,
    /// A datagram between gateway and bridge is lost.
    pub lost: f64,
    /// It arrives twice.
    pub doubled: f64,
    /// It is overtaken by others: up to 50 ms more.
    pub reordered: f64,
    /// It is late: up to 1.5 s more.
    pub late: f64,
    /// In a minute, a gateway starts again.
    pub gateway_reboots: f64,
    /// A commit is refused, and tried again by the committer.
    pub commit_refused: f64,
    /// A commit is slow: up to 400 ms.
    pub commit_slow: f64,
    /// The server dies around a commit: before it, in the middle of its writes, or after it and
    /// before (some of) what it releases.
    pub death: f64,
    /// In a minute, the broker goes away, for up to three.
    pub broker_away: f64,
    /// In a minute, a device forgets its session and joins again.
    pub device_rejoins: f64,
}

/// How the server dies around a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// Nothing is written.
    Before,
    /// This many of the writes are.
    Torn(usize),
    /// All is written, and this many effects get away.
    After(usize),
}

impl Weather {
    /// Nothing goes wrong.
    pub fn fine() -> Self {
        Weather {
            journey: JOURNEY,
            lost: 0.0,
            doubled: 0.0,
            reordered: 0.0,
            late: 0.0,
            gateway_reboots: 0.0,
            commit_refused: 0.0,
            commit_slow: 0.0,
            death: 0.0,
            broker_away: 0.0,
            device_rejoins: 0.0,
        }
    }

    /// Everything goes wrong now and then; each seed has its own mixture.
    pub fn rough(random: &mut Random) -> Self {
        let mut up_to = |most: f64| most * random.unit();
        Weather {
            journey: JOURNEY,
            lost: up_to(0.05),
            doubled: up_to(0.05),
            reordered: up_to(0.10),
            late: up_to(0.03),
            gateway_reboots: up_to(0.05),
            commit_refused: up_to(0.05),
            commit_slow: up_to(0.05),
            death: up_to(0.02),
            broker_away: up_to(0.05),
            device_rejoins: up_to(0.03),
        }
    }

    /// How long a datagram takes, once for each time that it arrives.
    pub fn journeys(&self, random: &mut Random) -> Vec<TimeDelta> {
        if random.chance(self.lost) {
            return Vec::new();
        }
        let copies = if random.chance(self.doubled) { 2 } else { 1 };
        let journey = |random: &mut Random| {
            let usual = self.journey.micros();
            let mut micros = random.between(usual - 1_000, usual + 1_000);
            if random.chance(self.reordered) {
                micros += random.between(0, 50_000);
            }
            if random.chance(self.late) {
                micros += random.between(50_000, 1_500_000);
            }
            TimeDelta::from_micros(micros)
        };
        (0..copies).map(|_| journey(random)).collect()
    }

    /// How long a commit takes.
    pub fn commit_takes(&self, random: &mut Random) -> TimeDelta {
        let slow = random.chance(self.commit_slow);
        let (least, most) = if slow { (20_000, 400_000) } else { (300, 3_000) };
        TimeDelta::from_micros(random.between(least, most))
    }

    /// Whether, and how, the server dies around a commit of so many writes and releases.
    pub fn death(&self, random: &mut Random, writes: usize, releases: usize) -> Option<Death> {
        if !random.chance(self.death) {
            return None;
        }
        let up_to = |random: &mut Random, most: usize| {
            usize::try_from(random.below(most as u64 + 1)).unwrap_or(0)
        };
        Some(match random.below(4) {
            0 => Death::Before,
            1 => Death::Torn(up_to(random, writes)),
            2 => Death::After(up_to(random, releases)),
            _ => Death::After(0),
        })
    }
}
