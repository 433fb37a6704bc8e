//! What a device has lived through, in numbers.

use core::ops::AddAssign;

/// Counts of one device, or the sum over many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Join-Requests sent.
    pub join_requests: u64,
    /// Join-Accepts received.
    pub joins: u64,
    /// Join-Requests whose windows closed without an answer.
    pub join_failures: u64,
    /// New data uplinks; repeats not counted.
    pub uplinks: u64,
    /// The same bytes again: NbTrans, or a confirmed uplink without answer.
    pub repeats: u64,
    /// Confirmed ones among the new uplinks.
    pub confirmed: u64,
    /// Confirmed uplinks that were acknowledged.
    pub acked: u64,
    /// Confirmed uplinks that were given up.
    pub given_up: u64,
    /// Frames received in RX1.
    pub heard_rx1: u64,
    /// Frames received in RX2.
    pub heard_rx2: u64,
    /// Application payloads among them.
    pub payloads: u64,
    /// Confirmed downlinks among them.
    pub confirmed_down: u64,
    /// Rejoin-Requests sent.
    pub rejoin_requests: u64,
    /// How often it was switched off and on again.
    pub reboots: u64,
    /// Frames received in ping slots.
    pub heard_ping: u64,
    /// Frames received in RXC.
    pub heard_rxc: u64,
    /// Frames to its multicast groups among them.
    pub multicast: u64,
    /// Beacons received.
    pub beacons: u64,
}

impl Tally {
    /// Frames received, in whatever window.
    pub const fn heard(&self) -> u64 {
        self.heard_rx1 + self.heard_rx2 + self.heard_ping + self.heard_rxc
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.join_requests += other.join_requests;
        self.joins += other.joins;
        self.join_failures += other.join_failures;
        self.uplinks += other.uplinks;
        self.repeats += other.repeats;
        self.confirmed += other.confirmed;
        self.acked += other.acked;
        self.given_up += other.given_up;
        self.heard_rx1 += other.heard_rx1;
        self.heard_rx2 += other.heard_rx2;
        self.payloads += other.payloads;
        self.confirmed_down += other.confirmed_down;
        self.rejoin_requests += other.rejoin_requests;
        self.reboots += other.reboots;
        self.heard_ping += other.heard_ping;
        self.heard_rxc += other.heard_rxc;
        self.multicast += other.multicast;
        self.beacons += other.beacons;
    }
}
