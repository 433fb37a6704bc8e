//! Clients with certificates, passwords and tokens, at the program itself: mosquitto's clients over
//! mutual TLS, and what they try that they may not.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use system_tests::harness::{Binary, Http, Place, eventually};

/// A server with TLS, and a folder for certificates.
pub(super) struct Site {
    pub place: Place,
    folder: tempfile::TempDir,
    _server: Binary,
}

impl Site {
    pub fn start() -> Self {
        Self::with("")
    }

    /// With this in the section `[http]`, too.
    pub fn with(http_keys: &str) -> Self {
        let (folder, place) = (tempfile::tempdir().expect("a folder"), Place::free());
        let config = folder.path().join("lns.toml");
        let (mqtt, http) = (place.port(8883), place.port(8443));
        let text = format!(
            "[mqtt]\ntls_listen = \"{mqtt}\"\n[http]\ntls_listen = \"{http}\"\n{http_keys}"
        );
        std::fs::write(&config, text).expect("a file");
        let flag = config.to_string_lossy().into_owned();
        let server = super::start(place, folder.path(), &["--config", &flag]);
        let site = Self { place, folder, _server: server };
        let ca = site.ask("GET", "/v1/ca", Value::Null);
        std::fs::write(site.file("ca.pem"), ca).expect("a file");
        site
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn ask(&self, method: &str, path: &str, body: Value) -> String {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        Http(self.place.http()).request(method, path, &body).body
    }

    pub fn asked(&self, method: &str, path: &str, body: Value) -> Value {
        serde_json::from_str(&self.ask(method, path, body)).expect("JSON")
    }

    pub fn policy(&self, name: &str, statements: Value) {
        let document = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
        let body = json!({ "policyDocument": document });
        self.ask("POST", &format!("/policies/{name}"), body);
    }

    pub fn attach(&self, policy: &str, target: &str) {
        self.ask("PUT", &format!("/target-policies/{policy}"), json!({ "target": target }));
    }

    /// A new certificate; its id and ARN. Its files are called `name`.
    pub fn certificate(&self, name: &str) -> (String, String) {
        let made = self.asked("POST", "/keys-and-certificate?setAsActive=true", Value::Null);
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        std::fs::write(self.file(&format!("{name}.pem")), text(&made["certificatePem"])).unwrap();
        let key = text(&made["keyPair"]["PrivateKey"]);
        std::fs::write(self.file(&format!("{name}.key")), key).unwrap();
        (text(&made["certificateId"]), text(&made["certificateArn"]))
    }

    /// A client of mosquitto over TLS, with the certificate `own`, or with none.
    pub fn secure(&self, program: &Path, own: Option<&str>, more: &[&str]) -> Command {
        let address = self.place.port(8883);
        let mut command = Command::new(program);
        command.args(["-h", &address.ip().to_string(), "-p", &address.port().to_string()]);
        command.args(["-V", "5", "-q", "1"]).arg("--cafile").arg(self.file("ca.pem")).args(more);
        if let Some(own) = own {
            command.arg("--cert").arg(self.file(&format!("{own}.pem")));
            command.arg("--key").arg(self.file(&format!("{own}.key")));
        }
        command
    }

    /// A client of mosquitto in the clear.
    pub fn plain(&self, program: &Path, more: &[&str]) -> Command {
        let address = self.place.mqtt();
        let mut command = Command::new(program);
        command.args(["-h", &address.ip().to_string(), "-p", &address.port().to_string()]);
        command.args(["-V", "5", "-q", "1"]).args(more);
        command
    }
}

/// Whether it ended well, and what it said.
pub(super) fn ended(mut command: Command) -> (bool, String) {
    let output = command.stdin(Stdio::null()).output().expect("the program runs");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

pub(super) fn tools() -> Option<(PathBuf, PathBuf)> {
    let tools = ["mosquitto_pub", "mosquitto_sub"].map(|name| Path::new("/usr/bin").join(name));
    let there = tools.iter().all(|tool| tool.exists());
    let required = std::env::var_os("LNS_REQUIRE_TOOLS").is_some();
    assert!(there || !required, "mosquitto's clients are not installed");
    let [publisher, subscriber] = tools;
    there.then_some((publisher, subscriber))
}

pub(super) fn arn(resource: &str) -> String {
    format!("arn:aws:iot:us-east-1:123456789012:{resource}")
}

/// What a device named `pump` may: its own topics.
fn own_topics() -> Value {
    json!([
        { "Effect": "Allow", "Action": "iot:Connect", "Resource": arn("client/pump") },
        { "Effect": "Allow", "Action": ["iot:Publish", "iot:Receive"],
          "Resource": arn("topic/${iot:ClientId}/*") },
        { "Effect": "Allow", "Action": "iot:Subscribe",
          "Resource": arn("topicfilter/${iot:ClientId}/*") },
    ])
}

/// A subscriber, and what it has said so far.
struct Listener {
    child: Child,
    said: PathBuf,
}

impl Listener {
    fn start(mut command: Command, said: PathBuf) -> Self {
        let file = std::fs::File::create(&said).expect("a file");
        let errors = file.try_clone().expect("a file");
        let child = command.stdin(Stdio::null()).stdout(file).stderr(errors).spawn();
        Self { child: child.expect("it starts"), said }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.said).unwrap_or_default()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_device_does_what_its_policy_says_and_nothing_besides() {
    let Some((publisher, subscriber)) = tools() else {
        return eprintln!("skipped: mosquitto's clients are not installed");
    };
    let site = Site::start();
    let (_, target) = site.certificate("pump");
    site.policy("own", own_topics());
    let publish = |more: &[&str]| {
        let fixed = ["-i", "pump", "-m", "x"];
        ended(site.secure(&publisher, Some("pump"), &[&fixed[..], more].concat()))
    };
    assert!(!publish(&["-t", "pump/a"]).0, "nothing is attached yet");
    site.attach("own", &target);
    let (done, said) = publish(&["-t", "pump/a"]);
    assert!(done, "{said}");
    for refused in [
        &["-t", "other/a"][..],
        &["-t", "pump"],
        &["-t", "pump/a", "-r"],
        &["-t", "lorawan/0102030405060708/up"],
        &["-t", "$aws/events/presence/connected/pump"],
        &["-t", "pump/a", "--will-topic", "other/a", "--will-payload", "x"],
        &["-t", "pump/a", "--will-topic", "pump/a", "--will-payload", "x", "--will-retain"],
    ] {
        let (done, said) = publish(refused);
        assert!(!done || said.to_lowercase().contains("not authori"), "{refused:?}: {said}");
    }
    for other in ["other", "+", "#", "pump/a"] {
        let as_other =
            site.secure(&publisher, Some("pump"), &["-i", other, "-t", "pump/a", "-m", "x"]);
        let (done, said) = ended(as_other);
        assert!(!done, "{other}: {said}");
    }
    for (filter, granted) in [
        ("pump/#", true),
        ("$share/g/pump/#", true),
        ("#", false),
        ("+/a", false),
        ("$share/g/#", false),
        ("$share/g/other/a", false),
        ("lns/#", false),
    ] {
        let listen = ["-i", "pump", "-t", filter, "-E"];
        let (done, said) = ended(site.secure(&subscriber, Some("pump"), &listen));
        let refused = !done || said.to_lowercase().contains("denied");
        assert_eq!(!refused, granted, "{filter}: {said}");
    }
}

#[test]
fn what_changes_counts_at_once() {
    let Some((publisher, subscriber)) = tools() else {
        return eprintln!("skipped: mosquitto's clients are not installed");
    };
    let site = Site::start();
    let (id, target) = site.certificate("pump");
    site.policy("own", own_topics());
    site.attach("own", &target);
    let say = |text: &str| {
        let say = site.plain(&publisher, &["-t", "pump/a", "-m", text]);
        assert!(ended(say).0, "an application on loopback may");
    };
    let listen = site.secure(&subscriber, Some("pump"), &["-i", "pump", "-t", "pump/#"]);
    let mut listener = Listener::start(listen, site.file("heard"));
    eventually("a message to arrive", || {
        say("before");
        listener.said().contains("before")
    });

    let deaf = json!([{ "Effect": "Deny", "Action": "iot:Receive", "Resource": "*" }]);
    site.policy("deaf", deaf);
    site.attach("deaf", &target);
    eventually("messages to stay away", || {
        let count = listener.said().lines().count();
        (0..5).for_each(|_| say("between"));
        std::thread::sleep(std::time::Duration::from_millis(50));
        listener.said().lines().count() == count
    });
    site.ask("POST", "/target-policies/deaf", json!({ "target": target }));
    eventually("messages to arrive again", || {
        say("after");
        listener.said().contains("after")
    });

    site.ask("PUT", &format!("/certificates/{id}?newStatus=REVOKED"), Value::Null);
    eventually("the client to be turned out", || {
        listener.child.try_wait().expect("a child").is_some()
            || listener.said().to_lowercase().contains("not authori")
    });
    let again = site.secure(&publisher, Some("pump"), &["-i", "pump", "-t", "pump/a", "-m", "x"]);
    assert!(!ended(again).0, "a revoked certificate");
    site.certificate("stranger");
    let mixed =
        site.secure(&publisher, Some("stranger"), &["-i", "pump", "-t", "pump/a", "-m", "x"]);
    assert!(!ended(mixed).0, "another's certificate has no policy");
}

#[test]
fn users_come_with_a_password_or_a_token() {
    let Some((publisher, _)) = tools() else {
        return eprintln!("skipped: mosquitto's clients are not installed");
    };
    let site = Site::start();
    site.policy("all", json!([{ "Effect": "Allow", "Action": "iot:*", "Resource": "*" }]));
    let ann = json!({ "name": "ann", "password": "correct horse" });
    site.ask("POST", "/v1/mqtt-users", ann);
    let publish = |password: &str| {
        let more = ["-u", "ann", "-P", password, "-t", "a", "-m", "x"];
        ended(site.plain(&publisher, &more))
    };
    assert!(!publish("correct horse").0, "nothing is attached yet");
    site.ask("PUT", "/v1/mqtt-users/ann/policies/all", Value::Null);
    let (done, said) = publish("correct horse");
    assert!(done, "{said}");
    assert!(!publish("wrong horse").0);
    let token = site.asked("POST", "/v1/mqtt-users/ann/tokens", json!({}));
    let secret = token["token"].as_str().expect("a token").to_owned();
    let (done, said) = publish(&secret);
    assert!(done, "{said}");
    let id = token["id"].as_str().expect("an id");
    site.ask("DELETE", &format!("/v1/mqtt-users/ann/tokens/{id}"), Value::Null);
    assert!(!publish(&secret).0, "a revoked token");
    site.ask("DELETE", "/v1/mqtt-users/ann", Value::Null);
    let by_tls = ["-u", "ann", "-P", "correct horse", "-t", "lns/v1/gateway/0102030405060708/down"];
    let (_, said) = ended(site.secure(&publisher, None, &[&by_tls[..], &["-m", "x"]].concat()));
    assert!(said.to_lowercase().contains("not authori"), "the server's own: {said}");
}
