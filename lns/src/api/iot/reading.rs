//! What the documents of iot have in common: names, attributes, tags, times, expected versions.

use lns_lorawan::Timestamp;
use serde_json::{Value, json};

use crate::api::common::few_enough;
use crate::api::fields::{Fields, text, wrong};
use crate::api::params::Params;
use crate::api::{ApiError, ErrorType};
use crate::registry::{Attributes, Tags};

/// The longest name, in characters.
const NAME: usize = 128;

/// The longest value of an attribute, in characters.
const VALUE: usize = 800;

/// The longest description, in characters.
pub const DESCRIPTION: usize = 2028;

/// Whether these are the letters of a thing's name.
fn is_name(text: &str) -> bool {
    let named = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b':' | b'_' | b'-');
    !text.is_empty() && text.len() <= NAME && text.bytes().all(named)
}

/// The name of a thing, a type or a group that is to be made.
pub fn name(field: &str, text: String) -> Result<String, ApiError> {
    if is_name(&text) {
        return Ok(text);
    }
    let cut: String = text.chars().take(NAME).collect();
    let problem = "1 to 128 letters, digits, ':', '_' and '-'";
    Err(wrong(field, format!("{cut:?} is no name; one has {problem}")))
}

/// Takes a name.
pub fn take_name(fields: &mut Fields, field: &str) -> Result<Option<String>, ApiError> {
    fields.text(field, 0..=256)?.map(|text| name(field, text)).transpose()
}

/// Attributes as a request has them, and whether they join those that are there.
#[derive(Debug, Default)]
pub struct AttributePayload {
    attributes: Attributes,
    merge: bool,
}

impl AttributePayload {
    /// Takes `attributePayload`; `None` when it is not there.
    pub fn take(fields: &mut Fields) -> Result<Option<Self>, ApiError> {
        let Some(mut payload) = fields.object("attributePayload")? else { return Ok(None) };
        let merge = payload.flag("merge")?.unwrap_or(false);
        let path = payload.path("attributes");
        let attributes = match payload.take("attributes") {
            None => Attributes::new(),
            Some(Value::Object(map)) => map
                .into_iter()
                .map(|(name, value)| attribute(&path, name, value))
                .collect::<Result<_, _>>()?,
            Some(_) => return Err(wrong(&path, "it is not an object")),
        };
        payload.finish()?;
        Ok(Some(Self { attributes, merge }))
    }

    /// The attributes of something new.
    pub fn of_new(self) -> Attributes {
        let mut attributes = Attributes::new();
        self.apply(&mut attributes);
        attributes
    }

    /// Changes attributes: those that are merged join the others, else they replace them. One that is
    /// empty goes.
    pub fn apply(self, attributes: &mut Attributes) {
        if !self.merge {
            attributes.clear();
        }
        attributes.extend(self.attributes);
        attributes.retain(|_, value| !value.is_empty());
    }
}

fn attribute(path: &str, name: String, value: Value) -> Result<(String, String), ApiError> {
    let cut: String = name.chars().take(NAME).collect();
    let path = format!("{path}.{cut}");
    if !is_attribute_name(&name) {
        let problem = "its name has 1 to 128 letters, digits and any of _.,@/:#-";
        return Err(wrong(&path, problem));
    }
    let value = text(&path, value, &(0..=VALUE))?;
    let valued = |b: u8| b.is_ascii_alphanumeric() || b"_.,@/:#=[]-".contains(&b);
    if !value.bytes().all(valued) {
        return Err(wrong(&path, "a value has letters, digits and any of _.,@/:#=[]-"));
    }
    Ok((name, value))
}

/// Whether an attribute may be called so.
pub fn is_attribute_name(text: &str) -> bool {
    let named = |b: u8| b.is_ascii_alphanumeric() || b"_.,@/:#-".contains(&b);
    !text.is_empty() && text.len() <= NAME && text.bytes().all(named)
}

/// Takes `tags`: a list of Key and Value.
pub fn tags(fields: &mut Fields) -> Result<Tags, ApiError> {
    let path = fields.path("tags");
    let list = match fields.take("tags") {
        None => return Ok(Tags::new()),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(wrong(&path, "it is not a list")),
    };
    let mut tags = Tags::new();
    for (at, tag) in list.into_iter().enumerate() {
        let mut tag = Fields::of(format!("{path}[{at}]"), tag)?;
        let key = tag.text("Key", 1..=128)?;
        let key = tag.required("Key", key)?;
        let value = tag.text("Value", 0..=256)?.unwrap_or_default();
        tag.finish()?;
        tags.insert(key, value);
    }
    few_enough(&tags)?;
    Ok(tags)
}

/// A point in time, as AWS's clients read it: seconds, with a fraction.
pub fn time(at: Timestamp) -> Value {
    json!(at.millis() as f64 / 1000.0)
}

/// Takes the version that the query expects.
pub fn expected_version(params: &mut Params) -> Result<Option<u64>, ApiError> {
    let Some(text) = params.take("expectedVersion")? else { return Ok(None) };
    let version = text.parse().map_err(|_| {
        let cut: String = text.chars().take(64).collect();
        wrong("expectedVersion", format!("{cut:?} is not a whole number"))
    })?;
    Ok(Some(version))
}

/// Takes the version that the document expects.
pub fn take_expected_version(fields: &mut Fields) -> Result<Option<u64>, ApiError> {
    let path = fields.path("expectedVersion");
    let Some(value) = fields.take("expectedVersion") else { return Ok(None) };
    let version = value.as_u64().ok_or_else(|| wrong(&path, "it is not a whole number"))?;
    Ok(Some(version))
}

/// Refuses a change of what has changed since the client last looked.
pub fn same_version(expected: Option<u64>, version: u64) -> Result<(), ApiError> {
    match expected {
        Some(expected) if expected != version => {
            let message = format!(
                "expectedVersion is {expected} and the version is {version}; look again and decide anew"
            );
            Err(ApiError::new(ErrorType::VersionConflict, message))
        }
        Some(_) | None => Ok(()),
    }
}

/// Whether a refusal says that what it is about is not there.
pub fn is_missing(error: &ApiError) -> bool {
    error.error_type == ErrorType::ResourceNotFound
}
