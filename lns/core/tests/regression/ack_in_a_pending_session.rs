//! The first frame of a new session cannot acknowledge anything.
//!
//! After a Join-Accept two sessions are valid until the device uses the new one. A frame that
//! verifies under the new one and carries ACK would settle a confirmed downlink of the old one, which
//! its device never saw: the application is told of a valve that is open and is not. The Things
//! Stack refuses such a frame, and so do we; the device's next one moves the session.

use lns_core::Reject;
use lns_core::device::ItemState;
use lns_core::event::Fate;
use lns_lorawan::MacVersion;

use crate::bench::{Bench, Up, eu868, otaa, stages};

#[test]
fn a_downlink_of_the_old_session_is_not_acknowledged_in_the_new_one() {
    let mut bench = Bench::new(eu868(MacVersion::V1_0_3), otaa());
    bench.join(1);
    bench.hear(&Up::at(0)).unwrap();
    bench.enqueue(1, true, b"open");
    bench.hear(&Up::at(1)).unwrap();
    let down = bench.listen().unwrap();
    bench.outcome(down.plan.id, Fate::Accepted);
    bench.join(2);

    let bytes = bench.frame(&Up::acking(0));
    assert_eq!(bench.matched(&bytes).unwrap_err(), Reject::AckBeforeDownlink);
    assert!(bench.device.pending.is_some(), "the new session is still to be used");
    assert_eq!(bench.device.queue.len(), 1);

    let step = bench.hear(&Up::at(1)).unwrap();
    assert!(bench.device.pending.is_none());
    assert!(stages(&step).is_empty(), "{:?}", step.effects);
    assert_eq!(bench.device.queue[0].state, ItemState::Waiting);
    let again = bench.listen().unwrap();
    assert_eq!(&*again.opened.frm_payload, b"open", "said again in the new session");
}
