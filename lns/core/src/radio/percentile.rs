//! The middle and the slow end of what was measured last: percentiles of a bounded window.

use lns_lorawan::TimeDelta;

/// How many measurements are remembered. Enough for a 99th percentile to be one of them, few enough
/// that a gateway whose line has recovered is believed within minutes.
const WINDOW: usize = 128;

/// How many measurements may pass before the percentile is worked out again. Reading it is then
/// free, which matters where every uplink asks.
const STRIDE: u8 = 8;

/// The last 128 measurements of a span, and what 99 % of them do not exceed.
///
/// While there are few, it is their maximum.
#[derive(Clone, Debug)]
pub struct Percentile {
    /// Microseconds, a ring once full. Grows on demand: many gateways report little.
    spans: Vec<u32>,
    next: usize,
    unread: u8,
    p50: u32,
    p99: u32,
}

impl Percentile {
    /// Nothing measured yet.
    pub const fn new() -> Self {
        Percentile { spans: Vec::new(), next: 0, unread: 0, p50: 0, p99: 0 }
    }

    /// Takes a measurement in. Negative ones count as nothing, those beyond 71 minutes as that.
    pub fn observe(&mut self, span: TimeDelta) {
        let micros = u32::try_from(span.micros().max(0)).unwrap_or(u32::MAX);
        if self.spans.len() < WINDOW {
            self.spans.push(micros);
        } else {
            self.spans[self.next] = micros;
        }
        self.next = (self.next + 1) % WINDOW;
        self.unread += 1;
        if self.unread >= STRIDE || self.spans.len() < usize::from(STRIDE) {
            self.work_out();
        }
    }

    /// What 99 % of the last measurements do not exceed; `None` before the first.
    pub fn p99(&self) -> Option<TimeDelta> {
        (!self.spans.is_empty()).then(|| TimeDelta::from_micros(i64::from(self.p99)))
    }

    /// What half of the last measurements do not exceed; `None` before the first.
    pub fn p50(&self) -> Option<TimeDelta> {
        (!self.spans.is_empty()).then(|| TimeDelta::from_micros(i64::from(self.p50)))
    }

    /// How many of the last measurements do not exceed this.
    pub fn within(&self, span: TimeDelta) -> usize {
        self.spans.iter().filter(|one| i64::from(**one) <= span.micros()).count()
    }

    /// How many measurements the figure rests on, at most 128.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether nothing was measured yet.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    fn work_out(&mut self) {
        let mut sorted = [0u32; WINDOW];
        let sorted = &mut sorted[..self.spans.len()];
        sorted.copy_from_slice(&self.spans);
        // The smallest rank that covers 99 %: the maximum below a hundred measurements.
        let rank = |percent: usize| (sorted.len() * percent).div_ceil(100) - 1;
        let (half, slow) = (rank(50), rank(99));
        self.p99 = *sorted.select_nth_unstable(slow).1;
        self.p50 = *sorted.select_nth_unstable(half).1;
        self.unread = 0;
    }
}

impl Default for Percentile {
    fn default() -> Self {
        Percentile::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn micros(of: &Percentile) -> Option<i64> {
        of.p99().map(TimeDelta::micros)
    }

    #[test]
    fn a_few_measurements_give_their_maximum() {
        let mut spans = Percentile::new();
        assert_eq!(micros(&spans), None);
        for (span, p99) in [(40, 40), (10, 40), (90, 90), (-5, 90)] {
            spans.observe(TimeDelta::from_micros(span));
            assert_eq!(micros(&spans), Some(p99), "after {span}");
        }
    }

    #[test]
    fn one_slow_answer_among_a_window_is_the_hundredth_that_is_left_out() {
        let mut spans = Percentile::new();
        for index in 0..127 {
            spans.observe(TimeDelta::from_micros(if index == 5 { 9_000 } else { 100 + index }));
        }
        assert_eq!(micros(&spans), Some(226));
    }

    proptest! {
        #[test]
        fn at_most_one_in_a_hundred_is_slower(all in prop::collection::vec(0i64..1_000_000, 8..400)) {
            let mut spans = Percentile::new();
            for span in &all {
                spans.observe(TimeDelta::from_micros(*span));
            }
            // What was worked out covers everything but the last stride.
            let covered = &all[..all.len() - usize::from(spans.unread)];
            let window = &covered[covered.len().saturating_sub(WINDOW)..];
            let p99 = micros(&spans).unwrap();
            let slower = window.iter().filter(|span| **span > p99).count();
            prop_assert!(slower * 100 <= window.len());
            prop_assert!(window.contains(&p99));
            prop_assert!(spans.len() <= WINDOW);
        }
    }
}
