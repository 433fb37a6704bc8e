//! One process per data directory.
//!
//! The lock is the system's (`flock`), so it ends with the process, however that ends. The number
//! in the file is only there to name the holder to a person.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use super::StoreError;

/// How long a lock that is taken is waited for.
const PATIENCE: Duration = Duration::from_millis(300);

/// Held while this process owns the data directory.
#[derive(Debug)]
pub struct DirLock {
    /// Unlocked when closed.
    _file: File,
}

impl DirLock {
    /// Takes `dir`, creating it when it is not there. Never waits.
    pub fn acquire(dir: &Path) -> Result<Self, StoreError> {
        let failed =
            |source| StoreError::io(format!("take the data directory {}", dir.display()), source);
        fs::create_dir_all(dir).map_err(failed)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(dir.join("lock"))
            .map_err(failed)?;
        match lock_patiently(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Locked { dir: dir.to_owned(), pid: read_pid(&mut file) });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        file.set_len(0).map_err(failed)?;
        file.rewind().map_err(failed)?;
        // A full disk must not keep a server from starting to say so: the number is a courtesy.
        let _courtesy = writeln!(file, "{}", std::process::id());
        Ok(Self { _file: file })
    }
}

/// Takes the lock, trying for [`PATIENCE`].
///
/// A process that starts another holds its locks twice from fork to exec, even one that it has
/// just let go: what looks taken may be free in a moment.
fn lock_patiently(file: &File) -> Result<(), TryLockError> {
    let give_up = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if Instant::now() < give_up => {
                std::thread::sleep(Duration::from_millis(10));
            }
            done => return done,
        }
    }
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
