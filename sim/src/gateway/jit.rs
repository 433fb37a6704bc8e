//! The forwarder's queue of frames that are to be sent at an exact moment, with its rules.
//!
//! After `jitqueue.c` of Semtech's `packet_forwarder` (SX1301) and `sx1302_hal` (SX1302). All
//! moments are µs on the concentrator's counter, here not yet cut to 32 bits, since the counter of
//! a simulated gateway does not lose its upper half.

use gateway_bridge::semtech::packet::Refusal;

/// The concentrator's own delay before a frame.
const TX_START_DELAY: i64 = 1500;
/// Slack for the transfer to the concentrator.
const TX_MARGIN_DELAY: i64 = 1000;
/// (JIT_NUM_BEACON_IN_QUEUE + 1) beacon periods.
const TX_MAX_ADVANCE_DELAY: i64 = 4 * 128 * 1_000_000;
/// Frames that it holds.
const DEPTH: usize = 32;
/// What a beacon takes, with a margin.
const BEACON_RESERVED: i64 = 2_120_000;
/// Before a beacon no ping slot is served.
const BEACON_GUARD: i64 = 3_000_000;
/// From one beacon to the next.
const BEACON_INTERVAL: i64 = 128_000_000;
/// The counter's range.
const WRAP: i64 = 1 << 32;

/// A frame that is promised.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Slot<T> {
    starts: i64,
    airtime: i64,
    frame: T,
}

/// The queue.
#[derive(Debug, Clone)]
pub(super) struct Jit<T> {
    jit_delay: i64,
    immediate_delay: i64,
    slots: Vec<Slot<T>>,
    /// When any of its beacons begins; the others follow.
    beacon: Option<i64>,
}

/// When a frame is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// When the counter shows this: class A.
    Tmst(u32),
    /// When the counter shows this, as satellite time has it: class B, which keeps away from beacons.
    Ping(u32),
    /// As soon as there is room: class C.
    Immediately,
}

impl<T> Jit<T> {
    pub(super) const fn new(jit_delay: i64, immediate_delay: i64) -> Self {
        Self { jit_delay, immediate_delay, slots: Vec::new(), beacon: None }
    }

    /// From now on there is a beacon at this moment, and every 128 s before and after.
    pub(super) fn reserve_beacons(&mut self, at: i64) {
        self.beacon = Some(at);
    }

    /// Promises a frame. `now` is the counter in full; the answer is the moment of the start.
    pub(super) fn enqueue(
        &mut self,
        now: i64,
        (wanted, airtime): (Wanted, i64),
        frame: T,
    ) -> Result<i64, Refusal> {
        if self.slots.len() >= DEPTH {
            return Err(Refusal::CollisionPacket);
        }
        let guard = match wanted {
            Wanted::Ping(_) => BEACON_GUARD + self.jit_delay,
            Wanted::Tmst(_) | Wanted::Immediately => 0,
        };
        let starts = match wanted {
            Wanted::Immediately => self.first_gap(now + self.immediate_delay, airtime),
            Wanted::Tmst(tmst) | Wanted::Ping(tmst) => {
                // Unsigned: what lies in the past looks far ahead.
                let ahead = (i64::from(tmst) - now).rem_euclid(WRAP);
                if ahead <= TX_START_DELAY + TX_MARGIN_DELAY + self.jit_delay {
                    return Err(Refusal::TooLate);
                }
                if ahead > TX_MAX_ADVANCE_DELAY {
                    return Err(Refusal::TooEarly);
                }
                now + ahead
            }
        };
        if let Some((_, refusal)) = self.collides(starts, airtime, guard) {
            return Err(refusal);
        }
        let at = self.slots.partition_point(|slot| slot.starts < starts);
        self.slots.insert(at, Slot { starts, airtime, frame });
        Ok(starts)
    }

    /// The end of what is in the way, and the forwarder's word for it.
    fn collides(&self, starts: i64, airtime: i64, guard: i64) -> Option<(i64, Refusal)> {
        let before = TX_START_DELAY + self.jit_delay + TX_MARGIN_DELAY;
        let hit = |slot: &&Slot<T>| {
            starts - slot.starts <= before + slot.airtime
                && slot.starts - starts <= before + airtime
        };
        if let Some(slot) = self.slots.iter().find(hit) {
            return Some((slot.starts + slot.airtime, Refusal::CollisionPacket));
        }
        let any = self.beacon?;
        let earlier = starts - (starts - any).rem_euclid(BEACON_INTERVAL);
        // A beacon's own lead does not count against classes A and C; its guard does against B.
        let lead = TX_START_DELAY + TX_MARGIN_DELAY + guard;
        let in_the_way = [earlier, earlier + BEACON_INTERVAL].into_iter().find(|beacon| {
            starts - beacon <= before + BEACON_RESERVED && beacon - starts <= lead + airtime
        })?;
        Some((in_the_way + BEACON_RESERVED, Refusal::CollisionBeacon))
    }

    fn first_gap(&self, from: i64, airtime: i64) -> i64 {
        let mut starts = from;
        while let Some((ends, _)) = self.collides(starts, airtime, 0) {
            starts = ends + TX_START_DELAY + self.jit_delay + TX_MARGIN_DELAY + 1;
        }
        starts
    }

    /// When the next frame starts.
    pub(super) fn next(&self) -> Option<i64> {
        self.slots.first().map(|slot| slot.starts)
    }

    /// The next frame, if it is time.
    pub(super) fn dequeue(&mut self, now: i64) -> Option<(i64, T)> {
        if self.next()? > now {
            return None;
        }
        let slot = self.slots.remove(0);
        Some((slot.starts, slot.frame))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1000;

    fn sx1302() -> Jit<u8> {
        Jit::new(40 * MS, 80 * MS)
    }

    fn at(jit: &mut Jit<u8>, now: i64, starts: i64) -> Result<i64, Refusal> {
        let tmst = u32::try_from(starts.rem_euclid(WRAP)).unwrap();
        jit.enqueue(now, (Wanted::Tmst(tmst), 50 * MS), 0)
    }

    #[test]
    fn lead_times_are_42_5_ms_and_32_5_ms() {
        let mut jit = sx1302();
        assert_eq!(at(&mut jit, 0, 42_500), Err(Refusal::TooLate));
        assert_eq!(at(&mut jit, 0, 42_501), Ok(42_501));
        let mut jit: Jit<u8> = Jit::new(30 * MS, 1000 * MS);
        assert_eq!(at(&mut jit, 0, 32_500), Err(Refusal::TooLate));
        assert_eq!(at(&mut jit, 0, 32_501), Ok(32_501));
    }

    #[test]
    fn the_past_and_the_far_future_are_both_too_early() {
        let mut jit = sx1302();
        assert_eq!(at(&mut jit, 5_000_000, 4_999_999), Err(Refusal::TooEarly));
        assert_eq!(at(&mut jit, 0, 512_000_001), Err(Refusal::TooEarly));
        assert_eq!(at(&mut jit, 0, 512_000_000), Ok(512_000_000));
    }

    #[test]
    fn the_counter_wraps_under_a_promise() {
        let mut jit = sx1302();
        let now = WRAP - 100 * MS;
        assert_eq!(at(&mut jit, now, WRAP + 900 * MS), Ok(WRAP + 900 * MS));
        assert_eq!(jit.dequeue(WRAP + 899 * MS), None);
        assert_eq!(jit.dequeue(WRAP + 900 * MS), Some((WRAP + 900 * MS, 0)));
    }

    #[test]
    fn frames_keep_their_distance() {
        let mut jit = sx1302();
        assert!(at(&mut jit, 0, 1000 * MS).is_ok());
        // Ends at 1050; 42.5 ms later is still too near, one µs more is not.
        assert_eq!(at(&mut jit, 0, 1_092_500), Err(Refusal::CollisionPacket));
        assert_eq!(at(&mut jit, 0, 1_092_501), Ok(1_092_501));
        assert_eq!(at(&mut jit, 0, 907_500), Err(Refusal::CollisionPacket));
        assert_eq!(at(&mut jit, 0, 907_499), Ok(907_499));
    }

    #[test]
    fn what_is_wanted_at_once_waits_for_a_gap() {
        let mut jit = sx1302();
        assert_eq!(jit.enqueue(0, (Wanted::Immediately, 50 * MS), 1), Ok(80 * MS));
        assert_eq!(jit.enqueue(0, (Wanted::Immediately, 50 * MS), 2), Ok(172_501));
    }

    #[test]
    fn a_full_queue_says_collision() {
        let mut jit = sx1302();
        for n in 1..=32 {
            assert!(at(&mut jit, 0, n * 1000 * MS).is_ok());
        }
        assert_eq!(at(&mut jit, 0, 40_000 * MS), Err(Refusal::CollisionPacket));
    }

    /// A beacon at 128 s. Class A keeps clear of its 2.12 s; class B of the 3 s before it as well.
    #[test]
    fn beacons_keep_their_air() {
        const S: i64 = 1_000_000;
        let table = [
            (Wanted::Tmst(126_000_000), Ok(126 * S)),
            (Wanted::Tmst(127_947_499), Ok(127_947_499)),
            (Wanted::Tmst(127_947_500), Err(Refusal::CollisionBeacon)),
            (Wanted::Tmst(129_000_000), Err(Refusal::CollisionBeacon)),
            (Wanted::Tmst(130_162_500), Err(Refusal::CollisionBeacon)),
            (Wanted::Tmst(130_162_501), Ok(130_162_501)),
            (Wanted::Ping(126_000_000), Err(Refusal::CollisionBeacon)),
            (Wanted::Ping(124_907_499), Ok(124_907_499)),
            (Wanted::Ping(130_200_000), Ok(130_200_000)),
        ];
        for (wanted, expected) in table {
            let mut jit = sx1302();
            jit.reserve_beacons(0);
            assert_eq!(jit.enqueue(120 * S, (wanted, 50 * MS), 0), expected, "{wanted:?}");
        }
        let mut jit = sx1302();
        jit.reserve_beacons(0);
        let at_once = jit.enqueue(128 * S, (Wanted::Immediately, 50 * MS), 0);
        assert_eq!(at_once, Ok(130_120_000 + 42_501));
    }
}
