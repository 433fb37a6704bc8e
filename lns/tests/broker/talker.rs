//! A client of MQTT that shows every packet.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::packets::*;
use crate::support::LONG;

/// A last will.
#[derive(Clone)]
pub struct Will {
    pub topic: String,
    pub body: &'static str,
    pub qos: u8,
    pub props: Props,
}

/// CONNECT.
#[derive(Clone)]
pub struct Hello {
    pub mqtt: Mqtt,
    pub name: &'static str,
    pub id: String,
    pub clean: bool,
    pub keep_alive: u16,
    pub will: Option<Will>,
    pub user: Option<(String, String)>,
    pub props: Props,
}

impl Hello {
    pub fn new(mqtt: Mqtt, id: &str) -> Self {
        Self {
            mqtt,
            name: "MQTT",
            id: id.to_owned(),
            clean: true,
            keep_alive: 0,
            will: None,
            user: None,
            props: Props::default(),
        }
    }

    pub fn kept(self) -> Self {
        Self { clean: false, ..self }
    }

    pub fn with(self, props: Props) -> Self {
        Self { props, ..self }
    }

    pub fn will(self, will: Will) -> Self {
        Self { will: Some(will), ..self }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut flags = u8::from(self.clean) << 1;
        if let Some(will) = &self.will {
            flags |= 4 | (will.qos << 3);
        }
        if self.user.is_some() {
            flags |= 0xC0;
        }
        let level = if self.mqtt == Mqtt::V5 { 5 } else { 4 };
        let mut body = [text(self.name), vec![level, flags]].concat();
        body.extend(self.keep_alive.to_be_bytes());
        if self.mqtt == Mqtt::V5 {
            body.extend(self.props.bytes());
        }
        body.extend(text(&self.id));
        if let Some(will) = &self.will {
            if self.mqtt == Mqtt::V5 {
                body.extend(will.props.bytes());
            }
            body.extend([text(&will.topic), text(will.body)].concat());
        }
        if let Some((user, password)) = &self.user {
            body.extend([text(user), text(password)].concat());
        }
        packet(0x10, &body)
    }
}

/// What came, if anything.
#[derive(Debug, PartialEq)]
pub enum Heard {
    Packet(Packet),
    /// The broker has ended the connection.
    End,
    Silence,
}

/// One connection.
pub struct Talker {
    stream: TcpStream,
    mqtt: Mqtt,
    unread: Vec<u8>,
    next_id: u16,
    /// QoS 2 messages that are not released yet.
    held: Vec<Packet>,
}

impl Talker {
    /// A connection on which nothing has been said.
    pub fn silent(address: SocketAddr, mqtt: Mqtt) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, mqtt, unread: Vec::new(), next_id: 1, held: Vec::new() }
    }

    /// Says CONNECT and gives what is answered.
    pub fn hello(address: SocketAddr, hello: &Hello) -> (Self, Heard) {
        let mut talker = Self::silent(address, hello.mqtt);
        talker.say(&hello.bytes());
        let heard = talker.hear(LONG);
        (talker, heard)
    }

    /// Connects, and is let in.
    pub fn connect(address: SocketAddr, hello: &Hello) -> (Self, Packet) {
        match Self::hello(address, hello) {
            (talker, Heard::Packet(ack)) if (ack.kind, ack.reason()) == (CONNACK, 0) => {
                (talker, ack)
            }
            (_, heard) => panic!("{} is not let in: {heard:?}", hello.id),
        }
    }

    pub fn say(&mut self, bytes: &[u8]) {
        // The broker may have ended the connection; what it said last is still to be heard.
        let _ = self.stream.write_all(bytes);
    }

    /// The next packet.
    pub fn hear(&mut self, within: Duration) -> Heard {
        let deadline = Instant::now() + within;
        loop {
            if let Some((first, body)) = cut(&mut self.unread) {
                return Heard::Packet(parse(first, &body, self.mqtt));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Heard::Silence;
            }
            self.stream.set_read_timeout(Some(left)).unwrap();
            let mut chunk = [0; 65536];
            match self.stream.read(&mut chunk) {
                Ok(0) => return Heard::End,
                Ok(count) => self.unread.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Heard::Silence,
                Err(_) => return Heard::End,
            }
        }
    }

    /// The next packet, which must come.
    pub fn packet(&mut self) -> Packet {
        match self.hear(LONG) {
            Heard::Packet(packet) => packet,
            other => panic!("no packet but {other:?}"),
        }
    }

    /// The next packet, which must be of this kind.
    pub fn expect(&mut self, kind: u8) -> Packet {
        let packet = self.packet();
        assert_eq!(packet.kind, kind, "{packet:?}");
        packet
    }

    fn id(&mut self) -> u16 {
        self.next_id += 1;
        self.next_id
    }

    /// Subscribes and gives the reasons; messages that come first must not.
    pub fn subscribe(&mut self, filters: &[(&str, u8)]) -> Vec<u8> {
        self.subscribe_with(filters, &Props::default()).reasons
    }

    /// The byte behind each filter is the options as they are sent.
    pub fn subscribe_with(&mut self, filters: &[(&str, u8)], props: &Props) -> Packet {
        let mut body = self.id().to_be_bytes().to_vec();
        if self.mqtt == Mqtt::V5 {
            body.extend(props.bytes());
        }
        for (filter, options) in filters {
            body.extend(text(filter));
            body.push(*options);
        }
        self.say(&packet(0x82, &body));
        self.expect(SUBACK)
    }

    pub fn unsubscribe(&mut self, filter: &str) -> Packet {
        let mut body = self.id().to_be_bytes().to_vec();
        if self.mqtt == Mqtt::V5 {
            body.push(0);
        }
        body.extend(text(filter));
        self.say(&packet(0xA2, &body));
        self.expect(UNSUBACK)
    }

    /// Says PUBLISH and waits for nothing; `flags`: QoS and RETAIN as they are sent.
    pub fn utter(&mut self, flags: u8, topic: &str, body: &[u8], props: &Props) -> u16 {
        let mut bytes = text(topic);
        let id = if flags & 6 == 0 { 0 } else { self.id() };
        if id != 0 {
            bytes.extend(id.to_be_bytes());
        }
        if self.mqtt == Mqtt::V5 {
            bytes.extend(props.bytes());
        }
        bytes.extend(body);
        self.say(&packet(0x30 | flags, &bytes));
        id
    }

    /// Publishes and sees the exchange through; gives the first answer. Messages that come meanwhile
    /// are not for this: they must not come.
    pub fn publish(&mut self, flags: u8, topic: &str, body: &str) -> Packet {
        self.publish_with(flags, topic, body, &Props::default())
    }

    pub fn publish_with(&mut self, flags: u8, topic: &str, body: &str, props: &Props) -> Packet {
        let id = self.utter(flags, topic, body.as_bytes(), props);
        match flags & 6 {
            0 => Packet::default(),
            2 => self.answer(PUBACK, id),
            _ => {
                let answer = self.answer(PUBREC, id);
                if answer.reason() < 0x80 {
                    self.say(&[0x62, 2, id.to_be_bytes()[0], id.to_be_bytes()[1]]);
                    self.answer(PUBCOMP, id);
                }
                answer
            }
        }
    }

    fn answer(&mut self, kind: u8, id: u16) -> Packet {
        let answer = self.expect(kind);
        assert_eq!(answer.packet_id, id, "{answer:?}");
        answer
    }

    pub fn acknowledge(&mut self, first: u8, id: u16) {
        let [high, low] = id.to_be_bytes();
        self.say(&[first, 2, high, low]);
    }

    /// The next `count` messages, each seen through; a QoS 2 message counts when it is released.
    pub fn messages(&mut self, count: usize) -> Vec<Packet> {
        let mut messages = Vec::new();
        while messages.len() < count {
            let packet = self.packet();
            messages.extend(self.take(packet));
        }
        messages
    }

    /// What a well-behaved client does with a packet; gives a message that is its now.
    fn take(&mut self, packet: Packet) -> Option<Packet> {
        match (packet.kind, packet.qos()) {
            (PUBLISH, 0) => return Some(packet),
            (PUBLISH, 1) => {
                self.acknowledge(0x40, packet.packet_id);
                return Some(packet);
            }
            (PUBLISH, _) => {
                self.acknowledge(0x50, packet.packet_id);
                self.held.push(packet);
            }
            (PUBREL, _) => {
                self.acknowledge(0x70, packet.packet_id);
                let at = self.held.iter().position(|held| held.packet_id == packet.packet_id);
                return at.map(|at| self.held.remove(at));
            }
            (PUBREC, _) => self.acknowledge(0x62, packet.packet_id),
            _ => {}
        }
        None
    }

    /// Everything that was on its way to this client before the broker heard of this: the broker
    /// answers what it is asked in its turn.
    pub fn rest(&mut self) -> Vec<Packet> {
        self.say(&[0xC0, 0]);
        let mut messages = Vec::new();
        loop {
            let packet = self.packet();
            if packet.kind == PINGRESP {
                return messages;
            }
            messages.extend(self.take(packet));
        }
    }

    /// Says DISCONNECT and waits until the connection has ended.
    pub fn leave(self) {
        self.leave_with(0, &Props::default());
    }

    pub fn leave_with(mut self, reason: u8, props: &Props) {
        match self.mqtt {
            Mqtt::V311 => self.say(&[0xE0, 0]),
            Mqtt::V5 => self.say(&packet(0xE0, &[vec![reason], props.bytes()].concat())),
        }
        while self.hear(LONG) != Heard::End {}
    }

    /// The connection is lost, as far as the broker can see.
    pub fn cut(self) {
        drop(self.stream.shutdown(std::net::Shutdown::Both));
    }
}
