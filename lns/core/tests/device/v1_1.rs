//! A session of LoRaWAN 1.1, activated by personalization.

use lns_core::event::Fate;
use lns_lorawan::{FCntDown, Frame, OpenedDownlink, PhyPayload};

use crate::abp_1_1::{Up11, device, keys};
use crate::bench::*;

/// On channel 0; `conf` is the counter of the downlink that it acknowledges.
fn up(f_cnt: u32, conf: Option<u16>) -> Vec<u8> {
    Up11 { f_cnt, conf, ..Up11::default() }.bytes()
}

fn hear(bench: &mut Bench, bytes: &[u8]) -> lns_core::Step {
    let heard = bench.matched(bytes).unwrap();
    bench.step(lns_core::Event::Uplink(Box::new(heard)))
}

fn open(step: &lns_core::Step, f_cnt_down: u32) -> OpenedDownlink {
    let plan = transmitted(step).unwrap();
    assert_eq!(plan.f_cnt_down, Some(FCntDown(f_cnt_down)));
    let Frame::Down(sealed) = PhyPayload::parse(&plan.phy_payload).unwrap() else { panic!() };
    sealed.open(&keys().schedules(), FCntDown(f_cnt_down), 0).unwrap()
}

#[test]
fn the_mic_covers_data_rate_and_channel() {
    let mut bench = device(0);
    let step = hear(&mut bench, &up(0, None));
    assert_eq!(&*uplink(&step).unwrap().frm_payload, b"hello");
    // Another channel than the one it was sent on.
    bench.frequency = lns_lorawan::Frequency::from_hz(868_300_000);
    assert!(bench.matched(&up(1, None)).is_err());
}

#[test]
fn payloads_and_commands_have_counters_of_their_own() {
    let mut bench = device(0);
    hear(&mut bench, &up(0, None));
    open(&bench.offer(64, 64), 0);
    bench.enqueue(1, false, b"on");
    hear(&mut bench, &up(1, None));
    let first_of_application = open(&bench.offer(64, 64), 0);
    assert_eq!(&*first_of_application.frm_payload, b"on");
    assert_eq!(first_of_application.f_opts.len(), 3, "LinkCheckAns, encrypted and opened again");
    hear(&mut bench, &up(2, None));
    open(&bench.offer(64, 64), 1);
}

#[test]
fn an_acknowledgement_covers_the_counter_that_it_acknowledges() {
    let mut bench = device(0);
    bench.enqueue(1, true, b"on");
    hear(&mut bench, &up(0, None));
    let step = bench.offer(64, 64);
    let plan = transmitted(&step).unwrap().id;
    bench.outcome(plan, Fate::Accepted);
    assert!(bench.matched(&up(1, Some(7))).is_err());
    let step = hear(&mut bench, &up(1, Some(0)));
    assert_eq!(uplink(&step).unwrap().acked, Some(1));
}
