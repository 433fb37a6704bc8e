//! A multicast group's session, and what is sent in it: AWS's shape.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use lns_core::multicast::GroupItem;
use lns_lorawan::{TimeDelta, Timestamp};
use serde_json::{Map, Value, json};

use crate::entropy;
use crate::registry::{DlClass, McSession, MulticastGroup, Registry, RegistryError};

use super::common::{done, json_of, put};
use super::fields::{Fields, shown, wrong};
use super::multicast::find;
use super::params::Label;
use super::queue::{id_text, payload};
use super::telling::answer;
use super::{Answer, ApiError, ApiState, ErrorType, Shared};

/// How long a session lasts that names no SessionTimeout, s.
const USUAL_TIMEOUT: u32 = 3600;

/// The longest session of class C, s: 18 hours.
const LONGEST_CLASS_C: u32 = 18 * 3600;

/// How far ahead a session may begin.
const AHEAD: TimeDelta = TimeDelta::from_secs(48 * 3600);

/// The longest payload in base64, in characters.
const MAX_BASE64: usize = 2048;

/// StartMulticastGroupSession.
pub async fn start(State(state): Shared, Label(label): Label, body: Bytes) -> Answer {
    let group = find(&state.registry, &label)?;
    let now = (state.surroundings.now)();
    let mut fields = Fields::parse(&body)?;
    let lorawan = fields.object("LoRaWAN")?;
    let mut lorawan = fields.required("LoRaWAN", lorawan)?;
    fields.finish()?;
    let mut session = read(&mut lorawan, group.class, now)?;
    lorawan.finish()?;
    session.dl_dr = session.dl_dr.or(group.usual_place.dl_dr);
    session.dl_freq = session.dl_freq.or(group.usual_place.dl_freq);
    set(&state, &group, Some(session)).await
}

fn read(lorawan: &mut Fields, class: DlClass, now: Timestamp) -> Result<McSession, ApiError> {
    let (dl_dr, dl_freq, ping_slot_period) = place(lorawan, ["DlDr", "DlFreq", "PingSlotPeriod"])?;
    let begins = match lorawan.take("SessionStartTime") {
        None => now,
        Some(value) => moment(&lorawan.path("SessionStartTime"), &value)?,
    };
    let timeout = lorawan.whole("SessionTimeout", 60..=172_800)?.unwrap_or(USUAL_TIMEOUT);
    // The standard's timeouts are powers of two (TS005-2.0.0 §4.5).
    let timeout = timeout.next_power_of_two();
    let path = lorawan.path("SessionTimeout");
    if class == DlClass::ClassC && timeout > LONGEST_CLASS_C {
        let what = format!("{timeout} s: a session of class C lasts {LONGEST_CLASS_C} s at most");
        return Err(wrong(&path, what));
    }
    let ends = begins + TimeDelta::from_secs(i64::from(timeout));
    let path = lorawan.path("SessionStartTime");
    if ends <= now || begins.since(now) > AHEAD {
        let what = format!("{} is not between now and 48 hours from now", begins.to_rfc3339());
        return Err(wrong(&path, what));
    }
    let between = Some((begins.micros(), ends.micros()));
    Ok(McSession { dl_dr, dl_freq, between, ping_slot_period })
}

/// Data rate, hertz, slots from ping slot to ping slot.
type ListeningPlace = (Option<u8>, Option<u32>, Option<u32>);

/// Takes where a group's members listen, under these names.
pub fn place(fields: &mut Fields, names: [&str; 3]) -> Result<ListeningPlace, ApiError> {
    let [dr, frequency, period] = names;
    let (dl_dr, dl_freq) = channel(fields, [dr, frequency])?;
    let ping_slot_period = fields.whole(period, 32..=4096)?;
    if let Some(slots) = ping_slot_period.filter(|slots| !slots.is_power_of_two()) {
        let what = format!("{slots} is no power of two from 32 to 4096");
        return Err(wrong(&fields.path(period), what));
    }
    Ok((dl_dr, dl_freq, ping_slot_period))
}

/// Takes a data rate and hertz, under these names.
pub fn channel(
    fields: &mut Fields,
    [dr, frequency]: [&str; 2],
) -> Result<(Option<u8>, Option<u32>), ApiError> {
    let dl_dr = fields.whole(dr, 0..=15)?.map(|dr| u8::try_from(dr).expect("at most 15"));
    Ok((dl_dr, fields.whole(frequency, 100_000_000..=1_000_000_000)?))
}

/// A timestamp as AWS's clients write it: RFC 3339, or seconds since 1970.
fn moment(path: &str, value: &Value) -> Result<Timestamp, ApiError> {
    let read = match value {
        Value::String(text) => Timestamp::parse_rfc3339(text),
        Value::Number(number) => {
            let seconds = number.as_f64().filter(|seconds| (0.0..4e9).contains(seconds));
            seconds.map(|seconds| Timestamp::from_micros((seconds * 1e6) as i64))
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    read.ok_or_else(|| wrong(path, format!("{} is no time; write RFC 3339", shown(value))))
}

/// CancelMulticastGroupSession.
pub async fn cancel(State(state): Shared, Label(label): Label) -> Answer {
    let group = find(&state.registry, &label)?;
    set(&state, &group, None).await
}

/// Gives a group another session, or none.
pub async fn set(state: &ApiState, group: &MulticastGroup, session: Option<McSession>) -> Answer {
    let id = group.id;
    let changed = move |registry: &Registry| {
        registry.update(&id, |group: &mut MulticastGroup| -> Result<(), RegistryError> {
            group.session = session;
            Ok(())
        })
    };
    state.change(changed).await?;
    state.tell_group(id).await?;
    done()
}

/// GetMulticastGroupSession.
pub async fn show(State(state): Shared, Label(label): Label) -> Answer {
    let group = find(&state.registry, &label)?;
    let Some(session) = &group.session else {
        let why = format!("multicast group {} has no session; start one", group.id);
        return Err(ApiError::new(ErrorType::ResourceNotFound, why));
    };
    let mut lorawan = Map::new();
    put(&mut lorawan, "DlDr", session.dl_dr);
    put(&mut lorawan, "DlFreq", session.dl_freq);
    if let Some((begins, ends)) = session.between {
        let begins = Timestamp::from_micros(begins);
        let lasts = Timestamp::from_micros(ends).since(begins);
        lorawan.insert("SessionStartTime".to_owned(), json!(begins.to_rfc3339()));
        lorawan.insert("SessionTimeout".to_owned(), json!(lasts.millis() / 1000));
    }
    put(&mut lorawan, "PingSlotPeriod", session.ping_slot_period);
    json_of(StatusCode::OK, json!({ "LoRaWAN": lorawan }))
}

/// SendDataToMulticastGroup.
pub async fn send(State(state): Shared, Label(label): Label, body: Bytes) -> Answer {
    let group = find(&state.registry, &label)?;
    let mut fields = Fields::parse(&body)?;
    let text = fields.text("PayloadData", 0..=MAX_BASE64)?;
    let payload = payload("PayloadData", &fields.required("PayloadData", text)?)?;
    let metadata = fields.object("WirelessMetadata")?;
    let mut metadata = fields.required("WirelessMetadata", metadata)?;
    fields.finish()?;
    let lorawan = metadata.object("LoRaWAN")?;
    let mut lorawan = metadata.required("LoRaWAN", lorawan)?;
    metadata.finish()?;
    let port = lorawan.whole("FPort", 1..=223)?;
    let f_port = u8::try_from(lorawan.required("FPort", port)?).expect("at most 223");
    lorawan.finish()?;
    let item = GroupItem {
        id: entropy::u64(),
        f_port,
        payload,
        correlation_id: None,
        queued_at: (state.surroundings.now)(),
        expires_at: None,
    };
    let id = enqueue(&state, &group, item).await?;
    json_of(StatusCode::CREATED, json!({ "MessageId": id }))
}

/// Hands a payload to the group's home; gives its id once it is durable.
pub async fn enqueue(
    state: &ApiState,
    group: &MulticastGroup,
    mut item: GroupItem,
) -> Result<String, ApiError> {
    if let Some((_, ends)) = group.session.as_ref().and_then(|session| session.between) {
        // What waits for a session, waits for as long as that lasts.
        item.expires_at.get_or_insert(Timestamp::from_micros(ends));
    }
    let now = (state.surroundings.now)();
    let over = |session: &McSession| session.between.is_some_and(|(_, ends)| ends <= now.micros());
    if group.session.as_ref().is_none_or(over) {
        let why = format!("multicast group {} is in no session; start one first", group.id);
        return Err(ApiError::new(ErrorType::Conflict, why));
    }
    let queued = answer(state.surroundings.groups.enqueue(group.group_id(), item)).await?;
    Ok(id_text(queued))
}
