//! The bodies, key by key in the order in which they are written. `docs/MQTT.md` explains them.

use lns_core::event::Reception;
use lns_lorawan::{
    DataRateIndex, DevAddr, DevEui, GatewayEui, JoinEui, Mic, Modulation, Timestamp,
};
use serde::Serialize;
use serde_json::Value;

use super::Location;
use super::text::{Base64, EventId, Hundredths, Khz, MessageId, Shown};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Uplink<'a> {
    pub wireless_device_id: &'a str,
    pub payload_data: Base64<'a>,
    pub wireless_metadata: Metadata,
    pub event_id: Shown<EventId>,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub device_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decoded_payload: Option<&'a Value>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub decode_warnings: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decode_error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acked_message_id: Option<Shown<MessageId>>,
}

#[derive(Serialize)]
pub(super) struct Metadata {
    #[serde(rename = "LoRaWAN")]
    pub lo_ra_wan: LoRaWan,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct LoRaWan {
    #[serde(rename = "ADR")]
    pub adr: bool,
    pub class_b: bool,
    pub data_rate: Shown<DataRateIndex>,
    pub dev_addr: DevAddr,
    pub dev_eui: DevEui,
    pub f_opt_len: u8,
    pub f_cnt: u32,
    pub f_port: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub battery: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub margin: Option<i8>,
    pub gateways: Vec<Gateway>,
    #[serde(rename = "MIC")]
    pub mic: Shown<Mic>,
    pub m_type: &'static str,
    pub major: &'static str,
    pub polarization_inversion: bool,
    #[serde(flatten)]
    pub radio: Option<Radio>,
    pub timestamp: Shown<Timestamp>,
}

/// What the best copy says of the signal.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Radio {
    #[serde(skip_serializing_if = "Option::is_none")]
    bandwidth: Option<Khz>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code_rate: Option<Box<str>>,
    frequency: Shown<u32>,
    modulation: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    spreading_factor: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bit_rate: Option<u32>,
}

impl Radio {
    pub fn of(best: &Reception) -> Self {
        let blank = Self {
            bandwidth: None,
            code_rate: None,
            frequency: Shown(best.frequency.hz()),
            modulation: "",
            spreading_factor: None,
            bit_rate: None,
        };
        match best.modulation {
            Modulation::Lora { spreading_factor, bandwidth } => Self {
                bandwidth: Some(bandwidth.into()),
                code_rate: Some((*best.coding_rate).into()),
                modulation: "LORA",
                spreading_factor: Some(spreading_factor.value()),
                ..blank
            },
            Modulation::Fsk { bit_rate } => {
                Self { modulation: "FSK", bit_rate: Some(bit_rate), ..blank }
            }
            Modulation::LrFhss { ocw_hz, coding } => Self {
                bandwidth: Some(Khz::from_hz(ocw_hz)),
                code_rate: Some(coding.to_string().into()),
                modulation: "LR_FHSS",
                ..blank
            },
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Gateway {
    gateway_eui: GatewayEui,
    snr: Hundredths,
    rssi: Hundredths,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<Shown<Timestamp>>,
    tmst: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    antenna: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<Location>,
}

impl Gateway {
    pub fn of(reception: &Reception, location: Option<Location>) -> Self {
        Self {
            gateway_eui: reception.gateway,
            snr: reception.snr.into(),
            rssi: reception.rssi.into(),
            time: reception.gateway_time.map(Shown),
            tmst: reception.tmst.0,
            channel: reception.channel,
            antenna: reception.antenna,
            location,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Join<'a> {
    pub event_id: Shown<EventId>,
    pub dev_eui: DevEui,
    pub dev_addr: DevAddr,
    pub join_eui: JoinEui,
    pub wireless_device_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub device_name: &'a str,
    pub timestamp: Shown<Timestamp>,
    pub gateways: Vec<Gateway>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Downlink<'a> {
    pub event_id: Shown<EventId>,
    pub dev_eui: DevEui,
    pub message_id: Shown<MessageId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<&'a str>,
    pub f_port: u8,
    pub status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub f_cnt_down: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub f_cnt_up: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<GatewayEui>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimated_margin: Option<Hundredths>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub will_retry: Option<bool>,
    pub timestamp: Shown<Timestamp>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Refusal<'a> {
    pub dev_eui: DevEui,
    pub error: &'a str,
    pub message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<&'a str>,
    pub timestamp: Shown<Timestamp>,
}
