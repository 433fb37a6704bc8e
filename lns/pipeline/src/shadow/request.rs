//! A request, read and found fit.

use super::Rejection;
use super::json::{Json, JsonError, Object};
use super::limits::{MAX_CLIENT_TOKEN, MAX_DEPTH, MAX_REQUEST};

/// What an update does to a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// `null`: there is no such section any more.
    Clear,
    /// What is to be merged into it.
    Merge(Object),
}

/// An update.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Update {
    /// To the desired values, if any.
    pub desired: Option<Change>,
    /// To the reported values, if any.
    pub reported: Option<Change>,
    /// Only when the shadow has this version.
    pub version: Option<u64>,
    /// Given back with the answer.
    pub client_token: Option<Box<str>>,
}

/// Why a request is unfit, and its token when that could be read.
pub type Unfit = (Rejection, Option<Box<str>>);

impl Update {
    /// Reads the body of an update.
    pub fn parse(body: &[u8]) -> Result<Update, Unfit> {
        let mut members = object(body).map_err(|rejection| (rejection, None))?;
        let token = client_token(&mut members).map_err(|rejection| (rejection, None))?;
        match Update::read(members) {
            Ok(update) => Ok(Update { client_token: token, ..update }),
            Err(rejection) => Err((rejection, token)),
        }
    }

    fn read(mut members: Object) -> Result<Update, Rejection> {
        let version = match members.remove("version") {
            None | Some(Json::Null) => None,
            Some(Json::Number(number)) => {
                Some(number.as_str().parse().map_err(|_| Rejection::InvalidVersion)?)
            }
            Some(Json::Bool(_) | Json::Text(_) | Json::Array(_) | Json::Object(_)) => {
                return Err(Rejection::InvalidVersion);
            }
        };
        let mut state = match members.remove("state") {
            None => return Err(Rejection::MissingState),
            Some(Json::Object(state)) => state,
            Some(Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::Array(_)) => {
                return Err(Rejection::StateNotObject);
            }
        };
        let desired = change(state.remove("desired"), Rejection::DesiredNotObject)?;
        let reported = change(state.remove("reported"), Rejection::ReportedNotObject)?;
        if !state.is_empty() {
            return Err(Rejection::InvalidNode);
        }
        Ok(Update { desired, reported, version, client_token: None })
    }
}

/// The token in the body of a get: nothing, or a document.
pub fn token_of_get(body: &[u8]) -> Result<Option<Box<str>>, Rejection> {
    if body.is_empty() {
        return Ok(None);
    }
    client_token(&mut object(body)?)
}

/// The token in the body of a delete, which is ignored otherwise.
pub fn token_of_delete(body: &[u8]) -> Result<Option<Box<str>>, Rejection> {
    match object(body) {
        Ok(mut members) => client_token(&mut members),
        Err(_) => Ok(None),
    }
}

fn object(body: &[u8]) -> Result<Object, Rejection> {
    if body.len() > MAX_REQUEST {
        return Err(Rejection::TooLarge);
    }
    match Json::parse(body) {
        Ok(Json::Object(members)) => Ok(members),
        Ok(Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::Array(_))
        | Err(JsonError::Syntax) => Err(Rejection::InvalidJson),
        Err(JsonError::Encoding) => Err(Rejection::Encoding),
        Err(JsonError::Depth) => Err(Rejection::TooDeep),
    }
}

fn client_token(members: &mut Object) -> Result<Option<Box<str>>, Rejection> {
    match members.remove("clientToken") {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Text(token)) if token.len() <= MAX_CLIENT_TOKEN => Ok(Some(token)),
        Some(
            Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::Array(_) | Json::Object(_),
        ) => Err(Rejection::InvalidClientToken),
    }
}

fn change(section: Option<Json>, no_object: Rejection) -> Result<Option<Change>, Rejection> {
    match section {
        None => Ok(None),
        Some(Json::Null) => Ok(Some(Change::Clear)),
        Some(section @ Json::Object(_)) if section.depth() > MAX_DEPTH => Err(Rejection::TooDeep),
        Some(Json::Object(members)) => {
            if members.values().any(|value| has_null_in_list(value, false)) {
                return Err(Rejection::InvalidNode);
            }
            Ok(Some(Change::Merge(members)))
        }
        Some(Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::Array(_)) => Err(no_object),
    }
}

/// Whether there is a `null` anywhere in a list, where it would delete nothing.
fn has_null_in_list(value: &Json, in_list: bool) -> bool {
    match value {
        Json::Null => in_list,
        Json::Bool(_) | Json::Number(_) | Json::Text(_) => false,
        Json::Array(items) => items.iter().any(|item| has_null_in_list(item, true)),
        Json::Object(members) => members.values().any(|value| has_null_in_list(value, in_list)),
    }
}
