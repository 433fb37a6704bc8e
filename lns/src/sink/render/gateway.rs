//! What is told of gateways.

use gateway_link::Stats;
use lns_lorawan::{GatewayEui, TimeDelta, Timestamp};
use serde::Serialize;

use super::text::{EventId, Shown};
use super::{Location, write};
use crate::sink::topics::Topics;

/// How an application knows a gateway.
#[derive(Clone, Copy, Debug)]
pub struct GatewayLabel<'a> {
    /// The gateway.
    pub gateway_eui: GatewayEui,
    /// Its id in the HTTP API; `None` when it is not registered.
    pub wireless_gateway_id: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Event<'a, T: Serialize> {
    event_id: Shown<EventId>,
    gateway_eui: GatewayEui,
    #[serde(skip_serializing_if = "Option::is_none")]
    wireless_gateway_id: Option<&'a str>,
    timestamp: Shown<Timestamp>,
    #[serde(flatten)]
    more: T,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Connected<'a> {
    address: &'a str,
    protocol: u8,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Disconnected {
    silent_seconds: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Stat<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<Shown<Timestamp>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<Location>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rx_received: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rx_ok: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rx_forwarded: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ack_ratio: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tx_received: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tx_emitted: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    contact: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
}

/// A gateway has come: from `address`, speaking that version of the Semtech protocol.
pub fn gateway_connected(
    to: &mut Vec<u8>,
    gateway: GatewayLabel<'_>,
    at: Timestamp,
    (address, protocol): (&str, u8),
) -> Topics {
    tell(to, gateway, at, Connected { address, protocol });
    Topics::GatewayConnected(gateway.gateway_eui)
}

/// A gateway is gone, after `silence`.
pub fn gateway_disconnected(
    to: &mut Vec<u8>,
    gateway: GatewayLabel<'_>,
    at: Timestamp,
    silence: TimeDelta,
) -> Topics {
    tell(to, gateway, at, Disconnected { silent_seconds: silence.micros() / 1_000_000 });
    Topics::GatewayDisconnected(gateway.gateway_eui)
}

/// A gateway has told of itself.
pub fn gateway_stat(
    to: &mut Vec<u8>,
    gateway: GatewayLabel<'_>,
    at: Timestamp,
    stats: &Stats,
) -> Topics {
    // Forwarders without a position send zeros.
    let placed = stats.lati.zip(stats.long).filter(|place| *place != (0.0, 0.0));
    let more = Stat {
        time: stats.time.map(Timestamp::from_micros).map(Shown),
        location: placed.map(|(latitude, longitude)| Location {
            latitude,
            longitude,
            altitude: stats.alti.map(f64::from),
        }),
        rx_received: stats.rxnb,
        rx_ok: stats.rxok,
        rx_forwarded: stats.rxfw,
        ack_ratio: stats.ackr,
        tx_received: stats.dwnb,
        tx_emitted: stats.txnb,
        temperature: stats.temp,
        platform: stats.pfrm.as_deref(),
        contact: stats.mail.as_deref(),
        description: stats.desc.as_deref(),
        version: stats.hal.as_deref(),
    };
    tell(to, gateway, at, more);
    Topics::GatewayStat(gateway.gateway_eui)
}

fn tell(to: &mut Vec<u8>, gateway: GatewayLabel<'_>, at: Timestamp, more: impl Serialize) {
    let body = Event {
        event_id: Shown(EventId::of_gateway(gateway.gateway_eui, at)),
        gateway_eui: gateway.gateway_eui,
        wireless_gateway_id: gateway.wireless_gateway_id,
        timestamp: Shown(at),
        more,
    };
    write(to, &body);
}
