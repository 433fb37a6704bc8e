//! What the bridge counts, by name and label, for a metrics page.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::semtech::packet::{PacketError, RxpkError};

macro_rules! counts {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $label:literal;)*) => {
        /// One counter.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Count {
            $($(#[$doc])* $variant,)*
        }

        const NAMES: &[(&str, &str)] = &[$(($name, $label),)*];
    };
}

counts! {
    /// PUSH_DATA datagrams.
    PushData = "datagrams", "push_data";
    /// PULL_DATA datagrams.
    PullData = "datagrams", "pull_data";
    /// TX_ACK datagrams.
    TxAck = "datagrams", "tx_ack";
    /// PUSH_DATA that came twice: acknowledged again, not read again.
    Duplicate = "datagrams", "duplicate";
    /// Datagrams of gateways that are not registered, where that is required.
    NotRegistered = "datagrams", "not_registered";
    /// Datagrams of new gateways while the table is full of gateways in use.
    TableFull = "datagrams", "gateway_table_full";
    /// Frames forwarded.
    Uplink = "rxpk", "forwarded";
    /// Frames with a bad CRC (`stat` −1).
    CrcBad = "rxpk", "crc_bad";
    /// Frames without CRC (`stat` 0).
    NoCrc = "rxpk", "no_crc";
    /// The same frame on another channel or antenna of one gateway, in one datagram.
    Mirror = "rxpk", "mirror";
    /// `stat` objects.
    Stat = "gateways", "stat";
    /// Gateways that became reachable.
    Connected = "gateways", "connected";
    /// Gateways that are no longer reachable.
    Disconnected = "gateways", "disconnected";
    /// PULL_DATA from an address that is not the gateway's, while the gateway is there.
    AddressConflict = "gateways", "address_conflict";
    /// PULL_DATA from a new address that was followed.
    AddressChanged = "gateways", "address_changed";
    /// Concentrators that started again.
    Rebooted = "gateways", "rebooted";
    /// Gateways forgotten to make room for new ones.
    Forgotten = "gateways", "forgotten";
    /// PULL_RESP datagrams.
    PullResp = "downlinks", "pull_resp";
    /// Downlinks accepted.
    DownAccepted = "downlinks", "accepted";
    /// Downlinks accepted with a warning.
    DownWarned = "downlinks", "accepted_with_warning";
    /// Downlinks refused.
    DownRefused = "downlinks", "refused";
    /// Downlinks without answer in time.
    DownUnknown = "downlinks", "unknown";
    /// Downlinks dropped past their deadline, or for another boot.
    DownExpired = "downlinks", "expired";
    /// Downlinks for gateways that are not connected.
    DownNotConnected = "downlinks", "not_connected";
    /// TX_ACK that belongs to no downlink, or came too late.
    TxAckUnmatched = "downlinks", "tx_ack_unmatched";
    /// TX_ACK from a host that is not the gateway's.
    TxAckStranger = "downlinks", "tx_ack_stranger";
    /// Downlinks that did not fit the queue to the socket's thread.
    CommandsFull = "downlinks", "queue_full";
    /// Datagrams the kernel dropped because the socket buffer was full (SO_RXQ_OVFL).
    KernelDrops = "socket", "kernel_drops";
    /// Datagrams the kernel would not send.
    SendErrors = "socket", "send_errors";
    /// Errors while receiving.
    ReceiveErrors = "socket", "receive_errors";
    /// Datagrams longer than the receive buffer, which are cut and refused.
    Oversized = "socket", "oversized";
}

/// All counters. Shared between threads; each is exact, a snapshot of several is not.
#[derive(Debug)]
pub struct Counters {
    counts: Vec<AtomicU64>,
    packet_errors: Vec<AtomicU64>,
    rxpk_errors: Vec<AtomicU64>,
}

impl Default for Counters {
    fn default() -> Self {
        let zeros = |length| (0..length).map(|_| AtomicU64::new(0)).collect();
        Self {
            counts: zeros(NAMES.len()),
            packet_errors: zeros(PacketError::LABELS.len()),
            rxpk_errors: zeros(RxpkError::LABELS.len()),
        }
    }
}

impl Counters {
    /// Adds one.
    pub fn count(&self, what: Count) {
        self.add(what, 1);
    }

    /// Adds several.
    pub fn add(&self, what: Count, number: u64) {
        if let Some(slot) = self.counts.get(what as usize) {
            slot.fetch_add(number, Relaxed);
        }
    }

    /// Counts a datagram that cannot be used, or used in part only.
    pub fn packet_error(&self, error: &PacketError) {
        by_label(&PacketError::LABELS, &self.packet_errors, error.label());
    }

    /// Counts a frame that cannot be used.
    pub fn rxpk_error(&self, error: &RxpkError) {
        by_label(&RxpkError::LABELS, &self.rxpk_errors, error.label());
    }

    /// The value of one.
    pub fn value(&self, what: Count) -> u64 {
        self.counts.get(what as usize).map_or(0, |slot| slot.load(Relaxed))
    }

    /// Every counter as name, label, value, in a fixed order; those at zero, too.
    pub fn all(&self) -> Vec<(&'static str, &'static str, u64)> {
        let value = |slot: &AtomicU64| slot.load(Relaxed);
        let named =
            NAMES.iter().zip(&self.counts).map(|(&(name, label), n)| (name, label, value(n)));
        let errors = |name, labels: &'static [&'static str], slots: &'_ [AtomicU64]| {
            let pairs = labels.iter().zip(slots);
            pairs.map(|(&label, n)| (name, label, value(n))).collect::<Vec<_>>()
        };
        named
            .chain(errors("packet_errors", &PacketError::LABELS, &self.packet_errors))
            .chain(errors("rxpk_errors", &RxpkError::LABELS, &self.rxpk_errors))
            .collect()
    }
}

fn by_label(labels: &[&str], slots: &[AtomicU64], label: &str) {
    let slot = labels.iter().position(|known| *known == label).and_then(|at| slots.get(at));
    if let Some(slot) = slot {
        slot.fetch_add(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_counts_under_its_own_name() {
        let counters = Counters::default();
        counters.add(Count::KernelDrops, 3);
        counters.packet_error(&PacketError::Version(9));
        counters.rxpk_error(&RxpkError::Size(0));
        let counted: Vec<_> = counters.all().into_iter().filter(|row| row.2 > 0).collect();
        assert_eq!(
            counted,
            [
                ("socket", "kernel_drops", 3),
                ("packet_errors", "version", 1),
                ("rxpk_errors", "size", 1)
            ]
        );
        let mut names: Vec<_> = counters.all().iter().map(|row| (row.0, row.1)).collect();
        let length = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), length, "two counters have one name");
    }
}
