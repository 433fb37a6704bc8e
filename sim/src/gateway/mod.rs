//! A gateway with a Semtech UDP packet forwarder, as a state machine: it is told the time, what it
//! hears and which datagrams come; it says which datagrams it sends and what it puts on the air.
//!
//! PROTOCOL.TXT of the packet forwarder, and the habits of the two reference forwarders.

mod jit;
mod spec;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use gateway_bridge::semtech::packet::pull_data;
use gateway_bridge::semtech::packet::{
    CodingRate, Crc, DatagramToken, FromServer, GatewayEui, Modulation as PacketModulation,
    PushData, Refusal, Rxpk, ServerMessage, Stats, TxTime, Txpk, Verdict, Version,
};
use lns_lorawan::CodingRate::Cr45;
use lns_lorawan::{
    Bandwidth, Dbm, Direction, Frequency, GpsTime, Modulation, SpreadingFactor, TimeDelta,
    Timestamp, time_on_air,
};

pub use spec::{Beacons, GatewaySpec, Model};

use crate::air::{Link, OnAir};
use crate::device::{BEACON_DELAY, BEACON_INTERVAL, Beacon};
use jit::{Jit, Wanted};

/// PULL_DATA without PULL_ACK after which the way to the server counts as closed.
const MISSED_KEEPALIVES: u32 = 3;
/// Tokens of PUSH_DATA that are remembered until acknowledged.
const OPEN_TOKENS: usize = 256;

/// What a gateway wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Send this to the server.
    Send(Vec<u8>),
    /// This is on the air from now on.
    OnAir(OnAir),
    /// A beacon is on the air from now on.
    Beacon(Beacon),
    /// For those who look on.
    Told(Told),
}

/// What a gateway has to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// The first PULL_ACK has come.
    Connected,
    /// Several PULL_DATA in a row have not been acknowledged.
    Disconnected,
    /// A PULL_RESP was taken up, or not.
    Judged {
        /// How.
        verdict: Verdict,
        /// When the frame starts, if it is sent.
        starts: Option<Timestamp>,
    },
    /// A datagram could not be read; the reference forwarders drop such silently.
    Unreadable(String),
}

/// What a gateway has lived through.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GatewayTally {
    /// Frames heard.
    pub received: u64,
    /// Frames missed because it was sending.
    pub deaf: u64,
    /// PUSH_DATA sent.
    pub push_data: u64,
    /// PUSH_ACK received that fit one.
    pub push_acks: u64,
    /// PULL_DATA sent.
    pub pull_data: u64,
    /// PULL_ACK received.
    pub pull_acks: u64,
    /// PULL_RESP received.
    pub pull_resp: u64,
    /// Frames put on the air.
    pub sent: u64,
    /// Beacons sent.
    pub beacons: u64,
    /// Frames not sent, by the error of the TX_ACK.
    pub refused: BTreeMap<&'static str, u64>,
    /// Frames sent with another power than asked for.
    pub warned: u64,
    /// Datagrams that could not be read.
    pub unreadable: u64,
}

/// A gateway.
///
/// Drive it with [`next_wake`](Self::next_wake) and [`wake`](Self::wake); give it what arrives by
/// [`hear`](Self::hear), at the end of each frame, and by [`datagram`](Self::datagram).
#[derive(Debug, Clone)]
pub struct Gateway {
    spec: GatewaySpec,
    switched_on: Timestamp,
    next_keepalive: Timestamp,
    next_stat: Timestamp,
    /// The next beacon: its GPS second, and when it begins.
    next_beacon: Option<(u32, Timestamp)>,
    jit: Jit<OnAir>,
    sending_until: Timestamp,
    token: u16,
    open_tokens: VecDeque<DatagramToken>,
    unanswered: u32,
    connected: bool,
    tally: GatewayTally,
    /// As of the last `stat`.
    last_stat: GatewayTally,
}

impl Gateway {
    /// A gateway that is switched on at this moment.
    pub fn new(spec: GatewaySpec, switched_on: Timestamp) -> Self {
        let beacons = spec.beacons.is_some() && spec.gps;
        let next_beacon = beacons.then(|| beacon_after(switched_on));
        let mut gateway = Self {
            next_beacon,
            jit: Jit::new(spec.model.jit_delay(), spec.model.immediate_delay()),
            next_keepalive: switched_on,
            next_stat: switched_on + spec.stat_interval,
            sending_until: switched_on,
            switched_on,
            token: u16::from_be_bytes([spec.eui.0[6], spec.eui.0[7]]),
            open_tokens: VecDeque::new(),
            unanswered: 0,
            connected: false,
            tally: GatewayTally::default(),
            last_stat: GatewayTally::default(),
            spec,
        };
        if let Some((_, at)) = next_beacon {
            gateway.jit.reserve_beacons(gateway.counter(at));
        }
        gateway
    }

    /// What it was made from.
    pub fn spec(&self) -> &GatewaySpec {
        &self.spec
    }

    /// Who it is.
    pub fn eui(&self) -> GatewayEui {
        self.spec.eui
    }

    /// Has the server answered?
    pub fn is_connected(&self) -> bool {
        self.connected
    }

    /// What it has lived through.
    pub fn tally(&self) -> &GatewayTally {
        &self.tally
    }

    /// What its concentrator's counter shows at a moment.
    pub fn tmst(&self, at: Timestamp) -> u32 {
        // Modulo 2³² is what the counter is.
        self.counter(at) as u32
    }

    /// The counter without its wrap.
    fn counter(&self, at: Timestamp) -> i64 {
        i64::from(self.spec.tmst_offset) + (at - self.switched_on).micros()
    }

    fn at_counter(&self, counter: i64) -> Timestamp {
        let since = counter - i64::from(self.spec.tmst_offset);
        self.switched_on + TimeDelta::from_micros(since)
    }

    /// When [`wake`](Self::wake) has something to do.
    pub fn next_wake(&self) -> Option<Timestamp> {
        let frame = self.jit.next().map(|counter| self.at_counter(counter));
        let beacon = self.next_beacon.map(|(_, at)| at);
        [frame, beacon, Some(self.next_keepalive), Some(self.next_stat)].into_iter().flatten().min()
    }

    /// Does what is due: keepalives, statistics, frames whose moment has come.
    pub fn wake(&mut self, now: Timestamp) -> Vec<Output> {
        let mut outputs = Vec::new();
        while let Some((counter, mut frame)) = self.jit.dequeue(self.counter(now)) {
            self.tally.sent += 1;
            frame.starts = self.at_counter(counter);
            self.sending_until = frame.ends();
            outputs.push(Output::OnAir(frame));
        }
        self.beacon(now, &mut outputs);
        if self.next_keepalive <= now {
            self.next_keepalive = now + self.spec.keepalive;
            self.keep_alive(&mut outputs);
        }
        if self.next_stat <= now {
            self.next_stat = now + self.spec.stat_interval;
            let stat = Some(Box::new(self.stats(now)));
            self.push(PushData { stat, ..PushData::default() }, &mut outputs);
        }
        outputs
    }

    fn beacon(&mut self, now: Timestamp, outputs: &mut Vec<Output>) {
        let (Some((time, starts)), Some(beacons)) = (self.next_beacon, self.spec.beacons) else {
            return;
        };
        if starts > now {
            return;
        }
        self.next_beacon = Some((time.wrapping_add(128), starts + BEACON_INTERVAL));
        self.tally.beacons += 1;
        let Beacons { place, modulation, length, .. } = beacons;
        // A beacon has no header and no CRC of its own, so it is a little shorter than this.
        let airtime = time_on_air(modulation, Cr45, Direction::Down, length);
        self.sending_until = starts + airtime;
        let frequency = place.at(time, 0);
        outputs.push(Output::Beacon(Beacon { starts, time, frequency, modulation, length }));
    }

    fn keep_alive(&mut self, outputs: &mut Vec<Output>) {
        if self.connected && self.unanswered >= MISSED_KEEPALIVES {
            self.connected = false;
            outputs.push(Output::Told(Told::Disconnected));
        }
        self.unanswered += 1;
        self.tally.pull_data += 1;
        let token = self.next_token();
        outputs.push(Output::Send(pull_data::build(self.spec.version, token, self.spec.eui)));
    }

    /// A frame has ended at this gateway, this well heard. Downlinks are not heard: their polarity
    /// is inverted.
    pub fn hear(&mut self, frame: &OnAir, link: Link) -> Vec<Output> {
        let mut outputs = Vec::new();
        let elsewhere = |channels: &Vec<u32>| !channels.contains(&frame.frequency.hz());
        if frame.inverted || self.spec.rx_channels.as_ref().is_some_and(elsewhere) {
            return outputs;
        }
        if frame.starts < self.sending_until {
            self.tally.deaf += 1;
            return outputs;
        }
        self.tally.received += 1;
        let rxpk = vec![Ok(self.rxpk(frame, link))];
        self.push(PushData { rxpk, ..PushData::default() }, &mut outputs);
        outputs
    }

    fn rxpk(&self, frame: &OnAir, link: Link) -> Rxpk {
        let ends = frame.ends();
        let gps = GpsTime::from_timestamp(ends).filter(|_| self.spec.gps);
        Rxpk {
            tmst: self.tmst(ends),
            time: self.spec.gps.then_some(ends.micros()),
            tmms: gps.map(|gps| gps.micros() / 1000),
            fine_time_ns: None,
            channel: Some((frame.frequency.hz() / 200_000 % 8) as u8),
            rf_chain: Some(0),
            antenna: None,
            frequency_hz: frame.frequency.hz(),
            crc: if frame.crc_on { Crc::Good } else { Crc::Absent },
            modulation: to_packet(frame.modulation),
            coding_rate: match frame.modulation {
                Modulation::Lora { .. } => CodingRate::Cr4_5,
                Modulation::Fsk { .. } | Modulation::LrFhss { .. } => CodingRate::Off,
            },
            rssi: link.rssi.hundredths(),
            snr: link.snr.hundredths(),
            sx1302: self.spec.model == Model::Sx1302,
            phy_payload: frame.phy_payload.clone(),
        }
    }

    fn push(&mut self, push: PushData, outputs: &mut Vec<Output>) {
        let token = self.next_token();
        if self.open_tokens.len() >= OPEN_TOKENS {
            self.open_tokens.pop_front();
        }
        self.open_tokens.push_back(token);
        self.tally.push_data += 1;
        outputs.push(Output::Send(push.build(self.spec.version, token, self.spec.eui)));
    }

    fn next_token(&mut self) -> DatagramToken {
        self.token = self.token.wrapping_add(1);
        DatagramToken::from(self.token)
    }

    fn stats(&mut self, now: Timestamp) -> Stats {
        let since = |now: u64, before: u64| u32::try_from(now - before).ok();
        let (tally, before) = (&self.tally, &self.last_stat);
        let received = since(tally.received, before.received);
        let pushed = (tally.push_data - before.push_data).max(1);
        let acked = tally.push_acks - before.push_acks;
        let stats = Stats {
            time: Some(now.micros()),
            lati: self.spec.location.map(|(lati, _, _)| lati),
            long: self.spec.location.map(|(_, long, _)| long),
            alti: self.spec.location.map(|(_, _, alti)| alti),
            rxnb: received,
            rxok: received,
            rxfw: received,
            ackr: Some((acked.min(pushed) * 1000 / pushed) as f64 / 10.0),
            dwnb: since(tally.pull_resp, before.pull_resp),
            txnb: since(tally.sent, before.sent),
            ..Stats::default()
        };
        self.last_stat = self.tally.clone();
        stats
    }

    /// A datagram from the server.
    pub fn datagram(&mut self, now: Timestamp, datagram: &[u8]) -> Vec<Output> {
        let mut outputs = Vec::new();
        match FromServer::parse(datagram) {
            Ok(FromServer { token, message: ServerMessage::PushAck, .. }) => {
                if let Some(at) = self.open_tokens.iter().position(|open| *open == token) {
                    self.open_tokens.remove(at);
                    self.tally.push_acks += 1;
                }
            }
            Ok(FromServer { message: ServerMessage::PullAck, .. }) => {
                self.tally.pull_acks += 1;
                self.unanswered = 0;
                if !self.connected {
                    self.connected = true;
                    outputs.push(Output::Told(Told::Connected));
                }
            }
            Ok(FromServer { token, message: ServerMessage::PullResp(body), .. }) => {
                self.tally.pull_resp += 1;
                match Txpk::parse(body) {
                    Ok(txpk) => self.pull_resp(now, (token, &txpk), &mut outputs),
                    // No TX_ACK: the reference forwarders give none either.
                    Err(error) => self.unreadable(error.to_string(), &mut outputs),
                }
            }
            Err(error) => self.unreadable(error.to_string(), &mut outputs),
        }
        outputs
    }

    fn unreadable(&mut self, why: String, outputs: &mut Vec<Output>) {
        self.tally.unreadable += 1;
        outputs.push(Output::Told(Told::Unreadable(why)));
    }

    fn pull_resp(
        &mut self,
        now: Timestamp,
        (token, txpk): (DatagramToken, &Txpk),
        outputs: &mut Vec<Output>,
    ) {
        let (verdict, starts) = match self.promise(now, txpk) {
            Ok((starts, None)) => (Verdict::Accepted, Some(starts)),
            Ok((starts, Some(power))) => {
                self.tally.warned += 1;
                let value = Some(i32::from(power));
                (Verdict::Warned { reason: Refusal::TxPower, value }, Some(starts))
            }
            Err((reason, value)) => {
                *self.tally.refused.entry(word(&reason)).or_default() += 1;
                (Verdict::Refused { reason, value }, None)
            }
        };
        match self.spec.version {
            Version::V1 => {}
            Version::V2 => outputs.push(Output::Send(verdict.build(token, self.spec.eui))),
        }
        outputs.push(Output::Told(Told::Judged { verdict, starts }));
    }

    /// When the frame starts, and its power if it is not the one asked for; or why it does not.
    fn promise(&mut self, now: Timestamp, txpk: &Txpk) -> Result<Promise, Denial> {
        let wanted = match txpk.when {
            TxTime::Tmst(tmst) => Wanted::Tmst(tmst),
            TxTime::Immediately => Wanted::Immediately,
            TxTime::Gps(_) if !self.spec.gps => return Err((Refusal::GpsUnlocked, None)),
            TxTime::Gps(millis) => {
                let at = GpsTime::from_micros(millis.saturating_mul(1000)).to_timestamp();
                Wanted::Ping(self.tmst(at))
            }
        };
        let (least, greatest) = self.spec.tx_range;
        if !(least..=greatest).contains(&txpk.frequency_hz) {
            return Err((Refusal::TxFreq, None));
        }
        let (power, is_exact) = self.power(txpk)?;
        let modulation = from_packet(txpk.modulation)
            .ok_or_else(|| (Refusal::Other("MODULATION".into()), None))?;
        let frame = OnAir {
            // The queue knows when; it is filled in when the moment comes.
            starts: now,
            frequency: Frequency::from_hz(txpk.frequency_hz),
            modulation,
            inverted: txpk.invert_polarity,
            crc_on: !txpk.no_crc,
            power: Dbm::from_whole(i16::from(power)),
            phy_payload: txpk.phy_payload.clone(),
        };
        let airtime = (frame.ends() - frame.starts).micros();
        let counter = self.counter(now);
        let starts = self.jit.enqueue(counter, (wanted, airtime), frame);
        let starts = self.at_counter(starts.map_err(|refusal| (refusal, None))?);
        Ok((starts, (!is_exact).then_some(power)))
    }

    /// The EIRP that it will send with, and whether it is the one asked for.
    fn power(&self, txpk: &Txpk) -> Result<(i8, bool), Denial> {
        let gain = self.spec.antenna_gain;
        let wanted = txpk.power_dbm.unwrap_or(14).saturating_sub(gain);
        let powers = self.spec.tx_powers;
        // The greatest that is not more than wanted, else the least there is.
        let nearest = powers.iter().rfind(|power| **power <= wanted).or(powers.first());
        let nearest = nearest.copied().unwrap_or(wanted);
        match self.spec.model {
            _ if nearest == wanted => Ok((wanted.saturating_add(gain), true)),
            Model::Sx1302 => Ok((nearest.saturating_add(gain), false)),
            Model::Sx1301 => Err((Refusal::TxPower, Some(i32::from(nearest.saturating_add(gain))))),
        }
    }
}

/// The first beacon from a moment on: its GPS second, and when it begins.
fn beacon_after(at: Timestamp) -> (u32, Timestamp) {
    let interval = BEACON_INTERVAL.micros().unsigned_abs();
    let gps = GpsTime::from_timestamp(at).map_or(0, GpsTime::micros);
    let next = GpsTime::from_micros(gps.div_ceil(interval) * interval);
    (next.seconds(), next.to_timestamp() + BEACON_DELAY)
}

/// The start, and the power where it is another.
type Promise = (Timestamp, Option<i8>);
/// The TX_ACK's error and value.
type Denial = (Refusal, Option<i32>);

/// The word of the protocol; inventions share one.
fn word(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::TooLate => "TOO_LATE",
        Refusal::TooEarly => "TOO_EARLY",
        Refusal::CollisionPacket => "COLLISION_PACKET",
        Refusal::CollisionBeacon => "COLLISION_BEACON",
        Refusal::TxFreq => "TX_FREQ",
        Refusal::TxPower => "TX_POWER",
        Refusal::GpsUnlocked => "GPS_UNLOCKED",
        Refusal::Other(_) => "other",
    }
}

fn to_packet(modulation: Modulation) -> PacketModulation {
    match modulation {
        Modulation::Lora { spreading_factor, bandwidth } => PacketModulation::Lora {
            spreading_factor: spreading_factor.value(),
            bandwidth_hz: bandwidth.hz(),
        },
        Modulation::Fsk { bit_rate } => PacketModulation::Fsk { bit_rate },
        Modulation::LrFhss { ocw_hz, .. } => PacketModulation::LrFhss { ocw_hz, grid_step: None },
    }
}

/// `None` for what no gateway sends.
fn from_packet(modulation: PacketModulation) -> Option<Modulation> {
    Some(match modulation {
        PacketModulation::Lora { spreading_factor, bandwidth_hz } => Modulation::Lora {
            spreading_factor: SpreadingFactor::new(spreading_factor)?,
            bandwidth: Bandwidth::from_khz(bandwidth_hz / 1000)?,
        },
        PacketModulation::Fsk { bit_rate } => Modulation::Fsk { bit_rate },
        PacketModulation::LrFhss { .. } => return None,
    })
}
