//! LoRaWAN 1.1: two root keys, four session keys, two downlink counters, indications that are
//! repeated until they are confirmed, Rejoin-Requests.

use super::*;
use lns_lorawan::mac::{
    AdrParamSetupReq, DeviceMode, ForceRejoinReq, RejoinParamSetupAns, RejoinParamSetupReq,
    RekeyMinor, ResetMinor,
};
use lns_lorawan::{
    DataRateIndex, JoinAcceptCipher, JoinReqType, NwkKey, RejoinFields, Scheme, js_enc_key,
    js_int_key, session_keys_1_1,
};

fn roots() -> (NwkKey, AppKey) {
    (NwkKey::from_bytes([0x44; 16]), AppKey::from_bytes([0x55; 16]))
}

fn spec() -> DeviceSpec {
    let mut spec = DeviceSpec::otaa11("node", DEV_EUI, JOIN_EUI, roots());
    spec.switched_on = Timestamp::from_secs(1);
    spec
}

/// A Join-Accept by the rules of 1.1 and the keys that follow from it.
fn accept(
    (kind, nonce): (JoinReqType, u16),
    join_nonce: u32,
    opt_neg: bool,
) -> (Vec<u8>, SessionKeys) {
    let (nwk_key, app_key) = roots();
    let fields = JoinAcceptFields {
        join_nonce: JoinNonce::new(join_nonce).unwrap(),
        net_id: NetId::new(0x13).unwrap(),
        dev_addr: DEV_ADDR,
        dl_settings: DlSettings { opt_neg, rx1_dr_offset: 1, rx2_data_rate: DR0 },
        rx_delay: RxDelay::new(1).unwrap(),
        cf_list: None,
    };
    let context = DerivationContext {
        join_nonce: fields.join_nonce,
        dev_nonce: DevNonce(nonce),
        net_id: fields.net_id,
        join_eui: JOIN_EUI,
    };
    if !opt_neg {
        let app_key = nwk_key.as_app_key();
        let frame = fields.build(&JoinAcceptKeys::V1_0 { app_key: &app_key }).unwrap();
        return (frame, session_keys_1_0(&app_key, &context));
    }
    let (int_key, enc_key) = (js_int_key(&nwk_key, DEV_EUI), js_enc_key(&nwk_key, DEV_EUI));
    let cipher = match kind {
        JoinReqType::Join => JoinAcceptCipher::NwkKey(&nwk_key),
        JoinReqType::Rejoin0 | JoinReqType::Rejoin1 | JoinReqType::Rejoin2 => {
            JoinAcceptCipher::JsEncKey(&enc_key)
        }
    };
    let request = (kind, JOIN_EUI, DevNonce(nonce));
    let keys = JoinAcceptKeys::V1_1 { cipher, js_int_key: &int_key, request };
    (fields.build(&keys).unwrap(), session_keys_1_1(&nwk_key, &app_key, &context))
}

impl Pair {
    /// Joins, and has nothing to insist on any more.
    fn joined(spec: DeviceSpec) -> Self {
        let mut pair = Pair::new(spec);
        pair.sends();
        pair.accepts((JoinReqType::Join, 0), 1);
        pair
    }

    /// Answers a (Re)Join-Request.
    fn accepts(&mut self, request: (JoinReqType, u16), join_nonce: u32) {
        let (frame, keys) = accept(request, join_nonce, true);
        let heard = self.device.hear(&self.on_air(Window::Rx1, frame));
        assert!(matches!(heard, Heard::Received(_)), "{heard:?}");
        self.keys = keys;
        (self.f_cnt_down, self.a_f_cnt_down) = (FCntDown(0), FCntDown(0));
        self.conf_f_cnt = 0;
    }

    fn confirms_rekey(&mut self) {
        self.uplink();
        let conf = DownlinkMacCommand::RekeyConf(RekeyMinor { minor: 1 });
        self.answer(Down { mac: &[conf], ..Down::default() });
    }
}

const REKEY: UplinkMacCommand = UplinkMacCommand::RekeyInd(RekeyMinor { minor: 1 });

#[test]
fn after_a_join_it_says_rekey_until_the_network_confirms() {
    let mut pair = Pair::joined(spec());
    assert_eq!(pair.device.session().unwrap().keys.scheme, Scheme::V1_1);
    for _ in 0..3 {
        assert_eq!(answers(&pair.uplink().1), [REKEY]);
        // Any other downlink is not enough.
        pair.answer(Down::default());
    }
    pair.confirms_rekey();
    assert_eq!(answers(&pair.uplink().1), []);
    assert!(pair.device.is_quiet() || pair.device.flight.is_some());
}

#[test]
fn on_a_network_of_1_0_it_speaks_1_0() {
    let mut pair = Pair::new(spec());
    pair.sends();
    let (frame, keys) = accept((JoinReqType::Join, 0), 1, false);
    assert!(matches!(pair.device.hear(&pair.on_air(Window::Rx1, frame)), Heard::Received(_)));
    pair.keys = keys;
    assert_eq!(pair.device.session().unwrap().keys.scheme, Scheme::V1_0);
    assert_eq!(pair.device.mac().version, MacVersion::V1_0_4);
    assert_eq!(answers(&pair.uplink().1), []);
    let adr = AdrParamSetupReq { limit_exp: 3, delay_exp: 2 };
    let asked = [DownlinkMacCommand::AdrParamSetupReq(adr), DownlinkMacCommand::DevStatusReq];
    assert_eq!(pair.ask(&asked), [], "an unknown command ends the reading");
}

#[test]
fn each_kind_of_downlink_has_its_counter() {
    let mut pair = Pair::joined(spec());
    pair.confirms_rekey();
    for n in 0..3 {
        pair.uplink();
        pair.answer(Down { payload: Some((10, &[7])), ..Down::default() });
        pair.uplink();
        pair.answer(Down { mac: &[DownlinkMacCommand::DevStatusReq], ..Down::default() });
        let session = pair.device.session().unwrap();
        assert_eq!(session.a_f_cnt_down, Some(FCntDown(n)));
        assert_eq!(session.f_cnt_down, Some(FCntDown(n + 1)));
    }
}

#[test]
fn acknowledgements_name_what_they_acknowledge() {
    let mut spec = spec();
    spec.confirmed_share = 1.0;
    let mut pair = Pair::joined(spec);
    pair.confirms_rekey();
    for _ in 0..3 {
        pair.uplink();
        // Built with ConfFCnt of this uplink, and opened with that of this downlink.
        let data = pair.answer(Down { ack: true, confirmed: true, ..Down::default() });
        assert!(data.acked);
    }
    assert!(pair.uplink().1.f_ctrl.ack);
}

#[test]
fn a_repeat_elsewhere_is_another_frame_with_the_same_counter() {
    let mut pair = Pair::joined(spec());
    pair.confirms_rekey();
    pair.device.mac.nb_trans = 8;
    let frames: Vec<_> = (0..8).map(|_| pair.uplink()).collect();
    let counters = frames.iter().map(|(_, opened)| opened.f_cnt_up);
    assert_eq!(counters.collect::<std::collections::BTreeSet<_>>().len(), 1);
    for (sent, _) in &frames {
        let same = |(other, _): &&(Transmission, _)| other.channel == sent.channel;
        let twin = frames.iter().find(same).unwrap();
        assert_eq!(twin.0.phy_payload, sent.phy_payload);
    }
    let channels: std::collections::BTreeSet<_> = frames.iter().map(|it| it.0.channel).collect();
    assert!(channels.len() > 1);
}

#[test]
fn a_personalized_device_says_that_it_was_reset() {
    let keys = SessionKeys {
        scheme: Scheme::V1_1,
        ..session_keys_1_1(
            &roots().0,
            &roots().1,
            &DerivationContext {
                join_nonce: JoinNonce::new(9).unwrap(),
                dev_nonce: DevNonce(9),
                net_id: NetId::new(0).unwrap(),
                join_eui: JOIN_EUI,
            },
        )
    };
    let mut spec = DeviceSpec::abp11("node", DEV_EUI, (DEV_ADDR, keys.clone()));
    spec.class = Class::C;
    let mut pair = Pair::new(spec);
    pair.keys = keys;
    let reset = UplinkMacCommand::ResetInd(ResetMinor { minor: 1 });
    let mode = UplinkMacCommand::DeviceModeInd(DeviceMode::ClassC);
    assert_eq!(answers(&pair.uplink().1), [reset, mode]);
    assert_eq!(answers(&pair.uplink().1), [reset, mode]);
    let conf = DownlinkMacCommand::ResetConf(ResetMinor { minor: 1 });
    pair.answer(Down { mac: &[conf], ..Down::default() });
    assert_eq!(answers(&pair.uplink().1), [mode]);
    let conf = DownlinkMacCommand::DeviceModeConf(DeviceMode::ClassC);
    pair.answer(Down { mac: &[conf], ..Down::default() });
    assert_eq!(answers(&pair.uplink().1), []);
    pair.device.reboot(pair.last.as_ref().unwrap().ends);
    pair.f_cnt_down = FCntDown(0);
    assert_eq!(answers(&pair.uplink().1), [reset, mode]);
}

#[test]
fn rejoin_requests_are_answered_with_a_new_session() {
    let table = [(0, JoinReqType::Rejoin0), (1, JoinReqType::Rejoin1), (2, JoinReqType::Rejoin2)];
    for (rejoin_type, kind) in table {
        let mut pair = Pair::joined(spec());
        pair.confirms_rekey();
        let nb_trans = 3;
        pair.device.mac.nb_trans = nb_trans;
        for _ in 0..nb_trans {
            pair.uplink();
        }
        let ends = pair.last.as_ref().unwrap().ends;
        pair.device.ask_to_rejoin(rejoin_type, ends);
        let sent = pair.sends();
        let Sent::Rejoin(fields) = sent.sent else { panic!("{:?}", sent.sent) };
        assert_eq!((fields.join_req_type(), fields.rj_count()), (kind, 0));
        assert_eq!(pair.device.windows()[0].nominal - sent.ends, TimeDelta::from_secs(5));
        pair.accepts((kind, 0), 2);
        // Type 2 changes the keys and leaves the radio alone (LoRaWAN 1.1 §6.2.4.1).
        let kept = if rejoin_type == 2 { nb_trans } else { 1 };
        assert_eq!(pair.device.mac().nb_trans, kept, "type {rejoin_type}");
        let (_, opened) = pair.uplink();
        assert_eq!((opened.f_cnt_up.0, answers(&opened)), (0, vec![REKEY]));
    }
}

#[test]
fn an_old_join_nonce_is_refused() {
    let mut pair = Pair::joined(spec());
    pair.confirms_rekey();
    pair.uplink();
    pair.device.ask_to_rejoin(0, pair.last.as_ref().unwrap().ends);
    pair.sends();
    let (frame, _) = accept((JoinReqType::Rejoin0, 0), 1, true);
    let heard = pair.device.hear(&pair.on_air(Window::Rx1, frame));
    assert_eq!(heard, Heard::Not(Unheard::JoinNonceReplayed));
}

#[test]
fn a_forced_rejoin_is_repeated_as_often_as_it_is_told() {
    let mut pair = Pair::joined(spec());
    pair.confirms_rekey();
    pair.uplink();
    let force = DownlinkMacCommand::ForceRejoinReq(ForceRejoinReq {
        period: 0,
        max_retries: 2,
        rejoin_type: 2,
        data_rate: DataRateIndex::from_low_bits(3),
    });
    pair.answer(Down { mac: &[force], ..Down::default() });
    let mut counts = Vec::new();
    for _ in 0..12 {
        if let (Sent::Rejoin(RejoinFields::Type2 { rj_count0, .. }), data_rate) = {
            let sent = pair.sends();
            (sent.sent, sent.data_rate)
        } {
            counts.push((rj_count0, data_rate));
        }
    }
    assert_eq!(counts, [(0, 3), (1, 3), (2, 3)]);
}

#[test]
fn it_shows_itself_as_often_as_it_is_told() {
    for (keeps, time_ok) in [(true, true), (false, false)] {
        let mut spec = spec();
        spec.keeps_rejoin_time = keeps;
        let mut pair = Pair::joined(spec);
        pair.confirms_rekey();
        let request = RejoinParamSetupReq { max_time_n: 15, max_count_n: 0 };
        let said = pair.ask(&[DownlinkMacCommand::RejoinParamSetupReq(request)]);
        let answer = RejoinParamSetupAns { time_ok };
        assert_eq!(said, [UplinkMacCommand::RejoinParamSetupAns(answer)]);
        let after = (0..40).position(|_| matches!(pair.sends().sent, Sent::Rejoin(_)));
        // Sixteen uplinks since the join, of which three have been.
        assert_eq!(after, Some(13));
        let again = (0..40).position(|_| matches!(pair.sends().sent, Sent::Rejoin(_)));
        assert_eq!(again, Some(16));
    }
}

#[test]
fn the_network_sets_when_it_doubts() {
    let mut pair = Pair::joined(spec());
    pair.confirms_rekey();
    let request = AdrParamSetupReq { limit_exp: 2, delay_exp: 1 };
    let said = pair.ask(&[DownlinkMacCommand::AdrParamSetupReq(request)]);
    assert_eq!(said, [UplinkMacCommand::AdrParamSetupAns]);
    let asks: Vec<bool> = (0..4).map(|_| pair.uplink().1.f_ctrl.adr_ack_req).collect();
    assert_eq!(asks, [false, false, false, true]);
}
