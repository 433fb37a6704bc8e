//! The listener: opening it, saying so, and serving until told to stop.

use std::future::Future;
use std::io;
use std::net::SocketAddr;

use axum::Router;
use tokio::net::TcpListener;

/// The address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot listen for HTTP on {address}: {source}; stop the program that has the port, or choose another address with --http"
)]
pub struct BindError {
    /// The address.
    pub address: SocketAddr,
    /// What the system said.
    pub source: io::Error,
}

/// Opens the listener.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|source| BindError { address, source })
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

/// Serves until `shutdown` completes, then lets requests under way come to their end.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    axum::serve(listener, router).with_graceful_shutdown(shutdown).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_in_use_is_one_clear_line() {
        let first = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let address = first.local_addr().unwrap();
        let error = bind(address).await.unwrap_err().to_string();
        assert!(error.contains(&address.to_string()) && error.contains("--http"), "{error}");
        assert!(!error.contains('\n'));
    }

    #[test]
    fn an_open_door_is_a_warning() {
        assert!(!greeting(SocketAddr::from(([127, 0, 0, 1], 8080))).1);
        assert!(greeting(SocketAddr::from(([0, 0, 0, 0], 8080))).1);
    }
}
