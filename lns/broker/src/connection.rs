//! What is known of a connection, and forgotten with it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::config::Bounds;
use crate::event::Output;
use crate::packet::{Connect, ConnectionId, ServerPacket, TopicAlias, Version};
use crate::rate::Allowance;
use crate::reason::ReasonCode;
use crate::record::Token;
use crate::time::Timestamp;
use crate::turn::Turn;

/// A connection of a client that has been let in.
#[derive(Debug)]
pub(crate) struct Connection {
    pub id: ConnectionId,
    pub version: Version,
    /// Silence that ends it, in milliseconds.
    pub patience: Option<u64>,
    pub connected: Timestamp,
    /// As its client said it, in seconds.
    pub keep_alive: u16,
    pub last_heard: Timestamp,
    /// When its silence is looked at.
    pub check_at: Option<Timestamp>,
    /// How many messages may be in flight to the client.
    pub window: usize,
    /// Whether the client takes reason strings.
    pub takes_words: bool,
    /// The largest packet that the client takes.
    pub maximum_packet_size: usize,
    /// Bytes that the shell has and the socket not yet.
    pub unwritten: usize,
    /// What the client's topic aliases stand for; the first is alias 1.
    pub aliases_in: Vec<Option<Arc<str>>>,
    aliases_out: HashMap<Arc<str>, u16>,
    alias_maximum: u16,
    /// Answers in the order of what they answer; the first waits for something. Bounded by the
    /// receive maximum, and by [`Self::throttle`] for clients that have none.
    acks: VecDeque<HeldAck>,
    /// How many of them are PUBACKs.
    pub pub_acks: usize,
    pub is_paused: bool,
    /// What the client may publish.
    pub allowance: Allowance,
}

/// An answer that waits.
#[derive(Debug)]
pub(crate) struct HeldAck {
    pub packet: ServerPacket,
    /// Until this is committed.
    pub after: Token,
    /// Until the intake has let go.
    pub hold: Option<u64>,
}

impl Connection {
    pub fn new(id: ConnectionId, connect: &Connect, turn: &Turn) -> Self {
        let asked = connect.receive_maximum.map_or(u16::MAX, |maximum| maximum.get());
        Self {
            id,
            version: connect.version,
            patience: None,
            connected: turn.now,
            keep_alive: connect.keep_alive,
            last_heard: turn.now,
            check_at: None,
            window: usize::from(asked.min(turn.bounds.in_flight)).max(1),
            takes_words: connect.takes_words(),
            maximum_packet_size: connect.maximum_packet_size.map_or(usize::MAX, |n| n as usize),
            unwritten: 0,
            aliases_in: Vec::new(),
            aliases_out: HashMap::new(),
            alias_maximum: connect.topic_alias_maximum.min(turn.bounds.topic_aliases),
            acks: VecDeque::new(),
            pub_acks: 0,
            is_paused: false,
            allowance: Allowance::default(),
        }
    }

    /// The reason string for a refusal.
    pub fn words(&self, reason: ReasonCode) -> Option<&'static str> {
        reason.words().filter(|_| self.takes_words && reason.is_refusal())
    }

    /// Whether the shell takes more messages for it.
    pub fn has_room(&self, bounds: &Bounds) -> bool {
        self.unwritten < bounds.unwritten
    }

    /// The alias that a message of this topic would be sent with now.
    pub fn alias(&self, topic: &Arc<str>) -> Option<TopicAlias> {
        if self.alias_maximum == 0 {
            return None;
        }
        if let Some(number) = self.aliases_out.get(topic) {
            return Some(TopicAlias { number: *number, known: true });
        }
        let number = u16::try_from(self.aliases_out.len() + 1).ok()?;
        (number <= self.alias_maximum).then_some(TopicAlias { number, known: false })
    }

    /// The client learns what the alias stands for.
    pub fn learn(&mut self, topic: &Arc<str>, alias: Option<TopicAlias>) {
        if let Some(TopicAlias { number, known: false }) = alias {
            self.aliases_out.insert(topic.clone(), number);
        }
    }

    /// Sends the answer, or keeps it until it may be sent, in the order of the calls.
    pub fn answer(&mut self, ack: HeldAck, turn: &mut Turn) {
        self.pub_acks += usize::from(matches!(ack.packet, ServerPacket::PubAck(_)));
        self.acks.push_back(ack);
        self.release(turn);
    }

    /// The intake has let go of the publication of this number.
    pub fn taken(&mut self, number: u64, turn: &mut Turn) {
        for ack in self.acks.iter_mut().filter(|ack| ack.hold == Some(number)) {
            ack.hold = None;
        }
        self.release(turn);
    }

    /// Sends the answers that wait for nothing any more.
    pub fn release(&mut self, turn: &mut Turn) {
        while let Some(ack) = self.acks.front() {
            if ack.hold.is_some() || !turn.is_committed(ack.after) {
                return;
            }
            let Some(ack) = self.acks.pop_front() else { return };
            self.pub_acks -= usize::from(matches!(ack.packet, ServerPacket::PubAck(_)));
            turn.send(self.id, ack.packet);
        }
    }

    /// Has the shell read no more while too many answers wait, or read on. Only a client without
    /// receive maximum comes this far; what it waits for does not depend on what it sends.
    pub fn throttle(&mut self, turn: &mut Turn) {
        let bound = usize::from(turn.bounds.unacknowledged);
        let waiting = self.acks.len();
        let pause = if self.is_paused { waiting > bound / 2 } else { waiting > bound };
        if pause != self.is_paused {
            self.is_paused = pause;
            turn.out.push(Output::Pause(self.id, pause));
        }
    }
}
