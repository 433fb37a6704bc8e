//! Reading a JSON document field by field, so that every complaint names its field.
//!
//! A reader takes what it knows; what is left at the end is a mistake, and is said to be one. A
//! client that believes it has set something that we do not have would be worse off.

use std::ops::RangeInclusive;
use std::str::FromStr;

use serde_json::{Map, Value};

use super::ApiError;

/// How much of a value a complaint repeats, in characters.
const SHOWN: usize = 64;

/// A JSON object being read.
#[derive(Debug)]
pub struct Fields {
    path: String,
    map: Map<String, Value>,
}

/// A value as a complaint shows it.
pub fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// A complaint about one field.
pub fn wrong(path: &str, problem: impl std::fmt::Display) -> ApiError {
    ApiError::validation(format!("{path}: {problem}"))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A whole number within `range`.
pub fn whole(path: &str, value: &Value, range: &RangeInclusive<u32>) -> Result<u32, ApiError> {
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    number.filter(|number| range.contains(number)).ok_or_else(|| {
        let (low, high) = (range.start(), range.end());
        wrong(path, format!("{} is not a whole number from {low} to {high}", shown(value)))
    })
}

/// True or false.
pub fn flag(path: &str, value: &Value) -> Result<bool, ApiError> {
    value.as_bool().ok_or_else(|| wrong(path, format!("{} is not true or false", shown(value))))
}

/// Text of so many characters.
pub fn text(path: &str, value: Value, length: &RangeInclusive<usize>) -> Result<String, ApiError> {
    let Value::String(text) = value else {
        return Err(wrong(path, format!("{} is not text", shown(&value))));
    };
    let characters = text.chars().count();
    if length.contains(&characters) {
        return Ok(text);
    }
    let (low, high) = (length.start(), length.end());
    Err(wrong(path, format!("it has {characters} characters and may have {low} to {high}")))
}

impl Fields {
    /// Reads a request's body. An empty one is an empty object.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self { path: String::new(), map: Map::new() });
        }
        let value: Value = serde_json::from_slice(body)
            .map_err(|error| ApiError::validation(format!("the body is not JSON: {error}")))?;
        Self::of(String::new(), value)
    }

    /// Reads an object that stands at `path`.
    pub fn of(path: String, value: Value) -> Result<Self, ApiError> {
        match value {
            Value::Object(map) => Ok(Self { path, map }),
            other => {
                let place = if path.is_empty() { "the body" } else { &path };
                Err(wrong(place, format!("{} is not an object", kind(&other))))
            }
        }
    }

    /// A field's path in the document.
    pub fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Takes a field; one that is `null` is as good as absent.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.map.remove(name).filter(|value| !value.is_null())
    }

    /// The object's own path; empty for the document itself.
    pub fn place(&self) -> &str {
        &self.path
    }

    /// Whether a field is there, be it `null`.
    pub fn has(&self, name: &str) -> bool {
        self.map.contains_key(name)
    }

    /// Takes a field; the inner `None` is a `null`, which in a change means "as it was made".
    pub fn take_change(&mut self, name: &str) -> Option<Option<Value>> {
        self.map.remove(name).map(|value| if value.is_null() { None } else { Some(value) })
    }

    /// Takes text.
    pub fn text(
        &mut self,
        name: &str,
        length: RangeInclusive<usize>,
    ) -> Result<Option<String>, ApiError> {
        let path = self.path(name);
        self.take(name).map(|value| text(&path, value, &length)).transpose()
    }

    /// Takes text that is one of a few words.
    pub fn word(&mut self, name: &str, words: &[&str]) -> Result<Option<String>, ApiError> {
        let Some(text) = self.text(name, 0..=2048)? else { return Ok(None) };
        if words.contains(&text.as_str()) {
            return Ok(Some(text));
        }
        let (path, value) = (self.path(name), shown(&Value::String(text)));
        Err(wrong(&path, format!("{value} is none of {}", words.join(", "))))
    }

    /// Takes text that is read further. A complaint does not repeat it: it may be a key.
    pub fn read<T: FromStr<Err: std::fmt::Display>>(
        &mut self,
        name: &str,
    ) -> Result<Option<T>, ApiError> {
        let Some(text) = self.text(name, 0..=256)? else { return Ok(None) };
        text.parse().map(Some).map_err(|problem| wrong(&self.path(name), problem))
    }

    /// Takes a whole number.
    pub fn whole(
        &mut self,
        name: &str,
        range: RangeInclusive<u32>,
    ) -> Result<Option<u32>, ApiError> {
        let path = self.path(name);
        self.take(name).map(|value| whole(&path, &value, &range)).transpose()
    }

    /// Takes true or false.
    pub fn flag(&mut self, name: &str) -> Result<Option<bool>, ApiError> {
        let path = self.path(name);
        self.take(name).map(|value| flag(&path, &value)).transpose()
    }

    /// Takes an object, to be read in turn.
    pub fn object(&mut self, name: &str) -> Result<Option<Fields>, ApiError> {
        let path = self.path(name);
        self.take(name).map(|value| Fields::of(path, value)).transpose()
    }

    /// Insists on a field.
    pub fn required<T>(&self, name: &str, value: Option<T>) -> Result<T, ApiError> {
        value.ok_or_else(|| wrong(&self.path(name), "it is missing"))
    }

    /// The names of the fields that nobody took.
    pub fn left(&self) -> impl Iterator<Item = &str> {
        self.map.keys().map(String::as_str)
    }

    /// Complains about a field that nobody took.
    pub fn finish(self) -> Result<(), ApiError> {
        let Some(name) = self.map.keys().next() else { return Ok(()) };
        let name: String = name.chars().take(SHOWN).collect();
        Err(wrong(&self.path(&name), "there is no such field here; see docs/HTTP.md"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn complaint<T: std::fmt::Debug>(outcome: Result<T, ApiError>) -> String {
        outcome.unwrap_err().message
    }

    #[test]
    fn a_complaint_names_the_field_and_its_value() {
        let mut fields = Fields::of("LoRaWAN".to_owned(), json!({"RxDelay1": 99})).unwrap();
        assert_eq!(
            complaint(fields.whole("RxDelay1", 0..=15)),
            "LoRaWAN.RxDelay1: 99 is not a whole number from 0 to 15"
        );
        let mut fields = Fields::parse(br#"{"Type":"Zigbee"}"#).unwrap();
        assert_eq!(
            complaint(fields.word("Type", &["LoRaWAN"])),
            "Type: \"Zigbee\" is none of LoRaWAN"
        );
    }

    #[test]
    fn a_field_that_nobody_knows_is_a_mistake() {
        let fields = Fields::parse(br#"{"Nmae":"x"}"#).unwrap();
        assert_eq!(
            complaint(fields.finish()),
            "Nmae: there is no such field here; see docs/HTTP.md"
        );
    }

    #[test]
    fn a_key_is_not_repeated_in_a_complaint() {
        let mut fields = Fields::parse(br#"{"AppKey":"2b7e151628aed2a6"}"#).unwrap();
        let message = complaint(fields.read::<lns_lorawan::AppKey>("AppKey"));
        assert!(message.starts_with("AppKey: ") && !message.contains("2b7e"), "{message}");
    }

    #[test]
    fn any_bytes_get_a_clear_complaint() {
        for body in [&b"{"[..], b"[1]", b"\xff", b"nul", b"\"x\"", &[b'['; 100_000]] {
            let message = complaint(Fields::parse(body));
            assert!(message.starts_with("the body"), "{message}");
        }
        assert!(Fields::parse(b" \n").is_ok());
    }

    #[test]
    fn a_long_value_is_cut() {
        let long = json!("ä".repeat(500));
        assert!(shown(&long).chars().count() <= SHOWN + 1);
    }
}
