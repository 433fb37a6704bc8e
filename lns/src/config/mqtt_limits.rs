//! What an operator may limit at the embedded broker. All of it is off by default.

use super::{ByteSize, Config, ConfigProblem, Period};

/// `[mqtt.limits]`; 0 is no limit.
#[derive(Clone, Debug, PartialEq)]
pub struct MqttLimits {
    /// The largest body of a message.
    pub payload: ByteSize,
    /// Bytes of a topic name or filter.
    pub topic_bytes: u32,
    /// Slashes in a topic name or filter.
    pub topic_slashes: u32,
    /// Bytes of a client identifier.
    pub client_id_bytes: u32,
    /// Bytes of the user properties of a message.
    pub user_properties: ByteSize,
    /// Filters in one SUBSCRIBE.
    pub filters_per_subscribe: u32,
    /// Subscriptions of one client.
    pub subscriptions: u32,
    /// Shared subscriptions of all clients: a group and a filter each.
    pub shared_subscriptions: u32,
    /// Clients that share one subscription.
    pub shared_subscription_members: u32,
    /// Messages without acknowledgement, each way.
    pub unacknowledged: u16,
    /// Topic aliases of one connection, each way.
    pub topic_aliases: u16,
    /// Messages that one connection publishes in a second.
    pub publishes_per_second: u32,
    /// Messages that all connections publish in a second.
    pub all_publishes_per_second: u32,
    /// Bytes that one connection reads and writes in a second.
    pub bytes_per_second: ByteSize,
    /// CONNECTs of all clients in a second.
    pub connects_per_second: u32,
    /// CONNECTs of one client in a second.
    pub client_connects_per_second: u32,
    /// The shortest keep alive.
    pub keep_alive_min: Period,
    /// The longest keep alive.
    pub keep_alive_max: Period,
    /// The longest that a message may want to wait.
    pub message_expiry: Period,
    /// The time between two retained messages of one topic.
    pub retain_interval: Period,
}

impl Default for MqttLimits {
    fn default() -> Self {
        Self {
            payload: ByteSize(0),
            topic_bytes: 0,
            topic_slashes: 0,
            client_id_bytes: 0,
            user_properties: ByteSize(0),
            filters_per_subscribe: 0,
            subscriptions: 0,
            shared_subscriptions: 0,
            shared_subscription_members: 0,
            unacknowledged: 0,
            topic_aliases: 0,
            publishes_per_second: 0,
            all_publishes_per_second: 0,
            bytes_per_second: ByteSize(0),
            connects_per_second: 0,
            client_connects_per_second: 0,
            keep_alive_min: Period::secs(0),
            keep_alive_max: Period::secs(0),
            message_expiry: Period::secs(0),
            retain_interval: Period::secs(0),
        }
    }
}

/// What of `[mqtt]` contradicts itself.
pub(super) fn check(config: &Config, problems: &mut Vec<ConfigProblem>) {
    let (mqtt, limits) = (&config.mqtt, &config.mqtt.limits);
    let mut conflict = |is_one, key, reason: String| {
        if is_one {
            problems.push(ConfigProblem::Conflict { key, reason });
        }
    };
    let (least, most) = (limits.keep_alive_min, limits.keep_alive_max);
    conflict(
        !most.0.is_zero() && least > most,
        "mqtt.limits.keep_alive_min",
        format!("{least} is more than mqtt.limits.keep_alive_max, {most}; make it shorter"),
    );
    conflict(
        limits.payload > mqtt.max_packet,
        "mqtt.limits.payload",
        format!(
            "{} does not fit into mqtt.max_packet, {}; make that larger",
            limits.payload, mqtt.max_packet
        ),
    );
    conflict(
        mqtt.queue_size > mqtt.queue_memory,
        "mqtt.queue_size",
        format!(
            "{} for one client is more than mqtt.queue_memory, {}, for all; make that larger",
            mqtt.queue_size, mqtt.queue_memory
        ),
    );
}
