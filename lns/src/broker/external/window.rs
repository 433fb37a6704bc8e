//! What is on its way to an external broker: everything that it has not acknowledged, in order.
//!
//! It outlives connections: after each loss, what is unacknowledged is sent again, in order; under the
//! same packet identifiers if the broker still has our session (MQTT 5.0 §4.4).

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Instant;

use crate::broker::{Message, Ticket};

/// The most bytes that wait; a broker that is away must not cost all memory.
const MOST_BYTES: usize = 64 << 20;
/// What a message costs besides its texts.
const OVERHEAD: usize = 256;

struct Slot {
    message: Message,
    ticket: Ticket,
    since: Instant,
    packet: Option<u16>,
}

/// A message that is to be sent now.
pub(super) struct Parcel {
    /// Where it stands in the window.
    pub place: u64,
    pub message: Message,
    /// When it was handed over.
    pub since: Instant,
    pub packet: u16,
    /// It may have been sent before.
    pub dup: bool,
}

/// Messages in the order in which they were handed over.
///
/// Two marks move over them: *first* unacknowledged, *sent* in this connection.
#[derive(Default)]
pub(super) struct Window {
    slots: VecDeque<Option<Slot>>,
    first: u64,
    sent: u64,
    bytes: usize,
    awaited: usize,
    /// Every slot that has a packet identifier, whether it was sent in this connection or before.
    by_packet: HashMap<u16, u64>,
    /// Identifiers of what is no message: SUBSCRIBE and UNSUBSCRIBE.
    others: HashSet<u16>,
    last_packet: u16,
}

impl Window {
    /// Whether there is room for a message.
    pub fn has_room_for(&self, message: &Message) -> bool {
        self.bytes == 0 || self.bytes + cost(message) <= MOST_BYTES
    }

    /// Puts a message at the end.
    pub fn push(&mut self, message: Message, ticket: Ticket) {
        self.bytes += cost(&message);
        let slot = Slot { message, ticket, since: Instant::now(), packet: None };
        self.slots.push_back(Some(slot));
    }

    /// The next message to be sent.
    pub fn next_to_send(&mut self) -> Option<Parcel> {
        let end = self.first + self.slots.len() as u64;
        while self.sent < end {
            let place = self.sent;
            self.sent += 1;
            let index = self.index(place)?;
            let Some(had) = self.slots[index].as_ref().map(|slot| slot.packet) else { continue };
            let packet = had.unwrap_or_else(|| self.unused());
            self.by_packet.insert(packet, place);
            let Some(slot) = &mut self.slots[index] else { continue };
            slot.packet = Some(packet);
            self.awaited += 1;
            let (message, since) = (slot.message.clone(), slot.since);
            return Some(Parcel { place, message, since, packet, dup: had.is_some() });
        }
        None
    }

    /// The broker has acknowledged `packet`; the ticket of its message.
    pub fn acknowledge(&mut self, packet: u16) -> Option<Ticket> {
        let place = *self.by_packet.get(&packet)?;
        // What was sent in the connection before and not yet in this one.
        if place >= self.sent {
            return None;
        }
        self.remove(place)
    }

    /// What was to be sent cannot be; its ticket.
    pub fn give_up(&mut self, place: u64) -> Option<Ticket> {
        self.remove(place)
    }

    fn remove(&mut self, place: u64) -> Option<Ticket> {
        let index = self.index(place)?;
        let slot = self.slots.get_mut(index)?.take()?;
        if let Some(packet) = slot.packet {
            self.by_packet.remove(&packet);
        }
        self.bytes -= cost(&slot.message);
        self.awaited -= 1;
        while let Some(None) = self.slots.front() {
            self.slots.pop_front();
            self.first += 1;
        }
        Some(slot.ticket)
    }

    /// A new connection: everything unacknowledged is to be sent again, in order. A broker that has
    /// forgotten our session knows nothing of what it got in the one before.
    pub fn rewind(&mut self, session_present: bool) {
        self.sent = self.first;
        self.awaited = 0;
        self.others.clear();
        if !session_present {
            self.by_packet.clear();
            self.slots.iter_mut().flatten().for_each(|slot| slot.packet = None);
        }
    }

    /// A packet identifier for what is no message.
    pub fn reserve(&mut self) -> u16 {
        let packet = self.unused();
        self.others.insert(packet);
        packet
    }

    /// It has been answered.
    pub fn release(&mut self, packet: u16) {
        self.others.remove(&packet);
    }

    /// The topic of the message that has this identifier.
    pub fn topic(&self, packet: u16) -> Option<&str> {
        let index = self.index(*self.by_packet.get(&packet)?)?;
        Some(&self.slots.get(index)?.as_ref()?.message.topic)
    }

    /// The topic of the oldest unacknowledged message.
    pub fn oldest(&self) -> Option<&str> {
        self.slots.iter().flatten().next().map(|slot| slot.message.topic.as_str())
    }

    /// How many messages wait for their acknowledgement in this connection.
    pub fn awaited(&self) -> usize {
        self.awaited
    }

    /// An identifier that stands for nothing. There are 65,535, and far fewer messages in the window.
    fn unused(&mut self) -> u16 {
        loop {
            self.last_packet = self.last_packet.checked_add(1).unwrap_or(1);
            let packet = self.last_packet;
            if !self.by_packet.contains_key(&packet) && !self.others.contains(&packet) {
                return packet;
            }
        }
    }

    fn index(&self, place: u64) -> Option<usize> {
        usize::try_from(place.checked_sub(self.first)?).ok()
    }
}

/// The memory that a message takes, about.
fn cost(message: &Message) -> usize {
    OVERHEAD + super::size(message)
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

    fn send(window: &mut Window) -> (String, u16, bool) {
        let parcel = window.next_to_send().expect("something to send");
        (parcel.message.topic, parcel.packet, parcel.dup)
    }

    fn acknowledge(window: &mut Window, packet: u16) -> Option<u64> {
        window.acknowledge(packet).map(|ticket| ticket.number())
    }

    #[test]
    fn an_acknowledgement_finds_its_message_even_out_of_order() {
        let mut window = window(&["a", "b", "c"]);
        assert_eq!(send(&mut window), ("a".into(), 1, false));
        assert_eq!(send(&mut window), ("b".into(), 2, false));
        assert_eq!(send(&mut window), ("c".into(), 3, false));
        assert!(window.next_to_send().is_none());
        assert_eq!(acknowledge(&mut window, 2), Some(1));
        assert_eq!(acknowledge(&mut window, 2), None);
        assert_eq!(acknowledge(&mut window, 1), Some(0));
        assert_eq!(acknowledge(&mut window, 3), Some(2));
        assert_eq!((window.awaited(), window.bytes), (0, 0));
        assert!(window.slots.is_empty() && window.by_packet.is_empty());
    }

    #[test]
    fn a_new_connection_of_the_same_session_repeats_under_the_same_identifiers() {
        let mut window = window(&["a", "b", "c", "d"]);
        for _ in 0..3 {
            send(&mut window);
        }
        acknowledge(&mut window, 2);
        window.rewind(true);
        // An acknowledgement of what is not yet sent again means nothing.
        assert_eq!(acknowledge(&mut window, 1), None);
        assert_eq!(send(&mut window), ("a".into(), 1, true));
        assert_eq!(send(&mut window), ("c".into(), 3, true));
        assert_eq!(send(&mut window), ("d".into(), 4, false));
        for (packet, number) in [(3, 2), (1, 0), (4, 3)] {
            assert_eq!(acknowledge(&mut window, packet), Some(number));
        }
        assert_eq!(window.first, 4);
    }

    #[test]
    fn a_new_session_begins_with_identifiers_of_its_own() {
        let mut window = window(&["a", "b"]);
        assert_eq!(send(&mut window).1, 1);
        window.rewind(false);
        assert_eq!(send(&mut window), ("a".into(), 2, false));
        assert_eq!(acknowledge(&mut window, 1), None);
        assert_eq!(acknowledge(&mut window, 2), Some(0));
    }

    #[test]
    fn an_identifier_stands_for_one_thing_at_a_time() {
        let mut window = window(&["a", "b"]);
        window.last_packet = u16::MAX - 1;
        assert_eq!(send(&mut window).1, u16::MAX);
        assert_eq!(window.reserve(), 1);
        window.last_packet = u16::MAX - 1;
        assert_eq!(send(&mut window).1, 2);
        window.release(1);
        window.last_packet = 0;
        assert_eq!(window.reserve(), 1);
    }

    #[test]
    fn what_cannot_be_sent_leaves_the_window() {
        let mut window = window(&["a", "b"]);
        let parcel = window.next_to_send().expect("the first");
        assert_eq!(window.give_up(parcel.place).map(|ticket| ticket.number()), Some(0));
        assert_eq!(send(&mut window).0, "b");
        assert_eq!(window.awaited(), 1);
    }

    #[test]
    fn bytes_are_bounded() {
        let mut window = Window::default();
        let message = Message::new("a", vec![0; MOST_BYTES]);
        assert!(window.has_room_for(&message), "an empty window takes any one message");
        window.push(message, Ticket::nobody());
        assert!(!window.has_room_for(&Message::new("a", "x")));
        let parcel = window.next_to_send().expect("it");
        window.give_up(parcel.place);
        assert!(window.has_room_for(&Message::new("a", "x")));
    }
}
