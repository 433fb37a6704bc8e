//! The InfluxDB action against servers that are not ours: InfluxDB 1 by `/write`, and
//! VictoriaMetrics by `/api/v2/write`.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use lns::actions::{Deed, InfluxApi, InfluxTarget, Target};
use serde_json::{Value, json};

use crate::support::{Bench, until};

/// A server of its own, on a free port of loopback, gone at the end.
struct Server {
    process: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

fn free() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("an address")
}

impl Server {
    /// `None` when it is not installed and need not be.
    fn start(
        (program, alive): (&str, &str),
        command: impl FnOnce(&mut Command, SocketAddr, &str),
    ) -> Option<Self> {
        let (address, folder) = (free(), tempfile::tempdir().expect("a folder"));
        let mut started = Command::new(program);
        command(&mut started, address, &folder.path().to_string_lossy());
        let started = started.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let Ok(process) = started else {
            let required = std::env::var_os("LNS_REQUIRE_TOOLS").is_some();
            assert!(!required, "apt-get install influxdb victoria-metrics");
            eprintln!("skipped: {program} is not installed");
            return None;
        };
        let server = Self { process, address, _folder: folder };
        until("it answers", || server.try_ask("GET", alive).is_some());
        Some(server)
    }

    fn influxdb() -> Option<Self> {
        Self::start(("influxd", "/ping"), |command, address, folder| {
            let rpc = free();
            let config = format!(
                "reporting-disabled = true\nbind-address = \"{rpc}\"\n[meta]\ndir = \"{folder}/meta\"\n\
                 [data]\ndir = \"{folder}/data\"\nwal-dir = \"{folder}/wal\"\n\
                 [http]\nbind-address = \"{address}\"\n"
            );
            let path = format!("{folder}/influxdb.conf");
            std::fs::write(&path, config).expect("a file");
            command.args(["-config", &path]);
        })
    }

    fn victoria_metrics() -> Option<Self> {
        Self::start(("victoria-metrics", "/health"), |command, address, folder| {
            command.args([
                &format!("-httpListenAddr={address}"),
                &format!("-storageDataPath={folder}/data"),
                "-retentionPeriod=100y",
            ]);
        })
    }

    /// The body of an answer with success.
    fn try_ask(&self, method: &str, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
        let host = self.address;
        let head = format!("{method} {path} HTTP/1.0\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(head.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        head.split(' ').nth(1)?.starts_with('2').then(|| body.to_owned())
    }

    fn ask(&self, method: &str, path: &str) -> String {
        self.try_ask(method, path).unwrap_or_else(|| panic!("{method} {path} was refused"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn target(server: &Server, api: InfluxApi) -> Target {
    Target::Influx(InfluxTarget {
        url: format!("http://{}", server.address),
        api,
        token: "user:password".to_owned().into(),
        precision: "ms",
        batch: None,
    })
}

/// What a hall's sensor measured, with all that must be escaped, and a line that is none.
fn queue_all(bench: &Bench) {
    for line in [
        r#"air,room=great\ hall\,\ west t=21.5,n=7i,ok=t,note="say \"hi\"" 1767323045123"#,
        "no line at all",
        "air,room=attic t=-3 1767323045124",
    ] {
        bench.queue(0, Deed::Influx { line: line.into() });
    }
    bench.drained(0);
    assert_eq!((bench.meters(0).sent.get(), bench.meters(0).dead.get()), (2, 1));
    let reasons = bench.reasons();
    assert!(reasons[0].contains("400"), "{reasons:?}");
}

#[test]
fn influxdb_has_the_points_as_they_were() {
    let Some(server) = Server::influxdb() else { return };
    server.ask("POST", "/query?q=CREATE%20DATABASE%20house");
    let bench = Bench::new();
    bench.apply(vec![target(&server, InfluxApi::V1 { database: "house".into() })]);
    queue_all(&bench);
    let found = server.ask("GET", "/query?db=house&epoch=ms&q=SELECT%20*%20FROM%20air");
    let found: Value = serde_json::from_str(&found).expect("JSON");
    let series = &found["results"][0]["series"][0];
    assert_eq!(series["columns"], json!(["time", "n", "note", "ok", "room", "t"]));
    let rows = json!([
        [1_767_323_045_123_u64, 7, "say \"hi\"", true, "great hall, west", 21.5],
        [1_767_323_045_124_u64, null, null, null, "attic", -3],
    ]);
    assert_eq!(series["values"], rows);
}

#[test]
fn victoria_metrics_has_the_points_by_the_interface_of_version_2() {
    let Some(server) = Server::victoria_metrics() else { return };
    let bench = Bench::new();
    let api = InfluxApi::V2 { org: "o".into(), bucket: "house".into() };
    bench.apply(vec![target(&server, api)]);
    for line in [
        r"air,room=great\ hall\,\ west t=21.5,n=7i 1767323045123",
        "air,room=attic t=-3 1767323045124",
    ] {
        bench.queue(0, Deed::Influx { line: line.into() });
    }
    bench.drained(0);
    assert_eq!(bench.meters(0).sent.get(), 2, "{:?}", bench.reasons());
    let series = || -> Vec<Value> {
        server.ask("GET", "/internal/force_flush");
        let lines = server.ask("GET", "/api/v1/export?match[]=air_t");
        lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    };
    until("both can be read", || series().len() == 2);
    let mut found = series();
    found.sort_by_key(|series| series["timestamps"][0].as_i64());
    assert_eq!(found[0]["metric"]["room"], "great hall, west");
    assert_eq!(
        (&found[0]["values"], &found[0]["timestamps"]),
        (&json!([21.5]), &json!([1_767_323_045_123_i64]))
    );
    assert_eq!((&found[1]["metric"]["room"], &found[1]["values"]), (&json!("attic"), &json!([-3])));
}
