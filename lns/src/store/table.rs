//! The tables, and the byte that stands for each on disk.

use std::fmt;

/// What kind of record. Every table is an ordered map of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Counters, last frame, newest events: rewritten at each uplink, so kept small.
    DeviceState,
    /// Name, keys, profile link, downlink queue: rewritten by people.
    DeviceDescription,
    /// DevNonces and JoinNonces that were used, which must outlive every session.
    DevNonces,
    /// Undelivered events that no longer fit the device's record.
    Events,
    /// How far each sink has delivered.
    Cursors,
    /// Device profiles.
    Profiles,
    /// Destinations.
    Destinations,
    /// Registered gateways.
    Gateways,
    /// Payload codec scripts.
    Codecs,
    /// Service profiles.
    ServiceProfiles,
    /// What the server remembers about itself.
    Meta,
    /// Multicast groups: keys, members, session, queue.
    MulticastGroups,
    /// Frame counters of multicast groups: rewritten as they send.
    MulticastCounters,
    /// Things and thing types.
    Things,
    /// Policies, their versions, and to whom they are attached.
    Policies,
    /// Certificates, and the server's own authority.
    Certificates,
    /// Users of MQTT with a password or a token.
    MqttUsers,
    /// Topic rules and their destinations.
    TopicRules,
    /// Device shadows.
    Shadows,
    /// Kept MQTT sessions: subscriptions, will, expiry.
    BrokerSessions,
    /// Messages that wait for kept MQTT sessions.
    BrokerQueues,
    /// Retained messages, by topic.
    RetainedMessages,
    /// What rules' actions still have to do.
    ActionQueues,
    /// What rules' actions could not do.
    DeadLetters,
}

impl Table {
    /// Every table, in the order of its [`tag`](Self::tag).
    pub const ALL: [Table; 24] = [
        Table::DeviceState,
        Table::DeviceDescription,
        Table::DevNonces,
        Table::Events,
        Table::Cursors,
        Table::Profiles,
        Table::Destinations,
        Table::Gateways,
        Table::Codecs,
        Table::ServiceProfiles,
        Table::Meta,
        Table::MulticastGroups,
        Table::MulticastCounters,
        Table::Things,
        Table::Policies,
        Table::Certificates,
        Table::MqttUsers,
        Table::TopicRules,
        Table::Shadows,
        Table::BrokerSessions,
        Table::BrokerQueues,
        Table::RetainedMessages,
        Table::ActionQueues,
        Table::DeadLetters,
    ];

    /// The byte that stands for the table on disk and in exports. Never changed, never reused.
    pub const fn tag(self) -> u8 {
        match self {
            Table::DeviceState => 1,
            Table::DeviceDescription => 2,
            Table::DevNonces => 3,
            Table::Events => 4,
            Table::Cursors => 5,
            Table::Profiles => 6,
            Table::Destinations => 7,
            Table::Gateways => 8,
            Table::Codecs => 9,
            Table::ServiceProfiles => 10,
            Table::Meta => 11,
            Table::MulticastGroups => 12,
            Table::MulticastCounters => 13,
            Table::Things => 14,
            Table::Policies => 15,
            Table::Certificates => 16,
            Table::MqttUsers => 17,
            Table::TopicRules => 18,
            Table::Shadows => 19,
            Table::BrokerSessions => 20,
            Table::BrokerQueues => 21,
            Table::RetainedMessages => 22,
            Table::ActionQueues => 23,
            Table::DeadLetters => 24,
        }
    }

    /// The table that `tag` stands for.
    pub fn from_tag(tag: u8) -> Option<Table> {
        Table::ALL.into_iter().find(|table| table.tag() == tag)
    }

    /// The table's name in errors and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Table::DeviceState => "device_state",
            Table::DeviceDescription => "device_description",
            Table::DevNonces => "dev_nonces",
            Table::Events => "events",
            Table::Cursors => "cursors",
            Table::Profiles => "profiles",
            Table::Destinations => "destinations",
            Table::Gateways => "gateways",
            Table::Codecs => "codecs",
            Table::ServiceProfiles => "service_profiles",
            Table::Meta => "meta",
            Table::MulticastGroups => "multicast_groups",
            Table::MulticastCounters => "multicast_counters",
            Table::Things => "things",
            Table::Policies => "policies",
            Table::Certificates => "certificates",
            Table::MqttUsers => "mqtt_users",
            Table::TopicRules => "topic_rules",
            Table::Shadows => "shadows",
            Table::BrokerSessions => "broker_sessions",
            Table::BrokerQueues => "broker_queues",
            Table::RetainedMessages => "retained_messages",
            Table::ActionQueues => "action_queues",
            Table::DeadLetters => "dead_letters",
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_found_by_its_tag_and_tags_are_ascending() {
        for table in Table::ALL {
            assert_eq!(Table::from_tag(table.tag()), Some(table));
        }
        assert!(Table::ALL.windows(2).all(|w| w[0].tag() < w[1].tag()));
        assert_eq!(Table::from_tag(0), None);
    }
}
