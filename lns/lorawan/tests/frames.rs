//! Frames: parsing is total, what is built is understood, and what is not ours does not open.

use lns_lorawan::{
    AppKey, AppSKey, BuildError, CfList, DataDown, DataRateIndex, DataUp, DerivationContext,
    DevAddr, DevEui, DevNonce, DlSettings, FCntDown, FCntUp, FCtrlDown, FCtrlUp, FNwkSIntKey,
    Frame, FrameKind, Frequency, JoinAcceptCipher, JoinAcceptError, JoinAcceptFields,
    JoinAcceptKeys, JoinEui, JoinNonce, JoinReqType, JoinRequest, MicMismatch, MicSchedule, NetId,
    NwkKey, NwkSEncKey, PhyPayload, RxDelay, SNwkSIntKey, Scheme, SealedDownlink, SealedUplink,
    SessionKeys, Uplink11Ctx, WireError, js_int_key, session_keys_1_0, session_keys_1_1,
};
use proptest::prelude::*;

fn session(scheme: Scheme) -> SessionKeys {
    let network = |n| if scheme.is_1_1() { [n; 16] } else { [1; 16] };
    SessionKeys {
        scheme,
        f_nwk_s_int_key: FNwkSIntKey::from_bytes(network(1)),
        s_nwk_s_int_key: SNwkSIntKey::from_bytes(network(2)),
        nwk_s_enc_key: NwkSEncKey::from_bytes(network(3)),
        app_s_key: AppSKey::from_bytes([4; 16]),
    }
}

fn uplink(bytes: &[u8]) -> SealedUplink<'_> {
    match PhyPayload::parse(bytes) {
        Ok(Frame::Up(sealed)) => sealed,
        other => panic!("{other:?}"),
    }
}

fn downlink(bytes: &[u8]) -> SealedDownlink<'_> {
    match PhyPayload::parse(bytes) {
        Ok(Frame::Down(sealed)) => sealed,
        other => panic!("{other:?}"),
    }
}

const EMPTY_UP: DataUp<'_> = DataUp {
    confirmed: false,
    dev_addr: DevAddr::new(0x0102_0304),
    f_ctrl: FCtrlUp { adr: false, adr_ack_req: false, ack: false, class_b: false },
    f_cnt_up: FCntUp(1),
    f_opts: &[],
    f_port: None,
    frm_payload: &[],
};

fn any_scheme() -> impl Strategy<Value = Scheme> {
    prop_oneof![Just(Scheme::V1_0), Just(Scheme::V1_1), Just(Scheme::V1_1FirstText)]
}

/// FOpts, FPort and FRMPayload that may stand together.
fn any_contents() -> impl Strategy<Value = (Vec<u8>, Option<u8>, Vec<u8>)> {
    let bytes = |most| proptest::collection::vec(any::<u8>(), 0..=most);
    prop_oneof![
        bytes(15).prop_map(|f_opts| (f_opts, None, vec![])),
        bytes(242).prop_map(|payload| (vec![], Some(0), payload)),
        (bytes(15), 1u8.., bytes(227))
            .prop_map(|(f_opts, f_port, payload)| { (f_opts, Some(f_port), payload) }),
    ]
}

fn any_context() -> impl Strategy<Value = Uplink11Ctx> {
    (any::<u16>(), 0u8..16, any::<u8>()).prop_map(|(conf_f_cnt, tx_dr, tx_ch)| Uplink11Ctx {
        conf_f_cnt,
        tx_dr: DataRateIndex::new(tx_dr).unwrap(),
        tx_ch,
    })
}

proptest! {
    #[test]
    fn parsing_any_bytes_gives_a_frame_or_says_why_not(
        bytes in proptest::collection::vec(any::<u8>(), 0..300)
    ) {
        let keys = session(Scheme::V1_1).schedules();
        match PhyPayload::parse(&bytes) {
            Ok(Frame::Up(sealed)) => {
                let shown = 12 + sealed.f_opts_len() + sealed.frm_payload_len()
                    + usize::from(sealed.f_port().is_some());
                prop_assert_eq!(shown, bytes.len());
                let f_cnt = FCntUp(u32::from(sealed.wire_f_cnt().0));
                prop_assert!(sealed.open(&keys, f_cnt, Uplink11Ctx::default()).is_err());
            }
            Ok(Frame::Down(sealed)) => {
                let f_cnt = FCntDown(u32::from(sealed.wire_f_cnt().0));
                prop_assert!(sealed.open(&keys, f_cnt, 0).is_err());
            }
            Ok(Frame::JoinAccept(sealed)) => {
                let keys = JoinAcceptKeys::V1_0 { app_key: &AppKey::from_bytes([1; 16]) };
                prop_assert!(sealed.open(&keys).is_err());
            }
            Ok(Frame::JoinRequest(_)) => prop_assert_eq!(bytes.len(), 23),
            Ok(Frame::Rejoin(_)) => prop_assert!(matches!(bytes.len(), 19 | 24)),
            Ok(Frame::Proprietary(rest)) => prop_assert_eq!(rest.len() + 1, bytes.len()),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }

    #[test]
    fn uplinks_say_what_was_said(
        scheme in any_scheme(),
        (f_opts, f_port, frm_payload) in any_contents(),
        (flags, confirmed, dev_addr, f_cnt) in any::<([bool; 4], bool, u32, u32)>(),
        context in any_context(),
    ) {
        let [adr, adr_ack_req, ack, class_b] = flags;
        let said = DataUp {
            confirmed,
            dev_addr: DevAddr::new(dev_addr),
            f_ctrl: FCtrlUp { adr, adr_ack_req, ack, class_b },
            f_cnt_up: FCntUp(f_cnt),
            f_opts: &f_opts,
            f_port,
            frm_payload: &frm_payload,
        };
        let keys = session(scheme).schedules();
        let bytes = said.build(&keys, context).unwrap();
        let sealed = uplink(&bytes);
        let half = MicSchedule::from(&session(scheme).f_nwk_s_int_key);
        prop_assert_eq!(
            sealed.verify_f_nwk_s_int(&half, said.f_cnt_up),
            scheme.is_1_1() || sealed.mic().0[2..] == sealed.mic().0[..2]
        );
        let heard = sealed.open(&keys, said.f_cnt_up, context).unwrap();
        prop_assert_eq!(heard.confirmed, confirmed);
        prop_assert_eq!(heard.dev_addr, said.dev_addr);
        prop_assert_eq!(heard.f_ctrl, said.f_ctrl);
        prop_assert_eq!(heard.f_cnt_up, said.f_cnt_up);
        prop_assert_eq!(heard.f_opts.as_slice(), &f_opts[..]);
        prop_assert_eq!(heard.f_port, f_port);
        prop_assert_eq!(heard.frm_payload.as_slice(), &frm_payload[..]);
        let mac = if f_port == Some(0) { &frm_payload } else { &f_opts };
        prop_assert_eq!(heard.mac_commands(), &mac[..]);
        // Another high half is another keystream and another MIC.
        let other = FCntUp(f_cnt.wrapping_add(0x1_0000));
        prop_assert_eq!(sealed.open(&keys, other, context), Err(MicMismatch));
    }

    #[test]
    fn downlinks_say_what_was_said(
        scheme in any_scheme(),
        (f_opts, f_port, frm_payload) in any_contents(),
        (flags, confirmed, dev_addr, f_cnt) in any::<([bool; 3], bool, u32, u32)>(),
        conf_f_cnt: u16,
    ) {
        let [adr, ack, f_pending] = flags;
        let said = DataDown {
            confirmed,
            dev_addr: DevAddr::new(dev_addr),
            f_ctrl: FCtrlDown { adr, ack, f_pending },
            f_cnt_down: FCntDown(f_cnt),
            f_opts: &f_opts,
            f_port,
            frm_payload: &frm_payload,
        };
        let keys = session(scheme).schedules();
        let bytes = said.build(&keys, conf_f_cnt).unwrap();
        let sealed = downlink(&bytes);
        let heard = sealed.open(&keys, said.f_cnt_down, conf_f_cnt).unwrap();
        prop_assert_eq!(heard.confirmed, confirmed);
        prop_assert_eq!(heard.dev_addr, said.dev_addr);
        prop_assert_eq!(heard.f_ctrl, said.f_ctrl);
        prop_assert_eq!(heard.f_opts.as_slice(), &f_opts[..]);
        prop_assert_eq!(heard.f_port, f_port);
        prop_assert_eq!(heard.frm_payload.as_slice(), &frm_payload[..]);
        // What is acknowledged is covered only in 1.1, and only with ACK.
        let other = sealed.verify(&keys, said.f_cnt_down, conf_f_cnt.wrapping_add(1));
        prop_assert_eq!(other, !(scheme.is_1_1() && ack));
    }

    #[test]
    fn a_changed_bit_does_not_open(bit in 0usize..(17 * 8), scheme in any_scheme()) {
        let keys = session(scheme).schedules();
        let said = DataUp { f_port: Some(5), frm_payload: &[1, 2, 3, 4], ..EMPTY_UP };
        let mut bytes = said.build(&keys, Uplink11Ctx::default()).unwrap();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(Frame::Up(sealed)) = PhyPayload::parse(&bytes) {
            let opened = sealed.open(&keys, said.f_cnt_up, Uplink11Ctx::default());
            prop_assert_eq!(opened, Err(MicMismatch));
        }
    }
}

#[test]
fn an_empty_payload_with_a_port_is_not_a_frame_without_port() {
    let keys = session(Scheme::V1_0).schedules();
    let with = DataUp { f_port: Some(7), ..EMPTY_UP };
    let with = with.build(&keys, Uplink11Ctx::default()).unwrap();
    let without = EMPTY_UP.build(&keys, Uplink11Ctx::default()).unwrap();
    assert_eq!((uplink(&with).f_port(), uplink(&with).frm_payload_len()), (Some(7), 0));
    assert_eq!((uplink(&without).f_port(), uplink(&without).frm_payload_len()), (None, 0));
}

#[test]
fn what_is_wrong_with_bytes_is_named() {
    let error = |bytes: &[u8]| PhyPayload::parse(bytes).unwrap_err();
    assert_eq!(error(&[]), WireError::Empty);
    assert_eq!(error(&[0x40; 256]), WireError::TooLong { length: 256 });
    assert_eq!(error(&[0x41; 20]), WireError::Major { major: 1 });
    let up = WireError::Length { kind: FrameKind::DataUp, length: 11 };
    assert_eq!(error(&[0x40; 11]), up);
    let join = WireError::Length { kind: FrameKind::JoinRequest, length: 22 };
    assert_eq!(error(&[0x00; 22]), join);
    let accept = WireError::Length { kind: FrameKind::JoinAccept, length: 18 };
    assert_eq!(error(&[0x20; 18]), accept);
    let mut rejoin = [0u8; 19];
    rejoin[..2].copy_from_slice(&[0xc0, 3]);
    assert_eq!(error(&rejoin), WireError::RejoinType { rejoin_type: 3 });
    rejoin[1] = 1;
    let length = WireError::Length { kind: FrameKind::RejoinRequest, length: 19 };
    assert_eq!(error(&rejoin), length);

    let mut data = [0u8; 16];
    data[0] = 0x40;
    data[5] = 5;
    assert_eq!(error(&data), WireError::FOptsBeyondFrame { f_opts_len: 5, available: 4 });
    data[5] = 3;
    assert_eq!(error(&data), WireError::FOptsWithFPort0 { f_opts_len: 3 });
    data[5] = 4;
    assert_eq!(uplink(&data).f_port(), None);
}

#[test]
fn what_cannot_be_built_is_named() {
    let keys = session(Scheme::V1_0).schedules();
    let build = |frame: DataUp<'_>| frame.build(&keys, Uplink11Ctx::default());
    let long = [0u8; 243];
    assert_eq!(
        build(DataUp { f_opts: &long[..16], ..EMPTY_UP }),
        Err(BuildError::FOptsTooLong { length: 16 })
    );
    assert_eq!(
        build(DataUp { f_opts: &[2], f_port: Some(0), ..EMPTY_UP }),
        Err(BuildError::FOptsWithFPort0 { f_opts_len: 1 })
    );
    assert_eq!(
        build(DataUp { frm_payload: &[1], ..EMPTY_UP }),
        Err(BuildError::PayloadWithoutFPort { length: 1 })
    );
    assert_eq!(
        build(DataUp { f_port: Some(1), frm_payload: &long, ..EMPTY_UP }),
        Err(BuildError::TooLong { length: 251 })
    );
    let longest = build(DataUp { f_port: Some(1), frm_payload: &long[..242], ..EMPTY_UP });
    assert_eq!(longest.unwrap().len(), 255);
}

/// A 1.1 uplink verifies only with the data rate, channel and acknowledged counter it was sent with.
#[test]
fn the_context_of_a_1_1_uplink_counts() {
    let keys = session(Scheme::V1_1).schedules();
    let context = Uplink11Ctx { conf_f_cnt: 9, tx_dr: DataRateIndex::new(3).unwrap(), tx_ch: 2 };
    let ack = FCtrlUp { ack: true, ..FCtrlUp::default() };
    let acked = DataUp { f_ctrl: ack, ..EMPTY_UP }.build(&keys, context).unwrap();
    let plain = EMPTY_UP.build(&keys, context).unwrap();
    let others = [
        (Uplink11Ctx { tx_ch: 3, ..context }, false, false),
        (Uplink11Ctx { tx_dr: DataRateIndex::DR0, ..context }, false, false),
        (Uplink11Ctx { conf_f_cnt: 8, ..context }, false, true),
        (context, true, true),
    ];
    for (other, with_ack, without) in others {
        assert_eq!(uplink(&acked).verify(&keys, FCntUp(1), other), with_ack, "{other:?}");
        assert_eq!(uplink(&plain).verify(&keys, FCntUp(1), other), without, "{other:?}");
    }
}

fn accept(opt_neg: bool, cf_list: Option<CfList>) -> JoinAcceptFields {
    JoinAcceptFields {
        join_nonce: JoinNonce::new(0x01_0203).unwrap(),
        net_id: NetId::new(0x00_0013).unwrap(),
        dev_addr: DevAddr::new(0x2601_1bda),
        dl_settings: DlSettings { opt_neg, rx1_dr_offset: 1, rx2_data_rate: DataRateIndex::DR0 },
        rx_delay: RxDelay::new(5).unwrap(),
        cf_list,
    }
}

/// A whole 1.1 join on a 1.1 network, and the same device on a 1.0 network.
#[test]
fn a_join_gives_both_ends_the_same_session() {
    let (nwk_key, app_key) = (NwkKey::from_bytes([7; 16]), AppKey::from_bytes([8; 16]));
    let (join_eui, dev_eui, dev_nonce) = (JoinEui::new(1), DevEui::new(2), DevNonce(3));
    let request = JoinRequest::build_1_1(join_eui, dev_eui, dev_nonce, &nwk_key);
    let Ok(Frame::JoinRequest(heard)) = PhyPayload::parse(&request) else { panic!() };
    assert!(heard.verify_1_1(&nwk_key));
    assert!(!heard.verify_1_1(&NwkKey::from_bytes([9; 16])));

    let js_int_key = js_int_key(&nwk_key, dev_eui);
    let new = JoinAcceptKeys::V1_1 {
        cipher: JoinAcceptCipher::NwkKey(&nwk_key),
        js_int_key: &js_int_key,
        request: (JoinReqType::Join, join_eui, dev_nonce),
    };
    let old_root = nwk_key.as_app_key();
    let old = JoinAcceptKeys::V1_0 { app_key: &old_root };
    let open = |bytes: &[u8], keys| match PhyPayload::parse(bytes) {
        Ok(Frame::JoinAccept(sealed)) => sealed.open(keys),
        other => panic!("{other:?}"),
    };

    let mut frequencies = [Some(Frequency::from_hz(867_100_000)); 5];
    frequencies[4] = None;
    let cf_list = Some(CfList::Frequencies(frequencies));
    let answer = accept(true, cf_list).build(&new).unwrap();
    assert_eq!(answer.len(), 33);
    assert_eq!(open(&answer, &new), Ok(accept(true, cf_list)));
    assert_eq!(open(&answer, &old), Err(JoinAcceptError::Mic(MicMismatch)));

    let answer = accept(false, None).build(&old).unwrap();
    assert_eq!(answer.len(), 17);
    assert_eq!(open(&answer, &old), Ok(accept(false, None)));
    assert_eq!(open(&answer, &new), Err(JoinAcceptError::Mic(MicMismatch)));

    let context = DerivationContext {
        join_nonce: accept(true, None).join_nonce,
        dev_nonce,
        net_id: accept(true, None).net_id,
        join_eui,
    };
    let (v1_1, v1_0) =
        (session_keys_1_1(&nwk_key, &app_key, &context), session_keys_1_0(&old_root, &context));
    assert_eq!((v1_1.scheme, v1_0.scheme), (Scheme::V1_1, Scheme::V1_0));
    assert_eq!(v1_1.nwk_s_key(), None);
    assert_ne!(v1_1.app_s_key, v1_0.app_s_key);
}

#[test]
fn a_cf_list_off_the_grid_is_refused() {
    let mut frequencies = [None; 5];
    frequencies[2] = Some(Frequency::from_hz(867_100_001));
    let app_key = AppKey::from_bytes([8; 16]);
    let keys = JoinAcceptKeys::V1_0 { app_key: &app_key };
    let built = accept(false, Some(CfList::Frequencies(frequencies))).build(&keys);
    assert_eq!(built, Err(BuildError::Frequency { hz: 867_100_001 }));
}
