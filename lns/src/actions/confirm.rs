//! Asks HTTP endpoints whether they want to hear from rules, as AWS does: a message with a token,
//! which whoever receives it must bring to the server.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::Shared;
use super::client::Outcome;
use super::clients::{Clients, outcome};
use crate::registry::{Id, Kind, RegistryError, RuleDestination, RuleDestinationStatus as Status};

/// How often the registry is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// How often an endpoint is asked, with twice the wait each time.
const ATTEMPTS: u32 = 5;

/// The first wait.
const WAIT: Duration = Duration::from_secs(1);

/// Asks those that have not been asked with their present token, for as long as the server runs, and
/// has what waits for a destination tried when one has changed.
pub(super) async fn run(shared: Arc<Shared>) {
    let clients = &shared.clients;
    let (mut seen, mut asked) = (None, HashMap::<Id, String>::new());
    loop {
        let version = Some(clients.registry.version_of::<RuleDestination>());
        if version != seen {
            seen = version;
            shared.try_posts_again();
            let waiting = waiting(clients);
            asked.retain(|id, _| waiting.iter().any(|destination| destination.id == *id));
            for destination in waiting {
                let Some(server) = &clients.confirm_at else { continue };
                let token = destination.token.clone();
                if asked.insert(destination.id, token.clone()) != Some(token) {
                    tokio::spawn(ask(Arc::clone(clients), destination, server.clone()));
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
    let url = &with_token(&destination.confirmation_url, token);
    let mut wait = WAIT;
    for attempt in 1..=ATTEMPTS {
        if !is_waiting(&clients, &destination) {
            return;
        }
        let answer = clients.web.post(url, &headers, body.to_string().into()).await;
        let why = match outcome(answer) {
            Outcome::Done => return,
            Outcome::Away(why) | Outcome::Retry(why) | Outcome::Refused(why) => why,
        };
        if attempt == ATTEMPTS {
            tracing::warn!(%arn, "a destination of rules could not be asked to confirm: {why}");
            fail(clients, destination, why).await;
            return;
        }
        tokio::time::sleep(wait).await;
        wait *= 2;
    }
}

/// The URL with the token among its parameters, as AWS sends it.
fn with_token(url: &str, token: &str) -> String {
    let Ok(mut parsed) = url::Url::parse(url) else { return url.to_owned() };
    parsed.query_pairs_mut().append_pair("confirmationToken", token);
    parsed.into()
}

/// Whether the confirmation is still wanted: it may have come, or the destination may be gone.
fn is_waiting(clients: &Clients, asked: &RuleDestination) -> bool {
    let now = clients.registry.find::<RuleDestination>(&asked.id);
    now.is_some_and(|now| now.status == Status::InProgress && now.token == asked.token)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_a_parameter_of_the_url_as_well() {
        for (url, wanted) in [
            ("https://a.com", "https://a.com/?confirmationToken=7"),
            ("https://a.com/in", "https://a.com/in?confirmationToken=7"),
            ("https://a.com/in/?a=b", "https://a.com/in/?a=b&confirmationToken=7"),
        ] {
            assert_eq!(with_token(url, "7"), wanted);
        }
    }
}
