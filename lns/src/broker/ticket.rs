//! Who waits for a message: the ticket of the one who published it, and the hold of those who take it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Called with a ticket's number, on a thread of the broker or of a room: it must not block.
pub type Acknowledge = Arc<dyn Fn(u64) + Send + Sync>;

/// Whom to tell when a message is somebody else's responsibility.
///
/// Called once per message, in the order of publishing as far as the broker answers in order. Never
/// called for a message that was given back, or that the broker had not taken when it stopped.
pub struct Ticket {
    number: u64,
    acknowledge: Option<Acknowledge>,
}

impl Ticket {
    /// Calls `acknowledge` with `number`.
    pub fn new(number: u64, acknowledge: Acknowledge) -> Self {
        Self { number, acknowledge: Some(acknowledge) }
    }

    /// For a message whose fate nobody waits for.
    pub fn nobody() -> Self {
        Self { number: 0, acknowledge: None }
    }

    /// The number it was made with.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Tickets for `parts` (at least one) takers; this one comes back when each of theirs has.
    pub fn split(self, parts: usize) -> Vec<Ticket> {
        let number = self.number;
        let Some(acknowledge) = self.acknowledge else {
            return (0..parts).map(|_| Self { number, acknowledge: None }).collect();
        };
        let left = AtomicUsize::new(parts);
        let shared: Acknowledge = Arc::new(move |number| {
            if left.fetch_sub(1, Ordering::AcqRel) == 1 {
                acknowledge(number);
            }
        });
        (0..parts).map(|_| Self::new(number, Arc::clone(&shared))).collect()
    }

    /// Says that the message is taken care of.
    pub fn acknowledged(self) {
        if let Some(acknowledge) = self.acknowledge {
            acknowledge(self.number);
        }
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ticket({})", self.number)
    }
}

/// The hold that a taker has on a publication: its sender waits while anybody holds a clone of it.
///
/// Let go by dropping it, when whatever must be durable is. So it cannot be forgotten: a room that
/// panics, or that has nothing to do, lets go like any other.
#[derive(Clone, Debug)]
pub struct Taken {
    // Never read: its drop is what counts.
    _hold: Option<Arc<Hold>>,
}

#[derive(Debug)]
struct Hold(Option<Ticket>);

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(ticket) = self.0.take() {
            ticket.acknowledged();
        }
    }
}

impl Taken {
    /// For a publication whose sender does not wait.
    pub fn nobody() -> Self {
        Self { _hold: None }
    }
}

impl From<Ticket> for Taken {
    /// The ticket comes back when the last clone is dropped.
    fn from(ticket: Ticket) -> Self {
        match ticket.acknowledge {
            Some(_) => Self { _hold: Some(Arc::new(Hold(Some(ticket)))) },
            None => Self::nobody(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, channel};

    fn ticket(number: u64) -> (Ticket, Receiver<u64>) {
        let (sender, receiver) = channel();
        let told = move |number| sender.send(number).expect("the test listens");
        (Ticket::new(number, Arc::new(told)), receiver)
    }

    #[test]
    fn a_split_ticket_comes_back_once_when_all_parts_have() {
        let (ticket, back) = ticket(7);
        let mut parts = ticket.split(3);
        parts.pop().expect("three").acknowledged();
        parts.pop().expect("two").acknowledged();
        assert!(back.try_recv().is_err());
        parts.pop().expect("one").acknowledged();
        assert_eq!(back.try_recv(), Ok(7));
        assert!(back.try_recv().is_err());
        assert_eq!(Ticket::nobody().split(2).len(), 2);
    }

    #[test]
    fn a_part_that_is_lost_holds_the_ticket_for_ever() {
        let (ticket, back) = ticket(7);
        let mut parts = ticket.split(2);
        drop(parts.pop());
        parts.pop().expect("one").acknowledged();
        assert!(back.try_recv().is_err());
    }

    #[test]
    fn what_is_taken_is_let_go_by_the_last_who_holds_it() {
        let (ticket, back) = ticket(3);
        let taken = Taken::from(ticket);
        let other = taken.clone();
        drop(taken);
        assert!(back.try_recv().is_err());
        drop(other);
        assert_eq!(back.try_recv(), Ok(3));
    }
}
