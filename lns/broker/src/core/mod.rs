//! The state machine: one input at a time.

mod connect;
mod direct;
mod leave;
mod owe;
mod own;
mod publish;
mod restore;
mod route;
mod status;
mod subscribe;
mod wake;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

pub use restore::AccessOf;
pub use status::{DepartedView, SessionView, Status};

use crate::access::{Access, Rights};
use crate::config::Config;
use crate::event::{DisconnectReason, Input, Output};
use crate::packet::{ClientPacket, ConnectionId, Disconnect};
use crate::rate::{Allowance, Arrivals};
use crate::reason::ReasonCode;
use crate::retained::Retained;
use crate::session::Session;
use crate::sessions::Sessions;
use crate::table::Table;
use crate::time::Timestamp;
use crate::turn::{Slot, Turn};

use leave::{Departed, Leaving, WillFate};
use own::OwnPublications;
use route::Scratch;
use wake::Timer;

/// The broker. See the crate's page for how a shell uses it.
#[derive(Debug)]
pub struct Core {
    config: Config,
    turn: Turn,
    sessions: Sessions,
    connections: HashMap<ConnectionId, Slot>,
    table: Table,
    retained: Retained,
    /// At most one for each connection, two for each session, one for each retained message.
    timers: BTreeSet<(Timestamp, Timer)>,
    own: OwnPublications,
    departed: Departed,
    arrivals: Arrivals,
    /// What all clients together may publish.
    publishing: Allowance,
    scratch: Scratch,
    next_session: u64,
    next_message: u64,
    next_hold: u64,
}

impl Core {
    /// A broker that knows nothing yet.
    pub fn new(config: Config) -> Self {
        Self {
            turn: Turn::new(config.bounds),
            config,
            sessions: Sessions::default(),
            connections: HashMap::new(),
            table: Table::default(),
            retained: Retained::default(),
            timers: BTreeSet::new(),
            own: OwnPublications::default(),
            departed: Departed::default(),
            arrivals: Arrivals::default(),
            publishing: Allowance::default(),
            scratch: Scratch::default(),
            next_session: 1,
            next_message: 1,
            next_hold: 1,
        }
    }

    /// One thing happens. What is to be done about it is appended to `outputs`, in order.
    ///
    /// Total: any input in any state gives an answer. `now` must not run backwards; where it does,
    /// the broker keeps the later moment.
    pub fn handle(&mut self, now: Timestamp, input: Input, outputs: &mut Vec<Output>) {
        self.turn.now = self.turn.now.max(now);
        std::mem::swap(&mut self.turn.out, outputs);
        self.dispatch(input);
        self.turn.close();
        std::mem::swap(&mut self.turn.out, outputs);
    }

    /// When to say [`Input::Wake`], if nothing else happens before. `None`: nothing is waited for.
    ///
    /// The present when there is more to do than one input should take: then the shell sees to what
    /// has come meanwhile, and wakes the core again.
    pub fn next_wake(&self) -> Option<Timestamp> {
        let due = self.timers.first().map(|(at, _)| *at);
        if self.turn.hungry.is_empty() {
            return due;
        }
        Some(due.map_or(self.turn.now, |due| due.min(self.turn.now)))
    }

    fn dispatch(&mut self, input: Input) {
        match input {
            Input::Connect(connecting) => self.on_connect(*connecting),
            Input::Packet(connection, packet) => self.on_packet(connection, packet),
            Input::Closed(connection) => self.on_closed(connection),
            Input::Disconnect(connection, reason) => self.on_disconnect_order(connection, reason),
            Input::DisconnectClient(order) => self.on_disconnect_client(&order),
            Input::Written(connection, bytes) => self.on_written(connection, bytes),
            Input::Committed(token) => self.on_committed(token),
            Input::Publish(publishing) => self.on_own_publish(publishing),
            Input::Direct(direct) => self.on_direct(direct),
            Input::Taken(hold) => self.on_taken(hold),
            Input::Listen(filters) => self.table.listen(&filters),
            Input::Access(connection, access) => self.on_access(connection, access),
            Input::AccessChanged => self.on_access_changed(),
            Input::Wake => self.on_wake(),
            Input::Stop => self.on_stop(),
        }
    }

    fn on_packet(&mut self, connection: ConnectionId, packet: ClientPacket) {
        let Some(slot) = self.connections.get(&connection).copied() else { return };
        let turn = &mut self.turn;
        let Some(session) = self.sessions.get_mut(slot) else { return };
        if let Some(connection) = &mut session.connection {
            connection.last_heard = turn.now;
        }
        match packet {
            ClientPacket::Publish(publish) => self.on_publish(slot, publish),
            ClientPacket::PubAck(ack) => session.on_pub_ack(ack.packet_id, turn),
            ClientPacket::PubRec(ack) => session.on_pub_rec(&ack, turn),
            ClientPacket::PubRel(ack) => session.on_pub_rel(ack.packet_id, turn),
            ClientPacket::PubComp(ack) => session.on_pub_comp(ack.packet_id, turn),
            ClientPacket::Subscribe(subscribe) => self.on_subscribe(slot, subscribe),
            ClientPacket::Unsubscribe(unsubscribe) => self.on_unsubscribe(slot, unsubscribe),
            ClientPacket::PingReq => turn.send(connection, crate::ServerPacket::PingResp),
            ClientPacket::Disconnect(disconnect) => self.on_disconnect(slot, &disconnect),
            ClientPacket::Auth => self.fail(slot, ReasonCode::ProtocolError),
        }
        if let Some(session) = self.sessions.get_mut(slot) {
            session.throttle(&mut self.turn);
        }
    }

    /// Ends a connection because its client does what the standard forbids, or what we do not take.
    fn fail(&mut self, slot: Slot, reason: ReasonCode) {
        self.leave(slot, Leaving::told(reason));
    }

    fn on_closed(&mut self, connection: ConnectionId) {
        if let Some(slot) = self.connections.get(&connection).copied() {
            self.leave(slot, Leaving::lost());
        }
    }

    fn on_disconnect_order(&mut self, connection: ConnectionId, reason: ReasonCode) {
        if let Some(slot) = self.connections.get(&connection).copied() {
            self.fail(slot, reason);
        }
    }

    /// DISCONNECT: the client leaves, and may say how long its session is to be kept (§3.14.2.2.2).
    fn on_disconnect(&mut self, slot: Slot, disconnect: &Disconnect) {
        let cap = self.config.session_expiry;
        let Some(session) = self.sessions.get_mut(slot) else { return };
        if let Some(expiry) = disconnect.session_expiry {
            if !session.is_kept() && expiry > 0 {
                return self.fail(slot, ReasonCode::ProtocolError);
            }
            session.expiry = expiry.min(cap);
        }
        let is_normal = disconnect.reason == ReasonCode::Success;
        let will = if is_normal { WillFate::Delete } else { WillFate::Send };
        let reason = DisconnectReason::ClientInitiated;
        self.leave(slot, Leaving { tell: None, is_open: true, reason, will });
    }

    fn on_written(&mut self, connection: ConnectionId, bytes: usize) {
        let Some(session) = self.session_of(connection) else { return };
        if let Some(connection) = &mut session.connection {
            connection.unwritten = connection.unwritten.saturating_sub(bytes);
        }
        let slot = session.slot;
        if let Some(session) = self.sessions.get_mut(slot) {
            session.pump(&mut self.turn);
        }
    }

    fn on_committed(&mut self, token: crate::record::Token) {
        self.turn.commit(token);
        while let Some(slot) = self.turn.next_ready() {
            if let Some(session) = self.sessions.get_mut(slot) {
                session.advance(&mut self.turn);
            }
        }
        self.own.commit(&mut self.turn);
    }

    fn on_access(&mut self, connection: ConnectionId, access: Arc<dyn Access>) {
        if let Some(session) = self.session_of(connection) {
            session.rights = Some(Rights::new(access));
        }
    }

    fn on_access_changed(&mut self) {
        let rights = self.sessions.iter_mut().filter_map(|session| session.rights.as_mut());
        rights.for_each(Rights::forget);
    }

    fn session_of(&mut self, connection: ConnectionId) -> Option<&mut Session> {
        let slot = self.connections.get(&connection)?;
        self.sessions.get_mut(*slot)
    }
}
