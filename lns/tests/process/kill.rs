//! SIGKILL at any moment: no counter and no nonce is used twice, and nothing published is
//! forgotten.

use std::time::{Duration, Instant};

use system_tests::harness::{Application, Gateway, Http, Mosquitto, Place, eventually};

use super::dice::Dice;
use super::fleet::{Fleet, device_of};
use super::ledger;

/// How often the server is killed.
const LIVES: u64 = 9;

/// Between the uplinks that fetch what is queued: room for the largest downlink in each RX1.
const TURN: Duration = Duration::from_millis(100);

#[test]
fn nothing_is_used_twice_or_forgotten_when_killed_under_load() {
    let Some(mosquitto) = Mosquitto::program() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (place, broker) = (Place::free(), Place::free().mqtt());
    let _mosquitto = Mosquitto::start(&mosquitto, broker, folder.path());
    let application = Application::connect(broker, "application");
    let url = format!("mqtt://{broker}");
    let flags = ["--broker-url", url.as_str()];

    let mut fleet = Fleet::new(Gateway::start(0x0016_c001_ff10_d446, place.udp(), 5_000_000));
    let mut server = super::start(place, folder.path(), &flags);
    Fleet::register(Http(place.http()));
    let mut dice = Dice::cast();
    for life in 0..LIVES {
        live(&mut fleet, &application, life, dice.between(200, 1500));
        fleet.burst(&application);
        std::thread::sleep(Duration::from_micros(dice.between(0, 15_000)));
        server.kill();
        server = super::start(place, folder.path(), &flags);
        fleet.gateway.connect();
        provoke(&mut fleet, &application, life);
    }
    live(&mut fleet, &application, LIVES, 300);
    drain(&mut fleet, &application, Http(place.http()));
    let (status, took) = server.terminate();
    assert_eq!(status.code(), Some(0), "after {took:?}");
    check(&fleet, &application);
}

/// Load for some time.
fn live(fleet: &mut Fleet, application: &Application, life: u64, millis: u64) {
    fleet.gateway.connect();
    fleet.join(100 + life as u16);
    let end = Instant::now() + Duration::from_millis(millis);
    while Instant::now() < end {
        fleet.round(application);
    }
}

/// What a server must refuse that remembers its last life.
fn provoke(fleet: &mut Fleet, application: &Application, life: u64) {
    fleet.join(100 + life as u16);
    for (device, f_cnt) in ledger::last_published(application) {
        fleet.contradict(device, f_cnt);
        fleet.repeat(device, f_cnt);
    }
}

/// Uplinks until everything that is queued has been sent, and a moment for the rest to arrive.
fn drain(fleet: &mut Fleet, application: &Application, http: Http) {
    let waiting = |fleet: &Fleet| {
        let sent = ledger::marks_sent(&fleet.gateway);
        let queued = ledger::marks_queued(application);
        queued.into_iter().filter(|mark| !sent.contains(mark)).collect::<Vec<_>>()
    };
    let deadline = Instant::now() + Duration::from_secs(30);
    while let waiting = waiting(fleet)
        && !waiting.is_empty()
    {
        let counted = || {
            let text = http.request("GET", "/metrics", "").body;
            let told = |line: &&str| line.starts_with("lns_") && !line.ends_with(" 0");
            text.lines().filter(told).collect::<Vec<_>>().join("\n")
        };
        assert!(Instant::now() < deadline, "queued, and never sent: {waiting:?}\n{}", counted());
        // A device sends again when its windows have passed.
        let passed = Instant::now() + Duration::from_millis(1200);
        for device in 0..super::fleet::DEVICES {
            let prefix = format!("{device}-");
            if waiting.iter().any(|mark| mark.starts_with(&prefix)) {
                fleet.report(device);
                std::thread::sleep(TURN);
            }
        }
        std::thread::sleep(passed.saturating_duration_since(Instant::now()));
    }
    let (last, _) = fleet.report(0);
    eventually("the last uplink", || {
        let ours = |m: &system_tests::harness::Message| device_of(m) == Some(0);
        !application.all(|m| ours(m) && m.f_cnt() == Some(last.into())).is_empty()
    });
}

fn check(fleet: &Fleet, application: &Application) {
    let frames = ledger::no_counter_was_used_twice(&fleet.gateway);
    let joins = ledger::no_nonce_was_used_twice(fleet);
    let acknowledged = ledger::acknowledged(fleet);
    let missing = |application: &Application| {
        let published = application.all(|message| device_of(message).is_some());
        let there = |(device, f_cnt): &(u8, u32)| {
            let same = Some(u64::from(*f_cnt));
            published.iter().any(|m| device_of(m) == Some(*device) && m.f_cnt() == same)
        };
        acknowledged.iter().copied().filter(|uplink| !there(uplink)).collect::<Vec<_>>()
    };
    let late = missing(application);
    eventually(&format!("acknowledged uplinks to be published: {late:?}"), || {
        missing(application).is_empty()
    });
    let published = ledger::every_event_is_one_uplink(fleet, application);
    let queued = ledger::marks_queued(application).len();
    eprintln!(
        "{} uplinks sent, {published} published, {} acknowledged; {queued} downlinks queued; \
         {frames} frames down; {joins} joins",
        fleet.sent.len(),
        acknowledged.len(),
    );
    // Else nothing has been shown.
    assert!(published > 100 && acknowledged.len() > 10 && queued > 10 && joins > 2);
}
