//! The committer and its disk: turns wait, are written as one group, and only then let go.

use lns::committer::Batch;
use lns::message::Release;
use lns::store::{Fault, Store};
use lns_lorawan::{DevEui, DevNonce, TimeDelta};

use super::weather::Death;
use super::{Happening, Within, World};
use crate::checkers::Verdict;

/// How long a refused group waits before the next try, at first and at most.
const RETRY: (TimeDelta, TimeDelta) = (TimeDelta::from_millis(50), TimeDelta::from_secs(5));

/// What one or more turns leave behind.
#[derive(Default)]
pub struct Turned {
    /// Writes and releases.
    pub batch: Batch,
    /// Joins that become true with it.
    pub joins: Vec<(DevEui, DevNonce)>,
}

/// The committer's desk.
#[derive(Default)]
pub struct Disk {
    waiting: Vec<Turned>,
    /// The group under way.
    group: Option<Turned>,
    wait: TimeDelta,
}

impl World {
    /// A turn is over; what it leaves waits for the disk.
    pub(super) fn keep(&mut self, turned: Turned) {
        if turned.batch.writes.is_empty() && turned.batch.releases.is_empty() {
            return;
        }
        self.disk.waiting.push(turned);
        if self.disk.group.is_none() {
            self.next_group();
        }
    }

    fn next_group(&mut self) {
        let mut group = Turned::default();
        for turned in self.disk.waiting.drain(..) {
            group.batch.writes.extend(turned.batch.writes);
            group.batch.releases.extend(turned.batch.releases);
            group.joins.extend(turned.joins);
        }
        let takes = if group.batch.writes.is_empty() {
            TimeDelta::ZERO
        } else {
            self.setup.weather.commit_takes(&mut self.random)
        };
        self.disk.group = Some(group);
        self.disk.wait = RETRY.0;
        self.put_within(self.now + takes, Within::Commit);
    }

    /// The group under way is written, or refused, or the server dies over it.
    pub(super) fn commit(&mut self) -> Verdict {
        let Some(group) = self.disk.group.take() else { return Ok(()) };
        let (writes, releases) = (group.batch.writes.len(), group.batch.releases.len());
        let weather = self.setup.weather.clone();
        match weather.death(&mut self.random, writes, releases) {
            None => {}
            Some(Death::Before) => return self.die("before a commit"),
            Some(Death::Torn(written)) => {
                self.faults.next(1, Fault::Torn(written));
                // That it fails is what was asked for.
                let _ = self.store.commit(&group.batch.writes);
                self.faults.heal();
                return self.die(&format!("in a commit, {written} of {writes} records written"));
            }
            Some(Death::After(released)) => {
                self.write(&group);
                self.is_durable(&group)?;
                for release in group.batch.releases.into_iter().take(released) {
                    self.release(release)?;
                }
                let what = format!("after a commit, {released} of {releases} effects released");
                return self.die(&what);
            }
        }
        if writes > 0 && self.random.chance(weather.commit_refused) {
            let torn = usize::try_from(self.random.below(writes as u64)).unwrap_or(0);
            self.faults.next(1, Fault::Torn(torn));
        }
        if !self.write(&group) {
            let wait = self.disk.wait;
            self.disk.wait = (wait + wait).min(RETRY.1);
            self.disk.group = Some(group);
            self.say('✗', "disk", "refuses", format!("{writes} records"));
            self.put_within(self.now + wait, Within::Commit);
            return Ok(());
        }
        self.is_durable(&group)?;
        for release in group.batch.releases {
            self.release(release)?;
        }
        if !self.disk.waiting.is_empty() {
            self.next_group();
        }
        Ok(())
    }

    fn write(&self, group: &Turned) -> bool {
        group.batch.writes.is_empty() || self.store.commit(&group.batch.writes).is_ok()
    }

    fn is_durable(&mut self, group: &Turned) -> Verdict {
        for (dev_eui, dev_nonce) in &group.joins {
            if self.nonces_count(*dev_eui) {
                self.counters.joined(*dev_eui, *dev_nonce)?;
            }
        }
        for release in &group.batch.releases {
            match release {
                Release::Publish(event) => self.outbox.committed(event)?,
                Release::Addresses { .. }
                | Release::Transmit { .. }
                | Release::Tell(_)
                | Release::Reply(..) => {}
            }
        }
        Ok(())
    }

    /// The process is killed: everything but the store is gone.
    fn die(&mut self, how: &str) -> Verdict {
        self.say('✗', "lns", "dies", how);
        self.rooms = None;
        self.disk = Disk::default();
        self.application.forget_backlog();
        let pause = TimeDelta::from_millis(self.random.between(100, 5_000));
        self.queue.put(self.now + pause, Happening::Restart);
        Ok(())
    }
}
