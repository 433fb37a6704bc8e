//! What is appended where, and where nothing is.

use std::time::Duration;

use super::*;
use crate::actions::task::Source;

fn task(path: &str, payload: &str) -> Arc<Task> {
    let deed = Deed::File { path: path.into(), payload: payload.into() };
    Arc::new(Task::new(0, Source::default(), deed))
}

fn room(root: &Path, target: FileTarget) -> Room {
    Room { root: root.into(), target, clock: Clock::start(), open: HashMap::new() }
}

fn read(path: PathBuf) -> String {
    std::fs::read_to_string(path).expect("the file is there")
}

#[test]
fn values_are_lines_of_json() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut room = room(folder.path(), FileTarget { is_synced: true, ..FileTarget::default() });
    let tasks =
        [task("a/b.jsonl", "{\n \"x\": 1}"), task("a/b.jsonl", "not\njson"), task("c", "[1]")];
    assert!(room.write(&tasks).iter().all(|outcome| *outcome == Outcome::Done));
    assert_eq!(read(folder.path().join("a/b.jsonl")), "{\"x\":1}\n\"not\\njson\"\n");
    assert_eq!(read(folder.path().join("c")), "[1]\n");
}

#[test]
fn members_are_cells_of_csv_under_a_head() {
    let folder = tempfile::tempdir().expect("a folder");
    let format = FileFormat::Csv(vec!["t".into(), "a,b".into()]);
    let mut room = room(folder.path(), FileTarget { format, ..FileTarget::default() });
    let tasks = [task("x.csv", r#"{"t":1.5,"a,b":"say \"hi\""}"#), task("x.csv", r#"{"t":null}"#)];
    assert!(room.write(&tasks).iter().all(|outcome| *outcome == Outcome::Done));
    assert!(matches!(room.write(&[task("x.csv", "7")])[0], Outcome::Refused(_)));
    let written = read(folder.path().join("x.csv"));
    assert_eq!(written, "t,\"a,b\"\r\n1.5,\"say \"\"hi\"\"\"\r\n,\r\n");
}

#[test]
fn no_path_leads_out_of_the_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let outside = tempfile::tempdir().expect("a folder");
    std::os::unix::fs::symlink(outside.path(), folder.path().join("link")).expect("a link");
    let escape = outside.path().join("x");
    std::os::unix::fs::symlink(&escape, folder.path().join("file")).expect("a link");
    let mut room = room(folder.path(), FileTarget::default());
    for path in ["", "/etc/x", "../x", "a/../../x", "a/", "a\\b", "a\0b", ".", "link/x", "file"] {
        let outcome = room.write(&[task(path, "1")]).remove(0);
        assert!(matches!(outcome, Outcome::Refused(_)), "{path:?}: {outcome:?}");
    }
    assert!(std::fs::read_dir(outside.path()).expect("it is there").next().is_none());
}

#[test]
fn a_file_that_is_large_or_old_is_set_aside() {
    let folder = tempfile::tempdir().expect("a folder");
    let target = FileTarget { rotate_bytes: Some(10), ..FileTarget::default() };
    let mut large = room(folder.path(), target);
    for number in 0..20 {
        assert_eq!(
            large.write(&[task("n.jsonl", &format!("{}", 10_000 + number))]),
            [Outcome::Done]
        );
    }
    let files: Vec<PathBuf> = std::fs::read_dir(folder.path())
        .expect("it is there")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    assert_eq!(files.len(), 10, "two lines a file: {files:?}");
    let lines: usize = files.into_iter().map(|file| read(file).lines().count()).sum();
    assert_eq!(lines, 20);
    let target = FileTarget { rotate_after: Some(Duration::ZERO), ..FileTarget::default() };
    let mut old = room(&folder.path().join("old"), target);
    old.write(&[task("a", "1")]);
    old.write(&[task("a", "2")]);
    assert_eq!(std::fs::read_dir(folder.path().join("old")).expect("it is there").count(), 2);
}

#[test]
fn a_line_that_a_crash_cut_off_is_ended() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a"), "{\"x\":1}\n{\"x\":").expect("written");
    room(folder.path(), FileTarget::default()).write(&[task("a", "3")]);
    assert_eq!(read(folder.path().join("a")), "{\"x\":1}\n{\"x\":\n3\n");
}

#[test]
fn a_full_disk_is_no_fault_of_the_line() {
    // Linux's device that has never any room.
    let mut room = room(Path::new("/dev"), FileTarget::default());
    let outcome = room.write(&[task("full", "{}")]).remove(0);
    assert!(
        matches!(&outcome, Outcome::Retry(why) if why.contains("No space left")),
        "{outcome:?}"
    );
    assert!(room.open.is_empty(), "it is opened anew when there is room again");
}
