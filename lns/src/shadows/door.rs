//! Requests from MQTT and from the API.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use lns_pipeline::shadow::topic;
use lns_pipeline::shadow::{Answer, NameError, Outcome, Rejection, Reply, ShadowId, Verb};
use tokio::sync::oneshot;

use super::{Ask, MAILBOX, Shadows, Then, ToOwner, seconds, voice};
use crate::broker::{Listener, Message, Origin, Publication, Taken, Ticket};

impl Listener for Shadows {
    fn wants(&self, topic: &str) -> bool {
        topic::parse(topic).is_some()
    }

    /// Requests wait at the broker, too, while many answers wait for it.
    fn has_room(&self) -> bool {
        let closed = self.shared.closed.load(Ordering::Acquire);
        !closed && self.mailbox.len() < MAILBOX && self.shared.voice.count() < voice::MANY
    }

    fn take(&self, publication: &Publication, taken: Taken) {
        let Publication { message, origin } = publication;
        let Some((id, verb)) = topic::parse(&message.topic) else { return };
        let id = match id {
            Ok(id) => id,
            Err(error) => return self.refuse_name(message, error),
        };
        let (flight, refused, hops) = match origin {
            // Over HTTP, where nobody is told of the answer, there is no connection to count for.
            Origin::Client(client) if client.client_id.is_empty() => (None, None, 0),
            Origin::Client(client) => match self.flights.depart(&client.client_id, id.thing()) {
                Ok(flight) => (flight, None, 0),
                Err(many) => (None, Some(Rejection::TooManyRequests { limit: many.limit }), 0),
            },
            // Somebody else's broker does not say which of its clients it was.
            Origin::Elsewhere => (None, None, 0),
            Origin::Server { hops } => (None, None, *hops),
        };
        let then = Then::Publish { _taken: taken, _flight: flight };
        let payload = message.payload.clone();
        let ask = Ask { id, verb, payload, hops, refused, insist: false, then };
        // Only the few that pass the bound between `has_room` and here could find no place.
        if self.mailbox.try_send(ToOwner::Ask(ask)).is_err() {
            tracing::debug!(topic = message.topic, "no room for a shadow's request: not answered");
        }
    }
}

impl Shadows {
    /// A request for a shadow that cannot be is answered under the name that it has.
    fn refuse_name(&self, message: &Message, error: NameError) {
        let surroundings = &self.shared.surroundings;
        let now = seconds(&surroundings.clock);
        let outcome = Outcome::rejected(Rejection::InvalidName(error), now, None);
        for (_, document) in outcome.messages() {
            let topic = format!("{}/{}", message.topic, Reply::Rejected.name());
            // Busy with better requests, the broker may lose this one's answer.
            let _ = surroundings.broker.publish(Message::new(topic, document), Ticket::nobody());
        }
    }
}

impl crate::api::Shadows for Shadows {
    fn ask(&self, id: ShadowId, verb: Verb, payload: Bytes) -> oneshot::Receiver<Answer> {
        let (sender, receiver) = oneshot::channel();
        Shadows::ask(self, (id, verb), payload, 0, move |answer| {
            // A caller who has gone needs no answer.
            let _ = sender.send(answer);
        });
        receiver
    }

    fn named(
        &self,
        thing: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<String>, bool), String> {
        Shadows::named(self, thing, after, limit).map_err(|error| error.to_string())
    }
}
