//! How a refusal looks in each of AWS's services: the same complaint, its name, its status and
//! the spelling of its document.
//!
//! Operations refuse with an [`ApiError`], which knows nothing of services; a layer around each
//! service's routes says it in the service's words.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::routing::Service;
use super::{ApiError, ErrorType, arn};

/// Says a refusal again in this service's words; another answer stays as it is.
pub(super) fn spoken(service: Service, mut response: Response) -> Response {
    let Some(error) = response.extensions_mut().remove::<ApiError>() else { return response };
    say(service, error)
}

/// A refusal as this service's clients expect it.
fn say(service: Service, error: ApiError) -> Response {
    let (name, status) = match service {
        Service::IotWireless => (error.error_type.name(), error.error_type.status()),
        Service::Iot => in_iot(error.error_type),
        Service::IotData => in_iot_data(error.error_type),
    };
    let document = match service {
        Service::IotWireless => pascal_case(&error),
        Service::Iot | Service::IotData => camel_case(&error),
    };
    let mut response = (status, Json(Value::Object(document))).into_response();
    response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(name));
    if error.error_type == ErrorType::RequestTimeout {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if service == Service::IotData && error.error_type == ErrorType::Unauthorized {
        // How to come again (RFC 9110 §11.6.1).
        let how = HeaderValue::from_static("Basic realm=\"lns\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, how);
    }
    // Whoever is further out may speak another dialect.
    response.extensions_mut().insert(error);
    response
}

/// Name and status in iot. What it has no name for keeps ours.
const fn in_iot(error_type: ErrorType) -> (&'static str, StatusCode) {
    match error_type {
        ErrorType::Validation | ErrorType::TooManyTags => {
            ("InvalidRequestException", StatusCode::BAD_REQUEST)
        }
        ErrorType::AccessDenied => ("UnauthorizedException", StatusCode::UNAUTHORIZED),
        ErrorType::Throttling => ("ThrottlingException", StatusCode::BAD_REQUEST),
        ErrorType::Internal => ("InternalFailureException", StatusCode::INTERNAL_SERVER_ERROR),
        ErrorType::ResourceNotFound
        | ErrorType::UnknownOperation
        | ErrorType::MethodNotAllowed
        | ErrorType::RequestTimeout
        | ErrorType::Conflict
        | ErrorType::RequestTooLarge
        | ErrorType::AlreadyExists
        | ErrorType::VersionConflict
        | ErrorType::DeleteConflict
        | ErrorType::LimitExceeded
        | ErrorType::Unauthorized
        | ErrorType::MalformedPolicy
        | ErrorType::VersionsLimit
        | ErrorType::CertificateState
        | ErrorType::CertificateValidation
        | ErrorType::RegistrationCode
        | ErrorType::GatewayTimeout
        | ErrorType::SqlParse => (error_type.name(), error_type.status()),
    }
}

/// Name and status in iot-data.
const fn in_iot_data(error_type: ErrorType) -> (&'static str, StatusCode) {
    match error_type {
        ErrorType::AccessDenied => ("ForbiddenException", StatusCode::FORBIDDEN),
        ErrorType::Throttling => ("ThrottlingException", StatusCode::TOO_MANY_REQUESTS),
        ErrorType::Validation
        | ErrorType::TooManyTags
        | ErrorType::ResourceNotFound
        | ErrorType::UnknownOperation
        | ErrorType::MethodNotAllowed
        | ErrorType::RequestTimeout
        | ErrorType::Conflict
        | ErrorType::RequestTooLarge
        | ErrorType::Internal
        | ErrorType::AlreadyExists
        | ErrorType::VersionConflict
        | ErrorType::DeleteConflict
        | ErrorType::LimitExceeded
        | ErrorType::Unauthorized
        | ErrorType::MalformedPolicy
        | ErrorType::VersionsLimit
        | ErrorType::CertificateState
        | ErrorType::CertificateValidation
        | ErrorType::RegistrationCode
        | ErrorType::GatewayTimeout
        | ErrorType::SqlParse => in_iot(error_type),
    }
}

fn pascal_case(error: &ApiError) -> Map<String, Value> {
    let mut body = Map::new();
    // AWS spells it both ways, and clients look for one or the other.
    body.insert("Message".to_owned(), json!(error.message));
    body.insert("message".to_owned(), json!(error.message));
    if let Some((kind, id)) = &error.resource {
        body.insert("ResourceType".to_owned(), json!(kind));
        body.insert("ResourceId".to_owned(), json!(id));
    }
    body
}

fn camel_case(error: &ApiError) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("message".to_owned(), json!(error.message));
    if let Some((kind, id)) = &error.resource {
        body.insert("resourceId".to_owned(), json!(id));
        if let Some(arn) = arn::of_name(kind, id) {
            body.insert("resourceArn".to_owned(), json!(arn));
        }
    }
    body
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        say(Service::IotWireless, self)
    }
}
