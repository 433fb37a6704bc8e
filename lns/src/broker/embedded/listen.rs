//! The doors: connections in the clear and over TLS, as many as there is room for.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lns_broker::ConnectionId;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::connection::{self, CONNECT_TIME, Ends, Reception, Stream, Whence};
use super::gate::Transport;
use crate::accept::Door;
use crate::broker::BrokerError;
use crate::broker::status::Counters;
use crate::tls::TlsPeer;

/// After so long without a word the system asks whether the other end is still there, so that a client
/// without keep alive that has lost its power does not stay for ever.
const SILENCE: Duration = Duration::from_secs(120);

/// Lets clients in.
#[derive(Clone)]
pub(super) struct Hall {
    pub reception: Arc<Reception>,
    pub places: Arc<Semaphore>,
    pub numbers: Arc<AtomicU64>,
}

/// Opens the listener for connections in the clear.
pub(super) async fn bind(address: SocketAddr) -> Result<TcpListener, BrokerError> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => BrokerError::PortInUse { address },
        _ => BrokerError::Bind { address, reason: error.to_string() },
    })
}

/// Opens the listener for TLS.
pub(super) async fn bind_tls(address: SocketAddr) -> Result<TcpListener, BrokerError> {
    let unable =
        |error: std::io::Error| BrokerError::BindTls { address, reason: error.to_string() };
    TcpListener::bind(address).await.map_err(unable)
}

impl Hall {
    /// Takes connections from `listener` until the runtime ends.
    pub async fn accept(self, listener: TcpListener, tls: Option<TlsAcceptor>) {
        let mut door = Door::new(listener, "MQTT");
        loop {
            let (stream, address) = door.accept().await;
            let Some(place) = self.place(address) else { continue };
            let ends = Ends { client: address, server: stream.local_addr().ok() };
            let settings = SockRef::from(&stream);
            let _ = settings.set_tcp_nodelay(true);
            let _ = settings.set_tcp_keepalive(&TcpKeepalive::new().with_time(SILENCE));
            let (hall, tls) = (self.clone(), tls.clone());
            tokio::spawn(async move {
                match tls {
                    None => hall.serve(stream, of(ends, Transport::Tcp), place).await,
                    Some(tls) => hall.serve_tls(stream, &tls, ends, place).await,
                }
            });
        }
    }

    /// A place for a client; `None`: all are taken.
    pub fn place(&self, address: SocketAddr) -> Option<OwnedSemaphorePermit> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok();
        if place.is_none() {
            Counters::count(&self.reception.counters.refused);
            tracing::warn!(%address, "an MQTT client is turned away: there are too many connections");
        }
        place
    }

    async fn serve_tls(
        self,
        stream: TcpStream,
        tls: &TlsAcceptor,
        ends: Ends,
        place: OwnedSemaphorePermit,
    ) {
        let address = ends.client;
        let stream = match timeout(CONNECT_TIME, tls.accept(stream)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                Counters::count(&self.reception.counters.refused);
                return tracing::info!(%address, %error, "an MQTT client's TLS handshake failed");
            }
            Err(_) => return Counters::count(&self.reception.counters.refused),
        };
        let shown = TlsPeer::of(stream.get_ref().1);
        let whence = Whence { ends, transport: Transport::Tls, shown };
        self.serve(stream, whence, place).await;
    }

    /// Serves one client in its place until it has gone.
    pub async fn serve(self, stream: impl Stream, whence: Whence, place: OwnedSemaphorePermit) {
        let id = ConnectionId(self.numbers.fetch_add(1, Ordering::Relaxed));
        connection::serve(self.reception, stream, id, whence).await;
        drop(place);
    }
}

fn of(ends: Ends, transport: Transport) -> Whence {
    Whence { ends, transport, shown: TlsPeer::default() }
}
