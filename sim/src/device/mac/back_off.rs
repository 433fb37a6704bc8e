//! A device that nobody answers backs off. TS001-1.0.4 §4.3.1.1.

use super::MacState;
use crate::device::DeviceSpec;

impl MacState {
    /// Another uplink without an answer; whether it must ask for one (ADRACKReq).
    ///
    /// After ADR_ACK_LIMIT uplinks a device asks; ADR_ACK_DELAY later it takes full power; after
    /// every further delay a slower data rate, until it is at the slowest; then it takes all of its
    /// default channels again (in a fixed plan: all channels, also beyond the sub-band that it was
    /// restricted to) and sends each frame once. The reference device does it in these steps, also if
    /// its power is full already.
    pub(in crate::device) fn count_uplink(&mut self, spec: &DeviceSpec) -> bool {
        if !spec.adr {
            return false;
        }
        let (limit, delay) = (1u32 << self.adr_ack.limit_exp, 1u32 << self.adr_ack.delay_exp);
        let count = self.adr_ack_cnt;
        self.adr_ack_cnt = count.saturating_add(1);
        let beyond = count.saturating_sub(limit);
        if count >= limit + delay && beyond.is_multiple_of(delay) {
            if beyond == delay {
                self.tx_power = 0;
            } else {
                self.slow_down();
            }
        }
        count >= limit
    }

    fn slow_down(&mut self) {
        let slower = core::iter::successors(Some(self.data_rate), |rate| self.plan.slower(*rate));
        let usable = slower.skip(1).find(|rate| self.up(*rate).is_some());
        match usable {
            Some(slower) => self.data_rate = slower,
            None => {
                self.channels.enable_defaults();
                self.nb_trans = 1;
            }
        }
    }
}
