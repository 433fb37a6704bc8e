//! What is published, by topic, to the rooms that want it: downlink requests, bridges' messages, and
//! whatever other rooms listen to.

use std::sync::Arc;

use gateway_link::topic::{Kind, Topic};
use gateway_link::{BridgeState, GatewayEvent, TxAck, Uplink};

use super::ears::{Ears, Via};
use crate::broker::{Listener, Message, Publication, Taken};
use crate::service::Downlinks;
use crate::sink::topics::DownTopic;
use crate::treaty;

/// The door for publications.
pub struct Intake {
    /// Applications' requests.
    pub downlinks: Arc<Downlinks>,
    /// Bridges' messages.
    pub ears: Arc<Ears>,
    /// The other rooms, each with the filters that it has the broker [listen](crate::broker::Broker::listen) to.
    pub rooms: Vec<Arc<dyn Listener>>,
}

impl Intake {
    /// Takes a publication; gives it back when a room that wants it has no place for it now.
    pub fn take(&self, publication: Publication, taken: Taken) -> Result<(), (Publication, Taken)> {
        let topic = &publication.message.topic;
        let wanting = || self.rooms.iter().filter(|room| room.wants(topic));
        // All are asked before any takes it, so that none gets it twice.
        if !wanting().all(|room| room.has_room()) {
            return Err((publication, taken));
        }
        for room in wanting() {
            room.take(&publication, taken.clone());
        }
        self.take_ours(&publication.message);
        Ok(())
    }

    /// The server's own filters: `docs/MQTT.md` promises these senders that it was *received*.
    fn take_ours(&self, message: &Message) {
        if let Some(topic) = Topic::parse(&message.topic) {
            if let Err(error) = self.hear_bridge(&topic, &message.payload) {
                tracing::warn!(topic = message.topic, %error, "a bridge's message is not taken");
            }
        } else if DownTopic::parse(&message.topic).is_some() {
            self.downlinks.take(message);
        }
    }

    fn hear_bridge(&self, topic: &Topic, body: &[u8]) -> Result<(), gateway_link::LinkError> {
        let Topic::Gateway { gateway_eui, kind } = topic else {
            if let Topic::Bridge { client_id } = topic {
                self.ears.bridge(client_id, BridgeState::decode(body)?);
            }
            return Ok(());
        };
        match kind {
            Kind::Up => self.ears.uplink(Via::Broker, Uplink::decode(body)?),
            Kind::Ack => self.ears.tx_ack(TxAck::decode(body)?),
            Kind::Stat => {
                let event = GatewayEvent::decode(body)?;
                self.ears.event(Via::Broker, treaty::eui(*gateway_eui), event);
            }
            // Our own words: the broker's access rules keep others from saying them.
            Kind::Down => {}
        }
        Ok(())
    }
}
