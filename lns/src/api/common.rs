//! What creating, listing and showing have in common.

use std::fmt::Display;
use std::sync::Arc;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::registry::{Fingerprint, Id, Kept, Kind, Registry, Tags};

use super::fields::{Fields, text, wrong};
use super::params::Page;
use super::{Answer, ApiError, ErrorType, arn};

/// The tag by which AWS's clients, which cannot send unknown fields, name a codec.
pub const CODEC_TAG: &str = "lns:codec";

/// The longest name and description, in characters.
pub const NAME: usize = 256;
/// See [`NAME`].
pub const DESCRIPTION: usize = 2048;

/// The most tags of one resource.
const MAX_TAGS: usize = 200;

/// Takes the ClientRequestToken; gives the new record's id and what tells its request from others.
pub fn identity(
    fields: &mut Fields,
    kind: Kind,
    body: &[u8],
) -> Result<(Id, Option<Fingerprint>), ApiError> {
    let Some(token) = fields.text("ClientRequestToken", 1..=64)? else {
        return Ok((Id::random(), None));
    };
    if !is_word(&token) {
        let problem = format!("{token:?} may have letters, digits, '-' and '_'");
        return Err(wrong("ClientRequestToken", problem));
    }
    Ok((Id::from_token(kind, &token), Some(Fingerprint::of(&token, body))))
}

/// Whether it is made of letters, digits, `-` and `_`, as AWS's names are.
pub fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Takes `Tags`, as AWS writes them.
pub fn tags(fields: &mut Fields) -> Result<Tags, ApiError> {
    let path = fields.path("Tags");
    let list = match fields.take("Tags") {
        None => return Ok(Tags::new()),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(wrong(&path, "it is not a list")),
    };
    let mut tags = Tags::new();
    for (at, tag) in list.into_iter().enumerate() {
        let mut tag = Fields::of(format!("{path}[{at}]"), tag)?;
        let key = tag.text("Key", 1..=128)?;
        let key = tag.required("Key", key)?;
        let value = tag.text("Value", 0..=256)?;
        let value = tag.required("Value", value)?;
        tag.finish()?;
        if tags.insert(key.clone(), value).is_some() {
            return Err(wrong(&path, format!("it has the key {key:?} twice")));
        }
    }
    few_enough(&tags)?;
    Ok(tags)
}

/// Refuses more tags than a resource may have.
pub fn few_enough(tags: &Tags) -> Result<(), ApiError> {
    if tags.len() <= MAX_TAGS {
        return Ok(());
    }
    let message =
        format!("Tags: a resource may have {MAX_TAGS} and this would have {}", tags.len());
    Err(ApiError::new(ErrorType::TooManyTags, message))
}

/// Takes an identifier that must name something.
pub fn id_field(fields: &mut Fields, name: &str, kind: Kind) -> Result<Option<Id>, ApiError> {
    fields.text(name, 0..=256)?.map(|text| id(&text, kind)).transpose()
}

/// Reads an identifier. What is no identifier at all names nothing.
pub fn id(text: &str, kind: Kind) -> Result<Id, ApiError> {
    Id::parse(text).ok_or_else(|| ApiError::not_found(kind, text))
}

/// Sets a field that a change names; `null` clears it where that is possible.
pub fn change_text<T: From<String>>(
    fields: &mut Fields,
    name: &str,
    most: usize,
) -> Result<Option<Option<T>>, ApiError> {
    let path = fields.path(name);
    match fields.take_change(name) {
        None => Ok(None),
        Some(None) => Ok(Some(None)),
        Some(Some(value)) => Ok(Some(Some(text(&path, value, &(0..=most))?.into()))),
    }
}

/// An answer with a JSON body.
pub fn json_of(status: StatusCode, body: impl Into<Value>) -> Answer {
    Ok((status, Json(body.into())).into_response())
}

/// The answer to a creation.
pub fn created(kind: Kind, id: &impl Display) -> Answer {
    json_of(StatusCode::CREATED, json!({ "Arn": arn::of(kind, id), "Id": id.to_string() }))
}

/// The answer to a change that has nothing to say: 204.
pub fn done() -> Answer {
    Ok(empty())
}

fn empty() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// One page of records that `wanted` likes, and the token for the next.
pub fn page_of<T: Kept>(
    registry: &Registry,
    (page, start): (&Page, Option<T::Key>),
    wanted: impl Fn(&T) -> bool,
) -> (Vec<Arc<T>>, Option<String>) {
    let mut records: Vec<Arc<T>> = Vec::new();
    let mut more = false;
    registry.walk(start.as_ref(), &mut |record: &Arc<T>| {
        if wanted(record) {
            more = records.len() == page.size;
            if !more {
                records.push(Arc::clone(record));
            }
        }
        !more
    });
    let token = records.last().filter(|_| more).map(|last| Page::token(&last.key()));
    (records, token)
}

/// The answer to a listing: the list under its name, and the token when there is more.
pub fn list_of(
    (name, token_name): (&str, &str),
    list: Vec<Value>,
    token: Option<String>,
) -> Answer {
    let mut body = Map::new();
    body.insert(name.to_owned(), list.into());
    if let Some(token) = token {
        body.insert(token_name.to_owned(), token.into());
    }
    json_of(StatusCode::OK, body)
}

/// Puts a field that is there into a document.
pub fn put(document: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        document.insert(name.to_owned(), value.into());
    }
}
