//! HTTP requests: one client with kept connections, bounded in time and in what it reads, which
//! follows no redirection and connects only to hosts that it may.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::super::client::Outcome;
use super::hosts::{Hosts, admit_address};

/// How long a request may take, with its answer; AWS's limit for the HTTP action.
pub const TIMEOUT: Duration = Duration::from_secs(3);

/// How much of an answer is read: enough for the reason in it.
const ANSWER: usize = 16 * 1024;

/// How much of an answer is shown as the reason.
const REASON: usize = 300;

/// How long a kept connection may be idle.
const IDLE: Duration = Duration::from_secs(30);

/// The way to HTTP endpoints; clones share connections.
#[derive(Clone)]
pub struct Web {
    client: Client<HttpsConnector<HttpConnector<Guarded>>, Full<Bytes>>,
    hosts: Hosts,
}

/// Why there was no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebError {
    /// The address is none, or not one to connect to.
    #[error("{0}")]
    Unfit(String),
    /// Nobody is there, or the connection broke.
    #[error("{0}")]
    Away(String),
    /// No answer in time.
    #[error("no answer within {TIMEOUT:?}")]
    Late,
}

impl Web {
    /// A way to the hosts of a list.
    ///
    /// Trusts the certificates that the system trusts.
    pub fn new(hosts: Hosts) -> io::Result<Self> {
        let mut connector = HttpConnector::new_with_resolver(Guarded(GaiResolver::new()));
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(TIMEOUT));
        connector.set_nodelay(true);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let trusted = rustls_native_certs::load_native_certs().certs;
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(trusted);
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(connector);
        Ok(Self { client, hosts })
    }

    /// To which hosts.
    pub fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    /// POSTs a body; answers the status and the beginning of the answer.
    pub async fn post(
        &self,
        url: &str,
        headers: &[(String, String)],
        body: Bytes,
    ) -> Result<(StatusCode, String), WebError> {
        let parsed = url::Url::parse(url)
            .map_err(|error| WebError::Unfit(format!("{:?} is no URL: {error}", place(url))))?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(WebError::Unfit(format!("{:?} is neither http nor https", place(url))));
        }
        let host = parsed.host_str().unwrap_or_default();
        self.hosts.admit(host).map_err(WebError::Unfit)?;
        let mut request = Request::post(parsed.as_str());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request
            .body(Full::new(body))
            .map_err(|error| WebError::Unfit(format!("the request to {}: {error}", place(url))))?;
        tokio::time::timeout(TIMEOUT, self.answer(request)).await.map_err(|_| WebError::Late)?
    }

    async fn answer(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, String), WebError> {
        let response =
            self.client.request(request).await.map_err(|error| WebError::Away(chain(&error)))?;
        let status = response.status();
        // An answer that is too long is an answer.
        let body = Limited::new(response.into_body(), ANSWER).collect().await;
        let body = body.map(|body| body.to_bytes()).unwrap_or_default();
        let text = String::from_utf8_lossy(&body);
        Ok((status, text.chars().take(REASON).collect()))
    }
}

/// What an answer means for what was sent.
pub fn outcome(answer: Result<(StatusCode, String), WebError>) -> Outcome {
    let (status, text) = match answer {
        Ok(answer) => answer,
        Err(WebError::Unfit(why)) => return Outcome::Refused(why),
        Err(WebError::Away(why)) => return Outcome::Away(why),
        Err(late @ WebError::Late) => return Outcome::Retry(late.to_string()),
    };
    let why = || {
        format!("the endpoint answered {status}: {text}").trim_end_matches([':', ' ']).to_owned()
    };
    match status.as_u16() {
        200..=299 => Outcome::Done,
        // Too many requests, or the endpoint behind the door is not there: nobody's fault.
        429 | 502..=504 => Outcome::Away(why()),
        408 | 425 | 500..=599 => Outcome::Retry(why()),
        _ => Outcome::Refused(why()),
    }
}

/// A URL without what follows its path, which may hold a secret.
fn place(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

/// An error with its causes: the first alone says "client error".
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// Resolves names, and drops addresses that may not be connected to: a name may lead anywhere, and
/// elsewhere the next time.
#[derive(Clone)]
struct Guarded(GaiResolver);

impl tower::Service<Name> for Guarded {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        tower::Service::poll_ready(&mut self.0, context)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let asked = name.to_string();
        let found = tower::Service::call(&mut self.0, name);
        Box::pin(async move {
            let all: Vec<SocketAddr> = found.await?.collect();
            let admitted: Vec<SocketAddr> =
                all.iter().filter(|found| admit(found.ip())).copied().collect();
            if admitted.is_empty() && !all.is_empty() {
                let why =
                    format!("{asked} leads to {}, where actions may not connect", all[0].ip());
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
            }
            Ok(admitted.into_iter())
        })
    }
}

fn admit(address: IpAddr) -> bool {
    admit_address(address).is_ok()
}
