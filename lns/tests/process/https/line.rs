//! One connection that openssl holds open: what a certificate counts while it lasts, MQTT over secure
//! WebSocket, and the wrong protocol.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use system_tests::harness::Http;

use super::super::identity::{Site, arn, ended};
use super::{is_there, own_things, publish};

/// One connection to the port with TLS, which openssl holds open.
struct Line {
    child: Child,
    ask: ChildStdin,
    hear: ChildStdout,
}

impl Line {
    fn open(site: &Site, own: Option<&str>) -> Self {
        let mut command = Command::new("openssl");
        command.args(["s_client", "-quiet", "-connect", &site.place.port(8443).to_string()]);
        command.arg("-CAfile").arg(site.file("ca.pem"));
        if let Some(own) = own {
            command.arg("-cert").arg(site.file(&format!("{own}.pem")));
            command.arg("-key").arg(site.file(&format!("{own}.key")));
        }
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("openssl starts");
        let (ask, hear) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("one"));
        Self { child, ask, hear }
    }

    fn say(&mut self, bytes: &[u8]) {
        self.ask.write_all(bytes).expect("it is open");
        self.ask.flush().expect("it is open");
    }

    fn hear(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.hear.read_exact(&mut bytes).expect("the server says more");
        bytes
    }

    fn hear_until(&mut self, end: &[u8]) -> String {
        let mut heard = Vec::new();
        while !heard.ends_with(end) {
            heard.append(&mut self.hear(1));
        }
        String::from_utf8_lossy(&heard).into_owned()
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A CONNECT of MQTT 3.1.1, of `pump`, with a user and a password or without.
fn connect(user: Option<(&str, &str)>) -> Vec<u8> {
    let text = |text: &str| [&(text.len() as u16).to_be_bytes(), text.as_bytes()].concat();
    let flags = if user.is_some() { 0xc2 } else { 0x02 };
    let mut rest = [&text("MQTT")[..], &[4, flags, 0, 60], &text("pump")].concat();
    if let Some((name, password)) = user {
        rest.extend([text(name), text(password)].concat());
    }
    [&[0x10, rest.len() as u8], &rest[..]].concat()
}

/// What CONNACK says to a client that comes over secure WebSocket (RFC 6455).
fn websocket(site: &Site, own: Option<&str>, user: Option<(&str, &str)>) -> u8 {
    let mut line = Line::open(site, own);
    line.say(
        b"GET /mqtt HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
          Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n\
          Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    let head = line.hear_until(b"\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    let packet = connect(user);
    // A binary message, masked with zeros.
    line.say(&[&[0x82, 0x80 | packet.len() as u8, 0, 0, 0, 0], &packet[..]].concat());
    match line.hear(6)[..] {
        [0x82, 4, 0x20, 2, _, code] => code,
        ref other => panic!("no CONNACK: {other:?}"),
    }
}

#[test]
fn mqtt_over_secure_websocket_knows_certificates_and_users() {
    if !is_there() {
        return;
    }
    let site = Site::start();
    let (id, target) = site.certificate("pump");
    let may =
        json!([{ "Effect": "Allow", "Action": "iot:Connect", "Resource": arn("client/pump") }]);
    site.policy("connect", may);
    assert_ne!(websocket(&site, Some("pump"), None), 0, "nothing is attached yet");
    site.attach("connect", &target);
    site.ask("POST", "/v1/mqtt-users", json!({ "name": "ann", "password": "correct horse" }));
    site.ask("PUT", "/v1/mqtt-users/ann/policies/connect", Value::Null);
    let token = site.asked("POST", "/v1/mqtt-users/ann/tokens", json!({}));
    let secret = token["token"].as_str().expect("a token").to_owned();
    assert_eq!(websocket(&site, Some("pump"), None), 0);
    assert_eq!(websocket(&site, None, Some(("ann", "correct horse"))), 0);
    assert_eq!(websocket(&site, None, Some(("ann", &secret))), 0);
    assert_ne!(websocket(&site, None, Some(("ann", "wrong horse"))), 0);
    site.ask("PUT", &format!("/certificates/{id}?newStatus=REVOKED"), Value::Null);
    assert_ne!(websocket(&site, Some("pump"), None), 0, "a revoked certificate");
}

#[test]
fn a_certificate_that_is_switched_off_counts_no_more_on_an_open_connection() {
    if !is_there() {
        return;
    }
    let site = Site::start();
    let (id, target) = site.certificate("pump");
    site.policy("own", own_things());
    site.attach("own", &target);
    let mut line = Line::open(&site, Some("pump"));
    let mut say = || {
        let request =
            "POST /topics/pump%2Fa HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx";
        line.say(request.as_bytes());
        let head = line.hear_until(b"\r\n\r\n");
        // The head of a refusal is followed by its document.
        if head.starts_with("HTTP/1.1 403") {
            line.hear_until(b"}");
        }
        head.split(' ').nth(1).unwrap_or_default().to_owned()
    };
    assert_eq!(say(), "200");
    site.ask("PUT", &format!("/certificates/{id}?newStatus=INACTIVE"), Value::Null);
    assert_eq!(say(), "403");
    site.ask("PUT", &format!("/certificates/{id}?newStatus=ACTIVE"), Value::Null);
    assert_eq!(say(), "200");
}

#[test]
fn who_speaks_the_wrong_way_is_told() {
    if !is_there() {
        return;
    }
    let site = Site::start();
    let told = Http(site.place.port(8443)).try_request("GET", "/healthz", "").expect("an answer");
    assert_eq!(told.status, 400);
    let message = told.json()["message"].as_str().expect("a message").to_owned();
    assert!(message.contains("https://"), "{message}");
    // The other way round the answer is HTTP, of which TLS clients say that it is no TLS.
    let mut command = Command::new("/usr/bin/curl");
    command.args(["-sS", "--max-time", "10", "-k"]);
    command.arg(format!("https://{}/healthz", site.place.http()));
    let (done, said) = ended(command);
    assert!(!done && said.contains("wrong version number"), "{said}");
    // MQTT in the clear, and nothing at all.
    for bytes in [&b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00"[..], b"\x16", b""] {
        let mut stream = TcpStream::connect(site.place.port(8443)).expect("it listens");
        stream.write_all(bytes).expect("it is open");
        stream.shutdown(std::net::Shutdown::Write).expect("it is open");
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    }
    assert_eq!(publish(&site, None, "a").status, 200, "the next is served");
}

#[test]
fn who_does_not_shake_hands_is_hung_up_on() {
    let site = Site::start();
    let start = std::time::Instant::now();
    // Nothing at all, and a handshake that does not go on.
    let silent = [&b""[..], b"\x16\x03\x01\x02\x00"].map(|bytes| {
        let mut stream = TcpStream::connect(site.place.port(8443)).expect("it listens");
        stream.set_read_timeout(Some(std::time::Duration::from_secs(30))).expect("a socket");
        stream.write_all(bytes).expect("it is open");
        stream
    });
    for mut stream in silent {
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("it is closed, and not before its time");
        assert!(answer.is_empty(), "{answer:?}");
    }
    assert!(start.elapsed().as_secs() >= 9, "it has ten seconds: {:?}", start.elapsed());
}
