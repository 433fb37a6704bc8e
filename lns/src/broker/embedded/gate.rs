//! Who a client is: the question that the broker asks of whoever knows the users.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use lns_broker::{Access, ReasonCode};

use super::rights::Rights;

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
    /// By which name it has called the server (SNI); without TLS by none.
    pub server_name: Option<String>,
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
    /// Who the client is, or with which reason it is turned away; `Ok(None)`: nobody that it knows, so
    /// that the passwords of the configuration decide. May take its time: it is asked on a thread that
    /// may block.
    fn admit(&self, caller: &Caller) -> Result<Option<Admitted>, ReasonCode>;

    /// The client that nobody knew is turned away.
    fn turned_away(&self, caller: &Caller);

    /// What the client of a kept session may do, who is not there; `None`: nobody that it knows.
    /// Asked at start.
    fn access(&self, client_id: &str, principal: &str) -> Option<Arc<dyn Access>>;
}

/// The gate and, behind it, the passwords of the configuration.
pub(super) struct Porter {
    pub gate: Option<Arc<dyn Gate>>,
    pub rights: Rights,
}

impl Porter {
    /// Who the client is, or with which reason it is turned away.
    pub fn admit(&self, caller: &Caller) -> Result<Admitted, ReasonCode> {
        if let Some(gate) = &self.gate
            && let Some(admitted) = gate.admit(caller)?
        {
            return Ok(admitted);
        }
        let admitted = self.rights.admit(caller);
        if let (Err(_), Some(gate)) = (&admitted, &self.gate) {
            gate.turned_away(caller);
        }
        admitted
    }

    /// What the client of a kept session may do, who is not there.
    pub fn access(&self, client_id: &str, principal: Option<&str>) -> Option<Arc<dyn Access>> {
        let known = |gate: &Arc<dyn Gate>| gate.access(client_id, principal?);
        self.gate.as_ref().and_then(known).or_else(|| self.rights.access(principal))
    }
}
