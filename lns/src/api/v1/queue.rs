//! `/v1/wireless-devices/{id}/queue`: the downlink queue with payloads, objects and marks.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lns_core::event::QueueItem;
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
    let f_port = fields.whole("f_port", 1..=223)?;
    let f_port = f_port.map(|port| u8::try_from(port).expect("at most 223"));
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
    document.into()
}

/// Takes downlinks off: `message_id=*` or one id.
pub async fn drop_items(State(state): Shared, Label(label): Label, mut params: Params) -> Answer {
    let device = find(&state, &label)?;
    let which = which(&params.required("message_id")?)?;
    params.finish()?;
    take_off(&state, &device, which).await?;
    done()
}
