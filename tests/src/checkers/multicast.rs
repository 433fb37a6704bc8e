//! Multicast: on air, over all gateways, a group's counters strictly increase from message to message;
//! the copies of one message are the same bytes and never meet; no member hears a message twice.

use std::collections::HashMap;

use lns_lorawan::{DevAddr, Frame, PhyPayload, Timestamp};
use sim::device::{Received, What};

use super::{Promise, Verdict, against};

const NAME: &str = "multicast";

/// One copy on air.
#[derive(Clone, Debug)]
struct Copy {
    gateway: usize,
    wire_f_cnt: u16,
    starts: Timestamp,
    ends: Timestamp,
    bytes: Vec<u8>,
}

/// What groups have on air, and what their members have heard.
#[derive(Default)]
pub struct Multicast {
    groups: HashMap<DevAddr, Vec<Copy>>,
    heard: HashMap<(String, DevAddr), Vec<u32>>,
}

impl Multicast {
    /// Of these groups.
    pub fn new(groups: impl Iterator<Item = DevAddr>) -> Self {
        Multicast { groups: groups.map(|group| (group, Vec::new())).collect(), ..Self::default() }
    }

    /// A gateway will send this.
    pub fn promised(&mut self, promise: &Promise) -> Verdict {
        let Ok(Frame::Down(sealed)) = PhyPayload::parse(&promise.phy_payload) else {
            return Ok(());
        };
        let group = sealed.dev_addr();
        let Some(copies) = self.groups.get_mut(&group) else { return Ok(()) };
        let new = Copy {
            gateway: promise.gateway,
            wire_f_cnt: sealed.wire_f_cnt().0,
            starts: promise.starts,
            ends: promise.ends,
            bytes: promise.phy_payload.clone(),
        };
        for old in &*copies {
            // Worlds are short of 65,536 messages.
            let (first, second) = if old.starts <= new.starts { (old, &new) } else { (&new, old) };
            if first.wire_f_cnt > second.wire_f_cnt {
                return against(
                    NAME,
                    format!("{group}: a counter goes back: {first:?} {second:?}"),
                );
            }
            if first.wire_f_cnt == second.wire_f_cnt && first.bytes != second.bytes {
                return against(
                    NAME,
                    format!("{group}: one counter, two messages: {old:?} {new:?}"),
                );
            }
            let differ = first.wire_f_cnt != second.wire_f_cnt || first.gateway != second.gateway;
            if differ && second.starts < first.ends {
                return against(NAME, format!("{group}: two copies meet: {first:?} {second:?}"));
            }
        }
        copies.push(new);
        Ok(())
    }

    /// A gateway starts again and forgets what it has promised.
    pub fn restarted(&mut self, gateway: usize, at: Timestamp) {
        for copies in self.groups.values_mut() {
            copies.retain(|copy| copy.gateway != gateway || copy.starts <= at);
        }
    }

    /// A device has received something.
    pub fn heard(&mut self, name: &str, received: &Received) -> Verdict {
        let What::Multicast { group, data } = &received.what else { return Ok(()) };
        let heard = self.heard.entry((name.to_owned(), *group)).or_default();
        let f_cnt = data.f_cnt_down.0;
        if heard.last().is_some_and(|last| *last >= f_cnt) {
            return against(NAME, format!("{name} hears {f_cnt} of {group} after {heard:?}"));
        }
        heard.push(f_cnt);
        Ok(())
    }

    /// The counters that a member has heard of a group.
    pub fn heard_by(&self, name: &str, group: DevAddr) -> &[u32] {
        self.heard.get(&(name.to_owned(), group)).map_or(&[], Vec::as_slice)
    }

    /// When the copies of a group began, in order.
    pub fn starts(&self, group: DevAddr) -> Vec<Timestamp> {
        let copies = self.groups.get(&group).into_iter().flatten();
        let mut starts: Vec<Timestamp> = copies.map(|copy| copy.starts).collect();
        starts.sort_unstable();
        starts
    }

    /// How many messages and how many copies of a group were on air.
    pub fn on_air(&self, group: DevAddr) -> (usize, usize) {
        let copies = self.groups.get(&group).map_or(&[][..], Vec::as_slice);
        let mut counters: Vec<u16> = copies.iter().map(|copy| copy.wire_f_cnt).collect();
        counters.sort_unstable();
        counters.dedup();
        (counters.len(), copies.len())
    }
}

#[cfg(test)]
mod tests {
    use lns_lorawan::{Frequency, Modulation, TimeDelta};

    use super::*;
    use crate::world::START;

    const GROUP: DevAddr = DevAddr::new(1);

    fn promise(gateway: usize, f_cnt: u8, from_ms: i64) -> Promise {
        let starts = START + TimeDelta::from_millis(from_ms);
        let modulation: Modulation = "SF9BW125".parse().unwrap();
        Promise {
            gateway,
            starts,
            ends: starts + TimeDelta::from_millis(100),
            frequency: Frequency::from_hz(869_525_000),
            modulation,
            phy_payload: vec![0x60, 1, 0, 0, 0, 0, f_cnt, 0, 9, 9, 9, 9],
        }
    }

    fn judged(promises: &[(usize, u8, i64)]) -> Verdict {
        let mut multicast = Multicast::new([GROUP].into_iter());
        let mut promises =
            promises.iter().map(|(gateway, f_cnt, at)| promise(*gateway, *f_cnt, *at));
        promises.try_for_each(|promise| multicast.promised(&promise))
    }

    #[test]
    fn counters_that_go_back_and_copies_that_meet_are_found() {
        assert_eq!(judged(&[(0, 1, 0), (1, 1, 150), (0, 2, 300)]), Ok(()));
        assert!(judged(&[(0, 2, 0), (1, 1, 150)]).is_err(), "back");
        assert!(judged(&[(0, 1, 0), (1, 1, 50)]).is_err(), "two at once");
        assert!(judged(&[(0, 1, 300), (1, 2, 150)]).is_err(), "promised early, sent late");
    }
}
