//! Trap: the first frame of a new session acknowledges nothing, because nothing was said in it.
//!
//! A device that keeps its "acknowledgement owed" across a join sets ACK in its first frame. A server
//! that takes it settles a confirmed downlink of the *old* session, which the device may never have
//! heard. The Things Stack refuses such a frame; so do we, in 1.0 and 1.1, and the old session
//! goes on.

use lns_core::Reject;
use lns_core::event::Fate;
use lns_lorawan::MacVersion;

use crate::bench::*;

#[test]
fn the_old_sessions_downlink_is_not_settled_by_the_new_sessions_first_frame() {
    let mut bench = Bench::new(eu868(MacVersion::V1_0_3), otaa());
    bench.join(1);
    bench.enqueue(1, true, b"open");
    bench.hear(&Up::at(0)).unwrap();
    let down = bench.listen().unwrap();
    bench.outcome(down.plan.id, Fate::Accepted);

    bench.join(2);
    let bytes = bench.frame(&Up::acking(0));
    assert_eq!(bench.matched(&bytes).unwrap_err(), Reject::AckBeforeDownlink);
    assert_eq!(bench.device.queue.len(), 1, "still to be acknowledged");
    let step = bench.hear(&Up::at(0)).unwrap();
    assert!(stages(&step).is_empty(), "{:?}", step.effects);
    let again = bench.listen().unwrap();
    assert_eq!(&*again.opened.frm_payload, b"open", "said again in the new session");
}
