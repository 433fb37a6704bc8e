//! Hexadecimal text for identifiers and keys, most significant byte first.

use core::fmt;
use core::marker::PhantomData;
use core::str::FromStr;

/// Why a piece of text is not the identifier or key it should be.
///
/// It never repeats the text: a mistyped key is still nearly a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HexError {
    /// A character other than a hexadecimal digit or a separator (`-`, `:`, space).
    #[error("cannot read {what}: character {position} is not a hexadecimal digit")]
    NotHex {
        /// The standard's word for what was being read.
        what: &'static str,
        /// Position of the character, counted from 1.
        position: usize,
    },
    /// Too many or too few digits.
    #[error("cannot read {what}: it has {found} hexadecimal digits, give {expected}")]
    Length {
        /// The standard's word for what was being read.
        what: &'static str,
        /// Digits that belong there.
        expected: usize,
        /// Digits that were there.
        found: usize,
    },
    /// The digits are right, the number is not (a NetID beyond 24 bits).
    #[error("cannot read {what}: the value is out of range")]
    Range {
        /// The standard's word for what was being read.
        what: &'static str,
    },
}

/// Reads exactly `N` bytes. Either case; `-`, `:` and spaces between digits are skipped.
pub(crate) fn parse<const N: usize>(what: &'static str, text: &str) -> Result<[u8; N], HexError> {
    let mut bytes = [0u8; N];
    let mut found = 0usize;
    for (index, character) in text.trim().chars().enumerate() {
        if matches!(character, '-' | ':' | ' ') {
            continue;
        }
        let digit = character
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
            .ok_or(HexError::NotHex { what, position: index + 1 })?;
        if let Some(byte) = bytes.get_mut(found / 2) {
            *byte = (*byte << 4) | digit;
        }
        found += 1;
    }
    if found == 2 * N { Ok(bytes) } else { Err(HexError::Length { what, expected: 2 * N, found }) }
}

/// Writes bytes as lower-case digits.
pub(crate) struct Lower<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Lower<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Deserializes anything that can be read from text, without keeping the text.
pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err = HexError>,
    D: serde::Deserializer<'de>,
{
    struct Text<T>(PhantomData<T>);
    impl<T: FromStr<Err = HexError>> serde::de::Visitor<'_> for Text<T> {
        type Value = T;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("hexadecimal text")
        }
        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(E::custom)
        }
    }
    deserializer.deserialize_str(Text(PhantomData))
}
