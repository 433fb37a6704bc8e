//! Who a client is: the question that the broker asks of whoever knows the users.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use lns_broker::{Access, ReasonCode};

/// By which way a client has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// MQTT in the clear.
    Tcp,
    /// MQTT over TLS.
    Tls,
    /// WebSocket in the clear.
    WebSocket,
    /// WebSocket over TLS.
    SecureWebSocket,
}

/// What a client shows of itself.
#[derive(Clone)]
pub struct Caller {
    /// Its client identifier; chosen by the broker where it gave none.
    pub client_id: Arc<str>,
    /// The user name.
    pub username: Option<String>,
    /// The password, or a token.
    pub password: Option<Bytes>,
    /// Its certificates, its own first, as DER. That it has the key is proved; nothing else is.
    pub certificates: Vec<Vec<u8>>,
    /// From where.
    pub address: SocketAddr,
    /// By which way.
    pub transport: Transport,
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Caller({} from {} by {:?})", self.client_id, self.address, self.transport)
    }
}

/// A client that has proved who it is.
pub struct Admitted {
    /// As whom; `None`: as nobody.
    pub principal: Option<Arc<str>>,
    /// The thing that belongs to the principal.
    pub thing: Option<Arc<str>>,
    /// What it may do.
    pub access: Arc<dyn Access>,
}

/// Who knows the clients.
pub trait Gate: Send + Sync {
    /// Who the client is, or with which reason it is turned away. May take its time: it is asked on a
    /// thread that may block.
    fn admit(&self, caller: &Caller) -> Result<Admitted, ReasonCode>;

    /// What the client of a kept session may do, who is not there; `None`: its principal is gone.
    /// Asked at start.
    fn access(
        &self,
        client_id: &str,
        principal: Option<&str>,
        thing: Option<&str>,
    ) -> Option<Arc<dyn Access>>;
}
