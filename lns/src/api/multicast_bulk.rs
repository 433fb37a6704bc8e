//! Many devices into a multicast group, or out of it, at once: AWS's shape.
//!
//! Of AWS's query language (fleet indexing) we take terms `Field: value` joined by `AND`. What we do
//! not understand is refused: half of a query names other devices than the whole.

use std::collections::BTreeSet;

use axum::body::Bytes;
use axum::extract::State;

use crate::registry::{DeviceProfile, Id, Registry, Tags, WirelessDevice};

use super::common::tags;
use super::fields::{Fields, wrong};
use super::multicast::{change_members, find};
use super::params::Label;
use super::{Answer, ApiError, Shared};

/// The fields that a term may name.
const FIELDS: [&str; 7] = [
    "WirelessDeviceId",
    "DeviceName",
    "DevEui",
    "DeviceProfileId",
    "DeviceProfileName",
    "ServiceProfileId",
    "DestinationName",
];

/// Which devices are meant.
#[derive(Debug, Default)]
struct Query {
    terms: Vec<(&'static str, String)>,
    tags: Tags,
}

/// StartBulkAssociateWirelessDeviceWithMulticastGroup.
pub async fn associate(State(state): Shared, Label(label): Label, body: Bytes) -> Answer {
    let group = find(&state.registry, &label)?.id;
    let chosen = Query::read(&body)?.devices(&state.registry);
    change_members(&state, group, move |members| members.extend(chosen)).await
}

/// StartBulkDisassociateWirelessDeviceFromMulticastGroup.
pub async fn part(State(state): Shared, Label(label): Label, body: Bytes) -> Answer {
    let group = find(&state.registry, &label)?.id;
    let chosen = Query::read(&body)?.devices(&state.registry);
    change_members(&state, group, move |members| members.retain(|id| !chosen.contains(id))).await
}

impl Query {
    fn read(body: &[u8]) -> Result<Self, ApiError> {
        let mut fields = Fields::parse(body)?;
        let text = fields.text("QueryString", 0..=4096)?.unwrap_or_default();
        let tags = tags(&mut fields)?;
        fields.finish()?;
        let terms = terms(&text).map_err(|why| wrong("QueryString", why))?;
        if terms.is_empty() && tags.is_empty() {
            let why = "it names no devices: give terms such as DeviceProfileName: meter, or Tags";
            return Err(wrong("QueryString", why));
        }
        Ok(Query { terms, tags })
    }

    /// Those that meet every term and have every tag.
    fn devices(&self, registry: &Registry) -> BTreeSet<Id> {
        let mut chosen = BTreeSet::new();
        registry.walk(None, &mut |device: &std::sync::Arc<WirelessDevice>| {
            let has = |(key, value): (&String, &String)| device.tags.get(key) == Some(value);
            let meets = |(field, value): &(&str, String)| meets(registry, device, (field, value));
            if self.tags.iter().all(has) && self.terms.iter().all(meets) {
                chosen.insert(device.id);
            }
            true
        });
        chosen
    }
}

fn meets(registry: &Registry, device: &WirelessDevice, (field, value): (&str, &str)) -> bool {
    let is = |text: Option<&str>| text == Some(value);
    match field {
        "WirelessDeviceId" => Id::parse(value) == Some(device.id),
        "DeviceName" => is(device.name.as_deref()),
        "DevEui" => value.parse() == Ok(device.dev_eui),
        "DeviceProfileId" => Id::parse(value) == Some(device.device_profile_id),
        "DeviceProfileName" => {
            let profile = registry.find::<DeviceProfile>(&device.device_profile_id);
            is(profile.as_ref().and_then(|profile| profile.name.as_deref()))
        }
        "ServiceProfileId" => {
            device.service_profile_id.is_some_and(|id| Id::parse(value) == Some(id))
        }
        "DestinationName" => *device.destination == *value,
        _ => false,
    }
}

/// `Field: value AND Field: value`; a value may stand in quotation marks.
fn terms(text: &str) -> Result<Vec<(&'static str, String)>, String> {
    let mut terms = Vec::new();
    for term in text.split(" AND ").map(str::trim).filter(|term| !term.is_empty()) {
        let (name, value) = term
            .split_once(':')
            .ok_or_else(|| format!("{term:?} is not of the form Field: value"))?;
        let known = FIELDS.into_iter().find(|field| *field == name.trim());
        let field = known.ok_or_else(|| {
            format!("there is no field {:?}; the fields are {}", name.trim(), FIELDS.join(", "))
        })?;
        let value = value.trim();
        let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value);
        let strange = value.is_empty() || value.contains(['*', '?', '"', '(', ')', '[', '{']);
        if strange || value.split_whitespace().any(|word| matches!(word, "OR" | "NOT" | "AND")) {
            return Err(format!(
                "{term:?}: only whole values are understood, joined by AND; no OR, NOT, wildcards \
                 or ranges"
            ));
        }
        terms.push((field, value.to_owned()));
    }
    Ok(terms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_joined_by_and_and_nothing_else_is_guessed() {
        let read = terms("DeviceProfileName: meter AND DestinationName: \"my farm\"").unwrap();
        assert_eq!(
            read,
            [("DeviceProfileName", "meter".into()), ("DestinationName", "my farm".into())]
        );
        assert_eq!(terms("  ").unwrap(), []);
        for refused in [
            "meter",
            "Colour: red",
            "DeviceName: a*",
            "DeviceName: a OR DeviceName: b",
            "NOT DeviceName: a",
            "DeviceName: ",
            "(DeviceName: a)",
        ] {
            assert!(terms(refused).is_err(), "{refused}");
        }
    }
}
