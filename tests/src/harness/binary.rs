//! Programs: the server as it is installed, and another broker.

use std::fs::File;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::{Http, LONG, Place, eventually};

/// A server process. It is killed when it goes out of scope.
pub struct Binary {
    child: Child,
    log: PathBuf,
    /// Where it listens.
    pub place: Place,
}

impl Binary {
    /// Starts `program run` with its data in `folder`; returns when its API answers, if only to
    /// say that the broker is away. What it logs is in `folder/lns.log`.
    pub fn start(program: &str, place: Place, folder: &Path, more: &[&str]) -> Self {
        let mut binary = Self::spawn(program, place, folder, more);
        eventually("the server to answer", || {
            let ended = binary.child.try_wait().expect("a child");
            assert!(ended.is_none(), "the server ended: {ended:?}\n{}", binary.log());
            Http(place.http()).try_request("GET", "/healthz", "").is_some()
        });
        binary
    }

    /// Starts it, and does not wait.
    pub fn spawn(program: &str, place: Place, folder: &Path, more: &[&str]) -> Self {
        let log = folder.join("lns.log");
        let output = File::options().create(true).append(true).open(&log).expect("a log file");
        let child = Command::new(program)
            .arg("run")
            .args(["--data", &folder.join("data").to_string_lossy()])
            .args(["--semtech-udp", &place.udp().to_string()])
            .args(["--mqtt", &place.mqtt().to_string()])
            .args(["--http", &place.http().to_string()])
            .args(more)
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a file"))
            .stderr(output)
            .spawn()
            .expect("the program starts");
        Self { child, log, place }
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// SIGKILL; returns when it is gone.
    pub fn kill(mut self) {
        self.child.kill().expect("a child");
        self.child.wait().expect("a child");
    }

    /// SIGTERM; the exit status, and how long it took.
    ///
    /// # Panics
    /// When it does not end.
    pub fn terminate(mut self) -> (ExitStatus, Duration) {
        let asked = Instant::now();
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().expect("kill");
        assert!(sent.success());
        (self.wait(), asked.elapsed())
    }

    /// Waits until it ends by itself.
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + LONG;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status;
            }
            assert!(Instant::now() < deadline, "it runs on:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Binary {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let start = log.len().saturating_sub(4000);
            eprintln!("the server logged:\n{}", log.get(start..).unwrap_or(&log));
        }
    }
}

/// Debian's broker, as a process.
pub struct Mosquitto(Child);

impl Mosquitto {
    /// Where the program is; `None`, with a line that says so, where it is not installed.
    ///
    /// # Panics
    /// When it is not installed and `LNS_REQUIRE_TOOLS` is set, as in CI.
    pub fn program() -> Option<PathBuf> {
        let places = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto", "/usr/local/sbin/mosquitto"];
        let found = places.map(PathBuf::from).into_iter().find(|path| path.exists());
        let required = std::env::var_os("LNS_REQUIRE_TOOLS").is_some();
        assert!(found.is_some() || !required, "mosquitto is not installed");
        if found.is_none() {
            eprintln!("skipped: mosquitto is not installed (apt-get install mosquitto)");
        }
        found
    }

    /// Starts it; returns when it listens. Sessions and messages are kept in `folder`.
    pub fn start(program: &Path, address: SocketAddr, folder: &Path) -> Self {
        let config = folder.join("mosquitto.conf");
        let (ip, port, folder) = (address.ip(), address.port(), folder.display());
        let text = format!(
            "listener {port} {ip}\nallow_anonymous true\nuser root\npersistence true\n\
             persistence_location {folder}/\nautosave_interval 0\n\
             max_queued_messages 0\nmax_inflight_messages 100\n"
        );
        std::fs::write(&config, text).expect("a configuration file");
        let child = Command::new(program)
            .args([Path::new("-c"), &config])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("mosquitto starts");
        eventually("mosquitto to listen", || TcpStream::connect(address).is_ok());
        Self(child)
    }

    /// SIGTERM: it writes what it holds to disk, and ends.
    pub fn stop(mut self) {
        let id = self.0.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().expect("kill");
        assert!(sent.success());
        self.0.wait().expect("a child");
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
