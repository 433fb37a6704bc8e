//! What one input gathers on its way through the core: outputs, and changes to be made durable.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::config::Bounds;
use crate::event::{DropCause, Note, Output};
use crate::message::Publication;
use crate::packet::{ConnectionId, ServerPacket};
use crate::record::{Change, Key, MessageRecord, Record, Token};
use crate::time::Timestamp;

/// Where a session stands in the table of sessions.
pub(crate) type Slot = u32;

/// What one input gathers, and how far the shell has come with what earlier ones gathered.
#[derive(Debug)]
pub(crate) struct Turn {
    pub now: Timestamp,
    pub out: Vec<Output>,
    pub bounds: Bounds,
    /// Bytes in the queues of all sessions.
    pub queued_bytes: usize,
    changes: Vec<Change>,
    /// What the changes of this turn will be called.
    next: Token,
    committed: Token,
    /// Sessions that have something to do once a token is committed, in order of the tokens. Bounded
    /// by what makes writes: each client's receive maximum, and the server's receipts.
    waiting: VecDeque<(Token, Slot)>,
    /// Sessions that can be sent more of what they are owed of retained messages, each once.
    pub hungry: VecDeque<Slot>,
}

impl Turn {
    pub fn new(bounds: Bounds) -> Self {
        Self {
            now: Timestamp::default(),
            out: Vec::new(),
            bounds,
            queued_bytes: 0,
            changes: Vec::new(),
            next: Token(1),
            committed: Token(0),
            waiting: VecDeque::new(),
            hungry: VecDeque::new(),
        }
    }

    pub fn send(&mut self, connection: ConnectionId, packet: ServerPacket) {
        self.out.push(Output::Send(connection, packet));
    }

    pub fn note(&mut self, note: Note) {
        self.out.push(Output::Note(note));
    }

    pub fn note_drop(&mut self, client_id: &Arc<str>, cause: DropCause) {
        self.note(Note::Dropped { client_id: client_id.clone(), cause });
    }

    pub fn put(&mut self, record: Record) {
        self.changes.push(Change::Put(record));
    }

    pub fn change(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// One more durable entry refers to the publication's body.
    pub fn refer(&mut self, publication: &Publication) {
        if publication.refer() {
            self.put(Record::Message(MessageRecord {
                id: publication.id,
                message: publication.message.clone(),
                expires: publication.expires,
            }));
        }
    }

    /// One durable entry less refers to the publication's body.
    pub fn let_go(&mut self, publication: &Publication) {
        if publication.let_go() {
            self.change(Change::Delete(Key::Message(publication.id)));
        }
    }

    /// The token that what depends on this turn's changes has to wait for; one that is committed
    /// already when there are none.
    pub fn token(&self) -> Token {
        if self.changes.is_empty() { Token(0) } else { self.next }
    }

    /// The token that waits for every change up to now. For what depends on a change that an earlier
    /// turn has made and that may not be durable: that there is nothing to do does not mean that it
    /// has been done.
    pub fn newest(&self) -> Token {
        if self.changes.is_empty() { Token(self.next.0 - 1) } else { self.next }
    }

    pub fn is_committed(&self, token: Token) -> bool {
        token <= self.committed
    }

    /// Has the session looked at again when `token` is committed.
    pub fn wait(&mut self, token: Token, slot: Slot) {
        if !self.is_committed(token) && self.waiting.back() != Some(&(token, slot)) {
            self.waiting.push_back((token, slot));
        }
    }

    pub fn commit(&mut self, token: Token) {
        self.committed = self.committed.max(token);
    }

    /// The next session that waited for what is committed now.
    pub fn next_ready(&mut self) -> Option<Slot> {
        let (token, _) = self.waiting.front()?;
        if !self.is_committed(*token) {
            return None;
        }
        self.waiting.pop_front().map(|(_, slot)| slot)
    }

    /// Ends the turn: what it changed becomes one write.
    pub fn close(&mut self) {
        if self.changes.is_empty() {
            return;
        }
        self.out.push(Output::Write(self.next, std::mem::take(&mut self.changes)));
        self.next = Token(self.next.0 + 1);
    }
}
