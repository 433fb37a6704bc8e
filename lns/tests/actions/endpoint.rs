//! An HTTP endpoint that remembers what it was sent, and answers as it is told.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use parking_lot::Mutex;

/// A request: its path with the query, its headers, its body.
pub type Got = (String, HeaderMap, String);

#[derive(Clone)]
pub struct Endpoint {
    pub address: SocketAddr,
    inner: Arc<Inner>,
}

/// What an endpoint answers to a path and a body, and after which time.
type Mood = dyn Fn(&str, &str) -> (StatusCode, Duration) + Send + Sync;

struct Inner {
    got: Mutex<Vec<Got>>,
    /// What it answers to a request: its path and body.
    answer: Box<Mood>,
    runtime: Mutex<Option<tokio::runtime::Runtime>>,
}

impl Endpoint {
    /// One that takes everything.
    pub fn start() -> Self {
        Self::answering(|_, _| (StatusCode::OK, Duration::ZERO))
    }

    pub fn answering(
        answer: impl Fn(&str, &str) -> (StatusCode, Duration) + Send + Sync + 'static,
    ) -> Self {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        Self::at(listener, answer)
    }

    pub fn at(
        listener: std::net::TcpListener,
        answer: impl Fn(&str, &str) -> (StatusCode, Duration) + Send + Sync + 'static,
    ) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let address = listener.local_addr().expect("it listens");
        listener.set_nonblocking(true).expect("a socket");
        let inner =
            Inner { got: Mutex::default(), answer: Box::new(answer), runtime: Mutex::new(None) };
        let endpoint = Self { address, inner: Arc::new(inner) };
        let router = axum::Router::new().fallback(take).with_state(endpoint.clone());
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
            axum::serve(listener, router).await
        });
        *endpoint.inner.runtime.lock() = Some(runtime);
        endpoint
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn got(&self) -> Vec<Got> {
        self.inner.got.lock().clone()
    }
}

async fn take(
    State(endpoint): State<Endpoint>,
    (method, uri, headers): (Method, Uri, HeaderMap),
    body: Bytes,
) -> (StatusCode, String) {
    assert_eq!(method, Method::POST);
    let body = String::from_utf8_lossy(&body).into_owned();
    let (status, wait) = (endpoint.inner.answer)(uri.path(), &body);
    endpoint.inner.got.lock().push((uri.to_string(), headers, body));
    tokio::time::sleep(wait).await;
    (status, format!("this is {status}"))
}
