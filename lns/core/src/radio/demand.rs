//! How much is asked of one gateway, and what a long frame would cost the others.
//!
//! A frame at SF12 is on air for more than a second. Where every 60 ms another answer is due, it keeps
//! a score of them off the air, whose devices then need RX2 as well: the air is soon full of RX2s. So
//! where much is asked, long frames get a tenth of the air, and the quick ones the rest.

use lns_lorawan::{TimeDelta, Timestamp};

/// A frame is long if more than so many are asked for while it is on air.
const LONG: i64 = 4;

/// Long frames may take one in so many parts of the air.
const SHARE: i64 = 10;

/// What is taken to lie between two askings before any is known: a score of quick ones must come
/// before a gateway counts as busy.
const QUIET: TimeDelta = TimeDelta::from_secs(10);

/// How fast the mean follows: each gap counts an eighth.
const WEIGHT: i64 = 8;

/// The askings of one gateway.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Demand {
    last: Option<(u64, Timestamp)>,
    between: Option<TimeDelta>,
    /// Until then no other long frame may start.
    long_until: Option<Timestamp>,
}

impl Demand {
    /// Somebody asks. Windows of one asking count once.
    pub fn asked(&mut self, now: Timestamp, ask: u64) {
        let Some((last_ask, at)) = self.last else {
            self.last = Some((ask, now));
            return;
        };
        if last_ask == ask {
            return;
        }
        let gap = now.since(at).max(TimeDelta::ZERO);
        let micros = |span: TimeDelta| span.micros();
        let mean = micros(self.between.unwrap_or(QUIET)) * (WEIGHT - 1) + micros(gap.min(QUIET));
        self.between = Some(TimeDelta::from_micros(mean / WEIGHT));
        self.last = Some((ask, now));
    }

    /// The mean time between two askings; no shorter than the last one is ago.
    pub fn between(&self, now: Timestamp) -> Option<TimeDelta> {
        let (_, at) = self.last?;
        self.between.map(|between| between.max(now.since(at)))
    }

    /// Whether a frame that keeps the air for so long is a long one here.
    pub fn is_long(&self, now: Timestamp, busy: TimeDelta) -> bool {
        self.between(now).is_some_and(|between| busy > between.times(LONG))
    }

    /// How far apart two long frames must start.
    pub fn apart(busy: TimeDelta) -> TimeDelta {
        busy.times(SHARE)
    }

    /// A long frame has been on air.
    pub fn was_long(&mut self, started: Timestamp, busy: TimeDelta) {
        self.long_until = self.long_until.max(Some(started + Demand::apart(busy)));
    }

    /// Whether a long frame may not start yet.
    pub fn is_crowded(&self, starts: Timestamp) -> bool {
        self.long_until.is_some_and(|until| starts < until)
    }
}
