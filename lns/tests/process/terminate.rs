//! SIGTERM: what was taken in is finished, the process exits 0, and nothing is lost.

use std::time::Duration;

use system_tests::harness::{Application, Gateway, Http, Message, Mosquitto, Place};

use super::fleet::{DEVICES, Fleet, PACE, device_of};
use super::ledger;

#[test]
fn every_datagram_that_was_acknowledged_is_published() {
    let Some(mosquitto) = Mosquitto::program() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (place, broker) = (Place::free(), Place::free().mqtt());
    let _mosquitto = Mosquitto::start(&mosquitto, broker, folder.path());
    let application = Application::connect(broker, "application");
    let url = format!("mqtt://{broker}");
    let server = super::start(place, folder.path(), &["--broker-url", &url]);
    let mut fleet = Fleet::new(Gateway::start(0x0016_c001_ff10_d446, place.udp(), 5_000_000));
    Fleet::register(Http(place.http()));
    fleet.gateway.connect();

    let mut tokens = Vec::new();
    for _ in 0..3 {
        for device in 0..DEVICES {
            let (f_cnt, token) = fleet.report(device);
            tokens.push((device, f_cnt, token));
            std::thread::sleep(PACE);
        }
    }
    // The last ones are still being gathered.
    let (status, took) = server.terminate();
    assert_eq!(status.code(), Some(0));
    assert!(took < Duration::from_secs(10), "it took {took:?} to end");

    // What the broker did not take before the end comes after the next start.
    let _server = super::start(place, folder.path(), &["--broker-url", &url]);
    let taken = tokens.iter().filter(|(_, _, token)| fleet.gateway.acknowledged(*token));
    assert!(taken.clone().count() > usize::from(DEVICES), "hardly anything was acknowledged");
    for (device, f_cnt, _) in taken {
        let what = format!("uplink {f_cnt} of device {device}, which was acknowledged");
        application.wait(&what, |message: &Message| {
            device_of(message) == Some(*device) && message.f_cnt() == Some((*f_cnt).into())
        });
    }
    assert!(ledger::every_event_is_one_uplink(&fleet, &application) > 0);
}

#[test]
fn an_idle_server_ends_at_once() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = super::start(Place::free(), folder.path(), &[]);
    let (status, took) = server.terminate();
    assert_eq!(status.code(), Some(0));
    assert!(took < Duration::from_secs(3), "it took {took:?} to end");
}
