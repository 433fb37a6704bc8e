//! A 1.1 device against frames of other people's making: `lns/lorawan/vectors`.

use lns_lorawan::{
    AppKey, AppSKey, DevEui, FCntUp, FCtrlUp, FNwkSIntKey, Frequency, NwkKey, NwkSEncKey,
    SNwkSIntKey,
};
use serde_json::Value;

use super::*;
use crate::device::channels::{Channel, Choice};
use crate::device::plan::Rates;
use crate::random::Random;
use lns_lorawan::{RejoinFields, SessionKeys};

fn rows(kind: &str) -> Vec<Value> {
    let text = include_str!("../../../../lns/lorawan/vectors/frame-vectors.jsonl");
    let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let wanted = rows.filter(|row| row["kind"] == kind && row["version"] == "1.1");
    // Some rows write ConfFCnt as 32 bits, of which frames cover sixteen.
    wanted.collect()
}

fn key<T: core::str::FromStr>(row: &Value, name: &str) -> T
where
    T::Err: core::fmt::Debug,
{
    let text = row["keys"][name].as_str().unwrap_or("00000000000000000000000000000000");
    text.parse().unwrap()
}

fn bytes(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap_or("");
    (0..text.len() / 2).map(|n| u8::from_str_radix(&text[2 * n..2 * n + 2], 16).unwrap()).collect()
}

fn number(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap_or(0)).unwrap()
}

fn keys(row: &Value) -> SessionKeys {
    SessionKeys {
        scheme: lns_lorawan::Scheme::V1_1,
        f_nwk_s_int_key: key::<FNwkSIntKey>(row, "f_nwk_s_int_key"),
        s_nwk_s_int_key: key::<SNwkSIntKey>(row, "s_nwk_s_int_key"),
        nwk_s_enc_key: key::<NwkSEncKey>(row, "nwk_s_enc_key"),
        app_s_key: key::<AppSKey>(row, "app_s_key"),
    }
}

fn session(row: &Value) -> Session {
    let dev_addr = row["fields"]["dev_addr"].as_str().unwrap_or("00000000").parse().unwrap();
    Session::new(dev_addr, keys(row), 0)
}

#[test]
fn a_device_joins_by_the_vectors_and_has_their_keys() {
    let rows = rows("join-accept");
    assert_eq!(rows.len(), 10);
    for row in rows {
        let ctx = &row["ctx"];
        let dev_eui: DevEui = ctx["dev_eui"].as_str().unwrap().parse().unwrap();
        let join_eui = ctx["join_eui"].as_str().unwrap().parse().unwrap();
        let roots = (key::<NwkKey>(&row, "nwk_key"), key::<AppKey>(&row, "app_key"));
        let mut spec = DeviceSpec::otaa11("node", dev_eui, join_eui, roots);
        if let Activation::Otaa11 { dev_nonce, .. } = &mut spec.activation {
            dev_nonce.0 = u16::try_from(number(&ctx["dev_nonce"])).unwrap();
        }
        let mut pair = Pair::new(spec);
        pair.sends();
        let frame = pair.on_air(Window::Rx1, bytes(&row["phy_hex"]));
        let heard = pair.device.hear(&frame);
        assert!(matches!(heard, Heard::Received(_)), "{heard:?} {}", row["id"]);
        let session = pair.device.session().unwrap();
        let fields = &row["fields"];
        let has = |bytes: &[u8; 16], name: &str| {
            let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(fields[name].as_str(), Some(text.as_str()), "{name} {}", row["id"]);
        };
        has(session.keys.f_nwk_s_int_key.as_bytes(), "f_nwk_s_int_key");
        has(session.keys.s_nwk_s_int_key.as_bytes(), "s_nwk_s_int_key");
        has(session.keys.nwk_s_enc_key.as_bytes(), "nwk_s_enc_key");
        has(session.keys.app_s_key.as_bytes(), "app_s_key");
        assert_eq!(fields["dev_addr"].as_str(), Some(session.dev_addr.to_string().as_str()));
        let mac = pair.device.mac();
        assert_eq!(number(&fields["rx1_dr_offset"]), u32::from(mac.rx1_dr_offset));
        assert_eq!(number(&fields["rx2_dr"]), u32::from(mac.rx2.1));
    }
}

#[test]
fn a_device_asks_to_join_as_the_vectors_do() {
    let rows = rows("join-request");
    assert_eq!(rows.len(), 11);
    for row in rows {
        let fields = &row["fields"];
        let text = |name: &str| fields[name].as_str().unwrap();
        let roots = (key::<NwkKey>(&row, "nwk_key"), AppKey::from_bytes([0; 16]));
        let mut spec = DeviceSpec::otaa11(
            "node",
            text("dev_eui").parse().unwrap(),
            text("join_eui").parse().unwrap(),
            roots,
        );
        if let Activation::Otaa11 { dev_nonce, .. } = &mut spec.activation {
            dev_nonce.0 = u16::try_from(number(&fields["dev_nonce"])).unwrap();
        }
        assert_eq!(Pair::new(spec).sends().phy_payload, bytes(&row["phy_hex"]), "{}", row["id"]);
    }
}

#[test]
fn a_device_asks_to_rejoin_as_the_vectors_do() {
    let rows = rows("rejoin-request");
    assert_eq!(rows.len(), 9);
    for row in rows {
        let fields = &row["fields"];
        let dev_eui: DevEui = fields["dev_eui"].as_str().unwrap().parse().unwrap();
        let join_eui = fields["join_eui"].as_str().unwrap_or("0000000000000000").parse().unwrap();
        let js_int_key = &row["keys"]["js_int_key"];
        let rejoin_type = u8::try_from(number(&fields["rejoin_type"])).unwrap();
        // Type 1 is signed with a key that follows from NwkKey, which these rows do not have.
        let sent = if rejoin_type == 1 {
            let rj_count1 = u16::try_from(number(&fields["rj_count"])).unwrap();
            let key = js_int_key.as_str().unwrap().parse().unwrap();
            RejoinFields::Type1 { join_eui, dev_eui, rj_count1 }.build_with_root(&key).unwrap()
        } else {
            let roots = (NwkKey::from_bytes([1; 16]), AppKey::from_bytes([2; 16]));
            let spec = DeviceSpec::otaa11("node", dev_eui, join_eui, roots);
            let mut session = session(&row);
            let net_id: u32 = u32::from_str_radix(fields["net_id"].as_str().unwrap(), 16).unwrap();
            session.net_id = NetId::new(net_id).unwrap();
            let mut joins = Joins::new(&spec).unwrap();
            joins.rj_counts.0 = u16::try_from(number(&fields["rj_count"])).unwrap();
            joins.ask_again(rejoin_type, (&spec, &session)).unwrap().1
        };
        assert_eq!(sent, bytes(&row["phy_hex"]), "{}", row["id"]);
    }
}

#[test]
fn a_device_sends_data_as_the_vectors_do() {
    let mut checked = 0;
    for row in rows("data-up") {
        let (ctx, fields) = (&row["ctx"], &row["fields"]);
        let flag = |name: &str| fields[name].as_bool().unwrap_or(false);
        // Rows of MAC-only frames without their plain bytes say nothing about the device.
        let Some(frm_plain) = fields["frm_plain"].as_str() else { continue };
        let f_port = fields["fport"].as_i64().and_then(|f_port| u8::try_from(f_port).ok());
        let small = |value: &Value| u8::try_from(number(value)).unwrap();
        let channel = Channel::new(Frequency::from_hz(0), Rates(0));
        let place: Choice = (small(&ctx["tx_ch"]), channel, small(&ctx["tx_dr"]));
        let flight = Flight::of(
            SentData {
                f_cnt_up: FCntUp(number(&ctx["fcnt32"])),
                confirmed: number(&fields["mtype"]) == 4,
                f_port,
                payload: bytes(&Value::from(frm_plain)),
                f_opts: bytes(&fields["fopts_plain"]),
                ack: flag("ack"),
                adr_ack_req: flag("adr_ack_req"),
                repeat: 0,
            },
            FCtrlUp {
                adr: flag("adr"),
                adr_ack_req: flag("adr_ack_req"),
                ack: flag("ack"),
                class_b: flag("class_b"),
            },
            (number(&ctx["conf_fcnt"]) & 0xffff) as u16,
        );
        let sent = flight.build(&session(&row), &place).unwrap();
        assert_eq!(sent, bytes(&row["phy_hex"]), "{}", row["id"]);
        checked += 1;
    }
    assert!(checked >= 20, "{checked}");
}

#[test]
fn a_device_opens_the_downlinks_of_the_vectors() {
    let rows = rows("data-down");
    assert_eq!(rows.len(), 21);
    for row in rows {
        let (ctx, fields) = (&row["ctx"], &row["fields"]);
        let mut session = session(&row);
        session.confirmed_up = (number(&ctx["conf_fcnt"]) & 0xffff) as u16;
        let full = number(&ctx["fcnt32"]);
        let last = full.checked_sub(1).map(FCntDown);
        let is_application = fields["fport"].as_i64().is_some_and(|f_port| f_port > 0);
        if is_application {
            session.a_f_cnt_down = last;
        } else {
            session.f_cnt_down = last;
        }
        let frame = bytes(&row["phy_hex"]);
        let Ok(Frame::Down(sealed)) = PhyPayload::parse(&frame) else { panic!("{}", row["id"]) };
        let opened = session.open(&sealed).unwrap();
        assert_eq!(opened.f_cnt_down.0, full, "{}", row["id"]);
        assert_eq!(opened.frm_payload.as_slice(), bytes(&fields["frm_plain"]), "{}", row["id"]);
        assert_eq!(opened.f_opts.as_slice(), bytes(&fields["fopts_plain"]), "{}", row["id"]);
        let counters = (session.f_cnt_down, session.a_f_cnt_down);
        let expected = FCntDown(full);
        assert!(
            counters
                == if is_application { (None, Some(expected)) } else { (Some(expected), None) }
        );
    }
}

#[test]
fn dev_nonces_of_a_1_1_device_count() {
    let roots = (NwkKey::from_bytes([1; 16]), AppKey::from_bytes([2; 16]));
    let spec = DeviceSpec::otaa11("node", DEV_EUI, JOIN_EUI, roots);
    let mut joins = Joins::new(&spec).unwrap();
    let nonces: Vec<u16> = (0..3).map(|_| joins.ask(&spec, &mut Random::new(1)).0.0).collect();
    assert_eq!(nonces, [0, 1, 2]);
}
