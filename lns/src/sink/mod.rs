//! What leaves the server for applications, and what comes back from them: topics and bodies.
//!
//! Pure functions; the broker is another room. What they write is promised in `docs/MQTT.md`.

pub mod downlink_request;
pub mod render;
pub mod topics;

pub use downlink_request::{DownlinkRequest, Payload, Refused, RequestError};
pub use topics::{DownTopic, Topics};
