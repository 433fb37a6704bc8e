//! What outlives the process: sessions, their queues, retained messages, in the store.
//!
//! A thread of its own commits whatever has gathered since its last commit, so that one flush serves
//! many messages; the broker goes on deciding meanwhile, and holds back what must wait.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use lns_broker::{Change, Key, Record, SessionId, Token};
use parking_lot::{Condvar, Mutex};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::store::{Store, StoreError, Table, Write};

/// The layout of the records.
const VERSION: u8 = 1;
/// How long to wait until a commit that failed is tried again.
const RETRY: Duration = Duration::from_millis(500);
/// A topic or filter that is longer does not fit into a key, and stands there by its hash.
const LONGEST_IN_KEY: usize = 512;

/// What the keeper shares with the broker.
#[derive(Default)]
pub(super) struct Shelf {
    /// What is to be written. Bounded by what the broker has not acknowledged, because it waits.
    waiting: Mutex<Waiting>,
    filled: Condvar,
    committed: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    changes: Vec<(Token, Vec<Change>)>,
    /// Nothing comes any more, and a store that refuses is tried until then.
    ended: Option<Instant>,
}

impl Shelf {
    /// Has these made durable, after those before.
    pub fn put(&self, token: Token, changes: Vec<Change>) {
        self.waiting.lock().changes.push((token, changes));
        self.filled.notify_one();
    }

    /// Up to where everything is durable.
    pub fn committed(&self) -> Token {
        Token(self.committed.load(Ordering::Acquire))
    }

    /// Nothing comes after what has been put. A store that refuses it is tried until `deadline`.
    pub fn end(&self, deadline: Instant) {
        self.waiting.lock().ended = Some(deadline);
        self.filled.notify_one();
    }

    /// What has gathered; `None`: there will be nothing more.
    fn take(&self) -> Option<Vec<(Token, Vec<Change>)>> {
        let mut waiting = self.waiting.lock();
        while waiting.changes.is_empty() && waiting.ended.is_none() {
            self.filled.wait(&mut waiting);
        }
        (!waiting.changes.is_empty()).then(|| std::mem::take(&mut waiting.changes))
    }

    fn is_over(&self) -> bool {
        self.waiting.lock().ended.is_some_and(|deadline| Instant::now() >= deadline)
    }
}

/// Starts the thread, which notifies `told` after each commit.
pub(super) fn start(
    store: Arc<dyn Store>,
    shelf: Arc<Shelf>,
    told: Arc<Notify>,
) -> std::io::Result<JoinHandle<()>> {
    thread::Builder::new().name("mqtt-keeper".into()).spawn(move || {
        while let Some(group) = shelf.take() {
            let last = group.last().map_or(0, |(token, _)| token.0);
            let changes: Vec<_> = group.into_iter().flat_map(|(_, changes)| changes).collect();
            while let Err(error) = commit(&*store, &changes) {
                if shelf.is_over() {
                    tracing::error!(%error, "the last of MQTT's sessions are not stored; nobody was told that they are");
                    return;
                }
                // The store itself says once that it fails, and once that it works again.
                tracing::debug!(%error, "MQTT's sessions are not stored; trying again");
                thread::sleep(RETRY);
            }
            shelf.committed.store(last, Ordering::Release);
            told.notify_one();
        }
    })
}

/// Performs all changes in order. Performed twice, they come to the same.
fn commit(store: &dyn Store, changes: &[Change]) -> Result<(), StoreError> {
    let mut writes = Vec::with_capacity(changes.len());
    for change in changes {
        match change {
            Change::Put(record) => {
                let (table, key) = place(&record.key());
                writes.push(Write::Put { table, key, value: encode(record) });
            }
            Change::Delete(key) => {
                let (table, key) = place(key);
                writes.push(Write::Delete { table, key });
            }
            Change::DeleteSession(session) => {
                // What is to go must be there to be found.
                store.commit(&std::mem::take(&mut writes))?;
                writes.append(&mut of_session(store, *session)?);
            }
        }
    }
    store.commit(&writes)
}

/// Deletes everything of one session; the session itself last, so that a crash in between leaves
/// something that names the rest.
fn of_session(store: &dyn Store, session: SessionId) -> Result<Vec<Write>, StoreError> {
    let mut writes = Vec::new();
    let prefixes = [
        (Table::BrokerQueues, [&[QUEUED][..], &session.0.to_be_bytes()].concat()),
        (Table::BrokerSessions, session.0.to_be_bytes().to_vec()),
    ];
    for (table, prefix) in prefixes {
        let mut found = Vec::new();
        store.scan(table, &prefix, &mut |key, _| {
            found.push(Write::Delete { table, key: key.to_vec() });
            ControlFlow::Continue(())
        })?;
        writes.extend(found.into_iter().rev());
    }
    Ok(writes)
}

/// Kinds within [`Table::BrokerSessions`], after the session.
const SESSION: u8 = 0;
const SUBSCRIPTION: u8 = 1;
const RECEIVED: u8 = 2;
const OWED: u8 = 3;
/// Kinds within [`Table::BrokerQueues`], before all else.
const QUEUED: u8 = 0;
const MESSAGE: u8 = 1;

/// Where a record stands.
fn place(key: &Key) -> (Table, Vec<u8>) {
    let of = |session: &SessionId, kind: u8, rest: &[u8]| {
        let key = [&session.0.to_be_bytes()[..], &[kind], rest].concat();
        (Table::BrokerSessions, key)
    };
    match key {
        Key::Session(session) => of(session, SESSION, &[]),
        Key::Subscription(session, filter) => of(session, SUBSCRIPTION, &short(filter)),
        Key::Received(session, packet) => of(session, RECEIVED, &packet.get().to_be_bytes()),
        Key::Owed(session, number) => of(session, OWED, &number.to_be_bytes()),
        Key::Queued(session, number) => {
            let key = [&[QUEUED][..], &session.0.to_be_bytes(), &number.to_be_bytes()].concat();
            (Table::BrokerQueues, key)
        }
        Key::Message(id) => (Table::BrokerQueues, [&[MESSAGE][..], &id.0.to_be_bytes()].concat()),
        Key::Retained(topic) => (Table::RetainedMessages, short(topic)),
    }
}

/// The text, or its hash when it is too long for a key; no text begins with 0.
fn short(text: &str) -> Vec<u8> {
    if text.len() <= LONGEST_IN_KEY {
        return text.as_bytes().to_vec();
    }
    let hash = Uuid::new_v5(&Uuid::NAMESPACE_OID, text.as_bytes());
    [&[0][..], hash.as_bytes()].concat()
}

fn encode(record: &Record) -> Vec<u8> {
    postcard::to_extend(record, vec![VERSION]).expect("a record has no map of unknown length")
}

/// Why a record cannot be read back.
#[derive(Debug, thiserror::Error)]
pub(super) enum RestoreError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Bytes of another version, or of nobody's.
    #[error("a record in table {table} cannot be read: {reason}")]
    Record {
        /// Where.
        table: &'static str,
        /// Why.
        reason: String,
    },
}

/// Reads everything back.
pub(super) fn restore(store: &dyn Store) -> Result<Vec<Record>, RestoreError> {
    let mut records = Vec::new();
    for table in [Table::BrokerSessions, Table::BrokerQueues, Table::RetainedMessages] {
        let mut bad = None;
        store.scan(table, &[], &mut |_, value| match decode(value) {
            Ok(record) => {
                records.push(record);
                ControlFlow::Continue(())
            }
            Err(reason) => {
                bad = Some(RestoreError::Record { table: table.name(), reason });
                ControlFlow::Break(())
            }
        })?;
        if let Some(bad) = bad {
            return Err(bad);
        }
    }
    Ok(records)
}

fn decode(value: &[u8]) -> Result<Record, String> {
    match value.split_first() {
        Some((&VERSION, record)) => postcard::from_bytes(record).map_err(|why| why.to_string()),
        Some((version, _)) => Err(format!("it has version {version}, and we know {VERSION}")),
        None => Err("it is empty".into()),
    }
}
