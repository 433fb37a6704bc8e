//! More connections than the system lets the program open files for.

use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::json;
use system_tests::harness::{
    AbpSession, Binary, Emission, Gateway, Http, Place, Provision, eventually,
};

/// The server where the administrator allows `soft` open files, and `hard` to who asks.
fn start(place: Place, folder: &Path, (soft, hard): (u32, u32)) -> Binary {
    let (program, lns) = (folder.join("limited"), super::LNS);
    let script =
        format!("#!/bin/sh\nulimit -Sn {soft} && ulimit -Hn {hard} && exec '{lns}' \"$@\"\n");
    std::fs::write(&program, script).expect("a file");
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&program, executable).expect("our file");
    Binary::start(&program.to_string_lossy(), place, folder, &["--region", "US915"])
}

#[test]
fn uplinks_go_on_when_connections_have_taken_all_open_files() {
    let (place, folder) = (Place::free(), tempfile::tempdir().expect("a temporary folder"));
    let server = start(place, folder.path(), (100, 100));
    let (provision, session) = (Provision(Http(place.http())), AbpSession::numbered(3));
    let profile = json!({ "MacVersion": "1.0.3", "RegParamsRevision": "A" });
    provision.abp(&provision.profile(&profile), 0x70b3_d57e_d005_0003, &session);
    let gateway = Gateway::start(0x0016_c001_ff10_d446, place.udp(), 5_000_000);
    gateway.connect();
    let crowd: Vec<TcpStream> =
        (0..130).map(|_| TcpStream::connect(place.mqtt()).expect("the system's queue")).collect();
    eventually("the lack to be told", || server.log().contains("no connection for MQTT"));
    let emission = Emission {
        frequency_hz: 903_900_000,
        datr: "SF7BW125".to_owned(),
        bytes: session.uplink(0, 2, &[1], false),
    };
    let token = gateway.push(&emission, gateway.tmst());
    eventually("the uplink to be acknowledged", || gateway.acknowledged(token));
    drop(crowd);
    eventually("the API to answer again", || {
        Http(place.http()).try_request("GET", "/healthz", "").is_some_and(|it| it.status == 200)
    });
    eventually("the uplink", || Http(place.http()).metric("lns_uplinks_total") as u64 == 1);
    assert_eq!(server.log().matches("no connection for MQTT").count(), 1, "{}", server.log());
}

#[test]
fn the_program_takes_as_many_open_files_as_it_may() {
    let (place, folder) = (Place::free(), tempfile::tempdir().expect("a temporary folder"));
    let server = start(place, folder.path(), (64, 512));
    let crowd: Vec<TcpStream> =
        (0..200).map(|_| TcpStream::connect(place.mqtt()).expect("a connection")).collect();
    let answer = Http(place.http()).request("GET", "/healthz", "");
    assert_eq!(answer.status, 200, "{}", server.log());
    let files = std::fs::read_dir(format!("/proc/{}/fd", server.id())).expect("its open files");
    assert!(files.count() > crowd.len());
    assert!(!server.log().contains("no connection"), "{}", server.log());
}
