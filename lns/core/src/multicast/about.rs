//! What people say of a multicast group.

use std::fmt;

use lns_lorawan::region::PayloadRules;
use lns_lorawan::{
    DataRateIndex, DevAddr, DevEui, Direction, FCntDown, Frequency, GatewayEui, GpsTime, Region,
    RegionTables, SessionKeys, TimeDelta, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::class::b::{self, Periodicity, Slot};
use crate::class::c;
use crate::dedup::digest;
use crate::radio::plan::WindowPlan;
use crate::session::{PingChannel, Place, RxParams};

/// How many homes there are.
const HOMES: u64 = 64;

/// Names a group: sixteen bytes, written as a UUID.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GroupId(pub [u8; 16]);

impl GroupId {
    /// The home in which the group lives.
    pub fn home(self) -> u8 {
        u8::try_from(digest(&self.0) % HOMES).expect("64 homes")
    }
}

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, byte) in self.0.iter().enumerate() {
            if matches!(place, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GroupId({self})")
    }
}

/// When and where the members listen for their group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupClass {
    /// In the ping slots of the group's address.
    B(Periodicity),
    /// Whenever they do not send.
    C,
}

/// The time in which the members listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hours {
    /// No session was ever set: nothing can be sent.
    Never,
    /// Always: the members were personalized for it.
    Always,
    /// A session of this time.
    Between {
        /// When it begins.
        begins: Timestamp,
        /// When it is over.
        ends: Timestamp,
    },
}

impl Hours {
    /// Whether nothing can be sent any more.
    pub fn are_over(self, now: Timestamp) -> bool {
        match self {
            Hours::Never | Hours::Always => false,
            Hours::Between { ends, .. } => ends <= now,
        }
    }

    /// The first moment of them that is not before `now`.
    pub fn from(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Hours::Never => None,
            Hours::Always => Some(now),
            Hours::Between { begins, ends } => (now < ends).then(|| now.max(begins)),
        }
    }
}

/// Which gateways send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Senders {
    /// As few as reach every member.
    Cover,
    /// These, in this order.
    Listed(Vec<GatewayEui>),
}

/// A group as people have described it.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupAbout {
    /// Its id.
    pub id: GroupId,
    /// Where its members are.
    pub region: Region,
    /// When they listen.
    pub class: GroupClass,
    /// The address that they listen to.
    pub mc_addr: DevAddr,
    /// The keys of its frames, which look like those of a 1.0.x session (TS005-2.0.0 §4.3).
    pub keys: SessionKeys,
    /// Where they listen; `None`: where the region has RX2, or the ping slots.
    pub frequency: Option<Frequency>,
    /// At which data rate; `None`: the region's of RX2, or of ping slots.
    pub data_rate: Option<DataRateIndex>,
    /// For how long.
    pub hours: Hours,
    /// Who sends.
    pub senders: Senders,
    /// From the start of one gateway's transmission to that of the next, at the least.
    pub interval: TimeDelta,
    /// Its members.
    pub members: Vec<DevEui>,
    /// Counters below this are not used: what another server has used already.
    pub f_cnt_at_least: FCntDown,
}

impl GroupAbout {
    /// The region's tables.
    pub fn tables(&self) -> &'static RegionTables {
        self.region.tables()
    }

    /// Whether its members take frames of `other` for their own.
    pub(super) fn is_same_session(&self, other: &GroupAbout) -> bool {
        self.mc_addr == other.mc_addr && self.keys == other.keys
    }

    /// The first ping slot that does not start before a moment.
    pub(super) fn slot(&self, periodicity: Periodicity, from: Timestamp) -> Option<Slot> {
        let from = GpsTime::from_timestamp(from)?;
        Some(b::PingSlots { dev_addr: self.mc_addr, periodicity }.first_from(from))
    }

    /// A ping slot as a window.
    pub(super) fn in_slot(&self, slot: Slot) -> Option<WindowPlan> {
        let place = self.frequency.map_or(Place::Default, Place::At);
        let channel = PingChannel { place, data_rate: self.data_rate };
        b::window(self.tables(), self.mc_addr, slot, &channel)
    }

    /// The members' RXC as a window, from a moment on.
    pub(super) fn at_once(&self, not_before: Timestamp) -> Option<WindowPlan> {
        let (rx2_frequency, rx2_data_rate) = self.tables().rx2;
        let rx = RxParams {
            rx2_frequency: self.frequency.unwrap_or(rx2_frequency),
            rx2_data_rate: self.data_rate.unwrap_or(rx2_data_rate),
            rx_delay: lns_lorawan::RxDelay::default(),
            rx1_dr_offset: 0,
        };
        c::window(self.tables(), &rx, not_before)
    }

    /// The largest payload that a frame of the group holds, bytes; `None` where its members listen
    /// nowhere: no such data rate, or a frequency on which the region forbids to send.
    pub fn largest_payload(&self) -> Option<usize> {
        let start = Timestamp::from_secs(1_700_000_000);
        let window = match self.class {
            GroupClass::B(periodicity) => self.in_slot(self.slot(periodicity, start)?)?,
            GroupClass::C => self.at_once(start)?,
        };
        let rules = PayloadRules {
            dwell_time: self.tables().boot_dwell().downlink != Some(false),
            ..PayloadRules::default()
        };
        let limit = self.tables().max_payload(Direction::Down, window.data_rate, rules)?;
        Some(usize::from(limit.n()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_written_as_a_uuid() {
        let id = GroupId(std::array::from_fn(|n| n as u8 * 17));
        assert_eq!(id.to_string(), "00112233-4455-6677-8899-aabbccddeeff");
        assert!(u64::from(id.home()) < HOMES);
    }

    #[test]
    fn hours_say_when_something_can_be_sent() {
        let at = Timestamp::from_secs;
        let session = Hours::Between { begins: at(100), ends: at(200) };
        assert_eq!(session.from(at(50)), Some(at(100)));
        assert_eq!(session.from(at(150)), Some(at(150)));
        assert_eq!(session.from(at(200)), None);
        assert!(session.are_over(at(200)) && !session.are_over(at(199)));
        assert_eq!(Hours::Never.from(at(1)), None);
        assert_eq!(Hours::Always.from(at(1)), Some(at(1)));
    }
}
