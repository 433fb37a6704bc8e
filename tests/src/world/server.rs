//! Driving the rooms: one message, one turn; what a turn leaves goes on its way.

use lns::message::{Release, Seen, ToPartition};
use lns::partition::Turn;
use lns_core::Note;
use lns_core::effect::Recipient;
use lns_lorawan::{DevEui, DevNonce};

use super::disk::Turned;
use super::transcript;
use super::{Node, Rooms, Within, World};
use crate::checkers::{Root, Verdict};

impl World {
    pub(super) fn within(&mut self, what: Within) -> Verdict {
        match what {
            Within::Mail { partition, message } => self.turn(partition, Some(message)),
            Within::Lanes(message) => {
                if let Some(rooms) = &mut self.rooms {
                    rooms.transmit.handle(self.now, message);
                }
                self.after_lanes()
            }
            Within::Commit => self.commit(),
            Within::Deliver => self.deliver(),
            Within::Acknowledged { home, sequence } => {
                if let Some(rooms) = &self.rooms {
                    rooms.progress.done(home, sequence);
                }
                Ok(())
            }
            Within::SaveCursors => self.save_cursors(),
            Within::Told(told) => self.told(told),
        }
    }

    /// Whatever the rooms are due for by themselves.
    pub(super) fn wake_rooms(&mut self) -> Verdict {
        let now = self.now;
        let Some(rooms) = &mut self.rooms else { return Ok(()) };
        if rooms.sessions.next_wake().is_some_and(|at| at <= now.micros()) {
            let mut out = Vec::new();
            rooms.sessions.tick(now.micros(), &mut out);
            return self.perform(out);
        }
        if rooms.transmit.next_wake().is_some_and(|at| at <= now) {
            rooms.transmit.wake(now);
            return self.after_lanes();
        }
        let due = |partition: &mut lns::partition::Partition| {
            partition.next_wake().is_some_and(|at| at <= now)
        };
        match rooms.partitions.iter_mut().position(due) {
            Some(partition) => self.turn(partition as u16, None),
            None => Ok(()),
        }
    }

    /// One turn of a partition, as its thread does it.
    fn turn(&mut self, partition: u16, message: Option<ToPartition>) -> Verdict {
        let now = self.now;
        let Some(rooms) = &mut self.rooms else { return Ok(()) };
        let room = &mut rooms.partitions[usize::from(partition)];
        let mut turn = Turn::default();
        if let Some(message) = message {
            room.handle(now, message, &mut turn);
        }
        room.wake(now, &mut turn);
        room.finish(&mut turn);
        for message in turn.lanes {
            self.put_within(now, Within::Lanes(message));
        }
        let homes = self.setup.partitions;
        for (home, message) in turn.letters {
            let partition = u16::from(home) % homes;
            self.put_within(now, Within::Mail { partition, message });
        }
        for mut frame in turn.onward {
            let partition = frame.then.trailing_zeros() as u16;
            frame.then &= frame.then - 1;
            let message = ToPartition::Heard(frame);
            self.put_within(now, Within::Mail { partition, message });
        }
        turn.seen.iter().for_each(|seen| self.see(seen));
        let joins = turn.seen.iter().filter_map(joining).collect();
        self.keep(Turned { batch: turn.batch, joins });
        Ok(())
    }

    /// What the lanes want done.
    fn after_lanes(&mut self) -> Verdict {
        let now = self.now;
        let Some(Rooms { transmit, sessions, .. }) = &mut self.rooms else { return Ok(()) };
        let mut out = Vec::new();
        for downlink in transmit.downlinks.drain(..) {
            sessions.send(now.micros(), downlink, &mut out);
        }
        let answers = std::mem::take(&mut transmit.answers);
        for (partition, message) in answers {
            self.put_within(now, Within::Mail { partition, message });
        }
        self.perform(out)
    }

    /// What was waiting for a commit happens.
    pub(super) fn release(&mut self, release: Release) -> Verdict {
        match release {
            Release::Addresses { home, gone, now } => {
                if let Some(rooms) = &self.rooms {
                    rooms.router.change(home, &gone, &now);
                }
            }
            Release::Transmit { occasion, plan } => {
                let is_for = |node: &&Node| plan.to == Recipient::Device(node.spec.dev_eui);
                let node = self.setup.nodes.iter().find(is_for);
                let root = node.map_or(Root::None { is_1_1: false }, Node::root);
                self.keystream.leaves(&plan, root)?;
                let message = lns::message::ToLanes::HandOver { occasion, plan };
                self.put_within(self.now, Within::Lanes(message));
            }
            Release::Tell(told) => self.tell(told),
            Release::Publish(event) => self.publish(event.into()),
            Release::Reply(reply, answer) => reply.give(answer),
        }
        Ok(())
    }

    pub(super) fn see(&mut self, seen: &Seen) {
        if let Some((mark, what, detail)) = transcript::note(&seen.note) {
            let name = match seen.dev_eui {
                Some(_) => self.name_of(seen.dev_eui) + " ",
                None => String::new(),
            };
            self.say(mark, "lns", what, name + &detail);
        }
    }
}

/// The join that a note tells of.
fn joining(seen: &Seen) -> Option<(DevEui, DevNonce)> {
    let Note::Joining { dev_nonce, .. } = &seen.note else { return None };
    seen.dev_eui.map(|dev_eui| (dev_eui, *dev_nonce))
}
