//! Airtime: no gateway sends two frames at once or more than a sub-band allows in any hour, and
//! what it sends starts when a device listens.

use std::collections::HashSet;

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
}

impl Airtime {
    /// Of gateways in this region.
    pub fn new(region: Region) -> Self {
        Airtime { region, promises: Vec::new(), received: HashSet::new() }
    }

    /// A gateway will send this at `starts`.
    pub fn promised(&mut self, gateway: usize, starts: Timestamp, txpk: Txpk) -> Verdict {
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
            phy_payload: txpk.phy_payload,
        };
        let mut others = self.promises.iter().filter(|other| other.gateway == gateway);
        if let Some(other) =
            others.find(|other| other.starts < promise.ends && promise.starts < other.ends)
        {
            let what =
                format!("gateway {gateway} sends two frames at once: {other:?}, {promise:?}");
            return against(NAME, what);
        }
        self.promises.push(promise);
        match self.region {
            Region::Eu868 => self.share_holds(gateway, txpk.frequency_hz),
            Region::Us915 => Ok(()),
        }
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
        let is_new = |promise: &&Promise| !self.received.contains(&promise.phy_payload);
        if self.at(at).filter(is_data).filter(is_new).is_none() {
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

    /// Is the share of the last frame's sub-band kept in each hour that it is part of?
    fn share_holds(&self, gateway: usize, hz: u32) -> Verdict {
        let Some((from, to, permille)) =
            EUROPE.into_iter().find(|(from, to, _)| (*from..=*to).contains(&hz))
        else {
            return against(NAME, format!("{hz} Hz lies in no sub-band"));
        };
        let mut frames: Vec<&Promise> = self
            .promises
            .iter()
            .filter(|it| it.gateway == gateway && (from..=to).contains(&it.frequency.hz()))
            .collect();
        frames.sort_by_key(|promise| promise.starts);
        for last in &frames {
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
