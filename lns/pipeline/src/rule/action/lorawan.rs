//! sendDownlink: send to a LoRaWAN device. Our own kind, with the members of AWS's
//! SendDataToWirelessDevice in this document's spelling.

use serde::{Deserialize, Serialize};

use super::{ActionError, bad, is_template, map_option};

/// Send to a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SendDownlink<T> {
    /// The device: its id, or its DevEUI.
    pub wireless_device_id: T,
    /// The port, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub f_port: Option<T>,
    /// The bytes in base64. Without them the result is encoded by the codec of the device's profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload_data: Option<T>,
    /// 0: without, 1: with confirmation.
    #[serde(default)]
    pub transmit_mode: u8,
}

impl<T> SendDownlink<T> {
    pub(super) fn try_map<U, E>(
        &self,
        of: &mut impl FnMut(&T) -> Result<U, E>,
    ) -> Result<SendDownlink<U>, E> {
        Ok(SendDownlink {
            wireless_device_id: of(&self.wireless_device_id)?,
            f_port: map_option(&self.f_port, of)?,
            payload_data: map_option(&self.payload_data, of)?,
            transmit_mode: self.transmit_mode,
        })
    }
}

impl SendDownlink<String> {
    pub(super) fn check(&self) -> Result<(), ActionError> {
        const KIND: &str = "sendDownlink";
        if self.wireless_device_id.is_empty() {
            return Err(bad(KIND, "wirelessDeviceId", "is empty"));
        }
        let port = self.f_port.as_deref().filter(|text| !is_template(text));
        if port.is_some_and(|text| !text.parse::<u8>().is_ok_and(|port| (1..=223).contains(&port)))
        {
            return Err(bad(KIND, "fPort", "goes from 1 to 223"));
        }
        if self.payload_data.is_some() && self.f_port.is_none() {
            return Err(bad(KIND, "fPort", "is needed with payloadData"));
        }
        if self.transmit_mode > 1 {
            return Err(bad(
                KIND,
                "transmitMode",
                format!("is 0 or 1, not {}", self.transmit_mode),
            ));
        }
        Ok(())
    }
}
