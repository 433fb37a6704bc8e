//! Documents as tables: one row a field, with both its spellings and what it may hold.
//!
//! AWS writes `RxFreq2` in steps of 100 Hz where `/v1/` writes `rx2_frequency` in Hz; the record
//! itself knows neither. A table is read and written by the same rows, so the two cannot drift.

use std::ops::RangeInclusive;

use serde_json::{Map, Value, json};

use super::ApiError;
use super::fields::{Fields, flag, text, whole, wrong};

/// Whose spelling a document has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// PascalCase, AWS's names and units.
    Aws,
    /// snake_case, ours.
    Ours,
}

/// One field of a record `T`.
pub struct Row<T: 'static> {
    /// Its name in AWS-shaped documents.
    pub aws: &'static str,
    /// Its name under `/v1/`.
    pub ours: &'static str,
    /// Whether AWS does not have it: accepted in AWS-shaped documents, not shown there.
    pub extra: bool,
    slot: Slot<T>,
}

/// What a field holds, and where.
pub enum Slot<T: 'static> {
    /// True or false.
    Flag(fn(&mut T) -> &mut Option<bool>),
    /// A whole number within a range.
    Whole(fn(&mut T) -> &mut Option<u32>, RangeInclusive<u32>),
    /// A frequency: Hz, in AWS's documents steps of 100 Hz.
    Frequency(fn(&mut T) -> &mut Option<u32>),
    /// At most so many frequencies.
    Frequencies(fn(&mut T) -> &mut Option<Vec<u32>>, usize),
    /// Text of at most so many characters.
    Text(fn(&mut T) -> &mut Option<String>, usize),
    /// One of a few words.
    Word(fn(&mut T) -> &mut Option<String>, &'static [&'static str]),
}

/// Frequencies that AWS admits, in its steps.
const STEPS: RangeInclusive<u32> = 1_000_000..=16_700_000;

/// Hz in one of AWS's steps.
const STEP: u32 = 100;

impl Spelling {
    fn frequency(self, path: &str, value: &Value) -> Result<u32, ApiError> {
        match self {
            Spelling::Aws => Ok(whole(path, value, &STEPS)? * STEP),
            Spelling::Ours => whole(path, value, &(STEPS.start() * STEP..=STEPS.end() * STEP)),
        }
    }

    fn unit(self, hz: u32) -> u32 {
        match self {
            Spelling::Aws => hz / STEP,
            Spelling::Ours => hz,
        }
    }
}

impl<T> Row<T> {
    /// A field that AWS has.
    pub const fn new(aws: &'static str, ours: &'static str, slot: Slot<T>) -> Self {
        Self { aws, ours, extra: false, slot }
    }

    /// A field of ours.
    pub const fn extra(aws: &'static str, ours: &'static str, slot: Slot<T>) -> Self {
        Self { aws, ours, extra: true, slot }
    }

    /// Its name.
    pub fn name(&self, spelling: Spelling) -> &'static str {
        match spelling {
            Spelling::Aws => self.aws,
            Spelling::Ours => self.ours,
        }
    }

    fn set(
        &self,
        record: &mut T,
        path: &str,
        (spelling, value): (Spelling, Value),
    ) -> Result<(), ApiError> {
        match &self.slot {
            Slot::Flag(field) => *field(record) = Some(flag(path, &value)?),
            Slot::Whole(field, range) => *field(record) = Some(whole(path, &value, range)?),
            Slot::Frequency(field) => *field(record) = Some(spelling.frequency(path, &value)?),
            Slot::Frequencies(field, most) => {
                *field(record) = Some(frequencies(path, (spelling, value), *most)?);
            }
            Slot::Text(field, most) => *field(record) = Some(text(path, value, &(0..=*most))?),
            Slot::Word(field, words) => {
                let word = text(path, value, &(0..=64))?;
                if !words.contains(&word.as_str()) {
                    return Err(wrong(path, format!("{word:?} is none of {}", words.join(", "))));
                }
                *field(record) = Some(word);
            }
        }
        Ok(())
    }

    fn clear(&self, record: &mut T) {
        match &self.slot {
            Slot::Flag(field) => *field(record) = None,
            Slot::Whole(field, _) | Slot::Frequency(field) => *field(record) = None,
            Slot::Frequencies(field, _) => *field(record) = None,
            Slot::Text(field, _) | Slot::Word(field, _) => *field(record) = None,
        }
    }

    fn value(&self, record: &mut T, spelling: Spelling) -> Option<Value> {
        match &self.slot {
            Slot::Flag(field) => field(record).map(Value::from),
            Slot::Whole(field, _) => field(record).map(Value::from),
            Slot::Frequency(field) => field(record).map(|hz| json!(spelling.unit(hz))),
            Slot::Frequencies(field, _) => field(record)
                .as_ref()
                .map(|list| list.iter().map(|hz| json!(spelling.unit(*hz))).collect()),
            Slot::Text(field, _) | Slot::Word(field, _) => {
                field(record).as_ref().map(|text| json!(text))
            }
        }
    }
}

fn frequencies(
    path: &str,
    (spelling, value): (Spelling, Value),
    most: usize,
) -> Result<Vec<u32>, ApiError> {
    let Value::Array(list) = value else { return Err(wrong(path, "it is not a list")) };
    if list.len() > most {
        let problem = format!("it has {} entries and may have {most}", list.len());
        return Err(wrong(path, problem));
    }
    let read = |(at, value)| spelling.frequency(&format!("{path}[{at}]"), value);
    list.iter().enumerate().map(read).collect()
}

/// Takes what `rows` know from a document into a record; a `null` puts a field back to its default.
pub fn read<T>(
    rows: &[Row<T>],
    spelling: Spelling,
    fields: &mut Fields,
    record: &mut T,
) -> Result<(), ApiError> {
    for row in rows {
        let name = row.name(spelling);
        match fields.take_change(name) {
            Some(Some(value)) => row.set(record, &fields.path(name), (spelling, value))?,
            Some(None) => row.clear(record),
            None => {}
        }
    }
    Ok(())
}

/// Writes what a record holds into a document; fields that were not given are left out.
pub fn write<T: Clone>(rows: &[Row<T>], spelling: Spelling, record: &T) -> Map<String, Value> {
    let mut record = record.clone();
    rows.iter()
        .filter(|row| spelling == Spelling::Ours || !row.extra)
        .filter_map(|row| {
            let value = row.value(&mut record, spelling)?;
            Some((row.name(spelling).to_owned(), value))
        })
        .collect()
}
