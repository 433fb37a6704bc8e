//! DutyCycleReq / DutyCycleAns: a limit on all of a device's transmissions. TS001-1.0.4 §5.3.

use lns_lorawan::mac::{DownlinkMacCommand, DutyCycleReq};

use super::differs_from;
use super::kind::View;
use crate::session::MacParams;

/// The greatest exponent that the request carries.
const GREATEST: u8 = 15;

/// Whether the device has another limit than it should.
pub fn differs(one: &MacParams, desired: &MacParams) -> bool {
    differs_from(one.max_duty_cycle, desired.max_duty_cycle)
}

/// What is to be asked.
pub fn aim(view: &View<'_>, asked: &mut MacParams) {
    copy(view.desired, asked);
}

/// The request.
pub fn request(asked: &MacParams) -> DownlinkMacCommand {
    let max_duty_cycle = asked.max_duty_cycle.unwrap_or(0);
    DownlinkMacCommand::DutyCycleReq(DutyCycleReq { max_duty_cycle })
}

/// What the request sets.
pub fn copy(from: &MacParams, to: &mut MacParams) {
    to.max_duty_cycle = from.max_duty_cycle;
}

/// n for the greatest 1/2ⁿ that is not above so many percent. 0 percent would silence a device; it
/// is what consoles write where nobody has chosen, and means no limit.
pub fn exponent(percent: u8) -> u8 {
    match percent {
        0 | 100.. => 0,
        1..=99 => (1..GREATEST).find(|n| u32::from(percent) << *n >= 100).unwrap_or(GREATEST),
    }
}

#[cfg(test)]
mod tests {
    use super::exponent;

    #[test]
    fn a_percentage_is_never_exceeded() {
        let cases = [(0, 0), (100, 0), (99, 1), (50, 1), (49, 2), (25, 2), (10, 4), (1, 7)];
        for (percent, n) in cases {
            assert_eq!(exponent(percent), n, "{percent} %");
        }
    }
}
