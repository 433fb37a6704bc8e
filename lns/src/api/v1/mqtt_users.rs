//! `/v1/mqtt-users`: users of MQTT, with passwords, tokens and policies.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{delete, get, post, put};
use lns_lorawan::TimeDelta;
use serde_json::{Map, Value, json};

use crate::api::common::{done, json_of, list_of, page_of};
use crate::api::fields::{Fields, wrong};
use crate::api::params::{Label, Params};
use crate::api::{Answer, ApiError, ApiState, ErrorType, Shared, operation};
use crate::identity::{MAX_PASSWORD, hash, new_token};
use crate::registry::{Created, Kind, MqttToken, MqttUser, PrincipalName, Registry, RegistryError};

/// The shortest password, in characters.
const MIN_PASSWORD: usize = 8;
/// The longest that a token may be good for, in seconds: ten years.
const LONGEST: u32 = 10 * 365 * 24 * 3600;
/// Whom the broker knows by itself.
const TAKEN: [&str; 1] = ["bridge"];

pub fn routes() -> Router<Arc<ApiState>> {
    Router::new()
        .route("/v1/mqtt-users", operation(post(create).get(list)))
        .route("/v1/mqtt-users/{name}", operation(get(show).merge(delete(remove))))
        .route(
            "/v1/mqtt-users/{name}/password",
            operation(put(set_password).merge(delete(drop_password))),
        )
        .route("/v1/mqtt-users/{name}/tokens", operation(post(issue)))
        .route("/v1/mqtt-users/{name}/tokens/{id}", operation(delete(revoke)))
        .route(
            "/v1/mqtt-users/{name}/policies/{policy}",
            operation(put(attach).merge(delete(detach))),
        )
}

/// A user's name, if it is one. One that looks like a certificate's id could be taken for it.
fn name(text: String) -> Result<String, ApiError> {
    let named = |b: u8| b.is_ascii_alphanumeric() || b"_.@-".contains(&b);
    let hex = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    if text.is_empty() || text.len() > 128 || !text.bytes().all(named) || hex {
        let problem = "a name has 1 to 128 letters, digits and _.@-, and is no certificate's id";
        return Err(wrong("name", problem));
    }
    if TAKEN.contains(&text.as_str()) {
        let message = format!("user {text} is built in; choose another name");
        return Err(ApiError::new(ErrorType::Conflict, message));
    }
    Ok(text)
}

fn take_password(fields: &mut Fields) -> Result<Option<String>, ApiError> {
    let Some(password) = fields.text("password", MIN_PASSWORD..=MAX_PASSWORD)? else {
        return Ok(None);
    };
    if password.len() > MAX_PASSWORD {
        return Err(wrong("password", format!("it may have {MAX_PASSWORD} bytes")));
    }
    Ok(Some(password))
}

fn document(registry: &Registry, user: &MqttUser) -> Value {
    let principal = PrincipalName::user(&user.name);
    let attached = registry.principal(&principal);
    let token = |token: &MqttToken| {
        let mut document = Map::new();
        document.insert("id".to_owned(), json!(token.id));
        document.insert("created_at".to_owned(), json!(token.created_at.to_rfc3339()));
        let expires_at = token.expires_at.map(|at| at.to_rfc3339());
        document.insert("expires_at".to_owned(), json!(expires_at));
        Value::Object(document)
    };
    json!({
        "name": user.name,
        "arn": principal.arn(),
        "has_password": user.password.is_some(),
        "tokens": user.tokens.iter().map(token).collect::<Vec<_>>(),
        "policies": attached.as_ref().map(|attached| attached.policies().clone()).unwrap_or_default(),
        "things": attached.map(|a| a.things().keys().cloned().collect::<Vec<_>>()).unwrap_or_default(),
        "created_at": user.created_at.to_rfc3339(),
    })
}

/// A new user, with a password or without.
async fn create(State(state): Shared, body: Bytes) -> Answer {
    let mut fields = Fields::parse(&body)?;
    let given = fields.text("name", 0..=256)?;
    let name = name(fields.required("name", given)?)?;
    let password = take_password(&mut fields)?;
    fields.finish()?;
    let created_at = (state.surroundings.now)();
    let made = state
        .change(move |registry: &Registry| {
            let password = password.map(|password| hash(password.as_bytes()));
            if registry.find::<MqttUser>(&name).is_none() {
                // What was attached to another user of this name is not this one's.
                registry.detach_all(&PrincipalName::user(&name))?;
            }
            let user = MqttUser { name, password, tokens: Vec::new(), created_at, version: 1 };
            registry.create(user)
        })
        .await?;
    let (Created::New(user) | Created::Repeated(user)) = made;
    json_of(StatusCode::CREATED, document(&state.registry, &user))
}

/// One user. Its secrets are nobody's to see.
async fn show(State(state): Shared, Label(name): Label) -> Answer {
    let user = state.registry.require::<MqttUser>(&name)?;
    json_of(StatusCode::OK, document(&state.registry, &user))
}

/// All users, in the order of their names.
async fn list(State(state): Shared, mut params: Params) -> Answer {
    let page = params.page()?;
    params.finish()?;
    let start = page.start(|name| Some(name.to_owned()))?;
    let (users, token) = page_of(&state.registry, (&page, start), |_: &MqttUser| true);
    let list = users.iter().map(|user| document(&state.registry, user)).collect();
    list_of(("mqtt_users", "next_token"), list, token)
}

/// Removes a user with all that is attached to it, and ends its connections.
async fn remove(State(state): Shared, Label(name): Label) -> Answer {
    let gone = state.change(move |registry: &Registry| {
        registry.remove::<MqttUser>(&name)?;
        registry.detach_all(&PrincipalName::user(&name))
    });
    gone.await?;
    done()
}

/// Changes a user.
async fn update(
    state: &Arc<ApiState>,
    name: String,
    change: impl FnOnce(&mut MqttUser) -> Result<(), ApiError> + Send + 'static,
) -> Result<Arc<MqttUser>, ApiError> {
    let changed = state.change(move |registry: &Registry| {
        registry.update(&name, |user: &mut MqttUser| {
            user.version += 1;
            change(user)
        })
    });
    changed.await
}

/// Sets the password, and ends the connections that were made with another.
async fn set_password(State(state): Shared, Label(name): Label, body: Bytes) -> Answer {
    let mut fields = Fields::parse(&body)?;
    let password = take_password(&mut fields)?;
    let password = fields.required("password", password)?;
    fields.finish()?;
    let set = move |user: &mut MqttUser| {
        user.password = Some(hash(password.as_bytes()));
        Ok(())
    };
    update(&state, name, set).await?;
    done()
}

/// Takes the password away; tokens stay.
async fn drop_password(State(state): Shared, Label(name): Label) -> Answer {
    let drop = |user: &mut MqttUser| {
        user.password = None;
        Ok(())
    };
    update(&state, name, drop).await?;
    done()
}

/// Makes a token, which is told this once.
async fn issue(State(state): Shared, Label(name): Label, body: Bytes) -> Answer {
    let mut fields = Fields::parse(&body)?;
    let seconds = fields.whole("expires_in", 1..=LONGEST)?;
    fields.finish()?;
    let created_at = (state.surroundings.now)();
    let expires_at =
        seconds.map(|seconds| created_at.plus(TimeDelta::from_secs(i64::from(seconds))));
    let token = new_token();
    let kept = MqttToken { id: token.id.clone(), hash: token.hash, created_at, expires_at };
    let add = move |user: &mut MqttUser| {
        user.tokens.retain(|token| token.is_good(created_at));
        user.tokens.push(kept);
        Ok(())
    };
    update(&state, name, add).await?;
    let expires_at = expires_at.map(|at| at.to_rfc3339());
    let body = json!({ "id": token.id, "token": token.secret, "expires_at": expires_at });
    json_of(StatusCode::CREATED, body)
}

/// Revokes a token, and ends the connections that were made with it.
async fn revoke(State(state): Shared, Path((name, id)): Path<(String, String)>) -> Answer {
    let drop = move |user: &mut MqttUser| {
        let before = user.tokens.len();
        user.tokens.retain(|token| token.id != id);
        if user.tokens.len() < before {
            return Ok(());
        }
        let message = format!("user {} has no token {id}", user.name);
        Err(ApiError::new(ErrorType::ResourceNotFound, message))
    };
    update(&state, name, drop).await?;
    done()
}

/// Attaches a policy.
async fn attach(State(state): Shared, Path((name, policy)): Path<(String, String)>) -> Answer {
    let attached =
        move |registry: &Registry| registry.attach_policy(&policy, &PrincipalName::user(&name));
    state.change(attached).await?;
    done()
}

/// Detaches a policy. What is not attached is as good as detached.
async fn detach(State(state): Shared, Path((name, policy)): Path<(String, String)>) -> Answer {
    let detached = move |registry: &Registry| match registry
        .detach_policy(&policy, &PrincipalName::user(&name))
    {
        Err(RegistryError::NotFound { kind: Kind::Policy, .. }) => Ok(()),
        outcome => outcome,
    };
    state.change(detached).await?;
    done()
}
