//! Two gateways with one EUI do not take each other's downlinks.
//!
//! Concentrator boards are cloned with their configuration, EUI and all. A server that sends to
//! whatever address spoke last sends half of all downlinks to the gateway at the other end of the
//! town, which takes them without a word: its counter shows another time.

use gateway_bridge::counters::Count;
use gateway_link::{GatewayEvent, When};

use crate::bench::{Bench, ELSEWHERE, HOME, SECOND, item};

#[test]
fn downlinks_stay_with_the_one_that_was_there_first_and_the_other_is_told_of() {
    let mut bench = Bench::connected();
    for _ in 0..60 {
        bench.wait(5 * SECOND);
        bench.pull(HOME);
        bench.wait(5 * SECOND);
        bench.pull(ELSEWHERE);
        bench.send(vec![item(When::Immediately, 1400)]);
    }
    assert!(bench.sent.iter().all(|(to, ..)| *to == HOME.parse().unwrap()));
    assert_eq!(bench.counted(Count::AddressConflict), 60);
    let told = bench.events.iter().filter(|event| {
        matches!(event, GatewayEvent::AddressConflict { claimed_by, .. } if claimed_by == ELSEWHERE)
    });
    assert_eq!(told.count(), 10, "once a minute");
}
