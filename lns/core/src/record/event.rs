//! An undelivered event in a record. Times are kept relative to each other, which makes them short.

use std::sync::Arc;

use lns_lorawan::{
    DataRateIndex, Db, Dbm, DevAddr, FCntUp, Frequency, GatewayEui, JoinEui, Mic, Modulation,
    TimeDelta, Timestamp, Tmst,
};
use serde::{Deserialize, Serialize};

use crate::effect::{AppEvent, EventKind, Recount, RelayedUplink, Stage, UplinkEvent};
use crate::event::Reception;

#[derive(Serialize, Deserialize)]
pub(super) struct EventV1 {
    sequence: u64,
    number: u64,
    at: i64,
    kind: KindV1,
}

#[derive(Serialize, Deserialize)]
enum KindV1 {
    Uplink(Box<UplinkV1>),
    Joined {
        join_eui: JoinEui,
        dev_addr: DevAddr,
        receptions: Vec<ReceptionV1>,
    },
    Downlink {
        id: u64,
        correlation_id: Option<Box<str>>,
        f_port: u8,
        stage: Stage,
    },
    // Not in the first release, which wrote none of these.
    Counters {
        got: FCntUp,
        last: FCntUp,
        recount: Recount,
    },
    Relayed(Box<RelayedUplink>),
    ProprietaryMac {
        f_cnt_up: FCntUp,
        commands: Box<[u8]>,
    },
    /// A downlink that was handed over, and its estimated margin.
    WithMargin(Db, Box<KindV1>),
}

/// Flags, from the lowest bit: confirmed, ADR, class B, ACK.
#[derive(Serialize, Deserialize)]
struct UplinkV1 {
    dev_addr: DevAddr,
    f_cnt_up: FCntUp,
    flags: u8,
    f_opts_len: u8,
    f_port: Option<u8>,
    frm_payload: Box<[u8]>,
    mic: [u8; 4],
    data_rate: DataRateIndex,
    battery: Option<u8>,
    margin: Option<i8>,
    acked: Option<u64>,
    receptions: Vec<ReceptionV1>,
}

/// Without the bridge's token: what has been decided is not answered any more.
#[derive(Serialize, Deserialize)]
struct ReceptionV1 {
    gateway: [u8; 8],
    /// µs before the event.
    arrived: i64,
    /// µs before its arrival.
    air_time: i64,
    tmst: u32,
    boot_epoch: u32,
    frequency: Frequency,
    modulation: Modulation,
    coding_rate: Arc<str>,
    rssi: Dbm,
    snr: Db,
    channel: Option<u8>,
    rf_chain: Option<u8>,
    antenna: Option<u8>,
    /// µs before its arrival.
    gateway_time: Option<i64>,
    tmms: Option<u64>,
}

impl From<&AppEvent> for EventV1 {
    fn from(event: &AppEvent) -> Self {
        let at = event.at;
        let kind = match &event.kind {
            EventKind::Uplink(uplink) => {
                KindV1::Uplink(Box::new(UplinkV1::from_uplink(uplink, at)))
            }
            EventKind::Joined { join_eui, dev_addr, receptions } => KindV1::Joined {
                join_eui: *join_eui,
                dev_addr: *dev_addr,
                receptions: from_receptions(receptions, at),
            },
            EventKind::Downlink { id, correlation_id, f_port, stage } => {
                let downlink = KindV1::Downlink {
                    id: *id,
                    correlation_id: correlation_id.clone(),
                    f_port: *f_port,
                    stage: stage.clone(),
                };
                if let Stage::Handed { margin: Some(margin), .. } = stage {
                    KindV1::WithMargin(*margin, Box::new(downlink))
                } else {
                    downlink
                }
            }
            EventKind::Counters { got, last, recount } => {
                KindV1::Counters { got: *got, last: *last, recount: *recount }
            }
            EventKind::Relayed(relayed) => KindV1::Relayed(relayed.clone()),
            EventKind::ProprietaryMac { f_cnt_up, commands } => {
                KindV1::ProprietaryMac { f_cnt_up: *f_cnt_up, commands: commands.clone() }
            }
        };
        EventV1 { sequence: event.sequence, number: event.number, at: at.micros(), kind }
    }
}

impl From<EventV1> for AppEvent {
    fn from(record: EventV1) -> Self {
        let at = Timestamp::from_micros(record.at);
        AppEvent {
            sequence: record.sequence,
            number: record.number,
            at,
            kind: record.kind.read(at),
        }
    }
}

impl KindV1 {
    /// What it stands for, in an event at `at`.
    fn read(self, at: Timestamp) -> EventKind {
        match self {
            KindV1::Uplink(uplink) => EventKind::Uplink(Box::new(uplink.into_uplink(at))),
            KindV1::Joined { join_eui, dev_addr, receptions } => EventKind::Joined {
                join_eui,
                dev_addr,
                receptions: into_receptions(receptions, at),
            },
            KindV1::Downlink { id, correlation_id, f_port, stage } => {
                EventKind::Downlink { id, correlation_id, f_port, stage }
            }
            KindV1::Counters { got, last, recount } => EventKind::Counters { got, last, recount },
            KindV1::Relayed(relayed) => EventKind::Relayed(relayed),
            KindV1::ProprietaryMac { f_cnt_up, commands } => {
                EventKind::ProprietaryMac { f_cnt_up, commands }
            }
            // Never within itself: what is not a downlink that was handed over is left as it is.
            KindV1::WithMargin(estimate, inner) => {
                let mut kind = inner.read(at);
                if let EventKind::Downlink { stage: Stage::Handed { margin, .. }, .. } = &mut kind {
                    *margin = Some(estimate);
                }
                kind
            }
        }
    }
}

impl UplinkV1 {
    fn from_uplink(uplink: &UplinkEvent, at: Timestamp) -> Self {
        let flags = [uplink.confirmed, uplink.adr, uplink.class_b, uplink.ack];
        UplinkV1 {
            dev_addr: uplink.dev_addr,
            f_cnt_up: uplink.f_cnt_up,
            flags: flags.iter().rev().fold(0, |bits, flag| bits << 1 | u8::from(*flag)),
            f_opts_len: uplink.f_opts_len,
            f_port: uplink.f_port,
            frm_payload: uplink.frm_payload.clone(),
            mic: uplink.mic.0,
            data_rate: uplink.data_rate,
            battery: uplink.battery,
            margin: uplink.margin,
            acked: uplink.acked,
            receptions: from_receptions(&uplink.receptions, at),
        }
    }

    fn into_uplink(self, at: Timestamp) -> UplinkEvent {
        let flag = |bit: u8| self.flags & (1 << bit) != 0;
        UplinkEvent {
            dev_addr: self.dev_addr,
            f_cnt_up: self.f_cnt_up,
            confirmed: flag(0),
            adr: flag(1),
            class_b: flag(2),
            ack: flag(3),
            f_opts_len: self.f_opts_len,
            f_port: self.f_port,
            frm_payload: self.frm_payload,
            mic: Mic(self.mic),
            data_rate: self.data_rate,
            battery: self.battery,
            margin: self.margin,
            acked: self.acked,
            receptions: into_receptions(self.receptions, at),
        }
    }
}

fn from_receptions(receptions: &[Reception], at: Timestamp) -> Vec<ReceptionV1> {
    receptions.iter().map(|reception| ReceptionV1::from_reception(reception, at)).collect()
}

fn into_receptions(receptions: Vec<ReceptionV1>, at: Timestamp) -> Vec<Reception> {
    receptions.into_iter().map(|reception| reception.into_reception(at)).collect()
}

impl ReceptionV1 {
    fn from_reception(reception: &Reception, at: Timestamp) -> Self {
        let arrived = reception.arrived;
        ReceptionV1 {
            gateway: reception.gateway.to_be_bytes(),
            arrived: at.since(arrived).micros(),
            air_time: arrived.since(reception.air_time).micros(),
            tmst: reception.tmst.0,
            boot_epoch: reception.boot_epoch,
            frequency: reception.frequency,
            modulation: reception.modulation,
            coding_rate: Arc::clone(&reception.coding_rate),
            rssi: reception.rssi,
            snr: reception.snr,
            channel: reception.channel,
            rf_chain: reception.rf_chain,
            antenna: reception.antenna,
            gateway_time: reception.gateway_time.map(|time| arrived.since(time).micros()),
            tmms: reception.tmms,
        }
    }

    fn into_reception(self, at: Timestamp) -> Reception {
        let arrived = at.minus(TimeDelta::from_micros(self.arrived));
        Reception {
            gateway: GatewayEui::from_be_bytes(self.gateway),
            arrived,
            air_time: arrived.minus(TimeDelta::from_micros(self.air_time)),
            tmst: Tmst(self.tmst),
            boot_epoch: self.boot_epoch,
            token: Box::default(),
            frequency: self.frequency,
            modulation: self.modulation,
            coding_rate: self.coding_rate,
            rssi: self.rssi,
            snr: self.snr,
            channel: self.channel,
            rf_chain: self.rf_chain,
            antenna: self.antenna,
            gateway_time: self
                .gateway_time
                .map(|before| arrived.minus(TimeDelta::from_micros(before))),
            tmms: self.tmms,
        }
    }
}
