use std::time::Duration;

use crossbeam_channel::{Receiver, unbounded};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::*;
use crate::broker::{Busy, Client, Listener, Message, Origin, Publication, Status, Ticket};
use crate::store::{Fault, FaultyStore, MemoryStore};

/// A broker that shows what it is given, unless it is busy.
struct Ear {
    said: Sender<Message>,
    busy: Mutex<bool>,
}

impl Broker for Ear {
    fn publish(&self, message: Message, ticket: Ticket) -> Result<(), Busy> {
        if *self.busy.lock() {
            return Err(Busy { message, ticket });
        }
        self.said.send(message).expect("the test listens");
        Ok(())
    }
    fn listen(&self, _: &'static str, _: Vec<String>) {}
    fn status(&self) -> Status {
        Status::default()
    }
    fn stop(&self, _: Duration) {}
}

struct Room {
    shadows: Arc<Shadows>,
    ear: Arc<Ear>,
    said: Receiver<Message>,
    thread: JoinHandle<()>,
}

const PATIENCE: Duration = Duration::from_secs(20);

impl Room {
    fn over(store: Arc<dyn Store>, in_flight: usize) -> Self {
        let (sender, said) = unbounded();
        let ear = Arc::new(Ear { said: sender, busy: Mutex::new(false) });
        let broker: Arc<dyn Broker> = ear.clone();
        let observer = Arc::new(Observer::new());
        let surroundings =
            Surroundings { store, broker, observer, clock: Clock::start(), in_flight };
        let (shadows, thread) = Shadows::start(surroundings).expect("a thread");
        Room { shadows: Arc::new(shadows), ear, said, thread }
    }

    fn publish(&self, topic: &str, body: &str) -> Receiver<u64> {
        let (sender, let_go) = unbounded();
        let told = move |number| sender.send(number).expect("the test listens");
        let client =
            Client { client_id: "app".into(), principal: None, address: None, thing: None };
        let publication = Publication {
            message: Message::new(topic, body.to_owned()),
            origin: Origin::Client(Arc::new(client)),
        };
        assert!(self.shadows.wants(topic) && self.shadows.has_room());
        self.shadows.take(&publication, Ticket::new(1, Arc::new(told)).into());
        let_go
    }

    fn heard(&self) -> (String, Value) {
        let message = self.said.recv_timeout(PATIENCE).expect("something is said");
        (message.topic, serde_json::from_slice(&message.payload).expect("JSON"))
    }

    fn ask(&self, id: &str, verb: Verb, body: &str) -> Answer {
        let (sender, answer) = unbounded();
        let id = ShadowId::classic(id).expect("a name");
        self.shadows.ask((id, verb), body.to_owned(), 0, move |it| {
            sender.send(it).expect("the test listens");
        });
        answer.recv_timeout(PATIENCE).expect("every request is answered")
    }

    fn end(self) {
        self.shadows.stop();
        self.thread.join().expect("the owner ends");
    }
}

fn code(answer: &Answer) -> u16 {
    match answer {
        Answer::Accepted(_) => 200,
        Answer::Rejected { why, .. } => why.code(),
    }
}

#[test]
fn a_request_from_mqtt_is_answered_on_its_topics_and_let_go_when_durable() {
    let store = Arc::new(MemoryStore::new());
    let room = Room::over(store.clone(), 10);
    let body = r#"{"state":{"desired":{"on":true}},"clientToken":"c"}"#;
    let let_go = room.publish("$aws/things/t/shadow/name/s/update", body);
    let mut topics = Vec::new();
    for _ in 0..3 {
        let (topic, document) = room.heard();
        assert_eq!(document["clientToken"], "c");
        topics.push(topic);
    }
    let above = "$aws/things/t/shadow/name/s/update";
    assert_eq!(topics, ["accepted", "delta", "documents"].map(|it| format!("{above}/{it}")));
    assert_eq!(let_go.recv_timeout(PATIENCE), Ok(1));
    let id = ShadowId::named("t", "s").expect("names");
    let kept = store.load(Table::Shadows, &id.key()).expect("memory").expect("it is durable");
    assert_eq!(Shadow::from_record(&kept).expect("ours").version, 1);
    assert_eq!(room.shadows.read(&id).expect("memory").map(|shadow| shadow.version), Some(1));
    room.end();
}

#[test]
fn a_name_that_cannot_be_is_answered_where_it_was_asked() {
    let room = Room::over(Arc::new(MemoryStore::new()), 10);
    let let_go = room.publish("$aws/things/a b/shadow/get", "");
    let (topic, document) = room.heard();
    assert_eq!(
        (topic.as_str(), &document["code"]),
        ("$aws/things/a b/shadow/get/rejected", &json!(400))
    );
    assert_eq!(let_go.recv_timeout(PATIENCE), Ok(1));
    room.end();
}

#[test]
fn other_doors_are_answered_and_only_changes_are_told_to_all() {
    let room = Room::over(Arc::new(MemoryStore::new()), 10);
    assert_eq!(code(&room.ask("t", Verb::Get, "")), 404);
    assert_eq!(code(&room.ask("t", Verb::Update, "{}")), 400);
    assert_eq!(code(&room.ask("t", Verb::Update, r#"{"state":{}}"#)), 200);
    assert_eq!(code(&room.ask("t", Verb::Get, "")), 200);
    assert_eq!(code(&room.ask("t", Verb::Delete, "")), 200);
    let topics: Vec<String> = (0..3).map(|_| room.heard().0).collect();
    let expected = ["update/accepted", "update/documents", "delete/accepted"];
    assert_eq!(topics, expected.map(|it| format!("$aws/things/t/shadow/{it}")));
    assert!(room.said.is_empty());
    room.end();
}

#[test]
fn more_in_flight_than_allowed_are_refused_by_name() {
    let room = Room::over(Arc::new(MemoryStore::new()), 2);
    let tickets: Vec<_> = {
        // The owner is held by the watch, so that requests pile up.
        let (hold, held) = unbounded::<()>();
        let (at, reached) = unbounded::<()>();
        room.shadows.watch(Box::new(move |_, _| {
            let _ = at.send(());
            let _ = held.recv();
        }));
        let asked = (0..4).map(|n| {
            let body = format!(r#"{{"state":{{}},"clientToken":"{n}"}}"#);
            let ticket = room.publish("$aws/things/t/shadow/update", &body);
            if n == 0 {
                reached.recv_timeout(PATIENCE).expect("the first is decided");
            }
            ticket
        });
        let tickets = asked.collect();
        drop(hold);
        tickets
    };
    let mut refused = Vec::new();
    for _ in 0..6 {
        let (topic, document) = room.heard();
        if topic.ends_with("/rejected") {
            assert_eq!(document["code"], 429);
            refused.push(document["clientToken"].clone());
        }
    }
    assert_eq!(refused, [json!("2"), json!("3")]);
    for ticket in tickets {
        assert_eq!(ticket.recv_timeout(PATIENCE), Ok(1));
    }
    room.end();
}

#[test]
fn a_store_that_refuses_is_an_answer_of_500_and_changes_nothing() {
    let (store, faults) = FaultyStore::new(Box::new(MemoryStore::new()));
    let room = Room::over(Arc::new(store), 10);
    assert_eq!(code(&room.ask("t", Verb::Update, r#"{"state":{}}"#)), 200);
    faults.next(1, Fault::Refused);
    assert_eq!(code(&room.ask("t", Verb::Update, r#"{"state":{"reported":{"a":1}}}"#)), 500);
    let Answer::Accepted(document) = room.ask("t", Verb::Get, "") else { panic!("it is there") };
    let document: Value = serde_json::from_slice(&document).expect("JSON");
    assert_eq!((&document["version"], &document["state"]), (&json!(1), &json!({})));
    room.end();
}

#[test]
fn what_the_broker_does_not_take_now_is_said_later_in_order() {
    let room = Room::over(Arc::new(MemoryStore::new()), 10);
    *room.ear.busy.lock() = true;
    for n in 0..20 {
        let body = format!(r#"{{"state":{{"reported":{{"n":{n}}}}}}}"#);
        assert_eq!(code(&room.ask("t", Verb::Update, &body)), 200);
    }
    assert!(room.said.is_empty());
    *room.ear.busy.lock() = false;
    for n in 0..20 {
        assert_eq!(room.heard().1["state"]["reported"]["n"], n);
        assert_eq!(room.heard().1["current"]["version"], n + 1);
    }
    room.end();
}

#[test]
fn named_shadows_are_listed_page_by_page_without_the_deleted() {
    let room = Room::over(Arc::new(MemoryStore::new()), 10);
    room.ask("t", Verb::Update, r#"{"state":{}}"#);
    for name in ["d", "b", "a", "c"] {
        let id = ShadowId::named("t", name).expect("names");
        let (sender, done) = unbounded();
        room.shadows.ask((id, Verb::Update), r#"{"state":{}}"#, 0, move |it| {
            sender.send(code(&it)).expect("the test listens");
        });
        assert_eq!(done.recv_timeout(PATIENCE), Ok(200));
    }
    let id = ShadowId::named("t", "b").expect("names");
    let (sender, done) = unbounded();
    room.shadows.ask((id, Verb::Delete), "", 0, move |it| {
        sender.send(code(&it)).expect("the test listens");
    });
    assert_eq!(done.recv_timeout(PATIENCE), Ok(200));
    let page = |after, limit| room.shadows.named("t", after, limit).expect("memory");
    assert_eq!(page(None, 2), (vec!["a".to_owned(), "c".to_owned()], true));
    assert_eq!(page(Some("c"), 2), (vec!["d".to_owned()], false));
    assert_eq!(page(None, 3).0.len(), 3);
    assert_eq!(room.shadows.named("other", None, 9).expect("memory"), (vec![], false));
    room.end();
}
