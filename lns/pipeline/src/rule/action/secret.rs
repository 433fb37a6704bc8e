//! Secrets in actions: passwords and tokens. They stand in a rule as they were written, for the rule
//! needs them, and are hidden wherever a rule is shown.
//!
//! A rule that was shown may be given back as it was shown: what is hidden stays what it was, if the
//! action still goes to the same place. Elsewhere it would tell the secret to whoever is there.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is shown in place of a secret.
pub const HIDDEN: &str = "***";

/// Parts of the names of headers and properties whose values are secrets, in lower case.
const NAMES: [&str; 7] = ["auth", "cookie", "key", "password", "secret", "token", "jaas"];

/// A text that does not print.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretText(String);

impl SecretText {
    /// The text, for whoever needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for SecretText {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(…)")
    }
}

/// An action as it is shown: without its secrets.
pub fn hidden(action: &Value) -> Value {
    let mut shown = action.clone();
    for (_, secret) in secrets(&mut shown) {
        let without = match secret.as_str() {
            Some(url) if url.contains("://") => without_password(url),
            _ => HIDDEN.to_owned(),
        };
        *secret = without.into();
    }
    shown
}

/// Puts back what `hidden` has hidden in an action that was written anew, of the action that stood
/// in its place before. `Err`: something is hidden of which nobody knows what it was.
pub fn restored(action: &Value, before: Option<&Value>) -> Result<Value, String> {
    let mut written = action.clone();
    let is_hidden = |secret: &Value| secret.as_str().is_some_and(|text| text.contains(HIDDEN));
    if !secrets(&mut written).iter().any(|(_, secret)| is_hidden(secret)) {
        return Ok(written);
    }
    let same_place = before.filter(|before| place(before) == place(action));
    let Some(mut before) = same_place.cloned() else {
        return Err(format!(
            "{HIDDEN} stands for a secret that is known only of an action to the same place that \
             is there already: write the secret"
        ));
    };
    let mut known = secrets(&mut before);
    for (name, secret) in secrets(&mut written) {
        let Some(at) = known.iter().position(|(known, _)| *known == name) else {
            if is_hidden(secret) {
                return Err(format!("{name}: no secret is known for {HIDDEN}; write it"));
            }
            continue;
        };
        let (_, was) = known.remove(at);
        if is_hidden(secret) {
            *secret = was.take();
        }
    }
    drop(known);
    Ok(written)
}

/// The members of an action that are secrets, or hold one, and what each is called.
fn secrets(action: &mut Value) -> Vec<(String, &mut Value)> {
    let Some((kind, members)) = action.as_object_mut().and_then(|kinds| kinds.iter_mut().next())
    else {
        return Vec::new();
    };
    match kind.as_str() {
        "postgresql" => member(members, "url"),
        "influxLineProtocol" => member(members, "token"),
        "kafka" => {
            let properties = members.get_mut("clientProperties").and_then(Value::as_object_mut);
            let named = properties.into_iter().flatten().map(|(name, value)| (name.clone(), value));
            named.filter(|(name, _)| is_secret(name)).collect()
        }
        "http" => {
            let headers = members.get_mut("headers").and_then(Value::as_array_mut);
            let named = headers.into_iter().flatten().filter_map(|header| {
                let name = header["key"].as_str()?.to_owned();
                Some((name, header.get_mut("value")?))
            });
            named.filter(|(name, _)| is_secret(name)).collect()
        }
        _ => Vec::new(),
    }
}

fn member<'a>(members: &'a mut Value, name: &str) -> Vec<(String, &'a mut Value)> {
    members.get_mut(name).map(|value| (name.to_owned(), value)).into_iter().collect()
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    NAMES.iter().any(|part| name.contains(part))
}

/// Where an action goes, as far as a secret may depend on it: all that is no secret of those members
/// that say to whom it is told, and how.
fn place(action: &Value) -> Value {
    let shown = hidden(action);
    let Some((kind, members)) = shown.as_object().and_then(|kinds| kinds.iter().next()) else {
        return Value::Null;
    };
    let place = match kind.as_str() {
        "kafka" => &members["clientProperties"],
        _ => &members["url"],
    };
    serde_json::json!([kind, place])
}

/// A URL whose password is hidden, behind the name or among the parameters.
fn without_password(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (rest, query) =
        rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let authority = match authority.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((user, _)) => format!("{user}:{HIDDEN}@{host}"),
            None => authority.to_owned(),
        },
        None => authority.to_owned(),
    };
    let parameter = |parameter: &str| match parameter.split_once('=') {
        Some((name, _)) if is_secret(name) => format!("{name}={HIDDEN}"),
        Some(_) | None => parameter.to_owned(),
    };
    let query: Option<Vec<String>> = query.map(|query| query.split('&').map(parameter).collect());
    let query = query.map(|query| format!("?{}", query.join("&"))).unwrap_or_default();
    format!("{scheme}://{authority}{path}{query}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn actions() -> Vec<Value> {
        vec![
            json!({"postgresql": {"url": "postgresql://u:pw1@h:5432/db?sslmode=require&sslpassword=pw2", "table": "t"}}),
            json!({"influxLineProtocol": {"url": "http://h", "token": "pw3", "databaseName": "d", "tableName": "t"}}),
            json!({"kafka": {"topic": "t", "clientProperties": {"bootstrap.servers": "h:1", "sasl.plain.password": "pw4"}}}),
            json!({"http": {"url": "https://h/in", "headers": [
                {"key": "X-Trace", "value": "shown"},
                {"key": "Authorization", "value": "Bearer pw5"},
                {"key": "x-api-key", "value": "pw6"},
            ]}}),
            json!({"republish": {"topic": "a"}}),
        ]
    }

    #[test]
    fn no_secret_is_shown_and_all_else_is() {
        let shown: Vec<Value> = actions().iter().map(hidden).collect();
        let text = json!(shown).to_string();
        assert!(!text.contains("pw"), "{text}");
        assert!(text.contains("shown") && text.contains("h:1"), "{text}");
        let url = "postgresql://u:***@h:5432/db?sslmode=require&sslpassword=***";
        assert_eq!(shown[0]["postgresql"]["url"], url);
        assert_eq!(shown[4], actions()[4]);
        let plain = json!({"postgresql": {"url": "postgresql://u@h/db", "table": "t"}});
        assert_eq!(hidden(&plain), plain);
        assert_eq!(without_password("postgresql://u:p@ss@h"), "postgresql://u:***@h");
    }

    #[test]
    fn what_was_shown_can_be_given_back() {
        for action in actions() {
            assert_eq!(restored(&hidden(&action), Some(&action)), Ok(action.clone()));
            assert_eq!(restored(&action, None), Ok(action));
        }
    }

    #[test]
    fn a_secret_is_not_told_to_another_place() {
        let all = actions();
        for (at, pointer, elsewhere) in [
            (
                0,
                "/postgresql/url",
                "postgresql://u:***@evil:5432/db?sslmode=require&sslpassword=***",
            ),
            (0, "/postgresql/url", "postgresql://u:***@h:5432/db?sslmode=disable&sslpassword=***"),
            (1, "/influxLineProtocol/url", "http://evil"),
            (2, "/kafka/clientProperties/bootstrap.servers", "evil:1"),
            (3, "/http/url", "https://evil/in"),
        ] {
            let mut moved = hidden(&all[at]);
            *moved.pointer_mut(pointer).expect("it is there") = elsewhere.into();
            assert!(restored(&moved, Some(&all[at])).is_err(), "{moved}");
        }
        assert!(restored(&hidden(&all[0]), None).is_err());
        assert!(restored(&hidden(&all[0]), Some(&all[1])).is_err());
    }
}
