//! Profiles and devices, by the HTTP API in AWS's shapes.

use serde_json::{Value, json};

use super::{AbpSession, Http};

/// Somebody who provisions one server.
#[derive(Clone, Copy, Debug)]
pub struct Provision(pub Http);

/// An EUI as it is printed.
pub fn eui_text(eui: u64) -> String {
    format!("{eui:016x}")
}

impl Provision {
    fn create(&self, path: &str, body: &Value) -> String {
        let answer = self.0.request("POST", path, &body.to_string()).json();
        answer["Id"].as_str().expect("what is created has an Id").to_owned()
    }

    /// A device profile with these fields of AWS's `LoRaWAN` object; its id.
    pub fn profile(&self, lorawan: &Value) -> String {
        self.create("/device-profiles", &json!({ "LoRaWAN": lorawan }))
    }

    /// A device that joins; its id.
    pub fn otaa(&self, profile: &str, dev_eui: u64, join_eui: u64, app_key: [u8; 16]) -> String {
        let keys = json!({ "AppKey": hex::encode(app_key), "AppEui": eui_text(join_eui) });
        self.device(profile, dev_eui, &json!({ "OtaaV1_0_x": keys }))
    }

    /// A device that is personalized; its id.
    pub fn abp(&self, profile: &str, dev_eui: u64, session: &AbpSession) -> String {
        let keys = json!({
            "DevAddr": format!("{:08x}", session.dev_addr),
            "SessionKeys": {
                "NwkSKey": hex::encode(session.nwk_s_key),
                "AppSKey": hex::encode(session.app_s_key),
            },
        });
        self.device(profile, dev_eui, &json!({ "AbpV1_0_x": keys }))
    }

    fn device(&self, profile: &str, dev_eui: u64, keys: &Value) -> String {
        let mut lorawan = keys.clone();
        lorawan["DevEui"] = eui_text(dev_eui).into();
        lorawan["DeviceProfileId"] = profile.into();
        let name = format!("node {dev_eui:x}");
        let body = json!({
            "Type": "LoRaWAN", "Name": name, "DestinationName": "default", "LoRaWAN": lorawan,
        });
        self.create("/wireless-devices", &body)
    }

    /// A payload codec, in JavaScript, under a name.
    pub fn codec(&self, name: &str, script: &str) {
        self.0.request("PUT", &format!("/v1/codecs/{name}"), script);
    }
}
