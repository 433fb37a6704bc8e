//! Trap: a 1.1 device on a network that answers as 1.0 has one root key, and it is NwkKey.
//!
//! Its Join-Request is signed with NwkKey, the Join-Accept is encrypted with NwkKey, and *AppSKey too*
//! comes from NwkKey (LoRaWAN 1.1 §6.1.1.3 and §6.2.3). A server that takes AppKey for any of these
//! never hears the device, or delivers noise.

use lns_core::{Activation, Event};
use lns_lorawan::{
    AppKey, DevNonce, Frame, JoinAcceptKeys, JoinRequest, MacVersion, NwkKey, PhyPayload,
};

use crate::bench::*;

/// The bench's device signs with `app_key()`: here that is its NwkKey.
fn device() -> Bench {
    let activation = Activation::Otaa11 {
        join_eui: Some(JOIN_EUI),
        nwk_key: NwkKey::from_bytes(*app_key().as_bytes()),
        app_key: AppKey::from_bytes([9; 16]),
    };
    let mut profile = eu868(MacVersion::V1_1_0);
    profile.answer_as_1_0 = true;
    Bench::new(profile, activation)
}

#[test]
fn every_key_comes_from_nwk_key() {
    let mut bench = device();
    let fields = bench.join(1);
    assert!(!fields.dl_settings.opt_neg);
    let step = bench.hear(&Up::at(0)).unwrap();
    assert_eq!(&*uplink(&step).unwrap().frm_payload, b"hello");
    assert!(bench.hear(&Up::confirmed(1)).is_ok());
    assert!(bench.listen().unwrap().opened.f_ctrl.ack);
}

#[test]
fn a_request_that_is_signed_with_app_key_is_not_the_devices() {
    let mut bench = device();
    let other = AppKey::from_bytes([9; 16]);
    let bytes = JoinRequest::build_1_0(JOIN_EUI, DEV_EUI, DevNonce(1), &other);
    assert_refused(&bench.join_with(&bytes), lns_core::Reject::JoinMicMismatch);
}

#[test]
fn the_accept_does_not_open_with_app_key() {
    let mut bench = device();
    bench.ask_to_join(1);
    let offers = vec![bench.an_offer(9, lns_lorawan::Window::Rx1, 64)];
    let occasion = lns_core::Occasion {
        purpose: lns_core::event::Purpose::JoinAccept,
        offers,
        shortage: None,
    };
    let step = bench.step(Event::Occasion(occasion));
    let plan = transmitted(&step).unwrap();
    let Frame::JoinAccept(accept) = PhyPayload::parse(&plan.phy_payload).unwrap() else { panic!() };
    let wrong = AppKey::from_bytes([9; 16]);
    assert!(accept.open(&JoinAcceptKeys::V1_0 { app_key: &wrong }).is_err());
    assert!(accept.open(&JoinAcceptKeys::V1_0 { app_key: &app_key() }).is_ok());
}
