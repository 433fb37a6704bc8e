//! Clients that say anything in any order. Whatever they do, what must never happen does not, and
//! when they are gone, nothing is left of them.

use std::collections::HashMap;
use std::num::NonZeroU16;
use std::sync::Arc;

use lns_broker::{
    Access, Ack, ClientPacket, Config, Connect, ConnectionId, Disconnect, DisconnectClient, Input,
    Key, Message, Properties, Publish, Qos, ReasonCode, RetainHandling, ServerPacket, Subscribe,
    SubscriptionOptions, Unsubscribe, Version, Will,
};
use proptest::prelude::*;

use crate::lab::*;

/// What is done, to which client, and three numbers that say how.
type Deed = (u8, u8, u8, u8, u8);

const NAMES: [&str; 3] = ["a", "b", "c"];
const TOPICS: [&str; 8] =
    ["a", "a/b", "$aws/things/x", "$SYS/x", "", "a/+", "secret", "$aws/rules/r"];
const FILTERS: [&str; 10] = [
    "#",
    "a/#",
    "+",
    "a/+",
    "$share/g/a/#",
    "$share/g/+",
    "$aws/things/+",
    "secret",
    "bad#",
    "$share/g",
];

fn pick<'a>(from: &[&'a str], n: u8) -> &'a str {
    from[usize::from(n) % from.len()]
}

fn qos(n: u8) -> Qos {
    Qos::from_code(n % 3).expect("0, 1 or 2")
}

fn message(x: u8, y: u8, z: u8) -> Message {
    let mut message = Message::new(pick(&TOPICS, x), vec![b'x'; usize::from(z % 4) * 20], qos(y));
    message.retain = z.is_multiple_of(5);
    message.expiry = (y.is_multiple_of(7)).then_some(u32::from(z));
    if y.is_multiple_of(6) {
        let properties = Properties { user: vec![("n".into(), "v".into())], ..Default::default() };
        message.properties = Some(Box::new(properties));
    }
    message
}

fn connect(name: &str, x: u8, y: u8, z: u8) -> Connect {
    let version = if x.is_multiple_of(2) { Version::V5 } else { Version::V311 };
    let mut connect = Connect::new(version, name);
    connect.clean_start = x.is_multiple_of(3);
    connect.keep_alive = u16::from(y % 4) * 20;
    if version == Version::V5 {
        connect.session_expiry = (!y.is_multiple_of(3)).then_some(u32::from(y));
        connect.receive_maximum = NonZeroU16::new(u16::from(z % 4));
        connect.maximum_packet_size = (z.is_multiple_of(5)).then_some(50);
        connect.topic_alias_maximum = u16::from(z % 3);
    }
    if z.is_multiple_of(3) {
        let delay = if version == Version::V5 { u32::from(z) } else { 0 };
        connect.will = Some(Box::new(Will { message: message(x, y, z), delay }));
    }
    connect
}

fn packet(kind: u8, x: u8, y: u8, z: u8) -> ClientPacket {
    let ack = Ack::success(id(u16::from(x % 5) + 1));
    match kind {
        0..=5 => {
            let message = message(x, y, z);
            let packet_id = (message.qos != Q0).then(|| id(u16::from(z % 3) + 1));
            let mut publish = Publish::new(packet_id, message);
            publish.topic_alias = (z % 6 == 1).then_some(u16::from(y % 5));
            ClientPacket::Publish(publish)
        }
        6 | 7 => ClientPacket::PubAck(ack),
        8 => ClientPacket::PubRec(ack),
        9 => ClientPacket::PubRel(ack),
        10 => ClientPacket::PubComp(ack),
        11 => {
            let reason = if z.is_multiple_of(2) {
                ReasonCode::Success
            } else {
                ReasonCode::DisconnectWithWill
            };
            let session_expiry = (z.is_multiple_of(3)).then_some(u32::from(y % 9));
            ClientPacket::Disconnect(Disconnect { session_expiry, ..Disconnect::because(reason) })
        }
        12 => {
            let filters = vec![pick(&FILTERS, y).to_owned()];
            ClientPacket::Unsubscribe(Unsubscribe { packet_id: id(1), filters })
        }
        _ => subscription(x, y, z),
    }
}

fn subscription(x: u8, y: u8, z: u8) -> ClientPacket {
    let handling = [RetainHandling::Send, RetainHandling::SendIfNew, RetainHandling::DoNotSend];
    let options = SubscriptionOptions {
        qos: qos(x),
        no_local: z.is_multiple_of(7),
        retain_as_published: z.is_multiple_of(2),
        retain_handling: handling[usize::from(y % 3)],
    };
    let filters = [x, y].map(|n| (pick(&FILTERS, n).to_owned(), options)).into();
    let identifier = (z.is_multiple_of(4)).then_some(u32::from(z) + 1);
    ClientPacket::Subscribe(Subscribe { packet_id: id(1), identifier, filters })
}

struct Chaos {
    lab: Lab,
    /// How each connection began.
    connects: HashMap<ConnectionId, Connect>,
}

impl Chaos {
    fn new() -> Self {
        let mut config = Config::default();
        config.bounds.queued_messages = 4;
        config.bounds.all_queued_bytes = 400;
        config.bounds.unwritten = 300;
        config.bounds.unacknowledged = 3;
        config.bounds.retained_at_once = 1;
        let mut lab = Lab::with(config);
        lab.access = Arc::new(Denials::of(&[(Asked::Receive, "secret")]));
        lab.input(listen(&["a/#", "$aws/#"]));
        lab.commits = false;
        lab.lets_go = false;
        Self { lab, connects: HashMap::new() }
    }

    fn act(&mut self, (kind, client, x, y, z): Deed) {
        let name = pick(&NAMES, client);
        let is_known = self.lab.has_connected(name);
        match kind % 32 {
            0..=5 => {
                let connect = connect(name, x, y, z);
                let access: Arc<dyn Access> = self.lab.access.clone();
                self.lab.connect_with(connect.clone(), Ok(access));
                self.connects.insert(self.lab.connection(name), connect);
            }
            6 if is_known => self.lab.cut(name),
            7 => self.lab.pass(u32::from(x)),
            8..=10 => drop(self.lab.commit_one()),
            11 => self.lab.let_go(),
            12 => {
                self.lab.crash();
                self.lab.input(listen(&["a/#", "$aws/#"]));
            }
            13 => self.lab.writes = !self.lab.writes,
            14 => self.lab.input(own(pick(&TOPICS, x), "own", 1)),
            15 => {
                let (clean_session, prevent_will) = (x.is_multiple_of(2), y.is_multiple_of(2));
                let client_id = name.into();
                let order = DisconnectClient { client_id, clean_session, prevent_will };
                self.lab.input(Input::DisconnectClient(order));
            }
            other if is_known => self.lab.says(name, packet(other - 16, x, y, z)),
            _ => {}
        }
        self.check();
    }

    /// What must never be heard.
    fn check(&mut self) {
        for (connection, packet) in std::mem::take(&mut self.lab.packets) {
            let connect = &self.connects[&connection];
            let is_v5 = connect.version == Version::V5;
            match packet {
                ServerPacket::Publish(delivery) => {
                    let topic = &delivery.publication.message.topic;
                    assert_ne!(&**topic, "secret");
                    assert!(!topic.starts_with("$aws/rules/"));
                    let most = connect.maximum_packet_size.map_or(usize::MAX, |size| size as usize);
                    assert!(delivery.size <= most);
                    let alias = delivery.alias.map_or(0, |alias| alias.number);
                    assert!(alias <= connect.topic_alias_maximum);
                    assert_eq!(delivery.packet_id.is_some(), delivery.qos != Q0);
                }
                ServerPacket::Disconnect(_) => assert!(is_v5, "3.1.1 has no DISCONNECT of servers"),
                _ => {}
            }
        }
        for name in NAMES {
            let queued = self.lab.core.session(name).map_or(0, |view| view.queued);
            assert!(queued <= 4, "{queued} are more than the bound");
        }
    }

    /// Everybody goes, and all time passes.
    fn end(&mut self) {
        self.lab.cut_all();
        self.lab.let_go();
        self.lab.commit_all();
        // 3.1.1 sessions are kept for two hours; what they leave behind can take as long again.
        self.lab.pass(3 * 7200);
        self.lab.commit_all();
        let status = self.lab.core.status();
        assert_eq!((status.connections, status.sessions, status.subscriptions), (0, 0, 0));
        assert_eq!(self.lab.core.next_wake(), None);
        let retained = |key: &Key| matches!(key, Key::Retained(_));
        assert!(self.lab.store.keys().all(retained), "{:?}", self.lab.store);
        assert_eq!(self.lab.store.len(), status.retained);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn whatever_clients_do_nothing_forbidden_is_heard_and_nothing_is_left(
        deeds in prop::collection::vec(any::<Deed>(), 1..150),
    ) {
        let mut chaos = Chaos::new();
        deeds.into_iter().for_each(|deed| chaos.act(deed));
        chaos.end();
    }
}
