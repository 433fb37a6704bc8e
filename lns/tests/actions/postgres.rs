//! The PostgreSQL action against the real server.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lns::actions::{Deed, PostgresTarget, Target};

use crate::support::{Bench, until};

/// A server of its own, on a free port of loopback, gone at the end.
struct Server {
    process: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

/// The newest of the installed servers.
fn tools() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<PathBuf> = versions
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    found.sort();
    found.pop()
}

/// A command that the server's programs accept: they do not run as root.
fn command(program: &Path) -> Command {
    // SAFETY: it only asks.
    if unsafe { libc::geteuid() } != 0 {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
    command
}

impl Server {
    fn start() -> Option<Self> {
        let Some(tools) = tools() else {
            let required = std::env::var_os("LNS_REQUIRE_TOOLS").is_some();
            assert!(!required, "postgresql is not installed (apt-get install postgresql)");
            eprintln!("skipped: postgresql is not installed");
            return None;
        };
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("data");
        std::fs::create_dir(&place).expect("a folder");
        if unsafe { libc::geteuid() } == 0 {
            let owned = Command::new("chown").arg("-R").arg("postgres").arg(folder.path()).status();
            assert!(owned.expect("chown runs").success());
        }
        let made = command(&tools.join("initdb"))
            .args(["-A", "trust", "-U", "lns", "--no-sync", "-D"])
            .arg(&place)
            .stdout(Stdio::null())
            .status();
        assert!(made.expect("initdb runs").success());
        let port = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = port.local_addr().expect("an address").port();
        Some(Self { process: Self::run(&tools, &place, port), port, _folder: folder })
    }

    fn run(tools: &Path, place: &Path, port: u16) -> Child {
        command(&tools.join("postgres"))
            .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-F", "-k", "", "-D"])
            .arg(place)
            .stderr(Stdio::null())
            .spawn()
            .expect("postgres runs")
    }

    fn url(&self) -> String {
        format!("postgresql://lns:very-secret@127.0.0.1:{}/postgres", self.port)
    }

    /// Runs statements; answers the text of the rows' columns.
    fn sql(&self, statements: &str) -> Vec<Vec<Option<String>>> {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let give_up = Instant::now() + Duration::from_secs(30);
            let (client, connection) = loop {
                match tokio_postgres::connect(&self.url(), tokio_postgres::NoTls).await {
                    Ok(connected) => break connected,
                    Err(error) => assert!(Instant::now() < give_up, "{error}"),
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            };
            tokio::spawn(connection);
            let answers = client.simple_query(statements).await.expect("the server does it");
            let row = |answer| match answer {
                tokio_postgres::SimpleQueryMessage::Row(row) => Some(row),
                _ => None,
            };
            let texts = |row: tokio_postgres::SimpleQueryRow| {
                (0..row.len()).map(|at| row.get(at).map(ToOwned::to_owned)).collect()
            };
            answers.into_iter().filter_map(row).map(texts).collect()
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn target(server: &Server, table: &str) -> Target {
    Target::Postgres(PostgresTarget { url: server.url().into(), table: table.into() })
}

fn row(row: &str) -> Deed {
    Deed::Postgres { row: row.into() }
}

#[test]
fn members_become_columns_of_their_types_and_a_bad_row_is_a_dead_letter() {
    let Some(server) = Server::start() else { return };
    server.sql(
        "CREATE TABLE uplinks (device text NOT NULL, celsius numeric, at timestamptz, tags jsonb, \
         made timestamptz DEFAULT now())",
    );
    let bench = Bench::new();
    let target = target(&server, "public.uplinks");
    assert!(!format!("{target:?}").contains("very-secret"));
    bench.apply(vec![target]);
    let evil = r#"'; DROP TABLE uplinks; --"#;
    bench.queue(
        0,
        row(r#"{"device":"a","celsius":21.5,"at":"2026-11-23T20:00:00Z","tags":{"x":1}}"#),
    );
    bench.queue(0, row(r#"{"device":"b","celsius":"warm"}"#));
    bench.queue(0, row(&format!(r#"{{"device":"{evil}","celsius":null}}"#)));
    bench.queue(0, row(r#"{"device":"c","no such column":1}"#));
    bench.queue(0, row(r#"{"celsius":1}"#));
    bench.drained(0);
    let rows = server
        .sql("SELECT device, celsius, at AT TIME ZONE 'UTC', tags FROM uplinks ORDER BY device");
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(rows[0], [text(evil), None, None, None]);
    let first = [text("a"), text("21.5"), text("2026-11-23 20:00:00"), text(r#"{"x": 1}"#)];
    assert_eq!(rows[1], first);
    assert_eq!(rows.len(), 2);
    let reasons = bench.reasons();
    assert_eq!(reasons.len(), 3, "{reasons:?}");
    assert!(reasons.iter().any(|why| why.contains("42703")), "{reasons:?}");
    assert!(reasons.iter().any(|why| why.contains("22P02")), "{reasons:?}");
    assert!(reasons.iter().any(|why| why.contains("23502")), "{reasons:?}");
}

#[test]
fn a_repeated_message_is_one_row_and_a_table_made_later_gets_all() {
    let Some(server) = Server::start() else { return };
    server.sql("SELECT 1");
    let bench = Bench::new();
    bench.apply(vec![target(&server, "log")]);
    for number in 0..1500 {
        // Every number twice, under the same id.
        let id = format!("00000000-0000-0000-0000-{:012}", number / 2);
        bench.queue(0, row(&format!(r#"{{"id":"{id}","payload":{}}}"#, number / 2)));
    }
    until("it was tried", || bench.meters(0).retried.get() > 0);
    server.sql("CREATE TABLE log (id uuid UNIQUE, payload jsonb)");
    bench.drained(0);
    assert_eq!(
        server.sql("SELECT count(*), sum(payload::int) FROM log")[0],
        [Some("750".to_owned()), Some("280875".to_owned())]
    );
}

#[test]
fn a_server_that_is_away_makes_rows_wait() {
    let Some(mut server) = Server::start() else { return };
    server.sql("CREATE TABLE log (id uuid UNIQUE, payload jsonb)");
    let bench = Bench::new();
    bench.apply(vec![target(&server, "log")]);
    bench.queue(0, row(r#"{"payload":1}"#));
    bench.drained(0);
    let _ = server.process.kill();
    let _ = server.process.wait();
    bench.queue(0, row(r#"{"payload":2}"#));
    until("it was tried", || bench.meters(0).retried.get() > 1);
    let place = server._folder.path().join("data");
    let _ = std::fs::remove_file(place.join("postmaster.pid"));
    server.process = Server::run(&tools().expect("it ran"), &place, server.port);
    bench.drained(0);
    assert_eq!(server.sql("SELECT count(*) FROM log")[0], [Some("2".to_owned())]);
}
