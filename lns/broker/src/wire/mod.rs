//! MQTT 3.1.1 and 5 as bytes, straight into the packets of this crate and back; and, for a client of
//! another broker, the other way round ([`client`], [`answer`]).
//!
//! Total: any bytes give a packet, a [`WireError`], or the wish for more. What the standards leave to
//! the receiver (may this client publish there?) is the broker's; what they call malformed is refused
//! here. Why it is our own stands in `docs/decisions/own-broker.md`.

pub mod answer;
pub mod client;
#[cfg(test)]
mod client_tests;
mod connect;
mod decode;
mod encode;
mod error;
mod properties;
mod reader;
#[cfg(test)]
mod tests;

use bytes::{Buf, BytesMut};

pub use connect::{Hello, parse as parse_connect};
pub use decode::parse;
pub use encode::{build, refusal};
pub use error::WireError;
use reader::MOST;

/// The types of packets, as in the upper half of the first byte.
pub(super) mod kind {
    pub const CONNECT: u8 = 1;
    pub const CONNACK: u8 = 2;
    pub const PUBLISH: u8 = 3;
    pub const PUBACK: u8 = 4;
    pub const PUBREC: u8 = 5;
    pub const PUBREL: u8 = 6;
    pub const PUBCOMP: u8 = 7;
    pub const SUBSCRIBE: u8 = 8;
    pub const SUBACK: u8 = 9;
    pub const UNSUBSCRIBE: u8 = 10;
    pub const UNSUBACK: u8 = 11;
    pub const PINGREQ: u8 = 12;
    pub const PINGRESP: u8 = 13;
    pub const DISCONNECT: u8 = 14;
    pub const AUTH: u8 = 15;
}

/// A packet whose end has been found.
pub struct Frame {
    /// Its type and flags.
    pub first: u8,
    /// What follows the Remaining Length.
    pub body: BytesMut,
}

impl Frame {
    /// Whether it is a CONNECT, with the flags that it must have.
    pub fn is_connect(&self) -> bool {
        self.first == kind::CONNECT << 4
    }

    /// Takes the next packet from the front of `bytes`; `None`: more must be read.
    ///
    /// A packet of more than `most` bytes is refused as soon as its header is there.
    pub fn take(bytes: &mut BytesMut, most: usize) -> Result<Option<Self>, WireError> {
        let Some((&first, rest)) = bytes.split_first() else { return Ok(None) };
        let mut length: u32 = 0;
        let mut header = 1;
        for (byte, shift) in rest.iter().zip([0, 7, 14, 21]) {
            length |= u32::from(byte & 0x7F) << shift;
            header += 1;
            if byte & 0x80 == 0 {
                return Self::cut(bytes, (first, header), length as usize, most);
            }
        }
        if header > 4 {
            Err(WireError::Malformed("a length of more than four bytes"))
        } else {
            Ok(None)
        }
    }

    fn cut(
        bytes: &mut BytesMut,
        (first, header): (u8, usize),
        length: usize,
        most: usize,
    ) -> Result<Option<Self>, WireError> {
        debug_assert!(length <= MOST as usize);
        let size = header + length;
        if size > most {
            return Err(WireError::TooLarge { size, most });
        }
        if bytes.len() < size {
            return Ok(None);
        }
        bytes.advance(header);
        Ok(Some(Self { first, body: bytes.split_to(length) }))
    }
}
