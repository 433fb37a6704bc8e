//! The listener: opening it, saying so, and serving until told to stop.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::accept::Door;
use crate::broker::{Ends, WebSocketDoor};
use crate::tls::{self, TlsPeer};

/// The address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen for HTTP on {address}: {reason}, or choose another address with {setting}")]
pub struct BindError {
    /// The address.
    pub address: SocketAddr,
    /// What the system said, and where that helps, what to do about it.
    pub reason: String,
    /// The flag or key that chooses the address.
    pub setting: &'static str,
}

/// Opens the listener at the address that `setting`, a flag or a key, has chosen.
pub async fn bind(address: SocketAddr, setting: &'static str) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|error| {
        let reason = match error.kind() {
            io::ErrorKind::AddrInUse => {
                "the port is in use; stop the program that has it".to_owned()
            }
            io::ErrorKind::AddrNotAvailable => {
                "this machine has no such address; take 0.0.0.0 or [::] for all of its own"
                    .to_owned()
            }
            _ => error.to_string(),
        };
        BindError { address, reason, setting }
    })
}

/// The line to say at start-up, and whether it is a warning.
pub fn greeting(address: SocketAddr) -> (String, bool) {
    let local = address.ip().is_loopback();
    let who = if local {
        "only programs on this machine can reach it"
    } else {
        "ANYBODY who can reach this address can change everything; keep it behind a firewall"
    };
    (format!("HTTP on http://{address}, without authentication: {who}"), !local)
}

/// The line to say at start-up for a port with TLS.
pub fn secure_greeting(address: SocketAddr) -> String {
    format!(
        "HTTPS on https://{address}: applications and devices by certificate, password or token; \
         everything else for programs on this machine only"
    )
}

/// Who is at the other end of a request's connection; an extension of each.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// Our address that it has come to, where the system tells.
    pub entrance: Option<SocketAddr>,
    /// What its TLS has told; `None`: it speaks in the clear.
    pub tls: Option<Arc<TlsPeer>>,
}

/// A port, and how it is spoken to.
pub struct Port {
    /// The port.
    pub listener: TcpListener,
    /// With TLS, or in the clear.
    pub tls: Option<Secure>,
}

/// In the clear.
impl From<TcpListener> for Port {
    fn from(listener: TcpListener) -> Self {
        Self { listener, tls: None }
    }
}

/// What speaks TLS.
#[derive(Clone)]
pub struct Secure {
    /// Shakes hands.
    pub acceptor: TlsAcceptor,
    /// Who serves clients that have asked for MQTT in their handshake.
    pub mqtt: Option<WebSocketDoor>,
}

/// How many connections a port holds at once; more wait in the system's queue.
const MAX_CONNECTIONS: usize = 1024;

/// How long a request's head may take to arrive, and a connection to be of no use.
const HEAD_TIME: Duration = Duration::from_secs(60);

/// How long a TLS handshake may take.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// How long requests under way have when the server stops; each has its own bounds below this.
const LAST_CALL: Duration = Duration::from_secs(10);

/// Serves until `shutdown` completes, then lets requests under way come to their end.
///
/// HTTP/1.1 only. A connection that says nothing is closed, so that idle ones do not keep others
/// out.
pub async fn serve(port: impl Into<Port>, router: Router, shutdown: impl Future<Output = ()>) {
    let Port { listener, tls } = port.into();
    let mut door = Door::new(listener, "HTTP");
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let (stop, stopping) = watch::channel(());
    let mut shutdown = pin!(shutdown);
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await.expect("it is never closed");
            (door.accept().await, place)
        };
        let ((stream, address), place) = tokio::select! {
            next = next => next,
            () = &mut shutdown => break,
        };
        let entrance = stream.local_addr().ok();
        let talk =
            Talk { address, entrance, router: router.clone(), stopping: stopping.clone(), place };
        match tls.clone() {
            None => tokio::spawn(talk.http(stream, None)),
            Some(secure) => tokio::spawn(talk.secure(stream, secure)),
        };
    }
    drop(door);
    drop(stop);
    drop(stopping);
    // All places are free when all connections have ended.
    let all = places.acquire_many(MAX_CONNECTIONS as u32);
    tokio::time::timeout(LAST_CALL, all).await.ok();
}

/// One connection, in its place.
struct Talk {
    address: SocketAddr,
    entrance: Option<SocketAddr>,
    router: Router,
    stopping: watch::Receiver<()>,
    place: OwnedSemaphorePermit,
}

impl Talk {
    /// Shakes hands, and goes on in the protocol that the client has asked for.
    async fn secure(self, stream: TcpStream, secure: Secure) {
        let mut stopping = self.stopping.clone();
        let stream = tokio::select! {
            stream = timeout(HANDSHAKE_TIME, shake(stream, &secure.acceptor)) => stream,
            _ = stopping.changed() => return,
        };
        // Who takes too long, or fails, is told by TLS what was wrong, if anybody.
        let Ok(Some(stream)) = stream else { return };
        let connection = stream.get_ref().1;
        let peer = TlsPeer::of(connection);
        let wants_mqtt = connection.alpn_protocol().is_some_and(|name| tls::MQTT.contains(&name));
        match secure.mqtt.filter(|_| wants_mqtt) {
            Some(mqtt) => {
                // It may stay for years, and the broker has places of its own.
                drop(self.place);
                let ends = Ends { client: self.address, server: self.entrance };
                mqtt.serve(stream, (ends, peer)).await;
            }
            None => self.http(stream, Some(Arc::new(peer))).await,
        }
    }

    async fn http(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        tls: Option<Arc<TlsPeer>>,
    ) {
        let Self { address, entrance, router, mut stopping, place } = self;
        let service = router.layer(axum::Extension(Peer { address, entrance, tls }));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIME)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
            .with_upgrades();
        let mut connection = pin!(connection);
        // Its end is the client's affair: it has gone, or spoke no HTTP.
        tokio::select! {
            _ = connection.as_mut() => {}
            _ = stopping.changed() => {
                connection.as_mut().graceful_shutdown();
                connection.await.ok();
            }
        }
        drop(place);
    }
}

/// What somebody is told who speaks HTTP in the clear to a port with TLS.
const NOT_IN_THE_CLEAR: &str = "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n\
    content-length: 70\r\nconnection: close\r\n\r\n\
    {\"message\":\"this port speaks TLS: write https:// in place of http://\"}";

/// `None`: the handshake has failed, or there was none.
async fn shake(mut stream: TcpStream, acceptor: &TlsAcceptor) -> Option<TlsStream<TcpStream>> {
    let mut first = [0];
    if stream.peek(&mut first).await.ok()? == 0 {
        return None;
    }
    if first[0].is_ascii_alphabetic() {
        stream.write_all(NOT_IN_THE_CLEAR.as_bytes()).await.ok()?;
        stream.shutdown().await.ok()?;
        // A connection that is closed with something unread is reset, and the answer lost.
        tokio::io::copy(&mut stream.take(UNHEARD), &mut tokio::io::sink()).await.ok();
        return None;
    }
    let shaken = acceptor.accept(stream).await;
    shaken
        .inspect_err(|error| tracing::debug!(%error, "a TLS handshake over HTTP's port failed"))
        .ok()
}

/// How much of a request is read that is not looked at.
const UNHEARD: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_in_use_is_one_clear_line() {
        let first = bind(SocketAddr::from(([127, 0, 0, 1], 0)), "--http").await.unwrap();
        let address = first.local_addr().unwrap();
        let error = anyhow::Error::from(bind(address, "--http").await.unwrap_err());
        let wanted = format!(
            "cannot listen for HTTP on {address}: the port is in use; stop the program that has it, \
             or choose another address with --http"
        );
        // With its causes, as the command line prints it: nothing is said twice.
        assert_eq!(format!("{error:#}"), wanted);
    }

    #[tokio::test]
    async fn a_request_under_way_is_answered_though_the_server_stops() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (begin, begun) = tokio::sync::oneshot::channel::<()>();
        let (finish, finished) = tokio::sync::oneshot::channel::<()>();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let both = Arc::new(tokio::sync::Mutex::new(Some((begin, finished))));
        let handler = move || async move {
            let (begin, finished) = both.lock().await.take().unwrap();
            begin.send(()).unwrap();
            finished.await.unwrap();
            "the end"
        };
        let router = Router::new().route("/", axum::routing::get(handler));
        let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0)), "--http").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(serve(listener, router, async {
            stopped.await.ok();
        }));
        let mut idle = tokio::net::TcpStream::connect(address).await.unwrap();
        let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        begun.await.unwrap();
        stop.send(()).unwrap();
        let mut nothing = Vec::new();
        idle.read_to_end(&mut nothing).await.ok();
        finish.send(()).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("the end"), "{answer}");
        server.await.unwrap();
    }

    #[test]
    fn an_open_door_is_a_warning() {
        assert!(!greeting(SocketAddr::from(([127, 0, 0, 1], 8080))).1);
        assert!(greeting(SocketAddr::from(([0, 0, 0, 0], 8080))).1);
    }
}
