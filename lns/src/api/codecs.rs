//! `/v1/codecs/{name}`: payload codec scripts, as text.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use lns_pipeline::codec::check;
use serde_json::json;

use crate::registry::{CAYENNE_LPP, Codec, Created, Registry};

use super::common::{done, json_of, list_of, page_of};
use super::params::{Label, Params};
use super::{Answer, ApiError, Shared};

/// Stores a script that compiles under a name. Devices that use it get it with their next message.
pub async fn put(State(state): Shared, Label(name): Label, body: Bytes) -> Answer {
    let named = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if name.is_empty() || name.len() > 128 || !name.bytes().all(named) {
        return Err(ApiError::validation(
            "the codec's name has 1 to 128 letters, digits, '-', '_' and '.'",
        ));
    }
    let script = std::str::from_utf8(&body)
        .map_err(|error| ApiError::validation(format!("the script is not UTF-8: {error}")))?
        .to_owned();
    let made = state
        .change(move |registry: &Registry| -> Result<_, ApiError> {
            check(&script).map_err(|problem| ApiError::validation(problem.to_string()))?;
            Ok(registry.put(Codec::new(name, &script))?)
        })
        .await?;
    let status = match made {
        Created::New(_) => StatusCode::CREATED,
        Created::Repeated(_) => StatusCode::OK,
    };
    json_of(status, json!({ "name": made.record().name, "bytes": made.record().script().len() }))
}

/// The script, as it was put.
pub async fn show(State(state): Shared, Label(name): Label) -> Answer {
    let codec = state.registry.require::<Codec>(&name)?;
    let content_type = [(header::CONTENT_TYPE, "text/javascript; charset=utf-8")];
    Ok((content_type, codec.script().to_owned()).into_response())
}

/// The names, the built-in one among them on the first page.
pub async fn list(State(state): Shared, mut params: Params) -> Answer {
    let page = params.page()?;
    params.finish()?;
    let start = page.start(|name| Some(name.to_owned()))?;
    let first = start.is_none();
    let (codecs, token) = page_of(&state.registry, (&page, start), |_: &Codec| true);
    let built_in = first.then(|| json!({ "name": CAYENNE_LPP, "built_in": true }));
    let own = codecs.iter().map(
        |codec| json!({ "name": codec.name, "bytes": codec.script().len(), "built_in": false }),
    );
    list_of(("codecs", "next_token"), built_in.into_iter().chain(own).collect(), token)
}

/// Removes a script that no profile and no device names.
pub async fn remove(State(state): Shared, Label(name): Label) -> Answer {
    state.change(move |registry: &Registry| registry.remove::<Codec>(&name)).await?;
    done()
}
