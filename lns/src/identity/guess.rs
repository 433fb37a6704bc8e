//! How often somebody may be wrong about a password.
//!
//! Wrong answers are counted by who gives them (an IPv4 address, or an IPv6 network of 64 bits) and
//! the user they are about, and by who gives them alone. Never by the user alone: else a stranger
//! could lock anybody out.

use std::collections::HashMap;
use std::net::IpAddr;

use lns_lorawan::Timestamp;

/// Wrong answers about one user before somebody has to wait, and seconds until one is forgotten.
const ABOUT_ONE: (u32, i64) = (10, 6);
/// The same about all users together.
const ABOUT_ALL: (u32, i64) = (100, 1);

/// How many are remembered: four megabytes. With more, the oldest are forgotten all together.
const MOST: usize = 65_536;

/// The memory of wrong answers.
#[derive(Debug, Default)]
pub(super) struct Guesses {
    buckets: HashMap<(IpAddr, Option<Box<str>>), Bucket>,
}

/// Wrong answers that are not forgotten yet.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    count: u32,
    at: Timestamp,
}

impl Bucket {
    fn left(self, (_, seconds): (u32, i64), now: Timestamp) -> u32 {
        let passed = now.since(self.at).micros() / 1_000_000 / seconds;
        self.count.saturating_sub(u32::try_from(passed.max(0)).unwrap_or(u32::MAX))
    }
}

impl Guesses {
    /// Whether somebody may answer now.
    pub fn allows(&self, source: IpAddr, user: &str, now: Timestamp) -> bool {
        let full = |key: &(IpAddr, Option<Box<str>>), bound: (u32, i64)| {
            self.buckets.get(key).is_some_and(|bucket| bucket.left(bound, now) >= bound.0)
        };
        let source = network(source);
        !full(&(source, Some(user.into())), ABOUT_ONE) && !full(&(source, None), ABOUT_ALL)
    }

    /// Remembers a wrong answer.
    pub fn wrong(&mut self, source: IpAddr, user: &str, now: Timestamp) {
        if self.buckets.len() >= MOST {
            let bound = |key: &(IpAddr, Option<Box<str>>)| {
                if key.1.is_some() { ABOUT_ONE } else { ABOUT_ALL }
            };
            self.buckets.retain(|key, bucket| bucket.left(bound(key), now) > 0);
        }
        if self.buckets.len() >= MOST {
            self.buckets.clear();
        }
        let source = network(source);
        for (key, bound) in [((source, Some(user.into())), ABOUT_ONE), ((source, None), ABOUT_ALL)]
        {
            let bucket = self.buckets.entry(key).or_insert(Bucket { count: 0, at: now });
            let count = bucket.left(bound, now).saturating_add(1).min(bound.0);
            *bucket = Bucket { count, at: now };
        }
    }
}

/// Whoever has one address of IPv6 has 2⁶⁴.
fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            IpAddr::from((address.to_bits() & !u128::from(u64::MAX)).to_be_bytes())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_wrong_too_often_has_to_wait() {
        let mut guesses = Guesses::default();
        let [eve, other]: [IpAddr; 2] =
            ["192.0.2.1", "192.0.2.2"].map(|text| text.parse().unwrap());
        let at = |seconds| Timestamp::from_secs(1_000 + seconds);
        for _ in 0..ABOUT_ONE.0 {
            assert!(guesses.allows(eve, "ann", at(0)));
            guesses.wrong(eve, "ann", at(0));
        }
        assert!(!guesses.allows(eve, "ann", at(0)));
        assert!(guesses.allows(eve, "bob", at(0)));
        assert!(guesses.allows(other, "ann", at(0)), "nobody else is locked out");
        assert!(guesses.allows(eve, "ann", at(ABOUT_ONE.1)), "one is forgotten");
        for n in 0..ABOUT_ALL.0 {
            guesses.wrong(eve, &n.to_string(), at(0));
        }
        assert!(!guesses.allows(eve, "bob", at(0)));
    }

    #[test]
    fn a_network_of_ipv6_is_one() {
        let mut guesses = Guesses::default();
        let address = |n: u128| IpAddr::from((0x2001_0db8_u128 << 96 | n).to_be_bytes());
        let now = Timestamp::from_secs(1);
        (0..100).for_each(|n| guesses.wrong(address(n), "ann", now));
        assert!(!guesses.allows(address(1_000), "ann", now));
        assert!(guesses.allows(address(1 << 64), "ann", now));
    }

    #[test]
    fn what_is_remembered_has_a_bound() {
        let mut guesses = Guesses::default();
        let now = Timestamp::from_secs(1);
        for n in 0..MOST as u32 {
            guesses.wrong(IpAddr::from(n.to_be_bytes()), "ann", now);
        }
        assert!(guesses.buckets.len() <= MOST + 1);
    }
}
