//! What keeps the server from starting is one clear line and an exit code.

use std::net::{TcpListener, UdpSocket};
use std::path::Path;

use system_tests::harness::{Binary, Place};

/// Starts the server, which must refuse; its last line, which must be its only complaint.
fn refusal(place: Place, folder: &Path, more: &[&str]) -> String {
    let mut server = Binary::spawn(super::LNS, place, folder, more);
    let status = server.wait();
    let log = server.log();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(!log.contains("panicked"), "{log}");
    let complaints: Vec<&str> =
        log.lines().filter(|line| !line.contains("INFO") && !line.contains("WARN")).collect();
    let [complaint] = complaints[..] else { panic!("not one line but\n{log}") };
    complaint.to_owned()
}

#[test]
fn a_port_in_use_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let place = Place::free();
    let udp = UdpSocket::bind(place.udp()).expect("a free address");
    let complaint = refusal(place, folder.path(), &[]);
    assert!(complaint.contains(&place.udp().to_string()), "{complaint}");
    drop(udp);
    for taken in [place.mqtt(), place.http()] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let _tcp = TcpListener::bind(taken).expect("a free address");
        let complaint = refusal(place, folder.path(), &[]);
        assert!(complaint.contains(&taken.to_string()), "{complaint}");
    }
}

#[test]
fn a_folder_in_use_is_named_with_its_process() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let first = super::start(Place::free(), folder.path(), &[]);
    let elsewhere = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data").to_string_lossy().into_owned();
    std::os::unix::fs::symlink(&data, elsewhere.path().join("data")).expect("a link");
    let complaint = refusal(Place::free(), elsewhere.path(), &[]);
    assert!(complaint.contains(&first.id().to_string()), "{complaint}");
    assert!(complaint.contains("data"), "{complaint}");
}

#[test]
fn an_unknown_key_is_named_with_the_one_that_was_meant() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("lns.toml");
    std::fs::write(&file, "[mqtt]\nlissten = \"127.0.0.1:1883\"\n").expect("a file");
    let complaint = refusal(Place::free(), folder.path(), &["--config", &file.to_string_lossy()]);
    assert!(complaint.contains("mqtt.lissten"), "{complaint}");
    assert!(complaint.contains("mqtt.listen"), "{complaint}");
}
