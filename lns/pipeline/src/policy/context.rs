//! What is known of a connection.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// What is known of who asks, for variables and conditions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// The client identifier.
    pub client_id: Option<String>,
    /// Where it connects from.
    pub source: Option<IpAddr>,
    /// The name under which it reached the server (TLS server name indication).
    pub domain: Option<String>,
    /// Its thing: the one it is called after, when its principal is attached to it.
    pub thing: Option<Thing>,
    /// What its certificate says, by the variable's name without `iot:Certificate.`, as
    /// `Subject.CommonName`: each value, in the certificate's order.
    pub certificate: BTreeMap<String, Vec<String>>,
    /// What it asks for as it connects. `None`: it is not connecting.
    pub connect: Option<Connect>,
    /// The topic of a message that it sends to one client. `None`: it sends none.
    pub topic: Option<String>,
}

/// A thing, as policies see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Thing {
    /// Its name.
    pub name: String,
    /// The name of its type.
    pub type_name: Option<String>,
    /// Its attributes.
    pub attributes: BTreeMap<String, String>,
}

/// What a client asks for in CONNECT.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connect {
    /// A session that outlives the connection.
    pub persistent: bool,
    /// The topic of its last will.
    pub will_topic: Option<String>,
}
