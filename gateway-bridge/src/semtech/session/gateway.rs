//! One gateway: where it is, how it counts, what it has been asked to send.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;

use gateway_link::{Downlink, GatewayEui, GatewayEvent, Outcome, Refusal, TxAck, Uplink};

use super::clock::{Clock, Seen};
use super::delivery::{Delivery, Skip, seal};
use super::lead::Forwarder;
use super::link::Link;
use super::power::Powers;
use super::rtt::Rtt;
use super::{Config, Out};
use crate::counters::{Count, Counters};
use crate::semtech::packet::{
    Crc, DatagramToken, FromGateway, PushData, Rxpk, RxpkError, Txpk, Verdict, Version, pull_ack,
};

/// How many PUSH_DATA are remembered, to know one that the network doubled.
const RECENT: usize = 8;
/// Two receptions of the same bytes by one gateway so close together are one, µs: a mirror frame or
/// another antenna.
const MIRROR_US: u32 = 50_000;
/// A conflict is told once in so many µs.
const CONFLICT_QUIET_US: i64 = 60_000_000;

/// What happens around a gateway while it takes one step.
pub struct Turn<'a> {
    pub now: i64,
    pub config: &'a Config,
    pub counters: &'a Counters,
    pub out: &'a mut Vec<Out>,
}

pub struct Gateway {
    eui: GatewayEui,
    pub heard_at: i64,
    pub link: Option<Link>,
    /// When the sessions look at this gateway again.
    pub wake_at: Option<i64>,
    clock: Clock,
    forwarder: Forwarder,
    powers: Powers,
    rtt: Rtt,
    deliveries: Vec<Delivery>,
    recent: VecDeque<u64>,
    conflict_told_at: Option<i64>,
    next_token: u16,
}

impl Gateway {
    pub fn new(eui: GatewayEui, turn: &Turn<'_>) -> Self {
        Self {
            eui,
            heard_at: turn.now,
            link: None,
            wake_at: None,
            clock: Clock::new(turn.now),
            forwarder: Forwarder::default(),
            powers: Powers::default(),
            rtt: Rtt::default(),
            deliveries: Vec::new(),
            recent: VecDeque::new(),
            conflict_told_at: None,
            next_token: turn.config.first_token,
        }
    }

    /// When something is due, if nothing more is heard.
    pub fn due_at(&self) -> Option<i64> {
        let unknown = self.deliveries.iter().map(Delivery::unknown_at).min();
        let offline = self.link.as_ref().map(Link::offline_at);
        unknown.into_iter().chain(offline).min()
    }

    /// A PUSH_DATA, already acknowledged.
    pub fn push_data(&mut self, token: DatagramToken, body: &[u8], turn: &mut Turn<'_>) {
        let mut hasher = DefaultHasher::new();
        (token.0, body).hash(&mut hasher);
        let hash = hasher.finish();
        if self.recent.contains(&hash) {
            turn.counters.count(Count::Duplicate);
            return;
        }
        self.recent.truncate(RECENT - 1);
        self.recent.push_front(hash);
        let push = PushData::parse(body);
        if let Some(fault) = &push.fault {
            turn.counters.packet_error(fault);
        }
        for rxpk in usable(push.rxpk, turn.counters) {
            self.uplink(rxpk, turn);
        }
        if let Some(stats) = push.stat {
            turn.counters.count(Count::Stat);
            turn.out.push(Out::Event(self.eui, GatewayEvent::Stat(stats)));
        }
    }

    fn uplink(&mut self, rxpk: Rxpk, turn: &mut Turn<'_>) {
        if self.clock.observe(rxpk.tmst, turn.now) == Seen::Rebooted {
            self.powers.forget();
            turn.counters.count(Count::Rebooted);
            let boot_epoch = self.clock.boot_epoch();
            turn.out.push(Out::Event(self.eui, GatewayEvent::Rebooted { boot_epoch }));
        }
        if rxpk.sx1302 {
            self.forwarder = Forwarder::Sx1302;
        }
        turn.counters.count(Count::Uplink);
        turn.out.push(Out::Uplink(Uplink {
            gateway_eui: self.eui,
            token: seal(self.clock.boot_epoch(), rxpk.tmst),
            tmst: rxpk.tmst,
            boot_epoch: self.clock.boot_epoch(),
            received_at: turn.now,
            frequency_hz: rxpk.frequency_hz,
            modulation: rxpk.modulation,
            coding_rate: rxpk.coding_rate,
            rssi: rxpk.rssi,
            snr: rxpk.snr,
            channel: rxpk.channel,
            rf_chain: rxpk.rf_chain,
            antenna: rxpk.antenna,
            time: rxpk.time,
            tmms: rxpk.tmms,
            fine_time_ns: rxpk.fine_time_ns,
            phy_payload: rxpk.phy_payload,
        }));
    }

    /// A PULL_DATA.
    pub fn pull_data(&mut self, packet: &FromGateway<'_>, from: SocketAddr, turn: &mut Turn<'_>) {
        let protocol = packet.version.number();
        match &mut self.link {
            Some(link) if link.address == from => link.keep(packet.version, turn.now),
            Some(link) if link.may_be_taken_over(turn.now) => {
                let event = GatewayEvent::AddressChanged {
                    from: link.address.to_string(),
                    to: from.to_string(),
                };
                self.link = Some(Link::new(from, packet.version, turn.now));
                self.clock.suspect();
                turn.counters.count(Count::AddressChanged);
                turn.out.push(Out::Event(self.eui, event));
            }
            Some(_) => return self.conflict(from, turn),
            None => {
                self.link = Some(Link::new(from, packet.version, turn.now));
                self.clock.suspect();
                turn.counters.count(Count::Connected);
                let boot_epoch = self.clock.boot_epoch();
                let address = from.to_string();
                let event = GatewayEvent::Connected { address, protocol, boot_epoch };
                turn.out.push(Out::Event(self.eui, event));
            }
        }
        let bytes = pull_ack::build(packet.version, packet.token);
        turn.out.push(Out::Ack { to: from, bytes });
    }

    fn conflict(&mut self, from: SocketAddr, turn: &mut Turn<'_>) {
        turn.counters.count(Count::AddressConflict);
        let told = self.conflict_told_at.is_some_and(|at| turn.now - at < CONFLICT_QUIET_US);
        let Some(link) = self.link.as_ref().filter(|_| !told) else { return };
        self.conflict_told_at = Some(turn.now);
        let event = GatewayEvent::AddressConflict {
            claimed_by: from.to_string(),
            held_by: link.address.to_string(),
        };
        turn.out.push(Out::Event(self.eui, event));
    }

    /// A TX_ACK. Only the host that the downlink went to may answer; the port may differ.
    pub fn tx_ack(
        &mut self,
        packet: &FromGateway<'_>,
        body: &[u8],
        from: SocketAddr,
        turn: &mut Turn<'_>,
    ) {
        match &mut self.link {
            Some(link) if link.address.ip() == from.ip() => {
                if link.address == from {
                    link.heard_at = turn.now;
                }
            }
            Some(_) | None => return turn.counters.count(Count::TxAckStranger),
        }
        let verdict = match Verdict::parse(body) {
            Ok(verdict) => verdict,
            Err(error) => return turn.counters.packet_error(&error),
        };
        let found = self.deliveries.iter().position(|delivery| delivery.token == packet.token);
        let Some(at) = found else { return turn.counters.count(Count::TxAckUnmatched) };
        let delivery = self.deliveries.swap_remove(at);
        if let Some(told) = self.rtt.sample(turn.now - delivery.handed_at) {
            let event = GatewayEvent::Rtt {
                p50_us: told.p50_us,
                p99_us: told.p99_us,
                samples: told.samples,
            };
            turn.out.push(Out::Event(self.eui, event));
        }
        self.judged(delivery, verdict, turn);
    }

    fn judged(&mut self, mut delivery: Delivery, verdict: Verdict, turn: &mut Turn<'_>) {
        match verdict {
            Verdict::Accepted => finish(delivery.answer(Outcome::Accepted, None), turn),
            Verdict::Warned { reason, value } => {
                let used = value.filter(|_| reason == Refusal::TxPower);
                finish(delivery.answer(Outcome::AcceptedWithWarning(reason), used), turn);
            }
            Verdict::Refused { reason: Refusal::TxPower, value } => {
                delivery.note(Refusal::TxPower);
                if self.powers.refuse(delivery.offered, value).is_none() {
                    delivery.item += 1;
                }
                self.hand_over(delivery, turn);
            }
            Verdict::Refused { reason, .. } => {
                delivery.note(reason);
                delivery.item += 1;
                self.hand_over(delivery, turn);
            }
        }
    }

    /// Takes a downlink.
    pub fn send(&mut self, downlink: Downlink, turn: &mut Turn<'_>) {
        let delivery = Delivery::new(downlink);
        if delivery.downlink.items.is_empty() {
            let reason = Refusal::Other("downlink without items".into());
            return finish(delivery.answer(Outcome::Refused(reason), None), turn);
        }
        if self.link.is_none() {
            return finish(delivery.answer(Outcome::NotConnected, None), turn);
        }
        if self.deliveries.len() >= turn.config.most_pending {
            // What a gateway says whose own queue is full.
            let outcome = Outcome::Refused(Refusal::CollisionPacket);
            return finish(delivery.answer(outcome, None), turn);
        }
        self.hand_over(delivery, turn);
    }

    /// Hands the current item over, or the first after it that can be.
    fn hand_over(&mut self, mut delivery: Delivery, turn: &mut Turn<'_>) {
        while turn.now <= delivery.downlink.deadline {
            match delivery.time(&self.clock, self.forwarder, turn.now) {
                Some(Ok(when)) => {
                    if let Some(item) = delivery.current() {
                        delivery.offered = self.powers.choose(item.power);
                    }
                    let Some(txpk) = delivery.txpk(when) else { break };
                    delivery.handed(&txpk, &self.clock, turn.now);
                    return self.put_on_wire(delivery, &txpk, turn);
                }
                Some(Err(Skip::TooLate)) => delivery.note(Refusal::TooLate),
                Some(Err(Skip::OtherBoot)) => {}
                None => break,
            }
            delivery.item += 1;
        }
        let outcome = delivery.failed();
        finish(delivery.answer(outcome, None), turn);
    }

    fn put_on_wire(&mut self, mut delivery: Delivery, txpk: &Txpk, turn: &mut Turn<'_>) {
        let Some(link) = &self.link else {
            return finish(delivery.answer(Outcome::NotConnected, None), turn);
        };
        self.next_token = self.next_token.wrapping_add(1);
        delivery.token = DatagramToken::from(self.next_token);
        let on_wire = match link.version {
            // Version 1 has no TX_ACK, and no meaning for the token.
            Version::V1 => DatagramToken([0, 0]),
            Version::V2 => delivery.token,
        };
        turn.counters.count(Count::PullResp);
        let bytes = txpk.build(link.version, on_wire);
        turn.out.push(Out::Datagram { to: link.address, bytes });
        self.deliveries.push(delivery);
    }

    /// Does what is due.
    pub fn tick(&mut self, turn: &mut Turn<'_>) {
        while let Some(at) =
            self.deliveries.iter().position(|delivery| delivery.unknown_at() <= turn.now)
        {
            let delivery = self.deliveries.swap_remove(at);
            finish(delivery.answer(Outcome::Unknown, None), turn);
        }
        if self.link.as_ref().is_some_and(|link| link.offline_at() <= turn.now) {
            self.disconnect(turn);
        }
    }

    /// Gives up what is in flight.
    pub fn abandon(&mut self, turn: &mut Turn<'_>) {
        for delivery in self.deliveries.drain(..) {
            finish(delivery.answer(Outcome::Unknown, None), turn);
        }
    }

    /// The way to the gateway is gone.
    pub fn disconnect(&mut self, turn: &mut Turn<'_>) {
        if let Some(link) = self.link.take() {
            turn.counters.count(Count::Disconnected);
            let silent_us = turn.now - link.heard_at;
            turn.out.push(Out::Event(self.eui, GatewayEvent::Disconnected { silent_us }));
        }
    }
}

/// The frames with a good CRC; of the same frame heard twice at one time, the one with the best SNR.
fn usable(rxpks: Vec<Result<Rxpk, RxpkError>>, counters: &Counters) -> Vec<Rxpk> {
    let mut usable: Vec<Rxpk> = Vec::with_capacity(rxpks.len());
    for rxpk in rxpks {
        match rxpk {
            Ok(rxpk) if rxpk.crc == Crc::Good => merge(rxpk, &mut usable, counters),
            Ok(Rxpk { crc: Crc::Bad, .. }) => counters.count(Count::CrcBad),
            Ok(_) => counters.count(Count::NoCrc),
            Err(error) => counters.rxpk_error(&error),
        }
    }
    usable
}

fn merge(rxpk: Rxpk, usable: &mut Vec<Rxpk>, counters: &Counters) {
    let is_mirror = |other: &&mut Rxpk| {
        let apart = other.tmst.wrapping_sub(rxpk.tmst);
        apart.min(apart.wrapping_neg()) <= MIRROR_US && other.phy_payload == rxpk.phy_payload
    };
    match usable.iter_mut().find(is_mirror) {
        None => usable.push(rxpk),
        Some(other) => {
            counters.count(Count::Mirror);
            if (rxpk.snr, rxpk.rssi) > (other.snr, other.rssi) {
                *other = rxpk;
            }
        }
    }
}

/// Gives the server its answer.
pub fn finish(ack: TxAck, turn: &mut Turn<'_>) {
    turn.counters.count(match &ack.outcome {
        Outcome::Accepted => Count::DownAccepted,
        Outcome::AcceptedWithWarning(_) => Count::DownWarned,
        Outcome::Refused(_) => Count::DownRefused,
        Outcome::Unknown => Count::DownUnknown,
        Outcome::Expired => Count::DownExpired,
        Outcome::NotConnected => Count::DownNotConnected,
    });
    turn.out.push(Out::TxAck(ack));
}
