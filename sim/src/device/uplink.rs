//! Sending: Join-Requests, uplinks, repeats (TS001-1.0.4 §4.3.1.3), and the windows that each opens
//! (§3.3).

use lns_lorawan::{
    CodingRate, DataUp, Direction, FCntUp, FCtrlUp, TimeDelta, Timestamp, Uplink11Ctx, Window,
    time_on_air,
};

use super::channels::Channel;
use super::{Device, Listen, Mischief, Next, Sent, SentData, Transmission, plan};

/// From the end of a Join-Request to RX1.
const JOIN_ACCEPT_DELAY1: TimeDelta = TimeDelta::from_secs(5);
/// From RX1 to RX2 (TS001-1.0.4 §5.7).
const RX2_AFTER_RX1: TimeDelta = TimeDelta::from_secs(1);
/// FHDR without FOpts, and FPort.
const OVERHEAD: usize = 8;

/// An uplink that is not done with.
#[derive(Debug, Clone)]
pub(super) struct Flight {
    phy_payload: Vec<u8>,
    data: SentData,
    /// How often it has been sent.
    transmissions: u8,
    /// How often it may be sent.
    most: u8,
    acked: bool,
    heard: bool,
}

impl Flight {
    /// A downlink came. Has it brought the acknowledgement that was missing?
    pub(super) fn answered(&mut self, ack: bool) -> bool {
        self.heard = true;
        let acked = self.data.confirmed && ack && !self.acked;
        self.acked |= acked;
        acked
    }

    pub(super) fn awaits_ack(&self) -> bool {
        self.data.confirmed && !self.acked
    }

    /// A confirmed uplink is repeated until acknowledged, as the device sees fit (LoRaWAN 1.0.3
    /// §4.3.1.3), an unconfirmed one until anything is heard. (From 1.0.4 any downlink ends the
    /// repeats of both, and NbTrans counts for both: TS001-1.0.4 §4.3.1.3.)
    fn wants_repeat(&self) -> bool {
        let unanswered = if self.data.confirmed { !self.acked } else { !self.heard };
        unanswered && self.transmissions < self.most
    }
}

/// What is sent where: PHYPayload, its meaning, and channel index, channel, data rate.
type Ready = (Vec<u8>, Sent, (u8, Channel, u8));

impl Device {
    pub(super) fn send_join_request(&mut self, at: Timestamp) -> Option<Transmission> {
        let joins = self.joins.as_mut()?;
        let attempt = joins.attempts;
        let (dev_nonce, phy_payload) = joins.ask(&self.spec, &mut self.random);
        let rate = self.spec.data_rate.value();
        // A join is made with the channels of a device that has never joined.
        let channels = super::Channels::new(self.spec.region, self.spec.sub_band);
        let place = channels.pick_for_join((rate, attempt), &mut self.random)?;
        self.tally.join_requests += 1;
        self.transmit(at, (phy_payload, Sent::JoinRequest { dev_nonce }, place))
    }

    pub(super) fn send_uplink(&mut self, at: Timestamp) -> Option<Transmission> {
        let is_regular = at >= self.planned;
        if is_regular {
            self.planned = (self.planned + self.spec.interval).max(at);
        }
        let place = self.mac.channels.pick(self.mac.data_rate, &mut self.random)?;
        let (phy_payload, data) = self.compose(is_regular, place.2)?;
        self.prompt = false;
        self.tally.uplinks += 1;
        self.tally.confirmed += u64::from(data.confirmed);
        if Mischief::is_nth(self.spec.mischief.replay_every, self.tally.uplinks)
            && let Some(first) = self.first_frame.clone()
        {
            return self.transmit(at, (first, Sent::Replay, place));
        }
        if self.first_frame.is_none() && self.spec.mischief.replay_every.is_some() {
            self.first_frame = Some(phy_payload.clone());
        }
        let most = if data.confirmed { self.spec.confirmed_attempts } else { self.mac.nb_trans };
        self.flight = Some(Flight {
            phy_payload: phy_payload.clone(),
            data: data.clone(),
            transmissions: 1,
            most,
            acked: false,
            heard: false,
        });
        self.transmit(at, (phy_payload, Sent::Data(data), place))
    }

    /// The same bytes, on another channel perhaps.
    pub(super) fn send_again(&mut self, at: Timestamp) -> Option<Transmission> {
        let place = self.mac.channels.pick(self.mac.data_rate, &mut self.random)?;
        let Some(flight) = &mut self.flight else {
            self.settle(at);
            return None;
        };
        flight.data.repeat = flight.transmissions;
        flight.transmissions += 1;
        let (phy_payload, data) = (flight.phy_payload.clone(), flight.data.clone());
        self.tally.repeats += 1;
        self.transmit(at, (phy_payload, Sent::Data(data), place))
    }

    /// The next new frame. MAC commands go first; a payload that no longer fits is dropped.
    fn compose(&mut self, is_regular: bool, data_rate: u8) -> Option<(Vec<u8>, SentData)> {
        let (f_port, payload, confirmed) = self.content(is_regular);
        self.forget_counters();
        let adr_ack_req = self.mac.count_uplink(&self.spec);
        let room = plan::max_mac_payload(self.spec.region, data_rate) - OVERHEAD;
        let requests = core::mem::take(&mut self.requests);
        let f_opts = self.mac.f_opts(&requests, room);
        let fits = f_opts.len() + payload.len() <= room;
        let (f_port, payload) = if fits { (f_port, payload) } else { (None, Vec::new()) };
        let ack = core::mem::take(&mut self.ack_owed);
        let session = self.session.as_mut()?;
        let data = SentData {
            f_cnt_up: session.f_cnt_up,
            confirmed,
            f_port,
            payload,
            f_opts,
            ack,
            adr_ack_req,
            repeat: 0,
        };
        session.f_cnt_up = session.f_cnt_up.next()?;
        let frame = DataUp {
            confirmed,
            dev_addr: session.dev_addr,
            f_ctrl: FCtrlUp { adr: self.spec.adr, adr_ack_req, ack, class_b: false },
            f_cnt_up: data.f_cnt_up,
            f_opts: &data.f_opts,
            f_port,
            frm_payload: &data.payload,
        };
        let phy_payload = frame.build(&session.schedules, Uplink11Ctx::default()).ok()?;
        Some((phy_payload, data))
    }

    /// FPort, FRMPayload, confirmed? Between regular uplinks an empty one, unless the application
    /// has something to say.
    fn content(&mut self, is_regular: bool) -> (Option<u8>, Vec<u8>, bool) {
        if let Some((f_port, payload, confirmed)) = self.outgoing.pop_front() {
            return (Some(f_port), payload, confirmed);
        }
        if !is_regular {
            return (None, Vec::new(), false);
        }
        let count = u32::try_from(self.tally.uplinks).unwrap_or(u32::MAX);
        let (f_port, payload) = self.appliance.measure(count, &mut self.random);
        (f_port, payload, self.random.chance(self.spec.confirmed_share))
    }

    /// Mischief: the session goes on, its counters begin again.
    fn forget_counters(&mut self) {
        let due = self.spec.mischief.reset_after.map(u64::from) == Some(self.tally.uplinks);
        if let Some(session) = self.session.as_mut().filter(|_| due) {
            session.f_cnt_up = FCntUp(self.spec.first_f_cnt_up);
            session.f_cnt_down = None;
        }
    }

    fn transmit(&mut self, at: Timestamp, ready: Ready) -> Option<Transmission> {
        let (phy_payload, sent, (index, channel, data_rate)) = ready;
        let modulation = plan::up(self.spec.region, data_rate)?;
        let length = phy_payload.len();
        let ends = at + time_on_air(modulation, CodingRate::Cr45, Direction::Up, length);
        let transmission = Transmission {
            starts: at,
            ends,
            frequency: channel.frequency,
            modulation,
            channel: index,
            data_rate,
            power: plan::eirp(self.spec.region, self.mac.tx_power),
            phy_payload,
            sent,
        };
        self.windows = self.listen(&transmission, &channel);
        let last = self.windows.iter().map(|listen| listen.closes).max();
        (self.next, self.due) = (Next::Close, last.unwrap_or(ends));
        Some(transmission)
    }

    /// The two windows after a frame (TS001-1.0.4 §3.3.2 and §3.3.3).
    fn listen(&self, after: &Transmission, channel: &Channel) -> Vec<Listen> {
        let region = self.spec.region;
        let (delay, offset, rx2) = match after.sent {
            Sent::JoinRequest { .. } => (JOIN_ACCEPT_DELAY1, 0, plan::rx2(region)),
            Sent::Data(_) | Sent::Replay => {
                let delay = TimeDelta::from_secs(i64::from(self.mac.rx_delay));
                (delay, self.mac.rx1_dr_offset, self.mac.rx2)
            }
        };
        let rx1_frequency =
            channel.rx1.unwrap_or(plan::rx1_frequency(region, after.channel, after.frequency));
        let rx1 = (rx1_frequency, plan::rx1_data_rate(region, after.data_rate, offset));
        let opens = [(Window::Rx1, after.ends + delay, rx1)];
        let opens = opens.into_iter().chain([(Window::Rx2, opens[0].1 + RX2_AFTER_RX1, rx2)]);
        opens
            .filter_map(|(window, nominal, (frequency, data_rate))| {
                let tuned = (frequency, plan::down(region, data_rate)?);
                Some(Listen::new(window, nominal, tuned, self.spec.timing_error))
            })
            .collect()
    }

    /// Nothing came, or nothing of its own.
    pub(super) fn windows_closed(&mut self, at: Timestamp) {
        if self.session.is_none() {
            self.tally.join_failures += 1;
        }
        self.settle(at);
    }

    /// What comes next, now that the last frame has had its windows. The windows themselves stay,
    /// so that a frame that was in time is still heard if word of it comes late.
    pub(super) fn settle(&mut self, at: Timestamp) {
        if self.session.is_none() {
            let retry = self.spec.join_retry.micros();
            let pause = TimeDelta::from_micros(retry + self.random.between(0, retry / 2));
            (self.next, self.due) = (Next::Join, at + pause);
            return;
        }
        if let Some(flight) = self.flight.as_ref().filter(|flight| flight.wants_repeat()) {
            // RETRANSMIT_TIMEOUT: 1 to 3 s after RX2 (TS001-1.0.4 §4.3.1.3).
            let (low, high) = if flight.data.confirmed { (1000, 3000) } else { (100, 500) };
            let pause = TimeDelta::from_millis(self.random.between(low, high));
            (self.next, self.due) = (Next::Repeat, at + pause);
            return;
        }
        let flight = self.flight.take();
        self.tally.given_up += u64::from(flight.is_some_and(|flight| flight.awaits_ack()));
        let next = if self.prompt || !self.outgoing.is_empty() {
            at + TimeDelta::from_millis(self.random.between(50, 300))
        } else {
            self.planned.max(at)
        };
        (self.next, self.due) = (Next::Uplink, next);
    }
}
