//! Where receptions go: into the server's own process, or through an MQTT broker.

mod broker_url;
mod mqtt;
mod outbox;

use gateway_link::{GatewayEui, GatewayEvent, TxAck, Uplink};

pub use broker_url::{BrokerUrl, BrokerUrlError};
pub use mqtt::{MqttConfig, MqttForward};

/// The server's side of a bridge. Called on the thread that reads the socket, so it must not block:
/// whatever takes time is put into a queue of the implementor's own.
pub trait Forward: Send + Sync + 'static {
    /// A frame was heard.
    fn uplink(&self, uplink: Uplink);
    /// A downlink has its outcome. There is exactly one for each.
    fn tx_ack(&self, ack: TxAck);
    /// Something happened to a gateway.
    fn event(&self, gateway_eui: GatewayEui, event: GatewayEvent);
}
