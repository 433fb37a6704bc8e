//! Asking another broker what it has retained: by a connection of its own, which subscribes and goes.

use std::time::Duration;

use bytes::BytesMut;
use lns_broker::wire::answer::{self, Answer};
use lns_broker::wire::client::{self, Opening, Wish};
use tokio::time::timeout;

use super::Link;
use super::greeting::{open, opening};
use super::read::{Got, unreadable};
use super::taken_in::Arrival;
use crate::broker::Message;

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is retained on `topic`; why that is not known, for people.
pub(super) async fn retained(link: &Link, topic: &str) -> Result<Option<Message>, String> {
    let version = link.counters.version().ok_or("it cannot be reached")?;
    let client_id = format!("{}-reader", link.client_id);
    let opening = Opening { client_id: &client_id, kept: false, ..opening(link, version) };
    let looked = timeout(PATIENCE, look(link, &opening, topic)).await;
    looked.map_err(|_| "it has not answered in time".to_owned())?
}

/// Everything that is retained comes before the answer to a PINGREQ that was sent behind the
/// SUBSCRIBE.
async fn look(link: &Link, opening: &Opening<'_>, topic: &str) -> Result<Option<Message>, String> {
    let (_, mut reader, mut writer) = open(link, opening).await.map_err(|(why, _)| why)?;
    let version = opening.version;
    let mut out = BytesMut::new();
    client::subscribe(1, &[(topic, Wish::WithRetained)], version, &mut out);
    client::ping(&mut out);
    writer.write(out).await.map_err(|error| error.to_string())?;
    let mut found = None;
    loop {
        let frame = match reader.next().await? {
            Got::Frame(frame) => frame,
            Got::TooLarge { size, .. } => return Err(format!("the message has {size} bytes")),
        };
        match answer::parse(&frame, version).map_err(unreadable)? {
            Answer::Publish(publish) if publish.message.retain => {
                found = Arrival::from(*publish).message;
            }
            Answer::SubAck { reasons, .. } if reasons.iter().any(|reason| reason.is_refusal()) => {
                return Err(format!("it does not let this user read {topic}"));
            }
            Answer::PingResp => break,
            Answer::Disconnect { reason, .. } => {
                return Err(format!("it ends the connection: {}", reason.name()));
            }
            // What is published meanwhile is not what was retained.
            Answer::Publish(_) | Answer::SubAck { .. } => {}
            Answer::ConnAck(_) | Answer::PubAck { .. } | Answer::UnsubAck { .. } => {
                return Err("it answers what nobody has asked".to_owned());
            }
        }
    }
    let mut out = BytesMut::new();
    client::disconnect(&mut out);
    let _ = writer.write(out).await;
    Ok(found)
}
