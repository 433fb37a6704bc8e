//! A forwarder that starts again may count near to where it was.
//!
//! A restart is told by its counter, which jumps. One whose counter happens to have been about as old
//! as the pause lands near to what was predicted, and what is sent by the old tokens leaves seconds too
//! early or too late. But a restarted forwarder has another port: its first frame is looked at closely.

use gateway_link::GatewayEvent;

use crate::bench::{Bench, SECOND};

#[test]
fn a_jump_of_a_second_is_a_restart_when_the_address_is_new() {
    for (address, restarted) in [("192.0.2.1:5000", false), ("192.0.2.1:6000", true)] {
        let mut bench = Bench::connected();
        bench.wait(30 * SECOND);
        bench.pull(address);
        // Thirty seconds later the counter shows one second less than it should.
        bench.push(10_000_000 + 29_000_000);
        let rebooted = |event: &GatewayEvent| matches!(event, GatewayEvent::Rebooted { .. });
        assert_eq!(bench.events.iter().any(rebooted), restarted, "{address}");
    }
}
