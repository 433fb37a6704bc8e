//! Base64 as forwarders write it.
//!
//! PROTOCOL.TXT promises the standard alphabet with optional padding; its own examples use `-` where
//! `+` should stand. Both alphabets are read, mixed if need be, with or without padding; the standard
//! one is written, padded.

const INVALID: u8 = 0xff;
const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const VALUES: [u8; 256] = values();

const fn values() -> [u8; 256] {
    let mut table = [INVALID; 256];
    let mut value = 0;
    while value < 64 {
        table[STANDARD[value as usize] as usize] = value;
        value += 1;
    }
    table[b'-' as usize] = 62;
    table[b'_' as usize] = 63;
    table
}

/// `None` when a character is outside the alphabets, or when one is left over.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=').as_bytes();
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 3);
    let mut quads = digits.chunks_exact(4);
    for quad in &mut quads {
        let [.., high, middle, low] = join(quad)?.to_be_bytes();
        bytes.extend_from_slice(&[high, middle, low]);
    }
    match quads.remainder() {
        [] => {}
        [_] => return None,
        // Two digits carry one byte and four bits of filler, three carry two and two bits; filler
        // that is not zero is a habit of some forwarders, and no reason to lose a frame.
        rest @ [_, _] => bytes.push((join(rest)? >> 4).to_be_bytes()[3]),
        rest => bytes.extend_from_slice(&(join(rest)? >> 2).to_be_bytes()[2..]),
    }
    Some(bytes)
}

fn join(digits: &[u8]) -> Option<u32> {
    let mut joined = 0;
    let mut seen = 0;
    for &digit in digits {
        let value = VALUES[usize::from(digit)];
        seen |= value;
        joined = joined << 6 | u32::from(value);
    }
    // A valid digit has no bit above the sixth.
    (seen < 64).then_some(joined)
}

/// Standard alphabet, padded.
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let joined =
            (0..3).fold(0_u32, |sum, at| sum << 8 | u32::from(*chunk.get(at).unwrap_or(&0)));
        for at in 0..4_usize {
            let value = (joined >> (18 - 6 * at)) & 63;
            let digit = if at <= chunk.len() { STANDARD[value as usize] } else { b'=' };
            text.push(char::from(digit));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_alphabets_and_any_padding_are_read() {
        // RFC 4648 §10, and a mixed text as in PROTOCOL.TXT.
        let table: [(&str, Option<&[u8]>); 12] = [
            ("", Some(b"")),
            ("Zg==", Some(b"f")),
            ("Zg", Some(b"f")),
            ("Zm8=", Some(b"fo")),
            ("Zm8", Some(b"fo")),
            ("Zm9v", Some(b"foo")),
            ("Zm9vYmFy", Some(b"foobar")),
            ("-_+/", Some(&[0xfb, 0xff, 0xbf])),
            ("Zh==", Some(b"f")),
            ("Z", None),
            ("Zm9vY", None),
            ("Zm 9", None),
        ];
        for (text, expected) in table {
            assert_eq!(decode(text).as_deref(), expected, "{text}");
        }
        assert_eq!(encode(b"foob"), "Zm9vYg==");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert_eq!(decode(&encode(&bytes)), Some(bytes));
        }

        #[test]
        fn any_text_gives_an_answer(text in "\\PC*") {
            let _ = decode(&text);
        }
    }
}
