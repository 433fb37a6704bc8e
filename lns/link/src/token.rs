//! What the bridge needs to find a window again.

use serde::{Deserialize, Serialize};

const MAX: usize = 32;

/// An opaque reference point of one reception, at most 32 bytes.
///
/// Only the bridge that made it knows what is inside (for the Semtech protocol: `tmst` and boot
/// epoch). The server keeps it and gives it back in [`When::After`](crate::When::After), so that no
/// server code depends on how a gateway counts time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<u8>", into = "Vec<u8>")]
pub struct Token {
    length: u8,
    // Bytes past `length` are zero, so that the derived comparison is that of the contents.
    bytes: [u8; MAX],
}

/// More bytes than a token may have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a token of {0} bytes is longer than the 32 allowed")]
pub struct TokenTooLong(pub usize);

impl Token {
    /// The contents.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or(&self.bytes)
    }
}

impl TryFrom<&[u8]> for Token {
    type Error = TokenTooLong;

    fn try_from(contents: &[u8]) -> Result<Self, Self::Error> {
        let too_long = || TokenTooLong(contents.len());
        let mut bytes = [0; MAX];
        bytes.get_mut(..contents.len()).ok_or_else(too_long)?.copy_from_slice(contents);
        let length = u8::try_from(contents.len()).map_err(|_| too_long())?;
        Ok(Self { length, bytes })
    }
}

impl TryFrom<Vec<u8>> for Token {
    type Error = TokenTooLong;

    fn try_from(contents: Vec<u8>) -> Result<Self, Self::Error> {
        Self::try_from(contents.as_slice())
    }
}

impl From<Token> for Vec<u8> {
    fn from(token: Token) -> Self {
        token.as_bytes().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_keeps_up_to_32_bytes_and_refuses_more() {
        for length in 0..=32_usize {
            let contents = vec![7; length];
            assert_eq!(Token::try_from(contents.as_slice()).unwrap().as_bytes(), contents);
        }
        assert_eq!(Token::try_from([0; 33].as_slice()), Err(TokenTooLong(33)));
    }
}
