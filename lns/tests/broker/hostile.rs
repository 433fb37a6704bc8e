//! Clients that mean no good, and those that do not know better.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use lns::broker::{Broker, Embedded, EmbeddedConfig, Message, Ticket};

use crate::support::*;

const CONNECT: &[u8] = b"\x10\x0D\0\x04MQTT\x04\x02\0\0\0\x01h";

fn raw(broker: &Embedded) -> TcpStream {
    let stream = TcpStream::connect(broker.address()).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
}

fn connected(broker: &Embedded) -> TcpStream {
    let mut stream = raw(broker);
    stream.write_all(CONNECT).unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, [0x20, 2, 0, 0]);
    stream
}

/// Whether the broker closes the connection, having said nothing more.
fn is_closed(mut stream: TcpStream) -> bool {
    let mut rest = Vec::new();
    // A reset is an end, too.
    let _ = stream.read_to_end(&mut rest);
    rest.is_empty()
}

#[test]
fn garbage_ends_the_connection_and_nothing_else() {
    let (broker, _) = start(loopback());
    let good = Tester::connect(options("good", broker.address()));
    assert!(good.subscribe("home/#"));
    for garbage in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x10\xFF\xFF\xFF\xFF\xFF",
        b"\x10\x02\0\0",
        b"\xC0\0",
    ] {
        let mut stream = raw(&broker);
        stream.write_all(garbage).unwrap();
        assert!(is_closed(stream), "{garbage:?}");
    }
    for garbage in
        [&b"\x36\x05\0\x01t\0\x01"[..], b"\x82\x02\0\x01", b"\0\0", CONNECT, b"\x20\x02\0\0"]
    {
        let mut stream = connected(&broker);
        stream.write_all(garbage).unwrap();
        assert!(is_closed(stream), "{garbage:?}");
    }
    assert!(good.publish("home/kitchen", "on"));
}

#[test]
fn a_packet_of_a_quarter_gigabyte_is_refused_by_its_header() {
    let (broker, _) = start(loopback());
    let mut stream = connected(&broker);
    stream.write_all(b"\x30\xFF\xFF\xFF\x7F").unwrap();
    assert!(is_closed(stream));
}

#[test]
fn a_topic_with_a_wildcard_or_of_the_servers_ends_the_connection() {
    let (broker, taken) = start(loopback());
    for topic in ["home/+", "#", "lorawan/x/up", "$aws/events/presence/connected/x"] {
        let mut stream = connected(&broker);
        let mut packet = vec![0x32, topic.len() as u8 + 4, 0, topic.len() as u8];
        packet.extend_from_slice(topic.as_bytes());
        packet.extend_from_slice(&[0, 1]);
        stream.write_all(&packet).unwrap();
        assert!(is_closed(stream), "{topic}");
    }
    assert!(taken.topics().is_empty());
}

#[test]
fn who_does_not_read_loses_messages_and_holds_up_nobody() {
    let (broker, _) = start(EmbeddedConfig { queue_per_client: 100, ..loopback() });
    let mut deaf = connected(&broker);
    // SUBSCRIBE to home/# at QoS 1, and nothing is read ever after.
    deaf.write_all(b"\x82\x0B\0\x01\0\x06home/#\x01").unwrap();
    let good = Tester::connect(options("good", broker.address()));
    assert!(good.subscribe("work/#"));
    let body = vec![b'x'; 10_000];
    for _ in 0..3000 {
        let mut next = (Message::new("home/kitchen", body.clone()), Ticket::nobody());
        while let Err(busy) = broker.publish(next.0, next.1) {
            next = (busy.message, busy.ticket);
            std::thread::yield_now();
        }
    }
    broker.publish(Message::new("work/desk", "here"), Ticket::nobody()).unwrap();
    assert_eq!(good.message().unwrap().1, "here");
    eventually("all is taken", || broker.status().in_flight == 0);
    // 30 MB were said: what its socket, its megabyte and its queue of 100 do not hold is dropped.
    assert!(broker.status().dropped > 1000, "{:?}", broker.status());
}

#[test]
fn who_asks_without_end_and_never_listens_is_not_read_any_more() {
    let (broker, _) = start(loopback());
    let mut stream = connected(&broker);
    stream.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
    let pings = [0xC0, 0].repeat(32 * 1024);
    // Its answers fill our socket and our bound; then its own socket fills, and it waits.
    let stuck = (0..2000).any(|_| stream.write_all(&pings).is_err());
    assert!(stuck, "128 MB of PINGREQ were read");
    let good = Tester::connect(options("good", broker.address()));
    assert!(good.publish("home/kitchen", "on"));
}

#[test]
fn more_clients_than_there_are_places_are_turned_away() {
    let (broker, _) = start(EmbeddedConfig { clients: 2, ..loopback() });
    let first = connected(&broker);
    let second = Tester::connect(options("second", broker.address()));
    assert!(second.subscribe("home/#"));
    assert!(is_closed(raw(&broker)));
    drop(first);
    eventually("a place is free again", || {
        let mut stream = raw(&broker);
        stream.write_all(CONNECT).unwrap();
        stream.read(&mut [0; 4]).is_ok_and(|count| count == 4)
    });
}
