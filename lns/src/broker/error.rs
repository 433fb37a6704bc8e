//! Why a broker could not be had.

use std::net::SocketAddr;

/// Why a broker could not be had. Each prints as one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// Somebody else listens there.
    #[error(
        "cannot listen for MQTT on {address}: the port is in use. Stop the other broker (often \
         mosquitto: `systemctl stop mosquitto`), choose another with --mqtt ADDR:PORT, or use that \
         broker with --broker-url mqtt://{address}"
    )]
    PortInUse {
        /// Where.
        address: SocketAddr,
    },
    /// The system does not let us listen there.
    #[error("cannot listen for MQTT on {address}: {reason}. Choose another with --mqtt ADDR:PORT")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// What it said.
        reason: String,
    },
    /// The system does not let us listen for TLS there.
    #[error(
        "cannot listen for MQTT over TLS on {address}: {reason}. Choose another with mqtt.tls_listen"
    )]
    BindTls {
        /// Where.
        address: SocketAddr,
        /// What it said.
        reason: String,
    },
    /// Nobody could connect.
    #[error(
        "cannot listen for MQTT on {address} without a password: others could read and command the \
         devices. Set mqtt.bridge_password to let bridges in, use another broker with --broker-url, \
         or listen on 127.0.0.1"
    )]
    OpenToTheWorld {
        /// Where.
        address: SocketAddr,
    },
    /// Nobody may be anonymous, and nobody has a password.
    #[error(
        "nobody could connect to the MQTT broker: mqtt.anonymous is \"none\", and there are neither \
         passwords nor users. Set mqtt.bridge_password, or mqtt.anonymous = \"loopback\""
    )]
    NobodyCanConnect,
    /// The system gave us no thread or no I/O driver.
    #[error("cannot start the MQTT threads: {0}. Check the limits on threads and open files")]
    Runtime(std::io::Error),
    /// The sessions of the last run cannot be read.
    #[error("cannot read MQTT's sessions back: {reason}. Restore the store from a backup")]
    Restore {
        /// Why.
        reason: String,
    },
    /// TLS cannot be spoken.
    #[error("cannot listen for MQTT over TLS: {0}")]
    Tls(#[from] crate::tls::TlsError),
    /// TLS to an external broker cannot be spoken.
    #[error("cannot speak TLS to the MQTT broker: {0}")]
    ClientTls(#[source] crate::tls::TlsError),
    /// The URL of an external broker cannot be read.
    #[error(
        "cannot use {url} as a broker: {reason}. Write mqtt://user:password@host:1883, or mqtts:// for \
         TLS (user, password and port are optional)"
    )]
    Url {
        /// As given, without its password.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
}
