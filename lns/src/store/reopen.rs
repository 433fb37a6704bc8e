//! A database that is opened again after it failed.
//!
//! Both engines refuse everything after the first error of the disk, until they are opened anew.
//! Opening anew is also what makes a failed commit honest: what is read afterwards is what is on
//! the disk. So a full disk needs free space, and no restart.

use std::sync::Arc;

use parking_lot::Mutex;

use super::StoreError;

type Open<D> = dyn Fn() -> Result<D, StoreError> + Send + Sync;

/// A database and how to open it.
pub(super) struct Reopening<D> {
    /// `None` after a failure, until the next use.
    current: Mutex<Option<Arc<D>>>,
    open: Box<Open<D>>,
}

impl<D> Reopening<D> {
    /// Opens the database for the first time.
    pub(super) fn open(
        open: impl Fn() -> Result<D, StoreError> + Send + Sync + 'static,
    ) -> Result<Self, StoreError> {
        let first = open()?;
        Ok(Self { current: Mutex::new(Some(Arc::new(first))), open: Box::new(open) })
    }

    /// Uses the database. When `act` fails, the next use opens it anew.
    pub(super) fn with<T>(
        &self,
        act: impl FnOnce(&D) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let database = self.current()?;
        let result = act(&database);
        if result.is_err() {
            self.forget(&database);
        }
        result
    }

    fn current(&self) -> Result<Arc<D>, StoreError> {
        let mut current = self.current.lock();
        if let Some(database) = &*current {
            return Ok(Arc::clone(database));
        }
        let database = Arc::new((self.open)()?);
        *current = Some(Arc::clone(&database));
        Ok(database)
    }

    fn forget(&self, failed: &Arc<D>) {
        let mut current = self.current.lock();
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, failed)) {
            *current = None;
        }
    }
}
