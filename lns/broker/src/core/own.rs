//! What the server itself publishes.

use std::collections::{HashMap, VecDeque};

use lns_pipeline::topic::is_topic_name;

use crate::event::{Hold, Origin, Output, Publishing, Receipt};
use crate::reason::ReasonCode;
use crate::record::Token;
use crate::turn::Turn;

use super::Core;

/// Publications of the server's own for which somebody waits: as many as the shell has receipts out,
/// which is its bound.
#[derive(Debug, Default)]
pub(super) struct OwnPublications {
    pending: HashMap<u64, Pending>,
    /// In the order of publishing.
    uncommitted: VecDeque<(Token, u64)>,
}

#[derive(Debug)]
struct Pending {
    receipt: Receipt,
    after: Token,
    taken: bool,
}

impl OwnPublications {
    /// Settles it now, or once it is durable and taken.
    fn wait(&mut self, number: u64, pending: Pending, turn: &mut Turn) {
        if pending.taken && turn.is_committed(pending.after) {
            return turn.out.push(Output::Settled(pending.receipt, Ok(())));
        }
        if !turn.is_committed(pending.after) {
            self.uncommitted.push_back((pending.after, number));
        }
        self.pending.insert(number, pending);
    }

    /// The intake has let go of one.
    pub fn taken(&mut self, hold: Hold, turn: &mut Turn) {
        if let Some(pending) = self.pending.get_mut(&hold.number) {
            pending.taken = true;
            self.settle(hold.number, turn);
        }
    }

    /// Something has been committed.
    pub fn commit(&mut self, turn: &mut Turn) {
        while let Some((after, number)) = self.uncommitted.front().copied() {
            if !turn.is_committed(after) {
                return;
            }
            self.uncommitted.pop_front();
            self.settle(number, turn);
        }
    }

    fn settle(&mut self, number: u64, turn: &mut Turn) {
        let Some(pending) = self.pending.get(&number) else { return };
        if pending.taken && turn.is_committed(pending.after) {
            turn.out.push(Output::Settled(pending.receipt, Ok(())));
            self.pending.remove(&number);
        }
    }
}

impl Core {
    pub(super) fn on_own_publish(&mut self, publishing: Publishing) {
        let receipt = publishing.receipt;
        if let Err(reason) = self.publish_own(publishing)
            && let Some(receipt) = receipt
        {
            self.turn.out.push(Output::Settled(receipt, Err(reason)));
        }
    }

    fn publish_own(&mut self, publishing: Publishing) -> Result<(), ReasonCode> {
        let Publishing { message, hops, on_behalf, receipt } = publishing;
        if !is_topic_name(&message.topic) {
            return Err(ReasonCode::TopicNameInvalid);
        }
        let by_client = on_behalf.is_some();
        if by_client {
            self.check_message(&message)?;
        }
        let publication = self.publication(message);
        self.retain(&publication, by_client)?;
        let reach = self.route(&publication, None);
        let number = self.next_hold;
        self.next_hold += 1;
        if let Some(receipt) = receipt {
            let after = self.durable(&publication);
            let pending = Pending { receipt, after, taken: !reach.heard };
            self.own.wait(number, pending, &mut self.turn);
        }
        if reach.heard {
            let origin = on_behalf.map_or(Origin::Server { hops }, Origin::Client);
            let hold = receipt.map(|_| Hold { session: None, number });
            self.hand_in(publication, origin, hold);
        }
        Ok(())
    }
}
