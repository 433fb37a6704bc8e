//! A gateway against datagrams as servers send them.

use gateway_bridge::semtech::packet::{FromGateway, GatewayMessage, pull_ack, push_ack};
use lns_lorawan::{Db, Region};

use super::*;

const EUI: GatewayEui = GatewayEui([0, 0x16, 0xc0, 1, 0xff, 0x10, 0, 1]);
const LORA: PacketModulation =
    PacketModulation::Lora { spreading_factor: 7, bandwidth_hz: 125_000 };

fn spec() -> GatewaySpec {
    GatewaySpec::new(EUI, Region::Eu868)
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn txpk(tmst: u32) -> Txpk {
    Txpk {
        when: TxTime::Tmst(tmst),
        frequency_hz: 868_100_000,
        rf_chain: 0,
        power_dbm: Some(14),
        modulation: LORA,
        coding_rate: CodingRate::Cr4_5,
        deviation_hz: None,
        invert_polarity: true,
        no_crc: true,
        preamble: Some(8),
        phy_payload: vec![0x60; 12],
    }
}

/// The verdict of the TX_ACK, and that it answers this PULL_RESP.
fn verdict(gateway: &mut Gateway, now: Timestamp, txpk: &Txpk) -> Verdict {
    let token = DatagramToken([0xab, 0xcd]);
    let outputs = gateway.datagram(now, &txpk.build(Version::V2, token));
    let Some(Output::Send(datagram)) = outputs.first() else { panic!("{outputs:?}") };
    let sent = FromGateway::parse(datagram).unwrap();
    assert_eq!((sent.token, sent.gateway_eui), (token, EUI));
    let GatewayMessage::TxAck(body) = sent.message else { panic!() };
    Verdict::parse(body).unwrap()
}

fn refused(reason: Refusal) -> Verdict {
    Verdict::Refused { reason, value: None }
}

#[test]
fn a_promised_frame_is_on_the_air_at_its_tmst() {
    let mut gateway =
        Gateway::new(GatewaySpec { tmst_offset: u32::MAX - 499_999, ..spec() }, at(0));
    // At 0 s the counter shows 2³² − 0.5 s, so it wraps at 0.5 s.
    assert_eq!(gateway.tmst(at(600)), 100_000);
    assert_eq!(verdict(&mut gateway, at(100), &txpk(100_000)), Verdict::Accepted);
    assert!(gateway.next_wake().unwrap() <= at(0), "the keepalive");
    gateway.wake(at(100));
    assert_eq!(gateway.next_wake(), Some(at(600)));
    // A late caller does not shift the frame.
    let outputs = gateway.wake(at(607));
    let [Output::OnAir(frame)] = outputs.as_slice() else { panic!("{outputs:?}") };
    assert_eq!((frame.starts, frame.frequency.hz()), (at(600), 868_100_000));
    assert!(frame.inverted && !frame.crc_on);
    assert_eq!(frame.power, Dbm::from_whole(14));
    assert_eq!(gateway.tally().sent, 1);
}

#[test]
fn the_forwarders_words_for_no() {
    let mut gateway = Gateway::new(spec(), at(0));
    let seconds = |seconds: u32| seconds * 1_000_000;
    let table = [
        (txpk(1_040_000), Refusal::TooLate),
        (txpk(seconds(1) - 1), Refusal::TooEarly),
        (txpk(seconds(600)), Refusal::TooEarly),
        (Txpk { frequency_hz: 902_000_000, ..txpk(seconds(5)) }, Refusal::TxFreq),
        (Txpk { when: TxTime::Gps(1_300_000_000_000), ..txpk(0) }, Refusal::GpsUnlocked),
    ];
    for (wrong, reason) in table {
        assert_eq!(verdict(&mut gateway, at(1000), &wrong), refused(reason), "{wrong:?}");
    }
    assert_eq!(verdict(&mut gateway, at(1000), &txpk(seconds(5))), Verdict::Accepted);
    let collision = verdict(&mut gateway, at(1000), &txpk(seconds(5) + 1));
    assert_eq!(collision, refused(Refusal::CollisionPacket));
    assert_eq!(gateway.tally().refused.values().sum::<u64>(), 6);
}

#[test]
fn powers_are_warned_about_or_refused_by_the_model() {
    let wanted = Txpk { power_dbm: Some(15), ..txpk(5_000_000) };
    let mut sx1302 = Gateway::new(spec(), at(0));
    let warned = Verdict::Warned { reason: Refusal::TxPower, value: Some(14) };
    assert_eq!(verdict(&mut sx1302, at(1000), &wanted), warned);
    assert!(
        matches!(sx1302.wake(at(5000))[0], Output::OnAir(ref it) if it.power == Dbm::from_whole(14))
    );

    let mut sx1301 = Gateway::new(GatewaySpec { model: Model::Sx1301, ..spec() }, at(0));
    let no = Verdict::Refused { reason: Refusal::TxPower, value: Some(14) };
    assert_eq!(verdict(&mut sx1301, at(1000), &wanted), no);

    // With an antenna of 3 dB, 17 dBm EIRP are 14 dBm at the plug.
    let mut sx1301 =
        Gateway::new(GatewaySpec { model: Model::Sx1301, antenna_gain: 3, ..spec() }, at(0));
    let wanted = Txpk { power_dbm: Some(17), ..txpk(5_000_000) };
    assert_eq!(verdict(&mut sx1301, at(1000), &wanted), Verdict::Accepted);
}

#[test]
fn version_1_and_unreadable_frames_get_no_answer() {
    let mut gateway = Gateway::new(GatewaySpec { version: Version::V1, ..spec() }, at(0));
    let datagram = txpk(5_000_000).build(Version::V1, DatagramToken([0, 0]));
    let outputs = gateway.datagram(at(1000), &datagram);
    assert!(matches!(outputs.as_slice(), [Output::Told(Told::Judged { .. })]), "{outputs:?}");
    let outputs = gateway.datagram(at(1000), b"\x01\0\0\x03{\"txpk\":{}}");
    assert!(matches!(outputs.as_slice(), [Output::Told(Told::Unreadable(_))]), "{outputs:?}");
    assert_eq!(gateway.tally().unreadable, 1);
}

#[test]
fn what_it_hears_goes_out_with_the_counter_at_the_end() {
    let mut gateway = Gateway::new(GatewaySpec { gps: true, ..spec() }, at(0));
    let frame = OnAir {
        starts: at(1000),
        frequency: Frequency::from_hz(868_300_000),
        modulation: Modulation::lora(SpreadingFactor::Sf7, Bandwidth::Khz125),
        inverted: false,
        crc_on: true,
        power: Dbm::from_whole(14),
        // 13 bytes with CRC: 8 + 5·5 symbols and 12.25, 1.024 ms each: 46.336 ms.
        phy_payload: vec![0x40; 13],
    };
    let link = Link { snr: Db::from_f64(7.25), rssi: Dbm::from_f64(-109.5) };
    let outputs = gateway.hear(&frame, link);
    let [Output::Send(datagram)] = outputs.as_slice() else { panic!() };
    let GatewayMessage::PushData(body) = FromGateway::parse(datagram).unwrap().message else {
        panic!()
    };
    let push = PushData::parse(body);
    let rxpk = push.rxpk[0].as_ref().unwrap();
    assert_eq!((rxpk.tmst, rxpk.time), (1_046_336, Some(1_046_336)));
    assert_eq!((rxpk.frequency_hz, rxpk.modulation, rxpk.crc), (868_300_000, LORA, Crc::Good));
    assert_eq!((rxpk.rssi, rxpk.snr), (-10_950, 725));
    assert_eq!(rxpk.phy_payload, frame.phy_payload);
    let downlink = OnAir { inverted: true, ..frame };
    assert!(gateway.hear(&downlink, link).is_empty());
}

#[test]
fn a_gateway_that_sends_is_deaf() {
    let mut gateway = Gateway::new(spec(), at(0));
    verdict(&mut gateway, at(100), &txpk(1_000_000));
    gateway.wake(at(1000));
    let frame = OnAir {
        starts: at(1010),
        frequency: Frequency::from_hz(868_300_000),
        modulation: Modulation::lora(SpreadingFactor::Sf7, Bandwidth::Khz125),
        inverted: false,
        crc_on: true,
        power: Dbm::from_whole(14),
        phy_payload: vec![0x40; 13],
    };
    let link = Link { snr: Db::from_whole(5), rssi: Dbm::from_whole(-100) };
    assert!(gateway.hear(&frame, link).is_empty());
    assert_eq!((gateway.tally().deaf, gateway.tally().received), (1, 0));
    assert_eq!(gateway.hear(&OnAir { starts: at(2000), ..frame }, link).len(), 1);
}

#[test]
fn it_calls_every_ten_seconds_and_tells_of_itself_every_thirty() {
    let mut gateway = Gateway::new(spec(), at(0));
    let (mut pulls, mut stats) = (Vec::new(), Vec::new());
    while gateway.next_wake().unwrap() <= at(60_000) {
        let now = gateway.next_wake().unwrap();
        for output in gateway.wake(now) {
            let Output::Send(datagram) = output else { panic!("{output:?}") };
            let sent = FromGateway::parse(&datagram).unwrap();
            match sent.message {
                GatewayMessage::PullData => {
                    pulls.push(now.secs());
                    gateway.datagram(now, &pull_ack::build(sent.version, sent.token));
                }
                GatewayMessage::PushData(body) => {
                    assert!(PushData::parse(body).stat.is_some());
                    stats.push(now.secs());
                    gateway.datagram(now, &push_ack::build(sent.version, sent.token));
                }
                GatewayMessage::TxAck(_) => panic!(),
            }
        }
    }
    assert_eq!(pulls, [0, 10, 20, 30, 40, 50, 60]);
    assert_eq!(stats, [30, 60]);
    let tally = gateway.tally();
    assert_eq!((tally.pull_acks, tally.push_acks), (7, 2));
    assert!(gateway.is_connected());
}

#[test]
fn it_notices_a_server_that_falls_silent() {
    let mut gateway = Gateway::new(spec(), at(0));
    gateway.wake(at(0));
    let told = gateway.datagram(at(10), &pull_ack::build(Version::V2, DatagramToken([0, 0])));
    assert_eq!(told, [Output::Told(Told::Connected)]);
    let silent = (1..=4)
        .position(|n| gateway.wake(at(n * 10_000)).contains(&Output::Told(Told::Disconnected)));
    assert_eq!(silent, Some(3));
    assert!(!gateway.is_connected());
}

/// GPS time is 18 s ahead of UTC in 2026; a multiple of 128 s on it.
fn beacon_period() -> Timestamp {
    GpsTime::from_micros(1_450_000_000 / 128 * 128 * 1_000_000).to_timestamp()
}

#[test]
fn a_beaconing_gateway_sends_a_beacon_every_128_seconds() {
    let on = beacon_period() - TimeDelta::from_secs(10);
    let mut gateway = Gateway::new(spec().beaconing(Region::Eu868), on);
    let mut beacons = Vec::new();
    while let Some(at) = gateway.next_wake().filter(|at| *at < on + TimeDelta::from_secs(400)) {
        beacons.extend(gateway.wake(at).into_iter().filter_map(|output| match output {
            Output::Beacon(beacon) => Some(beacon),
            Output::Send(_) | Output::OnAir(_) | Output::Told(_) => None,
        }));
    }
    assert_eq!(beacons.len(), 4);
    for (n, beacon) in (0..).zip(&beacons) {
        let at = beacon_period() + TimeDelta::from_secs(128 * n);
        assert_eq!(beacon.starts - at, TimeDelta::from_micros(1500));
        assert_eq!(beacon.time, GpsTime::from_timestamp(at).unwrap().seconds());
        assert_eq!((beacon.frequency.hz(), beacon.length), (869_525_000, 17));
        assert_eq!(beacon.modulation.to_string(), "SF9BW125");
    }
    assert_eq!(gateway.tally().beacons, 4);
}

#[test]
fn frames_by_satellite_time_are_sent_then_and_never_over_a_beacon() {
    let on = beacon_period() - TimeDelta::from_secs(10);
    let mut gateway = Gateway::new(spec().beaconing(Region::Eu868), on);
    let by_gps = |seconds: i64| {
        let at = beacon_period() + TimeDelta::from_secs(seconds);
        let micros = GpsTime::from_timestamp(at).unwrap().micros();
        Txpk { when: TxTime::Gps(micros / 1000), ..txpk(0) }
    };
    let now = beacon_period() - TimeDelta::from_secs(8);
    for (seconds, expected) in [
        (5, Verdict::Accepted),
        (1, refused(Refusal::CollisionBeacon)),
        (-2, refused(Refusal::CollisionBeacon)),
        (126, refused(Refusal::CollisionBeacon)),
        (124, Verdict::Accepted),
    ] {
        assert_eq!(verdict(&mut gateway, now, &by_gps(seconds)), expected, "{seconds}");
    }
    let at = beacon_period() + TimeDelta::from_secs(5);
    while gateway.next_wake().unwrap() < at {
        gateway.wake(gateway.next_wake().unwrap());
    }
    let outputs = gateway.wake(at);
    assert!(outputs.iter().any(|it| matches!(it, Output::OnAir(frame) if frame.starts == at)));
}

#[test]
fn a_gateway_without_satellites_makes_no_beacons() {
    let spec = GatewaySpec { gps: false, ..spec().beaconing(Region::Eu868) };
    let mut gateway = Gateway::new(spec, beacon_period() - TimeDelta::from_secs(1));
    assert!(gateway.wake(beacon_period() + TimeDelta::from_secs(1)).iter().all(
        |output| match output {
            Output::Beacon(_) => false,
            Output::Send(_) | Output::OnAir(_) | Output::Told(_) => true,
        }
    ));
}

#[test]
fn a_gateway_on_a_sub_band_hears_nothing_else() {
    let spec = GatewaySpec::new(EUI, Region::Us915).on_sub_band(Region::Us915, 2);
    let mut gateway = Gateway::new(spec, at(0));
    let link = Link { snr: Db::from_whole(5), rssi: Dbm::from_whole(-100) };
    let mut heard = |hz| {
        let frame = OnAir {
            starts: at(1010),
            frequency: Frequency::from_hz(hz),
            modulation: Modulation::lora(SpreadingFactor::Sf7, Bandwidth::Khz125),
            inverted: false,
            crc_on: true,
            power: Dbm::from_whole(14),
            phy_payload: vec![0x40; 13],
        };
        gateway.hear(&frame, link).len()
    };
    let counts = [902_300_000, 903_900_000, 905_300_000, 904_600_000, 905_500_000].map(&mut heard);
    assert_eq!(counts, [0, 1, 1, 1, 0]);
}
