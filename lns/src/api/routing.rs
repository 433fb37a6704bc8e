//! Which of AWS's services a request is for: all of them share one port, and ten of their paths.
//!
//! Every signed request names its service in the credential scope, in the Authorization header or,
//! presigned, in the query. That decides. A request without a signature is for the first service
//! that has its path, iotwireless before iot before iot-data; so of the shared paths, such as
//! `/destinations`, it reaches those of iotwireless. The signature itself is not looked at.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Response};
use tower::ServiceExt as _;

use super::{ApiError, ErrorType};

/// One of AWS's services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// The control plane of LoRaWAN.
    IotWireless,
    /// The control plane of things, rules, policies and certificates.
    Iot,
    /// Shadows, publishing and retained messages.
    IotData,
}

/// Whom a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Addressed {
    /// This service.
    To(Service),
    /// A service that we do not have; its name in the scope.
    Strange(String),
    /// The request is not signed.
    Unsigned,
}

impl Service {
    /// The service that signs its requests with this name. Older clients sign those of iot as any
    /// API's, and some sign those of iot-data by the name of its gateway.
    fn of_scope(name: &str) -> Option<Self> {
        match name {
            "iotwireless" => Some(Service::IotWireless),
            "iot" | "execute-api" => Some(Service::Iot),
            "iotdata" | "iotdevicegateway" => Some(Service::IotData),
            _ => None,
        }
    }
}

impl Addressed {
    /// Whom a request with this head is for.
    pub fn of(headers: &HeaderMap, uri: &Uri) -> Self {
        let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some(name) = header.and_then(signed).or_else(|| presigned(uri.query()?)) else {
            return Addressed::Unsigned;
        };
        Service::of_scope(&name)
            .map_or_else(|| Addressed::Strange(name.chars().take(64).collect()), Addressed::To)
    }
}

/// The scope's service in an Authorization header of Signature Version 4.
fn signed(header: &str) -> Option<String> {
    let fields = header.strip_prefix("AWS4-")?;
    let (_, credential) = fields.split_once("Credential=")?;
    scope(credential.split([',', ' ']).next()?)
}

/// The scope's service in the query of a presigned request.
fn presigned(query: &str) -> Option<String> {
    let credential = query.split('&').find_map(|pair| pair.strip_prefix("X-Amz-Credential="))?;
    scope(&percent_encoding::percent_decode_str(credential).decode_utf8_lossy())
}

/// The service in `AKID/date/region/service/aws4_request`. An access key has no slash.
fn scope(credential: &str) -> Option<String> {
    let service = credential.split('/').nth(3)?;
    Some(service.to_owned())
}

/// The services' operations.
#[derive(Clone)]
pub(super) struct Services {
    wireless: Router,
    iot: Router,
    data: Router,
    /// All of them, one behind the other.
    any: Router,
}

impl Services {
    /// Routes to iotwireless, iot and iot-data; `unknown` says no to what none of them has.
    pub(super) fn new([wireless, iot, data]: [Router; 3], unknown: Router) -> Arc<Self> {
        let any = wireless.clone().fallback_service(
            iot.clone().fallback_service(data.clone().fallback_service(unknown.clone())),
        );
        Arc::new(Self {
            wireless: wireless.fallback_service(unknown.clone()),
            iot: iot.fallback_service(unknown.clone()),
            data: data.fallback_service(unknown),
            any,
        })
    }
}

/// Hands a request to its service.
pub(super) async fn route(State(services): State<Arc<Services>>, request: Request) -> Response {
    let router = match Addressed::of(request.headers(), request.uri()) {
        Addressed::To(Service::IotWireless) => &services.wireless,
        Addressed::To(Service::Iot) => &services.iot,
        Addressed::To(Service::IotData) => &services.data,
        Addressed::Unsigned => &services.any,
        Addressed::Strange(name) => {
            let message = format!(
                "the request is signed for the service {name:?}, and this server has iotwireless, \
                 iot and iotdata; give its address only to clients of these"
            );
            return ApiError::new(ErrorType::UnknownOperation, message).into_response();
        }
    };
    match router.clone().oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addressed(authorization: &str, uri: &str) -> Addressed {
        let mut headers = HeaderMap::new();
        if !authorization.is_empty() {
            headers.insert(header::AUTHORIZATION, authorization.parse().unwrap());
        }
        Addressed::of(&headers, &uri.parse().unwrap())
    }

    #[test]
    fn the_scope_names_the_service() {
        for (name, service) in [
            ("iotwireless", Service::IotWireless),
            ("iot", Service::Iot),
            ("execute-api", Service::Iot),
            ("iotdata", Service::IotData),
            ("iotdevicegateway", Service::IotData),
        ] {
            let header = format!(
                "AWS4-HMAC-SHA256 Credential=AKIA/20261123/eu-west-1/{name}/aws4_request, \
                 SignedHeaders=host;x-amz-date, Signature=00"
            );
            assert_eq!(addressed(&header, "/tags"), Addressed::To(service));
            let query =
                format!("/mqtt?X-Amz-Credential=AKIA%2F20261123%2Fx%2F{name}%2Faws4_request");
            assert_eq!(addressed("", &query), Addressed::To(service));
        }
    }

    #[test]
    fn what_is_not_signed_or_for_somebody_else_is_told_apart() {
        for header in ["", "Bearer abc", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=AKIA"] {
            assert_eq!(addressed(header, "/tags?x=1"), Addressed::Unsigned, "{header}");
        }
        let header = "AWS4-HMAC-SHA256 Credential=AKIA/20261123/eu-west-1/s3/aws4_request";
        assert_eq!(addressed(header, "/tags"), Addressed::Strange("s3".to_owned()));
    }
}
