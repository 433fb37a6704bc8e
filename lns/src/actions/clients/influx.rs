//! InfluxDB: points in line protocol, several a request.

use std::sync::Arc;

use async_trait::async_trait;

use super::super::client::{Appetite, Client, Outcome};
use super::super::deed::{Deed, InfluxApi, InfluxTarget};
use super::super::task::Task;
use super::web::{self, Web};

/// Points of one request; InfluxData's advice for batches is 5,000 lines.
const POINTS: usize = 5_000;

pub(super) struct Influx {
    web: Web,
    url: String,
    headers: Vec<(String, String)>,
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
        Self { web, url: url_of(&target), headers }
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
        Appetite::of(POINTS)
    }

    async fn perform(&mut self, tasks: &[Arc<Task>]) -> Vec<Outcome> {
        let line = |task: &Arc<Task>| match &task.deed {
            Deed::Influx { line } => format!("{line}\n"),
            _ => String::new(),
        };
        let outcome = self.write(tasks.iter().map(line).collect()).await;
        if !matches!(outcome, Outcome::Refused(_)) || tasks.len() == 1 {
            return outcome.for_all(tasks);
        }
        // One bad point spoils the batch; writing a point twice changes nothing.
        let mut outcomes = Vec::new();
        for task in tasks {
            outcomes.push(self.write(line(task)).await);
        }
        outcomes
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
