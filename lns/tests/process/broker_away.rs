//! Another broker that comes and goes: the server runs on, and nothing is lost.

use system_tests::harness::{Application, Gateway, Http, Mosquitto, Place, eventually};

use super::fleet::{DEVICES, Fleet, PACE, device_of};
use super::ledger;

#[test]
fn events_wait_for_a_broker_that_comes_and_goes() {
    let Some(mosquitto) = Mosquitto::program() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (place, broker) = (Place::free(), Place::free().mqtt());
    // The application's session is at the broker before the server has ever seen it.
    let running = Mosquitto::start(&mosquitto, broker, folder.path());
    let application = Application::connect(broker, "application");
    running.stop();

    let url = format!("mqtt://{broker}");
    let _server = super::start(place, folder.path(), &["--broker-url", &url]);
    let mut fleet = Fleet::new(Gateway::start(0x0016_c001_ff10_d446, place.udp(), 5_000_000));
    Fleet::register(Http(place.http()));
    fleet.gateway.connect();
    accept(&mut fleet, place, 1);
    let running = Mosquitto::start(&mosquitto, broker, folder.path());
    arrive(&application, usize::from(DEVICES));

    running.stop();
    accept(&mut fleet, place, 3);
    // The radio does not wait for the broker.
    eventually("acknowledgements", || !ledger::acknowledged(&fleet).is_empty());
    let _running = Mosquitto::start(&mosquitto, broker, folder.path());
    arrive(&application, 4 * usize::from(DEVICES));
    ledger::every_event_is_one_uplink(&fleet, &application);
}

/// Every device sends so many uplinks, and the server accepts them.
fn accept(fleet: &mut Fleet, place: Place, times: usize) {
    let before = Http(place.http()).metric("lns_uplinks_total");
    for _ in 0..times {
        for device in 0..DEVICES {
            fleet.report(device);
            std::thread::sleep(PACE);
        }
    }
    let all = before + (times * usize::from(DEVICES)) as f64;
    eventually("uplinks to be accepted", || Http(place.http()).metric("lns_uplinks_total") == all);
}

/// So many different uplinks have arrived.
fn arrive(application: &Application, uplinks: usize) {
    eventually(&format!("{uplinks} uplinks to arrive"), || {
        let ids = application.all(|message| device_of(message).is_some());
        let ids: std::collections::HashSet<_> =
            ids.iter().map(|message| message.text("EventId").to_owned()).collect();
        ids.len() == uplinks
    });
}
