//! Every published and generated frame in `vectors/` means to us what it means to its authors.

use std::str::FromStr;

use lns_lorawan::{
    AppKey, AppSKey, CfList, DataDown, DataRateIndex, DataUp, DerivationContext, DevAddr, DevEui,
    DevNonce, DlSettings, FCntDown, FCntUp, FCtrlDown, FCtrlUp, FNwkSIntKey, Frame, Frequency,
    JoinAcceptCipher, JoinAcceptFields, JoinAcceptKeys, JoinEui, JoinNonce, JoinReqType,
    JoinRequest, JsIntKey, MicSchedule, NetId, NwkKey, NwkSEncKey, NwkSKey, PhyPayload,
    RejoinFields, RxDelay, SNwkSIntKey, Scheme, SessionKeys, Uplink11Ctx, js_enc_key, js_int_key,
    ping_slot_rand, session_keys_1_0, session_keys_1_1,
};
use serde_json::Value;

/// One line of the file.
struct Row(Value);

impl Row {
    fn kind(&self) -> &str {
        self.0["kind"].as_str().unwrap()
    }

    fn id(&self) -> u64 {
        self.0["id"].as_u64().unwrap()
    }

    fn is_1_1(&self) -> bool {
        self.0["version"] == "1.1"
    }

    fn phy(&self) -> Vec<u8> {
        hex::decode(self.0["phy_hex"].as_str().unwrap()).unwrap()
    }

    fn text<T: FromStr>(&self, group: &str, name: &str) -> Option<T>
    where
        T::Err: std::fmt::Debug,
    {
        self.0[group][name].as_str().map(|text| text.parse().unwrap())
    }

    fn key<T: FromStr>(&self, name: &str) -> T
    where
        T::Err: std::fmt::Debug,
    {
        self.text("keys", name).unwrap_or_else(|| "0".repeat(32).parse().unwrap())
    }

    fn field<T: FromStr>(&self, name: &str) -> T
    where
        T::Err: std::fmt::Debug,
    {
        self.text("fields", name).unwrap_or_else(|| panic!("row {}: no {name}", self.id()))
    }

    fn number(&self, group: &str, name: &str) -> Option<u64> {
        self.0[group][name].as_u64()
    }

    /// What the row says of a flag; what we say where it says nothing.
    fn flag(&self, name: &str, ours: bool) -> bool {
        self.0["fields"][name].as_bool().unwrap_or(ours)
    }

    fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        self.0["fields"][name].as_str().map(|text| hex::decode(text).unwrap())
    }

    fn session(&self) -> SessionKeys {
        if !self.is_1_1() {
            let nwk_s_key: NwkSKey = self.key("nwk_s_key");
            return SessionKeys::v1_0(&nwk_s_key, self.key("app_s_key"));
        }
        SessionKeys {
            scheme: match self.0["ctx"]["f_opts_text"].as_str() {
                Some("first") => Scheme::V1_1FirstText,
                _ => Scheme::V1_1,
            },
            f_nwk_s_int_key: self.key("f_nwk_s_int_key"),
            s_nwk_s_int_key: self.key("s_nwk_s_int_key"),
            nwk_s_enc_key: self.key("nwk_s_enc_key"),
            app_s_key: self.key("app_s_key"),
        }
    }

    /// The low half: some rows give the counter in full.
    fn conf_f_cnt(&self) -> u16 {
        let full = self.number("ctx", "conf_fcnt").unwrap_or(0);
        (full % 0x1_0000).try_into().unwrap()
    }

    fn f_cnt(&self) -> u32 {
        self.number("ctx", "fcnt32").unwrap().try_into().unwrap()
    }

    /// What the row says about an opened frame, against what we say.
    fn check_contents(&self, f_opts: &[u8], f_port: Option<u8>, frm_payload: &[u8]) {
        let said = self.0["fields"]["fport"].as_i64().unwrap();
        assert_eq!(f_port.map_or(-1, i64::from), said, "row {}: FPort", self.id());
        let f_opts_said = self.bytes("fopts_plain").unwrap_or_default();
        assert_eq!(f_opts, f_opts_said, "row {}: FOpts", self.id());
        if let Some(payload) = self.bytes("frm_plain") {
            assert_eq!(frm_payload, payload, "row {}: FRMPayload", self.id());
        }
    }
}

/// The rows of others, and those of `vectors/rejoin.py`.
const FILES: [&str; 2] =
    [include_str!("../vectors/frame-vectors.jsonl"), include_str!("../vectors/rejoin.jsonl")];

fn rows(kind: &str) -> Vec<Row> {
    let rows: Vec<Row> = FILES
        .into_iter()
        .flat_map(str::lines)
        .map(|line| Row(serde_json::from_str(line).unwrap()))
        .filter(|row| row.kind() == kind)
        .collect();
    assert!(!rows.is_empty(), "no rows of kind {kind}");
    rows
}

#[test]
fn every_row_is_of_a_kind_that_is_tested() {
    let kinds = [
        "data-up",
        "data-down",
        "join-request",
        "join-accept",
        "rejoin-request",
        "key-derivation",
        "ping-offset",
    ];
    let tested: usize = kinds.iter().map(|kind| rows(kind).len()).sum();
    assert_eq!(FILES.map(|file| file.lines().count()), [154, 24]);
    assert_eq!(tested, 154 + 24);
}

#[test]
fn uplinks_open_and_rebuild() {
    for row in rows("data-up") {
        let phy = row.phy();
        let Frame::Up(sealed) = PhyPayload::parse(&phy).unwrap() else { panic!("{}", row.id()) };
        let keys = row.session().schedules();
        let f_cnt_up = FCntUp(row.f_cnt());
        let tx_dr = row.number("ctx", "tx_dr").unwrap_or(0).try_into().unwrap();
        let context = Uplink11Ctx {
            conf_f_cnt: row.conf_f_cnt(),
            tx_dr: DataRateIndex::new(tx_dr).unwrap(),
            tx_ch: row.number("ctx", "tx_ch").unwrap_or(0).try_into().unwrap(),
        };
        assert_eq!(f_cnt_up.wire(), sealed.wire_f_cnt(), "row {}", row.id());
        let forwarding: FNwkSIntKey = row.session().f_nwk_s_int_key;
        if row.is_1_1() {
            let half = MicSchedule::from(&forwarding);
            assert!(sealed.verify_f_nwk_s_int(&half, f_cnt_up), "row {}: half", row.id());
        }
        let opened =
            sealed.open(&keys, f_cnt_up, context).unwrap_or_else(|_| panic!("{}", row.id()));
        assert_eq!(opened.dev_addr, row.field::<DevAddr>("dev_addr"));
        assert_eq!(opened.confirmed, row.number("fields", "mtype") == Some(4));
        let f_ctrl = FCtrlUp {
            adr: row.flag("adr", opened.f_ctrl.adr),
            adr_ack_req: row.flag("adr_ack_req", opened.f_ctrl.adr_ack_req),
            ack: row.flag("ack", opened.f_ctrl.ack),
            class_b: row.flag("class_b", opened.f_ctrl.class_b),
        };
        assert_eq!(opened.f_ctrl, f_ctrl, "row {}", row.id());
        row.check_contents(&opened.f_opts, opened.f_port, &opened.frm_payload);
        let rebuilt = DataUp {
            confirmed: opened.confirmed,
            dev_addr: opened.dev_addr,
            f_ctrl,
            f_cnt_up,
            f_opts: &opened.f_opts,
            f_port: opened.f_port,
            frm_payload: &opened.frm_payload,
        };
        assert_eq!(rebuilt.build(&keys, context).unwrap(), phy, "row {}", row.id());
    }
}

#[test]
fn downlinks_open_and_rebuild() {
    for row in rows("data-down") {
        let phy = row.phy();
        let Frame::Down(sealed) = PhyPayload::parse(&phy).unwrap() else { panic!("{}", row.id()) };
        let keys = row.session().schedules();
        let f_cnt_down = FCntDown(row.f_cnt());
        let opened = sealed
            .open(&keys, f_cnt_down, row.conf_f_cnt())
            .unwrap_or_else(|_| panic!("row {}", row.id()));
        assert_eq!(opened.dev_addr, row.field::<DevAddr>("dev_addr"));
        assert_eq!(opened.confirmed, row.number("fields", "mtype") == Some(5));
        let f_ctrl = FCtrlDown {
            adr: row.flag("adr", opened.f_ctrl.adr),
            ack: row.flag("ack", opened.f_ctrl.ack),
            f_pending: row.flag("f_pending", opened.f_ctrl.f_pending),
        };
        assert_eq!(opened.f_ctrl, f_ctrl, "row {}", row.id());
        row.check_contents(&opened.f_opts, opened.f_port, &opened.frm_payload);
        let rebuilt = DataDown {
            confirmed: opened.confirmed,
            dev_addr: opened.dev_addr,
            f_ctrl,
            f_cnt_down,
            f_opts: &opened.f_opts,
            f_port: opened.f_port,
            frm_payload: &opened.frm_payload,
        };
        assert_eq!(rebuilt.build(&keys, row.conf_f_cnt()).unwrap(), phy, "row {}", row.id());
    }
}

#[test]
fn join_requests_verify_and_rebuild() {
    for row in rows("join-request") {
        let phy = row.phy();
        let Frame::JoinRequest(join) = PhyPayload::parse(&phy).unwrap() else {
            panic!("row {}", row.id())
        };
        assert_eq!(Some(u64::from(join.dev_nonce.0)), row.number("fields", "dev_nonce"));
        if let Some(dev_eui) = row.text::<DevEui>("fields", "dev_eui") {
            assert_eq!(join.dev_eui, dev_eui);
            assert_eq!(join.join_eui, row.field::<JoinEui>("join_eui"));
        }
        let (app_key, nwk_key): (AppKey, NwkKey) = (row.key("app_key"), row.key("nwk_key"));
        let rebuilt = if row.is_1_1() {
            assert!(join.verify_1_1(&nwk_key), "row {}", row.id());
            assert!(!join.verify_1_0(&app_key), "row {}", row.id());
            JoinRequest::build_1_1(join.join_eui, join.dev_eui, join.dev_nonce, &nwk_key)
        } else {
            assert!(join.verify_1_0(&app_key), "row {}", row.id());
            JoinRequest::build_1_0(join.join_eui, join.dev_eui, join.dev_nonce, &app_key)
        };
        assert_eq!(rebuilt.to_vec(), phy, "row {}", row.id());
    }
}

/// The CFList that a row describes.
fn cf_list(row: &Row) -> Option<CfList> {
    let fields = &row.0["fields"];
    match fields["cflist_type"].as_u64()? {
        0 => {
            let hz = |n: usize| u32::try_from(fields["cflist_freqs"][n].as_u64().unwrap()).unwrap();
            Some(CfList::Frequencies(std::array::from_fn(|n| Some(Frequency::from_hz(hz(n))))))
        }
        _ => {
            let mask = |n: usize| {
                let text = fields["cflist_masks_le"][n].as_str().unwrap_or("0000");
                u16::from_le_bytes(hex::decode(text).unwrap().try_into().unwrap())
            };
            Some(CfList::Masks(std::array::from_fn(mask)))
        }
    }
}

/// The Join-Accept that a row describes, as far as it does.
fn expected_join_accept(row: &Row) -> Option<JoinAcceptFields> {
    let number = |name| row.number("fields", name);
    let small = |name| number(name).unwrap().try_into().unwrap();
    Some(JoinAcceptFields {
        join_nonce: JoinNonce::new(number("join_nonce")?.try_into().unwrap()).unwrap(),
        net_id: row.field("net_id"),
        dev_addr: row.field("dev_addr"),
        dl_settings: DlSettings {
            opt_neg: row.flag("opt_neg", false),
            rx1_dr_offset: small("rx1_dr_offset"),
            rx2_data_rate: DataRateIndex::new(small("rx2_dr")).unwrap(),
        },
        rx_delay: RxDelay::new(small("rx_delay")).unwrap(),
        cf_list: cf_list(row),
    })
}

#[test]
fn join_accepts_open_and_rebuild_and_give_the_session() {
    for row in rows("join-accept") {
        let phy = row.phy();
        let Frame::JoinAccept(sealed) = PhyPayload::parse(&phy).unwrap() else {
            panic!("row {}", row.id())
        };
        let (app_key, nwk_key): (AppKey, NwkKey) = (row.key("app_key"), row.key("nwk_key"));
        let dev_nonce = row.number("ctx", "dev_nonce").unwrap_or(0).try_into().unwrap();
        let dev_nonce = DevNonce(dev_nonce);
        let join_eui = row.text("ctx", "join_eui").unwrap_or(JoinEui::new(0));
        let dev_eui = row.text("ctx", "dev_eui").unwrap_or(DevEui::new(0));
        let js_int_key = js_int_key(&nwk_key, dev_eui);
        let js_enc_key = js_enc_key(&nwk_key, dev_eui);
        let (kind, cipher) = match row.number("ctx", "join_req_type") {
            None | Some(255) => (JoinReqType::Join, JoinAcceptCipher::NwkKey(&nwk_key)),
            Some(0) => (JoinReqType::Rejoin0, JoinAcceptCipher::JsEncKey(&js_enc_key)),
            Some(1) => (JoinReqType::Rejoin1, JoinAcceptCipher::JsEncKey(&js_enc_key)),
            _ => (JoinReqType::Rejoin2, JoinAcceptCipher::JsEncKey(&js_enc_key)),
        };
        let keys = if row.is_1_1() {
            let request = (kind, join_eui, dev_nonce);
            JoinAcceptKeys::V1_1 { cipher, js_int_key: &js_int_key, request }
        } else {
            JoinAcceptKeys::V1_0 { app_key: &app_key }
        };
        let fields = sealed.open(&keys).unwrap_or_else(|error| panic!("row {}: {error}", row.id()));
        assert_eq!(fields.dev_addr, row.field::<DevAddr>("dev_addr"));
        if let Some(expected) = expected_join_accept(&row) {
            assert_eq!(fields, expected, "row {}", row.id());
        }
        assert_eq!(fields.build(&keys).unwrap(), phy, "row {}", row.id());

        let context = DerivationContext {
            join_nonce: fields.join_nonce,
            dev_nonce,
            net_id: fields.net_id,
            join_eui,
        };
        let session = if row.is_1_1() {
            session_keys_1_1(&nwk_key, &app_key, &context)
        } else {
            session_keys_1_0(&app_key, &context)
        };
        check_session(&row, &session);
    }
}

fn check_session(row: &Row, session: &SessionKeys) {
    let Some(app_s_key) = row.text::<AppSKey>("fields", "app_s_key") else { return };
    assert_eq!(session.app_s_key, app_s_key, "row {}", row.id());
    if row.is_1_1() {
        assert_eq!(session.f_nwk_s_int_key, row.field::<FNwkSIntKey>("f_nwk_s_int_key"));
        assert_eq!(session.s_nwk_s_int_key, row.field::<SNwkSIntKey>("s_nwk_s_int_key"));
        assert_eq!(session.nwk_s_enc_key, row.field::<NwkSEncKey>("nwk_s_enc_key"));
    } else {
        assert_eq!(session.nwk_s_key(), Some(row.field::<NwkSKey>("nwk_s_key")));
    }
}

#[test]
fn rejoin_requests_verify_and_rebuild() {
    for row in rows("rejoin-request") {
        let phy = row.phy();
        let Frame::Rejoin(rejoin) = PhyPayload::parse(&phy).unwrap() else {
            panic!("row {}", row.id())
        };
        let (session, root): (SNwkSIntKey, JsIntKey) =
            (row.key("s_nwk_s_int_key"), row.key("js_int_key"));
        let dev_eui = row.field("dev_eui");
        let rj_count = row.number("fields", "rj_count").unwrap().try_into().unwrap();
        let expected = match row.number("fields", "rejoin_type").unwrap() {
            0 => RejoinFields::Type0 { net_id: row.field("net_id"), dev_eui, rj_count0: rj_count },
            1 => RejoinFields::Type1 {
                join_eui: row.field("join_eui"),
                dev_eui,
                rj_count1: rj_count,
            },
            _ => RejoinFields::Type2 { net_id: row.field("net_id"), dev_eui, rj_count0: rj_count },
        };
        assert_eq!(rejoin.fields, expected, "row {}", row.id());
        let is_type_1 = matches!(expected, RejoinFields::Type1 { .. });
        assert_eq!(rejoin.verify_with_root(&root), is_type_1, "row {}", row.id());
        assert_eq!(rejoin.verify_with_session(&session), !is_type_1, "row {}", row.id());
        let rebuilt = expected.build_with_session(&session).or(expected.build_with_root(&root));
        assert_eq!(rebuilt, Some(phy), "row {}", row.id());
    }
}

#[test]
fn keys_derive() {
    for row in rows("key-derivation") {
        let root: [u8; 16] =
            hex::decode(row.0["keys"]["root"].as_str().unwrap()).unwrap().try_into().unwrap();
        let (app_key, nwk_key) = (AppKey::from_bytes(root), NwkKey::from_bytes(root));
        let hex_field = |name| {
            let text = row.0["fields"][name].as_str().unwrap();
            u32::from_str_radix(text, 16).unwrap()
        };
        let context = DerivationContext {
            join_nonce: JoinNonce::new(hex_field("join_nonce_hex")).unwrap(),
            dev_nonce: DevNonce(hex_field("dev_nonce_hex").try_into().unwrap()),
            net_id: row.field::<NetId>("net_id"),
            join_eui: row.field("join_eui"),
        };
        let old = session_keys_1_0(&app_key, &context);
        assert_eq!(old.app_s_key, row.field::<AppSKey>("app_s_key_10"));
        assert_eq!(old.nwk_s_key(), Some(row.field::<NwkSKey>("nwk_s_key_10")));
        let new = session_keys_1_1(&nwk_key, &app_key, &context);
        assert_eq!(new.app_s_key, row.field::<AppSKey>("app_s_key_11"));
        assert_eq!(new.f_nwk_s_int_key, row.field("f_nwk_s_int_key"));
        assert_eq!(new.s_nwk_s_int_key, row.field("s_nwk_s_int_key"));
        assert_eq!(new.nwk_s_enc_key, row.field("nwk_s_enc_key"));
        let dev_eui = row.field("dev_eui");
        assert_eq!(js_int_key(&nwk_key, dev_eui), row.field("js_int_key"));
        assert_eq!(js_enc_key(&nwk_key, dev_eui), row.field("js_enc_key"));
    }
}

#[test]
fn ping_slots_fall_where_others_say() {
    for row in rows("ping-offset") {
        let number = |name| row.number("fields", name).unwrap();
        let beacon_time = number("beacon_time").try_into().unwrap();
        let rand = u64::from(ping_slot_rand(beacon_time, row.field("dev_addr")));
        assert_eq!(rand % number("ping_period"), number("ping_offset"), "row {}", row.id());
    }
}
