//! What clients publish to the server, by topic: downlink requests, and bridges' messages.

use std::sync::Arc;

use gateway_link::topic::{Kind, Topic};
use gateway_link::{BridgeState, GatewayEvent, TxAck, Uplink};

use super::ears::{Ears, Via};
use crate::broker::Message;
use crate::service::Downlinks;
use crate::treaty;

/// The door for messages from the broker.
pub struct Intake {
    /// Applications' requests.
    pub downlinks: Arc<Downlinks>,
    /// Bridges' messages.
    pub ears: Arc<Ears>,
}

impl Intake {
    /// Takes a message; gives it back when there is no room for it now.
    pub fn take(&self, message: Message) -> Result<(), Message> {
        match Topic::parse(&message.topic) {
            Some(topic) => {
                if let Err(error) = self.hear_bridge(&topic, &message.payload) {
                    tracing::warn!(topic = message.topic, %error, "a bridge's message is not taken");
                }
                Ok(())
            }
            None => {
                self.downlinks.take(&message);
                Ok(())
            }
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
