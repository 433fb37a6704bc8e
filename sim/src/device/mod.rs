//! A class A device of LoRaWAN 1.0.x, as a state machine: it is told the time and what is in the
//! air, and says what it sends. TS001-1.0.4.

mod channels;
mod mac;
mod mischief;
mod otaa;
mod payload;
mod plan;
mod radio;
mod sent;
mod session;
mod spec;
mod tally;
#[cfg(test)]
mod tests;
mod uplink;

use std::collections::VecDeque;

use lns_lorawan::{
    AppSKey, DevEui, EncryptedJoinAccept, Frame, NwkSKey, PhyPayload, SealedDownlink, SessionKeys,
    TimeDelta, Timestamp, UplinkMacCommand, Window,
};

pub use channels::{Channel, Channels};
pub use mac::MacState;
pub use mischief::Mischief;
pub use payload::{Appliance, Maker, Payload};
pub use radio::{Listen, Unheard};
pub use sent::{Heard, HeardData, Received, Sent, SentData, Transmission, What};
pub use session::Session;
pub use spec::{AbpSession, Activation, DevNonces, DeviceSpec};
pub use tally::Tally;

use crate::air::OnAir;
use crate::random::Random;
use otaa::Joins;
use uplink::Flight;

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
/// before `wake` is called for a later time.
#[derive(Debug, Clone)]
pub struct Device {
    spec: DeviceSpec,
    random: Random,
    appliance: Appliance,
    joins: Option<Joins>,
    session: Option<Session>,
    mac: MacState,
    next: Next,
    due: Timestamp,
    /// When the next regular uplink is due.
    planned: Timestamp,
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
    tally: Tally,
}

impl Device {
    /// A device that will be switched on.
    pub fn new(spec: DeviceSpec, seed: u64) -> Self {
        let mut random = Random::of(seed, spec.dev_eui.value());
        let appliance = Appliance::new(spec.payload.clone(), &mut random);
        let (joins, session, next) = match &spec.activation {
            Activation::Otaa { join_eui, app_key, dev_nonces } => {
                (Some(Joins::new(*join_eui, app_key, *dev_nonces)), None, Next::Join)
            }
            Activation::Abp { dev_addr, nwk_s_key, app_s_key } => {
                let nwk_s_key = NwkSKey::from_bytes(spec.mischief.bend(*nwk_s_key.as_bytes()));
                let app_s_key = AppSKey::from_bytes(*app_s_key.as_bytes());
                let keys = SessionKeys::v1_0(&nwk_s_key, app_s_key);
                let session = Session::new(*dev_addr, keys, spec.first_f_cnt_up);
                (None, Some(session), Next::Uplink)
            }
        };
        Self {
            mac: MacState::new(&spec),
            due: spec.switched_on,
            planned: spec.switched_on,
            spec,
            random,
            appliance,
            joins,
            session,
            next,
            windows: Vec::new(),
            flight: None,
            ack_owed: false,
            prompt: false,
            requests: Vec::new(),
            outgoing: VecDeque::new(),
            first_frame: None,
            audible: 0,
            tally: Tally::default(),
        }
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

    /// What the network has set.
    pub fn mac(&self) -> &MacState {
        &self.mac
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
            Next::Close | Next::Repeat => self.planned = self.planned.min(now),
            Next::Join => {}
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
            Next::Uplink => self.send_uplink(at),
            Next::Repeat => self.send_again(at),
            Next::Close => {
                self.windows_closed(at);
                None
            }
        }
    }

    /// A downlink is in the air. Does it fit a window, and does the device understand it?
    pub fn hear(&mut self, frame: &OnAir) -> Heard {
        match self.receive(frame) {
            Ok(received) => Heard::Received(received),
            Err(reason) => Heard::Not(reason),
        }
    }

    fn receive(&mut self, frame: &OnAir) -> Result<Received, Unheard> {
        let (window, offset) = self.tuned_to(frame)?;
        self.audible += 1;
        let mischief = &self.spec.mischief;
        if mischief.never_hears || Mischief::is_nth(mischief.lose_every, self.audible) {
            return Err(Unheard::Lost);
        }
        let what = match PhyPayload::parse(&frame.phy_payload) {
            Ok(Frame::JoinAccept(sealed)) => self.join(&sealed, frame.ends())?,
            Ok(Frame::Down(sealed)) => self.receive_data(&sealed)?,
            Ok(Frame::JoinRequest(_) | Frame::Rejoin(_) | Frame::Up(_) | Frame::Proprietary(_)) => {
                return Err(Unheard::ForAnother);
            }
            Err(_) => return Err(Unheard::Malformed),
        };
        match window {
            Window::Rx1 => self.tally.heard_rx1 += 1,
            Window::Rx2 | Window::Ping | Window::Rxc => self.tally.heard_rx2 += 1,
        }
        // A frame of its own ends the listening (TS001-1.0.4 §3.3.1).
        self.windows.clear();
        if let What::Data(_) = &what {
            self.settle(frame.ends());
        }
        Ok(Received { window, offset, what })
    }

    /// The window that receives a frame and how far off it is, or what comes nearest to that. The
    /// frame's bytes do not matter.
    pub fn tuned_to(&self, frame: &OnAir) -> Result<(Window, TimeDelta), Unheard> {
        let mut nearest = Unheard::NotListening;
        for listen in &self.windows {
            match listen.judge(frame) {
                Ok(offset) => return Ok((listen.window, offset)),
                Err(reason) if reason.rank() > nearest.rank() => nearest = reason,
                Err(_) => {}
            }
        }
        Err(nearest)
    }

    fn join(&mut self, sealed: &EncryptedJoinAccept<'_>, ends: Timestamp) -> Result<What, Unheard> {
        let joins = self.joins.as_mut().ok_or(Unheard::ForAnother)?;
        let (fields, keys) = joins.accept(sealed, &self.spec)?;
        self.session = Some(Session::new(fields.dev_addr, keys, self.spec.first_f_cnt_up));
        self.mac = MacState::new(&self.spec);
        self.mac.rx1_dr_offset = fields.dl_settings.rx1_dr_offset;
        self.mac.rx2.1 = fields.dl_settings.rx2_data_rate.value();
        self.mac.rx_delay = fields.rx_delay.seconds();
        if let Some(cf_list) = &fields.cf_list {
            self.mac.channels.join(cf_list);
        }
        (self.flight, self.first_frame) = (None, None);
        (self.ack_owed, self.prompt) = (false, false);
        self.tally.joins += 1;
        // Not all at once: devices that were switched on together join together.
        let interval = self.spec.interval.millis();
        let pause = self.random.between(100, interval.clamp(100, 2000));
        self.planned = ends + TimeDelta::from_millis(pause);
        (self.next, self.due) = (Next::Uplink, self.planned);
        Ok(What::JoinAccept(fields))
    }

    fn receive_data(&mut self, sealed: &SealedDownlink<'_>) -> Result<What, Unheard> {
        let session = self.session.as_mut().ok_or(Unheard::ForAnother)?;
        let opened = session.open(sealed)?;
        let ack = opened.f_ctrl.ack;
        let acked = self.flight.as_mut().is_some_and(|flight| flight.answered(ack));
        self.tally.acked += u64::from(acked);
        let unanswered = self.flight.as_ref().is_some_and(Flight::awaits_ack);
        // The reference device keeps its sticky answers if an acknowledgement was due and missing.
        if !unanswered {
            self.mac.unstick();
        }
        self.mac.adr_ack_cnt = 0;
        let mac = self.mac.obey(opened.mac_commands(), &self.spec);
        if let Some(f_port) = opened.f_port.filter(|f_port| *f_port > 0) {
            self.tally.payloads += 1;
            if let Some(interval) = self.appliance.obey(f_port, &opened.frm_payload) {
                self.spec.interval = interval;
            }
        }
        self.tally.confirmed_down += u64::from(opened.confirmed);
        self.ack_owed |= opened.confirmed;
        self.prompt |= opened.confirmed && self.spec.prompt_ack;
        self.prompt |= opened.f_ctrl.f_pending && self.spec.follow_f_pending;
        Ok(What::Data(HeardData {
            f_cnt_down: opened.f_cnt_down,
            f_port: opened.f_port,
            payload: opened.frm_payload.to_vec(),
            confirmed: opened.confirmed,
            ack,
            acked,
            f_pending: opened.f_ctrl.f_pending,
            mac,
        }))
    }
}
