//! Where rules may send HTTP requests: an endpoint must confirm first that it wants them.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use lns_lorawan::Timestamp;
use serde_json::{Map, Value, json};

use super::reading::time;
use crate::api::common::{json_of, list_of, page_of, put};
use crate::api::fields::{Fields, wrong};
use crate::api::params::{Label, Params};
use crate::api::routing::Service;
use crate::api::{Answer, ApiError, ApiState, ErrorType, Shared, arn, operation};
use crate::registry::{
    Id, Kind, Registry, RegistryError, RuleDestination, RuleDestinationStatus as Status,
};

/// The longest URL, in characters.
const URL: usize = 2000;

pub(super) fn routes() -> Router<Arc<ApiState>> {
    let all = post(create).get(list).patch(update);
    Router::new()
        .route("/destinations", operation(all))
        .route("/destinations/{*arn}", operation(get(show).delete(remove)))
        .route("/confirmdestination/{*token}", operation(get(confirm)))
}

/// A secret that nobody guesses.
fn token() -> String {
    hex::encode([0; 4].map(|_: u8| crate::entropy::u64().to_be_bytes()).concat())
}

/// A destination that waits for its confirmation, which is asked for by whoever executes actions.
fn waiting(confirmation_url: String, now: Timestamp) -> RuleDestination {
    RuleDestination {
        id: Id::random(),
        confirmation_url,
        token: token(),
        status: Status::InProgress,
        confirmed: false,
        status_reason: Some("waiting for the endpoint's confirmation".to_owned()),
        created_at: now,
        updated_at: now,
    }
}

/// Makes the destination that a rule's http action needs, unless there is one. With AWS, too, a rule
/// brings its destinations with it.
pub(super) fn ensure(
    registry: &Registry,
    confirmation_url: &str,
    now: Timestamp,
) -> Result<(), RegistryError> {
    let mut there = false;
    registry.walk(None, &mut |destination: &Arc<RuleDestination>| {
        there = destination.confirmation_url == confirmation_url
            || destination.status == Status::Enabled && destination.covers(confirmation_url);
        !there
    });
    if !there {
        registry.create(waiting(confirmation_url.to_owned(), now))?;
    }
    Ok(())
}

/// CreateTopicRuleDestination.
async fn create(State(state): Shared, body: Bytes) -> Answer {
    let destination = waiting(read_url(&body)?, (state.surroundings.now)());
    let made = state.change(move |registry| registry.create(destination)).await?;
    let document = document(made.record(), "httpUrlProperties");
    json_of(StatusCode::OK, json!({ "topicRuleDestination": document }))
}

fn read_url(body: &[u8]) -> Result<String, ApiError> {
    let mut fields = Fields::parse(body)?;
    let configuration = fields.object("destinationConfiguration")?;
    let mut configuration = fields.required("destinationConfiguration", configuration)?;
    fields.finish()?;
    if configuration.take("vpcConfiguration").is_some() {
        let path = configuration.path("vpcConfiguration");
        return Err(wrong(&path, "there is no VPC here; the server's own network is what it has"));
    }
    if configuration.take("influxDBConfiguration").is_some() {
        let path = configuration.path("influxDBConfiguration");
        return Err(wrong(&path, "write to InfluxDB by an influxLineProtocol action"));
    }
    let http = configuration.object("httpUrlConfiguration")?;
    let mut http = configuration.required("httpUrlConfiguration", http)?;
    configuration.finish()?;
    let path = http.path("confirmationUrl");
    let text = http.text("confirmationUrl", 1..=URL)?;
    let text = http.required("confirmationUrl", text)?;
    http.finish()?;
    let url = url::Url::parse(&text).map_err(|problem| wrong(&path, problem))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(wrong(&path, "it is neither http:// nor https:// with a host"));
    }
    Ok(text)
}

fn document(destination: &RuleDestination, properties: &str) -> Map<String, Value> {
    let mut document = Map::new();
    let arn = arn::of(Kind::TopicRuleDestination, &destination.id);
    document.insert("arn".to_owned(), arn.into());
    document.insert("status".to_owned(), destination.status.name().into());
    document.insert("createdAt".to_owned(), time(destination.created_at));
    document.insert("lastUpdatedAt".to_owned(), time(destination.updated_at));
    put(&mut document, "statusReason", destination.status_reason.clone());
    let url = json!({ "confirmationUrl": destination.confirmation_url });
    document.insert(properties.to_owned(), url);
    document
}

/// The destination that an ARN names. AWS says of one that is not there that it may not be seen.
fn named(registry: &Registry, text: &str) -> Result<Arc<RuleDestination>, ApiError> {
    let (kind, id) = arn::parse(Service::Iot, text)?;
    let id = Some(id).filter(|_| kind == Kind::TopicRuleDestination);
    let id = id.and_then(|id| Id::parse(&id));
    id.and_then(|id| registry.find::<RuleDestination>(&id)).ok_or_else(|| {
        let cut: String = text.chars().take(256).collect();
        ApiError::new(ErrorType::Unauthorized, format!("there is no rule destination {cut}"))
    })
}

/// GetTopicRuleDestination.
async fn show(State(state): Shared, Label(arn): Label) -> Answer {
    let destination = named(&state.registry, &arn)?;
    let document = document(&destination, "httpUrlProperties");
    json_of(StatusCode::OK, json!({ "topicRuleDestination": document }))
}

/// ListTopicRuleDestinations.
async fn list(State(state): Shared, mut params: Params) -> Answer {
    let page = params.page_of(1000)?;
    params.finish()?;
    let start = page.start(Id::parse)?;
    let (destinations, token) =
        page_of(&state.registry, (&page, start), |_: &RuleDestination| true);
    let list = destinations.iter().map(|one| document(one, "httpUrlSummary").into()).collect();
    list_of(("destinationSummaries", "nextToken"), list, token)
}

/// UpdateTopicRuleDestination: on, off, or asked for its confirmation once more.
async fn update(State(state): Shared, body: Bytes) -> Answer {
    let mut fields = Fields::parse(&body)?;
    let arn = fields.text("arn", 0..=2048)?;
    let arn = fields.required("arn", arn)?;
    let status = fields.word("status", &["ENABLED", "IN_PROGRESS", "DISABLED"])?;
    let status = fields.required("status", status)?;
    fields.finish()?;
    let now = (state.surroundings.now)();
    let id = named(&state.registry, &arn)?.id;
    let change = move |destination: &mut RuleDestination| -> Result<(), ApiError> {
        (destination.status, destination.status_reason) = match status.as_str() {
            "ENABLED" if !destination.confirmed => {
                let problem =
                    "ENABLED: the endpoint has not confirmed; set IN_PROGRESS to ask it again";
                return Err(wrong("status", problem));
            }
            "ENABLED" => (Status::Enabled, None),
            "DISABLED" => (Status::Disabled, Some("switched off".to_owned())),
            _ => {
                destination.token = token();
                let reason = "waiting for the endpoint's confirmation";
                (Status::InProgress, Some(reason.to_owned()))
            }
        };
        destination.updated_at = now;
        Ok(())
    };
    state.change(move |registry: &Registry| registry.update(&id, change)).await?;
    json_of(StatusCode::OK, json!({}))
}

/// DeleteTopicRuleDestination.
async fn remove(State(state): Shared, Label(arn): Label) -> Answer {
    let id = named(&state.registry, &arn)?.id;
    state.change(move |registry: &Registry| registry.remove::<RuleDestination>(&id)).await?;
    json_of(StatusCode::OK, json!({}))
}

/// ConfirmTopicRuleDestination. Whoever has the token may: that it has it is the confirmation.
async fn confirm(State(state): Shared, Label(token): Label) -> Answer {
    let now = (state.surroundings.now)();
    let unknown = || wrong("confirmationToken", "it is none that waits for a confirmation");
    let there = state.registry.find_by_alias::<RuleDestination>(&token).ok_or_else(unknown)?;
    let id = there.id;
    let change = move |destination: &mut RuleDestination| -> Result<(), ApiError> {
        if destination.token != token {
            return Err(unknown());
        }
        if destination.status == Status::InProgress || destination.status == Status::Error {
            destination.status = Status::Enabled;
            destination.status_reason = None;
            destination.updated_at = now;
        }
        destination.confirmed = true;
        Ok(())
    };
    state.change(move |registry: &Registry| registry.update(&id, change)).await?;
    json_of(StatusCode::OK, json!({}))
}
