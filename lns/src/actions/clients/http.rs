//! HTTP: POSTs messages to an endpoint that has confirmed that it wants them.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::task::JoinSet;

use super::super::client::{Appetite, Client, Outcome};
use super::super::deed::{Batch, Deed, HttpTarget};
use super::super::task::Task;
use super::web::{self, Web};
use crate::config::Secret;
use crate::registry::{Registry, RuleDestination, RuleDestinationStatus};

/// Requests of one action that are under way at once.
const AT_ONCE: usize = 8;

/// Says to the endpoint which message this is: the same when it is sent again.
const MESSAGE_ID: &str = "x-lns-message-id";

pub(super) struct Http {
    web: Web,
    registry: Arc<Registry>,
    target: HttpTarget,
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
    pub fn new(web: Web, registry: Arc<Registry>, target: HttpTarget) -> Self {
        Self { web, registry, target }
    }

    /// Requests for some tasks: one each, or several in one.
    fn requests(&self, tasks: &[Arc<Task>]) -> Vec<Request> {
        let mut requests: Vec<Request> = Vec::new();
        for (at, task) in tasks.iter().enumerate() {
            let Deed::Http { url, headers, payload } = &task.deed else { continue };
            let url = self.target.url.as_ref().map_or(url.as_str(), Secret::expose);
            let body = Bytes::from(payload.clone());
            let headers = self.headers(headers, &body, task);
            if let Some(batch) = self.target.batch
                && let Some(open) = requests
                    .iter_mut()
                    .find(|open| open.url == url && open.admits(&batch, &task.source.topic, &body))
            {
                // AWS's page "Batching HTTP action messages": the last message's headers count.
                open.headers = headers;
                open.tasks.push(at);
                open.bodies.push(body);
                continue;
            }
            requests.push(Request {
                tasks: vec![at],
                url: url.to_owned(),
                topic: task.source.topic.clone(),
                headers,
                bodies: vec![body],
            });
        }
        requests
    }

    /// The headers of a request: those that the rule has in common for all messages, and the
    /// message's own, in the rule's order.
    fn headers(
        &self,
        own: &[(String, String)],
        body: &Bytes,
        task: &Task,
    ) -> Vec<(String, String)> {
        let mut own = own.to_vec();
        let mut headers = Vec::new();
        for (name, value) in &self.target.headers {
            let value = match value {
                Some(constant) => Some(constant.expose().to_owned()),
                // Of a rule that was changed since, the header may not be there.
                None => {
                    let found = own.iter().position(|(known, _)| known == name);
                    found.map(|at| own.remove(at).1)
                }
            };
            headers.extend(value.map(|value| (name.clone(), value)));
        }
        headers.push((MESSAGE_ID.to_owned(), task.id.to_string()));
        let is_type = |(name, _): &(String, String)| name.eq_ignore_ascii_case("content-type");
        let is_batched = self.target.batch.is_some();
        if is_batched {
            // A batch is JSON whatever its messages are.
            headers.retain(|header| !is_type(header));
        }
        if !headers.iter().any(is_type) {
            let is_json = is_batched || is_json(body);
            let value = if is_json { "application/json" } else { "application/octet-stream" };
            headers.push(("Content-Type".to_owned(), value.to_owned()));
        }
        headers
    }

    /// Whether an enabled destination covers the URL.
    fn is_confirmed(&self, url: &str) -> bool {
        let mut confirmed = false;
        self.registry.walk(None, &mut |destination: &Arc<RuleDestination>| {
            confirmed =
                destination.status == RuleDestinationStatus::Enabled && destination.covers(url);
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
            if is_json(one) {
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
        match &self.target.batch {
            Some(batch) => Appetite::batched(batch, AT_ONCE),
            None => Appetite::of(32),
        }
    }

    async fn perform(&mut self, tasks: &[Arc<Task>]) -> Vec<Outcome> {
        let mut outcomes = Outcome::Refused("not an HTTP request".to_owned()).for_all(tasks);
        let mut under_way = JoinSet::new();
        let mut settle = |(tasks, outcome): (Vec<usize>, Outcome)| {
            tasks.into_iter().for_each(|task| outcomes[task] = outcome.clone());
        };
        for request in self.requests(tasks) {
            if !self.is_confirmed(&request.url) {
                let place = request.url.split(['?', '#']).next().unwrap_or_default();
                let why = format!("no destination of rules that is enabled covers {place}");
                settle((request.tasks, Outcome::Away(why)));
                continue;
            }
            if under_way.len() >= AT_ONCE
                && let Some(Ok(done)) = under_way.join_next().await
            {
                settle(done);
            }
            let (web, body) = (self.web.clone(), request.body(self.target.batch.is_some()));
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

fn is_json(body: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok()
}
