//! Trap: a device that is heard and never hears us must not be locked out by its own nonces.
//!
//! Joining once a minute it draws all 65,536 DevNonces in 45 days. A server that remembers them all
//! refuses it for ever after, also when its gateway is mended. We remember the last 1,024 that were
//! *answered*; an unanswered request spends none.

use lns_core::Event;
use lns_lorawan::MacVersion;

use crate::bench::*;

#[test]
fn requests_that_no_gateway_can_answer_spend_no_nonce() {
    let mut bench = Bench::new(eu868(MacVersion::V1_0_3), otaa());
    for dev_nonce in 0..2000 {
        bench.ask_to_join(dev_nonce);
        bench.step(Event::OccasionPassed);
    }
    assert!(bench.device.used_dev_nonces.is_empty());
    assert!(opening(&bench.ask_to_join(7)).is_some());
}

#[test]
fn a_nonce_comes_round_again_after_1024_answers() {
    let mut bench = Bench::new(eu868(MacVersion::V1_0_3), otaa());
    for dev_nonce in 0..=1024 {
        bench.ask_to_join(dev_nonce);
        assert!(transmitted(&bench.offer_join(&[64])).is_some());
    }
    assert!(rejected(&bench.ask_to_join(1)).is_some(), "among the last 1,024");
    assert!(opening(&bench.ask_to_join(0)).is_some(), "older than they");
}
