//! Other clients at the port with TLS: mosquitto's by ALPN, AWS's command line, and a device whose
//! certificate registers itself.

use std::process::{Command, Stdio};

use serde_json::{Value, json};
use system_tests::harness::{Http, eventually};

use super::super::identity::{Site, arn, ended, tools};
use super::{asked, curl, is_there, publish};

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

/// A certificate that `ca` has signed; its files are called `name`.
fn signed(site: &Site, name: &str) -> rcgen::Certificate {
    let (key, mut params) = (rcgen::KeyPair::generate().expect("a key"), Default::default());
    let authority: &mut rcgen::CertificateParams = &mut params;
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca = authority.self_signed(&key).expect("a certificate");
    let issuer = rcgen::Issuer::new(params, key);
    let key = rcgen::KeyPair::generate().expect("a key");
    let leaf = rcgen::CertificateParams::new(["pump".to_owned()]).expect("a name");
    let leaf = leaf.signed_by(&key, &issuer).expect("a certificate");
    std::fs::write(site.file(&format!("{name}.pem")), leaf.pem()).expect("a file");
    std::fs::write(site.file(&format!("{name}.key")), key.serialize_pem()).expect("a file");
    ca
}

#[test]
fn a_certificate_registers_itself_and_is_told_of() {
    let Some((_, subscriber)) = tools() else { return };
    if !is_there() {
        return;
    }
    let site = Site::start();
    let ca = signed(&site, "fresh");
    let path = "/cacertificate?setAsActive=true&allowAutoRegistration=true";
    let body = json!({ "caCertificate": ca.pem(), "certificateMode": "SNI_ONLY" });
    let made = site.asked("POST", path, body);
    let ca_id = made["certificateId"].as_str().expect("an id").to_owned();
    let topic = format!("$aws/events/certificates/registered/{ca_id}");
    let mut listen = site.plain(&subscriber, &["-i", "ear", "-t", &topic, "-C", "1"]);
    let heard = site.file("heard");
    let file = std::fs::File::create(&heard).expect("a file");
    let mut listening = listen.stdin(Stdio::null()).stdout(file).spawn().expect("it starts");
    eventually("the subscription", || {
        let path = "/connections/ear/subscriptions";
        let seen = Http(site.place.http()).try_request("GET", path, "").expect("an answer");
        seen.body.contains(&ca_id)
    });
    assert_eq!(publish(&site, Some("fresh"), "a").status, 403, "it waits to be activated");
    eventually("the event", || listening.try_wait().expect("a child").is_some());
    let event = std::fs::read(&heard).expect("a document");
    let event: Value = serde_json::from_slice(&event).expect("JSON");
    assert_eq!(event["caCertificateId"], ca_id);
    assert_eq!(event["certificateStatus"], "PENDING_ACTIVATION");
    let id = event["certificateId"].as_str().expect("an id");
    site.policy("all", json!([{ "Effect": "Allow", "Action": "*", "Resource": "*" }]));
    let target = format!("arn:aws:iot:local:000000000000:cert/{id}");
    site.attach("all", &target);
    site.ask("PUT", &format!("/certificates/{id}?newStatus=ACTIVE"), Value::Null);
    assert_eq!(publish(&site, Some("fresh"), "a").status, 200);
}

#[test]
fn awss_command_line_speaks_tls_with_it() {
    if !is_there() {
        return;
    }
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let there = Command::new(&python).args(["-c", "import awscli"]).output();
    let there = there.is_ok_and(|done| done.status.success());
    assert!(there || std::env::var_os("LNS_REQUIRE_TOOLS").is_none(), "pip install awscli");
    if !there {
        return eprintln!("skipped: pip install awscli");
    }
    let site = Site::start();
    let url = format!("https://{}", site.place.port(8443));
    let aws = |arguments: &[&str]| {
        let mut command = Command::new(&python);
        command.args(["-m", "awscli", "--endpoint-url", &url, "--ca-bundle"]);
        command.arg(site.file("ca.pem")).args(arguments);
        command.env("AWS_ACCESS_KEY_ID", "any").env("AWS_SECRET_ACCESS_KEY", "any");
        command.env("AWS_DEFAULT_REGION", "local").env("AWS_EC2_METADATA_DISABLED", "true");
        ended(command)
    };
    let (done, said) =
        aws(&["iot-data", "publish", "--topic", "a/b", "--qos", "1", "--payload", "eA=="]);
    assert!(done, "{said}");
    let out = site.file("shadow.json").to_string_lossy().into_owned();
    let thing = ["--thing-name", "lamp"];
    let state = "{\"state\":{\"desired\":{\"on\":true}}}";
    let update = ["iot-data", "update-thing-shadow", "--payload", state];
    let (done, said) = aws(&[&update[..], &thing, &[&out]].concat());
    assert!(done, "{said}");
    let (done, said) = aws(&[&["iot-data", "get-thing-shadow"], &thing[..], &[&out]].concat());
    assert!(done, "{said}");
    let document = std::fs::read_to_string(site.file("shadow.json")).expect("a document");
    assert!(document.contains("\"on\":true"), "{document}");
    let (done, said) = aws(&["iot", "describe-endpoint", "--output", "text"]);
    assert!(done && url.ends_with(said.trim()), "{said}");
}

#[test]
fn a_message_goes_straight_to_one_client() {
    let Some((_, subscriber)) = tools() else { return };
    if !is_there() {
        return;
    }
    let site = Site::start();
    let (_, target) = site.certificate("pump");
    site.policy(
        "direct",
        json!([{ "Effect": "Allow", "Action": "iot:SendDirectMessage", "Resource": arn("client/door"),
                 "Condition": { "StringLike": { "iot:Topic": "door/*" } } },
               { "Effect": "Allow", "Action": "iot:GetConnection", "Resource": arn("client/door") }]),
    );
    site.attach("direct", &target);
    let send = |client: &str, query: &str| {
        let path = format!("/connections/{client}/messages?{query}");
        asked(curl(&site, Some("pump"), &path, &["--data", "now"])).status
    };
    assert_eq!(send("door", "topic=door%2Fopen&confirmation=true"), 404, "nobody is there");
    let mut listen = site.plain(&subscriber, &["-i", "door", "-t", "nothing", "-C", "2"]);
    let heard = site.file("heard");
    let file = std::fs::File::create(&heard).expect("a file");
    let mut listening = listen.stdin(Stdio::null()).stdout(file).spawn().expect("it starts");
    eventually("the client", || {
        send("door", "topic=door%2Fopen&confirmation=true&timeout=5") == 200
    });
    for (client, query, status) in [
        ("door", "topic=other", 403),
        ("window", "topic=door%2Fopen", 403),
        ("door", "topic=door%2F%23", 400),
        ("door", "confirmation=true", 400),
        ("door", "topic=door%2Fopen&timeout=16", 400),
        ("door", "topic=lorawan%2F0102030405060708%2Fup", 403),
    ] {
        assert_eq!(send(client, query), status, "{client} {query}");
    }
    let seen =
        asked(curl(&site, Some("pump"), "/connections/door?includeSocketInformation=true", &[]));
    let seen = seen.json();
    assert_eq!((&seen["connected"], &seen["keepAliveDuration"]), (&json!(true), &json!(60)));
    assert!(seen["connectedSince"].as_i64() > Some(1_700_000_000_000), "milliseconds: {seen}");
    assert!(seen["sourcePort"].is_u64(), "{seen}");
    let (host, port) = (&seen["targetIp"], &seen["targetPort"]);
    let entrance = site.place.port(1883);
    assert_eq!((host, port), (&json!(entrance.ip()), &json!(entrance.port())), "{seen}");
    assert_eq!(send("door", "topic=door%2Fopen"), 200);
    eventually("both messages", || listening.try_wait().expect("a child").is_some());
    assert_eq!(std::fs::read_to_string(&heard).expect("text"), "now\nnow\n");
    eventually("the end of the connection", || {
        let gone = asked(curl(&site, Some("pump"), "/connections/door", &[])).json();
        gone["disconnectReason"] == "CLIENT_INITIATED_DISCONNECT"
            && gone["connected"] == false
            && gone["disconnectedSince"].as_i64() > seen["connectedSince"].as_i64()
    });
    site.ask("POST", "/things/door", json!({}));
    let told = site.ask("POST", "/things/door/connectivity-data", json!({}));
    assert!(told.contains("\"disconnectReason\":\"CLIENT_INITIATED_DISCONNECT\""), "{told}");
}

#[test]
fn rules_know_who_has_published() {
    let Some((_, subscriber)) = tools() else { return };
    if !is_there() {
        return;
    }
    let site = Site::start();
    let (id, target) = site.certificate("pump");
    site.policy("all", json!([{ "Effect": "Allow", "Action": "iot:Publish", "Resource": "*" }]));
    site.attach("all", &target);
    let sql = "SELECT principal() AS who, clientid() AS client, sourceip() AS ip FROM 'pump/#'";
    let action = json!({ "republish": { "topic": "told", "roleArn": "arn:aws:iam::0:role/r" } });
    let rule = json!({ "sql": sql, "awsIotSqlVersion": "2016-03-23", "actions": [action] });
    site.ask("POST", "/rules/who", rule);
    let listen = site.plain(&subscriber, &["-i", "ear", "-t", "told", "-C", "1", "-W", "20"]);
    let listening = std::thread::spawn(move || ended(listen));
    eventually("what the rule says", || {
        assert_eq!(publish(&site, Some("pump"), "pump%2Fa").status, 200);
        listening.is_finished()
    });
    let (done, said) = listening.join().expect("it ends");
    let told: Value = serde_json::from_str(&said).expect("JSON");
    assert!(done && told["who"] == id && told["client"] == "n/a", "{said}");
    assert!(told["ip"].as_str().is_some_and(|ip| ip.starts_with("127.")), "{said}");
}
