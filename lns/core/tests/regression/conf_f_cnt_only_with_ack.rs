//! Trap: ConfFCnt is sixteen bits, and stands in the MIC only of a frame with ACK.
//!
//! LoRaWAN 1.1 §4.4.1 and §4.4.2: a frame with ACK covers the low half of the counter that it
//! acknowledges, any other frame covers 0. A server that puts the counter into every MIC, or all of
//! its 32 bits, is heard until the first confirmed frame, or for 65,536 frames.

use lns_lorawan::{FCntDown, Frame, PhyPayload};

use crate::abp_1_1::{Up11, device, keys};
use crate::bench::*;

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
    let mut bench = device(0x0001_0000);
    let counter = 0x0001_0203;
    for (f_cnt, confirmed, covered) in [(counter, true, 0x0203u16), (counter + 1, false, 0)] {
        let up = Up11 { f_cnt, confirmed, ..Up11::default() };
        let (bytes, f_cnt_down) = answer(&mut bench, &up.bytes());
        let Frame::Down(sealed) = PhyPayload::parse(&bytes).unwrap() else { panic!() };
        // Nothing is ignored: with ACK a wrong counter does not verify.
        let opened = sealed.open(&keys().schedules(), f_cnt_down, covered).unwrap();
        assert_eq!(opened.f_ctrl.ack, confirmed);
        let wrong = sealed.open(&keys().schedules(), f_cnt_down, covered.wrapping_add(1));
        assert_eq!(wrong.is_err(), confirmed);
    }
}
