//! `/v1/multicast-groups`: all of a group, and what AWS has no place for: address, keys, counter,
//! members that are personalized, and the queue with what each payload waits for.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lns_core::multicast::{GroupItem, GroupWaits};
use lns_lorawan::{TimeDelta, Timestamp};
use serde_json::{Map, Value, json};

use crate::api::common::{json_of, list_of, page_of, put};
use crate::api::fields::{Fields, wrong};
use crate::api::multicast::{find, status};
use crate::api::multicast_session::{enqueue, place};
use crate::api::params::{Label, Params};
use crate::api::queue::{id_text, payload, which};
use crate::api::telling::answer;
use crate::api::{Answer, ApiError, DeviceError, GroupSeen, Shared};
use crate::entropy;
use crate::registry::{
    Id, McKeys, McSession, MulticastGroup, Registry, WirelessDevice, WirelessGateway,
};

use super::queue::lacking;

/// One group, with its queue.
pub async fn show(State(state): Shared, Label(label): Label) -> Answer {
    let group = find(&state.registry, &label)?;
    let seen = answer(state.surroundings.groups.seen(group.group_id())).await?;
    let now = (state.surroundings.now)();
    json_of(StatusCode::OK, document(&state.registry, &group, &seen, now))
}

/// All groups, without their queues.
pub async fn list(State(state): Shared, mut params: Params) -> Answer {
    let page = params.page()?;
    params.finish()?;
    let start = page.start(Id::parse)?;
    let (groups, token) = page_of(&state.registry, (&page, start), |_: &MulticastGroup| true);
    let entry = |group: &std::sync::Arc<MulticastGroup>| {
        let mut entry = Map::new();
        entry.insert("id".to_owned(), json!(group.id));
        put(&mut entry, "name", group.name.clone());
        entry.insert("mc_addr".to_owned(), json!(group.mc_addr));
        entry.insert("class".to_owned(), json!(group.class.name()));
        entry.insert("region".to_owned(), json!(group.region));
        entry.into()
    };
    list_of(("multicast_groups", "next_token"), groups.iter().map(entry).collect(), token)
}

fn document(
    registry: &Registry,
    group: &MulticastGroup,
    seen: &GroupSeen,
    now: Timestamp,
) -> Map<String, Value> {
    let mut document = Map::new();
    let mut insert = |name: &str, value: Value| document.insert(name.to_owned(), value);
    insert("id", json!(group.id));
    insert("name", json!(group.name));
    insert("description", json!(group.description));
    insert("region", json!(group.region));
    insert("class", json!(group.class.name()));
    insert("status", json!(status(group, now)));
    insert("mc_addr", json!(group.mc_addr));
    let keys = group.keys.session_keys(group.mc_addr);
    match &group.keys {
        McKeys::Root(mc_key) => insert("mc_key", json!(mc_key)),
        McKeys::Session(..) => insert("mc_key", Value::Null),
    };
    insert("mc_nwk_s_key", json!(keys.nwk_s_key()));
    insert("mc_app_s_key", json!(keys.app_s_key));
    insert("f_cnt", json!(seen.f_cnt_down));
    insert("listens", group.session.as_ref().map_or(Value::Null, listens));
    let gateways = group.gateways.iter().filter_map(|id| registry.find::<WirelessGateway>(id));
    insert("gateways", gateways.map(|gateway| json!(gateway.gateway_eui)).collect());
    insert("transmission_interval_ms", json!(group.transmission_interval_ms));
    let devices = group.members.iter().filter_map(|id| registry.find::<WirelessDevice>(id));
    insert("members", devices.map(|device| json!(device.dev_eui)).collect());
    insert("queue", seen.queue.iter().map(queued).collect());
    insert("tags", json!(group.tags));
    document
}

fn listens(session: &McSession) -> Value {
    let at = |micros: i64| Timestamp::from_micros(micros).to_rfc3339();
    json!({
        "data_rate": session.dl_dr,
        "frequency": session.dl_freq,
        "ping_slot_period": session.ping_slot_period,
        "from": session.between.map(|(begins, _)| at(begins)),
        "until": session.between.map(|(_, ends)| at(ends)),
    })
}

fn queued((item, waits): &(GroupItem, GroupWaits)) -> Value {
    let mut document = Map::new();
    document.insert("message_id".to_owned(), json!(id_text(item.id)));
    document.insert("f_port".to_owned(), json!(item.f_port));
    document.insert("payload_data".to_owned(), json!(STANDARD.encode(&item.payload)));
    put(&mut document, "correlation_id", item.correlation_id.as_deref());
    document.insert("queued_at".to_owned(), json!(item.queued_at.to_rfc3339()));
    put(&mut document, "expires_at", item.expires_at.map(|at| at.to_rfc3339()));
    document.insert("waits".to_owned(), waiting(waits));
    document.into()
}

/// What a payload waits for, as a word for programs and a sentence for people.
fn waiting(waits: &GroupWaits) -> Value {
    match waits {
        GroupWaits::Session => {
            json!({ "for": "session", "why": "the group is in no session" })
        }
        GroupWaits::Begin { at } => {
            json!({ "for": "begin", "why": "the group's session begins then",
                    "at": at.to_rfc3339() })
        }
        GroupWaits::Turn { behind } => {
            json!({ "for": "turn", "why": format!("{} is sent first", id_text(*behind)),
                    "behind": id_text(*behind) })
        }
        GroupWaits::Gateway(missed) => {
            json!({ "for": "gateway", "why": "no gateway is known to reach a member",
                    "at": missed.at.to_rfc3339() })
        }
        GroupWaits::Moment { at } => {
            json!({ "for": "moment", "why": "its gateways are being chosen, or the last message \
                    is still on air", "at": at.map(|at| at.to_rfc3339()) })
        }
        GroupWaits::Copies { sent, under_way, lacking: missing } => {
            let missing = missing.iter().map(|(gateway, missed)| {
                let why = missed
                    .as_ref()
                    .map_or_else(|| "it waits for its place on air".to_owned(), lacking);
                json!({ "gateway_eui": gateway, "why": why })
            });
            json!({ "for": "copies", "why": "its gateways are sending it, one after the other",
                    "sent": sent, "under_way": under_way, "waiting": missing.collect::<Vec<_>>() })
        }
        GroupWaits::Counters => {
            json!({ "for": "counters", "why": "the group's counters are used up: make another group" })
        }
    }
}

/// Changes what AWS has no place for. Keys may be changed; the counter only rises.
pub async fn update(State(state): Shared, Label(label): Label, body: Bytes) -> Answer {
    let id = find(&state.registry, &label)?.id;
    let changed = state
        .change(move |registry: &Registry| {
            registry.update(&id, |group: &mut MulticastGroup| change(group, &body))
        })
        .await?;
    state.tell_group(id).await?;
    let seen = answer::<_, DeviceError>(state.surroundings.groups.seen(changed.group_id())).await?;
    let now = (state.surroundings.now)();
    json_of(StatusCode::OK, document(&state.registry, &changed, &seen, now))
}

fn change(group: &mut MulticastGroup, body: &[u8]) -> Result<(), ApiError> {
    let mut fields = Fields::parse(body)?;
    if let Some(mc_addr) = fields.read("mc_addr")? {
        group.mc_addr = mc_addr;
    }
    let nwk_s_key = fields.read("mc_nwk_s_key")?;
    let app_s_key = fields.read("mc_app_s_key")?;
    match (fields.read("mc_key")?, nwk_s_key, app_s_key) {
        (None, None, None) => {}
        (Some(mc_key), None, None) => group.keys = McKeys::Root(mc_key),
        (None, Some(nwk_s_key), Some(app_s_key)) => {
            group.keys = McKeys::Session(nwk_s_key, app_s_key);
        }
        (Some(_), _, _) | (None, _, _) => {
            let why = "give mc_key alone, or mc_nwk_s_key together with mc_app_s_key";
            return Err(wrong("mc_key", why));
        }
    }
    if let Some(f_cnt) = fields.whole("f_cnt", 0..=u32::MAX)? {
        if f_cnt < group.f_cnt_at_least {
            let why = format!(
                "{f_cnt} is below {}: a counter that comes again repeats a keystream; make another \
                 group",
                group.f_cnt_at_least
            );
            return Err(wrong("f_cnt", why));
        }
        group.f_cnt_at_least = f_cnt;
    }
    if fields.has("listens") {
        group.session = match fields.object("listens")? {
            None => None,
            Some(mut listens) => {
                let names = ["data_rate", "frequency", "ping_slot_period"];
                let (dl_dr, dl_freq, ping_slot_period) = place(&mut listens, names)?;
                listens.finish()?;
                Some(McSession { dl_dr, dl_freq, between: None, ping_slot_period })
            }
        };
    }
    fields.finish()
}

/// Queues a payload.
pub async fn send(State(state): Shared, Label(label): Label, body: Bytes) -> Answer {
    let group = find(&state.registry, &label)?;
    let mut fields = Fields::parse(&body)?;
    let f_port = fields.whole("f_port", 1..=223)?;
    let f_port = u8::try_from(fields.required("f_port", f_port)?).expect("at most 223");
    let text = fields.text("payload_data", 0..=2048)?;
    let payload = payload("payload_data", &fields.required("payload_data", text)?)?;
    let correlation_id = fields.text("correlation_id", 1..=128)?;
    let wait = fields.whole("expires_in", 1..=31_622_400)?;
    fields.finish()?;
    let now = (state.surroundings.now)();
    let item = GroupItem {
        id: entropy::u64(),
        f_port,
        payload,
        correlation_id: correlation_id.map(Into::into),
        queued_at: now,
        expires_at: wait.map(|seconds| now.plus(TimeDelta::from_secs(i64::from(seconds)))),
    };
    let id = enqueue(&state, &group, item).await?;
    json_of(StatusCode::ACCEPTED, json!({ "message_id": id }))
}

/// Takes payloads off: `message_id=*` or one id.
pub async fn drop_items(State(state): Shared, Label(label): Label, mut params: Params) -> Answer {
    let group = find(&state.registry, &label)?;
    let which = which(&params.required("message_id")?)?;
    params.finish()?;
    let dropped = state.surroundings.groups.drop_items(group.group_id(), which);
    let dropped = answer::<_, DeviceError>(dropped).await?;
    json_of(StatusCode::OK, json!({ "dropped": dropped }))
}
