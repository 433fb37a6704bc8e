//! What an MQTT broker decides: sessions, subscriptions, queues, retained messages, wills.
//!
//! MQTT 3.1.1 (OASIS, 2014) and MQTT 5.0 (OASIS, 2019). Nothing here opens a socket, reads a clock,
//! draws a random number or touches a disk. The shell has [`wire`] turn bytes into [`ClientPacket`]s,
//! and does what the [`Output`]s say.
//!
//! # How a shell uses it
//!
//! ```text
//! core.handle(now, input, &mut outputs)      one Input in, Outputs out, in the order to do them
//! core.next_wake()                           when to say Input::Wake, if nothing else happens
//! Core::restore(config, now, records, access)    at start
//! ```
//!
//! * **A connection** begins with [`Input::Connect`]: the shell has read CONNECT, has found out who
//!   the client is (password, certificate, token) and made an [`Access`] for it; a client that is
//!   nobody comes with `Err(reason)`. An empty client identifier is replaced by a random one and
//!   marked `assigned`. Before CONNECT, time-outs and garbage are the shell's alone. Then every
//!   packet is an [`Input::Packet`]. The end is [`Input::Closed`], or [`Output::Close`], after which
//!   the core does not know the connection any more: inputs about it are ignored.
//! * **What is sent** to a connection is to be sent in order. The core gives a connection no more
//!   than [`Bounds::unwritten`] bytes of messages (acknowledgements are not counted: they are
//!   bounded by the receive maximum): give [`Delivery::size`] back with [`Input::Written`] once it
//!   is written, in sums as large as you like. A shell should stop reading a connection that does
//!   not take its bytes, so that PINGREQs do not pile up answers.
//! * **What must be durable** comes in [`Output::Write`], as [`Change`]s of a map of records, with
//!   a [`Token`]. Writes are committed in order, many together where it helps, and
//!   [`Input::Committed`] says how far. What must not happen before is held back *by the core*:
//!   acknowledgements to publishers, [`Output::Settled`], QoS 2 deliveries. Everything else goes out
//!   at once. If a commit fails, try it again or stop: the core has gone on.
//! * **What the server hears** (after [`Input::Listen`]) comes in [`Output::Accepted`]; with a
//!   [`Hold`], the publisher's acknowledgement waits for [`Input::Taken`]. QoS 0 has none: drop it
//!   when there is no room.
//! * **What the server says** is [`Input::Publish`]. Its receipt comes back in [`Output::Settled`]
//!   when the message is durable for every kept session that wants it and the intake has let it go.
//!   Receipts come back in any order: a message that nobody wants is settled at once, while an
//!   earlier one waits for the disk.
//! * **Presence** ([`Output::Presence`]) is not published by the core: the shell renders it and
//!   publishes it, or not.
//! * **Time** is an argument, and deadlines are data: after each batch of inputs ask
//!   [`Core::next_wake`]. It may be early; it is never late.
//!
//! A shell that wants order between what it publishes and what clients publish puts both into one
//! queue of inputs. The core is one state machine with one owner.
//!
//! # Durability
//!
//! A session is *kept* when it outlives its connection (3.1.1: clean session 0; 5: session expiry
//! above 0). Durable of it are the session, its subscriptions, its queue of QoS 1 and 2 messages,
//! and its QoS 2 handshakes. Message bodies stand once, under their own key. In-flight QoS 1
//! messages keep their packet identifier and DUP over a lost connection, but after a restart of the
//! server they are sent as new: the standard's at-least-once allows it, and it saves a write for
//! each delivery. QoS 2 keeps its packet identifiers over restarts, because exactly-once needs them.
#![forbid(unsafe_code)]

mod access;
mod config;
mod connection;
mod core;
mod event;
mod flight;
mod message;
mod owed;
mod packet;
mod rate;
mod reason;
mod record;
mod retained;
mod session;
mod sessions;
mod size;
mod table;
mod time;
mod turn;
pub mod wire;

pub use crate::core::{AccessOf, Core, DepartedView, SessionView, Status};
pub use access::{Access, Unrestricted};
pub use config::{Bounds, Config, Limits};
pub use event::{
    Accepted, Action, Connecting, Direct, DisconnectClient, DisconnectReason, DropCause, Hold,
    Input, Note, Origin, Output, Peer, Presence, PresenceEvent, Publishing, Receipt,
};
pub use message::{Message, MessageId, Properties, Publication, Qos};
pub use packet::{
    Ack, ClientPacket, ConnAck, Connect, ConnectionId, Delivery, Disconnect, Identifiers, PacketId,
    Publish, RetainHandling, ServerPacket, SubAck, Subscribe, SubscriptionOptions, TopicAlias,
    Unsubscribe, Version, Will,
};
pub use reason::ReasonCode;
pub use record::{
    Change, Key, MessageRecord, OwedRecord, QueuedRecord, ReceivedRecord, Record, RetainedRecord,
    SessionId, SessionRecord, SubscriptionRecord, Token,
};
pub use time::Timestamp;
