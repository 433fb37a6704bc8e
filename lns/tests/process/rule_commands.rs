//! Rules and their destinations by AWS's own command line, with an endpoint that confirms over HTTP.

use std::net::SocketAddr;
use std::process::{Command, Output};

use serde_json::{Value, json};
use system_tests::harness::{Application, Http, Place, eventually};

use crate::endpoint::{Endpoint, Got};

/// The `aws` command, pointed at a server.
struct Aws(String);

impl Aws {
    /// `None` when it is not installed and need not be.
    fn at(server: SocketAddr) -> Option<Self> {
        let there =
            Command::new("aws").arg("--version").output().is_ok_and(|it| it.status.success());
        let required = std::env::var_os("LNS_REQUIRE_TOOLS").is_some();
        assert!(there || !required, "pip install awscli");
        there.then(|| Self(format!("http://{server}")))
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new("aws")
            .args(["--endpoint-url", &self.0, "--output", "json", "iot"])
            .args(arguments)
            .envs([("AWS_ACCESS_KEY_ID", "any"), ("AWS_SECRET_ACCESS_KEY", "any")])
            .envs([("AWS_DEFAULT_REGION", "eu-west-1"), ("AWS_EC2_METADATA_DISABLED", "true")])
            .envs([("AWS_PAGER", ""), ("AWS_CONFIG_FILE", "/dev/null")])
            .output()
            .expect("the command runs")
    }

    /// What a command says that succeeds.
    fn iot(&self, arguments: &[&str]) -> Value {
        let done = self.run(arguments);
        let said = String::from_utf8_lossy(&done.stdout);
        let complained = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{arguments:?}: {complained}");
        serde_json::from_str(&said).unwrap_or(Value::Null)
    }

    /// What a command complains about that does not.
    fn refused(&self, arguments: &[&str]) -> String {
        let done = self.run(arguments);
        assert!(!done.status.success(), "{arguments:?}");
        String::from_utf8_lossy(&done.stderr).into_owned()
    }
}

fn names(listed: &Value) -> Vec<&str> {
    let rules = listed["rules"].as_array().expect("a list of rules");
    rules.iter().filter_map(|rule| rule["ruleName"].as_str()).collect()
}

#[test]
fn awss_command_line_makes_changes_and_ends_rules() {
    let (place, folder) = (Place::free(), tempfile::tempdir().expect("a temporary folder"));
    let _server = super::start(place, folder.path(), &[]);
    let Some(aws) = Aws::at(place.http()) else { return eprintln!("skipped: pip install awscli") };
    let application = Application::connect(place.mqtt(), "application");
    application.subscribe("out");
    application.subscribed(1);
    let rule = |sql: &str| {
        let action =
            json!({ "republish": { "topic": "out", "roleArn": "arn:aws:iam::1:role/any" } });
        json!({ "sql": sql, "awsIotSqlVersion": "2016-03-23", "actions": [action] }).to_string()
    };
    let hears = |n: u64, wanted: Value| {
        application.publish("in/7", &json!({ "n": n }));
        application.wait("the result", |it| it.topic == "out" && it.body == wanted);
    };
    let named = ["--rule-name", "hot"];
    let doubled = rule("SELECT n * 2 AS twice FROM 'in/+' WHERE n > 1");
    aws.iot(&[&["create-topic-rule"], &named[..], &["--topic-rule-payload", &doubled]].concat());
    hears(2, json!({ "twice": 4 }));
    let shown = aws.iot(&[&["get-topic-rule"], &named[..]].concat());
    assert_eq!(shown["rule"]["ruleName"], "hot");
    let again = [&["create-topic-rule"], &named[..], &["--topic-rule-payload", &doubled]].concat();
    assert!(aws.refused(&again).contains("ResourceAlreadyExistsException"));
    let wrong = rule("SELEKT");
    let wrong = ["create-topic-rule", "--rule-name", "w", "--topic-rule-payload", &wrong];
    assert!(aws.refused(&wrong).contains("SqlParseException"));
    if !cfg!(feature = "kafka-tls") {
        let properties = json!({ "bootstrap.servers": "k:9093", "security.protocol": "SSL" });
        let kafka = json!({ "topic": "t", "destinationArn": "a", "clientProperties": properties });
        let secure = json!({ "sql": "SELECT * FROM 'a'", "actions": [{ "kafka": kafka }] });
        let secure = secure.to_string();
        let secure = ["create-topic-rule", "--rule-name", "k", "--topic-rule-payload", &secure];
        assert!(aws.refused(&secure).contains("--features kafka-tls"));
    }

    let plain = rule("SELECT n FROM 'in/+'");
    aws.iot(&[&["replace-topic-rule"], &named[..], &["--topic-rule-payload", &plain]].concat());
    hears(1, json!({ "n": 1 }));
    aws.iot(&[&["disable-topic-rule"], &named[..]].concat());
    let off = aws.iot(&["list-topic-rules", "--rule-disabled"]);
    assert_eq!(names(&off), ["hot"]);
    application.publish("in/7", &json!({ "n": 99 }));
    aws.iot(&[&["enable-topic-rule"], &named[..]].concat());
    hears(3, json!({ "n": 3 }));
    assert!(
        application.all(|it| it.body["n"] == 99).is_empty(),
        "a rule that is off hears nothing"
    );
    assert_eq!(names(&aws.iot(&["list-topic-rules", "--topic", "in/+"])), ["hot"]);
    aws.iot(&[&["delete-topic-rule"], &named[..]].concat());
    assert!(names(&aws.iot(&["list-topic-rules"])).is_empty());
    let gone = aws.refused(&[&["get-topic-rule"], &named[..]].concat());
    assert!(gone.contains("UnauthorizedException"), "{gone}");
    let http = Http(place.http());
    eventually("its counters are gone", || {
        !http.request("GET", "/metrics", "").body.contains("rule=\"hot\"")
    });
}

/// What an endpoint was asked to confirm, and the request as a whole.
fn asked(endpoint: &Endpoint, at: usize) -> (Value, Got) {
    eventually("the endpoint is asked", || endpoint.got().len() > at);
    let got = endpoint.got()[at].clone();
    (serde_json::from_str(&got.2).expect("JSON"), got)
}

fn status(http: Http, arn: &str) -> String {
    let shown = http.request_for("iot", ("GET", &format!("/destinations/{arn}"), ""));
    shown.json()["topicRuleDestination"]["status"].as_str().expect("a status").to_owned()
}

#[test]
fn an_endpoint_confirms_by_the_url_that_it_is_sent_and_then_gets_what_waited() {
    let (place, folder) = (Place::free(), tempfile::tempdir().expect("a temporary folder"));
    let config = folder.path().join("lns.toml");
    let public = format!("http://localhost:{}", place.http().port());
    std::fs::write(&config, format!("[http]\npublic_url = \"{public}\"\n")).expect("a file");
    let _server = super::start(place, folder.path(), &["--config", &config.to_string_lossy()]);
    let (http, endpoint) = (Http(place.http()), Endpoint::start());
    let destination = json!({ "destinationConfiguration": { "httpUrlConfiguration": {
        "confirmationUrl": endpoint.url("/in"),
    } } });
    let made = http.request_for("iot", ("POST", "/destinations", &destination.to_string())).json();
    let arn = made["topicRuleDestination"]["arn"].as_str().expect("an ARN").to_owned();
    let (body, (path, headers, _)) = asked(&endpoint, 0);
    assert_eq!(headers["x-amz-rules-engine-message-type"], "DestinationConfirmation");
    assert_eq!(headers["x-amz-rules-engine-destination-arn"], arn.as_str());
    assert_eq!(headers["content-type"], "application/json");
    let token = body["confirmationToken"].as_str().expect("a token");
    assert_eq!(path, format!("/in?confirmationToken={token}"));
    let enable = format!("{public}/confirmdestination/{token}");
    let wanted = json!({
        "arn": arn, "confirmationToken": token, "enableUrl": enable,
        "messageType": "DestinationConfirmation",
    });
    assert_eq!(body, wanted);

    let rule = json!({
        "sql": "SELECT n FROM 'in'", "awsIotSqlVersion": "2016-03-23",
        "actions": [{ "http": {
            "url": endpoint.url("/in/${topic()}"), "confirmationUrl": endpoint.url("/in"),
            "headers": [{ "key": "X-N", "value": "${n}" }, { "key": "Authorization", "value": "Bearer x" }],
        } }],
    });
    http.request_for("iot", ("POST", "/rules/post", &rule.to_string()));
    let application = Application::connect(place.mqtt(), "application");
    application.publish("in", &json!({ "n": 7 }));
    let waiting = "lns_actions_waiting{action=\"0\",rule=\"post\"}";
    let retried = "lns_actions_total{action=\"0\",rule=\"post\",what=\"retried\"}";
    eventually("it was tried", || http.metric(retried) >= 1.0);
    assert_eq!((status(http, &arn).as_str(), http.metric(waiting)), ("IN_PROGRESS", 1.0));
    assert_eq!(endpoint.got().len(), 1, "nothing is sent to who has not confirmed");

    let path = enable.strip_prefix(&public).expect("the server's own URL");
    http.request("GET", path, "");
    assert_eq!(status(http, &arn), "ENABLED");
    eventually("what waited arrives", || endpoint.got().len() == 2);
    let (path, headers, body) = endpoint.got()[1].clone();
    assert_eq!((path.as_str(), body.as_str()), ("/in/in", r#"{"n":7}"#));
    assert_eq!(
        (&headers["x-n"], &headers["authorization"]),
        (&"7".parse().expect("a header"), &"Bearer x".parse().expect("a header"))
    );
    let listed = http.request_for("iot", ("GET", "/destinations", "")).json();
    let count = listed["destinationSummaries"].as_array().map(Vec::len);
    assert_eq!(count, Some(1), "the rule needed no further destination");
}

#[test]
fn a_rule_brings_its_destination_which_the_command_line_confirms() {
    let (place, folder) = (Place::free(), tempfile::tempdir().expect("a temporary folder"));
    let _server = super::start(place, folder.path(), &[]);
    let (http, endpoint) = (Http(place.http()), Endpoint::start());
    let Some(aws) = Aws::at(place.http()) else { return eprintln!("skipped: pip install awscli") };
    let rule = json!({
        "sql": "SELECT n FROM 'in'", "actions": [{ "http": { "url": endpoint.url("/hook") } }],
    });
    http.request_for("iot", ("POST", "/rules/post", &rule.to_string()));
    let (body, _) = asked(&endpoint, 0);
    let token = body["confirmationToken"].as_str().expect("a token");
    let arn = body["arn"].as_str().expect("an ARN");
    assert_eq!(status(http, arn), "IN_PROGRESS");
    aws.iot(&["confirm-topic-rule-destination", "--confirmation-token", token]);
    let shown = aws.iot(&["get-topic-rule-destination", "--arn", arn]);
    assert_eq!(shown["topicRuleDestination"]["status"], "ENABLED");
    let application = Application::connect(place.mqtt(), "application");
    application.publish("in", &json!({ "n": 1 }));
    eventually("it arrives", || endpoint.got().len() == 2);
    aws.iot(&["update-topic-rule-destination", "--arn", arn, "--status", "DISABLED"]);
    application.publish("in", &json!({ "n": 2 }));
    let retried = "lns_actions_total{action=\"0\",rule=\"post\",what=\"retried\"}";
    eventually("it was tried", || http.metric(retried) >= 1.0);
    aws.iot(&["update-topic-rule-destination", "--arn", arn, "--status", "ENABLED"]);
    eventually("it arrives", || endpoint.got().len() == 3);
    assert_eq!(endpoint.got()[2].2, r#"{"n":2}"#);
    aws.iot(&["delete-topic-rule-destination", "--arn", arn]);
    let left = aws.iot(&["list-topic-rule-destinations"]);
    assert_eq!(left["destinationSummaries"], json!([]));
}
