//! The runner on loopback.

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use gateway_bridge::semtech::packet::{FromGateway, GatewayEui, GatewayMessage};
use lns_lorawan::TimeDelta;
use sim::device::{Received, What};
use sim::{Config, Event, Scenario};

use crate::virtual_time::server_of;

/// Serves until told to stop. Downlinks go where PULL_DATA came from.
fn serve(scenario: &Scenario, stop: Arc<AtomicBool>) -> (SocketAddr, std::thread::JoinHandle<u64>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let address = socket.local_addr().unwrap();
    let mut server = server_of(scenario);
    let serving = std::thread::spawn(move || {
        let mut pulls = std::collections::HashMap::<GatewayEui, SocketAddr>::new();
        let mut buffer = [0u8; 4096];
        while !stop.load(Ordering::Relaxed) {
            let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
            let parsed = FromGateway::parse(&buffer[..length]).unwrap();
            if matches!(parsed.message, GatewayMessage::PullData) {
                pulls.insert(parsed.gateway_eui, from);
            }
            for answer in server.datagram(&buffer[..length]) {
                // PULL_RESP is the only one that is sent unasked.
                let to = if answer[3] == 3 { pulls[&parsed.gateway_eui] } else { from };
                socket.send_to(&answer, to).unwrap();
            }
        }
        server.uplinks
    });
    (address, serving)
}

#[test]
fn a_fleet_joins_over_udp_and_hears_its_acknowledgement() {
    let scenario = Scenario {
        devices: 2,
        interval: TimeDelta::from_millis(500),
        confirmed_share: 1.0,
        ..Scenario::default()
    };
    let stop = Arc::new(AtomicBool::new(false));
    let (server, serving) = serve(&scenario, stop.clone());
    let (told, events) = mpsc::channel();
    let on_event = move |event: &Event| {
        let _ = told.send(event.clone());
    };
    let config = Config { server, scenario, on_event: Some(Box::new(on_event)) };
    let handle = sim::run(config).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut acknowledged = false;
    while !acknowledged {
        let patience = deadline.saturating_duration_since(Instant::now());
        match events.recv_timeout(patience).expect("an acknowledgement within 20 s") {
            Event::Heard { received: Received { what: What::Data(data), .. }, .. } => {
                acknowledged = data.acked && data.payload == [1];
            }
            Event::Heard { .. }
            | Event::Sent { .. }
            | Event::Missed { .. }
            | Event::Gateway { .. } => {}
        }
    }
    let report = handle.stop();
    stop.store(true, Ordering::Relaxed);
    let uplinks = serving.join().unwrap();
    assert!(report.total.joins >= 1 && report.total.heard_rx1 >= 2, "{report}");
    assert!(uplinks >= 1);
    // The plan is exact, whatever the machine is busy with.
    assert_eq!(report.worst_offset, TimeDelta::ZERO);
}

#[test]
fn a_server_that_is_not_there_is_only_silent() {
    let closed = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let scenario = Scenario { gateways: 3, ..Scenario::default() };
    let config = Config { server: closed, scenario, on_event: None };
    let handle = sim::run(config).unwrap();
    handle.with_device(0, |device, now| device.hurry(now));
    let report = handle.stop();
    assert_eq!((report.gateways, report.connected, report.joined), (3, 0, 0));
}
