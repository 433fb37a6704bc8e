//! What is told besides uplinks, joins and downlinks: counters, relays' findings, proprietary frames.

use lns_core::effect::{AppEvent, Recount, RelayedUplink};
use lns_core::event::Reception;
use lns_lorawan::{DataRateIndex, DevAddr, DevEui, FCntUp, Timestamp};
use serde::Serialize;

use super::body::{Gateway, Radio};
use super::text::{Base64, EventId, Hundredths, Shown};
use super::{DeviceLabel, Locate, event_id, write};
use crate::sink::topics::Topics;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Told<'a, T: Serialize> {
    event_id: Shown<EventId>,
    dev_eui: DevEui,
    wireless_device_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    device_name: &'a str,
    #[serde(flatten)]
    more: T,
    timestamp: Shown<Timestamp>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Counters {
    status: &'static str,
    f_cnt: u32,
    last_f_cnt: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    hears_downlinks: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cure: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Relayed<'a> {
    f_cnt: u32,
    phy_payload: Base64<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    relayed_dev_addr: Option<DevAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    relayed_dev_eui: Option<DevEui>,
    data_rate: Shown<DataRateIndex>,
    frequency: Shown<u32>,
    rssi: Hundredths,
    snr: Hundredths,
    wor_channel: u8,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ProprietaryMac<'a> {
    f_cnt: u32,
    commands: Base64<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Proprietary<'a> {
    event_id: Shown<EventId>,
    phy_payload: Base64<'a>,
    #[serde(flatten)]
    radio: Radio,
    gateways: [Gateway; 1],
    timestamp: Shown<Timestamp>,
}

/// A personalized device counts from the start again.
pub(super) fn counters(
    to: &mut Vec<u8>,
    about: (&DeviceLabel<'_>, &AppEvent),
    (got, last): (FCntUp, FCntUp),
    recount: Recount,
) -> Topics {
    let dev_eui = about.0.dev_eui;
    let (status, hears_downlinks, cure) = match recount {
        Recount::Forgotten => {
            let cure = format!("POST /v1/wireless-devices/{dev_eui}/reset-counters");
            ("forgotten", None, Some(cure))
        }
        Recount::Accepted { hears_us } => ("reset", Some(hears_us), None),
    };
    let (f_cnt, last_f_cnt) = (got.0, last.0);
    tell(to, about, Counters { status, f_cnt, last_f_cnt, hears_downlinks, cure });
    Topics::Counters(dev_eui)
}

/// A relay has forwarded a frame.
pub(super) fn relayed(
    to: &mut Vec<u8>,
    about: (&DeviceLabel<'_>, &AppEvent),
    relayed: &RelayedUplink,
) -> Topics {
    let more = Relayed {
        f_cnt: relayed.f_cnt_up.0,
        phy_payload: Base64(&relayed.phy_payload),
        relayed_dev_addr: relayed.dev_addr,
        relayed_dev_eui: relayed.dev_eui,
        data_rate: Shown(relayed.data_rate),
        frequency: Shown(relayed.frequency.hz()),
        rssi: relayed.rssi.into(),
        snr: relayed.snr.into(),
        wor_channel: u8::from(relayed.second_channel),
    };
    tell(to, about, more);
    Topics::Relayed(about.0.dev_eui)
}

/// A device has sent MAC commands of its maker's.
pub(super) fn proprietary_mac(
    to: &mut Vec<u8>,
    about: (&DeviceLabel<'_>, &AppEvent),
    (f_cnt_up, commands): (FCntUp, &[u8]),
) -> Topics {
    tell(to, about, ProprietaryMac { f_cnt: f_cnt_up.0, commands: Base64(commands) });
    Topics::Mac(about.0.dev_eui)
}

/// A gateway has heard a proprietary frame.
pub fn proprietary(
    to: &mut Vec<u8>,
    phy_payload: &[u8],
    reception: &Reception,
    locate: Locate<'_>,
) -> Topics {
    let body = Proprietary {
        event_id: Shown(EventId::of_gateway(reception.gateway, reception.arrived)),
        phy_payload: Base64(phy_payload),
        radio: Radio::of(reception),
        gateways: [Gateway::of(reception, locate(reception.gateway))],
        timestamp: Shown(reception.air_time),
    };
    write(to, &body);
    Topics::Proprietary
}

fn tell(to: &mut Vec<u8>, about: (&DeviceLabel<'_>, &AppEvent), more: impl Serialize) {
    let (device, event) = about;
    let body = Told {
        event_id: Shown(event_id(about)),
        dev_eui: device.dev_eui,
        wireless_device_id: device.wireless_device_id,
        device_name: device.name,
        more,
        timestamp: Shown(event.at),
    };
    write(to, &body);
}
