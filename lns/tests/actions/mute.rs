//! Endpoints that are worse than dead: they accept and never answer, or their names lead nowhere.

use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use lns::actions::{
    Deed, HttpTarget, InfluxApi, InfluxTarget, KafkaTarget, PostgresTarget, Target,
};

use crate::support::{Bench, republish, until};

/// Accepts connections and says nothing.
struct Mute {
    place: String,
    over: Arc<AtomicBool>,
}

impl Mute {
    fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let place = listener.local_addr().expect("it listens").to_string();
        let over = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&over);
        std::thread::spawn(move || {
            let mut held: Vec<TcpStream> = Vec::new();
            for connection in listener.incoming() {
                if ended.load(Ordering::Acquire) {
                    return;
                }
                held.extend(connection);
            }
        });
        Self { place, over }
    }
}

impl Drop for Mute {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        let _ = TcpStream::connect(&self.place);
    }
}

/// An action of each kind that has an endpoint, there, and what it has to do.
fn all(place: &str) -> Vec<(Target, Deed)> {
    let properties = BTreeMap::from([("bootstrap.servers".to_owned(), place.to_owned().into())]);
    let influx = InfluxTarget {
        url: format!("http://{place}"),
        api: InfluxApi::V2 { org: "o".into(), bucket: "b".into() },
        token: Default::default(),
        precision: "ms",
        batch: None,
    };
    let postgres =
        PostgresTarget { url: format!("postgresql://u:p@{place}/db").into(), table: "t".into() };
    let record = Deed::Kafka {
        topic: "t".into(),
        key: None,
        partition: None,
        headers: Vec::new(),
        payload: b"1".to_vec(),
    };
    let post =
        Deed::Http { url: format!("http://{place}/"), headers: Vec::new(), payload: b"1".to_vec() };
    vec![
        (Target::Http(HttpTarget::default()), post),
        (Target::Influx(influx), Deed::Influx { line: "m v=1".into() }),
        (Target::Postgres(postgres), Deed::Postgres { row: r#"{"a":1}"#.into() }),
        (Target::Kafka(KafkaTarget { properties }), record),
    ]
}

/// Everything else goes on, and what the endpoint should have is tried again and waits.
fn delays_nobody(place: &str) {
    let bench = Bench::new();
    bench.confirm(&format!("http://{place}/"));
    let (mut targets, deeds): (Vec<Target>, Vec<Deed>) = all(place).into_iter().unzip();
    let good = deeds.len() as u8;
    targets.push(Target::Republish);
    bench.apply(targets);
    for (action, deed) in (0..).zip(deeds) {
        bench.queue(action, deed);
    }
    let begun = Instant::now();
    for number in 0..300 {
        bench.queue(good, republish("out", number.to_string().as_bytes()));
    }
    bench.drained(good);
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    assert_eq!(bench.published("out").len(), 300);
    for action in 0..good {
        until("it was tried", || bench.meters(action).retried.get() > 0);
        assert_eq!(bench.actions.queues("r")[usize::from(action)].1, 1, "it waits");
    }
}

#[test]
fn who_accepts_and_never_answers_delays_nobody() {
    let mute = Mute::start();
    delays_nobody(&mute.place);
}

#[test]
fn a_name_that_leads_nowhere_delays_nobody() {
    // RFC 6761: this name never resolves.
    delays_nobody("nobody.invalid:9");
}
