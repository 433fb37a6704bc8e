//! A topic, or another name that may have slashes, at the end of a path.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

use crate::api::ApiError;

/// A topic, percent-decoded. AWS's clients write `%2F` for its slashes; people do not.
#[derive(Clone, Debug)]
pub(super) struct Topic(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Topic {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(topic)) if topic.len() <= usize::from(u16::MAX) => Ok(Self(topic)),
            Ok(_) => Err(ApiError::validation("topic: it is over 65535 bytes")),
            Err(error) => Err(ApiError::validation(format!("cannot read the path: {error}"))),
        }
    }
}
