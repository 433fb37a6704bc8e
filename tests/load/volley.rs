//! The datagrams of one measurement, built before it begins: nothing is encrypted, signed or
//! formatted while the clock runs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// `tmst` is always ten digits wide, so that it can be overwritten in place: the gateways have
/// been on for as many µs when the load begins.
pub const FIRST_TMST: u32 = 1_000_000_000;

const TMST_DIGITS: usize = 10;
const OPENING: &[u8] = br#"{"rxpk":["#;
const BEFORE_TMST: &[u8] = br#"{"tmst":"#;
const CLOSING: &[u8] = b"]}";

/// EU868's three common channels: the index and MHz.
const CHANNELS: [(u8, &str); 3] = [(0, "868.100000"), (1, "868.300000"), (2, "868.500000")];

/// One datagram's body.
#[derive(Clone, Copy, Debug)]
pub struct Datagram {
    start: u32,
    end: u32,
    /// Which gateways heard it.
    pub group: u32,
    /// The frames in it: the first one's index in the volley, and how many.
    pub frames: (u32, u32),
}

/// How frames are put into datagrams.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// How many devices take turns.
    pub devices: usize,
    /// Frames in one datagram; divides the number of devices, so that a device is heard by the
    /// same gateways every time.
    pub per_datagram: usize,
    /// Groups of gateways; those of a group hear the same.
    pub groups: usize,
}

impl Layout {
    /// Datagrams in which every device has a frame.
    fn per_round(&self) -> usize {
        self.devices / self.per_datagram
    }
}

/// Many datagrams of frames of the same length, in the order of sending.
pub struct Volley {
    bodies: Vec<u8>,
    datagrams: Vec<Datagram>,
    /// Bytes of one `rxpk` with its comma.
    stride: usize,
    frames: usize,
}

impl Volley {
    /// Puts frames into datagrams. The devices take turns, and `layout` says who hears them.
    pub fn new(frames: impl Iterator<Item = Vec<u8>>, layout: &Layout) -> Self {
        let mut volley = Volley { bodies: Vec::new(), datagrams: Vec::new(), stride: 0, frames: 0 };
        let mut frames = frames.peekable();
        while frames.peek().is_some() {
            let start = volley.bodies.len();
            let first = volley.frames;
            volley.bodies.extend_from_slice(OPENING);
            for frame in frames.by_ref().take(layout.per_datagram) {
                volley.push(&frame);
            }
            volley.bodies.pop();
            volley.bodies.extend_from_slice(CLOSING);
            volley.datagrams.push(Datagram {
                start: small(start),
                end: small(volley.bodies.len()),
                group: small(volley.datagrams.len() % layout.per_round() % layout.groups),
                frames: (small(first), small(volley.frames - first)),
            });
        }
        volley
    }

    fn push(&mut self, frame: &[u8]) {
        let before = self.bodies.len();
        let (channel, frequency) = CHANNELS[self.frames % CHANNELS.len()];
        let rxpk = format!(
            r#"{{"tmst":{FIRST_TMST},"chan":{channel},"rfch":0,"freq":{frequency},"stat":1,"modu":"LORA","datr":"SF7BW125","codr":"4/5","rssi":-61,"lsnr":9.5,"size":{},"data":"{}"}},"#,
            frame.len(),
            BASE64.encode(frame),
        );
        self.bodies.extend_from_slice(rxpk.as_bytes());
        self.frames += 1;
        self.stride = self.bodies.len() - before;
    }

    /// How many frames.
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// How many datagrams, before they are copied for each gateway.
    pub fn len(&self) -> usize {
        self.datagrams.len()
    }

    /// One of them.
    pub fn datagram(&self, at: usize) -> Datagram {
        self.datagrams[at]
    }

    /// Its bytes after the protocol's header.
    pub fn body(&self, datagram: Datagram) -> &[u8] {
        &self.bodies[datagram.start as usize..datagram.end as usize]
    }

    /// Says when its frames ended on air.
    pub fn stamp(&mut self, datagram: Datagram, tmst: u32) {
        debug_assert!(tmst >= FIRST_TMST, "ten digits");
        let mut digits = [b'0'; TMST_DIGITS];
        let mut rest = tmst;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        let first = datagram.start as usize + OPENING.len() + BEFORE_TMST.len();
        for frame in 0..datagram.frames.1 as usize {
            let at = first + frame * self.stride;
            self.bodies[at..at + TMST_DIGITS].copy_from_slice(&digits);
        }
    }
}

fn small(number: usize) -> u32 {
    u32::try_from(number).expect("a volley is smaller than 4 GB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamped_datagram_is_what_a_forwarder_sends() {
        let layout = Layout { devices: 8, per_datagram: 4, groups: 2 };
        let mut volley = Volley::new((0..16).map(|frame| vec![frame; 18]), &layout);
        assert_eq!((volley.frames(), volley.len()), (16, 4));
        let groups: Vec<_> = (0..4).map(|at| volley.datagram(at).group).collect();
        assert_eq!(groups, [0, 1, 0, 1], "a device is heard by the same gateways every time");
        let datagram = volley.datagram(1);
        assert_eq!(datagram.frames, (4, 4));
        volley.stamp(datagram, 4_294_967_295);
        let body: serde_json::Value = serde_json::from_slice(volley.body(datagram)).unwrap();
        let rxpk = body["rxpk"].as_array().unwrap();
        assert_eq!(rxpk.len(), 4);
        for (at, rxpk) in rxpk.iter().enumerate() {
            assert_eq!(rxpk["tmst"], 4_294_967_295_u32);
            assert_eq!(rxpk["data"], BASE64.encode([4 + at as u8; 18]));
        }
        let next: serde_json::Value =
            serde_json::from_slice(volley.body(volley.datagram(2))).unwrap();
        assert_eq!(next["rxpk"][0]["tmst"], FIRST_TMST, "its neighbour is not touched");
    }
}
