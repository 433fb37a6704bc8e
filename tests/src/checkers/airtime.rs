//! Airtime: no gateway sends two frames at once or more than a sub-band allows in any hour, and
//! what it sends starts when a device listens.

use std::collections::{HashMap, HashSet};

use gateway_bridge::semtech::packet::{Modulation as PacketModulation, Txpk};
use lns_lorawan::{
    Bandwidth, CodingRate, Direction, Frame, Frequency, Modulation, PhyPayload, Region,
    SpreadingFactor, TimeDelta, Timestamp, time_on_air,
};
use sim::device::{Received, Unheard};

use super::{Verdict, against};

const NAME: &str = "airtime";
const HOUR: TimeDelta = TimeDelta::from_secs(3600);

/// How far a frame may be off its window.
const TOLERANCE: TimeDelta = TimeDelta::from_micros(20);

/// RX1 opens a second after an uplink at the earliest.
const SOONEST: TimeDelta = TimeDelta::from_millis(900);

/// ETSI EN 300 220-2's sub-bands as RP002's chapter on EU863–870 has them: from, to, permille.
/// Written down here once more, so that a mistake in the server's table does not cancel itself.
const EUROPE: [(u32, u32, i64); 6] = [
    (863_000_000, 865_000_000, 1),
    (865_000_000, 868_000_000, 10),
    (868_000_000, 868_600_000, 10),
    (868_700_000, 869_200_000, 1),
    (869_400_000, 869_650_000, 100),
    (869_700_000, 870_000_000, 10),
];

/// From, to, permille.
type Band = (u32, u32, i64);

/// The one band of other regions, with the duty cycle that this house applies there
/// (docs/DEPARTURES.md): from, to, permille.
const ONE_BAND: [(Region, [Band; 1]); 7] = [
    (Region::Eu433, [(433_050_000, 434_790_000, 100)]),
    (Region::Ru864, [(864_000_000, 870_000_000, 10)]),
    (Region::Cn779, [(779_000_000, 787_000_000, 10)]),
    (Region::As923_1, [(915_000_000, 928_000_000, 10)]),
    (Region::As923_2, [(920_000_000, 923_000_000, 10)]),
    (Region::As923_3, [(915_000_000, 921_000_000, 10)]),
    (Region::As923_4, [(917_000_000, 920_000_000, 10)]),
];

/// A region's sub-bands; none where there is no duty cycle.
fn sub_bands(region: Region) -> &'static [(u32, u32, i64)] {
    if region == Region::Eu868 {
        return &EUROPE;
    }
    let one = ONE_BAND.iter().find(|(whose, _)| *whose == region);
    one.map_or(&[], |(_, bands)| bands)
}

/// A frame that a gateway has promised to send.
#[derive(Clone, Debug, PartialEq)]
pub struct Promise {
    /// Index of the gateway.
    pub gateway: usize,
    /// When it begins.
    pub starts: Timestamp,
    /// When it ends.
    pub ends: Timestamp,
    /// Where.
    pub frequency: Frequency,
    /// How.
    pub modulation: Modulation,
    /// MHDR to MIC.
    pub phy_payload: Vec<u8>,
}

/// Everything on air.
pub struct Airtime {
    region: Region,
    promises: Vec<Promise>,
    received: HashSet<Vec<u8>>,
    /// When a device's last uplink ended.
    sent: HashMap<String, Timestamp>,
    /// PULL_RESP that have arrived, and the frames of those that have arrived twice.
    arrived: HashSet<(usize, Vec<u8>)>,
    doubled: HashSet<(usize, Vec<u8>)>,
}

impl Airtime {
    /// Of gateways in this region.
    pub fn new(region: Region) -> Self {
        Airtime {
            region,
            promises: Vec::new(),
            received: HashSet::new(),
            sent: HashMap::new(),
            arrived: HashSet::new(),
            doubled: HashSet::new(),
        }
    }

    /// A PULL_RESP arrives at a gateway. One that the network has doubled is promised once and
    /// refused once; where the promise gets lost, the server cannot know of the frame on air. So
    /// nobody is blamed for what collides with it.
    pub fn arrived(&mut self, gateway: usize, datagram: &[u8], txpk: &Txpk) {
        if !self.arrived.insert((gateway, datagram.to_vec())) {
            self.doubled.insert((gateway, txpk.phy_payload.clone()));
        }
    }

    /// A device's uplink has ended, or will, at `ends`.
    pub fn sent(&mut self, name: &str, ends: Timestamp) {
        self.sent.insert(name.to_owned(), ends);
    }

    /// A gateway will send this at `starts`.
    pub fn promised(&mut self, gateway: usize, starts: Timestamp, txpk: &Txpk) -> Verdict {
        let Some(modulation) = modulation(txpk.modulation) else {
            return against(NAME, format!("no LoRaWAN modulation: {:?}", txpk.modulation));
        };
        let length = txpk.phy_payload.len();
        let promise = Promise {
            gateway,
            starts,
            ends: starts + time_on_air(modulation, CodingRate::Cr45, Direction::Down, length),
            frequency: Frequency::from_hz(txpk.frequency_hz),
            modulation,
            phy_payload: txpk.phy_payload.clone(),
        };
        let is_known =
            |other: &&Promise| !self.doubled.contains(&(gateway, other.phy_payload.clone()));
        let overlaps =
            |other: &&Promise| other.starts < promise.ends && promise.starts < other.ends;
        let others = self.promises.iter().filter(|other| other.gateway == gateway);
        if let Some(other) = others.filter(overlaps).find(is_known) {
            let what =
                format!("gateway {gateway} sends two frames at once: {other:?}, {promise:?}");
            return against(NAME, what);
        }
        self.promises.push(promise);
        self.share_holds(gateway, starts, txpk.frequency_hz)
    }

    /// The last frame that was promised.
    pub fn last(&self) -> Option<&Promise> {
        self.promises.last()
    }

    /// A gateway starts again and forgets what it has promised.
    pub fn restarted(&mut self, gateway: usize, at: Timestamp) {
        self.promises.retain(|promise| promise.gateway != gateway || promise.starts <= at);
    }

    /// The frame that begins at this moment.
    pub fn at(&self, starts: Timestamp) -> Option<&Promise> {
        self.promises.iter().rev().find(|promise| promise.starts == starts)
    }

    /// A device has received the frame that began at `at`.
    pub fn heard(&mut self, at: Timestamp, name: &str, received: &Received) -> Verdict {
        self.received.extend(self.at(at).map(|promise| promise.phy_payload.clone()));
        if received.offset.abs() <= TOLERANCE {
            return Ok(());
        }
        let micros = received.offset.micros();
        against(NAME, format!("{name} heard a frame {micros} µs off its {:?}", received.window))
    }

    /// The device that the frame was for has not received it.
    ///
    /// Only data frames say for whom they are. One that was received before is sent once more when
    /// a gateway's refusal of a doubled PULL_RESP overtakes its promise; then nobody listens.
    pub fn missed(&self, at: Timestamp, name: &str, reason: &Unheard) -> Verdict {
        let is_data = |promise: &&Promise| {
            matches!(PhyPayload::parse(&promise.phy_payload), Ok(Frame::Down(_)))
        };
        // So soon after an uplink no window opens: the frame answers an earlier one.
        let earlier = self.sent.get(name).is_some_and(|ends| at.since(*ends) < SOONEST);
        let is_new = |promise: &&Promise| !self.received.contains(&promise.phy_payload);
        if earlier || self.at(at).filter(is_data).filter(is_new).is_none() {
            return Ok(());
        }
        match reason {
            Unheard::WrongFrequency { .. }
            | Unheard::WrongDataRate { .. }
            | Unheard::WrongPolarity
            | Unheard::CrcOn
            | Unheard::TooEarly { .. }
            | Unheard::TooLate { .. }
            | Unheard::Malformed
            | Unheard::MicFailed => against(NAME, format!("{name} missed a frame: {reason}")),
            Unheard::NotListening
            | Unheard::Lost
            | Unheard::ForAnother
            | Unheard::FCntReplayed
            | Unheard::JoinNonceReplayed => Ok(()),
        }
    }

    /// Is the share of the sub-band kept in each hour that a frame from `starts` on is part of?
    fn share_holds(&self, gateway: usize, starts: Timestamp, hz: u32) -> Verdict {
        let bands = sub_bands(self.region);
        if bands.is_empty() {
            return Ok(());
        }
        let inside = |(from, to, _): &&(u32, u32, i64)| (*from..=*to).contains(&hz);
        let Some((from, to, permille)) = bands.iter().find(inside).copied() else {
            return against(NAME, format!("{hz} Hz lies in no sub-band"));
        };
        let mut frames: Vec<&Promise> = self
            .promises
            .iter()
            .filter(|it| it.gateway == gateway && (from..=to).contains(&it.frequency.hz()))
            .collect();
        frames.sort_by_key(|promise| promise.starts);
        for last in frames.iter().filter(|last| last.ends > starts) {
            let begins = last.ends - HOUR;
            let within = frames.iter().filter(|it| it.ends > begins && it.ends <= last.ends);
            let air: i64 = within.map(|it| it.ends.since(it.starts.max(begins)).micros()).sum();
            if air > HOUR.micros() / 1000 * permille {
                let what = format!(
                    "gateway {gateway} sends {air} µs on {from}–{to} Hz in the hour before {}",
                    last.ends
                );
                return against(NAME, what);
            }
        }
        Ok(())
    }
}

/// `None` for what no device of ours listens to.
fn modulation(modulation: PacketModulation) -> Option<Modulation> {
    match modulation {
        PacketModulation::Lora { spreading_factor, bandwidth_hz } => Some(Modulation::lora(
            SpreadingFactor::new(spreading_factor)?,
            Bandwidth::from_khz(bandwidth_hz / 1000)?,
        )),
        PacketModulation::Fsk { bit_rate } => Some(Modulation::Fsk { bit_rate }),
        PacketModulation::LrFhss { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::START;
    use gateway_bridge::semtech::packet::TxTime;

    /// 1.155 s at SF12.
    fn txpk(spreading_factor: u8, frequency_hz: u32) -> Txpk {
        Txpk {
            when: TxTime::Tmst(0),
            frequency_hz,
            rf_chain: 0,
            power_dbm: Some(14),
            modulation: PacketModulation::Lora { spreading_factor, bandwidth_hz: 125_000 },
            coding_rate: gateway_bridge::semtech::packet::CodingRate::Cr4_5,
            deviation_hz: None,
            invert_polarity: true,
            no_crc: true,
            preamble: None,
            phy_payload: vec![0x60; 14],
        }
    }

    fn seconds(seconds: i64) -> Timestamp {
        START + TimeDelta::from_secs(seconds)
    }

    #[test]
    fn two_frames_at_once_are_found_and_those_of_two_gateways_are_none() {
        let mut airtime = Airtime::new(Region::Eu868);
        airtime.promised(0, seconds(0), &txpk(12, 869_525_000)).unwrap();
        airtime.promised(1, seconds(1), &txpk(12, 869_525_000)).unwrap();
        airtime.promised(0, seconds(2), &txpk(12, 869_525_000)).unwrap();
        assert!(airtime.promised(0, seconds(1), &txpk(12, 869_525_000)).is_err());
    }

    #[test]
    fn one_percent_of_an_hour_is_thirty_one_frames_of_sf12() {
        let mut airtime = Airtime::new(Region::Eu868);
        let mut sent = |at| airtime.promised(0, seconds(at), &txpk(12, 868_100_000));
        for number in 0..31 {
            sent(number * 100).unwrap();
        }
        sent(3_700).expect("two frames are more than an hour old");
        let violation = sent(3_500).unwrap_err();
        assert!(violation.what.contains("868000000–868600000"), "{}", violation.what);
    }

    #[test]
    fn a_frame_21_microseconds_off_its_window_is_found() {
        let mut airtime = Airtime::new(Region::Eu868);
        let mut heard = |micros| {
            let what = sim::device::What::Data(sim::device::HeardData {
                f_cnt_down: lns_lorawan::FCntDown(0),
                f_port: None,
                payload: Vec::new(),
                confirmed: false,
                ack: false,
                acked: false,
                f_pending: false,
                mac: Vec::new(),
            });
            let offset = TimeDelta::from_micros(micros);
            let window = lns_lorawan::Window::Rx1;
            airtime.heard(START, "node-1", &Received { window, offset, what })
        };
        heard(-20).unwrap();
        assert!(heard(21).is_err());
    }
}
