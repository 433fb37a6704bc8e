//! Which run of the concentrator a `tmst` belongs to, and how far a window is away.
//!
//! `tmst` counts µs modulo 2³² from power-on, so it is only meaningful within one run. When a
//! gateway restarts, its counter jumps; a token from before must not be used any more. Arrival times
//! tell: between two frames counter and arrival advance by the same amount, give or take the
//! network.
//!
//! A counter ahead of what arrival predicts cannot come from a delayed frame, so it is a restart. A
//! counter behind may be either: a restarted concentrator has counted at most since we last heard of
//! it; anything larger is a frame that was stored on its way. A restart is missed when the counter
//! happens to fall near to what is predicted: one time in 330, and one in 4,300 where the gateway came
//! back from another address, as a restarted forwarder does. Three such frames in a row mean that
//! our reference is wrong, and count as a restart, too.

/// How far a counter may be behind what arrival predicts, µs: a backhaul delays by seconds.
const TOLERANCE_US: i64 = 10_000_000;

/// How far it may be ahead, µs. The frame that the prediction rests on may have been delayed itself,
/// by no more than a slow backhaul does.
const AHEAD_US: i64 = 3_000_000;

/// How far it may be off either way, µs, in the first frame from a new address: a forwarder that has
/// started again has another port, and one that has only moved has the same backhaul as before.
const SUSPICIOUS_US: i64 = 500_000;

/// A reference is replaced by a worse one when it is so old, µs: clocks drift apart.
const REFERENCE_LIFE_US: i64 = 60_000_000;

/// How many frames in a row may disagree before the reference is given up.
const MOST_STRANGE: u8 = 3;

/// One concentrator's counter, as seen from our clock.
#[derive(Debug)]
pub struct Clock {
    boot_epoch: u32,
    reference: Option<Reference>,
    strange: u8,
    suspicious: bool,
}

#[derive(Debug, Clone, Copy)]
struct Reference {
    tmst: u32,
    at: i64,
}

/// What a `tmst` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// The concentrator still runs.
    SameRun,
    /// It has started again; the epoch is a new one.
    Rebooted,
}

impl Clock {
    /// Epochs begin with our time in seconds, so that they stay in order when the bridge restarts.
    pub fn new(now: i64) -> Self {
        Self { boot_epoch: seconds(now), reference: None, strange: 0, suspicious: false }
    }

    /// The run of the concentrator.
    pub fn boot_epoch(&self) -> u32 {
        self.boot_epoch
    }

    /// The gateway has come from another address, or back: it may have started again.
    pub fn suspect(&mut self) {
        self.suspicious = true;
    }

    /// A frame with this counter has arrived.
    pub fn observe(&mut self, tmst: u32, now: i64) -> Seen {
        let fresh = Reference { tmst, at: now };
        let suspicious = std::mem::take(&mut self.suspicious);
        let Some(reference) = self.reference else {
            self.reference = Some(fresh);
            return Seen::SameRun;
        };
        let ahead = distance(reference.reads_at(now), tmst);
        let (behind_us, ahead_us) =
            if suspicious { (SUSPICIOUS_US, SUSPICIOUS_US) } else { (TOLERANCE_US, AHEAD_US) };
        if (-behind_us..=ahead_us).contains(&ahead) {
            self.strange = 0;
            // A frame that arrives early was delayed least, so it shows the counter best.
            if ahead >= 0 || now - reference.at > REFERENCE_LIFE_US {
                self.reference = Some(fresh);
            }
            return Seen::SameRun;
        }
        self.strange = self.strange.saturating_add(1);
        let counted_since = i64::from(tmst) <= now - reference.at + TOLERANCE_US;
        if ahead < 0 && !counted_since && self.strange < MOST_STRANGE {
            return Seen::SameRun;
        }
        self.boot_epoch = self.boot_epoch.saturating_add(1).max(seconds(now));
        self.reference = Some(fresh);
        self.strange = 0;
        Seen::Rebooted
    }

    /// µs until the counter shows `tmst`; negative when it is past. Never shorter than the truth by
    /// more than the drift of a minute, but longer by the delay of the best frame. `None` before the
    /// first frame.
    pub fn lead_us(&self, tmst: u32, now: i64) -> Option<i64> {
        self.reference.map(|reference| distance(reference.reads_at(now), tmst))
    }
}

impl Reference {
    fn reads_at(self, now: i64) -> u32 {
        self.tmst.wrapping_add((now - self.at) as u32)
    }
}

/// The signed way from one counter to another, whichever way round is shorter.
fn distance(from: u32, to: u32) -> i64 {
    i64::from(to.wrapping_sub(from) as i32)
}

fn seconds(now: i64) -> u32 {
    u32::try_from(now / 1_000_000).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;
    const START: i64 = 1_700_000_000 * SECOND;

    /// Frames as (seconds of arrival, counter in seconds, expected).
    fn walk(frames: &[(i64, u32, Seen)]) {
        let mut clock = Clock::new(START);
        for &(at, counter, expected) in frames {
            let seen = clock.observe(counter.wrapping_mul(1_000_000), START + at * SECOND);
            assert_eq!(seen, expected, "at {at} s counter {counter} s of {frames:?}");
        }
    }

    #[test]
    fn a_counter_that_wraps_is_the_same_run() {
        use Seen::SameRun;
        // 2³² µs are 4294.97 s: 4290 s + 10 s reads 5.03 s.
        let mut clock = Clock::new(START);
        assert_eq!(clock.observe(4_290_000_000, START), SameRun);
        assert_eq!(clock.observe(5_032_704, START + 10 * SECOND), SameRun);
        assert_eq!(clock.lead_us(6_032_704, START + 10 * SECOND), Some(SECOND));
        // Idle through two wraps.
        let idle = 9000 * SECOND;
        let counter = 5_032_704_u32.wrapping_add(idle as u32);
        assert_eq!(clock.observe(counter, START + 10 * SECOND + idle), SameRun);
    }

    #[test]
    fn a_restart_is_seen_and_a_late_frame_is_not_one() {
        use Seen::{Rebooted, SameRun};
        walk(&[(0, 3000, SameRun), (60, 3060, SameRun), (120, 20, Rebooted), (130, 30, SameRun)]);
        // Stored for 25 minutes on its way.
        walk(&[(0, 3500, SameRun), (60, 2060, SameRun), (61, 3561, SameRun)]);
        // The first frame we saw was the late one.
        walk(&[(0, 1000, SameRun), (10, 1900, Rebooted), (20, 1910, SameRun)]);
        // A counter that does not start at zero.
        walk(&[(0, 3000, SameRun), (1, 2000, SameRun), (2, 2001, SameRun), (3, 2002, Rebooted)]);
    }

    #[test]
    fn a_gateway_that_comes_from_another_address_is_looked_at_closely() {
        use Seen::{Rebooted, SameRun};
        for (off_us, suspect, expected) in [
            (-1_000_000, false, SameRun),
            (-1_000_000, true, Rebooted),
            (-400_000, true, SameRun),
            (2_900_000, false, SameRun),
            (3_100_000, false, Rebooted),
            (600_000, true, Rebooted),
        ] {
            let mut clock = Clock::new(START);
            clock.observe(4_000_000, START);
            if suspect {
                clock.suspect();
            }
            let seen = clock.observe((20_000_000 + off_us) as u32, START + 16 * SECOND);
            assert_eq!(seen, expected, "{off_us} {suspect}");
            // One frame settles it.
            assert_eq!(clock.observe((21_000_000 + off_us) as u32, START + 17 * SECOND), SameRun);
        }
    }

    #[test]
    fn epochs_grow() {
        let mut clock = Clock::new(START);
        clock.observe(3_000_000_000, START);
        assert_eq!(clock.observe(0, START + 1), Seen::Rebooted);
        assert_eq!(clock.boot_epoch(), 1_700_000_001);
        assert!(Clock::new(START + 5 * SECOND).boot_epoch() > clock.boot_epoch());
    }

    #[test]
    fn the_least_delayed_frame_is_the_reference() {
        let mut clock = Clock::new(START);
        clock.observe(1_000_000, START);
        // One second later by the counter, but 0.3 s more on its way.
        clock.observe(2_000_000, START + 1_300_000);
        assert_eq!(clock.lead_us(3_000_000, START + 1_300_000), Some(700_000));
    }
}
