//! What was last heard of a device or a gateway, in AWS's shape.

use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::common::{json_of, put};
use super::params::Label;
use super::running::DeviceStatistics;
use super::{Answer, Shared, wireless_devices, wireless_gateways};

/// GetWirelessDeviceStatistics: the last uplink.
pub async fn device(State(state): Shared, Label(label): Label) -> Answer {
    let device = wireless_devices::find(&state.registry, &label)?;
    let mut body = Map::new();
    body.insert("WirelessDeviceId".to_owned(), json!(device.id));
    let mut lorawan = Map::new();
    lorawan.insert("DevEui".to_owned(), json!(device.dev_eui));
    if let Some(last) = state.surroundings.devices.statistics(device.dev_eui) {
        body.insert("LastUplinkReceivedAt".to_owned(), json!(last.last_uplink_at.to_rfc3339()));
        uplink(&last, &mut lorawan);
    }
    body.insert("LoRaWAN".to_owned(), lorawan.into());
    json_of(StatusCode::OK, body)
}

fn uplink(last: &DeviceStatistics, lorawan: &mut Map<String, Value>) {
    put(lorawan, "FPort", last.f_port);
    lorawan.insert("DataRate".to_owned(), json!(last.data_rate.value()));
    lorawan.insert("Frequency".to_owned(), json!(last.frequency.hz()));
    lorawan.insert("Timestamp".to_owned(), json!(last.last_uplink_at.to_rfc3339()));
    let gateways = last.gateways.iter().map(|heard| -> Value {
        json!({
            "GatewayEui": heard.gateway,
            "Snr": heard.snr.to_f64(),
            "Rssi": heard.rssi.to_f64(),
        })
    });
    lorawan.insert("Gateways".to_owned(), gateways.collect());
}

/// GetWirelessGatewayStatistics: whether it is there, and when it last heard a device.
pub async fn gateway(State(state): Shared, Label(label): Label) -> Answer {
    let gateway = wireless_gateways::find(&state.registry, &label)?;
    let seen = state.surroundings.devices.gateway(gateway.gateway_eui);
    let connected = seen.as_ref().is_some_and(|seen| seen.connected);
    let mut body = Map::new();
    body.insert("WirelessGatewayId".to_owned(), json!(gateway.id));
    let status = if connected { "Connected" } else { "Disconnected" };
    body.insert("ConnectionStatus".to_owned(), json!(status));
    let last = seen.and_then(|seen| seen.last_uplink_at);
    put(&mut body, "LastUplinkReceivedAt", last.map(|at| at.to_rfc3339()));
    json_of(StatusCode::OK, body)
}
