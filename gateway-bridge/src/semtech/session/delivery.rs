//! One downlink on its way through its items.

use gateway_link::{Downlink, DownlinkItem, Modulation, Outcome, Refusal, Token, TxAck, When};

use super::clock::Clock;
use super::lead::Forwarder;
use crate::semtech::packet::{DatagramToken, TxTime, Txpk};

/// What a gateway is given to answer at least, µs.
const LEAST_PATIENCE_US: i64 = 1_000_000;
/// What it is given at most, µs: a later answer helps nobody.
const MOST_PATIENCE_US: i64 = 10_000_000;
/// How many refusals are kept; [`TxAck::refusals`] says so.
const MOST_REFUSALS: usize = 32;

/// A downlink that has no outcome yet.
#[derive(Debug)]
pub struct Delivery {
    pub downlink: Downlink,
    /// Which item is being tried.
    pub item: usize,
    /// What its PULL_RESP is known by.
    pub token: DatagramToken,
    /// dBm offered.
    pub offered: i8,
    pub handed_at: i64,
    lead_us: Option<i64>,
    refusals: Vec<(u8, Refusal)>,
}

/// Why an item is not handed over.
pub enum Skip {
    /// It belongs to another run of the concentrator.
    OtherBoot,
    /// It could not be programmed in time any more.
    TooLate,
}

impl Delivery {
    pub fn new(downlink: Downlink) -> Self {
        Self {
            downlink,
            item: 0,
            token: DatagramToken([0, 0]),
            offered: 0,
            handed_at: i64::MIN,
            lead_us: None,
            refusals: Vec::new(),
        }
    }

    pub fn current(&self) -> Option<&DownlinkItem> {
        self.downlink.items.get(self.item)
    }

    /// Turns the current item's `when` into the gateway's terms.
    pub fn time(
        &self,
        clock: &Clock,
        forwarder: Forwarder,
        now: i64,
    ) -> Option<Result<TxTime, Skip>> {
        let tmst = match &self.current()?.when {
            When::Immediately => return Some(Ok(TxTime::Immediately)),
            When::Gps { tmms } => return Some(Ok(TxTime::Gps(*tmms))),
            When::Tmst(tmst) => (self.downlink.boot_epoch == clock.boot_epoch()).then_some(*tmst),
            When::After { token, delay_us } => open(token)
                .filter(|(boot_epoch, _)| *boot_epoch == clock.boot_epoch())
                .map(|(_, tmst)| tmst.wrapping_add(*delay_us)),
        };
        let Some(tmst) = tmst else { return Some(Err(Skip::OtherBoot)) };
        let in_time = clock.lead_us(tmst, now).is_none_or(|lead| lead >= forwarder.least_lead_us());
        Some(if in_time { Ok(TxTime::Tmst(tmst)) } else { Err(Skip::TooLate) })
    }

    /// The current item has gone out.
    pub fn handed(&mut self, txpk: &Txpk, clock: &Clock, now: i64) {
        self.handed_at = now;
        self.lead_us = match txpk.when {
            TxTime::Tmst(tmst) => clock.lead_us(tmst, now),
            TxTime::Immediately | TxTime::Gps(_) => None,
        };
    }

    /// The current item as `txpk`.
    pub fn txpk(&self, when: TxTime) -> Option<Txpk> {
        let item = self.current()?;
        let deviation_hz = match item.modulation {
            // LoRaWAN's FSK has 25 kHz (RP002, the FSK data rate of the EU868 table).
            Modulation::Fsk { .. } => Some(25_000),
            Modulation::Lora { .. } | Modulation::LrFhss { .. } => None,
        };
        Some(Txpk {
            when,
            frequency_hz: item.frequency_hz,
            rf_chain: 0,
            power_dbm: Some(self.offered),
            modulation: item.modulation,
            coding_rate: item.coding_rate,
            deviation_hz,
            invert_polarity: item.invert_polarity,
            no_crc: item.no_crc,
            preamble: item.preamble,
            phy_payload: item.phy_payload.clone(),
        })
    }

    /// The current item was refused, by the gateway or by us.
    pub fn note(&mut self, refusal: Refusal) {
        if self.refusals.len() < MOST_REFUSALS {
            self.refusals.push((self.item_number(self.item), refusal));
        }
    }

    /// When the gateway's silence becomes the answer.
    pub fn unknown_at(&self) -> i64 {
        let least = self.handed_at.saturating_add(LEAST_PATIENCE_US);
        self.downlink.deadline.clamp(least, self.handed_at.saturating_add(MOST_PATIENCE_US))
    }

    /// The outcome when no item is left.
    pub fn failed(&self) -> Outcome {
        self.refusals.last().map_or(Outcome::Expired, |(_, last)| Outcome::Refused(last.clone()))
    }

    /// The answer to the server. `used` is the power the gateway named, dBm.
    pub fn answer(self, outcome: Outcome, used: Option<i32>) -> TxAck {
        let last = self.downlink.items.len().saturating_sub(1);
        let item = self.item.min(last);
        let handed = self.handed_at != i64::MIN;
        let used = used.and_then(|dbm| i16::try_from(dbm).ok()).unwrap_or(i16::from(self.offered));
        let wanted = self.downlink.items.get(item).map(|item| item.power);
        let hundredths = used.saturating_mul(100);
        TxAck {
            gateway_eui: self.downlink.gateway_eui,
            id: self.downlink.id,
            outcome,
            item: self.item_number(item),
            power: (handed && wanted != Some(hundredths)).then_some(hundredths),
            lead_us: self.lead_us,
            refusals: self.refusals,
        }
    }

    fn item_number(&self, item: usize) -> u8 {
        u8::try_from(item).unwrap_or(u8::MAX)
    }
}

/// A token: the epoch and the counter, big-endian.
pub fn seal(boot_epoch: u32, tmst: u32) -> Token {
    let joined = u64::from(boot_epoch) << 32 | u64::from(tmst);
    Token::try_from(joined.to_be_bytes().as_slice()).expect("eight bytes fit into a token")
}

fn open(token: &Token) -> Option<(u32, u32)> {
    let joined = u64::from_be_bytes(token.as_bytes().try_into().ok()?);
    Some(((joined >> 32) as u32, joined as u32))
}
