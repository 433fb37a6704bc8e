//! PULL_RESP — a frame for a gateway to send. PROTOCOL.TXT, chapters 5.4 and 6.
//!
//! What is written is the least that every forwarder takes: some refuse a `txpk` with `brd` or
//! `ant`, so these are never there. `powe` is an EIRP in whole dBm. What is read is as strict as the
//! reference forwarders, which drop a `txpk` that lacks a mandatory field without any TX_ACK.

use std::fmt::Write;

use gateway_link::{CodingRate, MAX_PHY_PAYLOAD, Modulation};
use serde::Deserialize;

use super::PacketError;
use super::datr::{self, ModulationFault};
use super::field::Field;
use super::header::{DatagramToken, Kind, Version, build as datagram};
use super::rxpk::{Megahertz, frequency, write_modulation};
use crate::semtech::base64;

/// One frame to send, in the protocol's units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Txpk {
    /// When it leaves.
    pub when: TxTime,
    /// Hertz.
    pub frequency_hz: u32,
    /// RF chain; the first one can send everywhere.
    pub rf_chain: u8,
    /// EIRP, dBm; the gateway's default when absent.
    pub power_dbm: Option<i8>,
    /// Modulation and speed.
    pub modulation: Modulation,
    /// Forward error correction.
    pub coding_rate: CodingRate,
    /// FSK frequency deviation, Hz.
    pub deviation_hz: Option<u32>,
    /// Inverted IQ.
    pub invert_polarity: bool,
    /// No payload CRC.
    pub no_crc: bool,
    /// Preamble, symbols or bytes.
    pub preamble: Option<u16>,
    /// MHDR to MIC.
    pub phy_payload: Vec<u8>,
}

/// When a frame leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TxTime {
    /// `imme`.
    Immediately,
    /// `tmst`: when the concentrator's counter shows this.
    Tmst(u32),
    /// `tmms`: ms since 1980-01-06, no leap seconds.
    Gps(u64),
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    txpk: RawTxpk<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawTxpk<'a> {
    #[serde(borrow)]
    imme: Field<'a>,
    tmst: Field<'a>,
    tmms: Field<'a>,
    freq: Field<'a>,
    rfch: Field<'a>,
    powe: Field<'a>,
    modu: Field<'a>,
    datr: Field<'a>,
    codr: Field<'a>,
    fdev: Field<'a>,
    ipol: Field<'a>,
    prea: Field<'a>,
    size: Field<'a>,
    data: Field<'a>,
    ncrc: Field<'a>,
}

impl Txpk {
    /// Reads the JSON body of a PULL_RESP.
    pub fn parse(body: &[u8]) -> Result<Self, PacketError> {
        let body: Body<'_> = serde_json::from_slice(super::trim(body))
            .map_err(|error| PacketError::from_json(&error))?;
        body.txpk.read().map_err(PacketError::Txpk)
    }

    /// A whole datagram, for a server to send. In version 1 the token means nothing.
    pub fn build(&self, version: Version, token: DatagramToken) -> Vec<u8> {
        let mut json = String::with_capacity(260 + self.phy_payload.len() * 4 / 3);
        json.push_str("{\"txpk\":{");
        let _ = match self.when {
            TxTime::Immediately => write!(json, "\"imme\":true"),
            TxTime::Tmst(tmst) => write!(json, "\"imme\":false,\"tmst\":{tmst}"),
            TxTime::Gps(tmms) => write!(json, "\"imme\":false,\"tmms\":{tmms}"),
        };
        let freq = Megahertz(self.frequency_hz);
        let _ = write!(json, ",\"freq\":{freq},\"rfch\":{}", self.rf_chain);
        if let Some(power) = self.power_dbm {
            let _ = write!(json, ",\"powe\":{power}");
        }
        write_modulation(&mut json, self.modulation, self.coding_rate);
        if let Some(deviation) = self.deviation_hz {
            let _ = write!(json, ",\"fdev\":{deviation}");
        }
        let _ = write!(json, ",\"ipol\":{}", self.invert_polarity);
        if let Some(preamble) = self.preamble {
            let _ = write!(json, ",\"prea\":{preamble}");
        }
        let data = base64::encode(&self.phy_payload);
        let (size, ncrc) = (self.phy_payload.len(), self.no_crc);
        let _ = write!(json, ",\"ncrc\":{ncrc},\"size\":{size},\"data\":\"{data}\"}}}}");
        datagram(version, token, Kind::PullResp, &[json.as_bytes()])
    }
}

impl RawTxpk<'_> {
    fn read(&self) -> Result<Txpk, &'static str> {
        let (modulation, coding_rate) =
            datr::parse(&self.modu, &self.datr, &self.codr, &Field::Missing).map_err(|fault| {
                match fault {
                    ModulationFault::Modu => "modu is none of LORA, FSK, LR-FHSS",
                    ModulationFault::Datr => "datr is no data rate of its modulation",
                    ModulationFault::Codr => "codr is no coding rate",
                }
            })?;
        let is_lora = matches!(modulation, Modulation::Lora { .. });
        if is_lora && self.codr.is_missing() {
            return Err("codr is missing");
        }
        let deviation_hz = self.fdev.fits();
        if matches!(modulation, Modulation::Fsk { .. }) && deviation_hz.is_none() {
            return Err("fdev is missing");
        }
        let _: u16 = self.size.fits().ok_or("size is missing")?;
        Ok(Txpk {
            when: self.when()?,
            frequency_hz: frequency(&self.freq).ok_or("freq is no frequency in MHz")?,
            rf_chain: self.rfch.fits().ok_or("rfch is missing")?,
            power_dbm: self.powe.signed().and_then(|dbm| i8::try_from(dbm).ok()),
            modulation,
            coding_rate,
            deviation_hz,
            invert_polarity: self.ipol.truth().unwrap_or(false),
            no_crc: self.ncrc.truth().unwrap_or(false),
            preamble: self.prea.fits(),
            phy_payload: self.phy_payload()?,
        })
    }

    fn when(&self) -> Result<TxTime, &'static str> {
        if self.imme.truth() == Some(true) {
            return Ok(TxTime::Immediately);
        }
        let at_tmst = self.tmst.fits().map(TxTime::Tmst);
        let on_gps = || self.tmms.unsigned().map(TxTime::Gps);
        at_tmst.or_else(on_gps).ok_or("none of imme, tmst, tmms says when")
    }

    fn phy_payload(&self) -> Result<Vec<u8>, &'static str> {
        let decoded = self.data.text().and_then(base64::decode);
        decoded
            .filter(|bytes| (1..=MAX_PHY_PAYLOAD).contains(&bytes.len()))
            .ok_or("data is not Base64 of 1 to 255 bytes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn txpk() -> Txpk {
        Txpk {
            when: TxTime::Tmst(4_294_967_295),
            frequency_hz: 868_100_000,
            rf_chain: 0,
            power_dbm: Some(-6),
            modulation: Modulation::Lora { spreading_factor: 9, bandwidth_hz: 125_000 },
            coding_rate: CodingRate::Cr4_5,
            deviation_hz: None,
            invert_polarity: true,
            no_crc: true,
            preamble: Some(8),
            phy_payload: vec![0x60, 1, 2, 3],
        }
    }

    #[test]
    fn what_is_built_is_what_forwarders_know() {
        let datagram = txpk().build(Version::V2, DatagramToken([0xab, 0xcd]));
        let (header, body) = datagram.split_at(4);
        assert_eq!(header, [2, 0xab, 0xcd, 3]);
        assert_eq!(
            std::str::from_utf8(body).unwrap(),
            concat!(
                r#"{"txpk":{"imme":false,"tmst":4294967295,"freq":868.100000,"rfch":0,"powe":-6,"#,
                r#""modu":"LORA","datr":"SF9BW125","codr":"4/5","ipol":true,"prea":8,"#,
                r#""ncrc":true,"size":4,"data":"YAECAw=="}}"#
            )
        );
        assert_eq!(Txpk::parse(body), Ok(txpk()));
    }

    #[test]
    fn fsk_carries_its_deviation() {
        let fsk = Txpk {
            when: TxTime::Immediately,
            modulation: Modulation::Fsk { bit_rate: 50_000 },
            coding_rate: CodingRate::Off,
            deviation_hz: Some(25_000),
            ..txpk()
        };
        let datagram = fsk.build(Version::V1, DatagramToken([0, 0]));
        assert_eq!(Txpk::parse(&datagram[4..]), Ok(fsk));
    }

    #[test]
    fn a_missing_field_is_named() {
        let datagram = txpk().build(Version::V2, DatagramToken([0, 0]));
        let body = String::from_utf8(datagram[4..].to_vec()).unwrap();
        let table = [
            (r#""tmst":4294967295,"#, "none of imme, tmst, tmms says when"),
            (r#""freq":868.100000,"#, "freq is no frequency in MHz"),
            (r#""rfch":0,"#, "rfch is missing"),
            (r#""codr":"4/5","#, "codr is missing"),
            (r#""size":4,"#, "size is missing"),
        ];
        for (field, reason) in table {
            let without = body.replace(field, "");
            assert_eq!(Txpk::parse(without.as_bytes()), Err(PacketError::Txpk(reason)));
        }
    }
}
