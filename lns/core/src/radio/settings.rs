//! What a gateway needs of its lane, and the reasons for which a lane has no offer.

use lns_lorawan::{Dbm, TimeDelta};

use super::forwarder::ForwarderModel;

/// What a frame is there before the forwarder needs it, at least: for the way from its socket to its
/// queue.
const CUSHION: TimeDelta = TimeDelta::from_micros(7_499);

/// What a gateway and the line to it need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneSettings {
    /// Whose rules its queue has.
    pub forwarder: ForwarderModel,
    /// The most EIRP that it may send with; `None`: what its forwarder can.
    pub max_eirp: Option<Dbm>,
    /// Its antenna's gain as the forwarder's configuration has it, dBi.
    pub antenna_gain: i8,
    /// Whether it sends beacons, by its own configuration: then it keeps the satellites' time, and
    /// class B devices can be told of slots.
    pub beaconing: bool,
    /// The round trip to reckon with before one was measured.
    pub assumed_round_trip: TimeDelta,
}

impl Default for LaneSettings {
    /// A stock forwarder of which nothing is known: 42.5 ms between frames, 50 ms ahead, 32 frames,
    /// 27 dBm.
    fn default() -> Self {
        LaneSettings {
            forwarder: ForwarderModel::Unknown,
            max_eirp: None,
            antenna_gain: 0,
            beaconing: false,
            assumed_round_trip: TimeDelta::from_millis(100),
        }
    }
}

impl LaneSettings {
    /// Between the end of one frame and the start of the next.
    pub fn gap(&self) -> TimeDelta {
        self.forwarder.gap()
    }

    /// How long before its start a frame must have reached the gateway.
    pub fn lead(&self) -> TimeDelta {
        self.forwarder.least_lead() + CUSHION
    }

    /// How many frames may be promised.
    pub fn queue_depth(&self) -> usize {
        self.forwarder.queue_depth(self.beaconing)
    }

    /// The EIRP to ask for where the region allows `limit`.
    pub fn power(&self, limit: Dbm) -> Dbm {
        let limit = self.max_eirp.map_or(limit, |most| limit.min(most));
        self.forwarder.power(limit, self.antenna_gain)
    }
}

/// Why a lane has no offer for a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NoOffer {
    /// The gateway is not connected, or unknown.
    Offline,
    /// The concentrator has restarted since the reception: its counter means nothing now.
    Rebooted,
    /// A frame could no longer reach the gateway in time.
    TooLate,
    /// The window is farther ahead than the gateway plans.
    TooEarly,
    /// As many frames are promised as the gateway's queue holds.
    QueueFull,
    /// Another frame or a beacon is on air then, or too soon after.
    AirTaken,
    /// The sub-band's duty cycle is used up, or the frequency lies in no sub-band.
    DutyCycle,
    /// Nothing ties the window to the gateway's clock: no uplink to follow, or no satellites' time.
    NoClock,
    /// The window needs a gateway that sends beacons.
    NotBeaconing,
    /// A long frame, at a gateway that is asked for many short ones: long ones have had their share.
    Crowded,
}

impl NoOffer {
    /// Every reason, in the order of [`NoOffer::place`].
    pub const ALL: [NoOffer; 10] = [
        NoOffer::Offline,
        NoOffer::Rebooted,
        NoOffer::TooLate,
        NoOffer::TooEarly,
        NoOffer::QueueFull,
        NoOffer::AirTaken,
        NoOffer::DutyCycle,
        NoOffer::NoClock,
        NoOffer::NotBeaconing,
        NoOffer::Crowded,
    ];

    /// The metric label.
    pub const fn label(self) -> &'static str {
        match self {
            NoOffer::Offline => "offline",
            NoOffer::Rebooted => "rebooted",
            NoOffer::TooLate => "too_late",
            NoOffer::TooEarly => "too_early",
            NoOffer::QueueFull => "queue_full",
            NoOffer::AirTaken => "air_taken",
            NoOffer::DutyCycle => "duty_cycle",
            NoOffer::NoClock => "no_clock",
            NoOffer::NotBeaconing => "not_beaconing",
            NoOffer::Crowded => "crowded",
        }
    }

    /// Its place in tables.
    pub const fn place(self) -> usize {
        self as usize
    }
}
