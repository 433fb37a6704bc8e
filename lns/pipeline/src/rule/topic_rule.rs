//! A rule: the payload of CreateTopicRule, made ready, and what becomes of a message.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::action::{self, Action, ActionError, Task};
use super::compile::{self, Program};
use super::env::{Env, Payload};
use super::error::{EvalError, SqlError};
use super::eval;
use super::json;
use super::parse;
use super::template::{Template, TemplateError};
use super::value::Value;
use super::version::SqlVersion;
use crate::topic::TopicFilter;

/// The most actions of a rule, as with AWS.
pub const MAX_ACTIONS: usize = 10;

/// The longest name of a rule, as with AWS.
const MAX_NAME_BYTES: usize = 128;

/// Why a rule is not accepted. AWS calls all of them InvalidRequestException or SqlParseException.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Not a name.
    #[error("a rule's name has 1 to {MAX_NAME_BYTES} letters, digits and underscores, not {0:?}")]
    BadName(String),
    /// Not the shape of a rule.
    #[error("the topic rule payload: {0}")]
    BadShape(String),
    /// More actions than a rule may have.
    #[error("a rule has at most {MAX_ACTIONS} actions; this one has {0}")]
    TooManyActions(usize),
    /// The statement: SqlParseException.
    #[error("sql: {0}")]
    Sql(#[from] SqlError),
    /// A template of an action.
    #[error("{place}: {error}")]
    Template {
        /// Which action.
        place: String,
        /// What is wrong with it.
        error: TemplateError,
    },
    /// An action.
    #[error("{place}: {error}")]
    Action {
        /// Which action.
        place: String,
        /// What is wrong with it.
        error: ActionError,
    },
}

/// Whether a rule can be called so.
pub fn is_rule_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(allowed)
}

/// The payload of CreateTopicRule, in botocore's names.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TopicRulePayload {
    sql: String,
    #[serde(default)]
    description: Option<String>,
    actions: Vec<serde_json::Value>,
    #[serde(default)]
    rule_disabled: Option<bool>,
    #[serde(default)]
    aws_iot_sql_version: Option<String>,
    #[serde(default)]
    error_action: Option<serde_json::Value>,
}

/// A rule that is ready to be evaluated. It prints without its actions, which may hold secrets.
pub struct Rule {
    name: String,
    disabled: bool,
    program: Program,
    actions: Vec<Action<Template>>,
    error_action: Option<Action<Template>>,
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What a rule makes of one message.
#[derive(Debug)]
pub enum Evaluated {
    /// WHERE does not hold: nothing is to be done.
    Skipped,
    /// What is to be done.
    Matched(Box<Outcome>),
    /// The statement failed, so that no action is carried out. AWS does not call the error action
    /// then either.
    Failed(EvalError),
}

/// What is to be done with one message. It needs neither the rule nor the message any more, and so
/// can be kept until it is done.
#[derive(Debug)]
pub struct Outcome {
    /// What the statement selected.
    pub output: Output,
    /// The actions in the rule's order, their templates filled in; or why that failed, which is a
    /// failure of that action.
    pub actions: Vec<Result<Task, EvalError>>,
    /// What is to be done with the failures, if there are any.
    pub error_action: Option<Result<Task, EvalError>>,
}

/// What a statement selects.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    value: Value,
}

impl Output {
    /// It as a value.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// It as an outgoing payload: JSON, the bytes of a payload that is none, or nothing at all for
    /// `Undefined`.
    pub fn bytes(&self) -> Bytes {
        match &self.value {
            Value::Binary(bytes) => bytes.clone(),
            other => json::write(other).into(),
        }
    }
}

impl From<Value> for Output {
    fn from(value: Value) -> Self {
        Self { value }
    }
}

impl Rule {
    /// Takes the `topicRulePayload` of CreateTopicRule.
    pub fn compile(name: &str, payload: &serde_json::Value) -> Result<Self, RuleError> {
        if !is_rule_name(name) {
            return Err(RuleError::BadName(name.to_owned()));
        }
        let payload: TopicRulePayload = TopicRulePayload::deserialize(payload)
            .map_err(|e| RuleError::BadShape(e.to_string()))?;
        if payload.actions.len() > MAX_ACTIONS {
            return Err(RuleError::TooManyActions(payload.actions.len()));
        }
        let version = payload.aws_iot_sql_version.as_deref().map(SqlVersion::parse).transpose()?;
        let program =
            compile::statement(&parse::statement(&payload.sql)?, version.unwrap_or_default())?;
        let compiled = |place: String, json: &serde_json::Value| {
            let refused = |error| RuleError::Action { place: place.clone(), error };
            let action = action::parse(json).map_err(refused)?;
            action
                .try_map(&mut |text| Template::compile(&text, program.version, &program.names))
                .map_err(|error| RuleError::Template { place: place.clone(), error })
        };
        let places = (1..).map(|at| format!("action {at}"));
        let actions = places.zip(&payload.actions).map(|(place, json)| compiled(place, json));
        let actions = actions.collect::<Result<_, _>>()?;
        let error_action = payload
            .error_action
            .map(|json| compiled("errorAction".to_owned(), &json))
            .transpose()?;
        let disabled = payload.rule_disabled.unwrap_or(false);
        Ok(Self { name: name.to_owned(), disabled, program, actions, error_action })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it was created disabled.
    pub fn is_disabled(&self) -> bool {
        self.disabled
    }

    /// Which topics it hears. `None`: only what is addressed to it.
    pub fn filter(&self) -> Option<&TopicFilter> {
        self.program.from.as_ref()
    }

    /// The version of its statement.
    pub fn version(&self) -> SqlVersion {
        self.program.version
    }

    /// Its actions as they were written.
    pub fn actions(&self) -> &[Action<Template>] {
        &self.actions
    }

    /// The action for failures as it was written.
    pub fn error_action(&self) -> Option<&Action<Template>> {
        self.error_action.as_ref()
    }

    /// What is to be done with a message. Whether its topic meets the filter is not looked at.
    pub fn evaluate(&self, env: &Env<'_>, payload: &Payload) -> Evaluated {
        let selected = match eval::program(&self.program, env, payload) {
            Ok(selected) => selected,
            Err(error) => return Evaluated::Failed(error),
        };
        let Some(value) = selected.value else { return Evaluated::Skipped };
        let task = |action: &Action<Template>| {
            action.try_map_ref(&mut |template| template.render(env, payload, &selected.variables))
        };
        Evaluated::Matched(Box::new(Outcome {
            output: value.into(),
            actions: self.actions.iter().map(task).collect(),
            error_action: self.error_action.as_ref().map(task),
        }))
    }
}
