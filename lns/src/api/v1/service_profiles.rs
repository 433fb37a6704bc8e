//! `/v1/service-profiles`: all of a service profile, and its change.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::api::common::{NAME, change_text, id, json_of, list_of, page_of, put};
use crate::api::fields::Fields;
use crate::api::params::{Label, Params};
use crate::api::row::{self, Spelling};
use crate::api::service_profiles::ROWS;
use crate::api::{Answer, ApiError, Shared};
use crate::registry::{Id, Kind, Registry, ServiceProfile};

fn document(profile: &ServiceProfile) -> Map<String, Value> {
    let mut document = Map::new();
    document.insert("id".to_owned(), json!(profile.id));
    put(&mut document, "name", profile.name.clone());
    document.extend(row::write(ROWS, Spelling::Ours, profile));
    document.insert("tags".to_owned(), json!(profile.tags));
    document
}

/// One profile.
pub async fn show(State(state): Shared, Label(label): Label) -> Answer {
    let id = id(&label, Kind::ServiceProfile)?;
    json_of(StatusCode::OK, document(&*state.registry.require::<ServiceProfile>(&id)?))
}

/// All profiles.
pub async fn list(State(state): Shared, mut params: Params) -> Answer {
    let page = params.page()?;
    params.finish()?;
    let start = page.start(Id::parse)?;
    let (profiles, token) = page_of(&state.registry, (&page, start), |_: &ServiceProfile| true);
    let list = profiles.iter().map(|profile| document(profile).into()).collect();
    list_of(("service_profiles", "next_token"), list, token)
}

/// Changes a profile, and with it all of its devices; `null` puts a field back to its default.
pub async fn update(State(state): Shared, Label(label): Label, body: Bytes) -> Answer {
    let id = id(&label, Kind::ServiceProfile)?;
    let changed = state
        .change(move |registry: &Registry| {
            registry.update(&id, |profile: &mut ServiceProfile| -> Result<(), ApiError> {
                let mut fields = Fields::parse(&body)?;
                if let Some(name) = change_text(&mut fields, "name", NAME)? {
                    profile.name = name;
                }
                row::read(ROWS, Spelling::Ours, &mut fields, profile)?;
                fields.finish()
            })
        })
        .await?;
    state.tell_all(move |device| device.service_profile_id == Some(id)).await?;
    json_of(StatusCode::OK, document(&changed))
}
