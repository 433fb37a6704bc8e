//! So many bytes a second: what is beyond them waits.

use std::time::Duration;

use tokio::time::Instant;

/// How fast one way of a connection may go.
pub(super) struct Pace {
    per_second: Option<u32>,
    /// When everything until now would have been sent evenly.
    spent_until: Instant,
}

impl Pace {
    /// So many bytes a second; `None`: as fast as it can.
    pub fn new(per_second: Option<u32>) -> Self {
        Self { per_second, spent_until: Instant::now() }
    }

    /// So many bytes have gone. What was not used for more than a second is not saved.
    pub fn spend(&mut self, bytes: usize) {
        let Some(per_second) = self.per_second else { return };
        let cost = Duration::from_secs_f64(bytes as f64 / f64::from(per_second.max(1)));
        self.spent_until = self.spent_until.max(Instant::now()) + cost;
    }

    /// Until when the next bytes wait; `None`: they need not.
    pub fn wait(&self) -> Option<Instant> {
        self.per_second?;
        let from = self.spent_until.checked_sub(Duration::from_secs(1))?;
        (from > Instant::now()).then_some(from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seconds_worth_goes_at_once_and_the_rest_waits() {
        let mut pace = Pace::new(Some(1000));
        pace.spend(1000);
        assert_eq!(pace.wait(), None);
        pace.spend(500);
        let left = pace.wait().unwrap().duration_since(Instant::now());
        assert!(
            left > Duration::from_millis(300) && left <= Duration::from_millis(500),
            "{left:?}"
        );
        let mut free = Pace::new(None);
        free.spend(usize::MAX);
        assert_eq!(free.wait(), None);
    }
}
