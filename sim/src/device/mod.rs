//! A device of LoRaWAN 1.0 to 1.1, class A, B or C, as a state machine: it is told the time and what
//! is in the air, and says what it sends. TS001-1.0.4 and LoRaWAN 1.1.

mod certification;
mod channels;
mod class_b;
mod duty;
mod hear;
mod listening;
mod mac;
mod mischief;
mod otaa;
mod payload;
pub mod plan;
mod radio;
mod rejoin;
mod sent;
mod session;
mod spec;
mod tally;
#[cfg(test)]
mod tests;
mod uplink;

use std::collections::VecDeque;

use lns_lorawan::mac::{DeviceMode, RekeyMinor, ResetMinor};
use lns_lorawan::{
    AppSKey, DevEui, MacVersion, NwkSKey, SessionKeys, TimeDelta, Timestamp, UplinkMacCommand,
};

pub use certification::F_PORT as TEST_F_PORT;
pub use channels::{Channel, Channels};
pub use class_b::{BEACON_DELAY, BEACON_GUARD, BEACON_INTERVAL, BEACON_RESERVED, Beacon};
pub use mac::{Dwell, MacState, PingSlot};
pub use mischief::{Mischief, Refusals};
pub use payload::{Appliance, Maker, Payload};
pub use radio::{Listen, Unheard};
pub use sent::{Heard, HeardData, Received, Sent, SentData, Transmission, What};
pub use session::Session;
pub use spec::{AbpSession, Activation, Class, DevNonces, DeviceSpec, Group};
pub use tally::Tally;

use crate::random::Random;
use certification::Test;
use class_b::ClassB;
use duty::Duty;
use otaa::Joins;
use rejoin::Rejoins;
use uplink::Flight;

/// The minor version of LoRaWAN 1.1 in RekeyInd and ResetInd.
const MINOR: u8 = 1;

/// What a device may ask of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// How well am I heard?
    LinkCheck,
    /// What time is it?
    DeviceTime,
}

/// What a device does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Sends a Join-Request.
    Join,
    /// Sends a Rejoin-Request.
    Rejoin,
    /// Sends a new uplink.
    Uplink,
    /// Sends the last uplink again.
    Repeat,
    /// Notices that its windows have closed.
    Close,
}

/// A message that the application wants sent: FPort, FRMPayload, confirmed?
type Message = (u8, Vec<u8>, bool);

/// A device.
///
/// Drive it with [`next_wake`](Self::next_wake) and [`wake`](Self::wake), and let it
/// [`hear`](Self::hear) every downlink in its reach, as soon as the downlink's start is known and
/// before `wake` is called for a later time; and beacons in the same way.
#[derive(Debug, Clone)]
pub struct Device {
    spec: DeviceSpec,
    random: Random,
    appliance: Appliance,
    joins: Option<Joins>,
    session: Option<Session>,
    /// Of the multicast groups, in their order.
    groups: Vec<Session>,
    mac: MacState,
    class_b: ClassB,
    duty: Duty,
    rejoins: Rejoins,
    next: Next,
    due: Timestamp,
    /// When the next regular uplink is due.
    planned: Timestamp,
    /// Beginning and end of the last transmission.
    last_sent: Option<(Timestamp, Timestamp)>,
    /// Those of the last transmission that are not done with.
    windows: Vec<Listen>,
    flight: Option<Flight>,
    /// A confirmed downlink has not been acknowledged yet.
    ack_owed: bool,
    /// An uplink is wanted before the next regular one.
    prompt: bool,
    requests: Vec<UplinkMacCommand>,
    outgoing: VecDeque<Message>,
    /// For mischief: the first frame of the session.
    first_frame: Option<Vec<u8>>,
    /// Frames that passed the radio.
    audible: u64,
    test: Test,
    tally: Tally,
}

impl Device {
    /// A device that will be switched on.
    pub fn new(spec: DeviceSpec, seed: u64) -> Self {
        let mut random = Random::of(seed, spec.dev_eui.value());
        let appliance = Appliance::new(spec.payload.clone(), &mut random);
        let joins = Joins::new(&spec);
        let groups = spec.groups.iter().map(|group| {
            let keys = SessionKeys::v1_0(&group.mc_nwk_s_key, group.mc_app_s_key.clone());
            Session::new(group.mc_addr, keys, 0)
        });
        let mut device = Self {
            mac: MacState::new(&spec),
            due: spec.switched_on,
            planned: spec.switched_on,
            next: if joins.is_some() { Next::Join } else { Next::Uplink },
            groups: groups.collect(),
            spec,
            random,
            appliance,
            joins,
            session: None,
            class_b: ClassB::default(),
            duty: Duty::default(),
            rejoins: Rejoins::default(),
            last_sent: None,
            windows: Vec::new(),
            flight: None,
            ack_owed: false,
            prompt: false,
            requests: Vec::new(),
            outgoing: VecDeque::new(),
            first_frame: None,
            audible: 0,
            test: Test::default(),
            tally: Tally::default(),
        };
        device.personalize();
        device
    }

    /// A personalized device has its session from the start, and one of 1.1 says so (ResetInd,
    /// LoRaWAN 1.1 §5.1).
    fn personalize(&mut self) {
        let bend = |key: &[u8; 16]| self.spec.mischief.bend(*key);
        let (dev_addr, keys) = match &self.spec.activation {
            Activation::Otaa { .. } | Activation::Otaa11 { .. } => return,
            Activation::Abp { dev_addr, nwk_s_key, app_s_key } => {
                let nwk_s_key = NwkSKey::from_bytes(bend(nwk_s_key.as_bytes()));
                let app_s_key = AppSKey::from_bytes(*app_s_key.as_bytes());
                (*dev_addr, SessionKeys::v1_0(&nwk_s_key, app_s_key))
            }
            Activation::Abp11 { dev_addr, keys } => (*dev_addr, keys.clone()),
        };
        if keys.scheme.is_1_1() {
            self.mac.answers.insist(UplinkMacCommand::ResetInd(ResetMinor { minor: MINOR }));
        }
        self.session = Some(Session::new(dev_addr, keys, self.spec.first_f_cnt_up));
        self.announce_class();
    }

    /// A 1.1 device of class C says so until the network confirms (LoRaWAN 1.1 §18.1).
    fn announce_class(&mut self) {
        if self.spec.class == Class::C {
            self.announce(DeviceMode::ClassC);
        }
    }

    fn announce(&mut self, mode: DeviceMode) {
        if self.mac.version.is_1_1() {
            self.mac.answers.insist(UplinkMacCommand::DeviceModeInd(mode));
        }
    }

    /// Listens all the time from now on, or no more, without joining again. A device of 1.1 tells
    /// the network.
    pub fn listen_always(&mut self, always: bool) {
        let (class, mode) = match always {
            true => (Class::C, DeviceMode::ClassC),
            false => (Class::A, DeviceMode::ClassA),
        };
        self.spec.class = class;
        self.announce(mode);
    }

    /// What a device of 1.1 speaks follows from the network that it has joined.
    fn speak(&mut self, is_1_1: bool) {
        let version = self.spec.mac_version;
        self.mac.version = if version.is_1_1() && !is_1_1 { MacVersion::V1_0_4 } else { version };
        if is_1_1 {
            self.mac.answers.insist(UplinkMacCommand::RekeyInd(RekeyMinor { minor: MINOR }));
        }
        self.announce_class();
    }

    /// What it was made from.
    pub fn spec(&self) -> &DeviceSpec {
        &self.spec
    }

    /// Who it is.
    pub fn dev_eui(&self) -> DevEui {
        self.spec.dev_eui
    }

    /// Its session, if it has one.
    pub fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// What the network has set: the truth.
    pub fn mac(&self) -> &MacState {
        &self.mac
    }

    /// Is anything open between it and the network: answers to give, an uplink to repeat?
    pub fn is_quiet(&self) -> bool {
        !self.mac.has_answers() && self.flight.is_none() && !self.ack_owed
    }

    /// Does it open ping slots at this moment?
    pub fn is_in_class_b(&self, at: Timestamp) -> bool {
        self.class_b.is_active(at)
    }

    /// The application in it.
    pub fn appliance(&self) -> &Appliance {
        &self.appliance
    }

    /// What it has lived through.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// When [`wake`](Self::wake) has something to do.
    pub fn next_wake(&self) -> Option<Timestamp> {
        Some(self.due)
    }

    /// The receive windows of the last transmission that may still receive, RX1 first.
    pub fn windows(&self) -> &[Listen] {
        &self.windows
    }

    /// Asks with the next uplink.
    pub fn ask(&mut self, request: Request) {
        self.requests.push(match request {
            Request::LinkCheck => UplinkMacCommand::LinkCheckReq,
            Request::DeviceTime => UplinkMacCommand::DeviceTimeReq,
        });
    }

    /// Sends this with the next uplinks instead of a measurement.
    pub fn send(&mut self, f_port: u8, payload: Vec<u8>, confirmed: bool) {
        self.outgoing.push_back((f_port, payload, confirmed));
    }

    /// Makes the next uplink as soon as it may, from this moment on.
    pub fn hurry(&mut self, now: Timestamp) {
        match self.next {
            Next::Uplink => {
                self.due = self.due.min(now);
                self.planned = self.planned.min(now);
            }
            Next::Close | Next::Repeat | Next::Rejoin => self.planned = self.planned.min(now),
            Next::Join => {}
        }
    }

    /// Wants an uplink soon after this moment, between the regular ones.
    fn urge(&mut self, at: Timestamp) {
        self.prompt = true;
        if self.next == Next::Uplink {
            let pause = TimeDelta::from_millis(self.random.between(50, 300));
            self.due = self.due.min(at + pause);
        }
    }

    /// Forgets its session and joins again; an ABP device does nothing.
    pub fn rejoin(&mut self, now: Timestamp) {
        if self.joins.is_some() {
            self.session = None;
            self.flight = None;
            self.windows.clear();
            (self.next, self.due) = (Next::Join, now);
        }
    }

    /// Is switched off and on again. What it keeps are its nonces; an OTAA device joins again, an ABP
    /// device counts from the beginning, and whatever the network had set is forgotten.
    pub fn reboot(&mut self, now: Timestamp) {
        self.mac = MacState::new(&self.spec);
        self.class_b = ClassB::default();
        self.rejoins = Rejoins::default();
        (self.flight, self.session, self.first_frame) = (None, None, None);
        (self.ack_owed, self.prompt) = (false, false);
        self.requests.clear();
        self.windows.clear();
        self.tally.reboots += 1;
        self.personalize();
        self.planned = now + TimeDelta::from_secs(1);
        self.next = if self.joins.is_some() { Next::Join } else { Next::Uplink };
        self.due = self.planned;
    }

    /// Does what is due. A frame that it sends begins at the moment that was due, not at `now`, so
    /// that a late caller does not shift the air.
    pub fn wake(&mut self, now: Timestamp) -> Option<Transmission> {
        let at = self.due;
        if at > now {
            return None;
        }
        // A device that cannot send (no channel, no counter left) tries again, not at once.
        self.due = at + self.spec.interval.max(TimeDelta::from_secs(1));
        match self.next {
            Next::Join => self.send_join_request(at),
            Next::Rejoin => self.send_rejoin_request(at),
            Next::Uplink => self.send_uplink(at),
            Next::Repeat => self.send_again(at),
            Next::Close => {
                self.windows_closed(at);
                None
            }
        }
    }
}
