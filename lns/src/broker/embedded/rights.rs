//! Who may do what on the embedded broker by its passwords alone: bridges, and applications. The table is in
//! `docs/MQTT.md`.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use lns_broker::{Access, Connect, ReasonCode};
use subtle::ConstantTimeEq;

use super::gate::{Admitted, Caller};
use crate::broker::filter;

/// The topics of the server and its bridges.
const OURS: &str = "lns";
/// What only the server says, but for the requests of applications.
const SERVER: &str = "lorawan";
const REQUESTS: &str = "lorawan/+/down";
/// What bridges say.
const BRIDGE_SAYS: [&str; 4] = [
    "lns/v1/gateway/+/up",
    "lns/v1/gateway/+/ack",
    "lns/v1/gateway/+/stat",
    "lns/v1/bridge/+/state",
];

/// Reserved topics that applications may publish to.
const OPEN: [&str; 2] = ["$aws/things/", "$aws/rules/"];

/// A user name and a password.
#[derive(Clone)]
pub struct Credentials {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({}, …)", self.username)
    }
}

impl Credentials {
    fn has_password(&self, password: &[u8]) -> bool {
        self.password.as_bytes().ct_eq(password).into()
    }
}

/// What a client is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A gateway bridge.
    Bridge,
    /// An application.
    Application,
    /// Either: on loopback, while bridges have no password.
    Both,
}

/// The rules of one listener.
#[derive(Clone, Debug)]
pub(super) struct Rights {
    pub loopback: bool,
    pub bridge: Option<Credentials>,
    pub application: Option<Credentials>,
}

impl Rights {
    /// The rules for a broker that listens on `address`.
    pub fn new(
        address: SocketAddr,
        bridge: Option<Credentials>,
        application: Option<Credentials>,
    ) -> Self {
        Self { loopback: address.ip().to_canonical().is_loopback(), bridge, application }
    }

    /// Whether nobody at all could be told from anybody.
    pub fn open_to_the_world(&self) -> bool {
        !self.loopback && self.bridge.is_none() && self.application.is_none()
    }

    /// The role of a client that shows these; `None`: it may not connect.
    pub fn admit_as(&self, username: Option<&str>, password: Option<&[u8]>) -> Option<Role> {
        let named = |who: &&Credentials| username == Some(who.username.as_str());
        let known = self.bridge.iter().chain(&self.application).find(named);
        let admitted = match known {
            Some(known) => password.is_some_and(|password| known.has_password(password)),
            None => self.loopback && self.application.is_none(),
        };
        admitted.then(|| self.role(username))
    }

    /// The role of a client that has been admitted under this name.
    pub fn role(&self, username: Option<&str>) -> Role {
        match &self.bridge {
            Some(bridge) if username == Some(bridge.username.as_str()) => Role::Bridge,
            Some(_) => Role::Application,
            None if self.loopback => Role::Both,
            None => Role::Application,
        }
    }
}

impl Role {
    /// Whether it may publish there, by itself or by its last will.
    pub fn may_publish(self, topic: &str) -> bool {
        if topic.is_empty() || topic.contains(['+', '#']) {
            return false;
        }
        if topic.starts_with('$') {
            // Shadows and basic ingest; the rest the broker keeps for itself.
            return self != Self::Bridge && OPEN.iter().any(|open| topic.starts_with(open));
        }
        let as_bridge = || BRIDGE_SAYS.iter().any(|says| filter::covers(says, topic));
        let as_application = || {
            filter::covers(REQUESTS, topic) || !(is_under(OURS, topic) || is_under(SERVER, topic))
        };
        self.either(as_bridge, as_application)
    }

    /// Whether it may subscribe to this. What a wildcard covers beyond its rights is withheld at
    /// delivery.
    pub fn may_subscribe(self, filter: &str) -> bool {
        self.either(|| is_under(OURS, filter), || !is_under(OURS, filter))
    }

    /// Whether a message of this topic may be delivered to it.
    pub fn may_receive(self, topic: &str) -> bool {
        self.may_subscribe(topic)
    }

    fn either(self, bridge: impl Fn() -> bool, application: impl Fn() -> bool) -> bool {
        match self {
            Self::Bridge => bridge(),
            Self::Application => application(),
            Self::Both => bridge() || application(),
        }
    }
}

impl Access for Role {
    fn connect(&self, _: &Connect) -> Result<(), ReasonCode> {
        Ok(())
    }

    fn publish(&self, topic: &str) -> bool {
        self.may_publish(topic)
    }

    fn retain(&self, _: &str) -> bool {
        true
    }

    fn subscribe(&self, filter: &str) -> bool {
        self.may_subscribe(filter)
    }

    fn receive(&self, topic: &str) -> bool {
        self.may_receive(topic)
    }

    fn receives_all(&self) -> bool {
        *self == Self::Both
    }
}

impl Rights {
    /// Who the client is by these passwords.
    pub fn admit(&self, caller: &Caller) -> Result<Admitted, ReasonCode> {
        // Who comes over another door of ours, TLS or WebSocket, may come from anywhere.
        let here = Self {
            loopback: self.loopback && caller.address.ip().to_canonical().is_loopback(),
            ..self.clone()
        };
        let (username, password) = (caller.username.as_deref(), caller.password.as_deref());
        let role = here.admit_as(username, password).ok_or(ReasonCode::BadUserNameOrPassword)?;
        // A name without a password of ours behind it is nobody's.
        let principal = username.filter(|name| self.knows(name)).map(Into::into);
        Ok(Admitted { principal, thing: None, access: Arc::new(role) })
    }

    /// What the client of a kept session may do; `None`: nobody has its name any more.
    pub fn access(&self, principal: Option<&str>) -> Option<Arc<dyn Access>> {
        let is_somebody = principal.is_some_and(|name| self.knows(name));
        let is_nobody = principal.is_none() && self.loopback && self.application.is_none();
        (is_somebody || is_nobody).then(|| Arc::new(self.role(principal)) as _)
    }

    fn knows(&self, name: &str) -> bool {
        self.bridge.iter().chain(&self.application).any(|who| who.username == name)
    }
}

/// Whether `topic` is `root` or below it.
fn is_under(root: &str, topic: &str) -> bool {
    topic.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(username: &str, password: &str) -> Option<Credentials> {
        Some(Credentials { username: username.into(), password: password.into() })
    }

    fn access(address: &str, bridge: bool, application: bool) -> Rights {
        let bridge = bridge.then(|| credentials("bridge", "b-secret")).flatten();
        let application = application.then(|| credentials("app", "a-secret")).flatten();
        Rights::new(address.parse().unwrap(), bridge, application)
    }

    #[test]
    fn who_may_connect_depends_on_where_we_listen_and_on_the_passwords_set() {
        let nobody: (Option<&str>, Option<&str>) = (None, None);
        let bridge = (Some("bridge"), Some("b-secret"));
        let app = (Some("app"), Some("a-secret"));
        let stranger = (Some("eve"), Some("x"));
        let (yes_b, yes_a, both) = (Some(Role::Bridge), Some(Role::Application), Some(Role::Both));
        for (address, has_bridge, has_app, client, expected) in [
            ("127.0.0.1:1883", false, false, nobody, both),
            ("[::1]:1883", false, false, nobody, both),
            ("127.0.0.1:1883", false, false, stranger, both),
            ("127.0.0.1:1883", true, false, nobody, yes_a),
            ("127.0.0.1:1883", true, false, bridge, yes_b),
            ("127.0.0.1:1883", true, false, (Some("bridge"), Some("wrong")), None),
            ("127.0.0.1:1883", true, false, (Some("bridge"), None), None),
            ("127.0.0.1:1883", true, true, nobody, None),
            ("127.0.0.1:1883", true, true, app, yes_a),
            ("127.0.0.1:1883", false, true, app, both),
            ("0.0.0.0:1883", true, true, nobody, None),
            ("0.0.0.0:1883", true, true, stranger, None),
            ("0.0.0.0:1883", true, true, bridge, yes_b),
            ("0.0.0.0:1883", true, true, app, yes_a),
            ("0.0.0.0:1883", false, true, app, yes_a),
            ("[::]:1883", true, false, nobody, None),
        ] {
            let access = access(address, has_bridge, has_app);
            let admitted = access.admit_as(client.0, client.1.map(str::as_bytes));
            assert_eq!(admitted, expected, "{address} {has_bridge} {has_app} {client:?}");
        }
        assert!(access("0.0.0.0:1883", false, false).open_to_the_world());
        assert!(!access("0.0.0.0:1883", true, false).open_to_the_world());
        assert!(!access("127.0.0.1:1883", false, false).open_to_the_world());
    }

    #[test]
    fn nobody_speaks_for_the_server_and_only_bridges_for_gateways() {
        for (topic, bridge, application, both) in [
            ("lorawan/0102030405060708/down", false, true, true),
            ("lorawan/0102030405060708/up", false, false, false),
            ("lorawan/gateways/0102030405060708/stat", false, false, false),
            ("lorawan", false, false, false),
            ("lorawans", false, true, true),
            ("home/kitchen", false, true, true),
            ("lns/v1/gateway/0102030405060708/up", true, false, true),
            ("lns/v1/gateway/0102030405060708/down", false, false, false),
            ("lns/v1/bridge/attic/state", true, false, true),
            ("lns/v2/anything", false, false, false),
            ("$SYS/x", false, false, false),
            ("$aws/things/a/shadow/get", false, true, true),
            ("$aws/events/presence/connected/a", false, false, false),
            ("lorawan/+/down", false, false, false),
            ("", false, false, false),
        ] {
            assert_eq!(Role::Bridge.may_publish(topic), bridge, "bridge {topic}");
            assert_eq!(Role::Application.may_publish(topic), application, "application {topic}");
            assert_eq!(Role::Both.may_publish(topic), both, "both {topic}");
        }
    }

    #[test]
    fn the_bridges_traffic_is_delivered_to_bridges_only() {
        assert!(Role::Application.may_subscribe("#"));
        assert!(Role::Application.may_subscribe("lorawan/#"));
        assert!(!Role::Application.may_subscribe("lns/v1/gateway/+/up"));
        assert!(!Role::Application.may_receive("lns/v1/gateway/0102030405060708/down"));
        assert!(Role::Bridge.may_subscribe("lns/v1/gateway/+/down"));
        assert!(!Role::Bridge.may_subscribe("#"));
        assert!(!Role::Bridge.may_receive("lorawan/0102030405060708/up"));
        assert!(Role::Both.may_receive("lns/v1/gateway/0102030405060708/down"));
    }

    #[test]
    fn a_password_is_not_printed() {
        assert_eq!(format!("{:?}", credentials("app", "secret").unwrap()), "Credentials(app, …)");
    }
}
