//! Any bytes: parse, and try to open with a session that did not send them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lns_lorawan::{
    AppKey, AppSKey, FCntDown, FCntUp, Frame, JoinAcceptKeys, JsIntKey, NwkSKey, PhyPayload,
    SessionKeys, Uplink11Ctx,
};

fuzz_target!(|bytes: &[u8]| {
    let Ok(frame) = PhyPayload::parse(bytes) else { return };
    let keys = SessionKeys::v1_0(&NwkSKey::from_bytes([1; 16]), AppSKey::from_bytes([2; 16]));
    let app_key = AppKey::from_bytes([3; 16]);
    match frame {
        Frame::JoinRequest(join) => _ = join.verify_1_0(&app_key),
        Frame::JoinAccept(sealed) => {
            _ = sealed.open(&JoinAcceptKeys::V1_0 { app_key: &app_key });
        }
        Frame::Rejoin(rejoin) => _ = rejoin.verify_with_root(&JsIntKey::from_bytes([4; 16])),
        Frame::Up(sealed) => {
            let f_cnt_up = FCntUp(u32::from(sealed.wire_f_cnt().0));
            _ = sealed.open(&keys.schedules(), f_cnt_up, Uplink11Ctx::default());
        }
        Frame::Down(sealed) => {
            let f_cnt_down = FCntDown(u32::from(sealed.wire_f_cnt().0));
            _ = sealed.open(&keys.schedules(), f_cnt_down, 0);
        }
        Frame::Proprietary(rest) => assert!(rest.len() < bytes.len()),
    }
});
