//! postgresql: insert a row. Our own kind.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ActionError, SecretText, bad};
use crate::rule::value::Value;

/// The longest name in PostgreSQL, in bytes.
const MAX_NAME_BYTES: usize = 63;

/// Insert a row. Each key of the result is a column, unless `payloadColumn` takes all of it;
/// `columns` adds more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Postgresql<T> {
    /// `postgresql://user:password@host:port/database`.
    pub url: SecretText,
    /// The table, with or without its schema.
    pub table: String,
    /// One column that takes the whole result as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload_column: Option<String>,
    /// Further columns, and their values as text.
    #[serde(default = "BTreeMap::new", skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, T>,
}

/// Why a result is no row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// Not an object, and no column takes it whole.
    #[error("the result is no object, and no payloadColumn takes it as it is")]
    NotAnObject,
    /// A key that can be no column.
    #[error("{0:?} is no name of a column")]
    BadColumn(String),
}

impl<T> Postgresql<T> {
    pub(super) fn try_map<U, E>(
        &self,
        of: &mut impl FnMut(&T) -> Result<U, E>,
    ) -> Result<Postgresql<U>, E> {
        let columns = self.columns.iter().map(|(name, value)| Ok((name.clone(), of(value)?)));
        Ok(Postgresql {
            url: self.url.clone(),
            table: self.table.clone(),
            payload_column: self.payload_column.clone(),
            columns: columns.collect::<Result<_, E>>()?,
        })
    }
}

impl Postgresql<String> {
    pub(super) fn check(&self) -> Result<(), ActionError> {
        const KIND: &str = "postgresql";
        if !["postgresql://", "postgres://"]
            .iter()
            .any(|scheme| self.url.expose().starts_with(scheme))
        {
            return Err(bad(KIND, "url", "begins with postgresql://"));
        }
        let parts: Vec<&str> = self.table.split('.').collect();
        if parts.len() > 2 || !parts.iter().all(|part| is_name(part)) {
            return Err(bad(KIND, "table", format!("{:?} is no name of a table", self.table)));
        }
        let mut columns = self.columns.keys().chain(&self.payload_column);
        match columns.find(|name| !is_name(name)) {
            Some(name) => Err(bad(KIND, "columns", format!("{name:?} is no name of a column"))),
            None => Ok(()),
        }
    }

    /// The row that a result is: columns and values, in order. Of two of one name the later counts.
    pub fn row(&self, result: &Value) -> Result<Vec<(String, serde_json::Value)>, RowError> {
        let mut row: Vec<(String, serde_json::Value)> = Vec::new();
        let mut put = |name: &str, value| match row.iter_mut().find(|(known, _)| known == name) {
            Some((_, before)) => *before = value,
            None => row.push((name.to_owned(), value)),
        };
        match (&self.payload_column, result) {
            (Some(column), result) => put(column, result.into()),
            (None, Value::Object(object)) => {
                for (key, value) in object.iter().filter(|(_, value)| !value.is_undefined()) {
                    if !is_name(key) {
                        return Err(RowError::BadColumn(key.to_string()));
                    }
                    put(key, value.into());
                }
            }
            (None, _) => return Err(RowError::NotAnObject),
        }
        for (name, value) in &self.columns {
            put(name, value.clone().into());
        }
        Ok(row)
    }
}

fn is_name(name: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&name.len()) && !name.contains(['\0', '"'])
}
