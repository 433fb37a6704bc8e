//! A broker without sockets: clients by name, a store in memory, and all that was heard as text.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::num::NonZeroU16;
use std::sync::{Arc, Mutex};

use lns_broker::{
    Accepted, Access, Ack, Action, Change, ClientPacket, Config, Connect, Connecting, ConnectionId,
    Core, Delivery, Disconnect, Hold, Input, Key, Message, Note, Output, PacketId, Presence,
    Publish, Publishing, Qos, ReasonCode, Receipt, Record, ServerPacket, SubAck, Subscribe,
    SubscriptionOptions, Timestamp, Token, Unrestricted, Unsubscribe, Version, Will,
};

pub use Qos::{AtLeastOnce as Q1, AtMostOnce as Q0, ExactlyOnce as Q2};

/// What no client may do, as (action, topic or filter); changed while the broker runs.
#[derive(Clone, Default)]
pub struct Denials(pub Arc<Mutex<Vec<(Asked, String)>>>);

/// What [`Access`] is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    Connect,
    Publish,
    Retain,
    Subscribe,
    Receive,
}

impl Denials {
    pub fn of(denied: &[(Asked, &str)]) -> Self {
        let denials = Self::default();
        denied.iter().for_each(|(asked, topic)| denials.add(*asked, topic));
        denials
    }

    pub fn add(&self, asked: Asked, topic: &str) {
        self.0.lock().unwrap().push((asked, topic.to_owned()));
    }

    fn allows(&self, asked: Asked, topic: &str) -> bool {
        !self.0.lock().unwrap().iter().any(|(a, t)| *a == asked && t == topic)
    }
}

impl Access for Denials {
    fn connect(&self, connect: &Connect) -> Result<(), ReasonCode> {
        let allowed = self.allows(Asked::Connect, &connect.client_id);
        if allowed { Ok(()) } else { Err(ReasonCode::NotAuthorized) }
    }

    fn publish(&self, topic: &str) -> bool {
        self.allows(Asked::Publish, topic)
    }

    fn retain(&self, topic: &str) -> bool {
        self.allows(Asked::Retain, topic)
    }

    fn subscribe(&self, filter: &str) -> bool {
        self.allows(Asked::Subscribe, filter)
    }

    fn receive(&self, topic: &str) -> bool {
        self.allows(Asked::Receive, topic)
    }
}

/// The broker and its surroundings. Unless a test says otherwise, every write is committed, every
/// byte is written, the intake lets go, and the core is woken when it wants to be, at once.
pub struct Lab {
    pub core: Core,
    pub now: Timestamp,
    pub store: BTreeMap<Key, Record>,
    pub commits: bool,
    pub writes: bool,
    pub lets_go: bool,
    pub wakes: bool,
    pub uncommitted: VecDeque<(Token, Vec<Change>)>,
    pub accepted: Vec<Accepted>,
    pub holds: Vec<Hold>,
    pub settled: Vec<(Receipt, Result<(), ReasonCode>)>,
    pub presence: Vec<Presence>,
    pub notes: Vec<Note>,
    pub paused: Vec<(String, bool)>,
    pub deliveries: Vec<(String, Delivery)>,
    /// Every packet to a client, for those who want more than text.
    pub packets: VecDeque<(ConnectionId, ServerPacket)>,
    /// As whom clients connect.
    pub principal: &'static str,
    /// What clients may do after a crash.
    pub access: Arc<dyn Access>,
    written: VecDeque<(ConnectionId, usize)>,
    closed: HashSet<ConnectionId>,
    names: HashMap<ConnectionId, String>,
    connections: HashMap<String, ConnectionId>,
    heard: HashMap<String, Vec<String>>,
    config: Config,
    next: u64,
}

impl Lab {
    pub fn new() -> Self {
        Self::with(Config::default())
    }

    pub fn with(config: Config) -> Self {
        Self {
            core: Core::new(config.clone()),
            now: Timestamp::from_micros(1_795_428_930_000_000),
            store: BTreeMap::new(),
            commits: true,
            writes: true,
            lets_go: true,
            wakes: true,
            uncommitted: VecDeque::new(),
            accepted: Vec::new(),
            holds: Vec::new(),
            settled: Vec::new(),
            presence: Vec::new(),
            notes: Vec::new(),
            paused: Vec::new(),
            deliveries: Vec::new(),
            packets: VecDeque::new(),
            principal: "someone",
            access: Arc::new(Unrestricted),
            written: VecDeque::new(),
            closed: HashSet::new(),
            names: HashMap::new(),
            connections: HashMap::new(),
            heard: HashMap::new(),
            config,
            next: 1,
        }
    }

    /// The client identifier of a connection.
    pub fn name(&self, connection: ConnectionId) -> &str {
        &self.names[&connection]
    }

    /// A client connects under its client identifier, and may do everything.
    pub fn connect(&mut self, connect: Connect) {
        self.connect_with(connect, Ok(Arc::new(Unrestricted)));
    }

    pub fn connect_with(&mut self, connect: Connect, access: Result<Arc<dyn Access>, ReasonCode>) {
        let connection = ConnectionId(self.next);
        self.next += 1;
        let name = connect.client_id.to_string();
        self.names.insert(connection, name.clone());
        self.connections.insert(name, connection);
        let principal = Some(self.principal.into());
        let connecting =
            Connecting { connection, connect, principal, address: None, thing: None, access };
        self.input(Input::Connect(Box::new(connecting)));
    }

    pub fn has_connected(&self, name: &str) -> bool {
        self.connections.contains_key(name)
    }

    pub fn connection(&self, name: &str) -> ConnectionId {
        self.connections[name]
    }

    pub fn says(&mut self, name: &str, packet: ClientPacket) {
        self.input(Input::Packet(self.connection(name), packet));
    }

    /// The socket of a client breaks.
    pub fn cut(&mut self, name: &str) {
        let connection = self.connection(name);
        self.closed.insert(connection);
        self.input(Input::Closed(connection));
    }

    /// Every socket breaks: also those whose client has tried, in vain, to connect again.
    pub fn cut_all(&mut self) {
        let mut open: Vec<ConnectionId> = self.names.keys().copied().collect();
        open.retain(|connection| !self.closed.contains(connection));
        open.sort_unstable();
        for connection in open {
            self.closed.insert(connection);
            self.input(Input::Closed(connection));
        }
    }

    /// The client says goodbye.
    pub fn leaves(&mut self, name: &str) {
        self.says(name, ClientPacket::Disconnect(Disconnect::because(ReasonCode::Success)));
    }

    /// Time passes, and every deadline on the way is kept.
    pub fn pass(&mut self, seconds: u32) {
        let end = self.now.plus_seconds(seconds);
        while let Some(at) = self.core.next_wake().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.input(Input::Wake);
        }
        self.now = end;
    }

    pub fn input(&mut self, input: Input) {
        let mut outputs = Vec::new();
        self.core.handle(self.now, input, &mut outputs);
        outputs.into_iter().for_each(|output| self.obey(output));
        self.settle_down();
    }

    /// Everything that was written so far is durable.
    pub fn commit_all(&mut self) {
        while self.commit_one() {}
    }

    /// One write becomes durable.
    pub fn commit_one(&mut self) -> bool {
        let Some((token, changes)) = self.uncommitted.pop_front() else { return false };
        apply(&mut self.store, changes);
        self.input(Input::Committed(token));
        true
    }

    /// The intake lets go of everything that it holds.
    pub fn let_go(&mut self) {
        for hold in std::mem::take(&mut self.holds) {
            self.input(Input::Taken(hold));
        }
    }

    /// The server dies: what was not durable is gone, and another begins with the store.
    pub fn crash(&mut self) {
        self.uncommitted.clear();
        self.holds.clear();
        self.heard.clear();
        let records: Vec<Record> = self.store.values().cloned().collect();
        self.written.clear();
        self.closed.extend(self.names.keys());
        let known = self.access.clone();
        let mut access = |_: &lns_broker::SessionRecord| Some(known.clone());
        let config = self.config.clone();
        let (core, outputs) = Core::restore(config, self.now, records, &mut access);
        self.core = core;
        outputs.into_iter().for_each(|output| self.obey(output));
        self.settle_down();
    }

    /// What a client has heard since the last time, as text.
    pub fn heard(&mut self, name: &str) -> Vec<String> {
        self.heard.remove(name).unwrap_or_default()
    }

    fn settle_down(&mut self) {
        if let Some((connection, size)) = self.written.pop_front() {
            return self.input(Input::Written(connection, size));
        }
        if self.commits && !self.uncommitted.is_empty() {
            self.commit_one();
        }
        if self.lets_go && !self.holds.is_empty() {
            self.let_go();
        }
        if self.wakes && self.core.next_wake().is_some_and(|at| at <= self.now) {
            self.input(Input::Wake);
        }
    }

    fn obey(&mut self, output: Output) {
        match output {
            Output::Send(connection, packet) => self.hear(connection, packet),
            Output::Close(connection) => {
                assert!(self.closed.insert(connection), "{connection:?} is closed once");
                self.note(connection, "CLOSED".into());
            }
            Output::Pause(connection, paused) => {
                self.paused.push((self.names[&connection].clone(), paused));
            }
            Output::Write(token, changes) => self.uncommitted.push_back((token, changes)),
            Output::Accepted(accepted) => {
                self.holds.extend(accepted.hold);
                self.accepted.push(accepted);
            }
            Output::Settled(receipt, outcome) => self.settled.push((receipt, outcome)),
            Output::Presence(presence) => self.presence.push(presence),
            Output::Note(note) => self.notes.push(note),
        }
    }

    fn hear(&mut self, connection: ConnectionId, packet: ServerPacket) {
        assert!(!self.closed.contains(&connection), "{connection:?} is closed: {packet:?}");
        let text = text_of(&packet);
        self.packets.push_back((connection, packet.clone()));
        if let ServerPacket::Publish(delivery) = packet {
            let size = delivery.size;
            self.deliveries.push((self.names[&connection].clone(), delivery));
            if self.writes {
                self.written.push_back((connection, size));
            }
        }
        self.note(connection, text);
    }

    fn note(&mut self, connection: ConnectionId, text: String) {
        self.heard.entry(self.names[&connection].clone()).or_default().push(text);
    }
}

/// Makes changes of a store.
pub fn apply(store: &mut BTreeMap<Key, Record>, changes: Vec<Change>) {
    for change in changes {
        match change {
            Change::Put(record) => drop(store.insert(record.key(), record)),
            Change::Delete(key) => drop(store.remove(&key)),
            Change::DeleteSession(id) => store.retain(|key, _| key.session() != Some(id)),
        }
    }
}

/// A packet to a client, as short as a test can read it.
fn text_of(packet: &ServerPacket) -> String {
    let ack = |name: &str, ack: &Ack| match ack.reason {
        ReasonCode::Success | ReasonCode::NoMatchingSubscribers => {
            format!("{name} {}", ack.packet_id)
        }
        reason => format!("{name} {} {}", ack.packet_id, reason.name()),
    };
    let sub_ack = |name: &str, ack: &SubAck| {
        let reasons: Vec<String> =
            ack.reasons.iter().map(|reason| format!("{:02x}", reason.code())).collect();
        format!("{name} {} [{}]", ack.packet_id, reasons.join(" "))
    };
    match packet {
        ServerPacket::ConnAck(ack) => match ack.reason {
            ReasonCode::Success if ack.session_present => "CONNACK present".into(),
            ReasonCode::Success => "CONNACK".into(),
            reason => format!("CONNACK {}", reason.name()),
        },
        ServerPacket::Publish(delivery) => delivered(delivery),
        ServerPacket::PubAck(of) => ack("PUBACK", of),
        ServerPacket::PubRec(of) => ack("PUBREC", of),
        ServerPacket::PubRel(of) => ack("PUBREL", of),
        ServerPacket::PubComp(of) => ack("PUBCOMP", of),
        ServerPacket::SubAck(of) => sub_ack("SUBACK", of),
        ServerPacket::UnsubAck(of) => sub_ack("UNSUBACK", of),
        ServerPacket::PingResp => "PINGRESP".into(),
        ServerPacket::Disconnect(of) => format!("DISCONNECT {}", of.reason.name()),
    }
}

/// `topic payload q1 #7 dup retained alias3 subs[1, 2] 30s`, without what does not apply.
fn delivered(delivery: &Delivery) -> String {
    let payload = String::from_utf8_lossy(delivery.payload());
    let mut text = format!("{:?} {payload} q{}", delivery.topic(), delivery.qos as u8);
    let mut add = |word: String| text.push_str(&format!(" {word}"));
    if let Some(id) = delivery.packet_id {
        add(format!("#{id}"));
    }
    if delivery.dup {
        add("dup".into());
    }
    if delivery.retain {
        add("retained".into());
    }
    if let Some(alias) = delivery.alias {
        add(format!("alias{}", alias.number));
    }
    if !delivery.subscription_identifiers.as_slice().is_empty() {
        add(format!("subs{:?}", delivery.subscription_identifiers.as_slice()));
    }
    if let Some(expiry) = delivery.expiry {
        add(format!("{expiry}s"));
    }
    text
}

pub fn id(number: u16) -> PacketId {
    NonZeroU16::new(number).expect("a packet identifier is not 0")
}

/// A client of MQTT 5 without session expiry.
pub fn v5(client_id: &str) -> Connect {
    Connect::new(Version::V5, client_id)
}

/// A client of MQTT 3.1.1 with a clean session.
pub fn v3(client_id: &str) -> Connect {
    Connect::new(Version::V311, client_id)
}

/// The same, not clean, and for MQTT 5 kept for an hour.
pub fn kept(mut connect: Connect) -> Connect {
    connect.clean_start = false;
    connect.session_expiry = (connect.version == Version::V5).then_some(3600);
    connect
}

pub fn with_will(mut connect: Connect, message: Message, delay: u32) -> Connect {
    connect.will = Some(Box::new(Will { message, delay }));
    connect
}

pub fn publish(packet_id: u16, topic: &str, payload: &str, qos: Qos) -> ClientPacket {
    publish_message(packet_id, Message::new(topic, payload.to_owned(), qos))
}

pub fn publish_message(packet_id: u16, message: Message) -> ClientPacket {
    let packet_id = (message.qos != Q0).then(|| id(packet_id));
    ClientPacket::Publish(Publish::new(packet_id, message))
}

pub fn retained(topic: &str, payload: &str, qos: Qos) -> Message {
    Message::new(topic, payload.to_owned(), qos).retained()
}

pub fn subscribe(packet_id: u16, filters: &[(&str, Qos)]) -> ClientPacket {
    let options = |qos: &Qos| SubscriptionOptions::at(*qos);
    let filters = filters.iter().map(|(filter, qos)| (filter.to_string(), options(qos))).collect();
    ClientPacket::Subscribe(Subscribe { packet_id: id(packet_id), identifier: None, filters })
}

pub fn subscribe_as(packet_id: u16, filter: &str, options: SubscriptionOptions) -> ClientPacket {
    let filters = vec![(filter.to_owned(), options)];
    ClientPacket::Subscribe(Subscribe { packet_id: id(packet_id), identifier: None, filters })
}

pub fn unsubscribe(packet_id: u16, filters: &[&str]) -> ClientPacket {
    let filters = filters.iter().map(|filter| filter.to_string()).collect();
    ClientPacket::Unsubscribe(Unsubscribe { packet_id: id(packet_id), filters })
}

pub fn pub_ack(packet_id: u16) -> ClientPacket {
    ClientPacket::PubAck(Ack::success(id(packet_id)))
}

pub fn pub_rec(packet_id: u16) -> ClientPacket {
    ClientPacket::PubRec(Ack::success(id(packet_id)))
}

pub fn pub_rel(packet_id: u16) -> ClientPacket {
    ClientPacket::PubRel(Ack::success(id(packet_id)))
}

pub fn pub_comp(packet_id: u16) -> ClientPacket {
    ClientPacket::PubComp(Ack::success(id(packet_id)))
}

pub fn own(topic: &str, payload: &str, receipt: u64) -> Input {
    let message = Message::new(topic, payload.to_owned(), Q1);
    Input::Publish(Publishing {
        message,
        hops: 0,
        on_behalf: None,
        receipt: Some(Receipt(receipt)),
    })
}

pub fn listen(filters: &[&str]) -> Input {
    let parse = |text: &&str| lns_pipeline::topic::TopicFilter::parse(text).expect("a filter");
    Input::Listen(filters.iter().map(parse).collect())
}

/// Whether some client was denied this.
pub fn denied(lab: &Lab, action: Action, topic: &str) -> bool {
    lab.notes.iter().any(|note| {
        matches!(note, Note::Denied { action: a, topic: t, .. } if *a == action && **t == *topic)
    })
}
