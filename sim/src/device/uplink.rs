//! Sending: Join-Requests, uplinks, repeats (TS001-1.0.4 §4.3.1.3).

use lns_lorawan::{
    CodingRate, DataRateIndex, DataUp, Direction, FCntUp, FCtrlUp, MacVersion, TimeDelta,
    Timestamp, Uplink11Ctx, UplinkMacCommand, time_on_air,
};

use super::channels::{Channels, Choice};
use super::mischief::UNKNOWN_CID;
use super::{Class, Device, Mischief, Next, Sent, SentData, Session, Transmission};

/// FHDR without FOpts, and FPort.
const OVERHEAD: usize = 8;
/// Bytes of FOpts.
const F_OPTS: usize = 15;
/// What a proprietary frame begins with; after it nothing is agreed on.
const MHDR_PROPRIETARY: u8 = 0xe0;

/// An uplink that is not done with.
#[derive(Debug, Clone)]
pub(super) struct Flight {
    data: SentData,
    f_ctrl: FCtrlUp,
    /// What an ACK in it covers in 1.1.
    conf_f_cnt: u16,
    /// How often it has been sent.
    transmissions: u8,
    /// How often it may be sent.
    most: u8,
    /// Any downlink ends the repeats, also of a confirmed uplink.
    any_ends: bool,
    acked: bool,
    heard: bool,
}

impl Flight {
    /// Of this, sent once.
    pub(super) fn of(data: SentData, f_ctrl: FCtrlUp, conf_f_cnt: u16) -> Self {
        let (transmissions, most, any_ends) = (1, 1, false);
        let (acked, heard) = (false, false);
        Self { data, f_ctrl, conf_f_cnt, transmissions, most, any_ends, acked, heard }
    }

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

    /// Until 1.0.3 a confirmed uplink is repeated until acknowledged, as the device sees fit (LoRaWAN
    /// 1.0.3 §4.3.1.3), an unconfirmed one until anything is heard. From 1.0.4 on any downlink ends
    /// the repeats of both, and NbTrans counts for both (TS001-1.0.4 §4.3.1.3).
    fn wants_repeat(&self) -> bool {
        let until_acked = self.data.confirmed && !self.any_ends;
        let unanswered = if until_acked { !self.acked } else { !self.heard };
        unanswered && self.transmissions < self.most
    }

    /// PHYPayload. In 1.1 its MIC covers data rate and channel, so that a repeat elsewhere is another
    /// frame (LoRaWAN 1.1 §4.4.2); in 1.0.x all are the same bytes.
    pub(super) fn build(
        &self,
        session: &Session,
        (channel, _, data_rate): &Choice,
    ) -> Option<Vec<u8>> {
        let frame = DataUp {
            confirmed: self.data.confirmed,
            dev_addr: session.dev_addr,
            f_ctrl: self.f_ctrl,
            f_cnt_up: self.data.f_cnt_up,
            f_opts: &self.data.f_opts,
            f_port: self.data.f_port,
            frm_payload: &self.data.payload,
        };
        let context = Uplink11Ctx {
            conf_f_cnt: self.conf_f_cnt,
            tx_dr: DataRateIndex::from_low_bits(*data_rate),
            tx_ch: *channel,
        };
        frame.build(&session.schedules, context).ok()
    }
}

/// What is sent where: PHYPayload, its meaning, and channel index, channel, data rate.
pub(super) type Ready = (Vec<u8>, Sent, Choice);

impl Device {
    pub(super) fn send_join_request(&mut self, at: Timestamp) -> Option<Transmission> {
        // A join is made with the channels of a device that has never joined.
        let channels = Channels::new(self.spec.plan(), self.spec.sub_band);
        if self.duty.all_free() > at {
            self.due = self.duty.all_free();
            return None;
        }
        let keeps = self.spec.keeps_duty_cycle;
        let (duty, plan) = (&self.duty, self.mac.plan);
        let is_free = |frequency| !keeps || duty.free_at(frequency, plan) <= at;
        let free_at = channels.usable().map(|it| duty.free_at(it.1.frequency, plan)).min()?;
        if keeps && free_at > at {
            self.due = free_at;
            return None;
        }
        let attempt = self.joins.as_ref()?.attempts;
        let (dev_nonce, phy_payload) = self.joins.as_mut()?.ask(&self.spec, &mut self.random);
        let rate = self.spec.data_rate.value();
        let place = channels.pick_for_join((rate, attempt), is_free, &mut self.random)?;
        self.rejoins.joined_on = Some(place.0);
        self.tally.join_requests += 1;
        self.transmit(at, (phy_payload, Sent::JoinRequest { dev_nonce }, place))
    }

    /// Where to send now. Without a channel that may be used now, the device is due when one is.
    pub(super) fn place(&mut self, at: Timestamp, data_rate: u8) -> Option<Choice> {
        let (plan, keeps) = (self.mac.plan, self.spec.keeps_duty_cycle);
        let wait = self.duty.all_free().max(self.class_b.after_beacon(at).unwrap_or(at));
        if wait > at {
            self.due = wait;
            return None;
        }
        let duty = &self.duty;
        let is_free = |frequency| !keeps || duty.free_at(frequency, plan) <= at;
        let picked =
            self.mac.channels.pick((data_rate, self.mac.allowed()), is_free, &mut self.random);
        if picked.is_none() && keeps {
            let free = self.mac.channels.usable().map(|it| duty.free_at(it.1.frequency, plan));
            let soonest = free.filter(|free| *free > at).min();
            self.due = soonest.unwrap_or(self.due);
        }
        picked
    }

    pub(super) fn send_uplink(&mut self, at: Timestamp) -> Option<Transmission> {
        if self.begins_anew(at) {
            return None;
        }
        self.class_b.notice_loss(at);
        let number = self.tally.uplinks + 1;
        let reboots = Mischief::is_nth(self.spec.mischief.reboot_every, self.tally.uplinks);
        if reboots && self.tally.reboots < self.reboots_due() {
            self.reboot(at);
            return None;
        }
        let mut place = self.place(at, self.mac.data_rate)?;
        if Mischief::is_nth(self.spec.mischief.off_mask_every, number) {
            place = self.off_mask(place.2).unwrap_or(place);
        }
        let is_regular = at >= self.planned;
        if is_regular {
            self.planned = (self.planned + self.spec.interval).max(at);
        }
        let flight = self.compose(is_regular, (at, place.2))?;
        let phy_payload = flight.build(self.session.as_ref()?, &place)?;
        let data = flight.data.clone();
        self.prompt = false;
        self.rejoins.count_uplink();
        self.tally.uplinks += 1;
        self.tally.confirmed += u64::from(data.confirmed);
        if let Some((frame, sent)) = self.instead(&phy_payload) {
            return self.transmit(at, (frame, sent, place));
        }
        self.flight = Some(flight);
        self.transmit(at, (phy_payload, Sent::Data(data), place))
    }

    /// How often a device with this habit should have been rebooted by now.
    fn reboots_due(&self) -> u64 {
        let every = self.spec.mischief.reboot_every.unwrap_or(0).max(1);
        self.tally.uplinks / u64::from(every)
    }

    /// Mischief: another frame than the one that was made.
    fn instead(&mut self, phy_payload: &[u8]) -> Option<(Vec<u8>, Sent)> {
        let (mischief, number) = (&self.spec.mischief, self.tally.uplinks);
        if Mischief::is_nth(mischief.proprietary_every, number) {
            let bytes: [u8; 8] = self.random.bytes();
            return Some(([[MHDR_PROPRIETARY].as_slice(), &bytes].concat(), Sent::Proprietary));
        }
        if Mischief::is_nth(mischief.replay_every, number)
            && let Some(first) = self.first_frame.clone()
        {
            return Some((first, Sent::Replay));
        }
        if self.first_frame.is_none() && mischief.replay_every.is_some() {
            self.first_frame = Some(phy_payload.to_vec());
        }
        None
    }

    /// Mischief: a channel that is known and switched off.
    fn off_mask(&mut self, data_rate: u8) -> Option<Choice> {
        let channels = &self.mac.channels;
        let defined = channels.defined();
        let off = defined.iter().filter(|index| !channels.enabled().contains(*index));
        let off = off.filter_map(|index| Some((index, channels.channel(index)?)));
        let off: Vec<_> = off.filter(|(_, it)| it.rates.contains(data_rate)).collect();
        let (index, channel) = *self.random.pick(&off)?;
        Some((index, channel, data_rate))
    }

    /// The same frame, on another channel perhaps.
    pub(super) fn send_again(&mut self, at: Timestamp) -> Option<Transmission> {
        let place = self.place(at, self.mac.data_rate)?;
        let (Some(flight), Some(session)) = (&mut self.flight, &self.session) else {
            self.settle(at);
            return None;
        };
        flight.data.repeat = flight.transmissions;
        flight.transmissions += 1;
        let phy_payload = flight.build(session, &place)?;
        let data = flight.data.clone();
        self.tally.repeats += 1;
        self.transmit(at, (phy_payload, Sent::Data(data), place))
    }

    /// The next new frame. MAC commands go first: more of them than FOpts hold take the payload's
    /// place, on port 0, and a payload that no longer fits is dropped.
    fn compose(&mut self, is_regular: bool, (at, data_rate): (Timestamp, u8)) -> Option<Flight> {
        let (f_port, payload, confirmed) = self.content(is_regular);
        self.forget_counters();
        let adr_ack_req = self.mac.count_uplink(&self.spec);
        let room = self.mac.max_mac_payload(data_rate).saturating_sub(OVERHEAD);
        let commands = self.commands(at, room);
        let (f_port, payload, f_opts) = if commands.len() > F_OPTS {
            (Some(0), commands, Vec::new())
        } else if commands.len() + payload.len() <= room {
            (f_port, payload, commands)
        } else {
            (None, Vec::new(), commands)
        };
        let ack = core::mem::take(&mut self.ack_owed);
        let class_b = self.class_b.is_active(at);
        let any_ends = self.mac.version >= MacVersion::V1_0_4;
        let by_attempts = confirmed && !any_ends;
        let most = if by_attempts { self.spec.confirmed_attempts } else { self.mac.nb_trans };
        let session = self.session.as_mut()?;
        let acknowledged =
            if self.spec.acks_last_downlink { session.last_down } else { session.confirmed_down };
        let f_cnt_up = session.f_cnt_up;
        session.f_cnt_up = f_cnt_up.next()?;
        if confirmed {
            session.confirmed_up = f_cnt_up.wire().0;
        }
        let data =
            SentData { f_cnt_up, confirmed, f_port, payload, f_opts, ack, adr_ack_req, repeat: 0 };
        let f_ctrl = FCtrlUp { adr: self.spec.adr, adr_ack_req, ack, class_b };
        let flight = Flight::of(data, f_ctrl, if ack { acknowledged } else { 0 });
        Some(Flight { most, any_ends, ..flight })
    }

    /// The MAC commands of the next uplink.
    fn commands(&mut self, at: Timestamp, room: usize) -> Vec<u8> {
        let mut requests = core::mem::take(&mut self.requests);
        requests.extend(self.class_b_request(at));
        let mischief = &self.spec.mischief;
        let commands = self.mac.answers.encode(&requests, room, mischief);
        let number = self.tally.uplinks + 1;
        let unknown = Mischief::is_nth(mischief.unknown_cid_every, number);
        if unknown && commands.len() < F_OPTS.min(room) {
            [[UNKNOWN_CID].as_slice(), &commands].concat()
        } else {
            commands
        }
    }

    /// What a device on its way to class B asks next: the time, then how often it listens. Until
    /// 1.0.2 it asks when the next beacon comes, instead of the time.
    fn class_b_request(&self, at: Timestamp) -> Option<UplinkMacCommand> {
        let Class::B { .. } = self.spec.class else { return None };
        if self.class_b.wants_time() {
            let has_time = self.mac.version >= MacVersion::V1_0_3;
            return Some(if has_time {
                UplinkMacCommand::DeviceTimeReq
            } else {
                UplinkMacCommand::BeaconTimingReq
            });
        }
        let periodicity = self.mac.ping_slot.periodicity;
        let info = lns_lorawan::mac::PingSlotInfoReq { periodicity };
        let wants = self.class_b.wants_to_announce(at);
        wants.then_some(UplinkMacCommand::PingSlotInfoReq(info))
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
            (session.f_cnt_down, session.a_f_cnt_down) = (None, None);
        }
    }

    pub(super) fn transmit(&mut self, at: Timestamp, ready: Ready) -> Option<Transmission> {
        let (phy_payload, sent, (index, channel, data_rate)) = ready;
        let (plan, revision) = (self.mac.plan, self.mac.revision);
        let modulation = plan.up(data_rate, revision)?.modulation;
        let length = phy_payload.len();
        let ends = at + time_on_air(modulation, CodingRate::Cr45, Direction::Up, length);
        let transmission = Transmission {
            starts: at,
            ends,
            frequency: channel.frequency,
            modulation,
            channel: index,
            data_rate,
            power: plan.eirp(self.mac.tx_power, (plan.max_eirp(revision), self.mac.max_eirp)),
            phy_payload,
            sent,
        };
        self.last_sent = Some((at, ends));
        self.duty.sent((channel.frequency, at, ends), (plan, self.mac.max_duty_cycle));
        self.windows = self.listen(&transmission, &channel);
        let last = self.windows.iter().map(|listen| listen.closes).max();
        (self.next, self.due) = (Next::Close, last.unwrap_or(ends));
        Some(transmission)
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
        (self.next, self.due) = match self.rejoin_due() {
            Some(due) if due <= next => (Next::Rejoin, due.max(at)),
            Some(_) | None => (Next::Uplink, next),
        };
    }
}
