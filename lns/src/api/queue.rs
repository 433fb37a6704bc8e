//! `/wireless-devices/{Id}/data`: the downlink queue, in AWS's shape.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lns_core::event::QueueItem;
use serde_json::{Value, json};

use crate::message::downlink_id;
use crate::registry::WirelessDevice;

use super::common::{done, json_of, list_of};
use super::fields::{Fields, wrong};
use super::params::{Label, Page, Params};
use super::running::{QueuedItem, Which};
use super::telling::answer;
use super::wireless_devices::find;
use super::{Answer, ApiError, ApiState, Shared};

/// The longest payload, in bytes, that any region's fastest data rate carries.
pub const MAX_PAYLOAD: usize = 242;

/// The same in base64 as AWS limits it, in characters.
const MAX_BASE64: usize = 2048;

/// Reads a payload in base64.
pub fn payload(path: &str, text: &str) -> Result<Box<[u8]>, ApiError> {
    let bytes = STANDARD
        .decode(text)
        .map_err(|problem| wrong(path, format!("it is not base64 with padding: {problem}")))?;
    fits(path, &bytes)?;
    Ok(bytes.into())
}

/// Refuses what no frame can carry. What the device's data rate carries, its owner knows.
pub fn fits(path: &str, bytes: &[u8]) -> Result<(), ApiError> {
    if bytes.len() <= MAX_PAYLOAD {
        return Ok(());
    }
    Err(wrong(path, format!("it has {} bytes and a frame carries {MAX_PAYLOAD}", bytes.len())))
}

/// A downlink's id as clients see it.
pub fn id_text(id: u64) -> String {
    format!("{id:016x}")
}

/// Which downlinks a `messageId` names.
pub fn which(text: &str) -> Result<Which, ApiError> {
    if text == "*" {
        return Ok(Which::All);
    }
    let id = u64::from_str_radix(text, 16).ok().filter(|_| text.len() == 16);
    id.map(Which::One).ok_or_else(|| {
        let cut: String = text.chars().take(64).collect();
        ApiError::validation(format!("messageId: {cut:?} is neither '*' nor 16 hexadecimal digits"))
    })
}

/// SendDataToWirelessDevice.
pub async fn send(State(state): Shared, Label(label): Label, body: Bytes) -> Answer {
    let device = find(&state.registry, &label)?;
    let mut fields = Fields::parse(&body)?;
    let mode = fields.whole("TransmitMode", 0..=1)?;
    let confirmed = fields.required("TransmitMode", mode)? == 1;
    let text = fields.text("PayloadData", 0..=MAX_BASE64)?;
    let payload = payload("PayloadData", &fields.required("PayloadData", text)?)?;
    let metadata = fields.object("WirelessMetadata")?;
    let f_port = f_port(fields.required("WirelessMetadata", metadata)?)?;
    fields.finish()?;
    let item = QueueItem {
        id: downlink_id(device.dev_eui, None),
        f_port,
        payload,
        confirmed,
        correlation_id: None,
        queued_at: (state.surroundings.now)(),
        expires_at: None,
    };
    let id = enqueue(&state, &device, item).await?;
    json_of(StatusCode::ACCEPTED, json!({ "MessageId": id }))
}

/// Hands a downlink to the device's owner; gives its id once it is durable.
pub async fn enqueue(
    state: &ApiState,
    device: &WirelessDevice,
    item: QueueItem,
) -> Result<String, ApiError> {
    let queued = answer(state.surroundings.devices.enqueue(device.dev_eui, item)).await?;
    Ok(id_text(queued.id))
}

fn f_port(mut metadata: Fields) -> Result<u8, ApiError> {
    if metadata.take("Sidewalk").is_some() {
        return Err(wrong("WirelessMetadata.Sidewalk", "this server speaks LoRaWAN only"));
    }
    let lorawan = metadata.object("LoRaWAN")?;
    let mut lorawan = metadata.required("LoRaWAN", lorawan)?;
    metadata.finish()?;
    let port = lorawan.whole("FPort", 1..=223)?;
    let port = lorawan.required("FPort", port)?;
    if lorawan.take("ParticipatingGateways").is_some() {
        return Err(wrong(
            &lorawan.path("ParticipatingGateways"),
            "the server chooses the gateways by who heard the device; leave it out",
        ));
    }
    lorawan.finish()?;
    Ok(u8::try_from(port).expect("at most 223"))
}

/// The queue of a device, cut to a page, with the token for the next.
///
/// A queue keeps its order, not that of ids: a page starts behind the downlink that ended the last,
/// or at the front when that is gone.
pub async fn page(
    state: &ApiState,
    device: &WirelessDevice,
    page: &Page,
) -> Result<(Vec<QueuedItem>, Option<String>), ApiError> {
    let mut items = answer(state.surroundings.devices.queue(device.dev_eui)).await?;
    let last = page.start(|text| u64::from_str_radix(text, 16).ok())?;
    let start = last.and_then(|id| items.iter().position(|queued| queued.item.id == id));
    items.drain(..start.map_or(0, |at| at + 1));
    let more = items.len() > page.size;
    items.truncate(page.size);
    let token = items.last().filter(|_| more).map(|last| Page::token(&id_text(last.item.id)));
    Ok((items, token))
}

/// ListQueuedMessages.
pub async fn list(State(state): Shared, Label(label): Label, mut params: Params) -> Answer {
    let device = find(&state.registry, &label)?;
    let wanted = params.page()?;
    params.word("WirelessDeviceType", &["LoRaWAN"])?;
    params.finish()?;
    let (items, token) = page(&state, &device, &wanted).await?;
    let list = items.iter().map(|QueuedItem { item, .. }| -> Value {
        json!({
            "MessageId": id_text(item.id),
            "TransmitMode": u8::from(item.confirmed),
            "ReceivedAt": item.queued_at.to_rfc3339(),
            "LoRaWAN": { "FPort": item.f_port },
        })
    });
    list_of(("DownlinkQueueMessagesList", "NextToken"), list.collect(), token)
}

/// DeleteQueuedMessages.
pub async fn drop_items(State(state): Shared, Label(label): Label, mut params: Params) -> Answer {
    let device = find(&state.registry, &label)?;
    let which = which(&params.required("messageId")?)?;
    params.word("WirelessDeviceType", &["LoRaWAN"])?;
    params.finish()?;
    take_off(&state, &device, which).await?;
    done()
}

/// Takes downlinks off; one that is named must be there.
pub async fn take_off(
    state: &ApiState,
    device: &WirelessDevice,
    which: Which,
) -> Result<(), ApiError> {
    let gone = answer(state.surroundings.devices.drop_items(device.dev_eui, which)).await?;
    match which {
        Which::One(id) if gone == 0 => Err(ApiError {
            resource: Some(("Message", id_text(id))),
            ..ApiError::new(
                super::ErrorType::ResourceNotFound,
                format!("there is no downlink {} in the queue of {}", id_text(id), device.dev_eui),
            )
        }),
        Which::One(_) | Which::All => Ok(()),
    }
}
