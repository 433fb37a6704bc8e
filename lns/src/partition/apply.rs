//! One step, carried out: the device changes in memory, its effects wait for the commit.

use std::cmp::Reverse;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use lns_core::device::home_of;
use lns_core::effect::{Durable, Opening, Reach};
use lns_core::radio::lane::LaneSettings;
use lns_core::radio::place::Tie;
use lns_core::radio::plan::WindowPlan;
use lns_core::{AppEvent, Device, Effect, Event, EventKind, Note, Reject, TxPlan};
use lns_lorawan::{DevEui, TimeDelta, Timestamp};

use super::devices::Slot;
use super::occasion::Open;
use super::{Partition, Turn, env_of};
use crate::gateways::Gateways;
use crate::message::{OutboundEvent, Release, Seen};
use crate::store::{Table, Write};

/// How many undelivered events a device's record carries; older ones lie in a table of their own.
const EVENTS_IN_RECORD: usize = 2;

/// How many frames whose decision panicked are kept.
pub const BUGS_KEPT: usize = 100;

impl Partition {
    /// Lets an event happen to the device of a row.
    pub(super) fn apply(&mut self, slot: Slot, event: Event, turn: &mut Turn) {
        let now = self.now;
        let (network, random) = self.env();
        let Some(device) = self.devices.device(slot) else { return };
        let dev_eui = device.about.dev_eui;
        let wake_before = device.next_wake();
        let kept = frame_of(&event);
        let decided = catch_unwind(AssertUnwindSafe(|| {
            #[cfg(test)]
            if let Some(sabotage) = self.sabotage {
                sabotage(&event);
            }
            lns_core::step(device, event, &env_of(now, &network, random))
        }));
        let Ok(step) = decided else {
            self.keep_bug(Some(dev_eui), kept, turn);
            return;
        };
        for note in step.notes {
            turn.seen.push(Seen { at: now, dev_eui: Some(dev_eui), dev_addr: None, note });
        }
        self.become_durable(slot, dev_eui, step.durable);
        if let Some(at) = step.device.next_wake().filter(|at| Some(*at) != wake_before) {
            self.wakes.push(Reverse((at, slot)));
        }
        if let Some(change) = self.devices.replace(slot, step.device) {
            turn.batch.releases.push(Release::Addresses {
                home: home_of(dev_eui),
                gone: change.gone,
                now: change.now,
            });
        }
        for effect in step.effects {
            match effect {
                Effect::Publish(kind) => self.publish(slot, kind, turn),
                Effect::Open(opening) => self.open(slot, opening, turn),
                Effect::Transmit(plan) => self.transmit(plan, turn),
            }
        }
    }

    pub(super) fn become_durable(&mut self, slot: Slot, dev_eui: DevEui, durable: Durable) {
        if durable >= Durable::RecordAndNonces && !self.dirty_nonces.contains(&slot) {
            self.dirty_nonces.push(slot);
        }
        if durable >= Durable::Record && self.is_dirty.insert(slot) {
            self.dirty.push((slot, dev_eui));
        }
    }

    /// Puts an event in its device's record and after the commit to the sinks.
    fn publish(&mut self, slot: Slot, kind: EventKind, turn: &mut Turn) {
        let now = self.now;
        let Some(dev_eui) = self.devices.device(slot).map(|device| device.about.dev_eui) else {
            return;
        };
        let home = home_of(dev_eui);
        let delivered = self.delivered(home);
        let sequence = &mut self.sequences[usize::from(home)];
        *sequence += 1;
        let sequence = *sequence;
        let Some(device) = self.devices.device_mut(slot) else { return };
        let event = AppEvent { sequence, number: device.next_event, at: now, kind };
        device.next_event += 1;
        device.events.retain(|event| event.sequence > delivered);
        device.events.push(event.clone());
        let about = Arc::clone(&device.about);
        if device.events.len() > EVENTS_IN_RECORD {
            let oldest = device.events.remove(0);
            self.spilled.entry(home).or_default().insert(oldest.sequence);
            turn.batch.writes.push(Write::Put {
                table: Table::Events,
                key: event_key(home, oldest.sequence),
                value: lns_core::record::encode_event(dev_eui, &oldest),
            });
        }
        self.become_durable(slot, dev_eui, Durable::Record);
        turn.batch.releases.push(Release::Publish(OutboundEvent { home, about, event }));
    }

    /// A filled frame waits for the commit of its counter, and of whatever came before it.
    fn transmit(&mut self, plan: Box<TxPlan>, turn: &mut Turn) {
        let occasion = self.speaking.take().expect("a frame is filled only when offers were given");
        turn.batch.releases.push(Release::Transmit { occasion, plan });
    }

    fn open(&mut self, slot: Slot, opening: Opening, turn: &mut Turn) {
        let now = self.now;
        let calls = last_calls(&self.settings.gateways, &opening);
        let Some(last_call) = calls.iter().copied().max() else { return };
        if last_call < now {
            // Only late copies: no window can be reached, and that is no alarm.
            self.apply(slot, Event::OccasionPassed, turn);
            return;
        }
        let first_call = calls.into_iter().find(|call| *call >= now).unwrap_or(last_call);
        let held = TimeDelta::from_millis(i64::from(opening.reply_window_ms));
        let decide_at = match opening.reach {
            Reach::Heard(_) => self.decide_at.max(now + held),
            // No copies are being gathered.
            Reach::Known(_) => now,
        };
        let ask_at = opening.something_to_say.then(|| decide_at.min(first_call));
        let open = Open { slot, opening, last_call, asked: false };
        let number = self.occasions.open(open, ask_at);
        if ask_at.is_some_and(|at| at <= now) {
            self.ask_if_something_to_say(number, turn);
        }
    }

    /// Ends the turn: writes what must be durable, in the order that a crash may cut anywhere.
    ///
    /// Events that leave a record come first, then used DevNonces, then the records; an event
    /// that no sink needs any more goes last.
    pub fn finish(&mut self, turn: &mut Turn) {
        for slot in std::mem::take(&mut self.dirty_nonces) {
            let Some(device) = self.devices.device(slot) else { continue };
            turn.batch.writes.push(Write::Put {
                table: Table::DevNonces,
                key: key_of(device.about.dev_eui),
                value: lns_core::record::encode_dev_nonces(&device.used_dev_nonces),
            });
        }
        self.write_groups(turn);
        self.is_dirty.clear();
        for (slot, dev_eui) in std::mem::take(&mut self.dirty) {
            let Some(device) = self.devices.device(slot) else { continue };
            if device.about.dev_eui != dev_eui {
                continue;
            }
            turn.batch.writes.push(Write::Put {
                table: Table::DeviceState,
                key: key_of(dev_eui),
                value: lns_core::record::encode(device),
            });
        }
        self.sweep(turn);
    }

    /// Deletes events in the table that every sink has had.
    fn sweep(&mut self, turn: &mut Turn) {
        if turn.batch.writes.is_empty() {
            return;
        }
        for (home, sequences) in &mut self.spilled {
            let delivered = self.settings.delivered[usize::from(*home)]
                .load(std::sync::atomic::Ordering::Acquire);
            while let Some(&first) = sequences.first() {
                if first > delivered {
                    break;
                }
                sequences.pop_first();
                turn.batch
                    .writes
                    .push(Write::Delete { table: Table::Events, key: event_key(*home, first) });
            }
        }
    }

    /// Removes everything that is kept of a device.
    pub(super) fn erase(&mut self, device: &Device, turn: &mut Turn) {
        let dev_eui = device.about.dev_eui;
        for table in [Table::DeviceState, Table::DevNonces] {
            turn.batch.writes.push(Write::Delete { table, key: key_of(dev_eui) });
        }
    }

    /// A panic in `step` is our bug: the device is unchanged and the frame is kept for a report.
    pub(super) fn keep_bug(
        &mut self,
        dev_eui: Option<DevEui>,
        frame: Option<Box<[u8]>>,
        turn: &mut Turn,
    ) {
        let note = Note::Rejected(Reject::Bug);
        turn.seen.push(Seen { at: self.now, dev_eui, dev_addr: None, note });
        let slot = self.dice.u64() as usize % BUGS_KEPT;
        let mut value = dev_eui.map_or(0, DevEui::value).to_be_bytes().to_vec();
        value.extend(self.now.micros().to_be_bytes());
        value.extend(frame.unwrap_or_default());
        turn.batch.writes.push(Write::Put {
            table: Table::Meta,
            key: format!("bug/{slot:03}").into_bytes(),
            value,
        });
    }
}

/// The record key of a device.
pub fn key_of(dev_eui: DevEui) -> Vec<u8> {
    dev_eui.value().to_be_bytes().to_vec()
}

/// The key of an event outside its device's record.
pub fn event_key(home: u8, sequence: u64) -> Vec<u8> {
    let mut key = vec![home];
    key.extend(sequence.to_be_bytes());
    key
}

/// The latest time at which each window can still be reached, by the gateway that is best placed.
///
/// The lanes know better and have the last word; this is when asking them still makes sense.
fn last_calls(gateways: &Gateways, opening: &Opening) -> Vec<Timestamp> {
    let lane = LaneSettings::default();
    let call = |tie: Tie<'_>, window: &WindowPlan| {
        let known = gateways.rtt_p99(tie.gateway());
        let round_trip = if known > TimeDelta::ZERO { known } else { lane.assumed_round_trip };
        Some(tie.latest(&window.start)? - lane.lead() - round_trip - round_trip)
    };
    let ties = opening.reach.ties();
    let of_window = |window: &WindowPlan| ties.iter().filter_map(|tie| call(*tie, window)).max();
    opening.windows.iter().filter_map(of_window).collect()
}

/// The bytes that an event brought, for a bug report.
fn frame_of(event: &Event) -> Option<Box<[u8]>> {
    match event {
        Event::Join(heard) => Some(heard.bytes.clone()),
        Event::Uplink(heard) => Some(heard.phy_payload.as_ref().into()),
        Event::LateCopy(_)
        | Event::Occasion(_)
        | Event::OccasionPassed
        | Event::Outcome(_)
        | Event::Command(_)
        | Event::CountersForgotten { .. }
        | Event::Wake => None,
    }
}
