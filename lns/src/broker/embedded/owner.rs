//! The broker's thread: the only owner of [`lns_broker::Core`].
//!
//! It takes what has arrived, has the core decide it all, and only then wakes those who have
//! something to write: under load one write to a client carries many messages.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use lns_broker::{
    Accepted, ClientPacket, Connecting, ConnectionId, Core, Direct, DropCause, Hold, Input, Note,
    Output, Publishing, ReasonCode, Receipt, Timestamp, Token,
};
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc, oneshot};

use super::keeper::Shelf;
use super::line::Line;
use super::presence;
use crate::broker::convert;
use crate::broker::status::Counters;
use crate::broker::{Client, Intake, Message, Origin, Publication, Taken, Ticket};
use crate::clock::Clock;

/// Taken at once; a turn of these takes a millisecond or two.
const BATCH: usize = 512;
/// How often a room that was full is asked again.
const RETRY: Duration = Duration::from_millis(5);

/// What the owner is told.
pub(super) enum ToOwner {
    /// A client has come.
    Connect(Arc<Line>, Box<Connecting>),
    /// A client has said these.
    Packets(ConnectionId, Vec<ClientPacket>),
    /// Anything else that happens to the core.
    Input(Input),
    /// The server publishes.
    Publish(Message, Ticket),
    /// Somebody publishes who has not come by MQTT.
    PublishFor(Arc<Client>, Message, Arrival),
    /// The server sends a message to one client.
    Direct(Arc<str>, Message, Arrival),
    /// Somebody wants to know something.
    Ask(Question),
    /// The principal may not be connected any more.
    Expel(Arc<str>),
}

/// What somebody wants to know, of the core and of its owner.
pub(super) type Question = Box<dyn FnOnce(&mut Core, &Desk) + Send>;

/// Told when a message has arrived, or the broker has taken responsibility; or why not.
pub(super) type Arrival = oneshot::Sender<Result<(), ReasonCode>>;

/// What comes back from rooms and from the keeper, from any thread.
#[derive(Default)]
pub(super) struct Returns {
    /// Publications that the server has let go. Bounded by what the core waits for.
    holds: Mutex<Vec<Hold>>,
    pub told: Arc<Notify>,
}

/// The owner of the core.
pub(super) struct Owner {
    pub core: Core,
    pub inbox: mpsc::Receiver<ToOwner>,
    pub intake: Intake,
    pub shelf: Arc<Shelf>,
    pub returns: Arc<Returns>,
    pub counters: Arc<Counters>,
    pub clock: Clock,
    pub desk: Desk,
}

/// What the owner keeps for itself.
#[derive(Default)]
pub(super) struct Desk {
    lines: HashMap<ConnectionId, Connected>,
    /// Those who have something to write, each perhaps more than once.
    woken: Vec<Arc<Line>>,
    tickets: HashMap<Receipt, Ticket>,
    /// Bounded by what may be asked for over HTTP at once, and by what clients may have to
    /// acknowledge.
    arrivals: HashMap<Receipt, Arrival>,
    receipts: u64,
    /// What rooms of the server had no place for, in order.
    refused: VecDeque<(Publication, Taken)>,
    committed: Token,
    outputs: Vec<Output>,
}

/// A connection, and as whom it has come.
struct Connected {
    line: Arc<Line>,
    principal: Option<Arc<str>>,
}

impl Desk {
    /// With what the core wants done before anything else.
    pub fn with(outputs: Vec<Output>) -> Self {
        Self { outputs, ..Self::default() }
    }

    /// Our address that the client of a connection has come to.
    pub fn entrance(&self, connection: ConnectionId) -> Option<SocketAddr> {
        self.lines.get(&connection)?.line.entrance
    }

    fn receipt(&mut self) -> Receipt {
        self.receipts += 1;
        Receipt(self.receipts)
    }
}

impl Owner {
    /// Runs until everybody who could say something has gone, or [`Input::Stop`] has been carried out.
    pub async fn run(mut self) {
        let first = std::mem::take(&mut self.desk.outputs);
        for publishing in
            first.into_iter().filter_map(|output| self.perform(output)).collect::<Vec<_>>()
        {
            let now = self.now();
            self.input(now, Input::Publish(publishing));
        }
        let mut batch = Vec::with_capacity(BATCH);
        let told = Arc::clone(&self.returns.told);
        loop {
            let now = self.now();
            let wake = self.core.next_wake();
            let due = wake.map(|wake| wake.micros().saturating_sub(now.micros()).max(0));
            tokio::select! {
                count = self.inbox.recv_many(&mut batch, BATCH) => if count == 0 {
                    return;
                },
                () = told.notified() => {}
                () = sleep(due), if due.is_some() => {
                    let now = self.now();
                    self.input(now, Input::Wake);
                }
                () = tokio::time::sleep(RETRY), if !self.desk.refused.is_empty() => {}
            }
            let stops = batch.iter().any(|to| matches!(to, ToOwner::Input(Input::Stop)));
            self.turn(&mut batch);
            if stops {
                return;
            }
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.clock.now().micros())
    }

    /// Decides all that has come, then wakes whom it concerns.
    fn turn(&mut self, batch: &mut Vec<ToOwner>) {
        let now = self.now();
        for to in batch.drain(..) {
            self.take(now, to);
        }
        let holds = std::mem::take(&mut *self.returns.holds.lock());
        for hold in holds {
            self.input(now, Input::Taken(hold));
        }
        let committed = self.shelf.committed();
        if committed > self.desk.committed {
            self.desk.committed = committed;
            self.input(now, Input::Committed(committed));
        }
        self.offer_again();
        for line in self.desk.woken.drain(..) {
            line.wake();
        }
    }

    fn take(&mut self, now: Timestamp, to: ToOwner) {
        match to {
            ToOwner::Connect(line, connecting) => {
                let connected = Connected { line, principal: connecting.principal.clone() };
                self.desk.lines.insert(connecting.connection, connected);
                self.input(now, Input::Connect(connecting));
            }
            ToOwner::Packets(connection, packets) => {
                for packet in packets {
                    self.input(now, Input::Packet(connection, packet));
                }
                if let Some(one) = self.desk.lines.get(&connection) {
                    one.line.hear();
                }
            }
            ToOwner::Input(input) => {
                if let Input::Closed(connection) = &input {
                    self.desk.lines.remove(connection);
                }
                self.input(now, input);
            }
            ToOwner::Publish(message, ticket) => {
                let receipt = self.desk.receipt();
                self.desk.tickets.insert(receipt, ticket);
                self.input(now, Input::Publish(convert::publishing(message, Some(receipt))));
            }
            ToOwner::PublishFor(client, message, arrival) => {
                let receipt = self.desk.receipt();
                self.desk.arrivals.insert(receipt, arrival);
                let mut publishing = convert::publishing(message, Some(receipt));
                publishing.on_behalf = Some(client);
                self.input(now, Input::Publish(publishing));
            }
            ToOwner::Direct(client_id, message, arrival) => {
                let receipt = self.desk.receipt();
                self.desk.arrivals.insert(receipt, arrival);
                let message = convert::publishing(message, None).message;
                self.input(now, Input::Direct(Direct { client_id, message, receipt }));
            }
            ToOwner::Ask(ask) => ask(&mut self.core, &self.desk),
            ToOwner::Expel(principal) => self.expel(now, &principal),
        }
    }

    fn expel(&mut self, now: Timestamp, principal: &str) {
        let lines = self.desk.lines.iter();
        let theirs = lines.filter(|(_, one)| one.principal.as_deref() == Some(principal));
        let theirs: Vec<_> = theirs.map(|(id, _)| *id).collect();
        for connection in theirs {
            let why = ReasonCode::NotAuthorized;
            self.input(now, Input::Disconnect(connection, why));
        }
    }

    /// Has the core decide, and does what it says; which may be to publish an event.
    fn input(&mut self, now: Timestamp, input: Input) {
        let mut next = VecDeque::from([input]);
        while let Some(input) = next.pop_front() {
            let mut outputs = std::mem::take(&mut self.desk.outputs);
            self.core.handle(now, input, &mut outputs);
            for output in outputs.drain(..) {
                next.extend(self.perform(output).map(Input::Publish));
            }
            self.desk.outputs = outputs;
        }
    }

    fn perform(&mut self, output: Output) -> Option<Publishing> {
        match output {
            Output::Send(connection, packet) => {
                let line = &self.desk.lines.get(&connection)?.line;
                line.push(packet);
                // Of packets that follow each other to one client, one wakes it.
                if self.desk.woken.last().is_none_or(|last| last.id != connection) {
                    self.desk.woken.push(Arc::clone(line));
                }
            }
            Output::Close(connection) => {
                let line = self.desk.lines.remove(&connection)?.line;
                line.close();
                self.desk.woken.push(line);
            }
            Output::Pause(connection, paused) => {
                let line = &self.desk.lines.get(&connection)?.line;
                line.pause(paused);
                self.desk.woken.push(Arc::clone(line));
            }
            Output::Write(token, changes) => self.shelf.put(token, changes),
            Output::Accepted(accepted) => self.offer(accepted),
            Output::Settled(receipt, result) => {
                if let Some(arrival) = self.desk.arrivals.remove(&receipt) {
                    // Who waited for it may have given up.
                    let _ = arrival.send(result);
                    return None;
                }
                if let Err(reason) = result {
                    // The broker will never take it: to wait would be for ever.
                    tracing::warn!(
                        reason = reason.name(),
                        "the broker refuses a message of the server's"
                    );
                }
                let ticket = self.desk.tickets.remove(&receipt)?;
                self.counters.acknowledge();
                ticket.acknowledged();
            }
            Output::Presence(presence) => return presence::event(&presence),
            Output::Note(note) => self.note(&note),
        }
        None
    }

    /// Hands a publication to the rooms of the server that listen to it.
    fn offer(&mut self, accepted: Accepted) {
        let Accepted { publication, origin, hold } = accepted;
        let message = convert::message(&publication.message, &origin);
        let (origin, from_client) = match origin {
            lns_broker::Origin::Client(peer) => (Origin::Client(peer), true),
            lns_broker::Origin::Server { hops } => (Origin::Server { hops }, false),
        };
        let taken = hold.map_or_else(Taken::nobody, |hold| {
            let returns = Arc::clone(&self.returns);
            let back = move |_| {
                returns.holds.lock().push(hold);
                returns.told.notify_one();
            };
            Taken::from(Ticket::new(0, Arc::new(back)))
        });
        if from_client {
            Counters::count(&self.counters.taken_in);
        }
        let publication = Publication { message, origin };
        if !self.desk.refused.is_empty() {
            // What comes later does not overtake.
            return self.wait(publication, taken, hold.is_some());
        }
        if let Err((publication, taken)) = (self.intake)(publication, taken) {
            self.wait(publication, taken, hold.is_some());
        }
    }

    /// Keeps it until there is room. A sender at QoS 0 does not wait, and would not stop: its message
    /// is dropped, as any subscriber's would be who is too slow.
    fn wait(&mut self, publication: Publication, taken: Taken, is_held: bool) {
        if is_held {
            self.desk.refused.push_back((publication, taken));
        } else {
            Counters::count(&self.counters.dropped);
        }
    }

    /// Offers what was refused again, in the order of each topic.
    fn offer_again(&mut self) {
        let mut still = HashSet::new();
        for _ in 0..self.desk.refused.len() {
            let Some((publication, taken)) = self.desk.refused.pop_front() else { break };
            if still.contains(&publication.message.topic) {
                self.desk.refused.push_back((publication, taken));
            } else if let Err((publication, taken)) = (self.intake)(publication, taken) {
                still.insert(publication.message.topic.clone());
                self.desk.refused.push_back((publication, taken));
            }
        }
    }

    fn note(&self, note: &Note) {
        match note {
            Note::Dropped { client_id, cause } => match cause {
                DropCause::SlowReader | DropCause::QueueFull => self.dropped(client_id, *cause),
                DropCause::Expired | DropCause::TooLarge | DropCause::NotPermitted => {}
            },
            Note::Denied { client_id, action, topic } => {
                Counters::count(&self.counters.refused);
                let action = action.name();
                tracing::info!(client = %client_id, action, topic = %topic, "an MQTT client may not do this");
            }
            Note::Ignored { client_id, reason } => self.ignored(client_id, *reason),
            Note::Refused { client_id, reason } => {
                Counters::count(&self.counters.refused);
                let reason = reason.name();
                tracing::info!(client = %client_id, reason, "refused an MQTT client");
            }
            Note::SessionExpired { client_id } => {
                tracing::debug!(client = %client_id, "a kept MQTT session has expired");
            }
        }
    }

    /// A client publishes what goes nowhere, and perhaps goes on doing so.
    fn ignored(&self, client: &str, reason: ReasonCode) {
        let before = self.counters.refused.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        // With every power of two, lest a client fill the log.
        if (before + 1).is_power_of_two() {
            let (reason, refused) = (reason.name(), before + 1);
            tracing::info!(client, reason, refused, "what MQTT clients publish goes nowhere");
        }
    }

    /// A client has lost a message because it did not read fast enough.
    fn dropped(&self, client: &str, cause: DropCause) {
        let before = self.counters.dropped.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        // The first, and then with every power of two: a client that stalls loses thousands.
        if (before + 1).is_power_of_two() {
            let (cause, dropped) = (cause.name(), before + 1);
            tracing::warn!(
                client,
                cause,
                dropped,
                "an MQTT client is too slow: messages are dropped"
            );
        }
    }
}

async fn sleep(micros: Option<i64>) {
    match u64::try_from(micros.unwrap_or(0)) {
        // The timer's finest step is a millisecond: too long for who has more to do.
        Ok(0) | Err(_) => tokio::task::yield_now().await,
        Ok(micros) => tokio::time::sleep(Duration::from_micros(micros)).await,
    }
}
