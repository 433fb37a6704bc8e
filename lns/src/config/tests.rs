//! Precedence, all problems at once, and the example that is the truth.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use lns_lorawan::region::DataRateSet;
use lns_lorawan::{DataRateIndex, Region};

use super::keys::KEYS;
use super::*;

/// Loads `text` as a file, with an environment and flags.
fn load(text: &str, env: &[(&str, &str)], flags: Overrides) -> Result<Config, Vec<ConfigProblem>> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("lns.toml");
    std::fs::write(&file, text).unwrap();
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::load(Some(&file), env, flags)
}

fn problems(text: &str, env: &[(&str, &str)]) -> Vec<String> {
    let problems = load(text, env, Overrides::default()).unwrap_err();
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn nothing_configured_is_the_defaults() {
    assert_eq!(Config::load(None, [], Overrides::default()), Ok(Config::default()));
    assert_eq!(load("", &[("PATH", "/bin")], Overrides::default()), Ok(Config::default()));
}

#[test]
fn flags_beat_the_environment_which_beats_the_file() {
    let text = "[mqtt]\nlisten = \"127.0.0.1:1\"\n[http]\nlisten = \"127.0.0.1:2\"\n\
                [gateway]\nsemtech_udp = \"[::]:3\"";
    let env = [("LNS_MQTT__LISTEN", "127.0.0.1:4"), ("LNS_HTTP__LISTEN", "127.0.0.1:5")];
    let mut flags = Overrides::default();
    flags.set("--mqtt", "mqtt.listen", Some("127.0.0.1:6"));
    flags.set("--http", "http.listen", None::<String>);
    let config = load(text, &env, flags).unwrap();
    assert_eq!(config.mqtt.listen, Listen::at([127, 0, 0, 1], 6));
    assert_eq!(config.http.listen, Listen::at([127, 0, 0, 1], 5));
    assert_eq!(config.gateway.semtech_udp.to_string(), "[::]:3");
}

#[test]
fn the_environment_sets_every_type() {
    let env = [
        ("LNS_SERVER__NET_ID", "000013"),
        ("LNS_SERVER__PARTITIONS", "3"),
        ("LNS_GATEWAY__REQUIRE_REGISTERED_GATEWAYS", "true"),
        ("LNS_MQTT__BRIDGE_PASSWORD", "1234"),
        ("LNS_STORE__KIND", "redb"),
        ("LNS_REGION__US915__SUB_BAND", "1"),
        ("LNS_REGION__EU868__EXTRA_CHANNELS", "[\"868.8MHz\"]"),
    ];
    let config = load("", &env, Overrides::default()).unwrap();
    assert_eq!(config.server.net_id.value(), 0x13);
    assert_eq!(config.server.partitions, 3);
    assert!(config.gateway.require_registered_gateways);
    assert_eq!(config.mqtt.bridge_password.expose(), "1234");
    assert_eq!(config.store.kind, StoreKind::Redb);
    assert_eq!(config.region.us915.sub_band.number(), Some(1));
    assert_eq!(config.region.eu868.extra_channels, [at_khz(868_800)]);
}

#[test]
fn every_problem_is_shown_at_once_with_its_key_and_place() {
    let text = "colour = 1\n[server]\nregion = \"EU686\"\nnet_id = 13\nlog_levle = \"info\"\n\
                [dedup]\nlimit = 200\n[codec]\ntime = \"1h\"\n[mqtt]\npassword = 4711\n";
    let env = [("LNS_MQTT__LISTEN", "1883"), ("LNS_HTTP_LISTEN", "x"), ("LNS_SERVICE_HOST", "x")];
    let found = problems(text, &env);
    let expected = [
        "lns.toml:1: there is no key colour",
        "lns.toml:3: server.region = \"EU686\": cannot find region \"EU686\": the regions are",
        "lns.toml:4: server.net_id = 13: a text was expected",
        "lns.toml:5: there is no key server.log_levle; did you mean server.log_level?",
        "lns.toml:7: dedup.limit = 200: a text was expected; put it in quotes, a span of",
        "lns.toml:9: codec.time = \"1h\": it must be from 1ms to 1s",
        "lns.toml:11: mqtt.password = …: a text was expected",
        "variable LNS_MQTT__LISTEN: mqtt.listen = \"1883\": it is no address",
        "variable LNS_HTTP_LISTEN: there is no key http_listen; did you mean http.listen?",
    ];
    for expected in expected {
        assert!(found.iter().any(|found| found.contains(expected)), "{expected}: {found:#?}");
    }
    assert_eq!(found.len(), 9, "{found:#?}");
    assert!(!found.iter().any(|found| found.contains("4711")), "a password: {found:#?}");
}

#[test]
fn a_number_in_the_environment_is_checked_as_a_number() {
    let reason = |value| problems("", &[("LNS_SERVER__PARTITIONS", value)]).remove(0);
    assert!(reason("65").contains("from 0 to 64"), "{}", reason("65"));
    assert!(reason("-1").contains("from 0 to 65535"), "{}", reason("-1"));
    assert!(reason("many").contains("a whole number"), "{}", reason("many"));
    assert!(reason("1\nother = 2").contains("a whole number"));
}

#[test]
fn a_section_where_a_key_should_be_and_the_reverse_are_problems() {
    assert!(problems("mqtt = 1", &[])[0].contains("no key mqtt"));
    assert!(problems("[mqtt.listen]\nport = 1", &[])[0].contains("mqtt.listen"));
    assert!(problems("[nothing]", &[])[0].contains("no key nothing"));
    assert!(load("[mqtt]", &[], Overrides::default()).is_ok());
}

#[test]
fn what_is_no_toml_is_said_with_its_line_and_the_rest_is_still_checked() {
    let found = problems("[server]\nregion = EU868\n[dedup]\nlimit = \"soon\"\n", &[]);
    assert!(found.iter().any(|found| found.contains("lns.toml:2: this is no TOML")), "{found:#?}");
    assert!(found.iter().any(|found| found.contains("dedup.limit")), "{found:#?}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let path = PathBuf::from("/nowhere/lns.toml");
    let found = Config::load(Some(&path), [], Overrides::default()).unwrap_err();
    assert!(found[0].to_string().starts_with("cannot read the configuration /nowhere/lns.toml"));
}

#[test]
fn keys_that_do_not_go_together_are_problems() {
    let keep_alive = "[mqtt.limits]\nkeep_alive_min = \"20m\"\nkeep_alive_max = \"30s\"";
    assert!(problems(keep_alive, &[])[0].contains("more than mqtt.limits.keep_alive_max, 30s"));
    let payload = "[mqtt]\nmax_packet = \"64KiB\"\n[mqtt.limits]\npayload = \"128KiB\"";
    assert!(problems(payload, &[])[0].contains("does not fit into mqtt.max_packet, 64KiB"));
    let queues = "[mqtt]\nqueue_memory = \"1MiB\"";
    assert!(problems(queues, &[])[0].contains("mqtt.queue_size"));
    let wrong = "[mqtt]\nanonymous = \"everywhere\"\n[mqtt.limits]\nkeep_alive_max = \"19h\"";
    let wrong = problems(wrong, &[]);
    assert!(wrong[0].contains("\"loopback\" or \"none\""), "{wrong:?}");
    assert!(wrong[1].contains("mqtt.limits.keep_alive_max"), "{wrong:?}");
    let one_port = "[mqtt]\nlisten = \"0.0.0.0:8080\"";
    assert!(problems(one_port, &[])[0].contains("http.listen too"));
    assert!(problems("[mqtt]\nlisten = \"off\"", &[])[0].contains("mqtt.broker_url is empty"));
    assert!(problems("[mqtt]\nusername = \"me\"", &[])[0].contains("another broker"));
    let told = "[mqtt]\nbroker_url = \"mqtt://me:p@ss@b\"";
    assert!(problems(told, &[])[0].contains("\"mqtt://me:…@b\": it has a user in it"));
    let broker = "[mqtt]\nlisten = \"off\"\nusername = \"me\"\nbroker_url = \"mqtt://b\"";
    assert!(load(broker, &[], Overrides::default()).is_ok());
}

#[test]
fn channels_outside_the_band_too_near_or_too_many_are_problems() {
    let list = |channels: &str| format!("[region.eu868]\nextra_channels = [{channels}]");
    let problem = |channels: &str| problems(&list(channels), &[])[0].clone();
    assert!(
        problem("\"915.0MHz\"").contains("915.0 MHz is not within 863.0 to 870.0 MHz of EU868")
    );
    assert!(problem("\"868.65MHz\"").contains("868.65 MHz is between its sub-bands"));
    assert!(problem("\"868.2MHz\"").contains("868.2 MHz is too near to the channel at 868.1 MHz"));
    assert!(problem("\"867.1MHz\", \"867.2MHz\"").contains("too near to the channel at 867.1"));
    assert!(
        problem(&"\"867.1MHz\",".repeat(14)).contains("14 channels, and a device has room for 13")
    );
    assert!(problem("867.1").contains("a text in quotes"));
}

/// A channel as its region has it.
fn at_khz(khz: u32) -> NetworkChannel {
    NetworkChannel::usual(RadioFrequency::from_khz(khz))
}

#[test]
fn a_channel_may_have_data_rates_and_an_rx1_of_its_own() {
    let text = "[region.eu868]\nextra_channels = [\"867.1MHz\", \"868.8MHz DR7\", \
                \"867.5MHz DR0-3 RX1 868.1MHz\", \"867.9MHz RX1 869.525MHz\"]";
    let config = load(text, &[], Overrides::default()).unwrap();
    let channel = |khz, data_rates: Option<(u8, u8)>, rx1: Option<u32>| {
        let index = |value| DataRateIndex::new(value).unwrap();
        NetworkChannel {
            frequency: RadioFrequency::from_khz(khz),
            data_rates: data_rates.map(|(least, most)| (index(least), index(most))),
            rx1_frequency: rx1.map(RadioFrequency::from_khz),
        }
    };
    assert_eq!(
        config.region.eu868.extra_channels,
        [
            channel(867_100, None, None),
            channel(868_800, Some((7, 7)), None),
            channel(867_500, Some((0, 3)), Some(868_100)),
            channel(867_900, None, Some(869_525)),
        ]
    );
    let one = config.region.eu868.extra_channels[2].in_region(Region::Eu868);
    assert_eq!(one.data_rates, Some(DataRateSet::of(&[0, 1, 2, 3])));
    let problem = |channel: &str| {
        problems(&format!("[region.eu868]\nextra_channels = [\"{channel}\"]"), &[])[0].clone()
    };
    assert!(problem("867.1MHz DR5-0").contains("it is no channel"));
    assert!(problem("867.1MHz RX1").contains("it is no channel"));
    assert!(problem("867.1MHz RX1 868.1MHz DR0-5").contains("it is no channel"));
    assert!(problem("867.1MHz DR0-14").contains("867.1 MHz: DR14 is no uplink data rate of EU868"));
    assert!(problem("867.1MHz RX1 915.0MHz").contains("915.0 MHz is not within"));
}

#[test]
fn what_a_region_does_not_have_is_a_problem() {
    let table = [
        ("[region.us915]\nsub_band = 9", "region.us915.sub_band = 9: it must be from 1 to 8, or 0"),
        ("[region.cn470]\nsub_band = 13", "it must be from 1 to 12, or 0"),
        ("[region.us915]\nrx2_data_rate = 3", "DR3 is no downlink data rate of US915"),
        (
            "[region.as923_2]\nrx2_frequency = \"923.2MHz\"",
            "923.2 MHz is not within 920.0 to 923.0",
        ),
        ("[region.in865]\nrx2_data_rate = 16", "it must be from 0 to 15"),
        ("[region.as924_1]\nrx2_data_rate = 2", "region.as923_1.rx2_data_rate"),
    ];
    for (text, expected) in table {
        let found = problems(text, &[]);
        assert!(found[0].contains(expected), "{text}: {found:?}");
    }
}

#[test]
fn each_region_has_a_section_of_its_own() {
    let text = "[region.as923_1]\nextra_channels = [\"923.6MHz\"]\nrx2_data_rate = 3\n\
                [region.au915]\nsub_band = 0\nrx2_frequency = \"924.5MHz\"\n";
    let config = load(text, &[], Overrides::default()).unwrap();
    let of = |region| config.region.of(region);
    let asia = of(Region::As923_1);
    assert_eq!(asia.extra_channels, [at_khz(923_600)]);
    assert_eq!(asia.rx2_data_rate, DataRateIndex::new(3));
    assert_eq!((asia.rx2_frequency, asia.sub_band), (None, None));
    let australia = of(Region::Au915);
    assert_eq!(australia.sub_band, None);
    assert_eq!(australia.rx2_frequency, Some(RadioFrequency::from_khz(924_500)));
    assert_eq!(of(Region::Us915).sub_band, Some(2));
    assert_eq!(of(Region::As923_2), Config::default().region.of(Region::As923_2));
    for region in Region::ALL {
        let extra = of(region).extra_channels.len();
        assert!(extra == 0 || region.tables().plan.is_dynamic(), "{region}");
    }
}

/// A frequency that the key's region may send at.
fn rx2_frequency(key: &str) -> &'static str {
    match key.split('.').nth(1).unwrap() {
        "eu868" => "868.3MHz",
        "us915" | "au915" => "924.5MHz",
        "as923_1" => "923.4MHz",
        "as923_2" => "921.6MHz",
        "as923_3" => "916.8MHz",
        "as923_4" => "917.5MHz",
        "eu433" => "434.1MHz",
        "cn470" => "506.7MHz",
        "cn779" => "785.5MHz",
        "ru864" => "866.1MHz",
        "kr920" => "922.1MHz",
        "in865" => "866.1MHz",
        _ => "2424.0MHz",
    }
}

/// A downlink data rate of the key's region.
fn rx2_data_rate(key: &str) -> &'static str {
    if key.contains("us915") || key.contains("au915") { "9" } else { "3" }
}

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/lns.example.toml")
}

#[test]
fn the_example_has_every_key_once_with_its_default() {
    let mut problems = Vec::new();
    let assignments = source::from_file(&example(), &mut problems);
    assert_eq!(problems, []);
    let there: BTreeSet<&str> = assignments.iter().map(|a| a.key.as_str()).collect();
    let known: BTreeSet<&str> = KEYS.iter().map(|key| key.name).collect();
    assert_eq!(there, known);
    assert_eq!(Config::load(Some(&example()), [], Overrides::default()), Ok(Config::default()));
}

#[test]
fn the_example_explains_every_key() {
    let text = std::fs::read_to_string(example()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let keys =
        (1..lines.len()).filter(|i| lines[*i].contains(" = ") && !lines[*i].starts_with('#'));
    for i in keys {
        assert!(lines[i - 1].starts_with("# "), "{} has no comment above it", lines[i]);
    }
}

#[test]
fn a_block_of_addresses_lies_in_its_net_ids() {
    let config = |net_id: &str, block: &str| {
        let text = format!("[server]\nnet_id = {net_id:?}\ndev_addr_block = {block:?}\n");
        load(&text, &[], Overrides::default())
    };
    let given = config("c00053", "fc014c40/28").unwrap();
    assert_eq!(given.server.dev_addr_block.unwrap().to_string(), "fc014c40/28");
    assert_eq!(config("c00053", "").unwrap().server.dev_addr_block, None);
    for elsewhere in ["fc015000/28", "fc014000/20"] {
        let problems = config("c00053", elsewhere).unwrap_err();
        assert!(problems[0].to_string().contains("server.dev_addr_block"), "{}", problems[0]);
    }
    assert!(config("c00053", "fc014c41/28").is_err(), "ones beyond its bits");
}

/// The defaults of `Config` are not what keys read: each key must reach a field of its own.
#[test]
fn every_key_changes_the_configuration() {
    let other = |key: &str| match key {
        "server.data_dir"
        | "mqtt.client_id"
        | "mqtt.username"
        | "mqtt.password"
        | "mqtt.bridge_password"
        | "mqtt.broker_ca"
        | "mqtt.broker_certificate"
        | "mqtt.broker_key"
        | "mqtt.tls_certificate"
        | "mqtt.tls_key"
        | "mqtt.tls_name"
        | "http.tls_certificate"
        | "http.tls_key"
        | "http.tls_name" => "other",
        "server.region" => "US915",
        "server.net_id" => "000001",
        "server.dev_addr_block" => "fc014c00/28",
        "server.log_level" => "debug",
        "server.log_format" => "json",
        "gateway.require_registered_gateways"
        | "mqtt.require_client_certificate"
        | "http.require_client_certificate" => "true",
        "mqtt.broker_url" => "mqtt://b",
        "mqtt.anonymous" => "none",
        "mqtt.session_expiry" => "7s",
        "mqtt.max_packet"
        | "mqtt.queue_size"
        | "mqtt.queue_memory"
        | "mqtt.retained_size"
        | "mqtt.limits.payload"
        | "mqtt.limits.user_properties"
        | "mqtt.limits.bytes_per_second" => "7MiB",
        "mqtt.limits.keep_alive_min"
        | "mqtt.limits.keep_alive_max"
        | "mqtt.limits.message_expiry"
        | "mqtt.limits.retain_interval" => "7s",
        "http.public_url" => "https://b",
        "mqtt.broker_version" => "3.1.1",
        "store.kind" => "redb",
        "region.ism2400.extra_channels" => "[\"2427.0MHz\"]",
        key if key.ends_with("extra_channels") => "[]",
        key if key.ends_with("rx2_frequency") => rx2_frequency(key),
        key if key.ends_with("rx2_data_rate") => rx2_data_rate(key),
        key if key.ends_with("listen") || key.ends_with("udp") => "127.0.0.1:99",
        "rules.files" => "other",
        "rules.sync_files" => "false",
        "rules.allowed_hosts" => "[\"db.lan\"]",
        "gateway.receive_buffer" | "mqtt.backlog_size" | "codec.memory" | "rules.queue_size" => {
            "2MiB"
        }
        "codec.stack" => "128KiB",
        "dedup.limit" | "codec.time" | "downlink.reply_window" => "100ms",
        "mqtt.backlog_age" | "codec.suspend_for" | "downlink.expiry" | "rules.queue_age" => "2m",
        "downlink.rx1_delay" => "5s",
        _ => "7",
    };
    for key in KEYS {
        let mut config = Config::default();
        let given = source::Given::Text(other(key.name).to_owned());
        let place = Place::Flag { name: "--test" };
        let assigned = source::Assignment { key: key.name.to_owned(), given, place };
        keys::assign(&mut config, assigned).unwrap_or_else(|problem| panic!("{problem}"));
        assert_ne!(config, Config::default(), "{} changes nothing", key.name);
    }
}
