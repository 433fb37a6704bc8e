//! Trap: ConfFCnt is sixteen bits, and stands in the MIC only of a frame with ACK.
//!
//! LoRaWAN 1.1 §4.4.1 and §4.4.2: a frame with ACK covers the low half of the counter that it
//! acknowledges, any other frame covers 0. A server that puts the counter into every MIC, or all of
//! its 32 bits, is heard until the first confirmed frame, or for 65,536 frames.

use lns_core::Activation;
use lns_lorawan::{
    AppSKey, DataRateIndex, DataUp, FCntDown, FCntUp, FCtrlUp, FNwkSIntKey, Frame, MacVersion,
    NwkSEncKey, PhyPayload, SNwkSIntKey, Scheme, SessionKeys, Uplink11Ctx,
};

use crate::bench::*;

fn keys() -> SessionKeys {
    SessionKeys {
        scheme: Scheme::V1_1,
        f_nwk_s_int_key: FNwkSIntKey::from_bytes([1; 16]),
        s_nwk_s_int_key: SNwkSIntKey::from_bytes([2; 16]),
        nwk_s_enc_key: NwkSEncKey::from_bytes([3; 16]),
        app_s_key: AppSKey::from_bytes([4; 16]),
    }
}

fn device() -> Bench {
    let activation =
        Activation::Abp { dev_addr: DEV_ADDR, keys: keys(), f_cnt_start: FCntUp(0x0001_0000) };
    Bench::new(eu868(MacVersion::V1_1_0), activation)
}

fn up(f_cnt: u32, confirmed: bool) -> Vec<u8> {
    let up = DataUp {
        confirmed,
        dev_addr: DEV_ADDR,
        f_ctrl: FCtrlUp::default(),
        f_cnt_up: FCntUp(f_cnt),
        f_opts: &[0x02],
        f_port: Some(1),
        frm_payload: b"x",
    };
    let tx_dr = DataRateIndex::new(5).unwrap();
    up.build(&keys().schedules(), Uplink11Ctx { conf_f_cnt: 0, tx_dr, tx_ch: 0 }).unwrap()
}

/// The downlink that answers this uplink.
fn answer(bench: &mut Bench, bytes: &[u8]) -> (Vec<u8>, FCntDown) {
    let heard = bench.matched(bytes).unwrap();
    bench.step(lns_core::Event::Uplink(Box::new(heard)));
    let step = bench.offer(64, 64);
    let plan = transmitted(&step).unwrap();
    (plan.phy_payload.to_vec(), plan.f_cnt_down.unwrap())
}

#[test]
fn a_downlink_with_ack_covers_the_low_half_and_one_without_covers_nothing() {
    let mut bench = device();
    let counter = 0x0001_0203;
    for (f_cnt, confirmed, covered) in [(counter, true, 0x0203u16), (counter + 1, false, 0)] {
        let (bytes, f_cnt_down) = answer(&mut bench, &up(f_cnt, confirmed));
        let Frame::Down(sealed) = PhyPayload::parse(&bytes).unwrap() else { panic!() };
        // Nothing is ignored: with ACK a wrong counter does not verify.
        let opened = sealed.open(&keys().schedules(), f_cnt_down, covered).unwrap();
        assert_eq!(opened.f_ctrl.ack, confirmed);
        let wrong = sealed.open(&keys().schedules(), f_cnt_down, covered.wrapping_add(1));
        assert_eq!(wrong.is_err(), confirmed);
    }
}
