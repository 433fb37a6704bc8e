//! All sessions, connected or kept.

use std::collections::HashMap;
use std::sync::Arc;

use crate::event::Peer;
use crate::packet::Version;
use crate::record::SessionId;
use crate::session::Session;
use crate::turn::Slot;

/// All sessions, by slot and by client identifier.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    slots: Vec<Option<Box<Session>>>,
    free: Vec<Slot>,
    by_client: HashMap<Arc<str>, Slot>,
}

impl Sessions {
    pub fn len(&self) -> usize {
        self.by_client.len()
    }

    pub fn find(&self, client_id: &str) -> Option<Slot> {
        self.by_client.get(client_id).copied()
    }

    pub fn get(&self, slot: Slot) -> Option<&Session> {
        self.slots.get(slot as usize)?.as_deref()
    }

    pub fn get_mut(&mut self, slot: Slot) -> Option<&mut Session> {
        self.slots.get_mut(slot as usize)?.as_deref_mut()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Session> {
        self.slots.iter().flatten().map(|session| &**session)
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Session> {
        self.slots.iter_mut().flatten().map(|session| &mut **session)
    }

    /// A new session; there must be none of this client.
    pub fn create(&mut self, id: SessionId, peer: Arc<Peer>, version: Version) -> &mut Session {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            (self.slots.len() - 1) as Slot
        });
        self.by_client.insert(peer.client_id.clone(), slot);
        self.slots[slot as usize].insert(Box::new(Session::new(slot, id, peer, version)))
    }

    pub fn remove(&mut self, slot: Slot) -> Option<Box<Session>> {
        let session = self.slots.get_mut(slot as usize)?.take()?;
        self.by_client.remove(session.client_id());
        self.free.push(slot);
        Some(session)
    }
}
