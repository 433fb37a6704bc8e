//! Outbox: every committed event reaches the sink at least once, in order per device, whatever
//! crashes in between.

use std::collections::{HashMap, HashSet};

use lns::message::OutboundEvent;
use lns_lorawan::DevEui;

use super::{Verdict, against};

const NAME: &str = "outbox";

/// One device's events, in the order in which they were committed.
#[derive(Default)]
struct Line {
    committed: Vec<u64>,
    /// How many of the committed have been delivered: those at the front.
    delivered: usize,
}

/// What was committed and what was delivered.
#[derive(Default)]
pub struct Outbox {
    lines: HashMap<DevEui, Line>,
    deliveries: u64,
}

impl Outbox {
    /// An event is durable.
    pub fn committed(&mut self, event: &OutboundEvent) -> Verdict {
        let (dev_eui, number) = (event.about.dev_eui, event.event.number);
        let line = self.lines.entry(dev_eui).or_default();
        if line.committed.last().is_some_and(|last| *last >= number) {
            let what =
                format!("event {number} of {dev_eui} comes after {:?}", line.committed.last());
            return against(NAME, what);
        }
        line.committed.push(number);
        Ok(())
    }

    /// The server has started again, and these are what it has still to deliver.
    pub fn restarted(&mut self, undelivered: &[OutboundEvent]) -> Verdict {
        let known: HashSet<(DevEui, u64)> =
            undelivered.iter().map(|event| (event.about.dev_eui, event.event.number)).collect();
        for (dev_eui, line) in &self.lines {
            let owed = line.committed.get(line.delivered..).unwrap_or_default();
            if let Some(lost) = owed.iter().find(|number| !known.contains(&(*dev_eui, **number))) {
                let what = format!("event {lost} of {dev_eui} was durable and is forgotten");
                return against(NAME, what);
            }
        }
        // What a torn commit has left durable was never promised, and is delivered all the same.
        for event in undelivered {
            let line = self.lines.entry(event.about.dev_eui).or_default();
            if line.committed.last().is_none_or(|last| *last < event.event.number) {
                line.committed.push(event.event.number);
            }
        }
        Ok(())
    }

    /// The application has an event, perhaps not for the first time.
    pub fn delivered(&mut self, event: &OutboundEvent) -> Verdict {
        self.deliveries += 1;
        let (dev_eui, number) = (event.about.dev_eui, event.event.number);
        let line = self.lines.entry(dev_eui).or_default();
        match line.committed.binary_search(&number) {
            Err(_) => {
                against(NAME, format!("event {number} of {dev_eui} is delivered and not durable"))
            }
            Ok(at) if at > line.delivered => {
                let before = line.committed[line.delivered];
                against(NAME, format!("event {number} of {dev_eui} is delivered before {before}"))
            }
            Ok(at) => {
                line.delivered = line.delivered.max(at + 1);
                Ok(())
            }
        }
    }

    /// Nothing is owed any more.
    pub fn finished(&self) -> Verdict {
        for (dev_eui, line) in &self.lines {
            if let Some(owed) = line.committed.get(line.delivered) {
                let what = format!("event {owed} of {dev_eui} was never delivered");
                return against(NAME, what);
            }
        }
        Ok(())
    }

    /// How many events were committed, and how many deliveries that took.
    pub fn tally(&self) -> (u64, u64) {
        let committed = self.lines.values().map(|line| line.committed.len() as u64).sum();
        (committed, self.deliveries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{START, Setup};
    use lns_core::effect::Stage;
    use lns_core::{AppEvent, EventKind};
    use lns_lorawan::Region;

    fn event(number: u64) -> OutboundEvent {
        let setup = Setup::new(1, Region::Eu868).node(|_| ());
        let kind =
            EventKind::Downlink { id: 1, correlation_id: None, f_port: 1, stage: Stage::Queued };
        OutboundEvent {
            home: 0,
            about: setup.nodes[0].description().into(),
            event: AppEvent { sequence: number, number, at: START, kind },
        }
    }

    fn committed(numbers: impl IntoIterator<Item = u64>) -> Outbox {
        let mut outbox = Outbox::default();
        numbers.into_iter().for_each(|number| outbox.committed(&event(number)).unwrap());
        outbox
    }

    #[test]
    fn events_may_come_twice_and_none_may_be_left_out() {
        let mut outbox = committed([4, 5, 9]);
        for number in [4, 5, 4, 5] {
            outbox.delivered(&event(number)).unwrap();
        }
        assert!(outbox.finished().is_err(), "9 is owed");
        outbox.delivered(&event(9)).unwrap();
        outbox.finished().unwrap();
        assert!(committed([4, 5]).delivered(&event(5)).is_err(), "4 is left out");
        assert!(committed([4]).delivered(&event(5)).is_err(), "5 was never durable");
    }

    #[test]
    fn what_was_durable_is_not_forgotten_in_a_crash() {
        let mut outbox = committed([4, 5]);
        outbox.delivered(&event(4)).unwrap();
        outbox.restarted(&[event(5)]).unwrap();
        assert!(outbox.restarted(&[]).is_err());
    }
}
