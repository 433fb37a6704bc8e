//! `/service-profiles`: AWS's shape.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::registry::{Id, Kind, Registry, ServiceProfile};

use super::common::{NAME, created, done, id, identity, json_of, list_of, page_of, put, tags};
use super::fields::Fields;
use super::params::{Label, Params};
use super::row::{self, Row, Slot, Spelling};
use super::{Answer, Shared, arn};

/// The fields of AWS's `LoRaWAN` object.
pub const ROWS: &[Row<ServiceProfile>] = &[
    Row::new("AddGwMetadata", "add_gw_metadata", Slot::Flag(|p| &mut p.add_gw_metadata)),
    Row::new("DrMin", "dr_min", Slot::Whole(|p| &mut p.dr_min, 0..=15)),
    Row::new("DrMax", "dr_max", Slot::Whole(|p| &mut p.dr_max, 0..=15)),
    Row::new("PrAllowed", "pr_allowed", Slot::Flag(|p| &mut p.pr_allowed)),
    Row::new("RaAllowed", "ra_allowed", Slot::Flag(|p| &mut p.ra_allowed)),
    Row::new(
        "TxPowerIndexMin",
        "tx_power_index_min",
        Slot::Whole(|p| &mut p.tx_power_index_min, 0..=15),
    ),
    Row::new(
        "TxPowerIndexMax",
        "tx_power_index_max",
        Slot::Whole(|p| &mut p.tx_power_index_max, 0..=15),
    ),
    Row::new("NbTransMin", "nb_trans_min", Slot::Whole(|p| &mut p.nb_trans_min, 0..=15)),
    Row::new("NbTransMax", "nb_trans_max", Slot::Whole(|p| &mut p.nb_trans_max, 0..=15)),
    Row::new("TargetPer", "target_per", Slot::Whole(|p| &mut p.target_per, 0..=100)),
    Row::new(
        "MinGwDiversity",
        "min_gw_diversity",
        Slot::Whole(|p| &mut p.min_gw_diversity, 1..=100),
    ),
    Row::extra("AdrMarginDb", "adr_margin_db", Slot::Whole(|p| &mut p.adr_margin_db, 0..=40)),
];

/// CreateServiceProfile.
pub async fn create(State(state): Shared, body: Bytes) -> Answer {
    let mut fields = Fields::parse(&body)?;
    let (id, made_by) = identity(&mut fields, Kind::ServiceProfile, &body)?;
    let mut profile = ServiceProfile { id, made_by, ..ServiceProfile::default() };
    profile.name = fields.text("Name", 0..=NAME)?;
    profile.tags = tags(&mut fields)?;
    if let Some(mut lorawan) = fields.object("LoRaWAN")? {
        row::read(ROWS, Spelling::Aws, &mut lorawan, &mut profile)?;
        lorawan.finish()?;
    }
    fields.finish()?;
    let made = state.change(move |registry| registry.create(profile)).await?;
    created(Kind::ServiceProfile, &made.record().id)
}

/// GetServiceProfile.
pub async fn show(State(state): Shared, Label(label): Label) -> Answer {
    let id = id(&label, Kind::ServiceProfile)?;
    let profile = state.registry.require::<ServiceProfile>(&id)?;
    let mut body = entry(&profile);
    body.insert("LoRaWAN".to_owned(), row::write(ROWS, Spelling::Aws, &*profile).into());
    json_of(StatusCode::OK, body)
}

/// ListServiceProfiles.
pub async fn list(State(state): Shared, mut params: Params) -> Answer {
    let page = params.page()?;
    params.finish()?;
    let start = page.start(Id::parse)?;
    let (profiles, token) = page_of(&state.registry, (&page, start), |_: &ServiceProfile| true);
    let list = profiles.iter().map(|profile| entry(profile).into()).collect();
    list_of(("ServiceProfileList", "NextToken"), list, token)
}

fn entry(profile: &ServiceProfile) -> Map<String, Value> {
    let mut entry = Map::new();
    entry.insert("Arn".to_owned(), arn::of(Kind::ServiceProfile, &profile.id).into());
    put(&mut entry, "Name", profile.name.clone());
    entry.insert("Id".to_owned(), json!(profile.id));
    entry
}

/// DeleteServiceProfile.
pub async fn remove(State(state): Shared, Label(label): Label) -> Answer {
    let id = id(&label, Kind::ServiceProfile)?;
    state.change(move |registry: &Registry| registry.remove::<ServiceProfile>(&id)).await?;
    done()
}

#[cfg(test)]
mod tests {
    use super::ROWS;

    #[test]
    fn every_field_stands_in_the_reference() {
        let reference = include_str!("../../../docs/HTTP.md");
        for row in ROWS {
            for name in [row.aws, row.ours] {
                assert!(reference.contains(&format!("`{name}`")), "{name} is not in docs/HTTP.md");
            }
        }
    }
}
