//! Packets from a broker's bytes; one that is too large is passed over, not held in memory.

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use lns_broker::wire::{Frame, WireError};

/// How much is read at a time, at least.
const PIECE: usize = 16 * 1024;
/// PUBLISH, as in the upper half of the first byte.
const PUBLISH: u8 = 3;

/// What comes next.
pub(super) enum Got {
    /// A packet.
    Frame(Frame),
    /// A PUBLISH of more than was allowed. It is to be acknowledged like any other, else a broker
    /// that keeps our session sends it for ever.
    TooLarge {
        /// Its size.
        size: usize,
        /// Where it was published.
        topic: String,
        /// Its identifier; absent at QoS 0.
        packet: Option<u16>,
    },
}

/// Where packets come from.
pub(super) struct Source<R> {
    reader: R,
    buffer: BytesMut,
    most: usize,
}

impl<R: AsyncRead + Unpin> Source<R> {
    /// Packets of at most `most` bytes.
    pub fn new(reader: R, most: usize) -> Self {
        Self { reader, buffer: BytesMut::new(), most }
    }

    /// The next packet; why there is none, for people.
    pub async fn next(&mut self) -> Result<Got, String> {
        loop {
            match Frame::take(&mut self.buffer, self.most) {
                Ok(Some(frame)) => return Ok(Got::Frame(frame)),
                Ok(None) => self.more().await?,
                Err(WireError::TooLarge { size, .. }) if self.buffer[0] >> 4 == PUBLISH => {
                    return self.pass_over(size).await;
                }
                Err(error) => return Err(unreadable(error)),
            }
        }
    }

    async fn more(&mut self) -> Result<(), String> {
        self.buffer.reserve(PIECE);
        match self.reader.read_buf(&mut self.buffer).await {
            Ok(0) => Err("it has closed the connection".to_owned()),
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Reads who it is, and lets the rest of its `size` bytes go by.
    async fn pass_over(&mut self, size: usize) -> Result<Got, String> {
        let lengths = self.buffer[1..].iter().take_while(|byte| **byte & 0x80 != 0).count();
        let header = 2 + lengths;
        self.until(header + 2).await?;
        let topic = usize::from(u16::from_be_bytes([self.buffer[header], self.buffer[header + 1]]));
        let end = header + 2 + topic;
        self.until(end + 2).await?;
        let id = u16::from_be_bytes([self.buffer[end], self.buffer[end + 1]]);
        let packet = (self.buffer[0] & 0b0110 != 0).then_some(id);
        let topic = String::from_utf8_lossy(&self.buffer[header + 2..end]).into_owned();
        let mut left = size;
        loop {
            let here = left.min(self.buffer.len());
            self.buffer.advance(here);
            left -= here;
            if left == 0 {
                return Ok(Got::TooLarge { size, topic, packet });
            }
            self.more().await?;
        }
    }

    async fn until(&mut self, count: usize) -> Result<(), String> {
        while self.buffer.len() < count {
            self.more().await?;
        }
        Ok(())
    }
}

/// For people.
pub(super) fn unreadable(error: WireError) -> String {
    format!("it says what cannot be read: {error}")
}

/// What is on its way out. Outlives the one who writes, who may be interrupted at any byte.
pub(super) struct Pen<W> {
    writer: W,
    writing: BytesMut,
}

impl<W: AsyncWrite + Unpin> Pen<W> {
    pub fn new(writer: W) -> Self {
        Self { writer, writing: BytesMut::new() }
    }

    /// Writes all of `bytes`, after what was left before; it takes them at once.
    pub async fn write(&mut self, bytes: BytesMut) -> std::io::Result<()> {
        if self.writing.is_empty() {
            self.writing = bytes;
        } else {
            self.writing.extend_from_slice(&bytes);
        }
        while !self.writing.is_empty() {
            let count = self.writer.write(&self.writing).await?;
            if count == 0 {
                return Err(std::io::ErrorKind::WriteZero.into());
            }
            self.writing.advance(count);
        }
        self.writer.flush().await
    }

    /// Ends it.
    pub async fn close(&mut self) {
        let _ = self.writer.shutdown().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_packet_that_is_too_large_is_passed_over_and_the_next_is_read() {
        let body = vec![b'x'; 300];
        // QoS 1, topic "a/b", identifier 7; then PINGRESP.
        let mut bytes = vec![0x32, 0xB3, 0x02, 0, 3, b'a', b'/', b'b', 0, 7];
        bytes.extend(&body);
        bytes.extend([0xD0, 0]);
        for most in [16, 100] {
            let mut source = Source::new(&bytes[..], most);
            let got = source.next().await.expect("a packet");
            let Got::TooLarge { size, topic, packet } = got else { panic!("it was read") };
            assert_eq!((size, topic.as_str(), packet), (310, "a/b", Some(7)));
            let got = source.next().await.expect("a packet");
            assert!(matches!(got, Got::Frame(frame) if frame.first == 0xD0));
            assert!(source.next().await.is_err_and(|why| why == "it has closed the connection"));
        }
    }
}
