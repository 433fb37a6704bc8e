//! Random weather: connections break, the server dies between write and release, clients answer
//! late. Afterwards nothing that was acknowledged may be missing, doubled, or out of order.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use lns_broker::{Ack, ClientPacket, Delivery, Message, Publish, Qos, ServerPacket};
use proptest::prelude::*;

use crate::lab::*;

/// One gust.
#[derive(Debug, Clone)]
enum Gust {
    /// The publisher says something to a topic, at QoS 1 or 2.
    Publish(u8, bool),
    /// A subscriber, or the publisher, sends what it has to answer, one packet.
    Answer(usize),
    /// A connection breaks.
    Cut(usize),
    /// A client comes back.
    Connect(usize),
    /// One write becomes durable.
    Commit,
    /// The intake lets go.
    LetGo,
    /// The server dies.
    Crash,
}

fn gust() -> impl Strategy<Value = Gust> {
    prop_oneof![
        8 => (0..2u8, any::<bool>()).prop_map(|(topic, twice)| Gust::Publish(topic, twice)),
        10 => (0..3usize).prop_map(Gust::Answer),
        3 => (0..3usize).prop_map(Gust::Cut),
        5 => (0..3usize).prop_map(Gust::Connect),
        6 => Just(Gust::Commit),
        4 => Just(Gust::LetGo),
        2 => Just(Gust::Crash),
    ]
}

const NAMES: [&str; 3] = ["publisher", "first", "second"];

/// A client that does as the standard says.
#[derive(Default)]
struct Client {
    connected: bool,
    /// What it will say, in order; lost with the connection.
    answers: VecDeque<ClientPacket>,
    /// QoS 2 messages that it has and the broker has not released.
    stored: BTreeSet<u16>,
    /// What reached the application: (topic, QoS) → numbers.
    delivered: BTreeMap<(String, Qos), Vec<u32>>,
    /// What it has published and may have to say again, in order.
    open: Vec<Open>,
    next_id: u16,
}

struct Open {
    id: u16,
    message: Message,
    /// PUBREC has come: only PUBREL is said again.
    is_received: bool,
}

impl Client {
    fn hears(&mut self, packet: ServerPacket) {
        match packet {
            ServerPacket::Publish(delivery) => self.is_given(&delivery),
            ServerPacket::PubRel(ack) => {
                self.stored.remove(&ack.packet_id.get());
                self.answers.push_back(ClientPacket::PubComp(Ack::success(ack.packet_id)));
            }
            ServerPacket::PubAck(ack) | ServerPacket::PubComp(ack) => {
                self.open.retain(|open| open.id != ack.packet_id.get());
            }
            ServerPacket::PubRec(ack) => {
                if let Some(open) = self.open.iter_mut().find(|o| o.id == ack.packet_id.get()) {
                    open.is_received = true;
                }
                self.answers.push_back(ClientPacket::PubRel(Ack::success(ack.packet_id)));
            }
            ServerPacket::ConnAck(_)
            | ServerPacket::SubAck(_)
            | ServerPacket::UnsubAck(_)
            | ServerPacket::PingResp
            | ServerPacket::Disconnect(_) => {}
        }
    }

    fn is_given(&mut self, delivery: &Delivery) {
        let id = delivery.packet_id.expect("QoS 1 or 2");
        let is_new = match delivery.qos {
            Qos::ExactlyOnce => self.stored.insert(id.get()),
            Qos::AtLeastOnce | Qos::AtMostOnce => true,
        };
        let ack = Ack::success(id);
        self.answers.push_back(match delivery.qos {
            Qos::ExactlyOnce => ClientPacket::PubRec(ack),
            Qos::AtLeastOnce | Qos::AtMostOnce => ClientPacket::PubAck(ack),
        });
        if is_new {
            let number = String::from_utf8_lossy(delivery.payload()).parse().expect("a number");
            let topic = delivery.publication.message.topic.to_string();
            self.delivered.entry((topic, delivery.qos)).or_default().push(number);
        }
    }

    /// What it says when it is back: all that is open, in its order.
    fn repeats(&self) -> Vec<ClientPacket> {
        let again = self.open.iter().map(|open| {
            if open.is_received {
                return pub_rel(open.id);
            }
            let mut publish = Publish::new(Some(id(open.id)), open.message.clone());
            publish.dup = true;
            ClientPacket::Publish(publish)
        });
        again.collect()
    }
}

struct Storm {
    lab: Lab,
    clients: Vec<Client>,
    published: u32,
}

impl Storm {
    /// Both subscribers have this subscription.
    fn new(filter: &str) -> Self {
        let mut lab = Lab::new();
        for name in NAMES {
            lab.connect(kept(v5(name)));
        }
        for name in &NAMES[1..] {
            lab.says(name, subscribe(1, &[(filter, Q2)]));
        }
        lab.input(listen(&["t/+"]));
        lab.packets.clear();
        lab.commits = false;
        lab.lets_go = false;
        let client = || Client { connected: true, next_id: 1, ..Client::default() };
        Self { lab, clients: vec![client(), client(), client()], published: 0 }
    }

    fn blow(&mut self, gust: &Gust) {
        match gust {
            Gust::Publish(topic, twice) => self.publish(*topic, *twice),
            Gust::Answer(client) => {
                self.answer(*client);
            }
            Gust::Cut(client) => self.cut(*client),
            Gust::Connect(client) => self.connect(*client),
            Gust::Commit => {
                self.lab.commit_one();
            }
            Gust::LetGo => self.lab.let_go(),
            Gust::Crash => self.crash(),
        }
        self.listen();
    }

    fn publish(&mut self, topic: u8, twice: bool) {
        let client = &mut self.clients[0];
        if !client.connected {
            return;
        }
        let qos = if twice { Q2 } else { Q1 };
        let number = self.published.to_string();
        self.published += 1;
        let message = Message::new(format!("t/{topic}"), number, qos);
        let id = client.next_id;
        client.next_id += 1;
        client.open.push(Open { id, message: message.clone(), is_received: false });
        self.lab.says(NAMES[0], publish_message(id, message));
    }

    fn answer(&mut self, client: usize) -> bool {
        let packet = self.clients[client].answers.pop_front();
        let Some(packet) = packet.filter(|_| self.clients[client].connected) else { return false };
        self.lab.says(NAMES[client], packet);
        true
    }

    fn cut(&mut self, client: usize) {
        if std::mem::take(&mut self.clients[client].connected) {
            self.clients[client].answers.clear();
            self.lab.cut(NAMES[client]);
        }
    }

    fn connect(&mut self, client: usize) {
        if self.clients[client].connected {
            return;
        }
        self.clients[client].connected = true;
        self.lab.connect(kept(v5(NAMES[client])));
        let repeats = self.clients[client].repeats();
        self.listen();
        // Answers to what came with CONNACK follow what is said again.
        let answers = std::mem::take(&mut self.clients[client].answers);
        repeats.into_iter().for_each(|packet| self.lab.says(NAMES[client], packet));
        self.listen();
        let later = std::mem::replace(&mut self.clients[client].answers, answers);
        self.clients[client].answers.extend(later);
    }

    fn crash(&mut self) {
        for client in &mut self.clients {
            client.connected = false;
            client.answers.clear();
        }
        self.lab.crash();
        self.lab.input(listen(&["t/+"]));
    }

    /// Clients hear what was sent to them.
    fn listen(&mut self) {
        while let Some((connection, packet)) = self.lab.packets.pop_front() {
            let name = self.lab.name(connection);
            let at = NAMES.iter().position(|known| *known == name).expect("a known client");
            self.clients[at].hears(packet);
        }
    }

    /// The weather is over: everybody is there and answers until there is nothing to say.
    fn calm(&mut self) {
        (0..NAMES.len()).for_each(|client| self.connect(client));
        loop {
            self.lab.commit_all();
            self.lab.let_go();
            self.lab.commit_all();
            self.listen();
            let said = (0..NAMES.len()).filter(|client| self.answer(*client)).count();
            self.listen();
            if said == 0 && self.lab.uncommitted.is_empty() && self.lab.holds.is_empty() {
                return;
            }
        }
    }
}

/// The numbers in the order in which each came first.
fn firsts(numbers: &[u32]) -> Vec<u32> {
    let mut seen = BTreeSet::new();
    numbers.iter().copied().filter(|number| seen.insert(*number)).collect()
}

/// What was published, by topic and QoS.
type Sent = HashMap<(String, Qos), Vec<u32>>;

/// Each subscriber has all of it.
fn check_each(storm: &Storm, sent: &Sent) {
    for client in &storm.clients[1..] {
        for ((topic, qos), numbers) in sent {
            let key = (topic.clone(), *qos);
            let got = client.delivered.get(&key).cloned().unwrap_or_default();
            match qos {
                Qos::ExactlyOnce => assert_eq!(got, *numbers, "{topic}: exactly once, in order"),
                Qos::AtLeastOnce | Qos::AtMostOnce => {
                    assert_eq!(firsts(&got), *numbers, "{topic}: at least once, in order");
                }
            }
        }
    }
}

/// The two of them together have all of it.
fn check_both(storm: &Storm, sent: &Sent) {
    for (key, numbers) in sent {
        let got = |client: &Client| client.delivered.get(key).cloned().unwrap_or_default();
        let mut got: Vec<u32> = storm.clients[1..].iter().flat_map(got).collect();
        got.sort_unstable();
        if key.1 != Qos::ExactlyOnce {
            got.dedup();
        }
        assert_eq!(got, *numbers, "{key:?}");
    }
}

/// The server has all of it, and keeps nothing that nobody needs.
fn check_server(storm: &Storm, sent: &Sent) {
    assert!(storm.clients[0].open.is_empty(), "everything is acknowledged at last");
    let heard: BTreeSet<u32> = storm
        .lab
        .accepted
        .iter()
        .filter_map(|one| String::from_utf8_lossy(&one.publication.message.payload).parse().ok())
        .collect();
    let all: BTreeSet<u32> = sent.values().flatten().copied().collect();
    assert_eq!(heard, all, "the server itself has heard everything");
    let status = storm.lab.core.status();
    assert_eq!((status.queued, status.in_flight), (0, 0));
    assert_eq!(
        storm.lab.store.len(),
        5,
        "three sessions, two subscriptions: {:?}",
        storm.lab.store
    );
}

/// All gusts, then calm.
fn weather(filter: &str, gusts: &[Gust]) -> (Storm, Sent) {
    let mut storm = Storm::new(filter);
    let mut sent = Sent::new();
    for gust in gusts {
        let before = storm.published;
        storm.blow(gust);
        if let (Gust::Publish(topic, twice), true) = (gust, storm.published > before) {
            let qos = if *twice { Q2 } else { Q1 };
            sent.entry((format!("t/{topic}"), qos)).or_default().push(before);
        }
    }
    storm.calm();
    (storm, sent)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_acknowledged_message_is_lost_doubled_or_out_of_order(
        gusts in prop::collection::vec(gust(), 1..120),
    ) {
        let (storm, sent) = weather("t/+", &gusts);
        check_each(&storm, &sent);
        check_server(&storm, &sent);
    }

    #[test]
    fn members_of_a_shared_subscription_lose_and_double_nothing_between_them(
        gusts in prop::collection::vec(gust(), 1..120),
    ) {
        let (storm, sent) = weather("$share/g/t/+", &gusts);
        check_both(&storm, &sent);
        check_server(&storm, &sent);
    }
}
