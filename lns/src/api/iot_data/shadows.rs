//! Device shadows: documents go in and out as they are, and so do AWS's error documents.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use lns_pipeline::policy::Action;
use lns_pipeline::shadow::{Answer as Decided, Rejection, ShadowId, Verb};
use serde_json::json;

use crate::api::common::json_of;
use crate::api::params::{Label, Page, Params};
use crate::api::who::Who;
use crate::api::{Answer, ApiError, ApiState, ErrorType, Shared, operation};

/// The largest page of names, and the page for who names no size.
const PAGE: (usize, usize) = (100, 25);

pub(super) fn routes() -> Router<Arc<ApiState>> {
    Router::new()
        .route("/things/{name}/shadow", operation(get(show).post(update).delete(remove)))
        .route("/api/things/shadow/ListNamedShadowsForThing/{name}", operation(get(list)))
}

/// GetThingShadow.
async fn show(state: Shared, who: Who, label: Label, params: Params) -> Answer {
    ask(state, (who, label, params), Verb::Get, Bytes::new()).await
}

/// UpdateThingShadow.
async fn update(state: Shared, who: Who, (label, params): (Label, Params), body: Bytes) -> Answer {
    ask(state, (who, label, params), Verb::Update, body).await
}

/// DeleteThingShadow.
async fn remove(state: Shared, who: Who, label: Label, params: Params) -> Answer {
    ask(state, (who, label, params), Verb::Delete, Bytes::new()).await
}

async fn ask(
    State(state): Shared,
    (who, Label(thing), mut params): (Who, Label, Params),
    verb: Verb,
    payload: Bytes,
) -> Answer {
    let name = params.take("name")?;
    params.finish()?;
    let id = match ShadowId::new(&thing, name.as_deref()) {
        Ok(id) => id,
        Err(error) => return Ok(refuse(&state, &Rejection::InvalidName(error))),
    };
    let action = match verb {
        Verb::Get => Action::GetThingShadow,
        Verb::Update => Action::UpdateThingShadow,
        Verb::Delete => Action::DeleteThingShadow,
    };
    let resource = name.map_or_else(|| thing.clone(), |name| format!("{thing}/{name}"));
    if who.may(action, &resource).is_err() {
        return Ok(refuse(&state, &Rejection::Forbidden));
    }
    let answer = state.surroundings.shadows.ask(id, verb, payload).await;
    Ok(match answer {
        Ok(Decided::Accepted(document)) => said(StatusCode::OK, document),
        Ok(Decided::Rejected { why, document }) => rejected(&why, document),
        Err(_) => refuse(&state, &Rejection::Internal),
    })
}

/// ListNamedShadowsForThing.
async fn list(State(state): Shared, who: Who, Label(thing): Label, mut params: Params) -> Answer {
    let Page { size, after, .. } = page(&mut params)?;
    params.finish()?;
    let now = seconds(&state);
    if let Err(error) = ShadowId::classic(&thing) {
        return Ok(refuse(&state, &Rejection::InvalidName(error)));
    }
    if who.may(Action::ListNamedShadowsForThing, &thing).is_err() {
        return Ok(refuse(&state, &Rejection::Forbidden));
    }
    let shadows = Arc::clone(&state.surroundings.shadows);
    let read = move || shadows.named(&thing, after.as_deref(), size);
    let read = tokio::task::spawn_blocking(read).await.map_err(|_| "reading panicked".to_owned());
    let (names, more) = read
        .and_then(|read| read)
        .map_err(|why| ApiError::new(ErrorType::Internal, format!("cannot list shadows: {why}")))?;
    let token = names.last().filter(|_| more).map(Page::token);
    let mut body = json!({ "results": names, "timestamp": now });
    if let Some(token) = token {
        body["nextToken"] = json!(token);
    }
    json_of(StatusCode::OK, body)
}

/// AWS calls the size of this one list `pageSize`.
fn page(params: &mut Params) -> Result<Page, ApiError> {
    let (most, usual) = PAGE;
    let size = match params.take("pageSize")? {
        None => usual,
        Some(text) => {
            text.parse().ok().filter(|size| (1..=most).contains(size)).ok_or_else(|| {
                let cut: String = text.chars().take(64).collect();
                let problem = format!("{cut:?} is not a whole number from 1 to {most}");
                ApiError::validation(format!("pageSize: {problem}"))
            })?
        }
    };
    let page = params.page()?;
    Ok(Page { size, ..page })
}

fn seconds(state: &ApiState) -> u64 {
    u64::try_from((state.surroundings.now)().micros() / 1_000_000).unwrap_or(0)
}

fn refuse(state: &ApiState, why: &Rejection) -> Response {
    rejected(why, why.document(seconds(state), None))
}

/// AWS's error document, and the name that its clients look for in the head.
fn rejected(why: &Rejection, document: Vec<u8>) -> Response {
    let status = StatusCode::from_u16(why.code()).expect("codes are those of HTTP");
    let mut response = said(status, document);
    let name = HeaderValue::from_static(exception(why));
    response.headers_mut().insert("x-amzn-errortype", name);
    response
}

/// The name of a rejection in the model of iot-data.
fn exception(why: &Rejection) -> &'static str {
    match why {
        Rejection::InvalidJson
        | Rejection::MissingState
        | Rejection::StateNotObject
        | Rejection::DesiredNotObject
        | Rejection::ReportedNotObject
        | Rejection::InvalidNode
        | Rejection::TooDeep
        | Rejection::InvalidVersion
        | Rejection::InvalidClientToken
        | Rejection::InvalidName(_) => "InvalidRequestException",
        Rejection::Unauthorized => "UnauthorizedException",
        Rejection::Forbidden => "ForbiddenException",
        Rejection::NoShadow(_) => "ResourceNotFoundException",
        Rejection::VersionConflict => "ConflictException",
        Rejection::TooLarge => "RequestEntityTooLargeException",
        Rejection::Encoding => "UnsupportedDocumentEncodingException",
        Rejection::TooManyRequests { .. } => "ThrottlingException",
        Rejection::Internal => "InternalFailureException",
    }
}

fn said(status: StatusCode, document: Vec<u8>) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], document).into_response()
}
