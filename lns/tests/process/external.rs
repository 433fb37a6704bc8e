//! Shadows, rules, binding and events behind mosquitto, which comes and goes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use system_tests::harness::{
    AbpSession, Application, Binary, Downlink, Emission, Gateway, Http, Message, Mosquitto, Place,
    Provision, eventually,
};

use crate::fleet::{Fleet, dev_eui};
use crate::rules::{lines, make_rule};
use crate::shadows::all_topics_speak;

/// The server behind mosquitto, which listens where the embedded broker would.
struct Behind {
    program: PathBuf,
    folder: tempfile::TempDir,
    place: Place,
    broker: Option<Mosquitto>,
    server: Option<Binary>,
}

impl Behind {
    /// Starts both; `None` where mosquitto is not installed.
    fn start() -> Option<Self> {
        let program = Mosquitto::program()?;
        let (folder, place) = (tempfile::tempdir().expect("a temporary folder"), Place::free());
        let broker = Some(Mosquitto::start(&program, place.mqtt(), folder.path()));
        let mut behind = Self { program, folder, place, broker, server: None };
        behind.serve();
        Some(behind)
    }

    fn serve(&mut self) {
        let url = format!("mqtt://{}", self.place.mqtt());
        self.server = Some(super::start(self.place, self.folder(), &["--broker-url", &url]));
        self.heard();
    }

    fn http(&self) -> Http {
        Http(self.place.http())
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns when the broker has what the server has asked it for: its answer to a message comes
    /// behind those to the subscriptions.
    fn heard(&self) {
        eventually("the broker to be there", || {
            let answer = self.http().try_request("GET", "/healthz", "");
            answer.is_some_and(|answer| answer.status == 200)
        });
        self.http().request_for("iotdata", ("POST", "/topics/nobody?qos=1", ""));
    }

    fn rule(&self, name: &str, sql: &str, actions: &Value) {
        let rule = json!({ "sql": sql, "actions": actions, "awsIotSqlVersion": "2016-03-23" });
        make_rule(self.http(), name, &rule);
        self.heard();
    }

    fn application(&self, filters: &[&str]) -> Application {
        let application = Application::connect(self.place.mqtt(), "application");
        filters.iter().for_each(|filter| application.subscribe(filter));
        application
    }

    fn lines(&self, file: &str) -> Vec<Value> {
        lines(self.folder(), file)
    }

    /// mosquitto writes what it holds, and ends.
    fn unplug(&mut self) {
        self.broker.take().expect("it runs").stop();
        eventually("the loss to be noticed", || self.broker_says("connected") == 0.0);
    }

    fn plug_in(&mut self) {
        let address = self.place.mqtt();
        self.broker = Some(Mosquitto::start(&self.program, address, self.folder.path()));
    }

    /// SIGKILL, and another that finds what it left.
    fn kill_the_server(&mut self) {
        self.server.take().expect("it runs").kill();
        self.serve();
    }

    fn broker_says(&self, what: &str) -> f64 {
        self.http().metric(&format!("lns_broker{{what=\"{what}\"}}"))
    }

    /// mosquitto_pub in MQTT 5 with these arguments besides.
    fn publish(&self, more: &[&str]) {
        let address = self.place.mqtt();
        let mut command = Command::new("mosquitto_pub");
        command.args(["-V", "5", "-q", "1", "-h", &address.ip().to_string()]);
        command.args(["-p", &address.port().to_string()]).args(more);
        assert!(command.status().expect("mosquitto_pub").success());
    }
}

fn file(path: &str) -> Value {
    json!([{ "file": { "path": path } }])
}

#[test]
fn all_topics_of_a_shadow_speak_through_mosquitto() {
    let Some(behind) = Behind::start() else { return };
    all_topics_speak(behind.place);
    let requests = "lns_shadow_requests_total{code=\"404\",verb=\"delete\"}";
    // Two shadows, one request each that was refused: none was heard twice.
    assert_eq!(behind.http().metric(requests) as u64, 2);
}

#[test]
fn rules_behind_mosquitto_meet_each_message_once_with_its_properties() {
    let Some(behind) = Behind::start() else { return };
    let sql = "SELECT n, get_mqtt_property('content_type') AS type, \
               get_mqtt_property('correlation_data') AS mark, get_user_properties('colour') AS colour \
               FROM 'a/+'";
    let headers = json!({
        "contentType": "text/plain", "responseTopic": "${topic()}", "correlationData": "bWFyaw==",
        "userProperties": [{ "key": "from", "value": "${topic()}" }],
    });
    let republish = json!([
        { "republish": { "roleArn": "arn:aws:iam::1:role/any", "topic": "out/a", "qos": 1, "headers": headers } },
        { "file": { "path": "met.jsonl" } },
    ]);
    behind.rule("met", sql, &republish);
    behind.rule("all", "SELECT topic() AS topic FROM 'a/#'", &file("all.jsonl"));
    behind.rule("crossing", "SELECT topic() AS topic FROM '+/b'", &file("crossing.jsonl"));
    behind.rule(
        "again",
        "SELECT get_user_properties('from') AS origin FROM 'out/+'",
        &file("again.jsonl"),
    );
    let subscriber = subscribe(&behind, "out/a", "%C|%R|%D|%P");
    let said = ["-D", "PUBLISH", "content-type", "application/json", "-D", "PUBLISH"];
    let more = ["correlation-data", "m", "-D", "PUBLISH", "user-property", "colour", "red"];
    behind.publish(&[&["-t", "a/b", "-m", r#"{"n":1}"#][..], &said, &more].concat());
    // Handed over in order, so that the last shows that all are there.
    behind.publish(&["-t", "a/c", "-m", r#"{"n":2}"#]);
    eventually("both", || {
        behind.lines("all.jsonl").len() == 2 && behind.lines("met.jsonl").len() == 2
    });
    let met = &behind.lines("met.jsonl")[0];
    assert_eq!((&met["type"], &met["colour"]), (&json!("application/json"), &json!(["red"])));
    assert_eq!(met["n"], 1);
    assert_eq!(behind.lines("crossing.jsonl"), [json!({ "topic": "a/b" })]);
    // What a rule says, other rules hear, with what it says besides.
    let again = [json!({ "origin": ["a/b"] }), json!({ "origin": ["a/c"] })];
    eventually("the republished", || behind.lines("again.jsonl") == again);
    let output = subscriber.wait_with_output().expect("mosquitto_sub");
    let told = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert_eq!(told, "text/plain|a/b|mark|from:a/b");
    eventually("the gauge of the protocol", || behind.broker_says("protocol") == 5.0);
}

/// mosquitto_sub in MQTT 5 for one message; it has subscribed when this returns.
fn subscribe(behind: &Behind, filter: &str, format: &str) -> std::process::Child {
    let address = behind.place.mqtt();
    let mut command = Command::new("mosquitto_sub");
    // Behind a first message, which is retained and comes with the subscription.
    behind.publish(&["-r", "-t", "ready/yet", "-m", "yes"]);
    command.args(["-V", "5", "-q", "1", "-h", &address.ip().to_string()]);
    command.args(["-p", &address.port().to_string(), "-C", "1", "-W", "20"]);
    command.args(["-i", "observer", "-x", "300", "-c"]);
    let mut first = Command::new("mosquitto_sub");
    first.args(command.get_args()).args(["-t", filter, "-t", "ready/yet"]);
    assert!(first.stdout(Stdio::null()).status().expect("mosquitto_sub").success());
    // Its session holds what is published from now on.
    command.args(["-t", filter, "-F", format]).stdout(Stdio::piped());
    command.spawn().expect("mosquitto_sub")
}

#[test]
fn basic_ingest_events_and_what_is_posted_meet_their_rules_and_retained_messages_are_read() {
    let Some(behind) = Behind::start() else { return };
    let http = behind.http();
    behind.rule("direct", "SELECT n, topic() AS topic FROM 'elsewhere'", &file("direct.jsonl"));
    let aws = "SELECT thingName, eventType FROM '$aws/events/thing/+/created'";
    behind.rule("things", aws, &file("things.jsonl"));
    behind.rule("posted", "SELECT n FROM 'posted/#'", &file("posted.jsonl"));
    let on = json!({ "eventConfigurations": { "THING": { "Enabled": true } } }).to_string();
    http.request_for("iot", ("PATCH", "/event-configurations", &on));
    let application = behind.application(&["$aws/events/#", "posted/#"]);

    behind.publish(&["-t", "$aws/rules/direct/x/y", "-m", r#"{"n":1}"#]);
    http.request_for("iotdata", ("POST", "/topics/$aws/rules/direct/z?qos=1", r#"{"n":2}"#));
    let direct = [json!({ "n": 1, "topic": "x/y" }), json!({ "n": 2, "topic": "z" })];
    eventually("basic ingest", || {
        let mut lines = behind.lines("direct.jsonl");
        lines.sort_by_key(|line| line["n"].as_u64());
        lines == direct
    });
    http.request("POST", "/things/lamp", "{}");
    let heard = application.wait("the event", |it| it.topic == "$aws/events/thing/lamp/created");
    eventually("its rule", || behind.lines("things.jsonl").len() == 1);
    assert_eq!(behind.lines("things.jsonl")[0]["eventType"], heard.body["eventType"]);

    let posted = ("POST", "/topics/posted/a?qos=1&retain=true", r#"{"n":3}"#);
    http.request_for("iotdata", posted);
    application.wait("what was posted", |it| it.topic == "posted/a" && it.body["n"] == 3);
    eventually("its rule", || behind.lines("posted.jsonl") == [json!({ "n": 3 })]);
    let retained = http.request_for("iotdata", ("GET", "/retainedMessage/posted/a", "")).json();
    assert_eq!((&retained["payload"], &retained["qos"]), (&json!("eyJuIjozfQ=="), &json!(1)));
    let nothing = http.try_request("GET", "/retainedMessage/posted/b", "");
    assert_eq!(nothing.expect("an answer").status, 404);
}

/// A rule that says on its own filter what it has heard there.
#[test]
fn a_circle_of_rules_through_mosquitto_ends() {
    let Some(behind) = Behind::start() else { return };
    let again = json!([
        { "republish": { "roleArn": "arn:aws:iam::1:role/any", "topic": "loop/${n}", "qos": 1 } },
        { "file": { "path": "loop.jsonl" } },
    ]);
    behind.rule("loop", "SELECT n FROM 'loop/#'", &again);
    let looped = "lns_rules_total{rule=\"loop\",what=\"looped\"}";
    for round in 1..=3u64 {
        behind.publish(&["-t", "loop/start", "-m", &json!({ "n": round }).to_string()]);
        eventually("its end", || behind.http().metric(looped) as u64 == round);
        assert_eq!(behind.lines("loop.jsonl").len() as u64, 8 * round);
    }
    behind.heard();
    assert_eq!(behind.lines("loop.jsonl").len(), 24, "no copy of ours has begun another");
}

/// Both windows of an uplink have passed.
const WINDOWS: Duration = Duration::from_millis(2500);

const CODEC: &str = "
function decodeUplink(input) { return { data: { level: input.bytes[0] } }; }
function encodeDownlink(input) { return { bytes: [input.data.level], fPort: 10 }; }";

/// A lamp's first uplinks, its wish by MQTT, and the downlink.
#[test]
fn a_device_and_its_shadow_meet_through_mosquitto() {
    const DEV_EUI: u64 = 0x70b3_d57e_d005_0001;
    let Some(behind) = Behind::start() else { return };
    let (http, provision) = (behind.http(), Provision(behind.http()));
    provision.codec("lamp", CODEC);
    let profile =
        json!({ "MacVersion": "1.0.3", "RegParamsRevision": "A", "RxDelay1": 1, "Codec": "lamp" });
    let (profile, session) = (provision.profile(&profile), AbpSession::numbered(9));
    let device = provision.abp(&profile, DEV_EUI, &session);
    let thing = http.request("POST", "/things/lamp", "{}").json();
    let arn = json!({ "ThingArn": thing["thingArn"] }).to_string();
    http.request("PUT", &format!("/wireless-devices/{device}/thing"), &arn);
    behind.rule(
        "up",
        "SELECT DecodedPayload.level AS level FROM 'lorawan/+/up'",
        &file("up.jsonl"),
    );
    let application = behind.application(&["$aws/things/lamp/shadow/#"]);
    let gateway = Gateway::start(0x0016_c001_ff10_d446, behind.place.udp(), 5_000_000);
    gateway.connect();
    let send = |f_cnt: u32, level: u8| {
        let bytes = session.uplink(f_cnt, 2, &[level], false);
        let datr = "SF7BW125".to_owned();
        gateway.hear(&Emission { frequency_hz: 903_900_000, datr, bytes });
    };

    send(0, 1);
    let accepted = "$aws/things/lamp/shadow/update/accepted";
    application.wait("what it reports", |it| {
        it.topic == accepted && it.body["state"]["reported"]["level"] == 1
    });
    let wish = json!({ "state": { "desired": { "level": 7 } } });
    application.publish("$aws/things/lamp/shadow/update", &wish);
    application.wait("the difference", |it| {
        it.topic.ends_with("update/delta") && it.body["state"] == json!({ "level": 7 })
    });
    let link = "/things/lamp/shadow?name=lorawan";
    eventually("the downlink to be queued", || {
        let shadow = http.try_request("GET", link, "").expect("an answer").json();
        shadow["state"]["reported"]["downlink"]["status"] == "queued"
    });
    // One that answers an earlier uplink may still be on its way.
    let ours = |it: &Downlink| {
        let opened = session.open(&it.bytes);
        opened.is_some_and(|it| it.f_port == Some(10) && it.payload == [7])
    };
    let mut f_cnt = 0;
    let mut sent = || {
        f_cnt += 1;
        send(f_cnt, 1);
        gateway.emitted(Instant::now() + WINDOWS, ours).is_some()
    };
    eventually("the downlink", &mut sent);
    f_cnt += 1;
    send(f_cnt, 7);
    application.wait("that it has done so", |it| {
        it.topic == accepted && it.body["state"]["reported"]["level"] == 7
    });
    let mut levels = vec![json!({ "level": 1 }); f_cnt as usize];
    levels.push(json!({ "level": 7 }));
    eventually("the rule, each once", || behind.lines("up.jsonl") == levels);
}

/// A destination of kind RuleName needs no broker at all.
#[test]
fn uplinks_reach_their_rule_while_the_broker_is_away() {
    let Some(mut behind) = Behind::start() else { return };
    let http = behind.http();
    Fleet::register(http);
    behind.rule(
        "straight",
        "SELECT PayloadData AS bytes FROM 'some/other'",
        &file("straight.jsonl"),
    );
    let destination = json!({
        "Name": "to-rule", "ExpressionType": "RuleName", "Expression": "straight",
        "RoleArn": "arn:aws:iam::1:role/any",
    });
    http.request("POST", "/destinations", &destination.to_string());
    let path = format!("/wireless-devices/{:016x}?identifierType=DevEui", dev_eui(2));
    let id = http.request("GET", &path, "").json()["Id"].as_str().expect("an id").to_owned();
    let change = r#"{"DestinationName":"to-rule"}"#;
    http.request("PATCH", &format!("/wireless-devices/{id}"), change);
    let mut fleet =
        Fleet::new(Gateway::start(0x0016_c001_ff10_d446, behind.place.udp(), 5_000_000));
    fleet.gateway.connect();
    fleet.report(2);
    eventually("the first", || behind.lines("straight.jsonl") == [json!({ "bytes": "Mjow" })]);
    behind.unplug();
    fleet.report(2);
    let both = [json!({ "bytes": "Mjow" }), json!({ "bytes": "Mjox" })];
    eventually("the second", || behind.lines("straight.jsonl") == both);
}

/// A rule in two directions and shadows, whose work is checked when everybody is back.
struct Traffic {
    application: Application,
    said: u64,
}

impl Traffic {
    const BURST: u64 = 20;

    fn through(behind: &Behind) -> Self {
        let republish = json!([
            { "republish": { "roleArn": "arn:aws:iam::1:role/any", "topic": "out/n", "qos": 1 } },
            { "file": { "path": "kept.jsonl" } },
        ]);
        behind.rule("kept", "SELECT n FROM 'in/+' WHERE n >= 0", &republish);
        let heard = ["out/#", "$aws/things/+/shadow/update/accepted"];
        Self { application: behind.application(&heard), said: 0 }
    }

    /// Returns when mosquitto has everything.
    fn burst(&mut self) {
        for n in self.said..self.said + Self::BURST {
            self.application.publish("in/x", &json!({ "n": n }));
            let state =
                json!({ "state": { "reported": { "n": n } }, "clientToken": n.to_string() });
            self.application.publish(&format!("$aws/things/t{n}/shadow/update"), &state);
        }
        self.said += Self::BURST;
    }

    /// What mosquitto or the server has acknowledged comes out at the other end.
    fn all_arrives(&self, behind: &Behind) {
        let all: BTreeSet<u64> = (0..self.said).collect();
        eventually("every message in the rule's file", || {
            let written = behind.lines("kept.jsonl");
            written.iter().filter_map(|it| it["n"].as_u64()).collect::<BTreeSet<_>>() == all
        });
        eventually("every message of the rule", || {
            let told = self.application.all(|it| it.topic == "out/n");
            told.iter().filter_map(|it| it.body["n"].as_u64()).collect::<BTreeSet<_>>() == all
        });
        eventually("every answer of a shadow", || {
            let told = self.application.all(|it| it.topic.ends_with("/update/accepted"));
            let token = |it: &Message| it.text("clientToken").parse().ok();
            told.iter().filter_map(token).collect::<BTreeSet<u64>>() == all
        });
    }
}

#[test]
fn nothing_acknowledged_is_lost_while_the_broker_comes_and_goes() {
    let Some(mut behind) = Behind::start() else { return };
    let mut traffic = Traffic::through(&behind);
    let mut connections = traffic.application.subscriptions();
    for _ in 0..3 {
        traffic.burst();
        // In the midst of the answers.
        behind.unplug();
        let health = behind.http().try_request("GET", "/healthz", "").expect("an answer");
        assert_ne!(health.status, 200, "{}", health.body);
        behind.plug_in();
        connections += 1;
        traffic.application.subscribed(connections);
        behind.heard();
    }
    traffic.all_arrives(&behind);
}

/// mosquitto keeps for the session what the server has not acknowledged.
#[test]
fn nothing_acknowledged_is_lost_when_the_server_behind_mosquitto_is_killed() {
    let Some(mut behind) = Behind::start() else { return };
    let mut traffic = Traffic::through(&behind);
    for _ in 0..4 {
        traffic.burst();
        behind.kill_the_server();
    }
    traffic.all_arrives(&behind);
}
