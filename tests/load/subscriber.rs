//! An MQTT 3.1.1 subscriber that does little more than find out which uplink a message is.
//!
//! A client library would take more processor time per message than the server has for all its
//! work, and the two share the machine. Most messages are searched for two numbers; one in
//! [`SAMPLE`] is parsed, and what the codec made of it compared with what the device reported.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use crate::fleet::{self, Reading};
use crate::flight::Flight;

/// One message in so many is looked at closely.
const SAMPLE: u64 = 499;

/// Bytes read at once.
const ROOM: usize = 1 << 20;

/// Between two looks at whether all is done.
const GLANCE: Duration = Duration::from_millis(20);

/// When nothing has come for so long after the last frame was sent, nothing will.
const PATIENCE: Duration = Duration::from_millis(1500);

const TOPIC_BEFORE: &[u8] = b"lorawan/";
const TOPIC_AFTER: &[u8] = b"/up";
const F_CNT: &[u8] = b"\"FCnt\":";

/// A connection to the broker, subscribed to all uplinks.
pub struct Subscriber {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
    /// Where the counter stood in the last message: it is near there in the next one.
    guess: usize,
}

/// What arrived of a volley.
#[derive(Debug, Default)]
pub struct Arrivals {
    /// µs on the way, of each frame's first message.
    pub took: Vec<u32>,
    /// Messages about frames that had arrived before.
    pub duplicates: u64,
    /// Messages about frames of an earlier volley.
    pub stale: u64,
    /// Messages looked at closely.
    pub samples: u64,
    /// Of these, how many named every gateway that heard the frame.
    pub complete: u64,
    /// When the last one came, since the beginning.
    pub last: Duration,
    /// How many had arrived when the last frame was sent.
    pub at_end_of_sending: Option<u64>,
}

/// Which frames are expected: the devices' number, and the counter of their first.
#[derive(Clone, Copy, Debug)]
pub struct Expected {
    /// How many devices take turns.
    pub devices: usize,
    /// Of the first round.
    pub first_f_cnt: u32,
    /// How many gateways hear each frame.
    pub copies: usize,
}

impl Subscriber {
    /// Connects and subscribes to `lorawan/+/up` with QoS 0 or 1.
    pub fn connect(broker: SocketAddr, qos: u8) -> anyhow::Result<Self> {
        let mut stream = TcpStream::connect(broker)
            .with_context(|| format!("connecting to the broker on {broker}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let mut connect = vec![0x10, 0, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 60];
        connect.extend([0, 4, b'l', b'o', b'a', b'd']);
        connect[1] = connect.len() as u8 - 2;
        stream.write_all(&connect)?;
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).context("waiting for CONNACK")?;
        ensure!(answer == [0x20, 2, 0, 0], "the broker answered CONNECT with {answer:02x?}");
        let filter = b"lorawan/+/up";
        let mut subscribe = vec![0x82, 0, 0, 1, 0, filter.len() as u8];
        subscribe.extend_from_slice(filter);
        subscribe.push(qos);
        subscribe[1] = subscribe.len() as u8 - 2;
        stream.write_all(&subscribe)?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).context("waiting for SUBACK")?;
        ensure!(answer == [0x90, 3, 0, 1, qos], "the broker answered SUBSCRIBE with {answer:02x?}");
        stream.set_read_timeout(Some(GLANCE))?;
        Ok(Subscriber { stream, buffer: vec![0; ROOM], filled: 0, guess: 0 })
    }

    /// Keeps the connection alive between measurements.
    pub fn ping(&mut self) -> io::Result<()> {
        self.stream.write_all(&[0xc0, 0])
    }

    /// Takes what arrives until all frames have, or nothing more comes.
    pub fn collect(&mut self, flight: &Flight, expected: Expected) -> anyhow::Result<Arrivals> {
        let mut arrivals = Arrivals { took: vec![0; flight.frames()], ..Arrivals::default() };
        let mut count = Count { received: 0, acks: Vec::new() };
        let mut heard = Instant::now();
        while !flight.failed() {
            if let Some(sent) = flight.sent() {
                arrivals.at_end_of_sending.get_or_insert(count.received);
                if count.received >= sent || heard.elapsed() > PATIENCE {
                    break;
                }
            }
            if !self.read()? {
                continue;
            }
            let (before, at) = (count.received, flight.micros());
            let whole = self.take(at, (flight, expected), &mut arrivals, &mut count)?;
            self.buffer.copy_within(whole..self.filled, 0);
            self.filled -= whole;
            flight.count_received(count.received);
            if count.received > before {
                heard = Instant::now();
                arrivals.last = flight.elapsed();
            }
            if !count.acks.is_empty() {
                self.stream.write_all(&count.acks).context("sending PUBACKs")?;
                count.acks.clear();
            }
        }
        Ok(arrivals)
    }

    /// Reads what is there; `false` when nothing came for a while.
    fn read(&mut self) -> anyhow::Result<bool> {
        ensure!(self.filled < self.buffer.len(), "a message of more than {ROOM} bytes");
        match self.stream.read(&mut self.buffer[self.filled..]) {
            Ok(0) => bail!("the broker closed the connection"),
            Ok(length) => {
                self.filled += length;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error).context("reading from the broker"),
        }
    }

    /// Takes every whole packet in the buffer; how many bytes they were.
    fn take(
        &mut self,
        at: u32,
        (flight, expected): (&Flight, Expected),
        arrivals: &mut Arrivals,
        count: &mut Count,
    ) -> anyhow::Result<usize> {
        let mut start = 0;
        while let Some((body, end)) = packet(&self.buffer[start..self.filled]) {
            let first = self.buffer[start];
            let packet = &self.buffer[start + body..start + end];
            start += end;
            if first >> 4 != 3 {
                continue;
            }
            let message = Message::parse(first, packet, &mut count.acks)?;
            let (device, f_cnt) = message.whose(&mut self.guess)?;
            let round = f_cnt.checked_sub(expected.first_f_cnt);
            let frame = round.map(|round| round as usize * expected.devices + device);
            let Some(took) = frame.and_then(|frame| flight.took(frame, at)) else {
                arrivals.stale += 1;
                continue;
            };
            let slot = &mut arrivals.took[frame.expect("it took some time")];
            if *slot > 0 {
                arrivals.duplicates += 1;
                continue;
            }
            *slot = took.max(1);
            count.received += 1;
            if count.received.is_multiple_of(SAMPLE) {
                arrivals.samples += 1;
                let gateways = message.check(device, f_cnt)?;
                arrivals.complete += u64::from(gateways == expected.copies);
            }
        }
        Ok(start)
    }
}

struct Count {
    received: u64,
    acks: Vec<u8>,
}

/// Where the body of the packet at the beginning of `bytes` starts, and where it ends, if all of
/// it is there.
fn packet(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut length = 0;
    for (at, byte) in bytes.iter().enumerate().skip(1).take(4) {
        length |= usize::from(byte & 0x7f) << (7 * (at - 1));
        if byte & 0x80 == 0 {
            let end = at + 1 + length;
            return (end <= bytes.len()).then_some((at + 1, end));
        }
    }
    None
}

struct Message<'a> {
    topic: &'a [u8],
    body: &'a [u8],
}

impl<'a> Message<'a> {
    fn parse(first: u8, packet: &'a [u8], acks: &mut Vec<u8>) -> anyhow::Result<Self> {
        let whole = |part: Option<(&'a [u8], &'a [u8])>| part.context("a PUBLISH that breaks off");
        let (length, rest) = whole(packet.split_at_checked(2))?;
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        let (topic, mut body) = whole(rest.split_at_checked(length))?;
        if first & 0x06 != 0 {
            let (id, rest) = whole(body.split_at_checked(2))?;
            acks.extend([0x40, 2, id[0], id[1]]);
            body = rest;
        }
        Ok(Message { topic, body })
    }

    /// The device, by its number, and its counter. `guess` is where the counter may stand.
    fn whose(&self, guess: &mut usize) -> anyhow::Result<(usize, u32)> {
        let eui = self.topic.strip_prefix(TOPIC_BEFORE);
        let eui = eui.and_then(|rest| rest.strip_suffix(TOPIC_AFTER));
        let eui = eui.and_then(|eui| u64::from_str_radix(std::str::from_utf8(eui).ok()?, 16).ok());
        let device = eui.and_then(|eui| eui.checked_sub(fleet::FIRST_EUI));
        let device = device.with_context(|| {
            format!("a message on {}, a device of nobody's", String::from_utf8_lossy(self.topic))
        })?;
        let f_cnt = self.f_cnt(guess).with_context(|| {
            format!("a message without FCnt: {}", String::from_utf8_lossy(self.body))
        })?;
        Ok((device as usize, f_cnt))
    }

    fn f_cnt(&self, guess: &mut usize) -> Option<u32> {
        let from = guess.saturating_sub(16).min(self.body.len());
        let find = |bytes: &[u8]| bytes.windows(F_CNT.len()).position(|window| window == F_CNT);
        let at = match find(&self.body[from..(from + 64).min(self.body.len())]) {
            Some(at) => from + at,
            None => find(self.body)?,
        };
        *guess = at;
        let digits = self.body[at + F_CNT.len()..].iter().take_while(|byte| byte.is_ascii_digit());
        Some(digits.fold(0_u32, |sum, digit| sum.wrapping_mul(10) + u32::from(digit - b'0')))
    }

    /// Holds a message to what the device reported; how many gateways it names.
    fn check(&self, device: usize, f_cnt: u32) -> anyhow::Result<usize> {
        let text = String::from_utf8_lossy(self.body);
        let message: serde_json::Value = serde_json::from_slice(self.body)
            .with_context(|| format!("a message that is not JSON: {text}"))?;
        let lorawan = &message["WirelessMetadata"]["LoRaWAN"];
        ensure!(
            Reading::of(device, f_cnt).is(&message["DecodedPayload"]) && lorawan["FCnt"] == f_cnt,
            "device {device} reported something else under FCntUp {f_cnt}: {text}"
        );
        Ok(lorawan["Gateways"].as_array().map_or(0, Vec::len))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_taken_when_all_of_it_is_there() {
        let mut bytes = vec![0x30, 0x85, 0x01];
        bytes.extend([7; 0x85]);
        assert_eq!(packet(&bytes[..1]), None);
        assert_eq!(packet(&bytes[..2]), None);
        assert_eq!(packet(&bytes[..bytes.len() - 1]), None);
        assert_eq!(packet(&bytes), Some((3, 3 + 0x85)));
    }

    #[test]
    fn a_message_tells_device_and_counter_and_is_acknowledged() {
        let body = br#"{"WirelessMetadata":{"LoRaWAN":{"FCnt":70001,"Gateways":[{},{}]}},"DecodedPayload":{"temperature":15.48,"humidity":33,"battery":2.505}}"#;
        let topic = format!("lorawan/{:016x}/up", fleet::dev_eui(5));
        let mut bytes = vec![0, topic.len() as u8];
        bytes.extend_from_slice(topic.as_bytes());
        bytes.extend([0x12, 0x34]);
        bytes.extend_from_slice(body);
        let mut acks = Vec::new();
        let message = Message::parse(0x32, &bytes, &mut acks).unwrap();
        assert_eq!(acks, [0x40, 2, 0x12, 0x34]);
        for mut guess in [0, 30, 1000] {
            assert_eq!(message.whose(&mut guess).unwrap(), (5, 70_001));
        }
        assert_eq!(message.check(5, 70_001).unwrap(), 2);
        assert!(message.check(6, 70_001).is_err());
    }
}
