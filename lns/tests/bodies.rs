//! Every body that the server publishes, byte for byte, and against the examples of docs/MQTT.md.

use lns::sink::render::{
    self, Decoding, DeviceLabel, EventId, GatewayLabel, Location, MessageId, RequestFailure, Where,
};
use lns::sink::{DownlinkRequest, Topics};
use lns_core::effect::{AppEvent, EventKind, Recount, RelayedUplink, Stage, UplinkEvent};
use lns_core::event::{Fate, Reception};
use lns_lorawan::{
    Bandwidth, DataRateIndex, Db, Dbm, DevAddr, DevEui, FCntDown, FCntUp, Frequency, GatewayEui,
    JoinEui, LrFhssCoding, Mic, Modulation, SpreadingFactor, TimeDelta, Timestamp, Tmst, Window,
};
use serde_json::{Value, json};

const DEVICE: DeviceLabel<'static> = DeviceLabel {
    dev_eui: DevEui::new(0x70b3_d57e_d005_a1b2),
    wireless_device_id: "0b7c3a52-8f2e-4d1b-9c53-6a1f0e2d4c71",
    name: "greenhouse 3",
};
const GATEWAY: GatewayEui = GatewayEui::new(0x0016_c001_ff10_d446);
const LORA: Modulation =
    Modulation::Lora { spreading_factor: SpreadingFactor::Sf7, bandwidth: Bandwidth::Khz125 };

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).expect("a moment")
}

fn reception() -> Reception {
    Reception {
        gateway: GATEWAY,
        arrived: at("2026-11-23T10:15:30.130Z"),
        air_time: at("2026-11-23T10:15:30.118Z"),
        tmst: Tmst(3_512_348_611),
        boot_epoch: 1,
        token: Box::new([]),
        frequency: Frequency::from_hz(868_100_000),
        modulation: LORA,
        coding_rate: "4/5".into(),
        rssi: Dbm::from_whole(-61),
        snr: Db::from_hundredths(950),
        channel: Some(3),
        rf_chain: Some(0),
        antenna: Some(0),
        gateway_time: Some(at("2026-11-23T10:15:30.123Z")),
        tmms: None,
    }
}

/// A copy of a gateway that says as little as may be.
fn terse() -> Reception {
    let rssi = Dbm::from_hundredths(-11_250);
    let (channel, antenna, gateway_time) = (None, None, None);
    Reception {
        rssi,
        snr: Db::from_hundredths(-725),
        channel,
        antenna,
        gateway_time,
        ..reception()
    }
}

fn uplink() -> UplinkEvent {
    UplinkEvent {
        dev_addr: DevAddr::new(0x2700_1a2b),
        f_cnt_up: FCntUp(42),
        confirmed: false,
        adr: true,
        class_b: false,
        ack: false,
        f_opts_len: 0,
        f_port: Some(2),
        frm_payload: Box::new([0x01, 0x67, 0x01, 0x10, 0x02, 0x68, 0x55]),
        mic: Mic([0x72, 0x55, 0xcb, 0x07]),
        data_rate: DataRateIndex::new(5).unwrap(),
        battery: Some(210),
        margin: Some(-6),
        acked: None,
        receptions: vec![reception()],
    }
}

fn event(number: u64, when: &str, kind: EventKind) -> AppEvent {
    AppEvent { sequence: number, number, at: at(when), kind }
}

fn nowhere(_: GatewayEui) -> Option<Location> {
    None
}

fn written(event: &AppEvent, decoding: Decoding<'_>) -> (String, Where) {
    let mut body = b"left from before".to_vec();
    let place = render::event(&mut body, (&DEVICE, event), decoding, &nowhere);
    (String::from_utf8(body).unwrap(), place)
}

fn written_uplink(uplink: UplinkEvent, decoding: Decoding<'_>) -> Value {
    let event = event(1017, "2026-11-23T10:15:30.2Z", EventKind::Uplink(Box::new(uplink)));
    let (body, place) = written(&event, decoding);
    assert_eq!(place, Where::Destination);
    serde_json::from_str(&body).unwrap()
}

fn written_downlink(number: u64, when: &str, stage: Stage) -> (String, Where) {
    let correlation_id = Some("open-42".into());
    let kind = EventKind::Downlink { id: 42, correlation_id, f_port: 10, stage };
    written(&event(number, when, kind), Decoding::None)
}

/// The JSON values of the example blocks under a heading of docs/MQTT.md.
fn documented(heading: &str) -> Vec<Value> {
    let text = include_str!("../../docs/MQTT.md");
    let section = text.split("\n## ").find(|section| section.starts_with(heading)).unwrap();
    let blocks = section.split("```json").skip(1).map(|rest| rest.split("```").next().unwrap());
    let values = blocks.flat_map(|block| serde_json::Deserializer::from_str(block).into_iter());
    values.map(|value: Result<Value, _>| value.expect("an example is JSON")).collect()
}

#[test]
fn an_uplink_is_written_as_documented() {
    let decoded = json!({"temperature": 27.2, "humidity": 42.5});
    let event = event(1017, "2026-11-23T10:15:30.2Z", EventKind::Uplink(Box::new(uplink())));
    let place = |gateway| {
        assert_eq!(gateway, GATEWAY);
        Some(Location { latitude: 52.3702, longitude: 4.8952, altitude: Some(12.0) })
    };
    let mut body = Vec::new();
    render::event(
        &mut body,
        (&DEVICE, &event),
        Decoding::Object { data: &decoded, warnings: &[] },
        &place,
    );
    let expected = concat!(
        r#"{"WirelessDeviceId":"0b7c3a52-8f2e-4d1b-9c53-6a1f0e2d4c71","PayloadData":"AWcBEAJoVQ==","#,
        r#""WirelessMetadata":{"LoRaWAN":{"ADR":true,"ClassB":false,"DataRate":"5","#,
        r#""DevAddr":"27001a2b","DevEui":"70b3d57ed005a1b2","FOptLen":0,"FCnt":42,"FPort":2,"#,
        r#""Battery":210,"Margin":-6,"Gateways":[{"GatewayEui":"0016c001ff10d446","Snr":9.5,"#,
        r#""Rssi":-61,"Time":"2026-11-23T10:15:30.123Z","Tmst":3512348611,"Channel":3,"Antenna":0,"#,
        r#""Location":{"Latitude":52.3702,"Longitude":4.8952,"Altitude":12.0}}],"#,
        r#""MIC":"7255cb07","MType":"UnconfirmedDataUp","Major":"LoRaWANR1","#,
        r#""PolarizationInversion":false,"Bandwidth":125,"CodeRate":"4/5","Frequency":"868100000","#,
        r#""Modulation":"LORA","SpreadingFactor":7,"Timestamp":"2026-11-23T10:15:30.118Z"}},"#,
        r#""EventId":"70b3d57ed005a1b2-1017","DeviceName":"greenhouse 3","#,
        r#""DecodedPayload":{"humidity":42.5,"temperature":27.2}}"#,
    );
    let text = String::from_utf8(body).unwrap();
    assert_eq!(text, expected);
    let mut value: Value = serde_json::from_str(&text).unwrap();
    // The example writes the altitude without decimals.
    let path = "/WirelessMetadata/LoRaWAN/Gateways/0/Location/Altitude";
    *value.pointer_mut(path).unwrap() = json!(12);
    assert_eq!([value], documented("Uplink")[..]);
}

#[test]
fn what_a_codec_warns_of_stands_beside_what_it_made() {
    let decoding =
        Decoding::Object { data: &json!({"level": 3}), warnings: &["battery low".to_owned()] };
    let body = written_uplink(uplink(), decoding);
    assert_eq!(body["DecodedPayload"], json!({"level": 3}));
    assert_eq!(body["DecodeWarnings"], json!(["battery low"]));
}

#[test]
fn what_does_not_apply_is_absent() {
    let plain = UplinkEvent {
        f_port: None,
        frm_payload: Box::new([]),
        confirmed: true,
        battery: None,
        margin: None,
        acked: Some(42),
        receptions: vec![terse(), reception()],
        ..uplink()
    };
    let event = event(7, "2026-11-23T10:15:30.2Z", EventKind::Uplink(Box::new(plain)));
    let nameless = DeviceLabel { name: "", ..DEVICE };
    let mut body = Vec::new();
    render::event(&mut body, (&nameless, &event), Decoding::Failed("TypeError: x"), &nowhere);
    let expected = concat!(
        r#"{"WirelessDeviceId":"0b7c3a52-8f2e-4d1b-9c53-6a1f0e2d4c71","PayloadData":"","#,
        r#""WirelessMetadata":{"LoRaWAN":{"ADR":true,"ClassB":false,"DataRate":"5","#,
        r#""DevAddr":"27001a2b","DevEui":"70b3d57ed005a1b2","FOptLen":0,"FCnt":42,"FPort":225,"#,
        r#""Gateways":[{"GatewayEui":"0016c001ff10d446","Snr":-7.25,"Rssi":-112.5,"Tmst":3512348611},"#,
        r#"{"GatewayEui":"0016c001ff10d446","Snr":9.5,"Rssi":-61,"Time":"2026-11-23T10:15:30.123Z","#,
        r#""Tmst":3512348611,"Channel":3,"Antenna":0}],"#,
        r#""MIC":"7255cb07","MType":"ConfirmedDataUp","Major":"LoRaWANR1","#,
        r#""PolarizationInversion":false,"Bandwidth":125,"CodeRate":"4/5","Frequency":"868100000","#,
        r#""Modulation":"LORA","SpreadingFactor":7,"Timestamp":"2026-11-23T10:15:30.118Z"}},"#,
        r#""EventId":"70b3d57ed005a1b2-7","DecodeError":"TypeError: x","#,
        r#""AckedMessageId":"000000000000002a"}"#,
    );
    assert_eq!(String::from_utf8(body).unwrap(), expected);
}

#[test]
fn each_modulation_has_its_own_keys() {
    let lr_fhss = Modulation::LrFhss { ocw_hz: 137_000, coding: LrFhssCoding::Cr13 };
    let wide =
        Modulation::Lora { spreading_factor: SpreadingFactor::Sf12, bandwidth: Bandwidth::Khz812 };
    for (modulation, expected) in [
        (Modulation::Fsk { bit_rate: 50_000 }, json!(["FSK", null, null, null, 50_000])),
        (lr_fhss, json!(["LR_FHSS", 137, "1/3", null, null])),
        (wide, json!(["LORA", 812.5, "4/5", 12, null])),
    ] {
        let receptions = vec![Reception { modulation, ..reception() }];
        let body = written_uplink(UplinkEvent { receptions, ..uplink() }, Decoding::None);
        let radio = &body["WirelessMetadata"]["LoRaWAN"];
        let keys = ["Modulation", "Bandwidth", "CodeRate", "SpreadingFactor", "BitRate"];
        assert_eq!(Value::from_iter(keys.map(|key| radio[key].clone())), expected);
    }
}

#[test]
fn an_uplink_without_copies_is_still_written() {
    let body = written_uplink(UplinkEvent { receptions: vec![], ..uplink() }, Decoding::None);
    let metadata = &body["WirelessMetadata"]["LoRaWAN"];
    assert_eq!(metadata["Gateways"], json!([]));
    assert_eq!(metadata["Timestamp"], "2026-11-23T10:15:30.200Z");
    assert_eq!(metadata.get("Frequency"), None);
}

#[test]
fn a_join_is_written_as_documented() {
    let heard = Reception { tmst: Tmst(3_482_232_495), ..reception() };
    let (channel, antenna, gateway_time) = (None, None, None);
    let kind = EventKind::Joined {
        join_eui: JoinEui::new(0x70b3_d57e_d000_0000),
        dev_addr: DevAddr::new(0x2700_1a2b),
        receptions: vec![Reception { channel, antenna, gateway_time, ..heard }],
    };
    let (body, place) = written(&event(1016, "2026-11-23T10:15:00.002Z", kind), Decoding::None);
    assert_eq!(place, Where::Topic(Topics::Join(DEVICE.dev_eui)));
    let expected = concat!(
        r#"{"EventId":"70b3d57ed005a1b2-1016","DevEui":"70b3d57ed005a1b2","DevAddr":"27001a2b","#,
        r#""JoinEui":"70b3d57ed0000000","WirelessDeviceId":"0b7c3a52-8f2e-4d1b-9c53-6a1f0e2d4c71","#,
        r#""DeviceName":"greenhouse 3","Timestamp":"2026-11-23T10:15:00.002Z","#,
        r#""Gateways":[{"GatewayEui":"0016c001ff10d446","Snr":9.5,"Rssi":-61,"Tmst":3482232495}]}"#,
    );
    assert_eq!(body, expected);
    assert_eq!([serde_json::from_str::<Value>(&body).unwrap()], documented("Join")[..]);
}

fn handed(fate: Fate, again: bool) -> Stage {
    let (gateway, window) = (Some(GATEWAY), Some(Window::Rx1));
    let margin = Some(Db::from_hundredths(1225));
    Stage::Handed { fate, f_cnt_down: FCntDown(7), gateway, window, again, margin }
}

#[test]
fn every_stage_of_a_downlink_has_its_topic_and_its_body() {
    let ack = Where::Topic(Topics::Ack(DEVICE.dev_eui));
    let tx_ack = Where::Topic(Topics::TxAck(DEVICE.dev_eui));
    let unhanded = Stage::Handed {
        fate: Fate::Expired,
        f_cnt_down: FCntDown(7),
        gateway: None,
        window: None,
        again: true,
        margin: None,
    };
    let used =
        r#","FCntDown":7,"Gateway":"0016c001ff10d446","Window":"RX1","EstimatedMargin":12.25"#;
    for (stage, place, status) in [
        (Stage::Queued, ack, r#""queued""#.into()),
        (handed(Fate::Accepted, false), tx_ack, format!(r#""accepted"{used},"WillRetry":false"#)),
        (
            handed(Fate::Refused("TOO_LATE".into()), true),
            tx_ack,
            format!(r#""refused"{used},"Cause":"TOO_LATE","WillRetry":true"#),
        ),
        (handed(Fate::Unknown, false), tx_ack, format!(r#""unknown"{used},"WillRetry":false"#)),
        (unhanded, tx_ack, r#""expired","FCntDown":7,"WillRetry":true"#.into()),
        (
            Stage::Acked { f_cnt_down: FCntDown(7), f_cnt_up: FCntUp(43) },
            ack,
            r#""acked","FCntDown":7,"FCntUp":43"#.into(),
        ),
        (Stage::Failed { attempts: 3 }, ack, r#""failed","Attempts":3"#.into()),
        (Stage::Expired, ack, r#""expired""#.into()),
        (Stage::Impossible("too long".into()), ack, r#""impossible","Cause":"too long""#.into()),
        (Stage::Dropped, ack, r#""dropped""#.into()),
    ] {
        let when = "2026-11-23T10:15:29.870Z";
        let expected = format!(
            r#"{{"EventId":"70b3d57ed005a1b2-1018","DevEui":"70b3d57ed005a1b2","MessageId":"000000000000002a","CorrelationId":"open-42","FPort":10,"Status":{status},"Timestamp":"{when}"}}"#
        );
        assert_eq!(written_downlink(1018, when, stage), (expected, place));
    }
}

#[test]
fn the_downlink_events_of_the_documentation_are_ours() {
    let acked = Stage::Acked { f_cnt_down: FCntDown(7), f_cnt_up: FCntUp(43) };
    let ours = [
        written_downlink(1018, "2026-11-23T10:15:29.870Z", Stage::Queued),
        written_downlink(1019, "2026-11-23T10:15:30.410Z", handed(Fate::Accepted, false)),
        written_downlink(1021, "2026-11-23T10:20:30.131Z", acked),
    ];
    let ours = ours.map(|(body, _)| serde_json::from_str::<Value>(&body).unwrap());
    assert_eq!(ours[..], documented("Downlink events")[..]);
}

#[test]
fn the_requests_of_the_documentation_are_understood() {
    let now = at("2026-11-23T10:15:00Z");
    let examples = documented("Downlink request");
    assert_eq!(examples.len(), 2);
    for example in examples {
        DownlinkRequest::parse(example.to_string().as_bytes(), now).expect("as documented");
    }
}

#[test]
fn an_error_says_why_and_for_which_request() {
    let now = at("2026-11-23T10:15:29.870Z");
    let body = br#"{"FPort":10,"PayloadData":"AQ!=","CorrelationId":"open-42"}"#;
    let refused = DownlinkRequest::parse(body, now).unwrap_err();
    let mut written = Vec::new();
    let topic = render::refused_request(&mut written, DEVICE.dev_eui, &refused, now);
    assert_eq!(topic, Topics::Error(DEVICE.dev_eui));
    assert_eq!([serde_json::from_slice::<Value>(&written).unwrap()], documented("Error")[..]);

    let failure = RequestFailure {
        label: "UnknownDevice",
        message: "no device \"70b3d57ed005a1b2\"",
        correlation_id: None,
    };
    failure.write(&mut written, DEVICE.dev_eui, now);
    assert_eq!(
        String::from_utf8(written).unwrap(),
        r#"{"DevEui":"70b3d57ed005a1b2","Error":"UnknownDevice","Message":"no device \"70b3d57ed005a1b2\"","Timestamp":"2026-11-23T10:15:29.870Z"}"#
    );
}

#[test]
fn gateways_events_are_written_as_documented() {
    let now = at("2026-11-23T10:15:30.118Z");
    let head = r#"{"EventId":"0016c001ff10d446-1795428930118000","GatewayEui":"0016c001ff10d446""#;
    let label = GatewayLabel { gateway_eui: GATEWAY, wireless_gateway_id: None };
    let known = GatewayLabel { wireless_gateway_id: Some("4b1d"), ..label };
    let mut body = Vec::new();

    let topic = render::gateway_connected(&mut body, known, now, ("10.0.0.7:41234", 2));
    assert_eq!(topic, Topics::GatewayConnected(GATEWAY));
    let time = r#""Timestamp":"2026-11-23T10:15:30.118Z""#;
    let expected = format!(
        r#"{head},"WirelessGatewayId":"4b1d",{time},"Address":"10.0.0.7:41234","Protocol":2}}"#
    );
    assert_eq!(std::str::from_utf8(&body).unwrap(), expected);

    let silence = TimeDelta::from_secs(95);
    let topic = render::gateway_disconnected(&mut body, label, now, silence);
    assert_eq!(topic, Topics::GatewayDisconnected(GATEWAY));
    assert_eq!(
        std::str::from_utf8(&body).unwrap(),
        format!(r#"{head},{time},"SilentSeconds":95}}"#)
    );

    let stats = gateway_link::Stats {
        time: Some(now.micros()),
        lati: Some(52.5),
        long: Some(4.75),
        alti: Some(-3),
        rxnb: Some(9),
        rxok: Some(8),
        rxfw: Some(7),
        ackr: Some(99.5),
        dwnb: Some(2),
        txnb: Some(1),
        temp: Some(41.0),
        pfrm: Some("Kona".into()),
        ..Default::default()
    };
    let topic = render::gateway_stat(&mut body, label, now, &stats);
    assert_eq!(topic, Topics::GatewayStat(GATEWAY));
    let expected = format!(
        r#"{head},{time},"Time":"2026-11-23T10:15:30.118Z","Location":{{"Latitude":52.5,"Longitude":4.75,"Altitude":-3.0}},"RxReceived":9,"RxOk":8,"RxForwarded":7,"AckRatio":99.5,"TxReceived":2,"TxEmitted":1,"Temperature":41.0,"Platform":"Kona"}}"#
    );
    assert_eq!(std::str::from_utf8(&body).unwrap(), expected);

    let nowhere = gateway_link::Stats { lati: Some(0.0), long: Some(0.0), ..Default::default() };
    render::gateway_stat(&mut body, label, now, &nowhere);
    assert_eq!(std::str::from_utf8(&body).unwrap(), format!("{head},{time}}}"));
}

#[test]
fn ids_are_text_and_come_back() {
    assert_eq!("000000000000002a".parse(), Ok(MessageId(42)));
    assert_eq!("FFFFFFFFFFFFFFFF".parse(), Ok(MessageId(u64::MAX)));
    for text in ["", "2a", "000000000000002g", "+00000000000002a", "0000000000000002a"] {
        assert!(text.parse::<MessageId>().is_err(), "{text}");
    }
    assert_eq!(EventId::new(DEVICE.dev_eui, 7).to_string(), "70b3d57ed005a1b2-7");
}

#[test]
fn what_becomes_of_counters_is_written_as_documented() {
    let (got, last) = (FCntUp(0), FCntUp(512));
    let documented = documented("Counters");
    let told = [(1030, Recount::Forgotten), (1031, Recount::Accepted { hears_us: true })];
    for ((number, recount), expected) in told.into_iter().zip(&documented) {
        let kind = EventKind::Counters { got, last, recount };
        let (body, place) = written(&event(number, "2026-11-23T10:15:30.2Z", kind), Decoding::None);
        assert_eq!(place, Where::Topic(Topics::Counters(DEVICE.dev_eui)));
        assert_eq!(&serde_json::from_str::<Value>(&body).unwrap(), expected);
    }
    assert_eq!(documented.len(), told.len());
}

#[test]
fn what_a_relay_forwards_is_written_as_documented() {
    let relayed = RelayedUplink {
        f_cnt_up: FCntUp(7),
        data_rate: DataRateIndex::new(5).unwrap(),
        frequency: Frequency::from_hz(868_100_000),
        rssi: Dbm::from_whole(-100),
        snr: Db::from_whole(-8),
        second_channel: true,
        phy_payload: Box::from([0x40, 0xda, 0x1b, 0x01, 0x26]),
        dev_addr: Some(DevAddr::new(0x2601_1bda)),
        dev_eui: None,
    };
    let kind = EventKind::Relayed(Box::new(relayed));
    let (body, place) = written(&event(1032, "2026-11-23T10:15:30.2Z", kind), Decoding::None);
    assert_eq!(place, Where::Topic(Topics::Relayed(DEVICE.dev_eui)));
    assert_eq!([serde_json::from_str::<Value>(&body).unwrap()], documented("Relayed frames")[..]);
}

#[test]
fn commands_of_the_maker_are_written_as_documented() {
    let commands = Box::from([0x80, 0x0d, 0x01]);
    let kind = EventKind::ProprietaryMac { f_cnt_up: FCntUp(7), commands };
    let (body, place) = written(&event(1033, "2026-11-23T10:15:30.2Z", kind), Decoding::None);
    assert_eq!(place, Where::Topic(Topics::Mac(DEVICE.dev_eui)));
    let documented = documented("Proprietary MAC commands");
    assert_eq!([serde_json::from_str::<Value>(&body).unwrap()], documented[..]);
}

#[test]
fn a_proprietary_frame_is_written_as_documented() {
    let mut body = b"left from before".to_vec();
    let topic = render::proprietary(&mut body, &[0xe0, 1, 2, 3], &terse(), &nowhere);
    assert_eq!(topic, Topics::Proprietary);
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!([body], documented("Proprietary frames")[..]);
}
