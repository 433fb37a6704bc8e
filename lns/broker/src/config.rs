//! What the operator decides, and the bounds of everything that grows.

/// What the operator decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Bounds that are always there.
    pub bounds: Bounds,
    /// Limits that are off unless they are set.
    pub limits: Limits,
    /// How long a session is kept at most, in seconds; what a client of MQTT 3.1.1 that does not ask
    /// for a clean session gets. `u32::MAX` is for ever.
    pub session_expiry: u32,
    /// Topics that begin with `$` and that clients may publish to, as prefixes. All others that begin
    /// with `$` are the server's.
    pub client_topics: Vec<String>,
    /// Topics that begin with `$` and on which clients try to pass for the server, as prefixes: who
    /// publishes there without being allowed to is refused like anybody who oversteps its rights. What
    /// is published to others goes nowhere, and the connection goes on.
    pub guarded_topics: Vec<String>,
    /// Topics that only the server hears, as prefixes: basic ingest.
    pub server_only_topics: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            bounds: Bounds::default(),
            limits: Limits::default(),
            session_expiry: 7_200,
            client_topics: vec!["$aws/things/".into(), "$aws/rules/".into()],
            guarded_topics: vec!["$aws/".into()],
            server_only_topics: vec!["$aws/rules/".into()],
        }
    }
}

/// Bounds of what the broker keeps. Each has a value, because memory ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Sessions, connected or kept. One more is refused with `QuotaExceeded`.
    pub sessions: usize,
    /// Subscriptions of one session. One more is refused with `QuotaExceeded`.
    pub subscriptions: usize,
    /// Messages that wait for one session, those in flight aside. The oldest is dropped.
    pub queued_messages: usize,
    /// The same in bytes of topic, body and user properties.
    pub queued_bytes: usize,
    /// Bytes that wait for all sessions together; a body counts for each that it waits for, though
    /// it is kept once. Beyond it, a session that is away or behind loses its own oldest messages
    /// for a new one; clients that keep up feel nothing of it.
    pub all_queued_bytes: usize,
    /// Messages to one client that it has not acknowledged; its receive maximum may be smaller.
    pub in_flight: u16,
    /// Messages of one client that we have not acknowledged: our receive maximum.
    pub unacknowledged: u16,
    /// Bytes given to a connection and not yet written. QoS 0 beyond it is dropped, QoS 1 and 2
    /// wait in the queue of the session.
    pub unwritten: usize,
    /// Retained messages. One more is refused with `QuotaExceeded`.
    pub retained_messages: usize,
    /// Retained messages that are looked at for a subscription, whether its filter meets them or not,
    /// before others have their turn: a few dozen microseconds of the broker's time.
    pub retained_at_once: usize,
    /// Bytes of all retained messages. What does not fit is refused with `QuotaExceeded`.
    pub retained_bytes: usize,
    /// The highest topic alias that clients may use, and that we use.
    pub topic_aliases: u16,
    /// The largest packet that clients may send, in bytes; the shell refuses larger ones.
    pub packet_bytes: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            sessions: 100_000,
            subscriptions: 10_000,
            queued_messages: 100_000,
            queued_bytes: 64 << 20,
            all_queued_bytes: 512 << 20,
            in_flight: 1_000,
            unacknowledged: 1_000,
            unwritten: 1 << 20,
            retained_messages: 100_000,
            retained_at_once: 256,
            retained_bytes: 256 << 20,
            topic_aliases: 32,
            packet_bytes: 1 << 20,
        }
    }
}

/// Limits that MQTT does not ask for. [`Limits::aws`] has those of AWS IoT Core; all are off by
/// default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Bytes of a payload.
    pub payload_bytes: Option<usize>,
    /// Bytes of a topic name or filter, a reserved prefix included.
    pub topic_bytes: Option<usize>,
    /// Slashes in a topic name or filter that does not begin with `$`.
    pub topic_slashes: Option<usize>,
    /// Topic filters of one SUBSCRIBE.
    pub filters_per_subscribe: Option<usize>,
    /// Subscriptions of one session.
    pub subscriptions: Option<usize>,
    /// Shared subscriptions of all sessions: a group and a filter each.
    pub shared_subscriptions: Option<usize>,
    /// Sessions that share one subscription.
    pub shared_subscription_members: Option<usize>,
    /// Bytes of a client identifier.
    pub client_id_bytes: Option<usize>,
    /// Seconds of keep alive at least and at most. A client of MQTT 5 is told; one of MQTT 3.1.1
    /// cannot be, but is bound all the same. `u16::MAX` is no upper limit.
    pub keep_alive: Option<(u16, u16)>,
    /// Bytes of the user properties of a message.
    pub user_property_bytes: Option<usize>,
    /// Messages that one connection may publish in a second.
    pub publishes_per_second: Option<u32>,
    /// Messages that all connections together may publish in a second.
    pub all_publishes_per_second: Option<u32>,
    /// Clients that may connect in a second.
    pub connects_per_second: Option<u32>,
    /// How often one client may connect in a second.
    pub client_connects_per_second: Option<u32>,
    /// Seconds after which every message with a longer message expiry interval expires.
    pub message_expiry: Option<u32>,
    /// Milliseconds between two retained messages of one topic.
    pub retain_interval: Option<u64>,
}

impl Limits {
    /// AWS IoT Core's quotas (its quota page of 2025), as far as MQTT has a word for them.
    pub fn aws() -> Self {
        Self {
            payload_bytes: Some(128 << 10),
            topic_bytes: Some(256),
            topic_slashes: Some(7),
            filters_per_subscribe: Some(8),
            subscriptions: Some(50),
            shared_subscriptions: Some(100),
            shared_subscription_members: Some(100),
            client_id_bytes: Some(128),
            keep_alive: Some((30, 1200)),
            user_property_bytes: Some(8 << 10),
            publishes_per_second: Some(100),
            all_publishes_per_second: Some(20_000),
            connects_per_second: Some(3000),
            client_connects_per_second: Some(1),
            message_expiry: Some(604_800),
            retain_interval: Some(1000),
        }
    }
}
