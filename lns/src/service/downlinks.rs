//! Downlink requests over MQTT: read, encoded, queued, and every one answered.
//!
//! PUBACK means *received*. What answers is an event: `queued` on `…/ack` once the request is
//! durable, or an error on `…/error`.

use std::sync::Arc;

use lns_core::Command;
use lns_core::event::QueueItem;
use lns_lorawan::{DevEui, Timestamp};
use lns_pipeline::codec::CodecSpec;

use super::Service;
use crate::api::Encoding;
use crate::broker::{Broker, Message, Ticket};
use crate::message::{CommandError, downlink_id};
use crate::registry::Registry;
use crate::sink::downlink_request::{DownlinkRequest, MAX_PAYLOAD, Payload};
use crate::sink::render::RequestFailure;
use crate::sink::topics::DownTopic;

/// The door for downlink requests.
pub struct Downlinks {
    service: Arc<Service>,
    registry: Arc<Registry>,
    answers: Arc<Answers>,
}

/// Where errors go.
struct Answers {
    broker: Arc<dyn Broker>,
    clock: crate::clock::Clock,
}

/// What of a request is known once its payload is bytes.
struct Wish {
    dev_eui: DevEui,
    confirmed: bool,
    correlation_id: Option<String>,
    expires_at: Timestamp,
    now: Timestamp,
}

impl Downlinks {
    /// A door to the service's devices.
    pub fn new(service: Arc<Service>, registry: Arc<Registry>, broker: Arc<dyn Broker>) -> Self {
        let answers = Arc::new(Answers { broker, clock: service.clock.clone() });
        Downlinks { service, registry, answers }
    }

    /// Takes a request. Never gives one back: what cannot be done is answered with its reason.
    pub fn take(&self, message: &Message) {
        let now = self.service.clock.now();
        let dev_eui = match DownTopic::parse(&message.topic) {
            Some(DownTopic::Device(dev_eui)) => dev_eui,
            Some(DownTopic::NotADevEui(text)) => {
                let why = format!("{text:?} in the topic is not a DevEUI of 16 hex digits");
                self.answers.refuse_unnamed(&text, "BadDevEui", &why);
                return;
            }
            None => return,
        };
        match DownlinkRequest::parse(&message.payload, now) {
            Ok(request) => self.accept(dev_eui, request, now),
            Err(refused) => {
                let why = refused.error.to_string();
                let mark = refused.correlation_id.as_deref();
                self.answers.refuse(dev_eui, refused.error.label(), &why, mark);
            }
        }
    }

    fn accept(&self, dev_eui: DevEui, request: DownlinkRequest, now: Timestamp) {
        let wish = Wish {
            dev_eui,
            confirmed: request.confirmed,
            correlation_id: request.correlation_id,
            expires_at: request.expires_at.unwrap_or(now + self.service.expiry),
            now,
        };
        let mark = wish.correlation_id.as_deref();
        let Some(route) = self.registry.route(dev_eui) else {
            let why = format!("no device {dev_eui} is registered");
            self.answers.refuse(dev_eui, "UnknownDevice", &why, mark);
            return;
        };
        let (object, f_port) = match request.payload {
            Payload::Bytes { f_port, bytes } => return self.queue(wish, f_port, bytes),
            Payload::Object { f_port, object } => (object, f_port),
        };
        if route.codec == CodecSpec::None {
            let why = "the device's profile has no codec to encode Payload; send PayloadData";
            self.answers.refuse(dev_eui, "NoCodec", why, mark);
            return;
        }
        let wanted = Encoding {
            codec: route.codec.clone(),
            object: object.into(),
            f_port,
            variables: route.device.variables.clone(),
        };
        let (service, answers) = (Arc::clone(&self.service), Arc::clone(&self.answers));
        self.service.encoder.encode(wanted, move |encoded| {
            let encoded = encoded.and_then(|encoded| {
                let f_port = encoded.f_port.filter(|port| (1..=223).contains(port));
                let f_port = f_port
                    .ok_or("the codec chose no FPort from 1 to 223, and the request has none")?;
                if encoded.bytes.len() > MAX_PAYLOAD {
                    let size = encoded.bytes.len();
                    return Err(format!("the codec made {size} bytes; at most {MAX_PAYLOAD} fit"));
                }
                Ok((f_port, encoded.bytes))
            });
            match encoded {
                Ok((f_port, bytes)) => queue(&service, answers, wish, (f_port, bytes)),
                Err(why) => {
                    let mark = wish.correlation_id.as_deref();
                    answers.refuse(wish.dev_eui, "EncodeFailed", &why, mark);
                }
            }
        });
    }

    fn queue(&self, wish: Wish, f_port: u8, bytes: Vec<u8>) {
        queue(&self.service, Arc::clone(&self.answers), wish, (f_port, bytes));
    }
}

/// Gives the downlink to its device's partition; the `queued` event is its answer.
fn queue(service: &Service, answers: Arc<Answers>, wish: Wish, (f_port, bytes): (u8, Vec<u8>)) {
    let Wish { dev_eui, confirmed, correlation_id, expires_at, now } = wish;
    let item = QueueItem {
        id: downlink_id(dev_eui, correlation_id.as_deref()),
        f_port,
        payload: bytes.into(),
        confirmed,
        correlation_id: correlation_id.clone().map(Into::into),
        queued_at: now,
        expires_at: Some(expires_at),
    };
    service.command(dev_eui, Command::Enqueue(item), move |done| {
        let label = match &done {
            // Both are events of the device, on `…/ack`.
            Ok(()) | Err(CommandError::Impossible(_)) => return,
            Err(CommandError::UnknownDevice | CommandError::UnknownGroup) => "UnknownDevice",
            Err(CommandError::QueueFull { .. }) => "QueueFull",
            Err(CommandError::Overload) => "Unavailable",
        };
        let why = done.err().map(|error| error.to_string()).unwrap_or_default();
        answers.refuse(dev_eui, label, &why, correlation_id.as_deref());
    });
}

impl Answers {
    fn refuse(&self, dev_eui: DevEui, label: &str, why: &str, correlation_id: Option<&str>) {
        let mut body = Vec::new();
        let failure = RequestFailure { label, message: why, correlation_id };
        let topic = failure.write(&mut body, dev_eui, self.clock.now());
        self.publish(topic.topic(), body);
    }

    /// For a request under a name that is no DevEUI: answered under the name as given.
    fn refuse_unnamed(&self, name: &str, label: &str, why: &str) {
        let body = serde_json::json!({
            "Error": label,
            "Message": why,
            "Timestamp": self.clock.now().to_rfc3339(),
        });
        self.publish(format!("lorawan/{name}/error"), body.to_string().into_bytes());
    }

    fn publish(&self, topic: String, body: Vec<u8>) {
        if self.broker.publish(Message::new(topic, body), Ticket::nobody()).is_err() {
            tracing::debug!("the broker is busy: an error answer was not published");
        }
    }
}
