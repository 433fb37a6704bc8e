//! As much of an HTTP/1.1 client as provisioning ten thousand devices takes: one connection kept
//! open, bodies with a length.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, ensure};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection.
pub struct Http {
    stream: BufReader<TcpStream>,
    host: SocketAddr,
}

/// An answer.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: String,
}

impl Http {
    /// Connects.
    pub fn connect(host: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(host).with_context(|| format!("connecting to {host}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Http { stream: BufReader::new(stream), host })
    }

    /// Asks for a document.
    pub fn get(&mut self, path: &str) -> anyhow::Result<Answer> {
        self.ask("GET", path, "")
    }

    /// Sends a document; fails unless the answer is a success.
    pub fn send(&mut self, method: &str, path: &str, body: &str) -> anyhow::Result<String> {
        let answer = self.ask(method, path, body)?;
        ensure!(
            (200..300).contains(&answer.status),
            "{method} {path}: {} {}",
            answer.status,
            answer.body
        );
        Ok(answer.body)
    }

    fn ask(&mut self, method: &str, path: &str, body: &str) -> anyhow::Result<Answer> {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n{body}",
            self.host,
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        let status = self.line()?;
        let status = status.split(' ').nth(1).and_then(|word| word.parse().ok());
        let status = status.with_context(|| format!("{method} {path}: not an HTTP answer"))?;
        let mut length = 0;
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').unwrap_or_default();
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse()?;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(Answer { status, body: String::from_utf8(body)? })
    }

    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        ensure!(self.stream.read_line(&mut line)? > 0, "the server closed the connection");
        Ok(line.trim_end().to_owned())
    }
}
