//! The vectors of `lns-lorawan`, seen through the command.

use serde_json::Value;

use super::*;

fn rows(kind: &str) -> Vec<Value> {
    let file = include_str!("../../../lorawan/vectors/frame-vectors.jsonl");
    let rows = file.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let rows: Vec<Value> = rows.filter(|row| row["kind"] == kind).collect();
    assert!(!rows.is_empty());
    rows
}

fn key<T: std::str::FromStr>(row: &Value, group: &str, name: &str) -> Option<T> {
    row[group][name].as_str().and_then(|text| text.parse().ok())
}

/// The row's keys as the command line would have them.
fn args(row: &Value) -> DecodeArgs {
    let number = |name: &str| row["ctx"][name].as_u64().and_then(|n| u32::try_from(n).ok());
    DecodeArgs {
        frame: row["phy_hex"].as_str().unwrap().to_owned(),
        nwk_s_key: key(row, "keys", "nwk_s_key"),
        app_s_key: key(row, "keys", "app_s_key"),
        f_nwk_s_int_key: key(row, "keys", "f_nwk_s_int_key"),
        s_nwk_s_int_key: key(row, "keys", "s_nwk_s_int_key"),
        nwk_s_enc_key: key(row, "keys", "nwk_s_enc_key"),
        app_key: key(row, "keys", "app_key"),
        nwk_key: key(row, "keys", "nwk_key"),
        f_cnt: None,
        conf_f_cnt: number("conf_fcnt"),
        tx_dr: number("tx_dr").and_then(|n| n.try_into().ok()),
        tx_ch: number("tx_ch").and_then(|n| n.try_into().ok()),
        dev_nonce: None,
        dev_eui: None,
        join_eui: None,
    }
}

fn shown(args: &DecodeArgs) -> Explanation {
    explain(&read(&args.frame).unwrap(), args).unwrap()
}

/// The words after `name` in what was shown.
fn of<'a>(explanation: &'a Explanation, name: &str) -> &'a str {
    let line = explanation.lines.iter().find(|(found, _)| *found == name);
    line.map_or("", |(_, text)| text.as_str())
}

#[test]
fn data_frames_are_verified_and_their_payload_shown_whatever_the_upper_half() {
    for row in rows("data-up").into_iter().chain(rows("data-down")) {
        let explanation = shown(&args(&row));
        let id = &row["id"];
        assert!(of(&explanation, "MIC").ends_with("verified"), "row {id}: {explanation}");
        assert_eq!(of(&explanation, "FCnt"), row["ctx"]["fcnt32"].to_string(), "row {id}");
        assert_eq!(of(&explanation, "DevAddr"), row["fields"]["dev_addr"], "row {id}");
        let has_key = row["keys"]["app_s_key"].is_string() || row["fields"]["fport"] == 0;
        if let Some(plain) =
            row["fields"]["frm_plain"].as_str().filter(|p| !p.is_empty() && has_key)
        {
            assert!(of(&explanation, "FRMPayload").starts_with(plain), "row {id}: {explanation}");
        }
        if let Some(plain) = row["fields"]["fopts_plain"].as_str().filter(|p| !p.is_empty()) {
            assert!(of(&explanation, "FOpts").starts_with(plain), "row {id}: {explanation}");
        }
    }
}

#[test]
fn data_rate_and_channel_of_a_1_1_uplink_are_searched_for() {
    let row = rows("data-up").into_iter().find(|row| row["id"] == 4).unwrap();
    let args = DecodeArgs { tx_dr: None, tx_ch: None, ..args(&row) };
    assert!(of(&shown(&args), "MIC").ends_with("verified"));
}

#[test]
fn what_only_a_missing_key_decrypts_is_not_shown_in_clear() {
    let row = rows("data-up").into_iter().find(|row| row["id"] == 25).unwrap();
    let explanation = shown(&args(&row));
    assert_eq!(of(&explanation, "FRMPayload"), "c86c (2 bytes), encrypted: give --nwk-s-enc-key");
}

#[test]
fn join_requests_are_verified() {
    for row in rows("join-request") {
        let explanation = shown(&args(&row));
        let dev_eui = row["fields"]["dev_eui"].as_str().unwrap_or(of(&explanation, "DevEUI"));
        assert_eq!(of(&explanation, "DevEUI"), dev_eui, "row {}", row["id"]);
        assert!(of(&explanation, "MIC").ends_with("verified"), "row {}: {explanation}", row["id"]);
    }
}

#[test]
fn join_accepts_are_decrypted_with_the_root_key() {
    for row in rows("join-accept").iter().filter(|row| row["version"] == "1.0") {
        let explanation = shown(&args(row));
        assert_eq!(of(&explanation, "DevAddr"), row["fields"]["dev_addr"], "row {}", row["id"]);
        assert_eq!(of(&explanation, "MIC"), "verified as 1.0.x");
    }
}

/// Vector 1 of the file, by hand.
const FRAME: &str = "400403020180010001a694642615d6c3b582";

fn with_keys(frame: &str) -> DecodeArgs {
    DecodeArgs {
        frame: frame.to_owned(),
        nwk_s_key: Some("02020202020202020202020202020202".parse().unwrap()),
        app_s_key: Some("01010101010101010101010101010101".parse().unwrap()),
        ..DecodeArgs::default()
    }
}

#[test]
fn a_frame_reads_like_this() {
    let expected = "\
Unconfirmed uplink
  DevAddr        01020304
  FCtrl          ADR
  FCnt           1
  FPort          1
  FRMPayload     68656c6c6f (5 bytes)
  MIC            d6c3b582  verified";
    assert_eq!(shown(&with_keys(FRAME)).to_string(), expected);
    assert_eq!(shown(&with_keys("QAQDAgGAAQABppRkJhXWw7WC")).to_string(), expected);
    assert_eq!(shown(&with_keys("40:04:03:02 0180010001a694642615d6c3b582")).to_string(), expected);
}

#[test]
fn mac_commands_are_named() {
    for id in [2, 3] {
        let row = rows("data-up").into_iter().find(|row| row["id"] == id).unwrap();
        let explanation = shown(&args(&row));
        let commands: Vec<&str> = explanation
            .lines
            .iter()
            .filter(|(name, _)| *name == "MAC command")
            .map(|(_, text)| text.as_str())
            .collect();
        assert_eq!(commands[0], "LinkCheckReq", "row {id}");
        assert!(commands[1].starts_with("LinkAdrAns"), "row {id}: {commands:?}");
    }
}

#[test]
fn without_keys_it_says_which_to_give() {
    let explanation = shown(&DecodeArgs { frame: FRAME.to_owned(), ..DecodeArgs::default() });
    assert_eq!(of(&explanation, "FCnt"), "1 (low half)");
    assert_eq!(of(&explanation, "FRMPayload"), "a694642615 (5 bytes), as sent");
    assert!(of(&explanation, "MIC").contains("give --nwk-s-key"));
    assert!(!explanation.refused);
    let only_network = DecodeArgs { app_s_key: None, ..with_keys(FRAME) };
    assert!(of(&shown(&only_network), "FRMPayload").ends_with("encrypted: give --app-s-key"));
}

#[test]
fn keys_that_do_not_fit_are_a_failure() {
    let wrong = DecodeArgs {
        nwk_s_key: Some("03030303030303030303030303030303".parse().unwrap()),
        ..with_keys(FRAME)
    };
    assert!(shown(&wrong).refused);
    assert!(decode(&wrong).is_err());
    let counter = DecodeArgs { f_cnt: Some(2), ..with_keys(FRAME) };
    assert!(shown(&counter).refused);
}

#[test]
fn a_join_accept_gives_the_keys_of_the_session() {
    let app_key: AppKey = "00112233445566778899aabbccddeeff".parse().unwrap();
    let fields = lns_lorawan::JoinAcceptFields {
        join_nonce: lns_lorawan::JoinNonce::new(7).unwrap(),
        net_id: lns_lorawan::NetId::new(0x13).unwrap(),
        dev_addr: lns_lorawan::DevAddr::new(0x2600_1122),
        dl_settings: lns_lorawan::DlSettings::from_byte(0),
        rx_delay: lns_lorawan::RxDelay::new(5).unwrap(),
        cf_list: Some(lns_lorawan::CfList::Masks([0xff00, 0, 0, 0, 2, 0])),
    };
    let bytes = fields.build(&lns_lorawan::JoinAcceptKeys::V1_0 { app_key: &app_key }).unwrap();
    let args = DecodeArgs {
        frame: hex::encode(bytes),
        app_key: Some(app_key.clone()),
        dev_nonce: Some(DevNonce(0x0102)),
        ..DecodeArgs::default()
    };
    let explanation = shown(&args);
    let context = lns_lorawan::DerivationContext {
        join_nonce: fields.join_nonce,
        dev_nonce: DevNonce(0x0102),
        net_id: fields.net_id,
        join_eui: JoinEui::new(0),
    };
    let keys = lns_lorawan::session_keys_1_0(&app_key, &context);
    assert_eq!(of(&explanation, "AppSKey"), hex::encode(keys.app_s_key.as_bytes()));
    assert_eq!(of(&explanation, "RxDelay"), "5 s");
    assert_eq!(of(&explanation, "CFList"), "channel masks ff00 0000 0000 0000 0002 0000");
    let unknown = DecodeArgs { app_key: None, ..args };
    assert!(of(&shown(&unknown), "Encrypted").contains("give --app-key"));
}

#[test]
fn what_is_no_frame_is_said() {
    for (frame, reason) in
        [("zz!", "neither"), ("", "empty"), ("41", "major"), ("40010203", "4 bytes")]
    {
        let args = DecodeArgs { frame: frame.to_owned(), ..DecodeArgs::default() };
        let error = decode(&args).unwrap_err().to_string();
        assert!(error.contains(reason), "{frame}: {error}");
    }
}
