//! How long a gateway takes to answer.

/// How many answers are remembered.
const WINDOW: usize = 64;

/// Answer times of one gateway, from PULL_RESP to TX_ACK.
#[derive(Debug, Default)]
pub struct Rtt {
    samples: Vec<u32>,
    next: usize,
}

/// Percentiles over the last answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percentiles {
    /// Median, µs.
    pub p50_us: u32,
    /// 99th percentile, µs.
    pub p99_us: u32,
    /// How many answers.
    pub samples: u32,
}

impl Rtt {
    /// Takes an answer; gives new percentiles at the first and then at every eighth.
    pub fn sample(&mut self, took_us: i64) -> Option<Percentiles> {
        let sample = u32::try_from(took_us.max(0)).unwrap_or(u32::MAX);
        match self.samples.get_mut(self.next % WINDOW) {
            Some(oldest) => *oldest = sample,
            None => self.samples.push(sample),
        }
        self.next += 1;
        (self.next % 8 == 1).then(|| self.percentiles())
    }

    fn percentiles(&self) -> Percentiles {
        let mut sorted = self.samples.clone();
        sorted.sort_unstable();
        let at = |percent: usize| {
            let rank = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
            sorted.get(rank).copied().unwrap_or(0)
        };
        let samples = u32::try_from(sorted.len()).unwrap_or(u32::MAX);
        Percentiles { p50_us: at(50), p99_us: at(99), samples }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_last_answers() {
        let mut rtt = Rtt::default();
        let first = rtt.sample(5000);
        assert_eq!(first, Some(Percentiles { p50_us: 5000, p99_us: 5000, samples: 1 }));
        let told: Vec<_> = (1..=128).filter_map(|n| rtt.sample(n)).collect();
        assert_eq!(told.len(), 16);
        assert_eq!(told.last(), Some(&Percentiles { p50_us: 96, p99_us: 128, samples: 64 }));
    }
}
