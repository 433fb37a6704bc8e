//! `/multicast-groups`: AWS's shape.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use lns_core::device::address;
use lns_lorawan::{McKey, Timestamp};
use serde_json::{Map, Value, json};

use crate::entropy;
use crate::registry::{
    DlClass, Id, Kind, McKeys, McPlace, MulticastGroup, Registry, RegistryError, WirelessDevice,
    WirelessGateway,
};

use super::common::{
    DESCRIPTION, NAME, change_text, created, done, id, identity, json_of, list_of, page_of, put,
    tags,
};
use super::fields::{Fields, wrong};
use super::multicast_session::channel;
use super::params::{Label, Params};
use super::telling::answer;
use super::{Answer, ApiError, ApiState, Shared, arn};

/// The regions of groups, by AWS's names.
const REGIONS: [&str; 13] = [
    "EU868", "US915", "AU915", "AS923-1", "AS923-2", "AS923-3", "AS923-4", "EU433", "CN470",
    "CN779", "RU864", "KR920", "IN865",
];

/// The most gateways that a group may name.
const GATEWAYS: usize = 20;

/// CreateMulticastGroup.
pub async fn create(State(state): Shared, body: Bytes) -> Answer {
    let group = read_new(&body, &state)?;
    let made = state.change(move |registry| registry.create(group)).await?;
    // A repeated request tells the owner again: the first may have died in between.
    state.tell_group(made.record().id).await?;
    created(Kind::MulticastGroup, &made.record().id)
}

/// The group of this id.
pub fn find(registry: &Registry, text: &str) -> Result<Arc<MulticastGroup>, ApiError> {
    let id = id(text, Kind::MulticastGroup)?;
    registry.require::<MulticastGroup>(&id).map_err(Into::into)
}

fn read_new(body: &[u8], state: &ApiState) -> Result<MulticastGroup, ApiError> {
    let mut fields = Fields::parse(body)?;
    let (id, made_by) = identity(&mut fields, Kind::MulticastGroup, body)?;
    let name = fields.text("Name", 0..=NAME)?;
    let description = fields.text("Description", 0..=DESCRIPTION)?;
    let tags = tags(&mut fields)?;
    let lorawan = fields.object("LoRaWAN")?;
    let mut lorawan = fields.required("LoRaWAN", lorawan)?;
    fields.finish()?;
    let region = lorawan.word("RfRegion", &REGIONS)?;
    let class = dl_class(&mut lorawan)?;
    let block = state.registry.defaults().addresses;
    let mut group = MulticastGroup {
        id,
        name,
        description,
        region: lorawan.required("RfRegion", region)?,
        class: lorawan.required("DlClass", class)?,
        gateways: Vec::new(),
        transmission_interval_ms: 0,
        members: BTreeSet::new(),
        session: None,
        usual_place: McPlace::default(),
        mc_addr: address::choose(block, 0, entropy::u64(), |_| 0),
        keys: McKeys::Root(McKey::from_bytes(entropy::bytes())),
        f_cnt_at_least: 0,
        created_at: (state.surroundings.now)().micros(),
        tags,
        made_by,
    };
    if let Some(gateways) = lorawan.object("ParticipatingGateways")? {
        participating(gateways, &state.registry, &mut group)?;
    }
    usual_place(&mut lorawan, &mut group.usual_place)?;
    lorawan.finish()?;
    Ok(group)
}

fn dl_class(lorawan: &mut Fields) -> Result<Option<DlClass>, ApiError> {
    let word = lorawan.word("DlClass", &["ClassB", "ClassC"])?;
    Ok(word.map(|word| if word == "ClassB" { DlClass::ClassB } else { DlClass::ClassC }))
}

/// Reads `ParticipatingGateways`: all of them are registered.
fn participating(
    mut fields: Fields,
    registry: &Registry,
    group: &mut MulticastGroup,
) -> Result<(), ApiError> {
    let path = fields.path("GatewayList");
    if let Some(list) = fields.take("GatewayList") {
        let Value::Array(list) = list else { return Err(wrong(&path, "it is not a list")) };
        if list.len() > GATEWAYS {
            return Err(wrong(&path, format!("it names more than {GATEWAYS} gateways")));
        }
        let known = |entry: &Value| {
            let text = entry.as_str().unwrap_or_default();
            let id = id(text, Kind::WirelessGateway)?;
            registry.require::<WirelessGateway>(&id)?;
            Ok(id)
        };
        group.gateways = list.iter().map(known).collect::<Result<_, ApiError>>()?;
    }
    if let Some(interval) = fields.whole("TransmissionInterval", 0..=60_000)? {
        group.transmission_interval_ms = interval;
    }
    fields.finish()
}

/// Takes `DefaultSessionParameters`: what it names changes.
fn usual_place(lorawan: &mut Fields, place: &mut McPlace) -> Result<(), ApiError> {
    let Some(mut usual) = lorawan.object("DefaultSessionParameters")? else { return Ok(()) };
    let (dl_dr, dl_freq) = channel(&mut usual, ["DlDr", "DlFreq"])?;
    place.dl_dr = dl_dr.or(place.dl_dr);
    place.dl_freq = dl_freq.or(place.dl_freq);
    usual.finish()
}

/// GetMulticastGroup.
pub async fn show(State(state): Shared, Label(label): Label) -> Answer {
    let group = find(&state.registry, &label)?;
    let mut body = entry(&group);
    put(&mut body, "Description", group.description.as_deref());
    body.insert("Status".to_owned(), json!(status(&group, (state.surroundings.now)())));
    let mut lorawan = Map::new();
    lorawan.insert("RfRegion".to_owned(), json!(group.region));
    lorawan.insert("DlClass".to_owned(), json!(group.class.name()));
    lorawan.insert("NumberOfDevicesRequested".to_owned(), json!(group.members.len()));
    lorawan.insert("NumberOfDevicesInGroup".to_owned(), json!(group.members.len()));
    if !group.gateways.is_empty() || group.transmission_interval_ms > 0 {
        let gateways = json!({
            "GatewayList": group.gateways,
            "TransmissionInterval": group.transmission_interval_ms,
        });
        lorawan.insert("ParticipatingGateways".to_owned(), gateways);
    }
    if group.usual_place != McPlace::default() {
        let mut usual = Map::new();
        put(&mut usual, "DlDr", group.usual_place.dl_dr);
        put(&mut usual, "DlFreq", group.usual_place.dl_freq);
        lorawan.insert("DefaultSessionParameters".to_owned(), usual.into());
    }
    body.insert("LoRaWAN".to_owned(), lorawan.into());
    body.insert("CreatedAt".to_owned(), json!(group.created_at as f64 / 1e6));
    json_of(StatusCode::OK, body)
}

/// Where a group stands, in AWS's words.
pub fn status(group: &MulticastGroup, now: Timestamp) -> &'static str {
    match group.session.as_ref().map(|session| session.between) {
        None => "Pending",
        Some(Some((begins, _))) if begins > now.micros() => "Session_attempting",
        Some(Some((_, ends))) if ends <= now.micros() => "Pending",
        Some(Some(_) | None) => "In_session",
    }
}

fn entry(group: &MulticastGroup) -> Map<String, Value> {
    let mut entry = Map::new();
    entry.insert("Arn".to_owned(), arn::of(Kind::MulticastGroup, &group.id).into());
    entry.insert("Id".to_owned(), json!(group.id));
    put(&mut entry, "Name", group.name.as_deref());
    entry
}

/// ListMulticastGroups.
pub async fn list(State(state): Shared, mut params: Params) -> Answer {
    let page = params.page()?;
    params.finish()?;
    let start = page.start(Id::parse)?;
    let (groups, token) = page_of(&state.registry, (&page, start), |_: &MulticastGroup| true);
    let list = groups.iter().map(|group| entry(group).into()).collect();
    list_of(("MulticastGroupList", "NextToken"), list, token)
}

/// UpdateMulticastGroup.
pub async fn update(State(state): Shared, Label(label): Label, body: Bytes) -> Answer {
    let id = find(&state.registry, &label)?.id;
    state
        .change(move |registry: &Registry| {
            // Gateways are looked up before the change holds the registry still.
            let mut wanted = MulticastGroup::clone(&*registry.require::<MulticastGroup>(&id)?);
            read_change(&body, registry, &mut wanted)?;
            registry.update(&id, |group: &mut MulticastGroup| -> Result<(), ApiError> {
                group.name = wanted.name;
                group.description = wanted.description;
                group.region = wanted.region;
                group.class = wanted.class;
                group.gateways = wanted.gateways;
                group.transmission_interval_ms = wanted.transmission_interval_ms;
                group.usual_place = wanted.usual_place;
                Ok(())
            })
        })
        .await?;
    state.tell_group(id).await?;
    done()
}

fn read_change(
    body: &[u8],
    registry: &Registry,
    group: &mut MulticastGroup,
) -> Result<(), ApiError> {
    let mut fields = Fields::parse(body)?;
    if let Some(name) = change_text(&mut fields, "Name", NAME)? {
        group.name = name;
    }
    if let Some(description) = change_text(&mut fields, "Description", DESCRIPTION)? {
        group.description = description;
    }
    if let Some(mut lorawan) = fields.object("LoRaWAN")? {
        if let Some(region) = lorawan.word("RfRegion", &REGIONS)? {
            group.region = region;
        }
        if let Some(class) = dl_class(&mut lorawan)? {
            group.class = class;
        }
        if let Some(gateways) = lorawan.object("ParticipatingGateways")? {
            participating(gateways, registry, group)?;
        }
        usual_place(&mut lorawan, &mut group.usual_place)?;
        lorawan.finish()?;
    }
    fields.finish()
}

/// DeleteMulticastGroup.
pub async fn remove(State(state): Shared, Label(label): Label) -> Answer {
    let id = id(&label, Kind::MulticastGroup)?;
    state.change(move |registry: &Registry| registry.remove::<MulticastGroup>(&id)).await?;
    state.tell_group(id).await?;
    done()
}

/// AssociateWirelessDeviceWithMulticastGroup.
pub async fn associate(State(state): Shared, Label(label): Label, body: Bytes) -> Answer {
    let group = find(&state.registry, &label)?.id;
    let mut fields = Fields::parse(&body)?;
    let device = fields.text("WirelessDeviceId", 1..=256)?;
    let device = id(&fields.required("WirelessDeviceId", device)?, Kind::WirelessDevice)?;
    fields.finish()?;
    state.registry.require::<WirelessDevice>(&device)?;
    change_members(&state, group, move |members| {
        members.insert(device);
    })
    .await
}

/// DisassociateWirelessDeviceFromMulticastGroup.
pub async fn disassociate(
    State(state): Shared,
    Path((group, device)): Path<(String, String)>,
) -> Answer {
    let group = find(&state.registry, &group)?;
    let device = id(&device, Kind::WirelessDevice)?;
    if !group.members.contains(&device) {
        return Err(ApiError::not_found(Kind::WirelessDevice, device.to_string()));
    }
    change_members(&state, group.id, move |members| {
        members.remove(&device);
    })
    .await
}

/// Changes who belongs to a group.
pub async fn change_members(
    state: &ApiState,
    group: Id,
    change: impl FnOnce(&mut BTreeSet<Id>) + Send + 'static,
) -> Answer {
    let changed = move |registry: &Registry| {
        registry.update(&group, |group: &mut MulticastGroup| -> Result<(), RegistryError> {
            change(&mut group.members);
            Ok(())
        })
    };
    state.change(changed).await?;
    state.tell_group(group).await?;
    done()
}

impl ApiState {
    /// Tells the home of a group what the registry says of it now.
    pub(super) async fn tell_group(&self, id: Id) -> Result<(), ApiError> {
        let _turn = self.turn_of(u64::from(id.as_bytes()[15])).lock().await;
        let groups = &self.surroundings.groups;
        match self.registry.find::<MulticastGroup>(&id) {
            Some(group) => answer(groups.describe(self.registry.group_description(&group)?)).await,
            None => answer(groups.forget(lns_core::multicast::GroupId(*id.as_bytes()))).await,
        }
    }
}
