//! What the sender and the subscriber share of one measurement.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The frames that are on their way.
pub struct Flight {
    begun: Instant,
    /// When each frame was sent, µs since `begun`; 0: not yet.
    sent_at: Vec<AtomicU32>,
    received: AtomicU64,
    /// How many frames were sent in all; `u64::MAX` until that is known.
    sent: AtomicU64,
    failed: AtomicBool,
}

impl Flight {
    /// Nothing has left yet.
    pub fn new(frames: usize) -> Self {
        Flight {
            begun: Instant::now(),
            sent_at: (0..frames).map(|_| AtomicU32::new(0)).collect(),
            received: AtomicU64::new(0),
            sent: AtomicU64::new(u64::MAX),
            failed: AtomicBool::new(false),
        }
    }

    /// How long it takes already.
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// The same in µs, never 0.
    pub fn micros(&self) -> u32 {
        u32::try_from(self.elapsed().as_micros()).unwrap_or(u32::MAX).max(1)
    }

    /// How many frames there may be.
    pub fn frames(&self) -> usize {
        self.sent_at.len()
    }

    /// These frames leave now.
    pub fn leave(&self, (first, count): (u32, u32), at: u32) {
        for sent_at in &self.sent_at[first as usize..(first + count) as usize] {
            sent_at.store(at, Ordering::Relaxed);
        }
    }

    /// How long a frame that arrives `at` was on its way; `None` if it has not been sent.
    pub fn took(&self, frame: usize, at: u32) -> Option<u32> {
        match self.sent_at.get(frame)?.load(Ordering::Relaxed) {
            0 => None,
            sent_at => Some(at.saturating_sub(sent_at)),
        }
    }

    /// So many have arrived.
    pub fn count_received(&self, received: u64) {
        self.received.store(received, Ordering::Relaxed);
    }

    /// How many have arrived.
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// The last one has left; they were so many.
    pub fn end_sending(&self, sent: usize) {
        self.sent.store(sent as u64, Ordering::Relaxed);
    }

    /// How many have left; `None` while more do.
    pub fn sent(&self) -> Option<u64> {
        Some(self.sent.load(Ordering::Relaxed)).filter(|sent| *sent < u64::MAX)
    }

    /// One side has failed; the other need not wait.
    pub fn fail(&self) {
        self.failed.store(true, Ordering::Relaxed);
    }

    /// Whether one side has failed.
    pub fn failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }
}
