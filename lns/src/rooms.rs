//! The threads of the rooms: a mailbox in, a room in the middle, channels out.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use lns_core::Reject;
use parking_lot::Mutex;

use crate::clock::Clock;
use crate::committer::{self, Batch, Released};
use crate::events::Events;
use crate::message::{GroupTold, Release, Seen, ToLanes, ToPartition};
use crate::observe::Observer;
use crate::outbox::Outbox;
use crate::partition::{Partition, Turn};
use crate::router::Router;
use crate::store::{Store, StoreError, Write};
use crate::transmit::{Radio, Transmit};

/// Messages taken into one turn: enough to fill a group commit, few enough that the first does not
/// wait for the last.
const TURN: usize = 256;

/// Messages that may wait for a partition. More means overload: what comes then is refused by name.
pub const MAILBOX: usize = 16_384;

/// How long a room sleeps when nothing is due.
const IDLE: Duration = Duration::from_millis(500);

/// How often the lanes tell what they could not serve.
const TELL: lns_lorawan::TimeDelta = lns_lorawan::TimeDelta::from_secs(1);

/// The mailbox is full, or its partition has stopped; the message is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// The doors of all partitions.
#[derive(Clone)]
pub struct Partitions {
    mailboxes: Arc<Vec<Sender<ToPartition>>>,
}

impl Partitions {
    /// Doors to these mailboxes.
    pub fn new(mailboxes: Vec<Sender<ToPartition>>) -> Self {
        Partitions { mailboxes: Arc::new(mailboxes) }
    }

    /// Puts a message in a mailbox, waiting while it is full.
    pub fn send(&self, partition: u16, message: ToPartition) {
        // A closed mailbox means shutdown; whoever waits for an answer is told by `Reply`'s drop.
        let _ = self.mailboxes[usize::from(partition)].send(message);
    }

    /// Puts a message in a mailbox, unless it is full.
    pub fn try_send(&self, partition: u16, message: ToPartition) -> Result<(), Full> {
        self.mailboxes[usize::from(partition)].try_send(message).map_err(|_| Full)
    }

    /// The partition that runs a home.
    fn of_home(&self, home: u8) -> u16 {
        // At most 64 partitions.
        u16::from(home) % (self.mailboxes.len() as u16)
    }

    /// How many messages wait in each mailbox.
    pub fn waiting(&self) -> Vec<usize> {
        self.mailboxes.iter().map(Sender::len).collect()
    }

    /// Tells all partitions to stop.
    pub fn stop(&self) {
        for mailbox in self.mailboxes.iter() {
            let _ = mailbox.send(ToPartition::Stop);
        }
    }
}

/// What a partition's thread talks to.
pub struct PartitionDoors {
    /// Its mailbox.
    pub inbox: Receiver<ToPartition>,
    /// The others', for frames they may know.
    pub partitions: Partitions,
    /// The committer.
    pub committer: Sender<Batch>,
    /// The lanes.
    pub lanes: Sender<ToLanes>,
    /// Metrics, logs and the live view.
    pub observer: Arc<Observer>,
    /// Events that somebody has opted into.
    pub events: Arc<Events>,
    /// The clock.
    pub clock: Clock,
}

/// Runs a partition until it is told to stop.
pub fn run_partition(mut partition: Partition, doors: &PartitionDoors) {
    let mut turn = Turn::default();
    loop {
        let sleep = partition.next_wake().map_or(IDLE, |wake| until(&doors.clock, wake).min(IDLE));
        let first = match doors.inbox.recv_timeout(sleep) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let mut stop = false;
        let now = doors.clock.now();
        for message in first.into_iter().chain(doors.inbox.try_iter().take(TURN)) {
            stop |= matches!(message, ToPartition::Stop);
            partition.handle(now, message, &mut turn);
        }
        partition.wake(doors.clock.now(), &mut turn);
        partition.finish(&mut turn);
        end_turn(&mut turn, doors);
        if stop {
            return;
        }
    }
}

fn end_turn(turn: &mut Turn, doors: &PartitionDoors) {
    for message in turn.lanes.drain(..) {
        let _ = doors.lanes.send(message);
    }
    for mut frame in turn.onward.drain(..) {
        let next = frame.then.trailing_zeros();
        frame.then &= frame.then - 1;
        let at = frame.reception.arrived;
        // Waiting for another partition's mailbox could wait for ourselves.
        let sent = doors.partitions.try_send(next as u16, ToPartition::Heard(frame));
        if sent.is_err() {
            doors.observer.see(&Seen::refused(at, None, Reject::Overload));
        }
    }
    for (home, message) in turn.letters.drain(..) {
        // One that finds no room is as good as one that was lost: whoever waits for it asks again.
        let _ = doors.partitions.try_send(doors.partitions.of_home(home), message);
    }
    for seen in turn.seen.drain(..) {
        doors.observer.see(&seen);
        doors.events.see(&seen);
    }
    if !turn.batch.writes.is_empty() || !turn.batch.releases.is_empty() {
        let _ = doors.committer.send(std::mem::take(&mut turn.batch));
    }
}

/// Where released effects go.
pub struct Doors {
    /// Addresses.
    pub router: Arc<Router>,
    /// Frames.
    pub lanes: Sender<ToLanes>,
    /// Events.
    pub outbox: Arc<Outbox>,
    /// Multicast groups' news.
    pub news: Sender<GroupTold>,
    /// Metrics and logs.
    pub observer: Arc<Observer>,
}

impl Released for Doors {
    fn release(&mut self, release: Release) {
        match release {
            Release::Addresses { home, gone, now } => self.router.change(home, &gone, &now),
            Release::Transmit { occasion, plan } => {
                let _ = self.lanes.send(ToLanes::HandOver { occasion, plan });
            }
            Release::Publish(event) => self.outbox.add(event),
            Release::Tell(told) => {
                // What finds no room is in the group's record, and told after a restart.
                let _ = self.news.try_send(told);
            }
            Release::Reply(reply, answer) => reply.give(answer),
        }
    }

    fn committed(&mut self, writes: usize, took: Duration) {
        self.observer.committed(writes, took);
    }

    fn refused(&mut self, error: &StoreError, retry_in: Duration) {
        self.observer.store_refused(error, retry_in);
    }

    fn lost(&mut self) {
        tracing::error!(
            "letting an effect go panicked; it is lost, what was written is durable. Please report \
             this with the lines above"
        );
    }

    /// Without a committer nothing can be acknowledged any more. Whoever watches the process starts
    /// it again, and the store says what it has taken.
    fn broken(&mut self) {
        tracing::error!(
            "the store panicked: nothing can be made durable any more, so the process ends here. \
             Nothing was acknowledged that was not durable. Please report this with the lines above"
        );
        std::process::abort();
    }
}

/// Starts the committer; its thread ends when all senders of `inbox` are gone, and says whether
/// everything was committed.
pub fn start_committer(
    store: Arc<dyn Store>,
    inbox: Receiver<Batch>,
    mut doors: Doors,
    abandon: Arc<AtomicBool>,
) -> std::io::Result<JoinHandle<bool>> {
    std::thread::Builder::new()
        .name("committer".into())
        .spawn(move || committer::run(store, &inbox, &mut doors, &abandon))
}

/// Gateways' ledgers on their way to the store, which the housekeeping thread gives to the committer:
/// the lanes wait for no disk.
pub type Ledgers = Arc<Mutex<Vec<Write>>>;

/// Runs the lanes until they are told to stop.
pub fn run_lanes(
    mut transmit: Transmit,
    inbox: &Receiver<ToLanes>,
    partitions: &Partitions,
    (radio, observer, ledgers): (&dyn Radio, &Observer, &Ledgers),
    clock: &Clock,
) {
    let mut told = clock.now();
    loop {
        let sleep = transmit.next_wake().map_or(IDLE, |wake| until(clock, wake).min(IDLE));
        let first = match inbox.recv_timeout(sleep) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let mut stop = false;
        for message in first.into_iter().chain(inbox.try_iter().take(TURN)) {
            stop |= matches!(message, ToLanes::Stop);
            transmit.handle(clock.now(), message);
        }
        transmit.wake(clock.now());
        for downlink in transmit.downlinks.drain(..) {
            radio.send(downlink);
        }
        if clock.now().since(told) >= TELL {
            told = clock.now();
            let reasons = transmit.lanes().no_offers();
            observer.no_offers(reasons.map(|(reason, count)| (reason.label(), count)));
        }
        ledgers.lock().extend(transmit.ledgers(clock.now()));
        for (partition, message) in transmit.answers.drain(..) {
            partitions.send(partition, message);
        }
        if stop {
            ledgers.lock().extend(transmit.last_ledgers(clock.now()));
            return;
        }
    }
}

/// How long until a moment; nothing when it is past.
fn until(clock: &Clock, moment: lns_lorawan::Timestamp) -> Duration {
    moment.since(clock.now()).to_std().unwrap_or_default()
}
