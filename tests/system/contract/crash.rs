//! SIGKILL in the middle of commits: what was acknowledged is there, and what else is there is the
//! beginning of what came next.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lns::store::{StoreKind, contract, open};

use crate::story::{self, Records};

/// Kills of a process that is committing, for each kind.
const ROUNDS: u64 = 15;

/// Kills of a process that is starting up, for each kind.
const STARTS: u64 = 15;

#[test]
fn sled_keeps_a_prefix_through_kills() {
    keeps_a_prefix_through_kills(StoreKind::Sled);
}

#[test]
fn redb_keeps_a_prefix_through_kills() {
    keeps_a_prefix_through_kills(StoreKind::Redb);
}

fn keeps_a_prefix_through_kills(kind: StoreKind) {
    let dir = crate::folder();
    let mut records = Records::new();
    let mut place = 0;
    for round in 0..ROUNDS {
        let acknowledged =
            write_until_killed(kind, dir.path(), place, 1 + story::scramble(round) % 60);
        assert!(acknowledged > place, "the writer made no progress");
        (place..acknowledged).map(story::write_at).for_each(|w| story::perform(w, &mut records));
        place = find_place(kind, dir.path(), acknowledged, &mut records);
    }
    for start in 0..STARTS {
        kill_while_starting(kind, dir.path(), place, Duration::from_micros(500 + 1_500 * start));
        place = find_place_of_several(kind, dir.path(), place, &mut records);
    }
}

/// Lets a process tell the story from `place` and kills it after `commits`. How far it got is what
/// it had said before it died.
fn write_until_killed(kind: StoreKind, dir: &Path, place: u64, commits: u64) -> u64 {
    let mut child = writer(kind, dir, place);
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let mut reached = place;
    for line in lines.by_ref().take(commits as usize) {
        reached = line.expect("it is text").parse().expect("it is a place");
    }
    kill(&mut child);
    for line in lines {
        reached = line.expect("it is text").parse().expect("it is a place");
    }
    reached
}

fn kill_while_starting(kind: StoreKind, dir: &Path, place: u64, after: Duration) {
    let mut child = writer(kind, dir, place);
    let end = Instant::now() + after;
    while Instant::now() < end {
        std::hint::spin_loop();
    }
    kill(&mut child);
}

fn writer(kind: StoreKind, dir: &Path, place: u64) -> Child {
    Command::new(env!("CARGO_BIN_EXE_store-writer"))
        .args(["write", kind.name(), &dir.display().to_string(), &place.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the writer starts")
}

fn kill(child: &mut Child) {
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
}

/// Where the story stopped: nothing acknowledged is missing, at most one commit came after it.
fn find_place(kind: StoreKind, dir: &Path, acknowledged: u64, records: &mut Records) -> u64 {
    let end = acknowledged + story::group_at(acknowledged);
    search(kind, dir, acknowledged..=end, records)
}

/// The same where nobody listened to how far the writer got.
fn find_place_of_several(kind: StoreKind, dir: &Path, place: u64, records: &mut Records) -> u64 {
    search(kind, dir, place..=place + 20_000, records)
}

fn search(
    kind: StoreKind,
    dir: &Path,
    places: std::ops::RangeInclusive<u64>,
    records: &mut Records,
) -> u64 {
    let store = open(kind, dir).unwrap_or_else(|error| panic!("{kind} after a kill: {error}"));
    let found: Records =
        contract::dump(&*store).into_iter().map(|(t, key, value)| ((t, key), value)).collect();
    for place in places.clone() {
        if *records == found {
            return place;
        }
        story::perform(story::write_at(place), records);
    }
    panic!("{kind} holds no prefix of the story between {places:?} after a kill");
}
