//! Rules that messages meet, and where they may send HTTP requests.

use std::fmt;

use lns_lorawan::Timestamp;
use lns_pipeline::rule::action::hidden;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::store::Table;

use super::kept::Kept;
use super::shelf::Shelf;
use super::{Id, Kind, Registry, Tags};

/// A topic rule, as it was given. Whoever puts it here has found that it can be compiled.
///
/// Its actions may hold passwords and tokens: it prints without them, and the API shows it so too.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct TopicRule {
    /// Its name: letters, digits and `_`, at most 128.
    pub name: String,
    /// The statement.
    pub sql: String,
    /// The version of the language, as `2016-03-23`.
    pub sql_version: String,
    /// The topic filter behind FROM; `None`: it hears only what is addressed to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic_pattern: Option<String>,
    /// A description for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What is done with a message that the statement selects: documents with one member each, which
    /// names the action.
    pub actions: Vec<Value>,
    /// What is done when one of them fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_action: Option<Value>,
    /// Whether it is switched off.
    #[serde(default)]
    pub disabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// Tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

impl fmt::Debug for TopicRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TopicRule")
            .field("name", &self.name)
            .field("sql", &self.sql)
            .field("actions", &self.actions.iter().map(hidden).collect::<Vec<_>>())
            .field("error_action", &self.error_action.as_ref().map(hidden))
            .field("disabled", &self.disabled)
            .finish_non_exhaustive()
    }
}

impl Kept for TopicRule {
    type Key = String;
    const KIND: Kind = Kind::TopicRule;
    const TABLE: Table = Table::TopicRules;
    const PREFIX: &'static str = "rule/";
    const LIMIT: usize = 10_000;

    fn key(&self) -> String {
        self.name.clone()
    }

    fn shelf(registry: &Registry) -> &Shelf<Self> {
        &registry.topic_rules
    }
}

impl TopicRule {
    /// The document that it was made from, as `CreateTopicRule` has it.
    pub fn payload(&self) -> Value {
        let mut payload = json!({
            "sql": self.sql,
            "awsIotSqlVersion": self.sql_version,
            "actions": self.actions,
            "ruleDisabled": self.disabled,
        });
        if let Some(description) = &self.description {
            payload["description"] = json!(description);
        }
        if let Some(action) = &self.error_action {
            payload["errorAction"] = action.clone();
        }
        payload
    }
}

/// How far the confirmation of a rule's destination has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RuleDestinationStatus {
    /// The confirmation was asked for and has not come.
    InProgress,
    /// Confirmed: rules may send there.
    Enabled,
    /// Switched off.
    Disabled,
    /// The confirmation could not be asked for; the reason says why.
    Error,
}

impl RuleDestinationStatus {
    /// AWS's word.
    pub const fn name(self) -> &'static str {
        match self {
            RuleDestinationStatus::InProgress => "IN_PROGRESS",
            RuleDestinationStatus::Enabled => "ENABLED",
            RuleDestinationStatus::Disabled => "DISABLED",
            RuleDestinationStatus::Error => "ERROR",
        }
    }
}

/// An HTTP endpoint that has to confirm that it wants to hear from rules.
///
/// Whoever changes it into [`InProgress`](RuleDestinationStatus::InProgress) gives it a new token;
/// the confirmation is asked for by whoever executes actions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleDestination {
    /// The last part of its ARN.
    pub id: Id,
    /// Where the confirmation is asked for. Rules may send to URLs that begin with it.
    pub confirmation_url: String,
    /// What the endpoint must present to confirm. A secret until then.
    pub token: String,
    /// How far it is.
    pub status: RuleDestinationStatus,
    /// Whether it has ever confirmed, so that it may be switched on again.
    #[serde(default)]
    pub confirmed: bool,
    /// Why it is there, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_reason: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its status last changed.
    pub updated_at: Timestamp,
}

impl RuleDestination {
    /// Whether its URL is the beginning of another: the same origin, and a path that is the same or
    /// above.
    pub fn covers(&self, url: &str) -> bool {
        let (Ok(ours), Ok(url)) = (url::Url::parse(&self.confirmation_url), url::Url::parse(url))
        else {
            return false;
        };
        let above = ours.path().trim_end_matches('/');
        let below = url.path().strip_prefix(above);
        ours.origin() == url.origin()
            && below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
    }
}

impl Kept for RuleDestination {
    type Key = Id;
    const KIND: Kind = Kind::TopicRuleDestination;
    const TABLE: Table = Table::TopicRules;
    const PREFIX: &'static str = "destination/";
    const LIMIT: usize = 1_000;

    fn key(&self) -> Id {
        self.id
    }

    fn alias(&self) -> Option<&str> {
        Some(&self.token)
    }

    fn shelf(registry: &Registry) -> &Shelf<Self> {
        &registry.rule_destinations
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destination_at(url: &str) -> RuleDestination {
        RuleDestination {
            id: Id::random(),
            confirmation_url: url.to_owned(),
            token: String::new(),
            status: RuleDestinationStatus::Enabled,
            confirmed: true,
            status_reason: None,
            created_at: Timestamp::default(),
            updated_at: Timestamp::default(),
        }
    }

    #[test]
    fn a_destination_covers_what_is_below_it_and_nothing_that_only_looks_like_it() {
        for (destination, url) in [
            ("https://a.com", "https://a.com/x?y=1"),
            ("https://a.com/in", "https://a.com/in"),
            ("https://a.com/in/", "https://a.com:443/in/7"),
            ("http://a.com:8080/", "http://a.com:8080/"),
        ] {
            assert!(destination_at(destination).covers(url), "{destination} {url}");
        }
        for (destination, url) in [
            ("https://a.com", "https://a.com.evil/x"),
            ("https://a.com", "https://a.com@evil/x"),
            ("https://a.com", "http://a.com/x"),
            ("https://a.com/in", "https://a.com/inside"),
            ("https://a.com/in", "https://a.com/in/../out"),
            ("http://a.com:8080/", "http://a.com/"),
        ] {
            assert!(!destination_at(destination).covers(url), "{destination} {url}");
        }
    }
}
