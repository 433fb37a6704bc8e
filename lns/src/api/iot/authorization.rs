//! What somebody could do: questions that are answered and have no effect.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use lns_pipeline::policy::{Action, Context, Decision, Permissions};
use serde_json::{Value, json};

use super::policies::{entry, principal};
use crate::api::common::json_of;
use crate::api::fields::{Fields, text, wrong};
use crate::api::params::Params;
use crate::api::{Answer, ApiError, ApiState, Shared, arn, operation};
use crate::identity::policies_of;
use crate::registry::{Kind, Policy, PrincipalName, Registry};

/// How many questions one request has, as AWS has it.
const MOST: usize = 10;

pub(super) fn routes() -> Router<Arc<ApiState>> {
    Router::new()
        .route("/test-authorization", operation(post(test)))
        .route("/effective-policies", operation(post(effective)))
}

/// One question.
struct Question {
    word: String,
    action: Action,
    resources: Vec<String>,
}

/// A list of texts.
fn texts(fields: &mut Fields, name: &str, longest: usize) -> Result<Vec<String>, ApiError> {
    let path = fields.path(name);
    match fields.take(name) {
        None => Ok(Vec::new()),
        Some(Value::Array(list)) => {
            list.into_iter().map(|value| text(&path, value, &(1..=longest))).collect()
        }
        Some(_) => Err(wrong(&path, "it is not a list")),
    }
}

fn questions(fields: &mut Fields) -> Result<Vec<Question>, ApiError> {
    let list = match fields.take("authInfos") {
        Some(Value::Array(list)) if !list.is_empty() && list.len() <= MOST => list,
        Some(_) | None => {
            return Err(wrong("authInfos", format!("it must be a list of 1 to {MOST}")));
        }
    };
    let read = |(at, value): (usize, Value)| {
        let mut info = Fields::of(format!("authInfos[{at}]"), value)?;
        let words = ["PUBLISH", "SUBSCRIBE", "RECEIVE", "CONNECT"];
        let word = info.word("actionType", &words)?;
        let word = info.required("actionType", word)?;
        let action = match word.as_str() {
            "PUBLISH" => Action::Publish,
            "SUBSCRIBE" => Action::Subscribe,
            "RECEIVE" => Action::Receive,
            _ => Action::Connect,
        };
        let resources = texts(&mut info, "resources", 2048)?;
        info.finish()?;
        Ok(Question { word, action, resources })
    };
    list.into_iter().enumerate().map(read).collect()
}

/// TestAuthorization. What is the server's own, whatever policies say, is not looked at.
async fn test(State(state): Shared, mut params: Params, body: Bytes) -> Answer {
    let client_id = params.take("clientId")?;
    params.finish()?;
    let mut fields = Fields::parse(&body)?;
    let who = take_principal(&mut fields)?;
    let questions = questions(&mut fields)?;
    let add = texts(&mut fields, "policyNamesToAdd", 128)?;
    let skip = texts(&mut fields, "policyNamesToSkip", 128)?;
    fields.finish()?;
    let registry = &state.registry;
    let (mut policies, context) = match &who {
        Some(who) => {
            who.require(registry)?;
            policies_of(registry, who, client_id.as_deref())
        }
        None => (Vec::new(), Context { client_id, ..Context::default() }),
    };
    for name in &add {
        policies.push(registry.require::<Policy>(name)?);
    }
    policies.retain(|policy| !skip.contains(&policy.name));
    let results: Vec<Value> =
        questions.iter().map(|question| answer(question, &policies, &context)).collect();
    json_of(StatusCode::OK, json!({ "authResults": results }))
}

fn take_principal(fields: &mut Fields) -> Result<Option<PrincipalName>, ApiError> {
    if fields.take("cognitoIdentityPoolId").is_some() {
        return Err(wrong("cognitoIdentityPoolId", "this server has no identity pools"));
    }
    let arn = fields.text("principal", 1..=2048)?;
    arn.map(|arn| principal("principal", &arn)).transpose()
}

fn answer(question: &Question, policies: &[Arc<Policy>], context: &Context) -> Value {
    let decide = |permissions: &Permissions| {
        let each = question.resources.iter();
        let decisions: Vec<Decision> =
            each.map(|arn| permissions.decide_arn(question.action, arn)).collect();
        [Decision::DeniedExplicitly, Decision::DeniedImplicitly]
            .into_iter()
            .find(|no| decisions.contains(no))
            .unwrap_or(Decision::Allowed)
    };
    let read = |policy: &Arc<Policy>| policy.read().cloned();
    let all: Vec<_> = policies.iter().filter_map(read).collect();
    let decision = decide(&Permissions::new(&all, context));
    let named = |wanted: Decision| -> Vec<Value> {
        let of_it = policies.iter().filter(|policy| {
            let alone = policy.read();
            alone.is_some_and(|alone| decide(&Permissions::new([alone], context)) == wanted)
        });
        of_it.map(|policy| entry(&policy.name)).collect()
    };
    let word = match decision {
        Decision::Allowed => "ALLOWED",
        Decision::DeniedExplicitly => "EXPLICIT_DENY",
        Decision::DeniedImplicitly => "IMPLICIT_DENY",
    };
    json!({
        "authInfo": { "actionType": question.word, "resources": question.resources },
        "allowed": { "policies": named(Decision::Allowed) },
        "denied": {
            "implicitDeny": { "policies": named(Decision::DeniedImplicitly) },
            "explicitDeny": { "policies": named(Decision::DeniedExplicitly) },
        },
        "authDecision": word,
        "missingContextValues": [],
    })
}

/// GetEffectivePolicies.
async fn effective(State(state): Shared, mut params: Params, body: Bytes) -> Answer {
    let thing = params.take("thingName")?;
    params.finish()?;
    let mut fields = Fields::parse(&body)?;
    let who = take_principal(&mut fields)?;
    fields.finish()?;
    let who = who.ok_or_else(|| wrong("principal", "it is missing"))?;
    let registry: &Registry = &state.registry;
    who.require(registry)?;
    let (policies, _) = policies_of(registry, &who, thing.as_deref());
    let entry = |policy: &Arc<Policy>| {
        json!({
            "policyName": policy.name,
            "policyArn": arn::of(Kind::Policy, &policy.name),
            "policyDocument": policy.default_document(),
        })
    };
    let list: Vec<Value> = policies.iter().map(entry).collect();
    json_of(StatusCode::OK, json!({ "effectivePolicies": list }))
}
