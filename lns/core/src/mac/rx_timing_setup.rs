//! RXTimingSetupReq / RXTimingSetupAns: how long after its uplink a device opens RX1. TS001-1.0.4
//! §5.7.

use lns_lorawan::mac::{DownlinkMacCommand, RxTimingSetupReq};

use super::kind::View;
use crate::session::MacParams;

/// Whether RX1 opens at another time than it should.
pub fn differs(one: &MacParams, desired: &MacParams) -> bool {
    one.rx.rx_delay != desired.rx.rx_delay
}

/// What is to be asked.
pub fn aim(view: &View<'_>, asked: &mut MacParams) {
    asked.rx.rx_delay = view.desired.rx.rx_delay;
}

/// The request.
pub fn request(asked: &MacParams) -> DownlinkMacCommand {
    DownlinkMacCommand::RxTimingSetupReq(RxTimingSetupReq { rx_delay: asked.rx.rx_delay })
}

/// What the request sets.
pub fn copy(from: &MacParams, to: &mut MacParams) {
    to.rx.rx_delay = from.rx.rx_delay;
}
