//! Where a gateway is reached.
//!
//! Downlinks go where PULL_DATA comes from. Anyone can send a PULL_DATA, so a new address takes over
//! only after the old one has been silent for two keepalives; until then it is flagged and not
//! answered. That holds for a new port of the same host, too: a restarted forwarder, or one behind a
//! NAT that changed its mind, waits two keepalives, and a stranger behind the same NAT gains nothing.

use std::net::SocketAddr;

use crate::semtech::packet::Version;

/// Shortest and longest keepalive that is believed, µs. Forwarders are known to use 5 to 60 s.
const KEEPALIVE_US: std::ops::RangeInclusive<i64> = 1_000_000..=120_000_000;
/// Before two keepalives have been seen, µs: what the reference forwarders are shipped with.
const DEFAULT_KEEPALIVE_US: i64 = 10_000_000;
/// A gateway is not given up before, µs.
const LEAST_OFFLINE_US: i64 = 90_000_000;

/// The way to a gateway.
#[derive(Debug)]
pub struct Link {
    /// Where its PULL_DATA comes from.
    pub address: SocketAddr,
    /// What it speaks.
    pub version: Version,
    /// When this address was last heard of.
    pub heard_at: i64,
    intervals: [i64; 4],
}

impl Link {
    /// A PULL_DATA has come, and there was no way before.
    pub fn new(address: SocketAddr, version: Version, now: i64) -> Self {
        Self { address, version, heard_at: now, intervals: [DEFAULT_KEEPALIVE_US; 4] }
    }

    /// A PULL_DATA has come from the address in use.
    pub fn keep(&mut self, version: Version, now: i64) {
        let interval = now - self.heard_at;
        if KEEPALIVE_US.contains(&interval) {
            self.intervals.rotate_left(1);
            self.intervals[3] = interval;
        }
        self.version = version;
        self.heard_at = now;
    }

    /// The observed keepalive, µs: the shortest of the last four intervals, since a lost datagram
    /// makes one longer and nothing makes one shorter.
    pub fn keepalive_us(&self) -> i64 {
        self.intervals.iter().copied().min().unwrap_or(DEFAULT_KEEPALIVE_US)
    }

    /// May another address take over?
    pub fn may_be_taken_over(&self, now: i64) -> bool {
        now - self.heard_at >= 2 * self.keepalive_us()
    }

    /// When the gateway is given up, if nothing more is heard: three keepalives, at least 90 s.
    pub fn offline_at(&self) -> i64 {
        self.heard_at + LEAST_OFFLINE_US.max(3 * self.keepalive_us())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    #[test]
    fn the_keepalive_is_observed_through_losses() {
        let address = "192.0.2.1:9".parse().unwrap();
        let mut link = Link::new(address, Version::V2, 0);
        assert!(!link.may_be_taken_over(19 * SECOND) && link.may_be_taken_over(20 * SECOND));
        assert_eq!(link.offline_at(), 90 * SECOND);
        for at in [40, 80, 160, 200, 240] {
            link.keep(Version::V2, at * SECOND);
        }
        assert_eq!(link.keepalive_us(), 40 * SECOND);
        assert_eq!(link.offline_at(), (240 + 120) * SECOND);
        // A keepalive sent twice says nothing.
        link.keep(Version::V2, 240 * SECOND + 5);
        assert_eq!(link.keepalive_us(), 40 * SECOND);
    }
}
