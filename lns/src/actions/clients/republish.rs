//! Republish: hands the message to the broker, one rule further than it was.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::oneshot;

use super::super::client::{Appetite, Client, Outcome};
use super::super::deed::Deed;
use super::super::task::Task;
use crate::broker::{Broker, Busy, Message, Properties, QoS, Ticket};

/// How long the broker may take to accept a message.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long to wait when it takes no more.
const BUSY: Duration = Duration::from_millis(2);

pub(super) struct Republish {
    broker: Arc<dyn Broker>,
}

impl Republish {
    pub fn new(broker: Arc<dyn Broker>) -> Self {
        Self { broker }
    }

    /// Hands one over; what comes back is fulfilled when the broker has taken it.
    async fn hand_over(&self, message: Message, until: Instant) -> Option<oneshot::Receiver<()>> {
        let (sender, taken) = oneshot::channel();
        let sender = parking_lot::Mutex::new(Some(sender));
        let told = move |_| {
            if let Some(sender) = sender.lock().take() {
                let _ = sender.send(());
            }
        };
        let mut next = (message, Ticket::new(0, Arc::new(told)));
        while let Err(Busy { message, ticket }) = self.broker.publish(next.0, next.1) {
            if Instant::now() >= until {
                return None;
            }
            tokio::time::sleep(BUSY).await;
            next = (message, ticket);
        }
        Some(taken)
    }
}

#[async_trait]
impl Client for Republish {
    fn appetite(&self) -> Appetite {
        Appetite::of(256)
    }

    async fn perform(&mut self, tasks: &[Arc<Task>]) -> Vec<Outcome> {
        let until = Instant::now() + PATIENCE;
        let mut handed = Vec::new();
        for task in tasks {
            handed.push(match message(task) {
                None => Err(Outcome::Refused("not a message to republish".to_owned())),
                Some(message) => self
                    .hand_over(message, until)
                    .await
                    .ok_or_else(|| Outcome::Away("the broker takes no more messages".to_owned())),
            });
        }
        let mut outcomes = Vec::new();
        for taken in handed {
            outcomes.push(match taken {
                Err(outcome) => outcome,
                Ok(taken) => match tokio::time::timeout_at(until.into(), taken).await {
                    Ok(Ok(())) => Outcome::Done,
                    Ok(Err(_)) | Err(_) => {
                        Outcome::Away("the broker did not take it in time".to_owned())
                    }
                },
            });
        }
        outcomes
    }
}

fn message(task: &Task) -> Option<Message> {
    let Deed::Republish { topic, qos, retain, headers, payload } = &task.deed else { return None };
    let mut message = Message::new(topic.clone(), payload.clone());
    message.qos = QoS::from_number(*qos)?;
    message.retain = *retain;
    message.hops = task.source.hops.saturating_add(1);
    let properties = Properties {
        is_utf8: headers.is_utf8,
        expiry: headers.expiry,
        content_type: headers.content_type.clone(),
        response_topic: headers.response_topic.clone(),
        correlation: headers.correlation.clone().map(Into::into),
        user: headers.user.clone(),
    };
    message.properties = (properties != Properties::default()).then(|| Box::new(properties));
    Some(message)
}
