//! Topic rules: a statement, and what is done with the messages that it selects.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use lns_lorawan::Timestamp;
use lns_pipeline::rule::action::{hidden, restored};
use lns_pipeline::rule::{MAX_SQL_BYTES, Rule, RuleError};
use serde_json::{Map, Value, json};

use super::reading::time;
use super::rule_destinations;
use crate::api::common::{few_enough, json_of, list_of, page_of, put};
use crate::api::fields::{Fields, wrong};
use crate::api::params::{Label, Params};
use crate::api::{Answer, ApiError, ApiState, ErrorType, Shared, arn, operation};
use crate::registry::{Kind, Registry, RegistryError, Tags, TopicRule};

/// The longest description, in characters.
const DESCRIPTION: usize = 2048;

/// The version of the language where a rule names none, as with AWS.
const FIRST_VERSION: &str = "2015-10-08";

pub(super) fn routes() -> Router<Arc<ApiState>> {
    let one = post(create).get(show).patch(replace).delete(remove);
    Router::new()
        .route("/rules", operation(get(list)))
        .route("/rules/{name}", operation(one))
        .route("/rules/{name}/enable", operation(post(enable)))
        .route("/rules/{name}/disable", operation(post(disable)))
}

/// Reads a rule's description and finds out whether it can be compiled. Secrets that it has as they
/// are shown are those of the rule that is there.
fn read(
    state: &ApiState,
    (name, body): (String, &[u8]),
    before: Option<&TopicRule>,
) -> Result<TopicRule, ApiError> {
    let mut fields = Fields::parse(body)?;
    let sql = fields.text("sql", 1..=MAX_SQL_BYTES)?;
    let actions = fields.take("actions");
    let Value::Array(actions) = fields.required("actions", actions)? else {
        return Err(wrong("actions", "it is not a list"));
    };
    let version = fields.text("awsIotSqlVersion", 1..=64)?;
    let mut rule = TopicRule {
        name,
        sql: fields.required("sql", sql)?,
        sql_version: version.unwrap_or_else(|| FIRST_VERSION.to_owned()),
        topic_pattern: None,
        description: fields.text("description", 0..=DESCRIPTION)?,
        actions,
        error_action: fields.take("errorAction"),
        disabled: fields.flag("ruleDisabled")?.unwrap_or(false),
        created_at: Timestamp::default(),
        tags: Tags::new(),
    };
    fields.finish()?;
    let mut actions = rule.actions.iter().chain(&rule.error_action);
    if actions.any(|action| action.get("influxDB").is_some()) {
        let why = "it needs a destination of InfluxDB, which there is none of; influxLineProtocol \
                   has the same members, and url and token in place of destinationArn";
        return Err(wrong("influxDB", why));
    }
    restore(&mut rule, before)?;
    let compiled = Rule::compile(&rule.name, &rule.payload()).map_err(refusal)?;
    let checked = state.surroundings.rules.check(&compiled);
    checked.map_err(|why| ApiError::new(ErrorType::Validation, why))?;
    rule.topic_pattern = compiled.filter().map(ToString::to_string);
    Ok(rule)
}

/// Puts back the secrets that are hidden in a rule.
fn restore(rule: &mut TopicRule, before: Option<&TopicRule>) -> Result<(), ApiError> {
    for (at, action) in rule.actions.iter_mut().enumerate() {
        let before = before.and_then(|before| before.actions.get(at));
        let path = format!("actions[{at}]");
        *action = restored(action, before).map_err(|why| wrong(&path, why))?;
    }
    if let Some(action) = &mut rule.error_action {
        let before = before.and_then(|before| before.error_action.as_ref());
        *action = restored(action, before).map_err(|why| wrong("errorAction", why))?;
    }
    Ok(())
}

/// What AWS calls a rule that cannot be.
fn refusal(error: RuleError) -> ApiError {
    let error_type = match &error {
        RuleError::Sql(_) => ErrorType::SqlParse,
        RuleError::BadName(_)
        | RuleError::BadShape(_)
        | RuleError::TooManyActions(_)
        | RuleError::Template { .. }
        | RuleError::Action { .. } => ErrorType::Validation,
    };
    ApiError::new(error_type, error.to_string())
}

/// CreateTopicRule.
async fn create(
    State(state): Shared,
    Label(name): Label,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let tags = tags(&headers)?;
    let rule = TopicRule {
        created_at: (state.surroundings.now)(),
        tags,
        ..read(&state, (name, &body), None)?
    };
    let (urls, now) = (confirmations(&rule), rule.created_at);
    let make = move |registry: &Registry| {
        registry.create(rule).inspect(|_| ensure_all(registry, &urls, now))
    };
    state.change_rule(make).await?;
    json_of(StatusCode::OK, json!({}))
}

/// Where a rule's http actions want their endpoints to confirm, if they say so without templates.
fn confirmations(rule: &TopicRule) -> Vec<String> {
    let actions = rule.actions.iter().chain(&rule.error_action);
    let url = |action: &Value| {
        let http = action.get("http")?;
        let url = http.get("confirmationUrl").or_else(|| http.get("url"))?.as_str()?;
        Some(url.to_owned()).filter(|url| !url.contains("${"))
    };
    actions.filter_map(url).collect()
}

/// Makes the destinations that a rule needs. A rule without one waits, so that it is there either way.
fn ensure_all(registry: &Registry, urls: &[String], now: Timestamp) {
    for url in urls {
        if let Err(error) = rule_destinations::ensure(registry, url, now) {
            tracing::warn!(url, %error, "a rule's destination could not be made");
        }
    }
}

/// The tags of a new rule, which come in a header as a query would.
fn tags(headers: &HeaderMap) -> Result<Tags, ApiError> {
    let Some(header) = headers.get("x-amz-tagging") else { return Ok(Tags::new()) };
    let text = header.to_str().map_err(|_| wrong("tags", "the header is not ASCII"))?;
    let tags: Tags = url::form_urlencoded::parse(text.as_bytes()).into_owned().collect();
    if tags.iter().any(|(key, value)| {
        key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256
    }) {
        return Err(wrong("tags", "a key has 1 to 128 characters and a value up to 256"));
    }
    few_enough(&tags)?;
    Ok(tags)
}

/// AWS says of a rule that is not there that it may not be seen.
fn denied(error: RegistryError) -> ApiError {
    match error {
        RegistryError::NotFound { key, .. } => ApiError::new(
            ErrorType::Unauthorized,
            format!("there is no topic rule {key}; ListTopicRules names those that are"),
        ),
        other => other.into(),
    }
}

/// GetTopicRule.
async fn show(State(state): Shared, Label(name): Label) -> Answer {
    let rule = state.registry.require::<TopicRule>(&name).map_err(denied)?;
    let mut document = Map::new();
    document.insert("ruleName".to_owned(), json!(rule.name));
    document.insert("sql".to_owned(), json!(rule.sql));
    document.insert("awsIotSqlVersion".to_owned(), json!(rule.sql_version));
    put(&mut document, "description", rule.description.clone());
    document.insert("createdAt".to_owned(), time(rule.created_at));
    document
        .insert("actions".to_owned(), json!(rule.actions.iter().map(hidden).collect::<Vec<_>>()));
    put(&mut document, "errorAction", rule.error_action.as_ref().map(hidden));
    document.insert("ruleDisabled".to_owned(), json!(rule.disabled));
    let arn = arn::of(Kind::TopicRule, &rule.name);
    json_of(StatusCode::OK, json!({ "ruleArn": arn, "rule": document }))
}

/// ListTopicRules.
async fn list(State(state): Shared, mut params: Params) -> Answer {
    let page = params.page_of(10_000)?;
    let topic = params.take("topic")?;
    let disabled = params.word("ruleDisabled", &["true", "false"])?.map(|word| word == "true");
    params.finish()?;
    let start = page.start(|name| Some(name.to_owned()))?;
    let (rules, token) = page_of(&state.registry, (&page, start), |rule: &TopicRule| {
        disabled.is_none_or(|disabled| rule.disabled == disabled)
            && topic.as_ref().is_none_or(|topic| rule.topic_pattern.as_ref() == Some(topic))
    });
    let list = rules.iter().map(|rule| {
        let mut entry = Map::new();
        entry.insert("ruleArn".to_owned(), arn::of(Kind::TopicRule, &rule.name).into());
        entry.insert("ruleName".to_owned(), json!(rule.name));
        put(&mut entry, "topicPattern", rule.topic_pattern.clone());
        entry.insert("createdAt".to_owned(), time(rule.created_at));
        entry.insert("ruleDisabled".to_owned(), json!(rule.disabled));
        entry.into()
    });
    list_of(("rules", "nextToken"), list.collect(), token)
}

/// ReplaceTopicRule.
async fn replace(State(state): Shared, Label(name): Label, body: Bytes) -> Answer {
    let before = state.registry.find::<TopicRule>(&name);
    let new = read(&state, (name.clone(), &body), before.as_deref())?;
    let (urls, now) = (confirmations(&new), (state.surroundings.now)());
    let answer = change(&state, name, move |rule| {
        let (created_at, tags) = (rule.created_at, std::mem::take(&mut rule.tags));
        *rule = TopicRule { created_at, tags, ..new };
    })
    .await?;
    let ensure = move |registry: &Registry| {
        ensure_all(registry, &urls, now);
        Ok::<(), RegistryError>(())
    };
    state.change(ensure).await?;
    Ok(answer)
}

/// EnableTopicRule.
async fn enable(State(state): Shared, Label(name): Label) -> Answer {
    change(&state, name, |rule| rule.disabled = false).await
}

/// DisableTopicRule.
async fn disable(State(state): Shared, Label(name): Label) -> Answer {
    change(&state, name, |rule| rule.disabled = true).await
}

async fn change(
    state: &ApiState,
    name: String,
    change: impl FnOnce(&mut TopicRule) + Send + 'static,
) -> Answer {
    let changed = state.change_rule(move |registry: &Registry| {
        let change = |rule: &mut TopicRule| -> crate::api::Change {
            change(rule);
            Ok(())
        };
        registry.update(&name, change).map_err(denied)
    });
    changed.await?;
    json_of(StatusCode::OK, json!({}))
}

/// DeleteTopicRule.
async fn remove(State(state): Shared, Label(name): Label) -> Answer {
    let gone =
        state.change_rule(move |registry| registry.remove::<TopicRule>(&name).map_err(denied));
    gone.await?;
    json_of(StatusCode::OK, json!({}))
}
