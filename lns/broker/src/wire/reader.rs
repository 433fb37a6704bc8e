//! Bytes taken from the front, the only place that counts them. MQTT 5.0 §1.5.

use super::WireError;

/// The largest Variable Byte Integer.
pub(super) const MOST: u32 = 268_435_455;

/// What is left of a packet.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// All that is left.
    pub fn rest(self) -> &'a [u8] {
        self.rest
    }

    pub fn take(&mut self, count: usize) -> Result<&'a [u8], WireError> {
        let (taken, rest) =
            self.rest.split_at_checked(count).ok_or(WireError::Malformed("it ends too early"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (taken, rest) =
            self.rest.split_first_chunk().ok_or(WireError::Malformed("it ends too early"))?;
        self.rest = rest;
        Ok(*taken)
    }

    pub fn u8(&mut self) -> Result<u8, WireError> {
        self.array().map(|[byte]| byte)
    }

    pub fn u16(&mut self) -> Result<u16, WireError> {
        self.array().map(u16::from_be_bytes)
    }

    pub fn u32(&mut self) -> Result<u32, WireError> {
        self.array().map(u32::from_be_bytes)
    }

    /// A byte that says yes or no.
    pub fn flag(&mut self) -> Result<bool, WireError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(WireError::Protocol("a property that is 0 or 1 is neither")),
        }
    }

    /// A Variable Byte Integer in at most four bytes (§1.5.5).
    pub fn varint(&mut self) -> Result<u32, WireError> {
        let mut value = 0;
        for shift in [0, 7, 14, 21] {
            let byte = self.u8()?;
            value |= u32::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(WireError::Malformed("a length of more than four bytes"))
    }

    /// Two bytes of length, and as many bytes.
    pub fn binary(&mut self) -> Result<&'a [u8], WireError> {
        let length = self.u16()?;
        self.take(usize::from(length))
    }

    /// A UTF-8 Encoded String: without U+0000 (§1.5.4).
    pub fn text(&mut self) -> Result<&'a str, WireError> {
        let text = std::str::from_utf8(self.binary()?)
            .map_err(|_| WireError::Malformed("a string that is not UTF-8"))?;
        if text.contains('\0') {
            return Err(WireError::Malformed("a string with U+0000 in it"));
        }
        Ok(text)
    }

    /// A topic name: not empty, no wildcards.
    pub fn topic(&mut self) -> Result<&'a str, WireError> {
        let topic = self.text()?;
        if topic.is_empty() || topic.contains(['+', '#']) {
            return Err(WireError::Topic);
        }
        Ok(topic)
    }

    /// As many bytes as a Variable Byte Integer says, as a reader of their own.
    pub fn section(&mut self) -> Result<Reader<'a>, WireError> {
        let length = self.varint()?;
        self.take(length as usize).map(Reader::new)
    }

    /// Nothing may be left.
    pub fn end(self) -> Result<(), WireError> {
        if self.rest.is_empty() { Ok(()) } else { Err(WireError::Malformed("bytes after its end")) }
    }
}
