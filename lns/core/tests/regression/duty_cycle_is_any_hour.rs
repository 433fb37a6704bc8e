//! The duty cycle is a share of any hour, not an off-time after each frame, nor of clock hours.
//!
//! Basics Station waits ninety-nine times a frame's airtime after each frame in a 1 % band; a server
//! that reckons by clock hours sends two hours' worth around the full hour. A ledger of the last hour
//! allows a burst and then nothing, until what was sent is an hour old.

use lns_core::radio::duty::{DutyLedger, allowance};

use crate::radio_given::{SF7, at, bands, ms, rx1};

#[test]
fn a_burst_is_allowed_and_pays_for_an_hour() {
    let [band, _] = bands();
    let frequency = rx1(SF7).frequency;
    let mut ledger = DutyLedger::new(&bands());
    // 36 s at once, across a full hour of the clock (the start is 22:13:20).
    let begins = 46 * 60_000;
    for id in 0..36 {
        let ends = begins + id * 1_100 + 1_000;
        assert!(ledger.left(at(ends - 1_000), frequency).unwrap() >= ms(1_000), "{id}");
        ledger.promise(id as u64, frequency, (at(ends), ms(1_000)));
    }
    assert_eq!(allowance(&band), ms(36_000));
    for later in [40_000, 600_000, 1_800_000, 3_600_999] {
        assert_eq!(ledger.left(at(begins + later), frequency), Some(ms(0)), "{later}");
    }
    assert_eq!(ledger.left(at(begins + 3_601_000), frequency), Some(ms(1_000)), "the first is old");
}
