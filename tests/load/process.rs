//! The server's process: started on free ports with a data directory of its own, and watched
//! through `/proc`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::http::Http;

/// How long it may take to start and to stop.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server.
pub struct Process {
    child: Child,
    /// Semtech UDP.
    pub udp: SocketAddr,
    /// The embedded broker.
    pub mqtt: SocketAddr,
    /// The API.
    pub http: SocketAddr,
}

/// Processor time used, µs.
#[derive(Clone, Debug, Default)]
pub struct CpuTime {
    /// By the whole process.
    pub all: u64,
    /// By its threads, by name: those of the same name together.
    pub threads: BTreeMap<String, u64>,
}

impl CpuTime {
    /// What a process has used; `self` names this one.
    pub fn of(process: &str) -> anyhow::Result<Self> {
        let folder = format!("/proc/{process}");
        let (_, all) = ticks(&fs::read_to_string(format!("{folder}/stat"))?)?;
        let mut threads = BTreeMap::new();
        for task in fs::read_dir(format!("{folder}/task"))? {
            // A thread may end between the listing and the reading.
            let Ok(stat) = fs::read_to_string(task?.path().join("stat")) else { continue };
            let (name, used) = ticks(&stat)?;
            *threads.entry(name).or_default() += used;
        }
        Ok(CpuTime { all, threads })
    }

    /// What all processes of the machine have used.
    pub fn of_machine() -> anyhow::Result<u64> {
        let stat = fs::read_to_string("/proc/stat")?;
        let line = stat.lines().next().unwrap_or_default();
        let fields: Vec<u64> =
            line.split_whitespace().skip(1).filter_map(|text| text.parse().ok()).collect();
        // All but idle and iowait, the 4th and 5th; guests are counted as user time already.
        let busy = fields.iter().take(8).sum::<u64>() - fields.iter().skip(3).take(2).sum::<u64>();
        Ok(busy * 1_000_000 / ticks_per_second())
    }

    /// What was used since.
    pub fn since(&self, before: &CpuTime) -> CpuTime {
        let used = |(name, now): (&String, &u64)| {
            let before = before.threads.get(name).copied().unwrap_or_default();
            (name.clone(), now.saturating_sub(before))
        };
        CpuTime {
            all: self.all.saturating_sub(before.all),
            threads: self.threads.iter().map(used).collect(),
        }
    }
}

impl Process {
    /// Starts `binary` with everything it keeps under `home`, and waits until it answers.
    pub fn start(binary: &Path, home: &Path) -> anyhow::Result<Self> {
        let log = File::create(home.join("log")).context("creating the server's log")?;
        let (udp, mqtt, http) = free_ports()?;
        let child = Command::new(binary)
            .arg("run")
            .args(["--data".as_ref(), home.join("data").as_os_str()])
            .args(["--semtech-udp", &udp.to_string()])
            .args(["--mqtt", &mqtt.to_string()])
            .args(["--http", &http.to_string()])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {}; build it first", binary.display()))?;
        let mut process = Process { child, udp, mqtt, http };
        process.wait_until_up(home)?;
        Ok(process)
    }

    fn wait_until_up(&mut self, home: &Path) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            let healthy = Http::connect(self.http).and_then(|mut http| http.get("/healthz"));
            if healthy.is_ok_and(|answer| answer.status == 200) {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended with {status}: {}", last_words(home));
            }
            if begun.elapsed() > PATIENCE {
                bail!("the server does not answer after {PATIENCE:?}: {}", last_words(home));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Tells it to end, and waits until it has.
    pub fn stop(mut self) -> anyhow::Result<()> {
        terminate(self.child.id());
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                anyhow::ensure!(status.success(), "the server ended with {status}");
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("the server did not end within {PATIENCE:?} of SIGTERM")
    }

    /// Processor time that it has used.
    pub fn cpu_time(&self) -> anyhow::Result<CpuTime> {
        CpuTime::of(&self.id().to_string())
    }

    /// Memory in use, MiB.
    pub fn memory_mib(&self) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        Ok(kib.context("no VmRSS in the process's status")? / 1024)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The name and the processor time, in µs, of a line of `/proc/…/stat`: utime and stime are its
/// 14th and 15th fields; the second, the name, may have spaces.
fn ticks(stat: &str) -> anyhow::Result<(String, u64)> {
    let broken = || format!("cannot read {stat:?}");
    let (before, after) = stat.rsplit_once(')').with_context(broken)?;
    let (_, name) = before.split_once('(').with_context(broken)?;
    let fields: Vec<&str> = after.split_whitespace().collect();
    let field = |at: usize| fields.get(at).and_then(|text| text.parse::<u64>().ok());
    let ticks = field(11).zip(field(12)).map(|(user, system)| user + system);
    Ok((name.to_owned(), ticks.with_context(broken)? * 1_000_000 / ticks_per_second()))
}

#[allow(unsafe_code)]
fn ticks_per_second() -> u64 {
    // SAFETY: sysconf reads a constant.
    u64::try_from(unsafe { libc::sysconf(libc::_SC_CLK_TCK) }).unwrap_or(100)
}

#[allow(unsafe_code)]
fn terminate(process: u32) {
    // SAFETY: sends a signal to a child that has not been waited for, so its id is still its own.
    unsafe { libc::kill(process as libc::pid_t, libc::SIGTERM) };
}

fn free_ports() -> anyhow::Result<(SocketAddr, SocketAddr, SocketAddr)> {
    let loopback = (Ipv4Addr::LOCALHOST, 0);
    let udp = UdpSocket::bind(loopback)?.local_addr()?;
    let (mqtt, http) = (TcpListener::bind(loopback)?, TcpListener::bind(loopback)?);
    Ok((udp, mqtt.local_addr()?, http.local_addr()?))
}

fn last_words(home: &Path) -> String {
    let log = fs::read_to_string(home.join("log")).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_brackets_does_not_shift_the_fields() {
        let stat = "7 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 30 20 0 0 20 0 1";
        let (name, used) = ticks(stat).unwrap();
        assert_eq!(name, "a (b) c");
        assert_eq!(used, 50 * 1_000_000 / ticks_per_second());
        assert!(ticks("nothing").is_err());
    }
}
