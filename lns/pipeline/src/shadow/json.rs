//! JSON as it was sent: numbers keep their digits, however many.
//!
//! A shadow gives back what it was given. `serde_json` would round a number beyond 64 bits, and
//! the switch that stops it changes every crate of the program; so documents are read here, by a
//! parser that is total and bounded in depth.

use std::collections::BTreeMap;

use super::number::Number;

/// How deep a request may be nested at all. Deeper than any limit of a state, so that a state that
/// is too deep can be answered with the request's `clientToken`; small enough for any stack.
pub const MAX_DEPTH: usize = 64;

/// The members of an object, in the order of their names. A name that is given twice has its last
/// value.
pub type Object = BTreeMap<Box<str>, Json>;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, in its own digits.
    Number(Number),
    /// A text.
    Text(Box<str>),
    /// A list.
    Array(Vec<Json>),
    /// An object.
    Object(Object),
}

/// Why bytes are no document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonError {
    /// Not UTF-8.
    Encoding,
    /// Not JSON.
    Syntax,
    /// Nested deeper than [`MAX_DEPTH`].
    Depth,
}

impl Json {
    /// Reads one value, with white space around it and nothing else.
    pub fn parse(bytes: &[u8]) -> Result<Json, JsonError> {
        let text = std::str::from_utf8(bytes).map_err(|_| JsonError::Encoding)?;
        let mut parser = Parser { text, at: 0 };
        let value = parser.value(0)?;
        parser.space();
        if parser.at == text.len() { Ok(value) } else { Err(JsonError::Syntax) }
    }

    /// Whether both mean the same: numbers by their value, not by their spelling.
    pub fn same(&self, other: &Json) -> bool {
        match (self, other) {
            (Json::Null, Json::Null) => true,
            (Json::Bool(a), Json::Bool(b)) => a == b,
            (Json::Number(a), Json::Number(b)) => a.same(b),
            (Json::Text(a), Json::Text(b)) => a == b,
            (Json::Array(a), Json::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b))
            }
            (Json::Object(a), Json::Object(b)) => {
                let mut pairs = a.iter().zip(b);
                a.len() == b.len() && pairs.all(|((j, a), (k, b))| j == k && a.same(b))
            }
            (
                Json::Null
                | Json::Bool(_)
                | Json::Number(_)
                | Json::Text(_)
                | Json::Array(_)
                | Json::Object(_),
                _,
            ) => false,
        }
    }

    /// How many levels of lists and objects it has: 0 for a number.
    pub fn depth(&self) -> usize {
        match self {
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) => 0,
            Json::Array(items) => 1 + items.iter().map(Json::depth).max().unwrap_or(0),
            Json::Object(members) => 1 + members.values().map(Json::depth).max().unwrap_or(0),
        }
    }

    /// Appends it, without white space.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Json::Null => out.extend(b"null"),
            Json::Bool(true) => out.extend(b"true"),
            Json::Bool(false) => out.extend(b"false"),
            Json::Number(number) => out.extend(number.as_str().as_bytes()),
            Json::Text(text) => write_text(out, text),
            Json::Array(items) => {
                out.push(b'[');
                for (at, item) in items.iter().enumerate() {
                    separate(out, at);
                    item.write(out);
                }
                out.push(b']');
            }
            Json::Object(members) => write_object(out, members),
        }
    }
}

/// Appends an object, without white space.
pub fn write_object(out: &mut Vec<u8>, members: &Object) {
    out.push(b'{');
    for (at, (name, value)) in members.iter().enumerate() {
        separate(out, at);
        write_name(out, name);
        value.write(out);
    }
    out.push(b'}');
}

/// Appends a member's name and the colon.
pub fn write_name(out: &mut Vec<u8>, name: &str) {
    write_text(out, name);
    out.push(b':');
}

/// Appends the comma before every element but the first.
pub fn separate(out: &mut Vec<u8>, at: usize) {
    if at > 0 {
        out.push(b',');
    }
}

/// Appends a text in quotes.
pub fn write_text(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("a text is JSON and memory is no disk");
}

/// Reads a text from left to right.
struct Parser<'a> {
    text: &'a str,
    at: usize,
}

type Read<T> = Result<T, JsonError>;

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Passes `byte`, when it is next.
    fn eat(&mut self, byte: u8) -> bool {
        let next = self.peek() == Some(byte);
        self.at += usize::from(next);
        next
    }

    fn expect(&mut self, byte: u8) -> Read<()> {
        if self.eat(byte) { Ok(()) } else { Err(JsonError::Syntax) }
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Read<Json> {
        if depth > MAX_DEPTH {
            return Err(JsonError::Depth);
        }
        self.space();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.text().map(Json::Text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            Some(_) | None => Err(JsonError::Syntax),
        }
    }

    fn word(&mut self, word: &str, value: Json) -> Read<Json> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        if !rest.starts_with(word) {
            return Err(JsonError::Syntax);
        }
        self.at += word.len();
        Ok(value)
    }

    fn array(&mut self, depth: usize) -> Read<Json> {
        self.expect(b'[')?;
        let mut items = Vec::new();
        self.space();
        if self.eat(b']') {
            return Ok(Json::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.space();
            if self.eat(b']') {
                return Ok(Json::Array(items));
            }
            self.expect(b',')?;
        }
    }

    fn object(&mut self, depth: usize) -> Read<Json> {
        self.expect(b'{')?;
        let mut members = Object::new();
        self.space();
        if self.eat(b'}') {
            return Ok(Json::Object(members));
        }
        loop {
            self.space();
            let name = self.text()?;
            self.space();
            self.expect(b':')?;
            members.insert(name, self.value(depth + 1)?);
            self.space();
            if self.eat(b'}') {
                return Ok(Json::Object(members));
            }
            self.expect(b',')?;
        }
    }

    /// A text: found here, its escapes read by `serde_json`.
    fn text(&mut self) -> Read<Box<str>> {
        let begin = self.at;
        self.expect(b'"')?;
        let mut plain = true;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    plain = false;
                    self.at += 2;
                }
                Some(0..=0x1f) | None => return Err(JsonError::Syntax),
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        let quoted = self.text.get(begin..self.at).ok_or(JsonError::Syntax)?;
        if plain {
            return Ok(quoted.get(1..quoted.len() - 1).unwrap_or_default().into());
        }
        serde_json::from_str(quoted).map_err(|_| JsonError::Syntax)
    }

    fn digits(&mut self) -> Read<()> {
        let begin = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at > begin { Ok(()) } else { Err(JsonError::Syntax) }
    }

    /// RFC 8259 §6.
    fn number(&mut self) -> Read<Json> {
        let begin = self.at;
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _ = self.eat(b'+') || self.eat(b'-');
            self.digits()?;
        }
        let digits = self.text.get(begin..self.at).unwrap_or_default();
        Ok(Json::Number(Number::spelled(digits)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Read<Json> {
        Json::parse(text.as_bytes())
    }

    fn written(value: &Json) -> String {
        let mut out = Vec::new();
        value.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_is_written_is_what_was_read() {
        for text in [
            r#"{"":{},"a":1,"b":[true,false,null],"c":{"d":"e\n\"é"}}"#,
            "123456789012345678901234567890.000",
            "-0",
            "1e400",
            "9007199254740993",
            "[]",
            r#""\u0001""#,
        ] {
            assert_eq!(written(&parse(text).unwrap()), text);
        }
        let spaced = parse(" { \"a\" : [ 1 , 2 ] ,\r\n\t\"a\" : \"\\u00e9\\/\" } ").unwrap();
        assert_eq!(written(&spaced), r#"{"a":"é/"}"#);
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for text in [
            "",
            " ",
            "{",
            "[",
            "[1,]",
            "{,}",
            "{\"a\"}",
            "{\"a\":}",
            "{a:1}",
            "01",
            "1.",
            ".5",
            "+1",
            "1e",
            "--1",
            "nul",
            "truex",
            "\"",
            "\"\\x\"",
            "\"\\ud800\"",
            "\"\\",
            "\"\n\"",
            "1 2",
            "{\"a\":1,}",
            "'a'",
            "NaN",
            "[1 2]",
        ] {
            assert_eq!(parse(text), Err(JsonError::Syntax), "{text:?}");
        }
        assert_eq!(Json::parse(&[b'"', 0xff, b'"']), Err(JsonError::Encoding));
        assert_eq!(parse(&"[".repeat(100_000)), Err(JsonError::Depth));
        let deepest = format!("{}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
        assert_eq!(parse(&deepest).unwrap().depth(), MAX_DEPTH);
    }

    proptest! {
        #[test]
        fn what_is_json_is_what_another_parser_says(text in r#"[\[\]{}:, "a\\u0d8e1.+\-tn]{0,24}"#) {
            let theirs = serde_json::from_str::<serde_json::Value>(&text);
            match parse(&text) {
                Ok(value) => {
                    // It rounds numbers, and refuses those that no `f64` holds.
                    if let Ok(theirs) = theirs {
                        let ours: serde_json::Value = serde_json::from_str(&written(&value)).unwrap();
                        prop_assert_eq!(ours, theirs);
                    } else {
                        prop_assert!(theirs.unwrap_err().to_string().contains("out of range"));
                    }
                }
                Err(_) => prop_assert!(theirs.is_err(), "{} is JSON", text),
            }
        }
    }
}
