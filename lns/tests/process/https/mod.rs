//! The data plane over HTTPS at the program itself, with the real curl: who shows a certificate, a
//! password or a token is asked about by policy, and nobody gets further than that.

mod clients;
mod line;

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::identity::{Site, arn, ended};

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

#[test]
fn a_port_that_wants_certificates_speaks_to_nobody_without_one() {
    if !is_there() {
        return;
    }
    let site = Site::with("require_client_certificate = true\n");
    let (_, target) = site.certificate("pump");
    site.policy("own", own_things());
    site.attach("own", &target);
    assert_eq!(publish(&site, Some("pump"), "pump%2Fa").status, 200);
    assert_eq!(publish(&site, Some("pump"), "other%2Fa").status, 403);
    let nobody = publish(&site, None, "pump%2Fa");
    assert_eq!(nobody.status, 0, "{}", nobody.body);
    assert!(nobody.body.contains("certificate required"), "{}", nobody.body);
    let health = asked(curl(&site, None, "/healthz", &[]));
    assert_eq!(health.status, 0, "not even this: {}", health.body);
}
