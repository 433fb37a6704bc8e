//! What is on its way to an external broker: everything that it has not acknowledged, in order.
//!
//! The client library keeps such a list too, per connection. Ours outlives connections, so that a
//! client can be thrown away and built anew at any moment without losing or forgetting anything.

use std::collections::{HashMap, VecDeque};

use crate::broker::{Message, Ticket};

struct Slot {
    message: Message,
    ticket: Ticket,
}

/// Messages in the order in which they were handed over.
///
/// Three marks move over them, in this order: *first* unacknowledged, *numbered* (the library has
/// said which packet id it carries), *sent* (given to the library).
#[derive(Default)]
pub(super) struct Window {
    slots: VecDeque<Option<Slot>>,
    first: u64,
    numbered: u64,
    sent: u64,
    by_packet: HashMap<u16, u64>,
}

impl Window {
    /// Puts a message at the end.
    pub fn push(&mut self, message: Message, ticket: Ticket) {
        self.slots.push_back(Some(Slot { message, ticket }));
    }

    /// The next message to be given to the library, which is then *sent*.
    pub fn next_to_send(&mut self) -> Option<Message> {
        let end = self.first + self.slots.len() as u64;
        while self.sent < end {
            let place = self.sent;
            self.sent += 1;
            if let Some(slot) = self.slot(place) {
                return Some(slot.message.clone());
            }
        }
        None
    }

    /// The library has given `packet` to the next message that has none. It numbers them in the
    /// order in which it got them.
    pub fn number(&mut self, packet: u16) {
        while self.numbered < self.sent {
            let place = self.numbered;
            self.numbered += 1;
            if self.slot(place).is_some() {
                self.by_packet.insert(packet, place);
                return;
            }
        }
    }

    /// The broker has acknowledged `packet`; the ticket of its message.
    pub fn acknowledge(&mut self, packet: u16) -> Option<Ticket> {
        let place = self.by_packet.remove(&packet)?;
        let slot = self.slots.get_mut(self.index(place)?)?.take()?;
        while let Some(None) = self.slots.front() {
            self.slots.pop_front();
            self.first += 1;
        }
        Some(slot.ticket)
    }

    /// The connection is gone: everything unacknowledged is to be sent again, in order.
    pub fn rewind(&mut self) {
        self.by_packet.clear();
        self.sent = self.first;
        self.numbered = self.first;
    }

    /// The topic of the oldest unacknowledged message.
    pub fn oldest(&self) -> Option<&str> {
        self.slot(self.first).map(|slot| slot.message.topic.as_str())
    }

    /// How many messages wait for their acknowledgement in this connection.
    pub fn awaited(&self) -> usize {
        self.by_packet.len()
    }

    fn index(&self, place: u64) -> Option<usize> {
        usize::try_from(place.checked_sub(self.first)?).ok()
    }

    fn slot(&self, place: u64) -> Option<&Slot> {
        self.slots.get(self.index(place)?)?.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(topics: &[&str]) -> Window {
        let mut window = Window::default();
        for (number, topic) in topics.iter().enumerate() {
            let ticket = Ticket::new(number as u64, std::sync::Arc::new(|_| ()));
            window.push(Message::new(*topic, ""), ticket);
        }
        window
    }

    fn send(window: &mut Window, packet: u16) -> String {
        let message = window.next_to_send().expect("something to send");
        window.number(packet);
        message.topic
    }

    #[test]
    fn an_acknowledgement_finds_its_message_even_out_of_order() {
        let mut window = window(&["a", "b", "c"]);
        assert_eq!(send(&mut window, 1), "a");
        assert_eq!(send(&mut window, 2), "b");
        assert_eq!(send(&mut window, 3), "c");
        assert!(window.next_to_send().is_none());
        assert_eq!(window.acknowledge(2).map(|ticket| ticket.number()), Some(1));
        assert_eq!(window.acknowledge(2).map(|ticket| ticket.number()), None);
        assert_eq!(window.acknowledge(1).map(|ticket| ticket.number()), Some(0));
        assert_eq!(window.acknowledge(3).map(|ticket| ticket.number()), Some(2));
        assert_eq!(window.awaited(), 0);
        assert!(window.slots.is_empty());
    }

    #[test]
    fn a_new_connection_sends_what_is_unacknowledged_and_nothing_else() {
        let mut window = window(&["a", "b", "c", "d"]);
        for packet in [7, 8, 9] {
            send(&mut window, packet);
        }
        window.acknowledge(8);
        window.rewind();
        // An acknowledgement of the old connection means nothing in the new one.
        assert!(window.acknowledge(7).is_none());
        assert_eq!(send(&mut window, 1), "a");
        assert_eq!(send(&mut window, 2), "c");
        assert_eq!(send(&mut window, 3), "d");
        assert_eq!(window.acknowledge(2).map(|ticket| ticket.number()), Some(2));
        assert_eq!(window.acknowledge(1).map(|ticket| ticket.number()), Some(0));
        assert_eq!(window.acknowledge(3).map(|ticket| ticket.number()), Some(3));
        assert_eq!(window.first, 4);
    }
}
