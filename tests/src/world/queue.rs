//! One queue, ordered by time and then by the order in which things were put in.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use lns_lorawan::Timestamp;

/// What is going to happen, and when.
pub struct Queue<T> {
    heap: BinaryHeap<Due<T>>,
    sequence: u64,
}

struct Due<T> {
    at: Timestamp,
    sequence: u64,
    what: T,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Queue { heap: BinaryHeap::new(), sequence: 0 }
    }
}

impl<T> Queue<T> {
    /// `what` happens at `at`, after everything that is already in for the same moment.
    pub fn put(&mut self, at: Timestamp, what: T) {
        self.heap.push(Due { at, sequence: self.sequence, what });
        self.sequence += 1;
    }

    /// When the next thing happens.
    pub fn next(&self) -> Option<Timestamp> {
        self.heap.peek().map(|due| due.at)
    }

    /// The next thing, if it happens by `now`.
    pub fn take(&mut self, now: Timestamp) -> Option<T> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|due| due.what)
    }
}

impl<T> Ord for Due<T> {
    /// Reversed: the heap has its greatest on top, and we want the earliest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.sequence).cmp(&(self.at, self.sequence))
    }
}

impl<T> PartialOrd for Due<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Due<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for Due<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_comes_first_and_of_two_at_once_the_one_that_was_in_first() {
        let at = Timestamp::from_micros;
        let mut queue = Queue::default();
        for (moment, what) in [(5, 'c'), (3, 'a'), (5, 'd'), (3, 'b')] {
            queue.put(at(moment), what);
        }
        assert_eq!(queue.take(at(2)), None);
        let order: String = std::iter::from_fn(|| queue.take(at(9))).collect();
        assert_eq!(order, "abcd");
    }
}
