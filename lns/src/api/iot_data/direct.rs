//! Messages to one client that is connected, whatever it has subscribed to.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::json;
use uuid::Uuid;

use super::publish::{check_topic, properties};
use super::{broker, flag, stopped};
use crate::api::common::json_of;
use crate::api::params::{Label, Params};
use crate::api::who::Who;
use crate::api::{Answer, ApiError, ApiState, ErrorType, Shared, operation};
use crate::broker::{Message, NotSent, Properties, QoS};

/// How many seconds a client may be waited for, and how many are when none are named; AWS's.
const TIMEOUT: (u64, u64) = (15, 5);

pub(super) fn routes() -> Router<Arc<ApiState>> {
    Router::new().route("/connections/{client_id}/messages", operation(post(send)))
}

/// SendDirectMessage. With `confirmation` it is answered when the client has acknowledged it.
async fn send(
    State(state): Shared,
    (who, Label(client_id), mut params): (Who, Label, Params),
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let topic = params.take("topic")?;
    let topic = topic.ok_or_else(|| ApiError::validation("topic: the query lacks it"))?;
    check_topic(&topic)?;
    let confirmation = flag(&mut params, "confirmation")?;
    let timeout = timeout(&mut params)?;
    let properties = properties(&mut params, &headers)?;
    params.finish()?;
    who.may_send(&client_id, &topic)?;
    let qos = if confirmation { QoS::AtLeastOnce } else { QoS::AtMostOnce };
    let properties = (properties != Properties::default()).then(|| Box::new(properties));
    let message = Message { qos, properties, ..Message::new(topic, body) };
    let sending = broker(&state)?.send_direct(&client_id, message);
    let sent = tokio::time::timeout(timeout, sending).await.map_err(|_| {
        let why = format!("{client_id} has not acknowledged it within {} s", timeout.as_secs());
        ApiError::new(ErrorType::GatewayTimeout, why)
    })?;
    sent.map_err(stopped)?.map_err(|why| refusal(why, &client_id))?;
    let trace = Uuid::new_v4().to_string();
    json_of(StatusCode::OK, json!({ "message": "OK", "traceId": trace }))
}

fn timeout(params: &mut Params) -> Result<Duration, ApiError> {
    let (most, usual) = TIMEOUT;
    let Some(text) = params.take("timeout")? else { return Ok(Duration::from_secs(usual)) };
    let seconds = text.parse().ok().filter(|seconds| (1..=most).contains(seconds));
    let wrong = || ApiError::validation(format!("timeout: it is not from 1 to {most} seconds"));
    seconds.map(Duration::from_secs).ok_or_else(wrong)
}

fn refusal(why: NotSent, client_id: &str) -> ApiError {
    let (error_type, why) = match why {
        NotSent::Away => (ErrorType::ResourceNotFound, "is not connected, or is not any more"),
        NotSent::Forbidden => (ErrorType::AccessDenied, "may not receive messages of this topic"),
        NotSent::TooLarge => (ErrorType::RequestTooLarge, "takes no message as large as this"),
        NotSent::Busy => (ErrorType::Throttling, "has too much to acknowledge; try again later"),
    };
    ApiError::new(error_type, format!("{client_id} {why}"))
}
