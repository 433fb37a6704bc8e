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
}

impl Table {
    /// Every table, in the order of its [`tag`](Self::tag).
    pub const ALL: [Table; 11] = [
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
