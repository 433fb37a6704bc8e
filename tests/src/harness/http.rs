//! Just enough of an HTTP/1.1 client: one request, one connection.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

use super::LONG;

/// A client of one server.
#[derive(Clone, Copy, Debug)]
pub struct Http(pub SocketAddr);

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body as text.
    pub body: String,
}

impl Answer {
    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }
}

impl Http {
    /// One request; `None` when nobody answers.
    pub fn try_request(&self, method: &str, path: &str, body: &str) -> Option<Answer> {
        self.send("", (method, path, body))
    }

    /// One request with these header lines besides.
    fn send(&self, lines: &str, (method, path, body): (&str, &str, &str)) -> Option<Answer> {
        let mut stream = TcpStream::connect(self.0).ok()?;
        stream.set_read_timeout(Some(LONG)).ok()?;
        let (host, length) = (self.0, body.len());
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\
             Content-Type: application/json\r\n{lines}Connection: close\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        read(&String::from_utf8_lossy(&answer))
    }

    /// One request that is answered with success.
    ///
    /// # Panics
    /// When it is not.
    pub fn request(&self, method: &str, path: &str, body: &str) -> Answer {
        succeeded(self.try_request(method, path, body), (method, path, body))
    }

    /// The same, of somebody whose credentials are for one of AWS's services.
    ///
    /// # Panics
    /// When it is not answered with success.
    pub fn request_for(&self, service: &str, asked: (&str, &str, &str)) -> Answer {
        let scope = format!("AKIA/20260102/eu-west-1/{service}/aws4_request");
        let line = format!("Authorization: AWS4-HMAC-SHA256 Credential={scope}\r\n");
        succeeded(self.send(&line, asked), asked)
    }

    /// A counter or gauge of `/metrics`, by its name with its labels; 0 when it is not there.
    pub fn metric(&self, name: &str) -> f64 {
        let text = self.request("GET", "/metrics", "").body;
        let value = |line: &str| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok();
        text.lines().find_map(value).unwrap_or(0.0)
    }

    /// How many frames were refused for this reason.
    pub fn rejects(&self, reason: &str) -> f64 {
        self.metric(&format!("lns_rejects_total{{reason=\"{reason}\"}}"))
    }
}

fn succeeded(answer: Option<Answer>, (method, path, body): (&str, &str, &str)) -> Answer {
    let answer = answer.unwrap_or_else(|| panic!("{method} {path}: nobody answers"));
    let (status, text) = (answer.status, &answer.body);
    assert!((200..300).contains(&status), "{method} {path}: {status} {text}\nfor {body}");
    answer
}

fn read(answer: &str) -> Option<Answer> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    let body = if chunked { joined(body) } else { body.to_owned() };
    Some(Answer { status, body })
}

/// The chunks of a body, without their lengths.
fn joined(mut rest: &str) -> String {
    let mut body = String::new();
    while let Some((length, after)) = rest.split_once("\r\n") {
        let length = usize::from_str_radix(length.trim(), 16).unwrap_or(0);
        let Some((chunk, after)) = after.split_at_checked(length).filter(|_| length > 0) else {
            break;
        };
        body.push_str(chunk);
        rest = after.trim_start_matches("\r\n");
    }
    body
}
