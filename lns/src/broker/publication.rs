//! A publication: a message that the broker has accepted, and from whom.

use std::sync::Arc;

pub use lns_broker::Peer as Client;

use super::{Message, Taken};

/// A message that the broker has accepted, and from whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// What was published.
    pub message: Message,
    /// Who published it.
    pub origin: Origin,
}

/// Who published a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A client of our own broker, by PUBLISH or by its last will; or somebody over HTTP, who has no
    /// client identifier: it is empty.
    Client(Arc<Client>),
    /// A client of somebody else's broker, who does not say which.
    Elsewhere,
    /// The server itself.
    Server {
        /// How many rules made it: [`Message::hops`].
        hops: u8,
    },
}

/// Takes what is published, if the server [listens](super::Broker::listen) to it.
///
/// Gives the publication back when there is no room for it *now*: the broker then holds the sender
/// and tries again. Called on the broker's own threads: it must not block. The sender's PUBACK, or
/// the server's own [`Ticket`](super::Ticket), waits until the last clone of [`Taken`] is dropped.
pub type Intake = Arc<dyn Fn(Publication, Taken) -> Result<(), (Publication, Taken)> + Send + Sync>;

/// A room of the server that hears publications.
///
/// Room is asked of all who want a publication before any of them takes it, so that one given back
/// has been taken by nobody. A bound may be passed by the few that arrive between the question and
/// the taking.
pub trait Listener: Send + Sync {
    /// Whether it wants publications of this topic. Asked for each: it must be quick.
    fn wants(&self, topic: &str) -> bool;

    /// Whether it has room for one more now.
    fn has_room(&self) -> bool;

    /// Takes a publication, and lets go of `taken` when whatever must be durable is.
    fn take(&self, publication: &Publication, taken: Taken);
}
