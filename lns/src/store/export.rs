//! A store as text: the way from one kind to another, and into a backup.
//!
//! One line a record, so that `grep` and `diff` work on it:
//!
//! ```text
//! lns-export 1
//! device_state 70b3d57ed0000001 AQAAAA== 5d0f2c11
//! …
//! end 4711 0c2b9e52
//! ```
//!
//! Table, key in hex, value in base64, and the CRC-32 of the line before it. An empty key or value
//! is `-`. The last line counts the records, so that a truncated file is noticed.

use std::io::{self, BufRead};
use std::ops::ControlFlow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::{Store, StoreError, Table, Write};

/// The version of the text format.
const VERSION: u32 = 1;

/// Records to a commit while importing.
const GROUP: usize = 1000;

/// What an export or an import moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// How many records.
    pub records: u64,
}

/// Writes every record of `store` to `out`. Nobody else should be committing meanwhile: what
/// changes during the export may or may not be in it.
pub fn export(store: &dyn Store, out: &mut dyn io::Write) -> Result<Exported, StoreError> {
    let failed = |source| StoreError::io("write the export", source);
    writeln!(out, "lns-export {VERSION}").map_err(failed)?;
    let mut exported = Exported::default();
    for table in Table::ALL {
        let mut wrote = Ok(());
        store.scan(table, &[], &mut |key, value| {
            let body =
                format!("{table} {} {}", or_dash(hex::encode(key)), or_dash(BASE64.encode(value)));
            wrote = write_line(out, &body);
            exported.records += 1;
            if wrote.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        wrote.map_err(failed)?;
    }
    write_line(out, &format!("end {}", exported.records)).map_err(failed)?;
    out.flush().map_err(failed)?;
    Ok(exported)
}

/// Reads an export into `store`, which must be empty.
///
/// A bad line ends the import with [`StoreError::Corrupt`]; what came before it stays, so start
/// again with an empty store.
pub fn import(store: &dyn Store, from: &mut dyn io::Read) -> Result<Exported, StoreError> {
    require_empty(store)?;
    let mut lines = io::BufReader::new(from).lines().zip(1u64..);
    read_header(&mut lines)?;
    let mut exported = Exported::default();
    let mut group = Vec::with_capacity(GROUP);
    for (line, number) in lines {
        let line = line.map_err(|source| StoreError::io("read the export", source))?;
        match parse_line(&line).map_err(|what| bad_line(number, &what))? {
            Line::Record(write) => group.push(write),
            Line::End(records) => {
                store.commit(&group)?;
                exported.records += group.len() as u64;
                return check_end(exported, records);
            }
        }
        if group.len() == GROUP {
            store.commit(&group)?;
            exported.records += group.len() as u64;
            group.clear();
        }
    }
    Err(corrupt("the export ends before its last line"))
}

enum Line {
    Record(Write),
    End(u64),
}

fn require_empty(store: &dyn Store) -> Result<(), StoreError> {
    let mut empty = true;
    for table in Table::ALL {
        store.scan(table, &[], &mut |_, _| {
            empty = false;
            ControlFlow::Break(())
        })?;
    }
    if empty { Ok(()) } else { Err(StoreError::NotEmpty) }
}

fn read_header(
    lines: &mut impl Iterator<Item = (io::Result<String>, u64)>,
) -> Result<(), StoreError> {
    let first = match lines.next() {
        Some((line, _)) => line.map_err(|source| StoreError::io("read the export", source))?,
        None => String::new(),
    };
    let version = first.strip_prefix("lns-export ").and_then(|text| text.parse::<u32>().ok());
    match version {
        Some(VERSION) => Ok(()),
        Some(found) => Err(corrupt(&format!(
            "the export has format {found}, and this release reads format {VERSION}"
        ))),
        None => Err(corrupt("this is not an export: its first line is not \"lns-export 1\"")),
    }
}

fn parse_line(line: &str) -> Result<Line, String> {
    let (body, sum) = line.rsplit_once(' ').ok_or("it has no checksum")?;
    // Nothing of the line is repeated: what stands there in place of a checksum may be a key.
    if sum != checksum(body) {
        return Err("its checksum does not fit, so it was changed or cut off".to_owned());
    }
    let fields: Vec<&str> = body.split(' ').collect();
    match fields.as_slice() {
        ["end", records] => {
            records.parse().map(Line::End).map_err(|_| format!("{records:?} is no count"))
        }
        [table, key, value] => {
            let table = Table::ALL
                .into_iter()
                .find(|known| known.name() == *table)
                .ok_or_else(|| format!("this release has no table {table:?}"))?;
            let key = hex::decode(without_dash(key)).map_err(|error| error.to_string())?;
            let value = BASE64.decode(without_dash(value)).map_err(|error| error.to_string())?;
            Ok(Line::Record(Write::Put { table, key, value }))
        }
        fields => Err(format!("it has {} fields instead of 4", fields.len() + 1)),
    }
}

fn check_end(exported: Exported, expected: u64) -> Result<Exported, StoreError> {
    if exported.records == expected {
        return Ok(exported);
    }
    Err(corrupt(&format!("the export has {} records and promises {expected}", exported.records)))
}

fn write_line(out: &mut dyn io::Write, body: &str) -> io::Result<()> {
    writeln!(out, "{body} {}", checksum(body))
}

fn checksum(body: &str) -> String {
    format!("{:08x}", crc32fast::hash(body.as_bytes()))
}

fn or_dash(text: String) -> String {
    if text.is_empty() { "-".to_owned() } else { text }
}

fn without_dash(text: &str) -> &str {
    if text == "-" { "" } else { text }
}

fn bad_line(number: u64, what: &str) -> StoreError {
    corrupt(&format!("line {number} of the export is damaged: {what}"))
}

fn corrupt(what: &str) -> StoreError {
    StoreError::Corrupt { what: what.to_owned() }
}
