//! Files: appends lines below one folder, and sets files aside by size and age.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use lns_lorawan::Timestamp;
use serde_json::Value;

use super::super::client::{Appetite, Client, Outcome};
use super::super::deed::{Deed, FileFormat, FileTarget};
use super::super::task::Task;
use crate::clock::Clock;

/// Files that one action keeps open.
const OPEN: usize = 64;

/// The longest path below the folder.
const LONGEST: usize = 512;

pub(super) struct Files {
    room: Option<Room>,
}

/// What a blocking thread borrows for a batch.
struct Room {
    root: PathBuf,
    target: FileTarget,
    clock: Clock,
    open: HashMap<String, Opened>,
}

struct Opened {
    file: File,
    size: u64,
    since: SystemTime,
}

/// Why a line was not written.
enum Wrong {
    /// The task itself will not do.
    Task(String),
    /// The disk, or a right.
    Disk(String),
}

impl Files {
    pub fn new(root: PathBuf, target: FileTarget, clock: Clock) -> Self {
        Self { room: Some(Room { root, target, clock, open: HashMap::new() }) }
    }
}

#[async_trait]
impl Client for Files {
    fn appetite(&self) -> Appetite {
        Appetite::of(1000)
    }

    async fn perform(&mut self, tasks: &[Arc<Task>]) -> Vec<Outcome> {
        let Some(mut room) = self.room.take() else {
            return Outcome::Refused("writing panicked before".to_owned()).for_all(tasks);
        };
        let batch = tasks.to_vec();
        let written = tokio::task::spawn_blocking(move || {
            let outcomes = room.write(&batch);
            (room, outcomes)
        });
        match written.await {
            Ok((room, outcomes)) => {
                self.room = Some(room);
                outcomes
            }
            Err(_) => Outcome::Refused("writing panicked".to_owned()).for_all(tasks),
        }
    }
}

impl Room {
    fn write(&mut self, tasks: &[Arc<Task>]) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for task in tasks {
            outcomes.push(match self.append(task) {
                Ok(()) => Outcome::Done,
                Err(Wrong::Task(why)) => Outcome::Refused(why),
                Err(Wrong::Disk(why)) => Outcome::Retry(why),
            });
        }
        if self.target.is_synced
            && let Some(why) = self.sync()
        {
            // Nobody knows which lines the disk has: all are written again.
            self.open.clear();
            for outcome in outcomes.iter_mut().filter(|outcome| **outcome == Outcome::Done) {
                *outcome = Outcome::Retry(why.clone());
            }
        }
        if self.open.len() > OPEN {
            self.open.clear();
        }
        outcomes
    }

    fn sync(&self) -> Option<String> {
        let failed = self
            .open
            .iter()
            .find_map(|(path, opened)| Some((path, opened.file.sync_data().err()?)));
        failed.map(|(path, error)| format!("{path} could not be synced: {error}"))
    }

    fn append(&mut self, task: &Task) -> Result<(), Wrong> {
        let Deed::File { path, payload } = &task.deed else {
            return Err(Wrong::Task("not a line of a file".to_owned()));
        };
        let line = match &self.target.format {
            FileFormat::JsonLines => json_line(payload),
            FileFormat::Csv(columns) => csv_line(payload, columns).map_err(Wrong::Task)?,
        };
        let place = self.place(path)?;
        let disk = |error: io::Error| Wrong::Disk(format!("{path}: {error}"));
        self.set_aside(path, &place).map_err(disk)?;
        if !self.open.contains_key(path) {
            let opened = open(&place, &self.target.format).map_err(disk)?;
            self.open.insert(path.clone(), opened);
        }
        let opened = self.open.get_mut(path).expect("just opened");
        if let Err(error) = opened.file.write_all(&line) {
            // The disk may be full in the middle of a line, which is written again as a whole.
            let _ = opened.file.set_len(opened.size);
            self.open.remove(path);
            return Err(disk(error));
        }
        opened.size += line.len() as u64;
        Ok(())
    }

    /// The place of a path below the folder, whose folders are made. It does not lead out of it,
    /// neither by its words nor by links.
    fn place(&self, path: &str) -> Result<PathBuf, Wrong> {
        check(path).map_err(Wrong::Task)?;
        let disk = |error: io::Error| Wrong::Disk(format!("{path}: {error}"));
        std::fs::create_dir_all(&self.root).map_err(disk)?;
        let root = self.root.canonicalize().map_err(disk)?;
        let mut folder = root.clone();
        let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
        for part in folders.split('/').filter(|part| !part.is_empty()) {
            folder.push(part);
            if !folder.exists() {
                std::fs::create_dir(&folder).map_err(disk)?;
            }
            let real = folder.canonicalize().map_err(disk)?;
            if !real.starts_with(&root) {
                return Err(Wrong::Task(format!("{path} leads out of the folder by a link")));
            }
        }
        let place = folder.join(name);
        if place.is_symlink() {
            return Err(Wrong::Task(format!("{path} is a link; only files are written")));
        }
        Ok(place)
    }

    /// Gives a file that is too large or too old another name.
    fn set_aside(&mut self, path: &str, place: &Path) -> io::Result<()> {
        let Ok(found) = std::fs::metadata(place) else {
            self.open.remove(path);
            return Ok(());
        };
        let size = self.open.get(path).map_or(found.len(), |opened| opened.size);
        let since = self.open.get(path).map_or_else(|| since(&found), |opened| opened.since);
        let is_large = self.target.rotate_bytes.is_some_and(|limit| size >= limit);
        let age = SystemTime::now().duration_since(since).unwrap_or_default();
        let is_old = self.target.rotate_after.is_some_and(|limit| age >= limit);
        if !(is_large || is_old) || size == 0 {
            return Ok(());
        }
        self.open.remove(path);
        std::fs::rename(place, aside(place, self.clock.now()))?;
        self.target.keep.map_or(Ok(()), |keep| prune(place, keep))
    }
}

/// Deletes the oldest of the files that were set aside, but for `keep`.
fn prune(place: &Path, keep: u32) -> io::Result<()> {
    let (Some(folder), Some(stem)) = (place.parent(), place.file_stem()) else { return Ok(()) };
    let (begin, end) = (format!("{}-20", stem.to_string_lossy()), place.extension());
    let mut found: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let named = entry.file_name().to_string_lossy().starts_with(&begin);
        if named && path.extension() == end && path != place {
            found.push((entry.metadata()?.modified()?, path));
        }
    }
    found.sort();
    let beyond = found.len().saturating_sub(keep as usize);
    found.into_iter().take(beyond).try_for_each(|(_, path)| std::fs::remove_file(path))
}

/// When a file began: its birth where the file system knows it, else its last change.
fn since(found: &std::fs::Metadata) -> SystemTime {
    found.created().or_else(|_| found.modified()).unwrap_or_else(|_| SystemTime::now())
}

/// A name that is free: `name-2026-11-23T22-00-00Z.ext`, with a number where that is taken.
fn aside(place: &Path, now: Timestamp) -> PathBuf {
    let stem = place.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let extension = place.extension().map(|ext| format!(".{}", ext.to_string_lossy()));
    let extension = extension.unwrap_or_default();
    let moment: String = now.to_rfc3339().chars().take(19).collect::<String>().replace(':', "-");
    let named = |number: u32| match number {
        0 => place.with_file_name(format!("{stem}-{moment}Z{extension}")),
        number => place.with_file_name(format!("{stem}-{moment}Z-{number}{extension}")),
    };
    (0..).map(named).find(|name| !name.exists()).expect("a number is free")
}

/// Refuses what is no plain path below the folder.
fn check(path: &str) -> Result<(), String> {
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    let good = |letter: char| !letter.is_control() && letter != '\\';
    let is_plain = Path::new(path).components().all(plain) && path.chars().all(good);
    if path.is_empty() || path.len() > LONGEST || path.ends_with('/') || !is_plain {
        return Err(format!(
            "{path:?} is no path below the folder: names with '/' between them, without '..', at \
             most {LONGEST} bytes"
        ));
    }
    Ok(())
}

/// Opens a file at its end. A line that a crash cut off is ended, so that the next stands alone.
fn open(place: &Path, format: &FileFormat) -> io::Result<Opened> {
    let mut file = OpenOptions::new().create(true).append(true).read(true).open(place)?;
    let mut size = file.metadata()?.len();
    if size > 0 {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            file.write_all(b"\n")?;
            size += 1;
        }
    } else if let FileFormat::Csv(columns) = format {
        let heads: Vec<String> = columns.iter().map(|column| csv_cell(column)).collect();
        let head = heads.join(",") + "\r\n";
        if let Err(error) = file.write_all(head.as_bytes()) {
            let _ = file.set_len(0);
            return Err(error);
        }
        size = head.len() as u64;
    }
    let since = since(&file.metadata()?);
    Ok(Opened { file, size, since })
}

/// The value on one line; what is no JSON goes in as a text.
fn json_line(payload: &[u8]) -> Vec<u8> {
    let value: Value = serde_json::from_slice(payload)
        .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(payload)));
    let mut line = value.to_string().into_bytes();
    line.push(b'\n');
    line
}

fn csv_line(payload: &[u8], columns: &[String]) -> Result<Vec<u8>, String> {
    let value: Value = serde_json::from_slice(payload)
        .map_err(|error| format!("what the rule selected is no JSON: {error}"))?;
    let members = value.as_object().ok_or("what the rule selected is no object with columns")?;
    let cell = |column: &String| match members.get(column) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => csv_cell(text),
        Some(other) => csv_cell(&other.to_string()),
    };
    let cells: Vec<String> = columns.iter().map(cell).collect();
    Ok((cells.join(",") + "\r\n").into_bytes())
}

/// A cell by RFC 4180 §2.
fn csv_cell(text: &str) -> String {
    if text.contains([',', '"', '\r', '\n']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text.to_owned()
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
