//! As much of an HTTP client as provisioning takes: one connection, one request at a time, no TLS.
//!
//! It speaks HTTP/1.0 with `Connection: keep-alive`, because such an answer is never chunked.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::str::FromStr;
use std::time::Duration;

/// A server that takes longer has other troubles.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest line of a head, and the longest body, that are read.
const LINE: u64 = 16 * 1024;
const BODY: u64 = 16 * 1024 * 1024;
/// Lines of a head.
const LINES: usize = 200;

/// Where an API is: `http://host:port`, perhaps with a path in front of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// Host and port, as `Host` has it.
    authority: String,
    prefix: String,
}

/// Text that is no such address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot use {0:?} as the API's address: write it like http://127.0.0.1:8080")]
pub struct UrlError(String);

impl FromStr for Base {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let refuse = || UrlError(text.into());
        let rest = text.strip_prefix("http://").ok_or_else(refuse)?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
        if authority.is_empty() || authority.contains('@') || !printable {
            return Err(refuse());
        }
        let path = path.trim_end_matches('/');
        let prefix = if path.is_empty() { String::new() } else { format!("/{path}") };
        Ok(Self { authority: authority.into(), prefix })
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority, self.prefix)
    }
}

impl Base {
    /// Host and port to connect to; 80 if none is given.
    fn address(&self) -> String {
        let has_port = self.authority.rsplit_once(':').is_some_and(|(_, port)| {
            !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
        });
        if has_port { self.authority.clone() } else { format!("{}:80", self.authority) }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The connection.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// What came is not HTTP.
    #[error("the answer is not HTTP: {0:?}")]
    NotHttp(String),
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Answer {
    /// The beginning of the body, for people.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).chars().take(200).collect()
    }
}

/// A client of one server.
pub(super) struct Client {
    base: Base,
    connection: Option<BufReader<TcpStream>>,
}

impl Client {
    pub const fn new(base: Base) -> Self {
        Self { base, connection: None }
    }

    /// One request and its answer. A kept connection that the server has closed in between is
    /// opened anew, once.
    pub fn ask(&mut self, method: &str, path: &str, body: &[u8]) -> Result<Answer, HttpError> {
        if let Some(connection) = self.connection.take()
            && let Ok(answer) = self.ask_over(connection, (method, path), body)
        {
            return Ok(answer);
        }
        let stream = TcpStream::connect(self.base.address())?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        self.ask_over(BufReader::new(stream), (method, path), body)
    }

    fn ask_over(
        &mut self,
        mut connection: BufReader<TcpStream>,
        (method, path): (&str, &str),
        body: &[u8],
    ) -> Result<Answer, HttpError> {
        let Base { authority, prefix } = &self.base;
        let mut request = format!(
            "{method} {prefix}{path} HTTP/1.0\r\nHost: {authority}\r\nConnection: keep-alive\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        connection.get_mut().write_all(&request)?;
        let (answer, keeps) = read_answer(&mut connection)?;
        if keeps {
            self.connection = Some(connection);
        }
        Ok(answer)
    }
}

/// The answer, and whether the connection can be used again.
fn read_answer(reader: &mut impl BufRead) -> Result<(Answer, bool), HttpError> {
    let first = line(reader)?;
    let status = first
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.get(2..5)?.parse().ok())
        .ok_or_else(|| HttpError::NotHttp(first.chars().take(80).collect()))?;
    let (mut length, mut closes) = (None, first.starts_with("HTTP/1.0"));
    for _ in 0..LINES {
        let header = line(reader)?;
        if header.is_empty() {
            break;
        }
        let Some((name, value)) = header.split_once(':') else { continue };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse::<u64>().ok();
        }
        if name.eq_ignore_ascii_case("connection") {
            closes = !value.trim().eq_ignore_ascii_case("keep-alive");
        }
    }
    let mut body = Vec::new();
    match length {
        Some(length) => reader.take(length.min(BODY)).read_to_end(&mut body)?,
        None if status == 204 => 0,
        None => reader.take(BODY).read_to_end(&mut body)?,
    };
    Ok((Answer { status, body }, !closes && length.is_some()))
}

fn line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut bytes = Vec::new();
    if reader.take(LINE).read_until(b'\n', &mut bytes)? == 0 {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server has hung up"));
    }
    Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let base: Base = "http://127.0.0.1:8080".parse().unwrap();
        assert_eq!((base.address().as_str(), base.prefix.as_str()), ("127.0.0.1:8080", ""));
        let base: Base = "http://[::1]/api/".parse().unwrap();
        assert_eq!(
            (base.address().as_str(), base.to_string().as_str()),
            ("[::1]:80", "http://[::1]/api")
        );
        for text in ["", "127.0.0.1:8080", "https://host", "http://", "http://a@b", "http://a b"] {
            assert!(text.parse::<Base>().is_err(), "{text}");
        }
    }

    fn read(text: &str) -> Result<(u16, String, bool), HttpError> {
        let (answer, keeps) = read_answer(&mut text.as_bytes())?;
        Ok((answer.status, answer.text(), keeps))
    }

    #[test]
    fn answers_are_read_by_their_length_or_to_the_end() {
        let kept = read("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nokREST").unwrap();
        assert_eq!(kept, (201, "ok".into(), true));
        let closed = read("HTTP/1.0 200 OK\r\n\r\nall of it").unwrap();
        assert_eq!(closed, (200, "all of it".into(), false));
        let asked = read("HTTP/1.0 200 OK\r\nconnection: Keep-Alive\r\ncontent-length: 0\r\n\r\n");
        assert_eq!(asked.unwrap(), (200, String::new(), true));
        assert!(matches!(read("220 smtp ready\r\n"), Err(HttpError::NotHttp(_))));
        assert!(matches!(read(""), Err(HttpError::Io(_))));
    }
}
