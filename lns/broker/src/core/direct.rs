//! A message to one client, whatever it has subscribed to (AWS IoT Core's direct messaging).
//!
//! It is for a client that is there now: it passes by the queue, is not durable, and is forgotten with
//! the connection.

use lns_pipeline::topic::is_topic_name;

use crate::event::{Direct, Output};
use crate::message::Qos;
use crate::packet::Identifiers;
use crate::reason::ReasonCode;
use crate::record::Token;
use crate::session::Entry;

use super::Core;
use super::publish::is_among;

impl Core {
    /// Settled at once at QoS 0, else with the client's PUBACK or the end of its connection.
    pub(super) fn on_direct(&mut self, direct: Direct) {
        let receipt = direct.receipt;
        match self.send_direct(direct) {
            Ok(Qos::AtLeastOnce | Qos::ExactlyOnce) => {}
            Ok(Qos::AtMostOnce) => self.turn.out.push(Output::Settled(receipt, Ok(()))),
            Err(reason) => self.turn.out.push(Output::Settled(receipt, Err(reason))),
        }
    }

    /// At which QoS it has been sent.
    fn send_direct(&mut self, direct: Direct) -> Result<Qos, ReasonCode> {
        let Direct { client_id, message, receipt } = direct;
        if !is_topic_name(&message.topic) {
            return Err(ReasonCode::TopicNameInvalid);
        }
        if is_among(&self.config.server_only_topics, &message.topic) {
            return Err(ReasonCode::NotAuthorized);
        }
        let qos = message.qos.min(Qos::AtLeastOnce);
        let entry = Entry {
            publication: self.publication(message),
            qos,
            retain: false,
            identifiers: Identifiers::default(),
            shared: None,
            after: Token(0),
            place: 0,
            is_durable: false,
        };
        let slot = self.sessions.find(&client_id).ok_or(ReasonCode::NoMatchingSubscribers)?;
        let session = self.sessions.get_mut(slot).ok_or(ReasonCode::NoMatchingSubscribers)?;
        session.send_direct(entry, receipt, &mut self.turn)?;
        Ok(qos)
    }
}
