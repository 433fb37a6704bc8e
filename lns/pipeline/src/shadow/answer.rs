//! What is said of a request: the documents of AWS, written out.

use super::delta::Delta;
use super::document::{Seconds, Shadow, State};
use super::json;
use super::metadata;
use super::request::{Change, Update};

/// Room for most documents.
const ROOM: usize = 512;

/// The end of every document: version, time, token.
struct Tail<'a> {
    version: u64,
    now: Seconds,
    client_token: Option<&'a str>,
}

impl Tail<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend(format!(r#","version":{},"timestamp":{}"#, self.version, self.now).bytes());
        write_token(out, self.client_token);
        out.push(b'}');
    }
}

/// Appends the member `clientToken`, when there is one.
pub fn write_token(out: &mut Vec<u8>, client_token: Option<&str>) {
    if let Some(token) = client_token {
        out.extend(br#","clientToken":"#);
        json::write_text(out, token);
    }
}

/// The whole document: `get/accepted`.
pub fn whole(version: u64, state: &State, now: Seconds, client_token: Option<&str>) -> Vec<u8> {
    let mut out = Vec::with_capacity(ROOM);
    out.extend(br#"{"state":"#);
    state.write(&mut out);
    let delta = Delta::of(state);
    if !delta.is_empty() {
        // There is a desired section, so the object is not empty.
        out.pop();
        out.extend(br#","delta":"#);
        delta.write(&mut out);
        out.push(b'}');
    }
    out.extend(br#","metadata":"#);
    state.write_metadata(&mut out);
    Tail { version, now, client_token }.write(&mut out);
    out
}

/// What an update has changed: `update/accepted`.
pub fn updated(version: u64, update: &Update, now: Seconds) -> Vec<u8> {
    let mut out = Vec::with_capacity(ROOM);
    let sections = || {
        let sections = [("desired", &update.desired), ("reported", &update.reported)];
        sections.into_iter().filter_map(|(name, change)| Some((name, change.as_ref()?)))
    };
    out.extend(br#"{"state":{"#);
    for (at, (name, change)) in sections().enumerate() {
        json::separate(&mut out, at);
        json::write_name(&mut out, name);
        match change {
            Change::Clear => out.extend(b"null"),
            Change::Merge(members) => json::write_object(&mut out, members),
        }
    }
    out.extend(br#"},"metadata":{"#);
    let merged = sections().filter_map(|(name, change)| match change {
        Change::Clear => None,
        Change::Merge(members) => Some((name, members)),
    });
    for (at, (name, members)) in merged.enumerate() {
        json::separate(&mut out, at);
        json::write_name(&mut out, name);
        metadata::write_object(&mut out, members, now);
    }
    out.push(b'}');
    Tail { version, now, client_token: update.client_token.as_deref() }.write(&mut out);
    out
}

/// What is desired and not reported: `update/delta`. `None` when there is nothing.
pub fn delta(
    version: u64,
    state: &State,
    now: Seconds,
    client_token: Option<&str>,
) -> Option<Vec<u8>> {
    let delta = Delta::of(state);
    if delta.is_empty() {
        return None;
    }
    let mut out = Vec::with_capacity(ROOM);
    out.extend(br#"{"state":"#);
    delta.write(&mut out);
    out.extend(br#","metadata":"#);
    delta.write_metadata(&mut out);
    Tail { version, now, client_token }.write(&mut out);
    Some(out)
}

/// The document before and after: `update/documents`.
pub fn documents(
    (before, after): (&Shadow, &Shadow),
    now: Seconds,
    client_token: Option<&str>,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(2 * ROOM);
    out.extend(br#"{"previous":"#);
    write_snapshot(&mut out, before);
    out.extend(br#","current":"#);
    write_snapshot(&mut out, after);
    out.extend(format!(r#","timestamp":{now}"#).bytes());
    write_token(&mut out, client_token);
    out.push(b'}');
    out
}

fn write_snapshot(out: &mut Vec<u8>, shadow: &Shadow) {
    let nothing = State::default();
    let state = shadow.state.as_ref().unwrap_or(&nothing);
    out.extend(br#"{"state":"#);
    state.write(out);
    out.extend(br#","metadata":"#);
    state.write_metadata(out);
    out.extend(format!(r#","version":{}}}"#, shadow.version).bytes());
}

/// That it is no more: `delete/accepted`.
pub fn deleted(version: u64, now: Seconds, client_token: Option<&str>) -> Vec<u8> {
    let mut out = format!(r#"{{"version":{version},"timestamp":{now}"#).into_bytes();
    write_token(&mut out, client_token);
    out.push(b'}');
    out
}
