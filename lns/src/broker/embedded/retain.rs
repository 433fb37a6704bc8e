//! Retained messages, in memory: the library keeps none by itself.
//!
//! Lost with the process; bridges publish their state again when they connect again.

use std::time::Duration;

use async_trait::async_trait;
use rmqtt::retain::{DefaultRetainStorage, RetainStorage};
use rmqtt::types::{Retain, TopicFilter, TopicName};

/// The most retained messages. A home's worth of devices and gateways many times over; a client
/// that retains on ever new topics must not fill the memory.
const LIMIT: isize = 100_000;

/// Retained messages, in memory.
pub(super) struct Retained(DefaultRetainStorage);

impl Retained {
    pub fn new() -> Self {
        Self(DefaultRetainStorage::new())
    }
}

#[async_trait]
impl RetainStorage for Retained {
    fn enable(&self) -> bool {
        true
    }

    fn need_sync(&self) -> bool {
        false
    }

    async fn set(
        &self,
        topic: &TopicName,
        retain: Retain,
        expiry: Option<Duration>,
    ) -> rmqtt::Result<()> {
        let clears = retain.publish.payload.is_empty();
        if !clears && self.0.count().await >= LIMIT {
            self.0.remove_expired_messages().await;
        }
        if !clears && self.0.count().await >= LIMIT {
            tracing::warn!(topic = %topic, "not retained: {LIMIT} messages are retained already");
            return Ok(());
        }
        // The library says zero where a message does not expire.
        self.0.set_with_timeout(topic, retain, expiry.filter(|expiry| !expiry.is_zero())).await
    }

    async fn get(&self, filter: &TopicFilter) -> rmqtt::Result<Vec<(TopicName, Retain)>> {
        self.0.get_message(filter).await
    }

    async fn count(&self) -> isize {
        self.0.count().await
    }

    async fn max(&self) -> isize {
        self.0.max().await
    }
}
