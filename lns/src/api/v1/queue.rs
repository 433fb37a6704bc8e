//! `/v1/wireless-devices/{id}/queue`: the downlink queue with payloads, objects and marks.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lns_core::device::{Missed, Waits};
use lns_core::event::QueueItem;
use lns_core::radio::lane::NoOffer;
use lns_lorawan::TimeDelta;
use serde_json::{Map, Value, json};

use crate::api::common::{done, json_of, list_of, put};
use crate::api::fields::{Fields, wrong};
use crate::api::params::{Label, Params};
use crate::api::queue::{enqueue, fits, id_text, page, payload, take_off, which};
use crate::api::running::{CodecRefusal, Encoding, QueuedItem};
use crate::api::telling::answer;
use crate::api::{Answer, ApiError, ApiState, Shared};
use crate::message::downlink_id;
use crate::registry::WirelessDevice;

use super::devices::find;

/// The longest wait that may be asked for, in s: a year.
const LONGEST_WAIT: u32 = 31_536_000;

/// Queues a downlink: `payload_data` in base64, or `payload`, which the device's codec encodes.
pub async fn send(State(state): Shared, Label(label): Label, body: Bytes) -> Answer {
    let device = find(&state, &label)?;
    let mut fields = Fields::parse(&body)?;
    let f_port = fields.whole("f_port", 1..=224)?;
    let f_port = f_port.map(|port| u8::try_from(port).expect("at most 224"));
    let confirmed = fields.flag("confirmed")?.unwrap_or(false);
    let correlation_id = fields.text("correlation_id", 1..=128)?;
    let wait = fields.whole("expires_in_s", 1..=LONGEST_WAIT)?;
    let text = fields.text("payload_data", 0..=2048)?;
    let object = fields.take("payload");
    fields.finish()?;
    let (payload, f_port) = match (text, object) {
        (Some(text), None) => (payload("payload_data", &text)?, f_port),
        (None, Some(object)) => encode(&state, &device, (object, f_port)).await?,
        (Some(_), Some(_)) | (None, None) => {
            return Err(wrong("payload", "give either payload_data, in base64, or payload"));
        }
    };
    let f_port = f_port.ok_or_else(|| wrong("f_port", "it is missing, and no codec chose one"))?;
    if !(1..=223).contains(&f_port) {
        return Err(wrong("f_port", format!("the codec chose {f_port}, not one from 1 to 223")));
    }
    let now = (state.surroundings.now)();
    let item = QueueItem {
        id: downlink_id(device.dev_eui, correlation_id.as_deref()),
        f_port,
        payload,
        confirmed,
        correlation_id: correlation_id.map(Into::into),
        queued_at: now,
        expires_at: wait.map(|seconds| now.plus(TimeDelta::from_secs(i64::from(seconds)))),
    };
    let id = enqueue(&state, &device, item).await?;
    json_of(StatusCode::ACCEPTED, json!({ "message_id": id }))
}

async fn encode(
    state: &ApiState,
    device: &WirelessDevice,
    (object, f_port): (Value, Option<u8>),
) -> Result<(Box<[u8]>, Option<u8>), ApiError> {
    let route = state.registry.route(device.dev_eui).ok_or_else(|| {
        ApiError::not_found(crate::registry::Kind::WirelessDevice, device.id.to_string())
    })?;
    let variables = device.variables.clone();
    let wanted = Encoding { codec: route.codec, object, f_port, variables };
    let encoded = answer::<_, CodecRefusal>(state.surroundings.codecs.encode(wanted)).await?;
    fits("payload", &encoded.bytes)?;
    Ok((encoded.bytes.into(), encoded.f_port))
}

/// The queue, in the order of sending.
pub async fn list(State(state): Shared, Label(label): Label, mut params: Params) -> Answer {
    let device = find(&state, &label)?;
    let wanted = params.page()?;
    params.finish()?;
    let (items, token) = page(&state, &device, &wanted).await?;
    list_of(("queue", "next_token"), items.iter().map(document).collect(), token)
}

fn document(queued: &QueuedItem) -> Value {
    let item = &queued.item;
    let mut document = Map::new();
    document.insert("message_id".to_owned(), json!(id_text(item.id)));
    document.insert("f_port".to_owned(), json!(item.f_port));
    document.insert("payload_data".to_owned(), json!(STANDARD.encode(&item.payload)));
    document.insert("confirmed".to_owned(), json!(item.confirmed));
    put(&mut document, "correlation_id", item.correlation_id.as_deref());
    document.insert("queued_at".to_owned(), json!(item.queued_at.to_rfc3339()));
    put(&mut document, "expires_at", item.expires_at.map(|at| at.to_rfc3339()));
    document.insert("in_flight".to_owned(), json!(queued.in_flight));
    document.insert("attempts".to_owned(), json!(queued.attempts));
    document.insert("waits".to_owned(), waits(&queued.waits));
    document.into()
}

/// What a downlink waits for, as a word for programs and a sentence for people.
fn waits(waits: &Waits) -> Value {
    let (word, why) = match waits {
        Waits::Join => ("join", "the device has not joined yet".to_owned()),
        Waits::Uplink => ("uplink", "the device listens after its next uplink".to_owned()),
        Waits::Moment { .. } => ("moment", "the device listens; it is spoken to then".to_owned()),
        Waits::Window => ("window", "the device listens now: a gateway is being chosen".to_owned()),
        Waits::Outcome => ("outcome", "it is on its way to a gateway".to_owned()),
        Waits::Ack { f_cnt_down } => (
            "ack",
            format!("it was sent under FCntDown {f_cnt_down}; the next uplink says if it arrived"),
        ),
        Waits::Turn { behind } => ("turn", format!("{} is sent first", id_text(*behind))),
        Waits::Room { room } => {
            ("room", format!("at the device's data rate a downlink holds {room} bytes of payload"))
        }
        Waits::Gateway(missed) => ("gateway", lacking(missed)),
    };
    let mut document = Map::new();
    document.insert("for".to_owned(), json!(word));
    document.insert("why".to_owned(), json!(why));
    match waits {
        Waits::Turn { behind } => put(&mut document, "behind", Some(id_text(*behind))),
        Waits::Room { room } => put(&mut document, "room", Some(*room)),
        Waits::Moment { at } => put(&mut document, "at", Some(at.to_rfc3339())),
        Waits::Ack { f_cnt_down } => put(&mut document, "f_cnt_down", Some(f_cnt_down.0)),
        Waits::Gateway(Missed { at, shortage }) => {
            put(&mut document, "lacking", Some(shortage.reason.label()));
            put(&mut document, "at", Some(at.to_rfc3339()));
            put(&mut document, "until", shortage.until.map(|until| until.to_rfc3339()));
        }
        Waits::Join | Waits::Uplink | Waits::Window | Waits::Outcome => {}
    }
    document.into()
}

/// Why no gateway could send, in a sentence.
pub(super) fn lacking(missed: &Missed) -> String {
    let what = match (missed.shortage.reason, missed.shortage.until) {
        (NoOffer::Offline, _) => "no gateway that heard the device was connected",
        (NoOffer::Rebooted, _) => "the gateway had restarted since it heard the device",
        (NoOffer::TooLate, _) => "no frame could have reached a gateway in time",
        (NoOffer::TooEarly, _) => "the window was further ahead than a gateway plans",
        (NoOffer::QueueFull, _) => "the gateway's queue was full",
        (NoOffer::AirTaken, _) => "the gateway was sending to somebody else",
        (NoOffer::DutyCycle, Some(_)) => "the gateway's duty cycle is used up",
        (NoOffer::DutyCycle, None) => "no gateway may send on the device's frequency",
        (NoOffer::NoClock, _) => "no gateway that hears the device knew the time well enough",
        (NoOffer::NotBeaconing, _) => "no gateway that hears the device sends beacons",
        (NoOffer::Crowded, _) => "the gateways are busy with shorter downlinks",
    };
    format!("at the last occasion {what}")
}

/// Takes downlinks off: `message_id=*` or one id.
pub async fn drop_items(State(state): Shared, Label(label): Label, mut params: Params) -> Answer {
    let device = find(&state, &label)?;
    let which = which(&params.required("message_id")?)?;
    params.finish()?;
    take_off(&state, &device, which).await?;
    done()
}
