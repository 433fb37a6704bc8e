//! http: POST to a URL. AWS's page "HTTP".

use serde::{Deserialize, Serialize};

use super::{ActionError, bad, check_url};

/// POST to a URL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Http<T> {
    /// Where to. Its host is constant.
    pub url: T,
    /// The beginning of URLs that a destination has confirmed. Without it, the URL itself is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmation_url: Option<String>,
    /// Headers, in order.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<Header<T>>,
    /// Only signatures of AWS's own are known, so that it must be absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<serde_json::Value>,
    /// Whether several messages may go in one request.
    #[serde(default)]
    pub enable_batching: bool,
    /// How many, and how long they wait for each other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_config: Option<BatchConfig>,
}

/// A header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header<T> {
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: T,
}

/// When a batch is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct BatchConfig {
    /// How long the first message waits, in milliseconds.
    pub max_batch_open_ms: u32,
    /// How many messages.
    pub max_batch_size: u32,
    /// How many bytes.
    pub max_batch_size_bytes: u32,
    /// Whether messages of several topics may go together.
    pub batch_across_topics: bool,
}

impl Default for BatchConfig {
    /// AWS's.
    fn default() -> Self {
        Self {
            max_batch_open_ms: 20,
            max_batch_size: 10,
            max_batch_size_bytes: 5120,
            batch_across_topics: false,
        }
    }
}

impl<T> Http<T> {
    pub(super) fn try_map<U, E>(
        &self,
        of: &mut impl FnMut(&T) -> Result<U, E>,
    ) -> Result<Http<U>, E> {
        let url = of(&self.url)?;
        let headers = self
            .headers
            .iter()
            .map(|header| Ok(Header { key: header.key.clone(), value: of(&header.value)? }));
        Ok(Http {
            url,
            confirmation_url: self.confirmation_url.clone(),
            headers: headers.collect::<Result<_, E>>()?,
            auth: self.auth.clone(),
            enable_batching: self.enable_batching,
            batch_config: self.batch_config,
        })
    }
}

impl Http<String> {
    pub(super) fn check(&self) -> Result<(), ActionError> {
        const KIND: &str = "http";
        check_url(KIND, "url", &self.url)?;
        if let Some(url) = &self.confirmation_url {
            check_url(KIND, "confirmationUrl", url)?;
            // A template in either is filled in only with a message.
            let (ours, above) = (constant_part(&self.url), constant_part(url));
            if !ours.starts_with(above) && !above.starts_with(ours) {
                let why = format!("{url:?} is not the beginning of url");
                return Err(bad(KIND, "confirmationUrl", why));
            }
        }
        if self.auth.is_some() {
            let why = "signs requests for services of AWS; put a token into headers";
            return Err(bad(KIND, "auth", why));
        }
        if self.headers.len() > 100 {
            return Err(bad(KIND, "headers", "are 100 at most"));
        }
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        for Header { key, .. } in &self.headers {
            if key.is_empty() || key.len() > 256 || !key.bytes().all(token) {
                return Err(bad(KIND, "headers", format!("{key:?} is no name of a header")));
            }
        }
        self.batch_config.map_or(Ok(()), BatchConfig::check)
    }
}

/// What stands before the first expression of a template.
fn constant_part(text: &str) -> &str {
    text.split("${").next().unwrap_or_default()
}

impl BatchConfig {
    fn check(self) -> Result<(), ActionError> {
        for (member, value, range) in [
            ("batchConfig.maxBatchOpenMs", self.max_batch_open_ms, 5..=200),
            ("batchConfig.maxBatchSize", self.max_batch_size, 2..=10),
            ("batchConfig.maxBatchSizeBytes", self.max_batch_size_bytes, 100..=131_072),
        ] {
            if !range.contains(&value) {
                let why = format!("is {value}; it goes from {} to {}", range.start(), range.end());
                return Err(bad("http", member, why));
            }
        }
        Ok(())
    }
}
