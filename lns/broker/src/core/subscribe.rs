//! SUBSCRIBE and UNSUBSCRIBE.

use std::sync::Arc;

use crate::connection::Connection;
use crate::event::{Action, Note, PresenceEvent};
use crate::message::Qos;
use crate::packet::{
    RetainHandling, ServerPacket, SubAck, Subscribe, SubscriptionOptions, Unsubscribe,
};
use crate::reason::ReasonCode;
use crate::record::{Change, Key, Record, SubscriptionRecord};
use crate::retained::Budget;
use crate::session::Subscribed;
use crate::table::{Subscriber, Wanted};
use crate::turn::Slot;

use super::Core;

/// A subscription that was granted.
struct Granted {
    wanted: Wanted,
    subscriber: Subscriber,
    is_new: bool,
}

impl Core {
    pub(super) fn on_subscribe(&mut self, slot: Slot, subscribe: Subscribe) {
        if breaks_protocol(&subscribe) {
            return self.fail(slot, ReasonCode::ProtocolError);
        }
        let limit = self.config.limits.filters_per_subscribe;
        let too_many = limit.is_some_and(|limit| subscribe.filters.len() > limit);
        let mut reasons = Vec::with_capacity(subscribe.filters.len());
        let mut granted = Vec::new();
        for (filter, options) in &subscribe.filters {
            let outcome = if too_many {
                Err(ReasonCode::QuotaExceeded)
            } else {
                self.grant(slot, filter, (*options, subscribe.identifier))
            };
            reasons.push(match &outcome {
                Ok(_) => granted_reason(options.qos),
                Err(reason) => *reason,
            });
            granted.extend(outcome.ok());
        }
        if let Some(session) = self.sessions.get_mut(slot) {
            let connection = session.connection.as_deref();
            let words = |connection: &Connection| {
                reasons.iter().find_map(|reason| connection.words(*reason))
            };
            let reason_string = connection.and_then(words);
            let ack = SubAck { packet_id: subscribe.packet_id, reasons, reason_string };
            session.answer(ServerPacket::SubAck(ack), &mut self.turn);
        }
        self.after_grants(slot, granted);
    }

    /// Tells of what was granted, and owes what is retained.
    fn after_grants(&mut self, slot: Slot, granted: Vec<Granted>) {
        if granted.is_empty() {
            return;
        }
        let filters = granted.iter().map(|granted| granted.wanted.text.clone()).collect();
        self.tell_presence(slot, PresenceEvent::Subscribed(filters));
        let mut budget = Budget::new(&self.config.bounds);
        for granted in granted {
            let wants = match granted.subscriber.options.retain_handling {
                RetainHandling::Send => true,
                RetainHandling::SendIfNew => granted.is_new,
                RetainHandling::DoNotSend => false,
            };
            if wants && !granted.wanted.is_shared {
                self.owe_retained(&granted.wanted, granted.subscriber, &mut budget);
            }
        }
    }

    fn grant(
        &mut self,
        slot: Slot,
        filter: &str,
        (options, identifier): (SubscriptionOptions, Option<u32>),
    ) -> Result<Granted, ReasonCode> {
        let wanted = Wanted::parse(filter).ok_or(ReasonCode::TopicFilterInvalid)?;
        if !self.topic_fits(wanted.filter.as_str()) {
            return Err(ReasonCode::TopicFilterInvalid);
        }
        let most = self.config.bounds.subscriptions;
        let most = self.config.limits.subscriptions.map_or(most, |limit| limit.min(most));
        let Some(session) = self.sessions.get_mut(slot) else {
            return Err(ReasonCode::UnspecifiedError);
        };
        let may = |rights: &crate::access::Rights| rights.subscribe(wanted.filter.as_str());
        if !session.rights.as_ref().is_some_and(may) {
            let (client_id, topic) = (session.client_id().clone(), wanted.text);
            self.turn.note(Note::Denied { client_id, action: Action::Subscribe, topic });
            return Err(ReasonCode::NotAuthorized);
        }
        let place = session.subscriptions.binary_search_by(|one| one.filter.cmp(&wanted.text));
        if place.is_err() && session.subscriptions.len() >= most {
            return Err(ReasonCode::QuotaExceeded);
        }
        if place.is_err() && wanted.is_shared && !self.table.may_share(&wanted, &self.config.limits)
        {
            return Err(ReasonCode::QuotaExceeded);
        }
        let subscriber = Subscriber { slot, options, identifier };
        let (leaf, is_new) = self.table.insert(&wanted, subscriber);
        if let Err(place) = place {
            let filter = wanted.text.clone();
            session.subscriptions.insert(place, Subscribed { filter, leaf });
        }
        if session.is_kept() {
            let (session, filter) = (session.id, wanted.text.clone());
            let record = SubscriptionRecord { session, filter, options, identifier };
            self.turn.put(Record::Subscription(record));
        }
        Ok(Granted { wanted, subscriber, is_new })
    }

    pub(super) fn on_unsubscribe(&mut self, slot: Slot, unsubscribe: Unsubscribe) {
        if unsubscribe.filters.is_empty() {
            return self.fail(slot, ReasonCode::ProtocolError);
        }
        let mut reasons = Vec::with_capacity(unsubscribe.filters.len());
        let mut gone = Vec::new();
        for filter in &unsubscribe.filters {
            let removed = self.remove_subscription(slot, filter);
            reasons.push(match removed {
                Some(_) => ReasonCode::Success,
                None => ReasonCode::NoSubscriptionExisted,
            });
            gone.extend(removed);
        }
        let ack = SubAck { packet_id: unsubscribe.packet_id, reasons, reason_string: None };
        if let Some(session) = self.sessions.get_mut(slot) {
            session.answer_after_all(ServerPacket::UnsubAck(ack), &mut self.turn);
        }
        if !gone.is_empty() {
            self.tell_presence(slot, PresenceEvent::Unsubscribed(gone));
        }
    }

    /// Ends a subscription; gives its filter when there was one.
    pub(super) fn remove_subscription(&mut self, slot: Slot, filter: &str) -> Option<Arc<str>> {
        let session = self.sessions.get_mut(slot)?;
        let order = |one: &Subscribed| (*one.filter).cmp(filter);
        let place = session.subscriptions.binary_search_by(order).ok()?;
        let Subscribed { filter, leaf } = session.subscriptions.remove(place);
        self.table.remove(&filter, leaf, slot);
        session.cancel_owed(&filter, &mut self.turn);
        if session.is_kept() {
            self.turn.change(Change::Delete(Key::Subscription(session.id, filter.clone())));
        }
        Some(filter)
    }
}

/// MQTT 5.0 §3.8.3: at least one filter, no identifier 0, no No Local of a shared subscription.
fn breaks_protocol(subscribe: &Subscribe) -> bool {
    let no_local = |(filter, options): &(String, SubscriptionOptions)| {
        options.no_local && filter.starts_with("$share/")
    };
    subscribe.filters.is_empty()
        || subscribe.identifier == Some(0)
        || subscribe.filters.iter().any(no_local)
}

fn granted_reason(qos: Qos) -> ReasonCode {
    match qos {
        Qos::AtMostOnce => ReasonCode::Success,
        Qos::AtLeastOnce => ReasonCode::GrantedQos1,
        Qos::ExactlyOnce => ReasonCode::GrantedQos2,
    }
}
