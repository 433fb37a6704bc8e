//! Every request comes in here: who may ask, how much, and for how long.
//!
//! The control plane has no authentication yet, so what protects it is that it is for this machine. A
//! web page in a browser on the same machine reaches loopback too, hence two rules:
//! * a listener on loopback answers only requests that call it by a loopback name in `Host`, or by
//!   one of the configured names: a page whose own name was made to point to 127.0.0.1 calls it by
//!   that name;
//! * a request that changes something and carries an `Origin` must come from that very host: a
//!   page elsewhere may send a form, though it never sees the answer.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use super::who::Afar;
use super::{ApiError, ApiState, ErrorType, Peer};

/// The largest body: a codec's script with room to spare.
const MAX_BODY: usize = 1 << 20;

/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(30);

/// How many requests are looked after at once; more are asked to come back.
pub(super) const MAX_REQUESTS: usize = 256;

/// Lets a request in, and sees it through even when its client goes away: what has begun to
/// change must come to its end, in the store and in the partition alike.
pub(super) async fn door(
    State(state): State<Arc<ApiState>>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = match admit(&state, request).await {
        Ok((request, permit)) => {
            let work = async move {
                let _permit = permit;
                next.run(request).await
            };
            tokio::spawn(work).await.unwrap_or_else(|_| failed())
        }
        Err(refusal) => refusal.into_response(),
    };
    let id = Uuid::new_v4().to_string();
    let id = HeaderValue::from_str(&id).expect("a UUID is visible ASCII");
    response.headers_mut().insert("x-amzn-requestid", id);
    response
}

/// The answer when a handler panicked: our bug, and no reason to close the door.
fn failed() -> Response {
    let message = "the server has failed on this request; its log says where";
    ApiError::new(ErrorType::Internal, message).into_response()
}

async fn admit(
    state: &ApiState,
    request: Request,
) -> Result<(Request, tokio::sync::OwnedSemaphorePermit), ApiError> {
    let permit = Arc::clone(&state.places).try_acquire_owned().map_err(|_| {
        let message = format!("{MAX_REQUESTS} requests are under way; try again in a moment");
        ApiError::new(ErrorType::Throttling, message)
    })?;
    let host = authority(&request)?;
    let afar = comes_from_afar(state, &request, host.as_ref())?;
    same_origin(request.method(), request.headers(), host.as_ref())?;
    let (mut parts, body) = request.into_parts();
    if afar {
        parts.extensions.insert(Afar);
    }
    // Told at once, not after the time that a body has.
    if body.size_hint().lower() > MAX_BODY as u64 {
        let message = format!("the body is over {MAX_BODY} bytes");
        return Err(ApiError::new(ErrorType::RequestTooLarge, message));
    }
    let body = tokio::time::timeout(BODY_TIME, to_bytes(body, MAX_BODY)).await.map_err(|_| {
        let message = format!("the body did not arrive within {} s", BODY_TIME.as_secs());
        ApiError::new(ErrorType::RequestTimeout, message)
    })?;
    let body = body.map_err(|_| {
        let message = format!("the body broke off, or is over {MAX_BODY} bytes");
        ApiError::new(ErrorType::RequestTooLarge, message)
    })?;
    Ok((Request::from_parts(parts, Body::from(body)), permit))
}

/// Whether a request does not come from this machine, as far as we can tell: from another address,
/// or by a proxy under the name by which the world calls the server.
///
/// A listener in the clear that is open to other machines is its operator's choice, and he was
/// warned: there nothing can be told. Over TLS no page can be led here by a name of its own, because
/// the certificate does not have it.
fn comes_from_afar(
    state: &ApiState,
    request: &Request,
    host: Option<&Authority>,
) -> Result<bool, ApiError> {
    let secure = request.extensions().get::<Peer>().filter(|peer| peer.tls.is_some());
    if secure.is_none() && !state.settings.loopback {
        return Ok(false);
    }
    if secure.is_some_and(|peer| !peer.address.ip().to_canonical().is_loopback()) {
        return Ok(true);
    }
    let host = host.map(Authority::host);
    if host.is_some_and(is_loopback) {
        return Ok(false);
    }
    let public = state.settings.public_host.as_deref();
    if host.zip(public).is_some_and(|(host, public)| host.eq_ignore_ascii_case(public)) {
        return Ok(true);
    }
    if secure.is_none() {
        known_host(host, &state.settings.hosts)?;
    }
    Ok(false)
}

/// Whom the request means to speak to. HTTP/1.1 says so in `Host`, HTTP/2 in the request line.
fn authority(request: &Request) -> Result<Option<Authority>, ApiError> {
    let Some(host) = request.headers().get(header::HOST) else {
        return Ok(request.uri().authority().cloned());
    };
    let host = host.to_str().ok().and_then(|host| host.parse().ok());
    host.map(Some).ok_or_else(|| ApiError::validation("cannot read the Host header"))
}

fn known_host(host: Option<&str>, known: &[String]) -> Result<(), ApiError> {
    let Some(host) = host else { return Ok(()) };
    if known.iter().any(|name| name.eq_ignore_ascii_case(host)) {
        return Ok(());
    }
    let cut: String = host.chars().take(128).collect();
    Err(ApiError::new(
        ErrorType::AccessDenied,
        format!(
            "this server listens on loopback and is not called {cut:?}; call it localhost, or add \
             the name to the configured hosts"
        ),
    ))
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    address || host.eq_ignore_ascii_case("localhost")
}

fn same_origin(
    method: &Method,
    headers: &HeaderMap,
    host: Option<&Authority>,
) -> Result<(), ApiError> {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().unwrap_or_default();
    let from = origin.split_once("://").and_then(|(_, rest)| rest.parse::<Authority>().ok());
    if from.is_some() && from.as_ref() == host {
        return Ok(());
    }
    let cut: String = origin.chars().take(128).collect();
    Err(ApiError::new(
        ErrorType::AccessDenied,
        format!("a page of {cut:?} may not change anything here: it is another origin"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_has_many_names() {
        for name in ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "[::1]"] {
            assert!(is_loopback(name), "{name}");
        }
        for name in ["example.org", "localhost.example.org", "10.0.0.1", "[2001:db8::1]"] {
            assert!(!is_loopback(name), "{name}");
        }
    }
}
