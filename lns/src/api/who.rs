//! Who asks, and what he may.
//!
//! On the data plane, which is iot-data, a request may say who asks: by the certificate of its TLS
//! connection, or by a user with a password or a token in `Authorization`. Then policies decide. Who
//! says nothing may do everything on this machine, and nothing from elsewhere. The control plane is for
//! this machine only where we can tell; signatures are not looked at.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lns_broker::ReasonCode;
use lns_pipeline::policy::Action;

use super::{ApiError, ApiState, ErrorType, Peer};
use crate::identity::{Asker, Shown};

/// How many clients are asked at a time who they are: hashing a password takes a core.
pub(super) const ASKED_AT_ONCE: usize = 4;

/// A request that does not come from this machine, as far as we can tell; an extension of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Afar;

/// Who asks.
#[derive(Clone, Debug)]
pub(super) enum Who {
    /// Somebody on this machine who has not said who he is.
    Nobody,
    /// Somebody known.
    Somebody(Arc<Asker>),
}

impl Who {
    /// A certificate's id, or a user's name; `None`: nobody's.
    pub fn principal(&self) -> Option<Arc<str>> {
        match self {
            Who::Nobody => None,
            Who::Somebody(asker) => Some(Arc::clone(&asker.principal)),
        }
    }

    /// Refuses what its policies do not allow with what is called `name`, as [`Action::target`] says.
    pub fn may(&self, action: Action, name: &str) -> Result<(), ApiError> {
        let Who::Somebody(asker) = self else { return Ok(()) };
        if asker.may(action, name) {
            return Ok(());
        }
        let cut: String = name.chars().take(256).collect();
        let who = &asker.principal;
        let why = format!("{who} may not iot:{} {cut}; no policy allows it", action.name());
        Err(ApiError::new(ErrorType::AccessDenied, why))
    }
}

impl Who {
    /// Refuses to send a message of this topic to a client if its policies do not allow it.
    pub fn may_send(&self, client_id: &str, topic: &str) -> Result<(), ApiError> {
        let Who::Somebody(asker) = self else { return Ok(()) };
        if asker.may_send(client_id, topic) {
            return Ok(());
        }
        let who = &asker.principal;
        let why = format!("{who} may not iot:SendDirectMessage to {client_id} on {topic}");
        Err(ApiError::new(ErrorType::AccessDenied, why))
    }
}

/// [`known`] has found it out.
impl<S: Send + Sync> FromRequestParts<S> for Who {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let found = parts.extensions.get::<Who>().cloned();
        found.ok_or_else(|| ApiError::new(ErrorType::Internal, "nobody has asked who this is"))
    }
}

/// Who is at the other end; in tests without a connection somebody on this machine.
impl<S: Send + Sync> FromRequestParts<S> for Peer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let peer = parts.extensions.get::<Peer>().cloned();
        Ok(peer.unwrap_or(Peer { address: here, entrance: None, tls: None }))
    }
}

/// Finds out who asks.
pub(super) async fn known(
    State(state): State<Arc<ApiState>>,
    peer: Peer,
    mut request: Request,
    next: Next,
) -> Response {
    let afar = request.extensions().get::<Afar>().is_some();
    match identify(&state, &peer, request.headers()).await {
        Ok(Who::Nobody) if afar => {
            let why = "the request does not say who asks; show a certificate, or a user with a \
                       password or a token";
            ApiError::new(ErrorType::Unauthorized, why).into_response()
        }
        Ok(who) => {
            request.extensions_mut().insert(who);
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}

/// Lets in what comes from this machine.
pub(super) async fn here(request: Request, next: Next) -> Response {
    if request.extensions().get::<Afar>().is_none() || is_for_all(request.uri()) {
        return next.run(request).await;
    }
    let why = "this is for programs on the server's own machine, which call it localhost: requests \
               from elsewhere cannot prove yet that they may";
    ApiError::new(ErrorType::AccessDenied, why).into_response()
}

/// What everybody may ask: a confirmation's token is its own proof, and the authority's certificate
/// is what clients need before they can trust anything.
fn is_for_all(uri: &Uri) -> bool {
    let path = uri.path();
    path.starts_with("/confirmdestination/") || matches!(path, "/v1/ca" | "/healthz")
}

async fn identify(state: &ApiState, peer: &Peer, headers: &HeaderMap) -> Result<Who, ApiError> {
    let secret = Secret::of(headers)?;
    let tls = peer.tls.clone().unwrap_or_default();
    if secret.is_none() && tls.certificates.is_empty() {
        return Ok(Who::Nobody);
    }
    let source: IpAddr = peer.address.ip().to_canonical();
    let askers = Arc::clone(&state.surroundings.askers);
    let shows_secret = secret.is_some();
    let ask = move || {
        let secret = secret.unwrap_or_default();
        askers(&Shown {
            client_id: "",
            username: secret.user.as_deref(),
            password: secret.password.as_deref(),
            certificates: &tls.certificates,
            server_name: tls.server_name.as_deref(),
            source,
        })
    };
    let _place = state.asking.acquire().await.expect("it is never closed");
    let failed = |_| ApiError::new(ErrorType::Internal, "finding out who asks has failed");
    match tokio::task::spawn_blocking(ask).await.map_err(failed)? {
        Ok(Some(asker)) => Ok(Who::Somebody(asker)),
        Ok(None) => Err(wrong_secret()),
        Err(ReasonCode::ConnectionRateExceeded) => {
            let why = "too many wrong passwords or tokens from this address; try again later";
            Err(ApiError::new(ErrorType::Throttling, why))
        }
        Err(_) if shows_secret => Err(wrong_secret()),
        Err(_) => {
            let why = "the certificate is not registered, not ACTIVE, or not valid today";
            Err(ApiError::new(ErrorType::AccessDenied, why))
        }
    }
}

fn wrong_secret() -> ApiError {
    ApiError::new(ErrorType::Unauthorized, "the user, the password or the token is wrong")
}

/// What an Authorization header has of a user.
#[derive(Default)]
struct Secret {
    user: Option<String>,
    /// Or a token.
    password: Option<Vec<u8>>,
}

impl Secret {
    /// `None`: there is none, or one of another kind, such as a signature.
    fn of(headers: &HeaderMap) -> Result<Option<Self>, ApiError> {
        let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
        let text = value.to_str().unwrap_or_default();
        let Some((scheme, rest)) = text.split_once(' ') else { return Ok(None) };
        let rest = rest.trim_matches(' ');
        if scheme.eq_ignore_ascii_case("bearer") {
            return Ok(Some(Self { user: None, password: Some(rest.into()) }));
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return Ok(None);
        }
        let wrong = || {
            let why = "Authorization: it is not Base64 of user:password";
            ApiError::new(ErrorType::Unauthorized, why)
        };
        let bytes = STANDARD.decode(rest).map_err(|_| wrong())?;
        let colon = bytes.iter().position(|byte| *byte == b':').ok_or_else(wrong)?;
        let user = String::from_utf8(bytes[..colon].to_vec()).map_err(|_| wrong())?;
        Ok(Some(Self { user: Some(user), password: Some(bytes[colon + 1..].to_vec()) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_read_as_the_web_writes_them() {
        let read = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            let secret = Secret::of(&headers);
            secret.map(|found| found.map(|found| (found.user, found.password.unwrap())))
        };
        let user = |name: &str| Some(name.to_owned());
        // "ann:a:b", ":token"
        assert_eq!(read("Basic YW5uOmE6Yg=="), Ok(Some((user("ann"), b"a:b".to_vec()))));
        assert_eq!(read("basic OnRva2Vu"), Ok(Some((user(""), b"token".to_vec()))));
        assert_eq!(read("Bearer  token"), Ok(Some((None, b"token".to_vec()))));
        for other in ["AWS4-HMAC-SHA256 Credential=x", "Digest a=b", "Bearer", ""] {
            assert_eq!(read(other), Ok(None), "{other}");
        }
        for wrong in ["Basic !", "Basic YW5u", "Basic /zo="] {
            assert_eq!(read(wrong).unwrap_err().error_type, ErrorType::Unauthorized, "{wrong}");
        }
    }
}
