//! HTTP: POSTs messages to an endpoint that has confirmed that it wants them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::task::JoinSet;

use super::super::client::{Appetite, Client, Outcome};
use super::super::deed::{Batch, Deed};
use super::super::task::Task;
use super::web::{self, Web};
use crate::registry::{Registry, RuleDestination, RuleDestinationStatus};

/// Requests of one action that are under way at once.
const AT_ONCE: usize = 8;

/// Says to the endpoint which message this is: the same when it is sent again.
const MESSAGE_ID: &str = "x-lns-message-id";

pub(super) struct Http {
    web: Web,
    registry: Arc<Registry>,
    batch: Option<Batch>,
}

/// One request, and the tasks that are done with it.
struct Request {
    tasks: Vec<usize>,
    url: String,
    topic: String,
    headers: Vec<(String, String)>,
    bodies: Vec<Bytes>,
}

impl Http {
    pub fn new(web: Web, registry: Arc<Registry>, batch: Option<Batch>) -> Self {
        Self { web, registry, batch }
    }

    /// Requests for some tasks: one each, or several in one.
    fn requests(&self, tasks: &[Arc<Task>]) -> Vec<Request> {
        let mut requests: Vec<Request> = Vec::new();
        for (at, task) in tasks.iter().enumerate() {
            let Deed::Http { url, headers, payload } = &task.deed else { continue };
            let body = Bytes::from(payload.clone());
            if let Some(batch) = self.batch
                && let Some(open) = requests
                    .iter_mut()
                    .find(|open| open.url == *url && open.admits(&batch, &task.source.topic, &body))
            {
                open.tasks.push(at);
                open.bodies.push(body);
                continue;
            }
            let mut headers = headers.clone();
            headers.push((MESSAGE_ID.to_owned(), task.id.to_string()));
            let has_type =
                headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
            if !has_type {
                let json = serde_json::from_slice::<serde::de::IgnoredAny>(&body).is_ok();
                let value = if json { "application/json" } else { "application/octet-stream" };
                headers.push(("Content-Type".to_owned(), value.to_owned()));
            }
            let topic = task.source.topic.clone();
            requests.push(Request {
                tasks: vec![at],
                url: url.clone(),
                topic,
                headers,
                bodies: vec![body],
            });
        }
        requests
    }

    /// Whether an enabled destination covers the URL.
    fn is_confirmed(&self, url: &str) -> bool {
        let mut confirmed = false;
        self.registry.walk(None, &mut |destination: &Arc<RuleDestination>| {
            confirmed = destination.status == RuleDestinationStatus::Enabled
                && covers(&destination.confirmation_url, url);
            !confirmed
        });
        confirmed
    }
}

impl Request {
    /// Whether another message may share it.
    fn admits(&self, batch: &Batch, topic: &str, body: &Bytes) -> bool {
        let bytes: usize = self.bodies.iter().map(|body| body.len() + 1).sum();
        self.bodies.len() < batch.messages
            && bytes + body.len() + 2 <= batch.bytes
            && (batch.across_topics || self.topic == topic)
    }

    /// The body: as it is, or all in a JSON array where messages gather.
    fn body(&self, is_batched: bool) -> Bytes {
        if !is_batched {
            return self.bodies[0].clone();
        }
        let mut body = vec![b'['];
        for (at, one) in self.bodies.iter().enumerate() {
            if at > 0 {
                body.push(b',');
            }
            if serde_json::from_slice::<serde::de::IgnoredAny>(one).is_ok() {
                body.extend_from_slice(one);
            } else {
                // What is no JSON value goes in as text.
                let text = serde_json::Value::from(String::from_utf8_lossy(one));
                body.extend(text.to_string().into_bytes());
            }
        }
        body.push(b']');
        body.into()
    }
}

#[async_trait]
impl Client for Http {
    fn appetite(&self) -> Appetite {
        let open = self.batch.map_or(Duration::ZERO, |batch| batch.open);
        let tasks = self.batch.map_or(32, |batch| batch.messages * AT_ONCE);
        Appetite { open, ..Appetite::of(tasks) }
    }

    async fn perform(&mut self, tasks: &[Arc<Task>]) -> Vec<Outcome> {
        let mut outcomes = Outcome::Refused("not an HTTP request".to_owned()).for_all(tasks);
        let mut under_way = JoinSet::new();
        let mut settle = |(tasks, outcome): (Vec<usize>, Outcome)| {
            tasks.into_iter().for_each(|task| outcomes[task] = outcome.clone());
        };
        for request in self.requests(tasks) {
            if !self.is_confirmed(&request.url) {
                let why = format!("no destination of rules that is enabled covers {}", request.url);
                settle((request.tasks, Outcome::Away(why)));
                continue;
            }
            if under_way.len() >= AT_ONCE
                && let Some(Ok(done)) = under_way.join_next().await
            {
                settle(done);
            }
            let (web, body) = (self.web.clone(), request.body(self.batch.is_some()));
            under_way.spawn(async move {
                let answer = web.post(&request.url, &request.headers, body).await;
                (request.tasks, web::outcome(answer))
            });
        }
        while let Some(Ok(done)) = under_way.join_next().await {
            settle(done);
        }
        outcomes
    }
}

/// Whether a destination's URL is the beginning of another: the same origin, and a path that is the
/// same or above.
fn covers(destination: &str, url: &str) -> bool {
    let (Ok(destination), Ok(url)) = (url::Url::parse(destination), url::Url::parse(url)) else {
        return false;
    };
    let above = destination.path().trim_end_matches('/');
    let below = url.path().strip_prefix(above);
    destination.origin() == url.origin()
        && below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_covers_what_is_below_it_and_nothing_that_only_looks_like_it() {
        for (destination, url) in [
            ("https://a.com", "https://a.com/x?y=1"),
            ("https://a.com/in", "https://a.com/in"),
            ("https://a.com/in/", "https://a.com:443/in/7"),
            ("http://a.com:8080/", "http://a.com:8080/"),
        ] {
            assert!(covers(destination, url), "{destination} {url}");
        }
        for (destination, url) in [
            ("https://a.com", "https://a.com.evil/x"),
            ("https://a.com", "https://a.com@evil/x"),
            ("https://a.com", "http://a.com/x"),
            ("https://a.com/in", "https://a.com/inside"),
            ("https://a.com/in", "https://a.com/in/../out"),
            ("http://a.com:8080/", "http://a.com/"),
        ] {
            assert!(!covers(destination, url), "{destination} {url}");
        }
    }
}
