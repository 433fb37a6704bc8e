//! `stat` — what a gateway tells of itself. PROTOCOL.TXT of the Semtech packet forwarder, chapter 4.

use gateway_link::Stats;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::field::Field;
use crate::semtech::time;

/// The JSON object, values as they come.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawStat<'a> {
    #[serde(borrow)]
    time: Field<'a>,
    lati: Field<'a>,
    long: Field<'a>,
    alti: Field<'a>,
    rxnb: Field<'a>,
    rxok: Field<'a>,
    rxfw: Field<'a>,
    ackr: Field<'a>,
    dwnb: Field<'a>,
    txnb: Field<'a>,
    temp: Field<'a>,
    cpur: Field<'a>,
    memr: Field<'a>,
    lpps: Field<'a>,
    boot: Field<'a>,
    hal: Field<'a>,
    fpga: Field<'a>,
    dsp: Field<'a>,
    pfrm: Field<'a>,
    mail: Field<'a>,
    desc: Field<'a>,
}

impl RawStat<'_> {
    /// Takes what can be used; a field that cannot is left out.
    pub(super) fn read(&self) -> Stats {
        let degrees = |field: &Field<'_>, most: f64| field.number().filter(|d| d.abs() <= most);
        Stats {
            time: self.time.text().and_then(time::parse),
            lati: degrees(&self.lati, 90.0),
            long: degrees(&self.long, 180.0),
            alti: self.alti.number().map(|metres| metres.round() as i32),
            rxnb: self.rxnb.fits(),
            rxok: self.rxok.fits(),
            rxfw: self.rxfw.fits(),
            ackr: self.ackr.number(),
            dwnb: self.dwnb.fits(),
            txnb: self.txnb.fits(),
            temp: self.temp.number(),
            cpur: self.cpur.number(),
            memr: self.memr.number(),
            lpps: self.lpps.fits(),
            boot: self.boot.text().and_then(time::parse),
            hal: short(&self.hal),
            fpga: self.fpga.fits(),
            dsp: self.dsp.fits(),
            pfrm: short(&self.pfrm),
            mail: short(&self.mail),
            desc: short(&self.desc),
        }
    }
}

fn short(field: &Field<'_>) -> Option<String> {
    field.text().filter(|text| !text.is_empty()).map(|text| text.chars().take(64).collect())
}

/// The JSON object, with the fields that are there.
pub(super) fn to_json(stats: &Stats) -> Value {
    let gmt = |at: Option<i64>| at.map(time::to_gmt);
    let fields = [
        ("time", json!(gmt(stats.time))),
        ("lati", json!(stats.lati)),
        ("long", json!(stats.long)),
        ("alti", json!(stats.alti)),
        ("rxnb", json!(stats.rxnb)),
        ("rxok", json!(stats.rxok)),
        ("rxfw", json!(stats.rxfw)),
        ("ackr", json!(stats.ackr)),
        ("dwnb", json!(stats.dwnb)),
        ("txnb", json!(stats.txnb)),
        ("temp", json!(stats.temp)),
        ("cpur", json!(stats.cpur)),
        ("memr", json!(stats.memr)),
        ("lpps", json!(stats.lpps)),
        ("boot", json!(gmt(stats.boot))),
        ("hal", json!(stats.hal)),
        ("fpga", json!(stats.fpga)),
        ("dsp", json!(stats.dsp)),
        ("pfrm", json!(stats.pfrm)),
        ("mail", json!(stats.mail)),
        ("desc", json!(stats.desc)),
    ];
    let present = fields.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(present.map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>())
}
