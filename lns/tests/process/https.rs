//! The data plane over HTTPS at the program itself, with the real curl: who shows a certificate, a
//! password or a token is asked about by policy, and nobody gets further than that.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use system_tests::harness::{Http, eventually};

use super::identity::{Site, arn, ended, tools};

/// What curl has to say: the status, and the body.
struct Said {
    status: u16,
    body: String,
}

impl Said {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }
}

/// Whether the real curl is there.
fn is_there() -> bool {
    let there = Path::new("/usr/bin/curl").exists();
    let required = std::env::var_os("LNS_REQUIRE_TOOLS").is_some();
    assert!(there || !required, "curl is not installed");
    if !there {
        eprintln!("skipped: curl is not installed (apt-get install curl)");
    }
    there
}

/// curl at the port with TLS, with the certificate `own` or none.
fn curl(site: &Site, own: Option<&str>, path: &str, more: &[&str]) -> Command {
    let mut command = Command::new("/usr/bin/curl");
    command.args(["--silent", "--show-error", "--max-time", "20", "-w", "\n%{http_code}"]);
    command.args(["--tlsv1.2", "--cacert"]).arg(site.file("ca.pem"));
    if let Some(own) = own {
        command.arg("--cert").arg(site.file(&format!("{own}.pem")));
        command.arg("--key").arg(site.file(&format!("{own}.key")));
    }
    command.arg("--path-as-is").args(more);
    command.arg(format!("https://{}{path}", site.place.port(8443)));
    command
}

/// What comes of it; where no answer comes, status 0 and what curl complained of.
fn asked(command: Command) -> Said {
    let (_, said) = ended(command);
    let (body, status) = said.rsplit_once('\n').unwrap_or(("", &said));
    match status.trim().parse() {
        Ok(status) => Said { status, body: body.to_owned() },
        Err(_) => Said { status: 0, body: said.clone() },
    }
}

fn publish(site: &Site, own: Option<&str>, topic: &str) -> Said {
    let path = format!("/topics/{topic}?qos=1");
    asked(curl(site, own, &path, &["--request", "POST", "--data", "{ \"message\": \"Hello\" }"]))
}

/// May use topics below `pump`, and the shadow of the thing `pump`.
fn own_things() -> Value {
    json!([
        { "Effect": "Allow", "Action": "iot:Publish", "Resource": arn("topic/pump/*") },
        { "Effect": "Allow", "Action": ["iot:GetThingShadow", "iot:UpdateThingShadow"],
          "Resource": [arn("thing/pump"), arn("thing/pump/link")] },
        { "Effect": "Allow", "Action": "iot:GetRetainedMessage", "Resource": arn("topic/pump/*") },
    ])
}

#[test]
fn awss_documented_curl_works_and_policies_decide() {
    if !is_there() {
        return;
    }
    let site = Site::start();
    let (id, target) = site.certificate("pump");
    assert_eq!(publish(&site, Some("pump"), "pump%2Fa").status, 403, "nothing is attached yet");
    site.policy("own", own_things());
    site.attach("own", &target);
    let said = publish(&site, Some("pump"), "pump%2Fa");
    assert_eq!(said.status, 200, "{}", said.body);
    assert_eq!(publish(&site, Some("pump"), "pump/a").status, 200);
    let denied = publish(&site, Some("pump"), "other%2Fa");
    assert_eq!(denied.status, 403);
    let message = denied.json()["message"].as_str().expect("AWS's document").to_owned();
    assert!(message.contains("iot:Publish") && message.contains("other/a"), "{message}");

    let update = ["--data", "{\"state\":{\"desired\":{\"on\":true}}}"];
    for (path, more, status) in [
        ("/things/pump/shadow", &update[..], 200),
        ("/things/pump/shadow?name=link", &update, 200),
        ("/things/pump/shadow", &[], 200),
        ("/things/pump/shadow?name=other", &[], 403),
        ("/things/other/shadow", &[], 403),
        ("/things/pump/shadow", &["--request", "DELETE"], 403),
        ("/api/things/shadow/ListNamedShadowsForThing/pump", &[], 403),
        ("/retainedMessage", &[], 403),
        ("/retainedMessage/pump%2Fa", &[], 404),
        ("/retainedMessage/other%2Fa", &[], 403),
        ("/connections/pump", &[], 403),
        ("/connections/pump", &["--request", "DELETE"], 403),
        ("/connections/pump/subscriptions", &[], 403),
        ("/topics/pump%2Fa?retain=true", &["--data", "x"], 403),
    ] {
        let said = asked(curl(&site, Some("pump"), path, more));
        assert_eq!(said.status, status, "{path} {more:?}: {}", said.body);
    }

    site.ask("PUT", &format!("/certificates/{id}?newStatus=INACTIVE"), Value::Null);
    assert_eq!(publish(&site, Some("pump"), "pump%2Fa").status, 403, "it is not ACTIVE");
    site.ask("PUT", &format!("/certificates/{id}?newStatus=ACTIVE"), Value::Null);
    assert_eq!(publish(&site, Some("pump"), "pump%2Fa").status, 200);
}

#[test]
fn topics_do_not_escape_by_how_they_are_written() {
    if !is_there() {
        return;
    }
    let site = Site::start();
    let (_, target) = site.certificate("pump");
    site.policy("own", own_things());
    site.policy("all", json!([{ "Effect": "Allow", "Action": "*", "Resource": "*" }]));
    site.attach("own", &target);
    for (topic, status) in [
        // A policy sees the topic that is published to, however it is spelled.
        ("pump%2F%61", 200),
        ("other%2F..%2Fpump%2Fa", 403),
        ("../topics/pump/a", 403),
        ("pump", 403),
        ("%70ump%2Fa", 200),
        ("pump%252Fa", 403),
        ("Pump%2Fa", 403),
        ("/pump/a", 403),
        ("pump%2F%23", 400),
        ("pump%2F%2B", 400),
        ("pump%2Fa%00", 400),
        ("pump%2F%ff", 400),
        ("pump%2F..%2F..%2Fother", 200),
        ("%24aws%2Fthings%2Fother%2Fshadow%2Fupdate", 403),
    ] {
        let said = publish(&site, Some("pump"), topic);
        assert_eq!(said.status, status, "{topic}: {}", said.body);
    }
    // Whatever policies say: these are the server's.
    site.attach("all", &target);
    for topic in [
        "%24aws%2Fevents%2Fpresence%2Fconnected%2Fx",
        "$aws/events/x",
        "%24SYS%2Fx",
        "lns%2Fv1%2Fgateway%2F0102030405060708%2Fup",
        "lorawan%2F0102030405060708%2Fup",
    ] {
        for own in [Some("pump"), None] {
            assert_eq!(publish(&site, own, topic).status, 403, "{topic} {own:?}");
        }
    }
    assert_eq!(publish(&site, Some("pump"), "%24aws%2Fthings%2Fother%2Fshadow%2Fget").status, 200);
}

#[test]
fn users_come_with_a_password_or_a_token() {
    if !is_there() {
        return;
    }
    let site = Site::start();
    site.policy("own", own_things());
    site.ask("POST", "/v1/mqtt-users", json!({ "name": "ann", "password": "correct horse" }));
    site.ask("PUT", "/v1/mqtt-users/ann/policies/own", Value::Null);
    let token = site.asked("POST", "/v1/mqtt-users/ann/tokens", json!({}));
    let secret = token["token"].as_str().expect("a token").to_owned();
    let bearer = format!("Authorization: Bearer {secret}");
    let as_user = format!("ann:{secret}");
    let status = |shown: &[&str], topic: &str| {
        let path = format!("/topics/{topic}");
        asked(curl(&site, None, &path, &[shown, &["--data", "x"]].concat())).status
    };
    for shown in [&["--user", "ann:correct horse"][..], &["-H", &bearer], &["--user", &as_user]] {
        assert_eq!(status(shown, "pump%2Fa"), 200, "{shown:?}");
        assert_eq!(status(shown, "other%2Fa"), 403, "{shown:?}");
    }
    for wrong in ["ann:wrong horse", "eve:correct horse", "ann:"] {
        assert_eq!(status(&["--user", wrong], "pump%2Fa"), 401, "{wrong}");
    }
    assert_eq!(status(&["-H", "Authorization: Bearer x"], "pump%2Fa"), 401);
    // The same in the clear.
    let url = format!("http://{}/topics/other%2Fa", site.place.http());
    let mut plain = Command::new("/usr/bin/curl");
    plain.args(["-s", "-w", "\n%{http_code}", "-H", &bearer, "--data", "x", &url]);
    assert_eq!(asked(plain).status, 403);
    let id = token["id"].as_str().expect("an id");
    site.ask("DELETE", &format!("/v1/mqtt-users/ann/tokens/{id}"), Value::Null);
    assert_eq!(status(&["-H", &bearer], "pump%2Fa"), 401, "a revoked token");
}

/// A certificate whose days are over.
fn expired(site: &Site) {
    let key = rcgen::KeyPair::generate().expect("a key");
    let mut params = rcgen::CertificateParams::default();
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    let certificate = params.self_signed(&key).expect("a certificate");
    std::fs::write(site.file("expired.pem"), certificate.pem()).expect("a file");
    std::fs::write(site.file("expired.key"), key.serialize_pem()).expect("a file");
}

#[test]
fn certificates_that_do_not_count_are_nobodys() {
    if !is_there() {
        return;
    }
    let site = Site::start();
    let (key, pem) = (site.file("unknown.key"), site.file("unknown.pem"));
    let mut make = Command::new("openssl");
    make.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]);
    make.args(["-subj", "/CN=pump"]).arg("-keyout").arg(key).arg("-out").arg(pem);
    let (done, said) = ended(make);
    assert!(done, "{said}");
    assert_eq!(publish(&site, Some("unknown"), "a").status, 403);
    expired(&site);
    let pem = std::fs::read_to_string(site.file("expired.pem")).expect("a certificate");
    let body = json!({ "certificatePem": pem, "status": "ACTIVE" });
    let made = site.asked("POST", "/certificate/register-no-ca", body);
    site.policy("all", json!([{ "Effect": "Allow", "Action": "*", "Resource": "*" }]));
    site.attach("all", made["certificateArn"].as_str().expect("an ARN"));
    assert_eq!(publish(&site, Some("expired"), "a").status, 403);
    // Who shows none is somebody on this machine.
    assert_eq!(publish(&site, None, "a").status, 200);
}

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
fn mqtt_itself_comes_by_the_same_port_for_clients_that_ask_for_it() {
    let Some((publisher, _)) = tools() else { return };
    let site = Site::start();
    let (id, target) = site.certificate("pump");
    let may =
        json!([{ "Effect": "Allow", "Action": ["iot:Connect", "iot:Publish"], "Resource": "*" }]);
    site.policy("all", may);
    site.attach("all", &target);
    let address = site.place.port(8443);
    let publish = |own: bool, more: &[&str]| {
        let mut command = Command::new(&publisher);
        command.args(["-h", &address.ip().to_string(), "-p", &address.port().to_string()]);
        command.args(["-V", "5", "-q", "1", "-i", "pump", "-t", "a", "-m", "x"]).args(more);
        command.arg("--cafile").arg(site.file("ca.pem"));
        if own {
            command.arg("--cert").arg(site.file("pump.pem"));
            command.arg("--key").arg(site.file("pump.key"));
        }
        ended(command)
    };
    for protocol in ["x-amzn-mqtt-ca", "mqtt"] {
        let (done, said) = publish(true, &["--tls-alpn", protocol]);
        assert!(done, "{protocol}: {said}");
    }
    site.ask("PUT", &format!("/certificates/{id}?newStatus=INACTIVE"), Value::Null);
    eventually("the certificate to count no more", || {
        !publish(true, &["--tls-alpn", "x-amzn-mqtt-ca"]).0
    });
}
