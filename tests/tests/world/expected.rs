//! Transcripts as they are expected: text files beside this one.

use std::path::Path;

use lns_lorawan::TimeDelta;
use system_tests::world::World;

/// Lets a world pass for `seconds` and compares its transcript with `expected/{name}.txt`.
pub fn transcript_is(name: &str, world: &mut World, seconds: i64) {
    if let Err(failure) = world.run(TimeDelta::from_secs(seconds)) {
        panic!("{failure}");
    }
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/world/expected/{name}.txt"));
    let transcript = world.transcript();
    if std::env::var_os("LNS_WORLD_WRITE").is_some() {
        std::fs::write(&path, &transcript).expect("the expected transcript can be written");
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        expected == transcript,
        "{} differs.\nexpected:\n{expected}\ngot:\n{transcript}\n\
         If the new one is right: LNS_WORLD_WRITE=1 cargo test -p system-tests --test world",
        path.display()
    );
}
