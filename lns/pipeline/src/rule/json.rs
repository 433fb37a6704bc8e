//! JSON to values and back.
//!
//! Our own reader, because a number here has 34 digits, and `serde_json` reads a double. It is as
//! strict as RFC 8259: one value, no comments, no trailing commas, UTF-8.

use std::fmt::Write;
use std::sync::Arc;

use super::decimal::{Decimal, fits_int};
use super::value::{Object, Value};

/// How deep arrays and objects may stand in each other. Deeper payloads are taken as not JSON.
pub const MAX_DEPTH: usize = 100;

/// Reads one JSON document. `None` if it is none, too deep, or has a number beyond 9.99…E999.
pub fn parse(bytes: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut reader = Reader { text, at: 0 };
    reader.space();
    let value = reader.value(0)?;
    reader.space();
    (reader.at == text.len()).then_some(value)
}

/// A number as JSON and SQL write it. `Undefined` if it is beyond the range.
pub fn number(text: &str) -> Value {
    if !text.contains(['.', 'e', 'E'])
        && let Ok(number) = text.parse::<i128>()
        && fits_int(number)
    {
        return Value::Int(number);
    }
    Value::decimal(Decimal::parse(text, true))
}

/// Writes a value as JSON, without spaces. What is `Undefined` is left out of arrays and objects,
/// and by itself is nothing at all.
pub fn write(value: &Value) -> String {
    let mut text = String::new();
    append(&mut text, value);
    text
}

fn append(out: &mut String, value: &Value) {
    match value {
        Value::Undefined | Value::Binary(_) => {}
        Value::Null => out.push_str("null"),
        Value::Boolean(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Value::Int(number) => write!(out, "{number}").expect("a string takes all"),
        Value::Decimal(number) => write!(out, "{number}").expect("a string takes all"),
        Value::String(text) => append_string(out, text),
        Value::Array(items) => {
            out.push('[');
            let mut first = true;
            for item in items.iter().filter(|item| !is_nothing(item)) {
                if !std::mem::take(&mut first) {
                    out.push(',');
                }
                append(out, item);
            }
            out.push(']');
        }
        Value::Object(object) => {
            out.push('{');
            let mut first = true;
            for (key, value) in object.iter().filter(|(_, value)| !is_nothing(value)) {
                if !std::mem::take(&mut first) {
                    out.push(',');
                }
                append_string(out, key);
                out.push(':');
                append(out, value);
            }
            out.push('}');
        }
    }
}

fn is_nothing(value: &Value) -> bool {
    matches!(value, Value::Undefined | Value::Binary(_))
}

fn append_string(out: &mut String, text: &str) {
    out.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..0x20 => "",
            _ => continue,
        };
        out.push_str(&text[plain..at]);
        plain = at + 1;
        match escape {
            "" => write!(out, "\\u{byte:04x}").expect("a string takes all"),
            escape => out.push_str(escape),
        }
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.at..]
    }

    fn space(&mut self) {
        let is_space = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        self.at += self.rest().iter().take_while(is_space).count();
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.rest().first() == Some(&byte);
        self.at += usize::from(there);
        there
    }

    fn word(&mut self, word: &str, value: Value) -> Option<Value> {
        self.rest().starts_with(word.as_bytes()).then(|| {
            self.at += word.len();
            value
        })
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > MAX_DEPTH {
            return None;
        }
        match self.rest().first()? {
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'"' => Some(Value::String(self.string()?)),
            b't' => self.word("true", Value::Boolean(true)),
            b'f' => self.word("false", Value::Boolean(false)),
            b'n' => self.word("null", Value::Null),
            _ => self.number(),
        }
    }

    fn object(&mut self, depth: usize) -> Option<Value> {
        self.at += 1;
        self.space();
        if self.take(b'}') {
            return Some(Value::object(Object::new()));
        }
        // Most objects of devices fit, and growing twice costs more than the room.
        let mut object = Object::with_capacity(8);
        loop {
            self.space();
            let key = self.string()?;
            self.space();
            if !self.take(b':') {
                return None;
            }
            self.space();
            let value = self.value(depth + 1)?;
            object.insert(key, value);
            self.space();
            if self.take(b'}') {
                return Some(Value::object(object));
            }
            if !self.take(b',') {
                return None;
            }
        }
    }

    fn array(&mut self, depth: usize) -> Option<Value> {
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.take(b']') {
            return Some(Value::array(items));
        }
        loop {
            self.space();
            items.push(self.value(depth + 1)?);
            self.space();
            if self.take(b']') {
                return Some(Value::array(items));
            }
            if !self.take(b',') {
                return None;
            }
        }
    }

    fn number(&mut self) -> Option<Value> {
        let part = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let length = self.rest().iter().take_while(part).count();
        let text = &self.text[self.at..self.at + length];
        let whole = text.strip_prefix('-').unwrap_or(text);
        // RFC 8259: no leading zeros. All else the number's own reader refuses.
        let zero = whole.len() > 1
            && whole.starts_with('0')
            && whole.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
        if zero || !whole.starts_with(|first: char| first.is_ascii_digit()) {
            return None;
        }
        self.at += length;
        match number(text) {
            Value::Undefined => None,
            number => Some(number),
        }
    }

    fn string(&mut self) -> Option<Arc<str>> {
        if !self.take(b'"') {
            return None;
        }
        let plain = |byte: &&u8| !matches!(byte, b'"' | b'\\' | 0..0x20);
        let length = self.rest().iter().take_while(plain).count();
        let start = self.at;
        self.at += length;
        if self.take(b'"') {
            return Some(self.text[start..start + length].into());
        }
        let mut text = self.text[start..start + length].to_owned();
        loop {
            let length = self.rest().iter().take_while(plain).count();
            text.push_str(&self.text[self.at..self.at + length]);
            self.at += length;
            match self.rest().first()? {
                b'"' => {
                    self.at += 1;
                    return Some(text.into());
                }
                b'\\' => text.push(self.escape()?),
                _ => return None,
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        let escaped = *self.rest().get(1)?;
        self.at += 2;
        Some(match escaped {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.hex()?;
                // Half a pair stands for nothing; it is replaced, as most readers do.
                if !(0xd800..0xdc00).contains(&first) {
                    return Some(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                let before = self.at;
                let second = self.rest().starts_with(b"\\u").then(|| {
                    self.at += 2;
                    self.hex()
                });
                match second.flatten() {
                    Some(second) if (0xdc00..0xe000).contains(&second) => {
                        char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))?
                    }
                    _ => {
                        self.at = before;
                        char::REPLACEMENT_CHARACTER
                    }
                }
            }
            _ => return None,
        })
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn documents_are_written_as_they_were_read() {
        for text in [
            r#"{"b":1,"a":[true,false,null,{}],"c":{"d":"x\ny\"\\"}}"#,
            "[1,-2,1.50,1E+20,123456789012345678901234567890.1234]",
            r#""ä€""#,
            "0",
        ] {
            assert_eq!(write(&parse(text.as_bytes()).expect(text)), text);
        }
        assert_eq!(parse(br#""\u00e4\ud83d\ude00\ud83d\/""#), Some(Value::string("ä😀\u{fffd}/")));
        assert_eq!(write(&parse(br#" { "a" : 1 , "a" : 2 } "#).expect("JSON")), r#"{"a":2}"#);
    }

    #[test]
    fn what_is_not_json_is_none() {
        for text in [
            "", "{", "{a:1}", "[1,]", "01", "-", "1.", "+1", "nul", "1 2", "'a'", "\"\t\"",
            "1e1000",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse(b"\"\xff\""), None);
        let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(deep(MAX_DEPTH + 1).as_bytes()).is_some());
        assert!(parse(deep(MAX_DEPTH + 2).as_bytes()).is_none());
    }

    /// Whether both readers read the same, but for digits that a double does not have.
    fn same(ours: &Value, theirs: &serde_json::Value) -> bool {
        match (serde_json::Value::from(ours), theirs) {
            (serde_json::Value::Number(a), serde_json::Value::Number(b)) => {
                a.as_f64() == b.as_f64()
            }
            _ => match (ours, theirs) {
                (Value::Array(a), serde_json::Value::Array(b)) => {
                    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
                }
                (Value::Object(a), serde_json::Value::Object(b)) => {
                    a.len() == b.len()
                        && a.iter().all(|(k, a)| b.get(&**k).is_some_and(|b| same(a, b)))
                }
                (ours, theirs) => serde_json::Value::from(ours) == *theirs,
            },
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_serde_about_what_json_is(text in r#"[\[\]{}",:0-9a-u\\ .eE+-]{0,24}"#) {
            let ours = parse(text.as_bytes());
            let theirs = serde_json::from_str::<serde_json::Value>(&text).ok();
            match theirs {
                Some(theirs) => prop_assert_eq!(ours.map(|value| same(&value, &theirs)), Some(true)),
                // serde refuses half a pair, and numbers beyond a double.
                None if ours.is_some() => {
                    prop_assert!(text.contains("\\u") || text.contains(['e', 'E']), "{}", text);
                }
                None => {}
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Some(value) = parse(&bytes) {
                prop_assert_eq!(parse(write(&value).as_bytes()), Some(value));
            }
        }
    }
}
