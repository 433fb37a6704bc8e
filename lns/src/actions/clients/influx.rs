//! InfluxDB: points in line protocol, several a request.

use std::sync::Arc;

use async_trait::async_trait;

use super::super::client::{Appetite, Client, Outcome};
use super::super::deed::{Batch, Deed, InfluxApi, InfluxTarget};
use super::super::task::Task;
use super::web::{self, Web};

/// Points of one request; InfluxData's advice for batches is 5,000 lines.
const POINTS: usize = 5_000;

/// Batches of a rule's own size that are gathered together, so that messages of one topic find each
/// other among those of others.
const BATCHES: usize = 8;

pub(super) struct Influx {
    web: Web,
    url: String,
    headers: Vec<(String, String)>,
    batch: Option<Batch>,
}

impl Influx {
    pub fn new(web: Web, target: InfluxTarget) -> Self {
        let mut headers = vec![("Content-Type".to_owned(), "text/plain; charset=utf-8".to_owned())];
        if !target.token.is_empty() {
            let token = target.token.expose();
            let value = match &target.api {
                InfluxApi::V1 { .. } => {
                    use base64::Engine as _;
                    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(token))
                }
                InfluxApi::V2 { .. } => format!("Token {token}"),
                InfluxApi::V3 { .. } => format!("Bearer {token}"),
            };
            headers.push(("Authorization".to_owned(), value));
        }
        Self { web, url: url_of(&target), headers, batch: target.batch }
    }

    async fn write(&self, lines: String) -> Outcome {
        web::outcome(self.web.post(&self.url, &self.headers, lines.into()).await)
    }
}

fn url_of(target: &InfluxTarget) -> String {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    let text = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    let base = target.url.trim_end_matches('/');
    match &target.api {
        // Version 1 calls microseconds "u".
        InfluxApi::V1 { database } => {
            let precision = if target.precision == "us" { "u" } else { target.precision };
            format!("{base}/write?db={}&precision={precision}", text(database))
        }
        InfluxApi::V2 { org, bucket } => {
            let precision = target.precision;
            format!(
                "{base}/api/v2/write?org={}&bucket={}&precision={precision}",
                text(org),
                text(bucket)
            )
        }
        InfluxApi::V3 { database } => {
            let precision = match target.precision {
                "s" => "second",
                "ms" => "millisecond",
                "us" => "microsecond",
                _ => "nanosecond",
            };
            format!("{base}/api/v3/write_lp?db={}&precision={precision}", text(database))
        }
    }
}

#[async_trait]
impl Client for Influx {
    fn appetite(&self) -> Appetite {
        match &self.batch {
            Some(batch) => Appetite::batched(batch, BATCHES),
            None => Appetite::of(POINTS),
        }
    }

    async fn perform(&mut self, tasks: &[Arc<Task>]) -> Vec<Outcome> {
        let mut outcomes = vec![Outcome::Done; tasks.len()];
        for batch in self.batches(tasks) {
            let together = self.write(batch.iter().map(|at| lines(&tasks[*at])).collect()).await;
            let is_alone = batch.len() == 1;
            for at in batch {
                // One bad point spoils the batch; writing a point twice changes nothing.
                outcomes[at] = match &together {
                    Outcome::Refused(_) if !is_alone => self.write(lines(&tasks[at])).await,
                    all => all.clone(),
                };
            }
        }
        outcomes
    }
}

impl Influx {
    /// The tasks of each request, in order.
    fn batches(&self, tasks: &[Arc<Task>]) -> Vec<Vec<usize>> {
        let Some(bounds) = self.batch else { return vec![(0..tasks.len()).collect()] };
        let mut open: Vec<(Vec<usize>, usize, usize)> = Vec::new();
        for (at, task) in tasks.iter().enumerate() {
            let text = lines(task);
            let (points, bytes) = (text.lines().count(), text.len());
            let fits = |(batch, has_points, has_bytes): &&mut (Vec<usize>, usize, usize)| {
                has_points + points <= bounds.messages
                    && has_bytes + bytes <= bounds.bytes
                    && (bounds.across_topics || tasks[batch[0]].source.topic == task.source.topic)
            };
            match open.iter_mut().find(fits) {
                Some((batch, has_points, has_bytes)) => {
                    batch.push(at);
                    *has_points += points;
                    *has_bytes += bytes;
                }
                None => open.push((vec![at], points, bytes)),
            }
        }
        open.into_iter().map(|(batch, ..)| batch).collect()
    }
}

/// A task's points, a line each.
fn lines(task: &Task) -> String {
    match &task.deed {
        Deed::Influx { line } => format!("{line}\n"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    #[test]
    fn each_version_has_its_door() {
        let target = |api, precision| InfluxTarget {
            url: "http://db:8086/".into(),
            api,
            token: Secret::default(),
            precision,
            batch: None,
        };
        let database = || "a b&c".to_owned();
        let v1 = target(InfluxApi::V1 { database: database() }, "us");
        assert_eq!(url_of(&v1), "http://db:8086/write?db=a%20b%26c&precision=u");
        let v2 = target(InfluxApi::V2 { org: "o".into(), bucket: database() }, "ns");
        let written = "http://db:8086/api/v2/write?org=o&bucket=a%20b%26c&precision=ns";
        assert_eq!(url_of(&v2), written);
        let v3 = target(InfluxApi::V3 { database: database() }, "ms");
        let written = "http://db:8086/api/v3/write_lp?db=a%20b%26c&precision=millisecond";
        assert_eq!(url_of(&v3), written);
    }
}
