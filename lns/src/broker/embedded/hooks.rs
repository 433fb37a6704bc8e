//! Where the library asks us: who may connect, publish, subscribe and receive; and where we take
//! what is meant for the server.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use rmqtt::codec::v5::{PublishAckReason, PublishProperties, SubscribeAckReason};
use rmqtt::context::ServerContext;
use rmqtt::hook::{Handler, HookResult, Parameter, ReturnType, Type};
use rmqtt::inflight::{MomentStatus, OutInflightMessage};
use rmqtt::session::Session;
use rmqtt::types::{
    AuthResult, ConnectInfo, From, FromType, LastWill, Publish, PublishAclResult, PublishResult,
    QoS, Reason, Subscribe, SubscribeReturn,
};

use super::access::{Access, Role};
use crate::broker::heard::Heard;
use crate::broker::status::Counters;
use crate::broker::{
    Client, Intake, Message, Origin, Properties, Publication, QoS as Quality, Taken, Ticket,
};

/// How long a client waits for room in the server before it is told to come back.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often room is looked for meanwhile.
const RETRY: Duration = Duration::from_millis(5);

/// What all hooks share.
#[derive(Clone)]
pub(super) struct Hooks {
    pub access: Arc<Access>,
    pub intake: Intake,
    pub heard: Heard,
    pub counters: Arc<Counters>,
}

impl Hooks {
    /// Puts the hooks in place.
    pub async fn register(self, context: &ServerContext) {
        let register = context.extends.hook_mgr().register();
        for hook in [
            Type::ClientAuthenticate,
            Type::ClientConnected,
            Type::ClientSubscribeCheckAcl,
            Type::MessagePublishCheckAcl,
            Type::MessagePublish,
            Type::MessageExpiryCheck,
            Type::MessageDelivered,
            Type::MessageDropped,
        ] {
            register.add(hook, Box::new(self.clone())).await;
        }
        register.start().await;
    }

    fn role(&self, session: &Session) -> Role {
        self.access.role(session.id.username.as_deref())
    }

    fn authenticate(&self, connect: &ConnectInfo) -> AuthResult {
        let username = connect.username().map(|name| &**name);
        let password = connect.password().map(|password| password.as_ref());
        let Some(role) = self.access.admit(username, password) else {
            Counters::count(&self.counters.refused);
            return AuthResult::BadUsernameOrPassword;
        };
        // The library delivers a will without asking whether its owner may publish there.
        let will = connect.last_will().map(|will| match will {
            LastWill::V3(will) => role.may_publish(&will.topic),
            LastWill::V5(will) => role.may_publish(&will.topic),
        });
        if will == Some(false) {
            Counters::count(&self.counters.refused);
            tracing::info!(client = %connect.id(), "refused an MQTT client: its last will's topic is not its own");
            return AuthResult::NotAuthorized;
        }
        AuthResult::Allow(false, None)
    }

    fn subscribe(&self, session: &Session, subscribe: &Subscribe) -> SubscribeReturn {
        if self.role(session).may_subscribe(&subscribe.topic_filter) {
            return SubscribeReturn::new_success(subscribe.opts.qos(), None);
        }
        Counters::count(&self.counters.refused);
        tracing::info!(client = %session.id, filter = %subscribe.topic_filter, "refused an MQTT subscription");
        SubscribeReturn::new_failure(SubscribeAckReason::NotAuthorized)
    }

    /// Allows or refuses a publish, and takes it in if it is for the server. This is the place:
    /// the `MessagePublish` hook runs before the publish has been allowed.
    async fn publish(&self, session: &Session, publish: &Publish) -> PublishAclResult {
        if !self.role(session).may_publish(&publish.topic) {
            Counters::count(&self.counters.refused);
            tracing::info!(client = %session.id, topic = %publish.topic, "refused an MQTT publish");
            let why = "this topic is not yours to publish on: see docs/MQTT.md";
            return refuse(session, PublishAckReason::NotAuthorized, why).await;
        }
        if !self.heard.covers(&publish.topic) || self.take_in(Some(session), publish).await {
            return PublishAclResult::allow();
        }
        tracing::warn!(client = %session.id, topic = %publish.topic, "refused an MQTT publish: the server is too busy");
        refuse(session, PublishAckReason::QuotaExceeded, "the server is busy: try again").await
    }

    /// Whether the server has taken the message, and all who did have let it go; waits for room.
    async fn take_in(&self, session: Option<&Session>, publish: &Publish) -> bool {
        let origin = session.map_or(Origin::Elsewhere, |session| {
            Origin::Client(Arc::new(Client {
                client_id: session.id.client_id.to_string().into(),
                principal: session.id.username.as_deref().map(Into::into),
                address: session.id.remote_addr,
                thing: None,
            }))
        });
        let publication = Publication { message: message(publish), origin };
        let hearing = hear(&self.intake, publication);
        let taken = tokio::time::timeout(PATIENCE, hearing).await.is_ok();
        if taken {
            Counters::count(&self.counters.taken_in);
        }
        taken
    }

    /// A client has lost a message because it did not read fast enough.
    fn dropped(&self, topic: &str) {
        let before = self.counters.dropped.fetch_add(1, Ordering::Relaxed);
        // The first, and then with every power of two: a client that stalls loses thousands.
        if (before + 1).is_power_of_two() {
            tracing::warn!(
                topic,
                dropped = before + 1,
                "an MQTT client is too slow: its oldest messages are dropped"
            );
        }
    }
}

/// Notes a message as unacknowledged *before* it is written to the client.
///
/// The library does so only after the write, and forgets the message when the write fails: a
/// client with a kept session would lose one message whenever its connection breaks. What it notes
/// later replaces our note, because both are filed under the packet id.
async fn expect_acknowledgement(session: &Session, from: &From, publish: &Publish) {
    let status = match publish.qos {
        QoS::AtMostOnce => return,
        QoS::AtLeastOnce => MomentStatus::UnAck,
        QoS::ExactlyOnce => MomentStatus::UnReceived,
    };
    let noted = OutInflightMessage::new(status, from.clone(), publish.clone());
    session.out_inflight().write().await.push_back(noted);
}

/// MQTT 3.1.1 §3.3.5 has no way to refuse a publish but to close the connection.
async fn refuse(
    session: &Session,
    reason: PublishAckReason,
    why: &'static str,
) -> PublishAclResult {
    let is_v3 = match session.connect_info().await {
        Ok(connect) => matches!(*connect, ConnectInfo::V3(..)),
        Err(_) => true,
    };
    PublishAclResult(PublishResult::reason_code(reason, Some(why.into()), is_v3))
}

/// Hands a publication to the server, waiting for room, and waits until it is let go.
pub(super) async fn hear(intake: &Intake, publication: Publication) {
    let (told, mut let_go) = tokio::sync::mpsc::channel(1);
    let acknowledge = Arc::new(move |_| {
        // Full or closed, there is nobody left to tell.
        let _ = told.try_send(());
    });
    let mut next = (publication, Taken::from(Ticket::new(0, acknowledge)));
    while let Err(back) = intake(next.0, next.1) {
        next = back;
        tokio::time::sleep(RETRY).await;
    }
    let_go.recv().await;
}

fn message(publish: &Publish) -> Message {
    Message {
        qos: Quality::from_number(publish.qos.value()).unwrap_or_default(),
        retain: publish.retain,
        properties: publish.properties.as_ref().and_then(properties),
        ..Message::new(publish.topic.to_string(), publish.payload.clone())
    }
}

fn properties(given: &PublishProperties) -> Option<Box<Properties>> {
    let user = given.user_properties.iter();
    let properties = Properties {
        is_utf8: given.is_utf8_payload.then_some(true),
        expiry: given.message_expiry_interval.map(|seconds| seconds.get()),
        content_type: given.content_type.as_ref().map(ToString::to_string),
        response_topic: given.response_topic.as_ref().map(ToString::to_string),
        correlation: given.correlation_data.clone(),
        user: user.map(|(key, value)| (key.to_string(), value.to_string())).collect(),
    };
    (properties != Properties::default()).then(|| Box::new(properties))
}

#[async_trait]
impl Handler for Hooks {
    async fn hook(&self, parameter: &Parameter, so_far: Option<HookResult>) -> ReturnType {
        match parameter {
            Parameter::ClientAuthenticate(connect) => {
                (false, Some(HookResult::AuthResult(self.authenticate(connect))))
            }
            Parameter::ClientConnected(_) => {
                Counters::count(&self.counters.connections);
                (true, so_far)
            }
            Parameter::ClientSubscribeCheckAcl(session, subscribe) => {
                (false, Some(HookResult::SubscribeAclResult(self.subscribe(session, subscribe))))
            }
            Parameter::MessagePublishCheckAcl(session, publish) => {
                (false, Some(HookResult::PublishAclResult(self.publish(session, publish).await)))
            }
            // A will was allowed at CONNECT and passes no other hook.
            Parameter::MessagePublish(session, from, publish) if is_will(from.typ()) => {
                if self.heard.covers(&publish.topic) && !self.take_in(*session, publish).await {
                    tracing::warn!(topic = %publish.topic, "lost a last will: the server is too busy");
                }
                (true, so_far)
            }
            Parameter::MessageExpiryCheck(session, _, publish)
                if !self.role(session).may_receive(&publish.topic) =>
            {
                (false, Some(HookResult::MessageExpiry))
            }
            Parameter::MessageDelivered(session, from, publish) => {
                expect_acknowledgement(session, from, publish).await;
                (true, so_far)
            }
            Parameter::MessageDropped(_, _, publish, Reason::MessageQueueFull) => {
                self.dropped(&publish.topic);
                (true, so_far)
            }
            _ => (true, so_far),
        }
    }
}

fn is_will(from: FromType) -> bool {
    matches!(from, FromType::LastWill)
}
