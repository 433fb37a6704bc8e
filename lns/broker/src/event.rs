//! What the shell tells the broker, and what the broker tells the shell.

use core::net::SocketAddr;
use std::sync::Arc;

use lns_pipeline::topic::TopicFilter;

use crate::access::Access;
use crate::message::{Message, Publication};
use crate::packet::{ClientPacket, Connect, ConnectionId, ServerPacket};
use crate::reason::ReasonCode;
use crate::record::{Change, SessionId, Token};
use crate::time::Timestamp;

/// Who a client is, for whoever hears its messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its client identifier.
    pub client_id: Arc<str>,
    /// As whom it has authenticated; `None`: as nobody.
    pub principal: Option<Arc<str>>,
    /// From where; `None` where there is no socket, or after a restart.
    pub address: Option<SocketAddr>,
    /// The thing that its principal belongs to.
    pub thing: Option<Arc<str>>,
}

/// Names a publication of the server's own, chosen by the shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Receipt(pub u64);

/// Names a publication that the server's own intake holds; gives it back in [`Input::Taken`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hold {
    /// The publisher's session; `None` for the server itself.
    pub(crate) session: Option<(u32, SessionId)>,
    pub(crate) number: u64,
}

/// What happens to the broker.
pub enum Input {
    /// A client has sent CONNECT, and the shell knows who it is. The first input of a connection.
    Connect(Box<Connecting>),
    /// A client has sent anything else.
    Packet(ConnectionId, ClientPacket),
    /// A connection has gone, without or after DISCONNECT. Not needed after [`Output::Close`].
    Closed(ConnectionId),
    /// The shell wants a connection to end: a packet cannot be read (`MalformedPacket`), is too
    /// large (`PacketTooLarge`), a certificate was revoked (`NotAuthorized`) and the like. The client
    /// is told, where its MQTT has words for it, and its will is sent.
    Disconnect(ConnectionId, ReasonCode),
    /// An operator ends the connection of a client.
    DisconnectClient(DisconnectClient),
    /// So many of the bytes of [`crate::Delivery::size`] have been written to the socket.
    Written(ConnectionId, usize),
    /// All changes up to this token are durable.
    Committed(Token),
    /// The server publishes.
    Publish(Publishing),
    /// The server sends a message to one client.
    Direct(Direct),
    /// The intake has let go of what it held.
    Taken(Hold),
    /// What the server itself wants to hear, from now on.
    Listen(Vec<TopicFilter>),
    /// What the client of this connection may do has become this.
    Access(ConnectionId, Arc<dyn Access>),
    /// What clients may do may have changed: every remembered answer is asked for again.
    AccessChanged,
    /// [`crate::Core::next_wake`] has come.
    Wake,
    /// The server stops: clients are told, and no will is sent.
    Stop,
}

/// A CONNECT and who sent it.
pub struct Connecting {
    /// The connection, seen for the first time.
    pub connection: ConnectionId,
    /// What the client said.
    pub connect: Connect,
    /// As whom the client has authenticated.
    pub principal: Option<Arc<str>>,
    /// From where.
    pub address: Option<SocketAddr>,
    /// The thing that the principal belongs to.
    pub thing: Option<Arc<str>>,
    /// What it may do; or why it is not let in, which is answered with this reason.
    pub access: Result<Arc<dyn Access>, ReasonCode>,
}

/// An operator ends the connection of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisconnectClient {
    /// Which client; nothing happens when it has neither connection nor session.
    pub client_id: Arc<str>,
    /// Whether its session goes too.
    pub clean_session: bool,
    /// Whether its will is not sent.
    pub prevent_will: bool,
}

/// The server sends a message to one client that is connected, whatever it has subscribed to.
#[derive(Debug, Clone)]
pub struct Direct {
    /// Which client.
    pub client_id: Arc<str>,
    /// What, at QoS 0 or 1.
    pub message: Message,
    /// Comes back in [`Output::Settled`]: at QoS 0 when it has been sent, at QoS 1 with the client's
    /// PUBACK. `NoMatchingSubscribers`: the client is not connected, or is not any more;
    /// `NotAuthorized`: it may not receive this; `PacketTooLarge`, `QuotaExceeded`: it takes none as
    /// large, or no more now.
    pub receipt: Receipt,
}

/// The server publishes.
#[derive(Debug, Clone)]
pub struct Publishing {
    /// What.
    pub message: Message,
    /// How many rules it has been through.
    pub hops: u8,
    /// On whose behalf, where a client asked over HTTP; permissions were the shell's to check.
    pub on_behalf: Option<Arc<Peer>>,
    /// Comes back in [`Output::Settled`].
    pub receipt: Option<Receipt>,
}

/// What the shell is to do, in this order.
#[derive(Debug)]
pub enum Output {
    /// Send it to the client, after what was sent before.
    Send(ConnectionId, ServerPacket),
    /// Close the connection when everything has been written. It is not spoken of again.
    Close(ConnectionId),
    /// Read no more from this connection (`true`), or read on (`false`): too many of its messages
    /// wait to be acknowledged.
    Pause(ConnectionId, bool),
    /// Make these changes durable, all together, after those before; then say
    /// [`Input::Committed`]. Later outputs do not wait for it: what has to, the broker holds back.
    Write(Token, Vec<Change>),
    /// A publication that the server wants to hear.
    Accepted(Accepted),
    /// The broker has taken responsibility for a publication of the server's own, or a direct message
    /// has arrived; or why not.
    Settled(Receipt, Result<(), ReasonCode>),
    /// A client has come or gone, or has changed its subscriptions.
    Presence(Presence),
    /// Something to count or log.
    Note(Note),
}

/// A publication that the server wants to hear.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// What.
    pub publication: Arc<Publication>,
    /// Who published it.
    pub origin: Origin,
    /// To be given back in [`Input::Taken`] when whatever must be durable is; the publisher's
    /// acknowledgement waits for it. `None` when nobody waits: QoS 0, wills, no receipt.
    pub hold: Option<Hold>,
}

/// Who published a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A client, by PUBLISH, by its will, or over HTTP.
    Client(Arc<Peer>),
    /// The server itself.
    Server {
        /// How many rules the message has been through.
        hops: u8,
    },
}

/// What `$aws/events/presence` and `$aws/events/subscriptions` tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    /// Whose.
    pub peer: Arc<Peer>,
    /// The connection: what `sessionIdentifier` is made of.
    pub connection: ConnectionId,
    /// When.
    pub at: Timestamp,
    /// How many connections the client identifier had before this one, as far as is remembered:
    /// `versionNumber`. Of a subscription event it is that of the connection.
    pub version_number: u64,
    /// What.
    pub event: PresenceEvent,
}

/// What a client has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PresenceEvent {
    /// It is connected.
    Connected,
    /// It is not any more.
    Disconnected(DisconnectReason),
    /// It was not let in.
    ConnectFailed(ReasonCode),
    /// It has subscribed to these filters.
    Subscribed(Vec<Arc<str>>),
    /// It has unsubscribed from these.
    Unsubscribed(Vec<Arc<str>>),
}

/// Why a client is disconnected, in the words of AWS IoT Core's lifecycle events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DisconnectReason {
    /// The client did not prove who it is.
    AuthError,
    /// The client said DISCONNECT.
    ClientInitiated,
    /// The client broke the protocol.
    ClientError,
    /// The connection broke.
    ConnectionLost,
    /// Another connection uses the client identifier.
    DuplicateClientId,
    /// The client did what it may not.
    ForbiddenAccess,
    /// Nothing was heard of it.
    KeepAliveTimeout,
    /// The server has failed.
    ServerError,
    /// The server ends it.
    ServerInitiated,
    /// An operator ended it.
    ApiInitiated,
    /// The client was too quick.
    Throttled,
}

impl DisconnectReason {
    /// As `disconnectReason` has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::AuthError => "AUTH_ERROR",
            Self::ClientInitiated => "CLIENT_INITIATED_DISCONNECT",
            Self::ClientError => "CLIENT_ERROR",
            Self::ConnectionLost => "CONNECTION_LOST",
            Self::DuplicateClientId => "DUPLICATE_CLIENTID",
            Self::ForbiddenAccess => "FORBIDDEN_ACCESS",
            Self::KeepAliveTimeout => "MQTT_KEEP_ALIVE_TIMEOUT",
            Self::ServerError => "SERVER_ERROR",
            Self::ServerInitiated => "SERVER_INITIATED_DISCONNECT",
            Self::ApiInitiated => "API_INITIATED_DISCONNECT",
            Self::Throttled => "THROTTLED",
        }
    }

    /// Whether the client left by itself: `clientInitiatedDisconnect`.
    pub fn is_client_initiated(self) -> bool {
        self == Self::ClientInitiated
    }
}

/// Something to count, and perhaps to log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A message was not delivered to a client.
    Dropped {
        /// Which client.
        client_id: Arc<str>,
        /// Why.
        cause: DropCause,
    },
    /// A client did what it may not.
    Denied {
        /// Which client.
        client_id: Arc<str>,
        /// What.
        action: Action,
        /// Topic or filter.
        topic: Arc<str>,
    },
    /// A client's message went nowhere, and its connection goes on: there may be many.
    Ignored {
        /// Which client.
        client_id: Arc<str>,
        /// Why.
        reason: ReasonCode,
    },
    /// A client was not let in, or its connection was ended by the broker.
    Refused {
        /// Which client.
        client_id: Arc<str>,
        /// Why.
        reason: ReasonCode,
    },
    /// A kept session has ended because its time was over.
    SessionExpired {
        /// Whose.
        client_id: Arc<str>,
    },
}

/// Why a message was not delivered to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DropCause {
    /// QoS 0, and the client reads too slowly.
    SlowReader,
    /// The session's queue is full, and this was the oldest.
    QueueFull,
    /// Its expiry interval is over.
    Expired,
    /// It is larger than the client's maximum packet size.
    TooLarge,
    /// The client may not receive it.
    NotPermitted,
}

impl DropCause {
    /// All of them, for metrics.
    pub const ALL: [Self; 5] =
        [Self::SlowReader, Self::QueueFull, Self::Expired, Self::TooLarge, Self::NotPermitted];

    /// As a metric's label.
    pub fn name(self) -> &'static str {
        match self {
            Self::SlowReader => "slow_reader",
            Self::QueueFull => "queue_full",
            Self::Expired => "expired",
            Self::TooLarge => "too_large",
            Self::NotPermitted => "not_permitted",
        }
    }
}

/// What a client may not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Connect.
    Connect,
    /// Publish.
    Publish,
    /// Have a message retained.
    Retain,
    /// Subscribe.
    Subscribe,
    /// Have its will published.
    Will,
}

impl Action {
    /// As a metric's label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Publish => "publish",
            Self::Retain => "retain",
            Self::Subscribe => "subscribe",
            Self::Will => "will",
        }
    }
}
