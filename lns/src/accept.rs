//! Connections, and the open files that they take.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

/// How long to wait when the system has nothing left for a connection.
const EXHAUSTED: Duration = Duration::from_millis(100);
/// It is said so rarely.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// A listener that outlives a lack of open files, and says that there is one.
pub struct Door {
    listener: TcpListener,
    /// Of whom, for people: "MQTT".
    name: &'static str,
    told: Option<Instant>,
}

impl Door {
    /// A door for `name`, which is said in the log.
    pub fn new(listener: TcpListener, name: &'static str) -> Self {
        Self { listener, name, told: None }
    }

    /// The next who comes in. Dropped in between, it loses nobody.
    pub async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok(come) => return come,
                Err(error) if is_of_the_connection(&error) => {}
                Err(error) => {
                    self.tell(&error);
                    tokio::time::sleep(EXHAUSTED).await;
                }
            }
        }
    }

    fn tell(&mut self, error: &io::Error) {
        if self.told.is_none_or(|told| told.elapsed() >= TOLD_EVERY) {
            self.told = Some(Instant::now());
            tracing::warn!(
                %error,
                "no connection for {} can be taken, those that come wait; raise the limit of open \
                 files (ulimit -n, LimitNOFILE)",
                self.name
            );
        }
    }
}

/// It was given up by the other end while it waited: no reason to wait for the next.
fn is_of_the_connection(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(error.kind(), Kind::ConnectionAborted | Kind::ConnectionReset | Kind::Interrupted)
}

/// Takes as many open files as the system's administrator allows; the usual limit, 1024, is of a
/// time when programs could not count further.
pub fn allow_open_files() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the limit is ours, and outlives both calls.
    let allowed = unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 && {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit) == 0
        }
    };
    if !allowed {
        let error = io::Error::last_os_error();
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}
