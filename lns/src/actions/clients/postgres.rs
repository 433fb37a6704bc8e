//! PostgreSQL: inserts rows, several in one statement, with values as parameters.
//!
//! One parameter carries all rows as JSON, and the server makes columns of them by the table's own
//! types (`jsonb_populate_recordset`); names of tables and columns are quoted identifiers. Nothing
//! of a message is ever part of a statement's text.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Config, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::super::client::{Appetite, Client, Outcome};
use super::super::deed::{Deed, PostgresTarget};
use super::super::task::Task;
use super::hosts::Hosts;
use super::web::chain;

/// Rows of one statement.
const ROWS: usize = 1000;

/// Prepared statements of one connection: rows of so many kinds.
const STATEMENTS: usize = 32;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);

/// How long a statement may take.
const STATEMENT: Duration = Duration::from_secs(30);

pub(super) struct Postgres {
    target: PostgresTarget,
    hosts: Hosts,
    connection: Option<Connection>,
}

struct Connection {
    client: tokio_postgres::Client,
    /// Prepared statements by their columns.
    inserts: Vec<(Vec<String>, Statement)>,
}

impl Postgres {
    pub fn new(target: PostgresTarget, hosts: Hosts) -> Self {
        Self { target, hosts, connection: None }
    }

    /// The statement for rows of these columns; its one parameter is an array of them.
    ///
    /// A row that a unique constraint refuses is one that is there already: a repeat.
    fn insert(&self, columns: &[String]) -> String {
        let columns: Vec<String> = columns.iter().map(|column| quoted(column)).collect();
        let columns = columns.join(", ");
        let table: Vec<String> = self.target.table.splitn(2, '.').map(quoted).collect();
        let table = table.join(".");
        format!(
            "INSERT INTO {table} ({columns}) SELECT {columns} \
             FROM jsonb_populate_recordset(NULL::{table}, $1) ON CONFLICT DO NOTHING"
        )
    }

    /// A connection and the statement for rows of these columns.
    async fn prepared(&mut self, columns: &[String]) -> Result<(&Connection, Statement), Outcome> {
        if self.connection.as_ref().is_none_or(|connection| connection.client.is_closed()) {
            self.connection = Some(self.connect().await?);
        }
        let text = self.insert(columns);
        let connection = self.connection.as_mut().expect("just connected");
        let known = connection.inserts.iter().find(|(known, _)| known == columns);
        if let Some((_, statement)) = known {
            let statement = statement.clone();
            return Ok((connection, statement));
        }
        let made = connection.client.prepare(&text).await.map_err(|error| outcome(&error))?;
        if connection.inserts.len() >= STATEMENTS {
            connection.inserts.remove(0);
        }
        connection.inserts.push((columns.to_vec(), made.clone()));
        Ok((connection, made))
    }

    async fn connect(&self) -> Result<Connection, Outcome> {
        // The error does not show the text, which may hold a password.
        let mut config: Config = self.target.url.expose().parse().map_err(|_| {
            Outcome::Refused("the action's url is no connection string of PostgreSQL".to_owned())
        })?;
        for host in config.get_hosts() {
            if let tokio_postgres::config::Host::Tcp(name) = host {
                self.hosts.admit(name).map_err(Outcome::Refused)?;
            }
        }
        config.connect_timeout(CONNECT).application_name("lns");
        let tls = tls().map_err(Outcome::Away)?;
        let opened = tokio::time::timeout(CONNECT * 2, config.connect(tls)).await;
        let (client, connection) = opened
            .map_err(|_| Outcome::Away(format!("no connection within {:?}", CONNECT * 2)))?
            .map_err(|error| outcome(&error))?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to PostgreSQL has ended");
            }
        });
        Ok(Connection { client, inserts: Vec::new() })
    }

    /// Inserts rows of the same columns.
    async fn write(&mut self, columns: &[String], rows: &[Value]) -> Outcome {
        let (connection, statement) = match self.prepared(columns).await {
            Ok(prepared) => prepared,
            Err(outcome) => return outcome,
        };
        let rows = Value::Array(rows.to_vec());
        let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 1] = [&rows];
        let insert = connection.client.execute(&statement, &parameters);
        match tokio::time::timeout(STATEMENT, insert).await {
            Ok(Ok(_)) => Outcome::Done,
            Ok(Err(error)) => {
                let outcome = outcome(&error);
                if !matches!(outcome, Outcome::Refused(_)) {
                    self.connection = None;
                }
                outcome
            }
            Err(_) => {
                self.connection = None;
                Outcome::Retry(format!("no answer within {STATEMENT:?}"))
            }
        }
    }
}

/// A connector for servers that want TLS, which trusts what the system trusts.
fn tls() -> Result<MakeRustlsConnect, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// An identifier as SQL quotes it: whatever is in it, it is a name and nothing else.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\"").replace('\0', ""))
}

/// What an error means. PostgreSQL's Appendix A names the classes.
fn outcome(error: &tokio_postgres::Error) -> Outcome {
    let Some(db) = error.as_db_error() else { return Outcome::Away(chain(error)) };
    let why = format!("{} (SQLSTATE {})", db.message(), db.code().code());
    if *db.code() == SqlState::UNDEFINED_COLUMN {
        // The message brought the name; others may not have it, and must not wait for it.
        return Outcome::Refused(why);
    }
    match &db.code().code()[..2] {
        // Connection, resources, the operator, the system: it will be well again.
        "08" | "53" | "57" | "58" => Outcome::Away(why),
        // A password, a name or a right may be corrected meanwhile, in the rule or in the database.
        "28" | "3D" | "42" => Outcome::Retry(why),
        // Transactions that got in each other's way.
        "40" | "55" => Outcome::Retry(why),
        _ => Outcome::Refused(why),
    }
}

#[async_trait]
impl Client for Postgres {
    fn appetite(&self) -> Appetite {
        Appetite::of(ROWS)
    }

    async fn perform(&mut self, tasks: &[Arc<Task>]) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        let mut left: &[Arc<Task>] = tasks;
        while let Some(first) = left.first() {
            let Some((columns, _)) = row(first) else {
                outcomes.push(Outcome::Refused("not a row".to_owned()));
                left = &left[1..];
                continue;
            };
            // Rows of the same columns that follow each other go together.
            let alike =
                left.iter().map_while(|task| row(task).filter(|(names, _)| *names == columns));
            let rows: Vec<Value> = alike.map(|(_, row)| row).collect();
            left = &left[rows.len()..];
            outcomes.extend(self.write_all(&columns, rows).await);
        }
        outcomes
    }
}

impl Postgres {
    async fn write_all(&mut self, columns: &[String], rows: Vec<Value>) -> Vec<Outcome> {
        let together = self.write(columns, &rows).await;
        if rows.len() == 1 || !matches!(together, Outcome::Refused(_)) {
            return vec![together; rows.len()];
        }
        // One bad row spoils the statement; the others must not suffer.
        let mut outcomes = Vec::new();
        for row in rows {
            outcomes.push(self.write(columns, &[row]).await);
        }
        outcomes
    }
}

/// A task's row and the names of its columns.
fn row(task: &Task) -> Option<(Vec<String>, Value)> {
    let Deed::Postgres { row } = &task.deed else { return None };
    let row: Value = serde_json::from_str(row).ok()?;
    let columns = row.as_object()?.keys().cloned().collect();
    Some((columns, row))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_so_that_they_stay_names() {
        let target =
            PostgresTarget { url: String::new().into(), table: "s.t\"; DROP TABLE x; --".into() };
        let columns = ["pay\"load".to_owned(), "id".to_owned()];
        let insert = Postgres::new(target, Hosts::default()).insert(&columns);
        let table = r#""s"."t""; DROP TABLE x; --""#;
        let columns = r#""pay""load", "id""#;
        assert_eq!(
            insert,
            format!(
                "INSERT INTO {table} ({columns}) SELECT {columns} FROM \
                 jsonb_populate_recordset(NULL::{table}, $1) ON CONFLICT DO NOTHING"
            )
        );
    }
}
