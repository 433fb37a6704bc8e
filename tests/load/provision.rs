//! Making devices known to the server through its API.

use std::net::SocketAddr;

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::fleet::{self, Activation, purpose};
use crate::http::Http;

/// Requests under way at once: they share the store's group commits.
const CONNECTIONS: usize = 16;

/// Makes a codec, a profile with it, and so many devices of that profile.
pub fn devices(api: SocketAddr, devices: usize, activation: Activation) -> anyhow::Result<()> {
    let mut http = Http::connect(api)?;
    http.send("PUT", "/v1/codecs/temperature", lns_pipeline::samples::TEMPERATURE)?;
    let profile = json!({ "Name": "load", "LoRaWAN": {
        "RfRegion": "EU868", "MacVersion": "1.0.3", "Codec": "temperature",
        "SupportsJoin": activation == Activation::Otaa,
    }});
    let made = http.send("POST", "/device-profiles", &profile.to_string())?;
    let made: Value = serde_json::from_str(&made)?;
    let profile = made["Id"].as_str().context("a profile without Id")?;
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..CONNECTIONS)
            .map(|first| {
                let mine = (first..devices).step_by(CONNECTIONS);
                scope.spawn(move || some_devices(api, mine, (activation, profile)))
            })
            .collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("it returns its failures"))
    })
}

fn some_devices(
    api: SocketAddr,
    devices: impl Iterator<Item = usize>,
    (activation, profile): (Activation, &str),
) -> anyhow::Result<()> {
    let mut http = Http::connect(api)?;
    for device in devices {
        let body = description(device, (activation, profile)).to_string();
        http.send("POST", "/wireless-devices", &body)?;
    }
    Ok(())
}

fn description(device: usize, (activation, profile): (Activation, &str)) -> Value {
    let key = |purpose| hex::encode(fleet::key(device, purpose));
    let (group, keys) = match activation {
        Activation::Abp => (
            "AbpV1_0_x",
            json!({ "DevAddr": format!("{:08x}", fleet::dev_addr(device)), "SessionKeys": {
                "NwkSKey": key(purpose::NWK_S_KEY), "AppSKey": key(purpose::APP_S_KEY),
            }}),
        ),
        Activation::Otaa => (
            "OtaaV1_0_x",
            json!({
                "AppKey": key(purpose::APP_KEY), "AppEui": format!("{:016x}", fleet::JOIN_EUI),
            }),
        ),
    };
    json!({
        "Type": "LoRaWAN", "Name": format!("sensor {device}"), "DestinationName": "default",
        "LoRaWAN": {
            "DevEui": format!("{:016x}", fleet::dev_eui(device)), "DeviceProfileId": profile,
            group: keys,
        },
    })
}
