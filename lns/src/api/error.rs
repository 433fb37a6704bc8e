//! Why an operation says no: AWS's names and status codes, our words. How it looks from outside is
//! the [dialect](super::dialect)'s.

use axum::http::StatusCode;

use crate::identity::AuthorityError;
use crate::registry::{Kind, RegistryError};

use super::running::{CodecRefusal, DeviceError};

/// The names of errors, with their status codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorType {
    /// 400: the request says something that cannot be.
    Validation,
    /// 400: more tags than a resource may have.
    TooManyTags,
    /// 403: not for this caller.
    AccessDenied,
    /// 404: no such resource.
    ResourceNotFound,
    /// 404: no such operation.
    UnknownOperation,
    /// 405: the path is right, the method is not.
    MethodNotAllowed,
    /// 408: the request took too long to arrive.
    RequestTimeout,
    /// 409: the resource is in a state, or a name in use, that forbids it.
    Conflict,
    /// 413: a body beyond the limit.
    RequestTooLarge,
    /// 429: too much at once; clients try again by themselves.
    Throttling,
    /// 409: a resource of this name is there, and is another (iot).
    AlreadyExists,
    /// 409: the resource is no longer of the version that the request speaks of (iot).
    VersionConflict,
    /// 409: somebody still refers to the resource (iot).
    DeleteConflict,
    /// 410: as many as there may be (iot).
    LimitExceeded,
    /// 401: not for this caller, as iot says it.
    Unauthorized,
    /// 400: a rule's statement cannot be read.
    SqlParse,
    /// 400: a document is no policy.
    MalformedPolicy,
    /// 409: a policy has as many versions as it may have.
    VersionsLimit,
    /// 406: a certificate's status forbids it.
    CertificateState,
    /// 400: something is no certificate, or is not signed by whom it should be.
    CertificateValidation,
    /// 400: an authority's verification certificate does not have the registration code.
    RegistrationCode,
    /// 500: an incident of ours.
    Internal,
    /// 504: somebody who was waited for has not answered (iot-data).
    GatewayTimeout,
}

impl ErrorType {
    /// The name in `x-amzn-ErrorType`.
    pub const fn name(self) -> &'static str {
        match self {
            ErrorType::Validation => "ValidationException",
            ErrorType::TooManyTags => "TooManyTagsException",
            ErrorType::AccessDenied => "AccessDeniedException",
            ErrorType::ResourceNotFound => "ResourceNotFoundException",
            ErrorType::UnknownOperation => "UnknownOperationException",
            ErrorType::MethodNotAllowed => "MethodNotAllowedException",
            ErrorType::RequestTimeout => "RequestTimeoutException",
            ErrorType::Conflict => "ConflictException",
            ErrorType::RequestTooLarge => "RequestEntityTooLargeException",
            ErrorType::Throttling => "ThrottlingException",
            ErrorType::AlreadyExists => "ResourceAlreadyExistsException",
            ErrorType::VersionConflict => "VersionConflictException",
            ErrorType::DeleteConflict => "DeleteConflictException",
            ErrorType::LimitExceeded => "LimitExceededException",
            ErrorType::Unauthorized => "UnauthorizedException",
            ErrorType::SqlParse => "SqlParseException",
            ErrorType::MalformedPolicy => "MalformedPolicyException",
            ErrorType::VersionsLimit => "VersionsLimitExceededException",
            ErrorType::CertificateState => "CertificateStateException",
            ErrorType::CertificateValidation => "CertificateValidationException",
            ErrorType::RegistrationCode => "RegistrationCodeValidationException",
            ErrorType::Internal => "InternalServerException",
            ErrorType::GatewayTimeout => "GatewayTimeoutException",
        }
    }

    /// The HTTP status.
    pub const fn status(self) -> StatusCode {
        match self {
            ErrorType::Validation | ErrorType::TooManyTags | ErrorType::SqlParse => {
                StatusCode::BAD_REQUEST
            }
            ErrorType::MalformedPolicy
            | ErrorType::CertificateValidation
            | ErrorType::RegistrationCode => StatusCode::BAD_REQUEST,
            ErrorType::CertificateState => StatusCode::NOT_ACCEPTABLE,
            ErrorType::VersionsLimit => StatusCode::CONFLICT,
            ErrorType::Unauthorized => StatusCode::UNAUTHORIZED,
            ErrorType::AccessDenied => StatusCode::FORBIDDEN,
            ErrorType::ResourceNotFound | ErrorType::UnknownOperation => StatusCode::NOT_FOUND,
            ErrorType::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            ErrorType::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            ErrorType::Conflict
            | ErrorType::AlreadyExists
            | ErrorType::VersionConflict
            | ErrorType::DeleteConflict => StatusCode::CONFLICT,
            ErrorType::LimitExceeded => StatusCode::GONE,
            ErrorType::RequestTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ErrorType::Throttling => StatusCode::TOO_MANY_REQUESTS,
            ErrorType::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            ErrorType::GatewayTimeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }
}

/// A refusal, or an incident, on its way to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// Its name and status.
    pub error_type: ErrorType,
    /// What was attempted, with values, and what to do.
    pub message: String,
    /// The resource that it is about, where there is one: type and id.
    pub resource: Option<(&'static str, String)>,
}

impl ApiError {
    /// An error of this type.
    pub fn new(error_type: ErrorType, message: impl Into<String>) -> Self {
        Self { error_type, message: message.into(), resource: None }
    }

    /// The request says something that cannot be.
    pub fn validation(message: impl Into<String>) -> Self {
        Self::new(ErrorType::Validation, message)
    }

    /// There is no such thing.
    pub fn not_found(kind: Kind, id: impl Into<String>) -> Self {
        RegistryError::NotFound { kind, key: id.into() }.into()
    }

    fn about(mut self, kind: Kind, id: String) -> Self {
        self.resource = Some((kind.name(), id));
        self
    }
}

impl From<RegistryError> for ApiError {
    fn from(error: RegistryError) -> Self {
        let message = error.to_string();
        let as_type = |error_type| Self::new(error_type, message);
        match error {
            RegistryError::NotFound { kind, key } => {
                as_type(ErrorType::ResourceNotFound).about(kind, key)
            }
            RegistryError::Taken { kind, key, .. } | RegistryError::TokenReused { kind, key } => {
                as_type(in_service(kind, ErrorType::Conflict, ErrorType::AlreadyExists))
                    .about(kind, key)
            }
            RegistryError::InUse {
                kind: kind @ (Kind::Policy | Kind::Certificate), key, ..
            } => as_type(ErrorType::DeleteConflict).about(kind, key),
            RegistryError::InUse { kind, key, .. } | RegistryError::BuiltIn { kind, key } => {
                as_type(in_service(kind, ErrorType::Conflict, ErrorType::Validation))
                    .about(kind, key)
            }
            RegistryError::Full { kind, .. } => {
                as_type(in_service(kind, ErrorType::Conflict, ErrorType::LimitExceeded))
            }
            RegistryError::Unfit(_) => as_type(ErrorType::Validation),
            RegistryError::Store(_) | RegistryError::Unreadable { .. } => {
                as_type(ErrorType::Internal)
            }
        }
    }
}

/// iotwireless has one name for what iot has several for.
fn in_service(kind: Kind, wireless: ErrorType, iot: ErrorType) -> ErrorType {
    if kind.is_of_iot() { iot } else { wireless }
}

impl From<DeviceError> for ApiError {
    fn from(error: DeviceError) -> Self {
        let error_type = match error {
            DeviceError::Busy => ErrorType::Throttling,
            DeviceError::QueueFull { .. } => ErrorType::Conflict,
            DeviceError::Refused(_) => ErrorType::Validation,
            DeviceError::Unknown(dev_eui) => {
                return Self::new(ErrorType::ResourceNotFound, error.to_string())
                    .about(Kind::WirelessDevice, dev_eui.to_string());
            }
            DeviceError::Gone | DeviceError::Failed(_) => ErrorType::Internal,
        };
        Self::new(error_type, error.to_string())
    }
}

impl From<AuthorityError> for ApiError {
    fn from(error: AuthorityError) -> Self {
        Self::new(ErrorType::Internal, error.to_string())
    }
}

impl From<CodecRefusal> for ApiError {
    fn from(refusal: CodecRefusal) -> Self {
        Self::validation(refusal.to_string())
    }
}
