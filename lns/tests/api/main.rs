//! Every operation of the HTTP API, over a memory store and a fake of the running server.

#[path = "../fake/mod.rs"]
#[allow(dead_code, reason = "shared with the contract test, which uses other parts")]
mod fake;

mod additions;
mod adr;
mod afar;
mod any;
mod associations;
mod devices;
mod door;
mod events;
mod gateways;
mod messages;
mod multicast;
mod policies;
mod profiles;
mod queue;
mod rule_destinations;
mod rules;
mod services;
mod shadows;
mod things;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt;

use fake::Fake;

/// A key, spelled as clients spell it.
pub(crate) const KEY: &str = "2B7E151628AED2A6ABF7158809CF4F3C";

/// One API and its fake.
pub(crate) struct Api {
    pub(crate) router: Router,
    pub(crate) fake: Arc<Fake>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answered {
    /// The error's name, and its message.
    pub(crate) fn error(&self) -> (&str, &str) {
        let name = self.headers["x-amzn-errortype"].to_str().unwrap();
        let message = self.body["message"].as_str().unwrap();
        assert_eq!(self.body["Message"], self.body["message"]);
        (name, message)
    }

    pub(crate) fn id(&self) -> String {
        assert_eq!(self.status, StatusCode::CREATED, "{:?}", self.body);
        self.body["Id"].as_str().unwrap().to_owned()
    }
}

impl Api {
    pub(crate) fn new() -> Self {
        let (router, fake) = fake::api();
        Self { router, fake }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answered {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        assert!(parts.headers.contains_key("x-amzn-requestid"));
        let bytes = to_bytes(body, 1 << 24).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Answered { status: parts.status, headers: parts.headers, body }
    }

    /// A request with a JSON body; `null` means none.
    pub(crate) async fn ask(&self, line: &str, body: Value) -> Answered {
        let (method, path) = line.split_once(' ').unwrap();
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.send(Request::builder().method(method).uri(path).body(body).unwrap()).await
    }

    pub(crate) async fn profile(&self, lorawan: Value) -> String {
        self.ask("POST /device-profiles", json!({ "Name": "p", "LoRaWAN": lorawan })).await.id()
    }

    /// A new OTAA device of a new profile.
    pub(crate) async fn device(&self, dev_eui: &str) -> String {
        let profile = self.profile(json!({ "MacVersion": "1.0.3" })).await;
        self.ask("POST /wireless-devices", otaa(dev_eui, &profile)).await.id()
    }
}

/// The request for an OTAA device.
pub(crate) fn otaa(dev_eui: &str, profile: &str) -> Value {
    json!({
        "Type": "LoRaWAN", "Name": "kitchen", "DestinationName": "default",
        "LoRaWAN": {
            "DevEui": dev_eui, "DeviceProfileId": profile,
            "OtaaV1_0_x": { "AppKey": KEY, "AppEui": "70B3D57ED0000000" },
        },
    })
}
