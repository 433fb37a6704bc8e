//! Class C: a device that listens whenever it does not send. TS001-1.0.4 §15.
//!
//! Between the windows after its uplinks it listens in *RXC*, which has RX2's frequency and data
//! rate. A frame for it can leave at any time but three: while RX1 and RX2 of its last uplink may
//! have other parameters, while the frame before is on air, and while the device's own uplink is.

use lns_lorawan::region::RECEIVE_DELAY2_AFTER_RX1;
use lns_lorawan::{RegionTables, TimeDelta, Timestamp, Window};

use crate::radio::plan::{Start, WindowPlan, plan};
use crate::session::RxParams;

/// How long after RX2 opens a device that hears nothing listens in RXC again: a second covers the
/// preamble of the slowest data rate.
const RX2_LISTENING: TimeDelta = TimeDelta::from_secs(1);

/// How far ahead a frame may be placed on a gateway's air. A gateway cannot be asked to give back
/// what it has queued, and an uplink meanwhile has the better claim.
const AHEAD: TimeDelta = TimeDelta::from_secs(2);

/// Until when the windows of an uplink that ended then are the only ones to use.
pub fn windows_end(rx: &RxParams, uplink_ended: Timestamp) -> Timestamp {
    let rx1 = TimeDelta::from_secs(i64::from(rx.rx_delay.seconds()));
    uplink_ended + rx1 + RECEIVE_DELAY2_AFTER_RX1 + RX2_LISTENING
}

/// RXC, from a moment on. `None` where the session's RX2 is no place to send.
pub fn window(tables: &RegionTables, rx: &RxParams, not_before: Timestamp) -> Option<WindowPlan> {
    let start = Start::Soon { not_before, not_after: not_before + AHEAD };
    plan(tables, Window::Rxc, start, (rx.rx2_frequency, rx.rx2_data_rate))
}
