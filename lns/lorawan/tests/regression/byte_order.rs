//! The byte order of EUIs and addresses.
//!
//! They are printed with the most significant byte first and sent with the least significant one
//! first. Each API that takes one, each key derivation and each log line is a chance to swap them;
//! a Join-Request whose EUIs are read backwards is a device that nobody registered.

use lns_lorawan::{
    AppKey, DevAddr, DevEui, DevNonce, Frame, JoinEui, JoinRequest, NetId, PhyPayload,
};

#[test]
fn euis_are_reversed_between_paper_and_air() {
    let join_eui: JoinEui = "70b3d57ed0001122".parse().unwrap();
    let dev_eui: DevEui = "0004a30b001a2b3c".parse().unwrap();
    let key = AppKey::from_bytes([1; 16]);
    let bytes = JoinRequest::build_1_0(join_eui, dev_eui, DevNonce(0x1234), &key);
    assert_eq!(hex::encode(&bytes[1..19]), "221100d07ed5b3703c2b1a000ba304003412");
    let Frame::JoinRequest(request) = PhyPayload::parse(&bytes).unwrap() else { panic!() };
    assert_eq!(request.dev_eui.to_string(), "0004a30b001a2b3c");
    assert_eq!(request.join_eui.to_string(), "70b3d57ed0001122");
}

#[test]
fn addresses_and_net_ids_are_reversed_between_paper_and_air() {
    let dev_addr: DevAddr = "27001a2b".parse().unwrap();
    assert_eq!(dev_addr.to_wire(), [0x2b, 0x1a, 0x00, 0x27]);
    let net_id = NetId::new(0x00_0013).unwrap();
    assert_eq!(net_id.to_wire(), [0x13, 0, 0]);
}
