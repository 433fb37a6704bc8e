//! Asks HTTP endpoints whether they want to hear from rules, as AWS does: a message with a token,
//! which whoever receives it must bring to the server.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::client::Outcome;
use super::clients::{Clients, outcome};
use crate::registry::{Id, Kind, RegistryError, RuleDestination, RuleDestinationStatus as Status};

/// How often the registry is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// How often an endpoint is asked, with twice the wait each time.
const ATTEMPTS: u32 = 5;

/// The first wait.
const WAIT: Duration = Duration::from_secs(1);

/// Asks those that have not been asked with their present token, for as long as the server runs.
pub(super) async fn run(clients: Arc<Clients>) {
    let Some(server) = clients.confirm_at.clone() else { return };
    let (mut seen, mut asked) = (0, HashMap::<Id, String>::new());
    loop {
        let version = clients.registry.version();
        if version != seen {
            seen = version;
            for destination in waiting(&clients) {
                let token = destination.token.clone();
                if asked.insert(destination.id, token.clone()) != Some(token) {
                    tokio::spawn(ask(Arc::clone(&clients), destination, server.clone()));
                }
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn waiting(clients: &Clients) -> Vec<Arc<RuleDestination>> {
    let mut found = Vec::new();
    clients.registry.walk(None, &mut |destination: &Arc<RuleDestination>| {
        if destination.status == Status::InProgress {
            found.push(Arc::clone(destination));
        }
        true
    });
    found
}

async fn ask(clients: Arc<Clients>, destination: Arc<RuleDestination>, server: String) {
    let arn = Kind::TopicRuleDestination.arn(&destination.id);
    let token = &destination.token;
    let headers = [
        ("Content-Type", "application/json"),
        ("x-amz-rules-engine-message-type", "DestinationConfirmation"),
        ("x-amz-rules-engine-destination-arn", arn.as_str()),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let body = json!({
        "arn": arn,
        "confirmationToken": token,
        "enableUrl": format!("{server}/confirmdestination/{token}"),
        "messageType": "DestinationConfirmation",
    });
    let mut wait = WAIT;
    for attempt in 1..=ATTEMPTS {
        let url = &destination.confirmation_url;
        let answer = clients.web.post(url, &headers, body.to_string().into()).await;
        let why = match outcome(answer) {
            Outcome::Done => return,
            Outcome::Away(why) | Outcome::Retry(why) | Outcome::Refused(why) => why,
        };
        if attempt == ATTEMPTS {
            tracing::warn!(url, "a destination of rules could not be asked to confirm: {why}");
            fail(clients, destination, why).await;
            return;
        }
        tokio::time::sleep(wait).await;
        wait *= 2;
    }
}

/// The destination says why it has no confirmation, unless it was changed meanwhile.
async fn fail(clients: Arc<Clients>, asked: Arc<RuleDestination>, why: String) {
    let change = move || {
        let now = clients.clock.now();
        clients.registry.update(&asked.id, |destination: &mut RuleDestination| {
            if destination.token == asked.token && destination.status == Status::InProgress {
                destination.status = Status::Error;
                destination.status_reason = Some(why);
                destination.updated_at = now;
            }
            Ok::<(), RegistryError>(())
        })
    };
    if let Ok(Err(error)) = tokio::task::spawn_blocking(change).await {
        tracing::warn!(%error, "a destination's status could not be kept");
    }
}
