//! file: append to a file. Our own kind.

use serde::{Deserialize, Serialize};

use super::{ActionError, bad};

/// Append to a file below the folder that the operator names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WriteFile<T> {
    /// Its path, relative to the folder.
    pub path: T,
    /// What a line is.
    #[serde(default)]
    pub format: FileFormat,
    /// The keys that are columns of CSV, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// A file of so many bytes is put aside and a new one begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotate_bytes: Option<u64>,
    /// A file that is so many seconds old is put aside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotate_seconds: Option<u64>,
    /// How many files that were put aside are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_files: Option<u32>,
}

/// What a line of a file is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FileFormat {
    /// The result as JSON.
    #[default]
    JsonLines,
    /// Some keys of the result, by RFC 4180; the first line names them.
    Csv,
}

impl<T> WriteFile<T> {
    pub(super) fn try_map<U, E>(
        &self,
        of: &mut impl FnMut(&T) -> Result<U, E>,
    ) -> Result<WriteFile<U>, E> {
        Ok(WriteFile {
            path: of(&self.path)?,
            format: self.format,
            columns: self.columns.clone(),
            rotate_bytes: self.rotate_bytes,
            rotate_seconds: self.rotate_seconds,
            keep_files: self.keep_files,
        })
    }
}

/// Whether a path stays below the folder it is relative to.
fn stays_below(path: &str) -> bool {
    !path.is_empty()
        && !path.starts_with('/')
        && !path.contains(['\0', '\\'])
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

impl WriteFile<String> {
    pub(super) fn check(&self) -> Result<(), ActionError> {
        const KIND: &str = "file";
        if !super::is_template(&self.path) && !stays_below(&self.path) {
            return Err(bad(
                KIND,
                "path",
                format!("{:?} is no relative path of a file", self.path),
            ));
        }
        match self.format {
            FileFormat::Csv if self.columns.is_empty() => {
                Err(bad(KIND, "columns", "name the columns of CSV"))
            }
            FileFormat::JsonLines if !self.columns.is_empty() => {
                Err(bad(KIND, "columns", "are for CSV"))
            }
            FileFormat::Csv | FileFormat::JsonLines => Ok(()),
        }
    }

    /// The path for one message, if it stays below its folder. A template is filled in by whoever
    /// publishes, so ask for each message.
    pub fn safe_path(&self) -> Option<&str> {
        stays_below(&self.path).then_some(&self.path)
    }
}
