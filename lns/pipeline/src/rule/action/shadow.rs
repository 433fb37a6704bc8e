//! setShadow: merge the result into a device shadow. Our own kind.

use serde::{Deserialize, Serialize};

use super::{ActionError, bad, map_option};
use crate::rule::value::Value;

/// Merge the result into a device shadow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetShadow<T> {
    /// The thing.
    pub thing_name: T,
    /// The shadow, if it is not the classic one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shadow_name: Option<T>,
    /// Where to.
    #[serde(default)]
    pub section: Section,
}

/// What the result is in the shadow's document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Section {
    /// What the device says it is: `state.reported`.
    #[default]
    Reported,
    /// What it is asked to be: `state.desired`.
    Desired,
    /// The whole document of an update, `{"state": …}`.
    Document,
}

impl<T> SetShadow<T> {
    pub(super) fn try_map<U, E>(
        &self,
        of: &mut impl FnMut(&T) -> Result<U, E>,
    ) -> Result<SetShadow<U>, E> {
        Ok(SetShadow {
            thing_name: of(&self.thing_name)?,
            shadow_name: map_option(&self.shadow_name, of)?,
            section: self.section,
        })
    }
}

impl SetShadow<String> {
    pub(super) fn check(&self) -> Result<(), ActionError> {
        const KIND: &str = "setShadow";
        if self.thing_name.is_empty() {
            return Err(bad(KIND, "thingName", "is empty"));
        }
        if self.shadow_name.as_deref() == Some("") {
            return Err(bad(KIND, "shadowName", "is empty; leave it out for the classic shadow"));
        }
        Ok(())
    }

    /// The document of the update that a result is; `None` if it is no object.
    pub fn document(&self, result: &Value) -> Option<serde_json::Value> {
        let Value::Object(_) = result else { return None };
        let result = serde_json::Value::from(result);
        Some(match self.section {
            Section::Reported => serde_json::json!({"state": {"reported": result}}),
            Section::Desired => serde_json::json!({"state": {"desired": result}}),
            Section::Document => result,
        })
    }
}
