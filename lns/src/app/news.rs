//! Multicast groups' news on their way to the broker.
//!
//! They stand in their group's record until the broker has taken them, so that none is lost in a
//! crash; what is told twice has the same EventId.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};

use crate::broker::{Broker, Busy, Message, Ticket};
use crate::message::{GroupTold, ToGroup, ToPartition};
use crate::rooms::Partitions;
use crate::router::Router;
use crate::sink::render;

/// How many pieces of news wait for the broker; more are told after the next start.
pub const NEWS: usize = 16_384;

/// How often a busy broker is tried again.
const AGAIN: Duration = Duration::from_millis(50);

/// Publishes what comes in until its senders are gone.
pub fn start(
    inbox: Receiver<GroupTold>,
    broker: Arc<dyn Broker>,
    (partitions, router): (Partitions, Arc<Router>),
) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("group-news".into()).spawn(move || {
        let mut waiting: VecDeque<(Message, Ticket)> = VecDeque::new();
        loop {
            let told = if waiting.is_empty() {
                inbox.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else if waiting.len() < NEWS {
                inbox.recv_timeout(AGAIN)
            } else {
                std::thread::sleep(AGAIN);
                Err(RecvTimeoutError::Timeout)
            };
            match told {
                Ok(told) => waiting.push_back(message(&told, &partitions, &router)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            publish(&*broker, &mut waiting);
        }
    })
}

/// As many as the broker takes, in order.
fn publish(broker: &dyn Broker, waiting: &mut VecDeque<(Message, Ticket)>) {
    while let Some((message, ticket)) = waiting.pop_front() {
        if let Err(Busy { message, ticket }) = broker.publish(message, ticket) {
            waiting.push_front((message, ticket));
            return;
        }
    }
}

fn message(told: &GroupTold, partitions: &Partitions, router: &Arc<Router>) -> (Message, Ticket) {
    let group = told.about.id;
    let mut body = Vec::new();
    let topic = render::group_news(&mut body, group, &told.news);
    let (partitions, partition) = (partitions.clone(), router.partition_of_group(group));
    let acknowledge = Arc::new(move |number| {
        // One that is lost is told once more after the next start.
        let _ = partitions.try_send(partition, ToPartition::Group(group, ToGroup::Told(number)));
    });
    (Message::new(topic.topic(), body), Ticket::new(told.news.number, acknowledge))
}
