//! LinkADRReq at the device's end. TS001-1.0.4 §5.2, LoRaWAN 1.1 §5.3.

use lns_lorawan::UplinkMacCommand;
use lns_lorawan::mac::{LinkAdrAns, LinkAdrReq};

use super::MacState;
use crate::device::DeviceSpec;

impl MacState {
    /// A block is one request: all of it or nothing, and one answer for each part, all the same, as
    /// the reference device has it in every version. With ADR off it judges each part alone and takes
    /// only its mask.
    pub(super) fn link_adr(&mut self, block: &[LinkAdrReq], spec: &DeviceSpec) {
        let parts: Vec<&[LinkAdrReq]> =
            if spec.adr { vec![block] } else { block.chunks(1).collect() };
        for part in parts {
            let answer = self.link_adr_part(part, spec);
            let said = if spec.single_link_adr_ans { 1 } else { part.len() };
            for _ in 0..said {
                self.answers.push(UplinkMacCommand::LinkAdrAns(answer));
            }
        }
    }

    /// Data rate, power and repetitions are the last request's.
    fn link_adr_part(&mut self, part: &[LinkAdrReq], spec: &DeviceSpec) -> LinkAdrAns {
        let mask = self.channels.masked(part);
        let last = part.last().filter(|_| spec.adr);
        let wanted = |value: u8, current: u8| match value {
            15 if self.version.link_adr_can_keep() => current,
            value => value,
        };
        let data_rate =
            last.map_or(self.data_rate, |it| wanted(it.data_rate.value(), self.data_rate));
        let tx_power = last.map_or(self.tx_power, |it| wanted(it.tx_power.value(), self.tx_power));
        let judged = mask.unwrap_or(*self.channels.enabled());
        let carried = self.channels.carries(&judged, data_rate) && self.up(data_rate).is_some();
        let refused = &spec.mischief.refuse;
        let answer = LinkAdrAns {
            channel_mask_ack: mask.is_some() && (spec.adr || carried) && !refused.channel_mask,
            data_rate_ack: (carried || !spec.adr) && !refused.data_rate,
            power_ack: tx_power <= self.plan.max_tx_power(self.revision) && !refused.power,
        };
        if answer.accepted() {
            self.channels.enable(judged);
            self.data_rate = data_rate;
            self.tx_power = tx_power;
            self.nb_trans = match last.map(|it| it.nb_trans) {
                // 1 in 1.0.x (TS001-1.0.4 §5.2), "keep" in 1.1 (LoRaWAN 1.1 §5.3).
                Some(0) if !self.version.is_1_1() => 1,
                None | Some(0) => self.nb_trans,
                Some(nb_trans) => nb_trans,
            };
        }
        answer
    }
}
