//! Limits of MQTT and anonymity forbidden, by the configuration of the program itself.

use std::process::Command;

use serde_json::json;
use system_tests::harness::{Http, Place, eventually};

use super::identity::{ended, tools};

#[test]
fn a_configuration_limits_clients_and_lets_nobody_in_without_proof() {
    let Some((publisher, _)) = tools() else {
        return eprintln!("skipped: mosquitto's clients are not installed");
    };
    let (folder, place) = (tempfile::tempdir().expect("a folder"), Place::free());
    let config = folder.path().join("lns.toml");
    let text = "[mqtt]\nanonymous = \"none\"\n[mqtt.limits]\npayload = \"1KiB\"\n";
    std::fs::write(&config, text).expect("a file");
    let server = super::start(place, folder.path(), &["--config", &config.to_string_lossy()]);
    eventually("the log to say who may come", || server.log().contains("for users alone"));
    let http = Http(place.http());
    let all = json!({ "Version": "2012-10-17",
        "Statement": { "Effect": "Allow", "Action": "iot:*", "Resource": "*" } });
    let ask = |method: &str, path: &str, body: String| http.request(method, path, &body).body;
    ask("POST", "/policies/all", json!({ "policyDocument": all.to_string() }).to_string());
    ask(
        "POST",
        "/v1/mqtt-users",
        json!({ "name": "ann", "password": "correct horse" }).to_string(),
    );
    ask("PUT", "/v1/mqtt-users/ann/policies/all", String::new());
    let publish = |more: &[&str]| {
        let address = place.mqtt();
        let mut command = Command::new(&publisher);
        command.args(["-h", &address.ip().to_string(), "-p", &address.port().to_string()]);
        ended({
            command.args(["-V", "5", "-q", "1", "-t", "a"]).args(more);
            command
        })
    };
    let ann = ["-u", "ann", "-P", "correct horse", "-m"];
    let (done, said) = publish(&["-m", "x"]);
    assert!(!done && said.to_lowercase().contains("bad user name"), "{said}");
    let (done, said) = publish(&[&ann[..], &["x"]].concat());
    assert!(done, "{said}");
    let large = "x".repeat(1025);
    let (_, said) = publish(&[&ann[..], &[&large]].concat());
    assert!(said.to_lowercase().contains("quota"), "{said}");
}
