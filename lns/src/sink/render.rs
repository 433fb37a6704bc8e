//! Events as JSON, the way `docs/MQTT.md` shows them.
//!
//! Written straight into the caller's buffer, which it reuses: no tree of values on the way of an
//! uplink.

mod body;
mod gateway;
mod group;
mod report;
mod text;

use lns_core::effect::{AppEvent, EventKind, Stage, UplinkEvent};
use lns_core::event::{Fate, Reception};
use lns_lorawan::{DevEui, GatewayEui, Timestamp};
use serde::Serialize;
use serde_json::Value;

use super::downlink_request::Refused;
use super::topics::Topics;
use body::{Downlink, Gateway, Join, LoRaWan, Metadata, Radio, Refusal, Uplink};
pub use gateway::{GatewayLabel, gateway_connected, gateway_disconnected, gateway_stat};
pub use group::{EventOfGroup, group_news};
pub use report::proprietary;
use text::{Base64, Shown, window};
pub use text::{EventId, MessageId, MessageIdError};

/// The FPort that an uplink without one is reported with, as AWS does.
const NO_F_PORT: u8 = 225;

/// How an application knows a device.
#[derive(Clone, Copy, Debug)]
pub struct DeviceLabel<'a> {
    /// The device.
    pub dev_eui: DevEui,
    /// Its id in the HTTP API.
    pub wireless_device_id: &'a str,
    /// Its name; empty when it has none.
    pub name: &'a str,
}

/// Where a gateway stands.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Location {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// Metres above the sea.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub altitude: Option<f64>,
}

/// Where gateways stand; `None` where nobody knows.
pub type Locate<'a> = &'a dyn Fn(GatewayEui) -> Option<Location>;

/// What the profile's codec made of an uplink's payload.
#[derive(Clone, Copy, Debug)]
pub enum Decoding<'a> {
    /// There is no codec, or nothing to decode.
    None,
    /// It was read.
    Object {
        /// The object that the codec returned.
        data: &'a Value,
        /// What it found odd in it.
        warnings: &'a [String],
    },
    /// Why it failed.
    Failed(&'a str),
}

/// Where an event is to be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where {
    /// On the topic of the device's destination.
    Destination,
    /// On this topic.
    Topic(Topics),
}

/// Writes an event's body into `to`, which is emptied first, and says where it belongs.
///
/// `decoding` is for uplinks and else not looked at.
pub fn event(
    to: &mut Vec<u8>,
    about: (&DeviceLabel<'_>, &AppEvent),
    decoding: Decoding<'_>,
    locate: Locate<'_>,
) -> Where {
    let (device, event) = about;
    match &event.kind {
        EventKind::Uplink(uplink) => {
            write(to, &uplink_body(about, uplink, decoding, locate));
            Where::Destination
        }
        EventKind::Joined { join_eui, dev_addr, receptions } => {
            let body = Join {
                event_id: Shown(event_id(about)),
                dev_eui: device.dev_eui,
                dev_addr: *dev_addr,
                join_eui: *join_eui,
                wireless_device_id: device.wireless_device_id,
                device_name: device.name,
                timestamp: Shown(event.at),
                gateways: gateways(receptions, locate),
            };
            write(to, &body);
            Where::Topic(Topics::Join(device.dev_eui))
        }
        EventKind::Downlink { id, correlation_id, f_port, stage } => {
            let blank = Downlink {
                event_id: Shown(event_id(about)),
                dev_eui: device.dev_eui,
                message_id: Shown(MessageId(*id)),
                correlation_id: correlation_id.as_deref(),
                f_port: *f_port,
                status: "",
                f_cnt_down: None,
                f_cnt_up: None,
                gateway: None,
                window: None,
                estimated_margin: None,
                cause: None,
                attempts: None,
                will_retry: None,
                timestamp: Shown(event.at),
            };
            let (body, topic) = downlink_body(blank, stage, device.dev_eui);
            write(to, &body);
            Where::Topic(topic)
        }
        EventKind::Counters { got, last, recount } => {
            Where::Topic(report::counters(to, about, (*got, *last), *recount))
        }
        EventKind::Relayed(relayed) => Where::Topic(report::relayed(to, about, relayed)),
        EventKind::ProprietaryMac { f_cnt_up, commands } => {
            Where::Topic(report::proprietary_mac(to, about, (*f_cnt_up, commands)))
        }
    }
}

/// Writes the answer to a request that was not taken, and says where it belongs.
pub fn refused_request(
    to: &mut Vec<u8>,
    device: DevEui,
    refused: &Refused,
    at: Timestamp,
) -> Topics {
    let text = refused.error.to_string();
    let error = RequestFailure {
        label: refused.error.label(),
        message: &text,
        correlation_id: refused.correlation_id.as_deref(),
    };
    error.write(to, device, at)
}

/// Why a request was not taken, by whichever room could not: the labels are in `docs/MQTT.md`.
#[derive(Clone, Copy, Debug)]
pub struct RequestFailure<'a> {
    /// The `Error`.
    pub label: &'a str,
    /// What happened and what to do, for people.
    pub message: &'a str,
    /// The application's mark.
    pub correlation_id: Option<&'a str>,
}

impl RequestFailure<'_> {
    /// Writes the answer, and says where it belongs.
    pub fn write(&self, to: &mut Vec<u8>, device: DevEui, at: Timestamp) -> Topics {
        let body = Refusal {
            dev_eui: device,
            error: self.label,
            message: self.message,
            correlation_id: self.correlation_id,
            timestamp: Shown(at),
        };
        write(to, &body);
        Topics::Error(device)
    }
}

fn write(to: &mut Vec<u8>, body: &impl Serialize) {
    to.clear();
    serde_json::to_writer(to, body).expect("our bodies have text keys, and a Vec takes every byte");
}

fn event_id((device, event): (&DeviceLabel<'_>, &AppEvent)) -> EventId {
    EventId::new(device.dev_eui, event.number)
}

fn uplink_body<'a>(
    about: (&'a DeviceLabel<'a>, &'a AppEvent),
    uplink: &'a UplinkEvent,
    decoding: Decoding<'a>,
    locate: Locate<'_>,
) -> Uplink<'a> {
    let (device, event) = about;
    let best = uplink.receptions.first();
    let (decoded_payload, decode_warnings, decode_error) = match decoding {
        Decoding::None => (None, &[][..], None),
        Decoding::Object { data, warnings } => (Some(data), warnings, None),
        Decoding::Failed(why) => (None, &[][..], Some(why)),
    };
    let lo_ra_wan = LoRaWan {
        adr: uplink.adr,
        class_b: uplink.class_b,
        data_rate: Shown(uplink.data_rate),
        dev_addr: uplink.dev_addr,
        dev_eui: device.dev_eui,
        f_opt_len: uplink.f_opts_len,
        f_cnt: uplink.f_cnt_up.0,
        f_port: uplink.f_port.unwrap_or(NO_F_PORT),
        battery: uplink.battery,
        margin: uplink.margin,
        gateways: gateways(&uplink.receptions, locate),
        mic: Shown(uplink.mic),
        m_type: if uplink.confirmed { "ConfirmedDataUp" } else { "UnconfirmedDataUp" },
        major: "LoRaWANR1",
        polarization_inversion: false,
        radio: best.map(Radio::of),
        timestamp: Shown(best.map_or(event.at, |best| best.air_time)),
    };
    Uplink {
        wireless_device_id: device.wireless_device_id,
        payload_data: Base64(&uplink.frm_payload),
        wireless_metadata: Metadata { lo_ra_wan },
        event_id: Shown(event_id(about)),
        device_name: device.name,
        decoded_payload,
        decode_warnings,
        decode_error,
        acked_message_id: uplink.acked.map(|id| Shown(MessageId(id))),
    }
}

fn gateways(receptions: &[Reception], locate: Locate<'_>) -> Vec<Gateway> {
    let gateway = |reception: &Reception| Gateway::of(reception, locate(reception.gateway));
    receptions.iter().map(gateway).collect()
}

/// What is durable and about the downlink goes to `…/ack`, what happened to one transmission of it
/// to `…/txack`.
fn downlink_body<'a>(
    blank: Downlink<'a>,
    stage: &'a Stage,
    device: DevEui,
) -> (Downlink<'a>, Topics) {
    let ack = Topics::Ack(device);
    match stage {
        Stage::Queued => (Downlink { status: "queued", ..blank }, ack),
        Stage::Handed { fate, f_cnt_down, gateway, window: used, again, margin } => {
            let (status, cause) = match fate {
                Fate::Accepted => ("accepted", None),
                Fate::Refused(cause) => ("refused", Some(&**cause)),
                Fate::Unknown => ("unknown", None),
                Fate::Expired => ("expired", None),
            };
            let body = Downlink {
                status,
                cause,
                f_cnt_down: Some(f_cnt_down.0),
                gateway: *gateway,
                window: used.map(window),
                estimated_margin: margin.map(Into::into),
                will_retry: Some(*again),
                ..blank
            };
            (body, Topics::TxAck(device))
        }
        Stage::Acked { f_cnt_down, f_cnt_up } => {
            let (down, up) = (Some(f_cnt_down.0), Some(f_cnt_up.0));
            (Downlink { status: "acked", f_cnt_down: down, f_cnt_up: up, ..blank }, ack)
        }
        Stage::Failed { attempts } => {
            (Downlink { status: "failed", attempts: Some(*attempts), ..blank }, ack)
        }
        Stage::Expired => (Downlink { status: "expired", ..blank }, ack),
        Stage::Impossible(cause) => {
            (Downlink { status: "impossible", cause: Some(&**cause), ..blank }, ack)
        }
        Stage::Dropped => (Downlink { status: "dropped", ..blank }, ack),
    }
}
