//! Packets of MQTT as bytes, from the standards alone: no codec of the server's own stands at both ends.

/// Types of packets.
pub const CONNACK: u8 = 2;
pub const PUBLISH: u8 = 3;
pub const PUBACK: u8 = 4;
pub const PUBREC: u8 = 5;
pub const PUBREL: u8 = 6;
pub const PUBCOMP: u8 = 7;
pub const SUBACK: u8 = 9;
pub const UNSUBACK: u8 = 11;
pub const PINGRESP: u8 = 13;
pub const DISCONNECT: u8 = 14;

/// Properties of MQTT 5, by their numbers.
pub mod property {
    pub const PAYLOAD_FORMAT: u8 = 1;
    pub const EXPIRY: u8 = 2;
    pub const CONTENT_TYPE: u8 = 3;
    pub const RESPONSE_TOPIC: u8 = 8;
    pub const CORRELATION: u8 = 9;
    pub const SUBSCRIPTION: u8 = 11;
    pub const SESSION_EXPIRY: u8 = 17;
    pub const ASSIGNED_NAME: u8 = 18;
    pub const SERVER_KEEP_ALIVE: u8 = 19;
    pub const PROBLEM_INFORMATION: u8 = 23;
    pub const WILL_DELAY: u8 = 24;
    pub const REASON: u8 = 31;
    pub const RECEIVE_MAXIMUM: u8 = 33;
    pub const ALIAS_MAXIMUM: u8 = 34;
    pub const ALIAS: u8 = 35;
    pub const USER: u8 = 38;
    pub const MAXIMUM_PACKET: u8 = 39;
}

/// Which MQTT is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mqtt {
    V311,
    V5,
}

/// Properties to send.
#[derive(Clone, Default)]
pub struct Props(Vec<u8>);

impl Props {
    pub fn byte(mut self, id: u8, value: u8) -> Self {
        self.0.extend([id, value]);
        self
    }

    pub fn short(mut self, id: u8, value: u16) -> Self {
        self.0.push(id);
        self.0.extend(value.to_be_bytes());
        self
    }

    pub fn long(mut self, id: u8, value: u32) -> Self {
        self.0.push(id);
        self.0.extend(value.to_be_bytes());
        self
    }

    pub fn varint(mut self, id: u8, value: u32) -> Self {
        self.0.push(id);
        self.0.extend(varint(value as usize));
        self
    }

    pub fn text(mut self, id: u8, value: &str) -> Self {
        self.0.push(id);
        self.0.extend(text(value));
        self
    }

    pub fn pair(mut self, name: &str, value: &str) -> Self {
        self.0.push(property::USER);
        self.0.extend([text(name), text(value)].concat());
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        [varint(self.0.len()), self.0.clone()].concat()
    }
}

/// A packet of the broker.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Packet {
    pub kind: u8,
    pub flags: u8,
    /// CONNACK's flag.
    pub session_present: bool,
    pub packet_id: u16,
    pub topic: String,
    pub payload: Vec<u8>,
    /// One, or one for each filter; empty where it was left out because all is well.
    pub reasons: Vec<u8>,
    /// Each with its bytes; a text without its length, a number big-endian.
    pub props: Vec<(u8, Vec<u8>)>,
}

impl Packet {
    pub fn qos(&self) -> u8 {
        (self.flags >> 1) & 3
    }

    pub fn retain(&self) -> bool {
        self.flags & 1 == 1
    }

    pub fn dup(&self) -> bool {
        self.flags & 8 == 8
    }

    pub fn reason(&self) -> u8 {
        self.reasons.first().copied().unwrap_or(0)
    }

    pub fn body(&self) -> &str {
        std::str::from_utf8(&self.payload).unwrap()
    }

    /// The number that a property is; `None`: it is not there.
    pub fn number(&self, id: u8) -> Option<u32> {
        self.numbers(id).first().copied()
    }

    pub fn numbers(&self, id: u8) -> Vec<u32> {
        let number =
            |bytes: &Vec<u8>| bytes.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
        self.props.iter().filter(|(of, _)| *of == id).map(|(_, bytes)| number(bytes)).collect()
    }

    pub fn texts(&self, id: u8) -> Vec<&str> {
        let of_id = self.props.iter().filter(|(of, _)| *of == id);
        of_id.map(|(_, bytes)| std::str::from_utf8(bytes).unwrap()).collect()
    }
}

/// A packet from its first byte and what follows the Remaining Length.
pub fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    [vec![first], varint(body.len()), body.to_vec()].concat()
}

fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let more = u8::from(value > 0x7F) << 7;
        bytes.push((value & 0x7F) as u8 | more);
        value >>= 7;
        if more == 0 {
            return bytes;
        }
    }
}

pub fn text(value: &str) -> Vec<u8> {
    [&(value.len() as u16).to_be_bytes(), value.as_bytes()].concat()
}

/// Takes a whole packet from the front.
pub fn cut(unread: &mut Vec<u8>) -> Option<(u8, Vec<u8>)> {
    let mut rest = unread.get(1..)?;
    let length = take_varint(&mut rest)?;
    let body = rest.get(..length)?.to_vec();
    let (first, size) = (unread[0], unread.len() - rest.len() + length);
    unread.drain(..size);
    Some((first, body))
}

fn take_varint(rest: &mut &[u8]) -> Option<usize> {
    let mut value = 0;
    for shift in [0, 7, 14, 21] {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= usize::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    panic!("a length of more than four bytes")
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, after) = rest.split_at(count);
    *rest = after;
    taken
}

fn take_short(rest: &mut &[u8]) -> u16 {
    u16::from_be_bytes(take(rest, 2).try_into().unwrap())
}

fn take_text<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let length = take_short(rest);
    take(rest, usize::from(length))
}

pub fn parse(first: u8, body: &[u8], mqtt: Mqtt) -> Packet {
    let mut rest = body;
    let mut packet = Packet { kind: first >> 4, flags: first & 0xF, ..Packet::default() };
    let v5 = mqtt == Mqtt::V5;
    match packet.kind {
        CONNACK => {
            packet.session_present = take(&mut rest, 1) == [1];
            packet.reasons = take(&mut rest, 1).to_vec();
        }
        PUBLISH => {
            packet.topic = String::from_utf8(take_text(&mut rest).to_vec()).unwrap();
            if packet.qos() > 0 {
                packet.packet_id = take_short(&mut rest);
            }
        }
        DISCONNECT => packet.reasons = take(&mut rest, usize::from(!body.is_empty())).to_vec(),
        PINGRESP => {}
        SUBACK | UNSUBACK => packet.packet_id = take_short(&mut rest),
        _ => {
            packet.packet_id = take_short(&mut rest);
            let count = rest.len().min(1);
            packet.reasons = take(&mut rest, count).to_vec();
        }
    }
    if v5 && !rest.is_empty() {
        packet.props = take_props(&mut rest);
    }
    match packet.kind {
        PUBLISH => packet.payload = rest.to_vec(),
        SUBACK | UNSUBACK => packet.reasons = rest.to_vec(),
        _ => assert!(rest.is_empty(), "{packet:?} and {rest:?}"),
    }
    packet
}

fn take_props(rest: &mut &[u8]) -> Vec<(u8, Vec<u8>)> {
    let length = take_varint(rest).unwrap();
    let mut section = take(rest, length);
    let mut props = Vec::new();
    while !section.is_empty() {
        let id = take(&mut section, 1)[0];
        let value = match id {
            1 | 23 | 25 | 36 | 37 | 40 | 41 | 42 => take(&mut section, 1).to_vec(),
            19 | 33 | 34 | 35 => take(&mut section, 2).to_vec(),
            2 | 17 | 24 | 39 => take(&mut section, 4).to_vec(),
            11 => (take_varint(&mut section).unwrap() as u32).to_be_bytes().to_vec(),
            38 => {
                let (name, value) = (take_text(&mut section), take_text(&mut section));
                [name, b"=", value].concat()
            }
            _ => take_text(&mut section).to_vec(),
        };
        props.push((id, value));
    }
    props
}
