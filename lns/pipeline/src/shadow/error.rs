//! Why a request was rejected: AWS's codes and texts.

use super::limits::{MAX_CLIENT_TOKEN, MAX_DEPTH};
use super::{NameError, ShadowId};

/// Why a request was rejected. The text is the `message` of the error document.
///
/// Texts are those of AWS's table of shadow errors, but for the number of levels (see
/// `docs/DEPARTURES.md`) and for what that table does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// 400.
    #[error("Invalid JSON")]
    InvalidJson,
    /// 400.
    #[error("Missing required node: state")]
    MissingState,
    /// 400.
    #[error("State node must be an object")]
    StateNotObject,
    /// 400.
    #[error("Desired node must be an object")]
    DesiredNotObject,
    /// 400.
    #[error("Reported node must be an object")]
    ReportedNotObject,
    /// 400: a section that is neither `desired` nor `reported`, or a list with `null` in it.
    #[error("State contains an invalid node")]
    InvalidNode,
    /// 400.
    #[error("JSON contains too many levels of nesting; maximum is {MAX_DEPTH}")]
    TooDeep,
    /// 400.
    #[error("Invalid version")]
    InvalidVersion,
    /// 400: no text, or longer than [`MAX_CLIENT_TOKEN`].
    #[error("Invalid clientToken")]
    InvalidClientToken,
    /// 400.
    #[error("{0}")]
    InvalidName(NameError),
    /// 401.
    #[error("Unauthorized")]
    Unauthorized,
    /// 403.
    #[error("Forbidden")]
    Forbidden,
    /// 404.
    #[error("No shadow exists with name: '{0}'")]
    NoShadow(ShadowId),
    /// 409.
    #[error("Version conflict")]
    VersionConflict,
    /// 413.
    #[error("The payload exceeds the maximum size allowed")]
    TooLarge,
    /// 415.
    #[error("Unsupported documented encoding; supported encoding is UTF-8")]
    Encoding,
    /// 429.
    #[error("Too many requests: more than {limit} are in flight for this thing on this connection")]
    TooManyRequests {
        /// How many may be.
        limit: usize,
    },
    /// 500: nothing has changed, or it is not known.
    #[error("Internal service failure")]
    Internal,
}

// The texts above name no bound of the token; this keeps the one in the documentation true.
const _: () = assert!(MAX_CLIENT_TOKEN == 64);

impl Rejection {
    /// The number of the error document, and of the HTTP answer.
    pub fn code(&self) -> u16 {
        match self {
            Rejection::InvalidJson
            | Rejection::MissingState
            | Rejection::StateNotObject
            | Rejection::DesiredNotObject
            | Rejection::ReportedNotObject
            | Rejection::InvalidNode
            | Rejection::TooDeep
            | Rejection::InvalidVersion
            | Rejection::InvalidClientToken
            | Rejection::InvalidName(_) => 400,
            Rejection::Unauthorized => 401,
            Rejection::Forbidden => 403,
            Rejection::NoShadow(_) => 404,
            Rejection::VersionConflict => 409,
            Rejection::TooLarge => 413,
            Rejection::Encoding => 415,
            Rejection::TooManyRequests { .. } => 429,
            Rejection::Internal => 500,
        }
    }

    /// The error document.
    pub fn document(&self, now: u64, client_token: Option<&str>) -> Vec<u8> {
        let mut out = format!(r#"{{"code":{},"message":"#, self.code()).into_bytes();
        super::json::write_text(&mut out, &self.to_string());
        out.extend(format!(r#","timestamp":{now}"#).bytes());
        super::answer::write_token(&mut out, client_token);
        out.push(b'}');
        out
    }
}
