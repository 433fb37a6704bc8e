//! A shadow as bytes: one byte of version, then lengths and values without names of fields.
//!
//! Not JSON, because a record is read and written at every update, and because each leaf carries
//! its time. Numbers lie as text, in their own digits.

use super::document::{Branch, Node, Shadow, State};
use super::json::{Json, MAX_DEPTH, Object};

/// The version that this release writes.
const VERSION: u8 = 1;

const DELETED: u8 = 0;
const PRESENT: u8 = 1;

const BRANCH: u8 = 0;
const LEAF: u8 = 1;
const FALSE: u8 = 2;
const TRUE: u8 = 3;
const NUMBER: u8 = 4;
const TEXT: u8 = 5;
const ARRAY: u8 = 6;
const OBJECT: u8 = 7;
/// Never in a record that this release has written; read all the same.
const NULL: u8 = 8;

/// A record that is none of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Written by a newer release.
    #[error("it is of version {0} and this release knows up to {VERSION}; run the newer release")]
    Newer(u8),
    /// Cut short, or never one.
    #[error("it is damaged; restore the data directory from a backup")]
    Damaged,
}

impl Shadow {
    /// The record.
    pub fn to_record(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        out.push(VERSION);
        put_number(&mut out, self.version);
        match &self.state {
            None => out.push(DELETED),
            Some(state) => {
                out.push(PRESENT);
                put_branch(&mut out, &state.desired);
                put_branch(&mut out, &state.reported);
            }
        }
        out
    }

    /// The shadow in a record.
    pub fn from_record(record: &[u8]) -> Result<Shadow, RecordError> {
        let mut reader = Reader { rest: record };
        match reader.byte() {
            Ok(VERSION) => {}
            Ok(0) | Err(_) => return Err(RecordError::Damaged),
            Ok(newer) => return Err(RecordError::Newer(newer)),
        }
        let version = reader.number()?;
        let state = match reader.byte()? {
            DELETED => None,
            PRESENT => Some(State { desired: reader.branch(0)?, reported: reader.branch(0)? }),
            _ => return Err(RecordError::Damaged),
        };
        if reader.rest.is_empty() {
            Ok(Shadow { version, state })
        } else {
            Err(RecordError::Damaged)
        }
    }
}

/// Seven bits a byte, the lowest first; the top bit says that more follow.
fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_number(out, text.len() as u64);
    out.extend(text.bytes());
}

fn put_branch(out: &mut Vec<u8>, members: &Branch) {
    put_number(out, members.len() as u64);
    for (name, node) in members {
        put_text(out, name);
        match node {
            Node::Branch(members) => {
                out.push(BRANCH);
                put_branch(out, members);
            }
            Node::Leaf { value, written } => {
                out.push(LEAF);
                put_number(out, *written);
                put_json(out, value);
            }
        }
    }
}

fn put_json(out: &mut Vec<u8>, value: &Json) {
    match value {
        Json::Null => out.push(NULL),
        Json::Bool(false) => out.push(FALSE),
        Json::Bool(true) => out.push(TRUE),
        Json::Number(number) => {
            out.push(NUMBER);
            put_text(out, number.as_str());
        }
        Json::Text(text) => {
            out.push(TEXT);
            put_text(out, text);
        }
        Json::Array(items) => {
            out.push(ARRAY);
            put_number(out, items.len() as u64);
            items.iter().for_each(|item| put_json(out, item));
        }
        Json::Object(members) => {
            out.push(OBJECT);
            put_number(out, members.len() as u64);
            for (name, value) in members {
                put_text(out, name);
                put_json(out, value);
            }
        }
    }
}

/// Reads a record from its front.
struct Reader<'a> {
    rest: &'a [u8],
}

type Read<T> = Result<T, RecordError>;

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Read<u8> {
        let (first, rest) = self.rest.split_first().ok_or(RecordError::Damaged)?;
        self.rest = rest;
        Ok(*first)
    }

    fn number(&mut self) -> Read<u64> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(RecordError::Damaged)
    }

    fn text(&mut self) -> Read<&'a str> {
        let length = usize::try_from(self.number()?).map_err(|_| RecordError::Damaged)?;
        let (text, rest) = self.rest.split_at_checked(length).ok_or(RecordError::Damaged)?;
        self.rest = rest;
        std::str::from_utf8(text).map_err(|_| RecordError::Damaged)
    }

    fn branch(&mut self, depth: usize) -> Read<Branch> {
        let mut members = Branch::new();
        // Every member takes a byte at least, so a count that lies soon finds the end.
        for _ in 0..self.number()? {
            let name = self.text()?.into();
            let node = match self.byte()? {
                BRANCH if depth < MAX_DEPTH => Node::Branch(self.branch(depth + 1)?),
                LEAF => {
                    let written = self.number()?;
                    Node::Leaf { value: self.json(depth)?, written }
                }
                _ => return Err(RecordError::Damaged),
            };
            members.insert(name, node);
        }
        Ok(members)
    }

    fn json(&mut self, depth: usize) -> Read<Json> {
        if depth > MAX_DEPTH {
            return Err(RecordError::Damaged);
        }
        match self.byte()? {
            NULL => Ok(Json::Null),
            FALSE => Ok(Json::Bool(false)),
            TRUE => Ok(Json::Bool(true)),
            NUMBER => match Json::parse(self.text()?.as_bytes()) {
                Ok(number @ Json::Number(_)) => Ok(number),
                Ok(_) | Err(_) => Err(RecordError::Damaged),
            },
            TEXT => Ok(Json::Text(self.text()?.into())),
            ARRAY => {
                let count = self.number()?;
                (0..count).map(|_| self.json(depth + 1)).collect::<Read<_>>().map(Json::Array)
            }
            OBJECT => {
                let mut members = Object::new();
                for _ in 0..self.number()? {
                    let name = self.text()?.into();
                    members.insert(name, self.json(depth + 1)?);
                }
                Ok(Json::Object(members))
            }
            _ => Err(RecordError::Damaged),
        }
    }
}
