//! `rxpk` — one frame a gateway heard. PROTOCOL.TXT of the Semtech packet forwarder, chapter 4.

use std::fmt::Write;

use gateway_link::{CodingRate, MAX_PHY_PAYLOAD, Modulation};
use serde::Deserialize;

use super::datr::{self, ModulationFault};
use super::field::Field;
use crate::semtech::{base64, time};

/// A frame one gateway heard, in our units.
#[derive(Debug, Clone, PartialEq)]
pub struct Rxpk {
    /// The concentrator's counter at the end of the frame: µs, modulo 2³². Forwarders that count
    /// wider than 32 bits are cut down to it.
    pub tmst: u32,
    /// µs since 1970 UTC, on the gateway's clock.
    pub time: Option<i64>,
    /// ms since 1980-01-06 without leap seconds; what lies before 2008 is some other clock, and left out.
    pub tmms: Option<u64>,
    /// Nanoseconds since the last pulse per second.
    pub fine_time_ns: Option<u32>,
    /// IF channel.
    pub channel: Option<u8>,
    /// RF chain.
    pub rf_chain: Option<u8>,
    /// Antenna, where there are several.
    pub antenna: Option<u8>,
    /// Hertz.
    pub frequency_hz: u32,
    /// What the radio found.
    pub crc: Crc,
    /// Modulation and speed.
    pub modulation: Modulation,
    /// Forward error correction.
    pub coding_rate: CodingRate,
    /// Hundredths of dBm.
    pub rssi: i16,
    /// Hundredths of dB; 0 where the modulation has none.
    pub snr: i16,
    /// Fields that only forwarders over the SX1302 HAL send were there.
    pub sx1302: bool,
    /// MHDR to MIC. Best effort when the CRC is not good.
    pub phy_payload: Vec<u8>,
}

/// The radio's verdict, `stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crc {
    /// `1`.
    Good,
    /// `-1`.
    Bad,
    /// `0`, or not said.
    Absent,
}

/// Why one `rxpk` cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RxpkError {
    /// Not JSON of an object.
    #[error("rxpk is not a JSON object: {0}")]
    Json(String),
    /// `tmst` is missing or no counter.
    #[error("rxpk.tmst is {0}, not a counter in µs")]
    Tmst(String),
    /// `freq` is missing or no radio frequency.
    #[error("rxpk.freq is {0}, not a frequency in MHz")]
    Freq(String),
    /// `stat` is none of 1, 0, −1.
    #[error("rxpk.stat is {0}, none of 1, 0, -1")]
    Stat(String),
    /// `modu` is unknown.
    #[error("rxpk.modu is {0}, none of LORA, FSK, LR-FHSS")]
    Modu(String),
    /// `datr` does not fit `modu`.
    #[error("rxpk.datr is {0}, which is no data rate of its modulation")]
    Datr(String),
    /// `codr` is unknown.
    #[error("rxpk.codr is {0}, which is no coding rate")]
    Codr(String),
    /// No `rssi`, at the top or in `rsig`, or an impossible one.
    #[error("rxpk.rssi is {0}, not a level in dBm")]
    Rssi(String),
    /// No `lsnr` though the modulation is LoRa, or an impossible one.
    #[error("rxpk.lsnr is {0}, not a ratio in dB")]
    Lsnr(String),
    /// `data` is missing or not Base64.
    #[error("rxpk.data is {0}, not Base64")]
    Data(String),
    /// `data` is empty or longer than a radio can carry.
    #[error("rxpk.data has {0} bytes, not 1 to 255")]
    Size(usize),
}

impl RxpkError {
    /// Every label, in the order of the variants.
    pub const LABELS: [&'static str; 11] =
        ["json", "tmst", "freq", "stat", "modu", "datr", "codr", "rssi", "lsnr", "data", "size"];

    /// A metric label.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Json(_) => "json",
            Self::Tmst(_) => "tmst",
            Self::Freq(_) => "freq",
            Self::Stat(_) => "stat",
            Self::Modu(_) => "modu",
            Self::Datr(_) => "datr",
            Self::Codr(_) => "codr",
            Self::Rssi(_) => "rssi",
            Self::Lsnr(_) => "lsnr",
            Self::Data(_) => "data",
            Self::Size(_) => "size",
        }
    }
}

/// The JSON object, values as they come.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawRxpk<'a> {
    #[serde(borrow)]
    tmst: Field<'a>,
    time: Field<'a>,
    tmms: Field<'a>,
    ftime: Field<'a>,
    chan: Field<'a>,
    rfch: Field<'a>,
    ant: Field<'a>,
    freq: Field<'a>,
    stat: Field<'a>,
    modu: Field<'a>,
    datr: Field<'a>,
    codr: Field<'a>,
    hpw: Field<'a>,
    rssi: Field<'a>,
    lsnr: Field<'a>,
    foff: Field<'a>,
    data: Field<'a>,
    rsig: Vec<RawRsig<'a>>,
}

/// One antenna's view of the frame, in messages with `jver` 2.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawRsig<'a> {
    #[serde(borrow)]
    ant: Field<'a>,
    chan: Field<'a>,
    lsnr: Field<'a>,
    rssic: Field<'a>,
    rssi: Field<'a>,
    ftime: Field<'a>,
}

// 2008-07: the protocol is younger. Some forwarders put seconds, or a counter, into `tmms`.
const LEAST_TMMS: u64 = 900_000_000_000;

impl RawRxpk<'_> {
    pub(super) fn read(&self) -> Result<Rxpk, RxpkError> {
        let tmst = self.tmst.unsigned().ok_or_else(|| RxpkError::Tmst(self.tmst.excerpt()))?;
        let crc = self.crc()?;
        let (modulation, coding_rate) = datr::parse(&self.modu, &self.datr, &self.codr, &self.hpw)
            .map_err(|fault| match fault {
                ModulationFault::Modu => RxpkError::Modu(self.modu.excerpt()),
                ModulationFault::Datr => RxpkError::Datr(self.datr.excerpt()),
                ModulationFault::Codr => RxpkError::Codr(self.codr.excerpt()),
            })?;
        let best = self.best_antenna();
        let fine = best.map_or(&self.ftime, |rsig| &rsig.ftime);
        Ok(Rxpk {
            tmst: tmst as u32,
            time: self.time.text().and_then(time::parse),
            tmms: self.tmms.unsigned().filter(|&tmms| tmms >= LEAST_TMMS),
            fine_time_ns: fine.fits().filter(|&nanos: &u32| nanos < 1_000_000_000),
            channel: best.and_then(|rsig| rsig.chan.fits()).or_else(|| self.chan.fits()),
            rf_chain: self.rfch.fits(),
            antenna: best.and_then(|rsig| rsig.ant.fits()).or_else(|| self.ant.fits()),
            frequency_hz: frequency(&self.freq)
                .ok_or_else(|| RxpkError::Freq(self.freq.excerpt()))?,
            crc,
            modulation,
            coding_rate,
            rssi: self.rssi(best)?,
            snr: self.snr(best, modulation)?,
            sx1302: !self.foff.is_missing(),
            phy_payload: self.phy_payload(crc)?,
        })
    }

    fn crc(&self) -> Result<Crc, RxpkError> {
        match (&self.stat, self.stat.signed()) {
            (_, Some(1)) => Ok(Crc::Good),
            (_, Some(0)) | (Field::Missing, _) => Ok(Crc::Absent),
            (_, Some(-1)) => Ok(Crc::Bad),
            _ => Err(RxpkError::Stat(self.stat.excerpt())),
        }
    }

    /// The antenna with the best SNR, the first of equals.
    fn best_antenna(&self) -> Option<&RawRsig<'_>> {
        let snr = |rsig: &RawRsig<'_>| rsig.lsnr.number().unwrap_or(f64::NEG_INFINITY);
        self.rsig.iter().reduce(|best, next| if snr(next) > snr(best) { next } else { best })
    }

    fn rssi(&self, best: Option<&RawRsig<'_>>) -> Result<i16, RxpkError> {
        let of_antenna = best.and_then(|rsig| rsig.rssic.number().or_else(|| rsig.rssi.number()));
        of_antenna
            .or_else(|| self.rssi.number())
            .filter(|level| (-300.0..=100.0).contains(level))
            .map(hundredths)
            .ok_or_else(|| RxpkError::Rssi(self.rssi.excerpt()))
    }

    fn snr(&self, best: Option<&RawRsig<'_>>, modulation: Modulation) -> Result<i16, RxpkError> {
        let ratio = best.and_then(|rsig| rsig.lsnr.number()).or_else(|| self.lsnr.number());
        match (ratio, modulation) {
            (Some(ratio), _) if (-100.0..=100.0).contains(&ratio) => Ok(hundredths(ratio)),
            (None, Modulation::Fsk { .. } | Modulation::LrFhss { .. }) => Ok(0),
            (Some(_), _) | (None, Modulation::Lora { .. }) => {
                Err(RxpkError::Lsnr(self.lsnr.excerpt()))
            }
        }
    }

    // `size` is not compared: forwarders are known that halve it, and `data` says it better.
    fn phy_payload(&self, crc: Crc) -> Result<Vec<u8>, RxpkError> {
        let decoded = self.data.text().and_then(base64::decode);
        if crc != Crc::Good {
            return Ok(decoded.unwrap_or_default());
        }
        let phy_payload = decoded.ok_or_else(|| RxpkError::Data(self.data.excerpt()))?;
        match phy_payload.len() {
            1..=MAX_PHY_PAYLOAD => Ok(phy_payload),
            length => Err(RxpkError::Size(length)),
        }
    }
}

/// MHz as written, to Hz; 100 MHz to 4.2 GHz.
pub(super) fn frequency(freq: &Field<'_>) -> Option<u32> {
    let hertz = (freq.number()? * 1e6).round();
    (1e8..4.2e9).contains(&hertz).then_some(hertz as u32)
}

fn hundredths(value: f64) -> i16 {
    (value * 100.0).round() as i16
}

impl Rxpk {
    /// Appends the JSON object, as the reference forwarder writes it.
    pub(super) fn write(&self, json: &mut String) {
        let _ = write!(json, "{{\"tmst\":{}", self.tmst);
        if let Some(at) = self.time {
            let _ = write!(json, ",\"time\":\"{}\"", time::to_iso(at));
        }
        optional(json, "tmms", self.tmms);
        optional(json, "ftime", self.fine_time_ns);
        optional(json, "chan", self.channel);
        optional(json, "rfch", self.rf_chain);
        optional(json, "ant", self.antenna);
        if self.sx1302 {
            json.push_str(",\"foff\":0");
        }
        let stat = match self.crc {
            Crc::Good => 1,
            Crc::Bad => -1,
            Crc::Absent => 0,
        };
        let _ = write!(json, ",\"freq\":{},\"stat\":{stat}", Megahertz(self.frequency_hz));
        write_modulation(json, self.modulation, self.coding_rate);
        let _ = write!(json, ",\"rssi\":{}", f64::from(self.rssi) / 100.0);
        if !matches!(self.modulation, Modulation::Fsk { .. }) {
            let _ = write!(json, ",\"lsnr\":{:.2}", f64::from(self.snr) / 100.0);
        }
        let data = base64::encode(&self.phy_payload);
        let _ = write!(json, ",\"size\":{},\"data\":\"{data}\"}}", self.phy_payload.len());
    }
}

fn optional<T: std::fmt::Display>(json: &mut String, key: &str, value: Option<T>) {
    if let Some(value) = value {
        let _ = write!(json, ",\"{key}\":{value}");
    }
}

/// Prints as MHz with exactly six decimals.
pub(super) struct Megahertz(pub u32);

impl std::fmt::Display for Megahertz {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

/// `modu`, `datr`, `codr` and `hpw`, where the modulation has them.
pub(super) fn write_modulation(json: &mut String, modulation: Modulation, codr: CodingRate) {
    let modu = datr::modu(modulation);
    let _ = match modulation {
        Modulation::Lora { .. } => {
            write!(json, ",\"modu\":\"{modu}\",\"datr\":\"{modulation}\",\"codr\":\"{codr}\"")
        }
        Modulation::Fsk { bit_rate } => {
            write!(json, ",\"modu\":\"{modu}\",\"datr\":{bit_rate}")
        }
        Modulation::LrFhss { grid_step, .. } => {
            optional(json, "hpw", grid_step);
            write!(json, ",\"modu\":\"{modu}\",\"datr\":\"{modulation}\",\"codr\":\"{codr}\"")
        }
    };
}
