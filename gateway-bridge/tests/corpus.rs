//! Every row of the corpus is parsed, or refused with a named reason.

use std::collections::BTreeMap;

use gateway_bridge::semtech::packet::{
    Crc, FromGateway, GatewayMessage, PushData, Rxpk, RxpkError, Txpk, Verdict,
};
use gateway_link::{GatewayEui, Modulation, Refusal};
use serde_json::Value;

fn rows() -> Vec<Value> {
    let lines = include_str!("../corpus/rxpk-corpus.jsonl").lines();
    lines.map(|line| serde_json::from_str(line).expect("the corpus is JSON lines")).collect()
}

fn row(id: u64) -> Value {
    rows().into_iter().find(|row| row["id"] == id).expect("the row is in the corpus")
}

fn push(id: u64) -> PushData {
    PushData::parse(row(id)["raw"].as_str().expect("raw is text").as_bytes())
}

fn only(id: u64) -> Rxpk {
    push(id).rxpk.swap_remove(0).expect("the row has a usable rxpk")
}

fn verdict(rxpk: &Result<Rxpk, RxpkError>) -> &'static str {
    match rxpk {
        Ok(Rxpk { crc: Crc::Good, .. }) => "good",
        Ok(Rxpk { crc: Crc::Bad, .. }) => "bad",
        Ok(Rxpk { crc: Crc::Absent, .. }) => "absent",
        Err(error) => error.label(),
    }
}

/// What a row gives: one word per rxpk, then `stat`, then the fault of the whole.
fn outcome(body: &[u8]) -> String {
    let push = PushData::parse(body);
    let mut words: Vec<&str> = push.rxpk.iter().map(verdict).collect();
    words.extend(push.stat.is_some().then_some("stat"));
    words.extend(push.fault.as_ref().map(|fault| fault.label()));
    words.join(" ")
}

#[test]
fn every_push_data_row_is_read_or_refused_by_name() {
    // Rows that give anything but one good frame, or one stat.
    let unusual = BTreeMap::from([
        (19, "good good"),
        (21, "bad"),
        (22, "bad bad"),
        (26, "good good good"),
        (31, "good good good"),
        (36, "good"),
        (48, "good good"),
        (54, "good good"),
        (55, "good good"),
        (79, "bad"),
        (80, "bad"),
        (81, "bad"),
        (82, "bad"),
        (93, "bad"),
        (94, "good stat"),
        (95, "good json_truncated"),
        (97, "json_truncated"),
        (115, "bad good bad"),
        (116, "good bad"),
        (121, "bad"),
    ]);
    let mut walked = 0;
    for row in rows() {
        let (id, kind) = (row["id"].as_u64().unwrap(), row["kind"].as_str().unwrap());
        let usual = match kind {
            "rxpk" | "rxpk+stat" => "good",
            "stat" => "stat",
            "txpk" | "txpk_ack" | "tx_ack_datagram" => continue,
            other => panic!("row {id} has an unknown kind {other}"),
        };
        let expected = unusual.get(&id).copied().unwrap_or(usual);
        assert_eq!(outcome(row["raw"].as_str().unwrap().as_bytes()), expected, "row {id}");
        walked += 1;
    }
    assert_eq!(walked, 91);
}

#[test]
fn every_datagram_reads_as_its_row() {
    let mut walked = 0;
    for row in rows() {
        let Some(hex_text) = row["datagram_hex"].as_str() else { continue };
        let datagram = hex::decode(hex_text).expect("datagram_hex is hexadecimal");
        let packet = FromGateway::parse(&datagram).expect("the header is sound");
        let body = row["raw"].as_str().unwrap().as_bytes();
        match packet.message {
            GatewayMessage::PushData(of_datagram) => {
                assert_eq!(outcome(of_datagram), outcome(body), "row {}", row["id"]);
            }
            GatewayMessage::TxAck(of_datagram) => {
                assert_eq!(Verdict::parse(of_datagram), Verdict::parse(body), "row {}", row["id"]);
            }
            GatewayMessage::PullData => panic!("row {} is no keepalive", row["id"]),
        }
        walked += 1;
    }
    assert!(walked >= 25, "only {walked} datagrams");
}

#[test]
fn every_txpk_is_read_and_written_again() {
    let mut walked = 0;
    for row in rows().iter().filter(|row| row["kind"] == "txpk") {
        let txpk = Txpk::parse(row["raw"].as_str().unwrap().as_bytes())
            .unwrap_or_else(|error| panic!("row {}: {error}", row["id"]));
        let again = txpk.build(
            gateway_bridge::semtech::packet::Version::V2,
            gateway_bridge::semtech::packet::DatagramToken([1, 2]),
        );
        assert_eq!(Txpk::parse(&again[4..]).as_ref(), Ok(&txpk), "row {}", row["id"]);
        let text = String::from_utf8(again[4..].to_vec()).unwrap();
        assert!(!text.contains("brd") && !text.contains("\"ant\""), "{text}");
        walked += 1;
    }
    assert_eq!(walked, 19);
}

#[test]
fn every_tx_ack_is_read() {
    let accepted = || Verdict::Accepted;
    let refused = |reason, value| Verdict::Refused { reason, value };
    let warned = |value| Verdict::Warned { reason: Refusal::TxPower, value };
    let mut expected = BTreeMap::from([
        (30, refused(Refusal::CollisionPacket, None)),
        (33, warned(Some(20))),
        (66, warned(Some(27))),
        (70, refused(Refusal::TooLate, None)),
        (71, accepted()),
        (72, accepted()),
        (73, accepted()),
        (74, accepted()),
        (75, refused(Refusal::TxPower, None)),
        (76, warned(Some(27))),
        (77, warned(Some(27))),
        (96, accepted()),
        (122, refused(Refusal::TxPower, Some(27))),
    ]);
    for row in rows() {
        let kind = row["kind"].as_str().unwrap();
        if kind != "txpk_ack" && kind != "tx_ack_datagram" {
            continue;
        }
        let id = row["id"].as_u64().unwrap();
        let wanted = expected.remove(&id).unwrap_or_else(|| panic!("row {id} is not listed"));
        assert_eq!(Verdict::parse(row["raw"].as_str().unwrap().as_bytes()), Ok(wanted), "row {id}");
    }
    assert!(expected.is_empty(), "rows {:?} are not in the corpus", expected.keys());
}

#[test]
fn the_odd_ones_mean_what_they_should() {
    // The forwarder counts µs since 2000 in 64 bits; a concentrator's counter is the low 32.
    assert_eq!(only(98).tmst, 3_678_719_472);
    assert_eq!(only(121).tmst, u32::MAX);
    // Seconds, and a counter from power-on, where ms of satellite time should stand.
    assert_eq!((only(49).tmms, only(121).tmms), (None, None));
    assert_eq!(only(17).tmms, Some(1_242_996_179_117));
    assert_eq!(only(123).time, Some(1_546_458_804_747_868));
    assert_eq!(only(16).time, Some(1_558_530_599_625_000));
    let two_antennas = only(113);
    assert_eq!(
        (two_antennas.antenna, two_antennas.channel, two_antennas.snr, two_antennas.rssi),
        (Some(0), Some(2), -700, -10_800)
    );
    assert_eq!(only(87).modulation, Modulation::Fsk { bit_rate: 50_000 });
    assert_eq!(only(114).modulation, Modulation::LrFhss { ocw_hz: 137_000, grid_step: Some(2) });
    assert_eq!(
        only(93).modulation,
        Modulation::Lora { spreading_factor: 5, bandwidth_hz: 125_000 }
    );
    assert_eq!(only(35).frequency_hz, 868_099_975);
    // `size` says 15, `data` has 28 bytes.
    assert_eq!(only(9).phy_payload.len(), 28);
    assert!(only(69).sx1302 && !only(25).sx1302);
    let kona = push(99).stat.expect("row 99 is a stat");
    assert_eq!((kona.alti, kona.temp, kona.cpur), (Some(-5), Some(45.0), Some(19.4)));
    assert_eq!(push(83).stat.unwrap().time, Some(1_467_791_519_396_440));
}

#[test]
fn what_is_read_can_be_written_and_read_again() {
    let eui = GatewayEui([1, 2, 3, 4, 5, 6, 7, 8]);
    for row in rows() {
        let push = PushData::parse(row["raw"].as_str().unwrap().as_bytes());
        let datagram = push.build(
            gateway_bridge::semtech::packet::Version::V2,
            gateway_bridge::semtech::packet::DatagramToken([9, 9]),
            eui,
        );
        let packet = FromGateway::parse(&datagram).expect("our own header");
        assert_eq!(packet.gateway_eui, eui);
        let GatewayMessage::PushData(body) = packet.message else { panic!("{packet:?}") };
        let again = PushData::parse(body);
        let usable: Vec<_> = push.rxpk.iter().flatten().collect();
        let seconds = |mut stats: Box<gateway_link::Stats>| {
            stats.time = stats.time.map(|at| at / 1_000_000);
            stats
        };
        assert_eq!(again.rxpk.iter().flatten().collect::<Vec<_>>(), usable, "row {}", row["id"]);
        assert_eq!(again.stat.map(seconds), push.stat.map(seconds), "row {}", row["id"]);
    }
}
