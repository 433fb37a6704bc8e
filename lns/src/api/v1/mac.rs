//! `/v1/wireless-devices/{id}/mac`: what a device's MAC does, should do and was asked to do.

use axum::extract::State;
use axum::http::StatusCode;
use lns_core::mac::{Account, Kind, Standing};
use lns_core::session::{Channels, MacParams, Slot};
use serde_json::{Map, Value, json};

use crate::api::common::json_of;
use crate::api::params::Label;
use crate::api::telling::answer;
use crate::api::{Answer, Shared};

use super::devices::find;

/// The account; `current` is null while the device has no session.
pub async fn show(State(state): Shared, Label(label): Label) -> Answer {
    let device = find(&state, &label)?;
    let account = answer(state.surroundings.devices.mac(device.dev_eui)).await?;
    json_of(StatusCode::OK, account.as_ref().map(document).unwrap_or_else(no_session))
}

fn no_session() -> Map<String, Value> {
    let entries = [("current", Value::Null), ("desired", Value::Null), ("requests", json!([]))];
    entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn document(account: &Account) -> Map<String, Value> {
    let requests: Vec<Value> = account.requests.iter().map(request).collect();
    let entries = [
        ("current", params(&account.current)),
        ("desired", params(&account.desired)),
        ("requests", requests.into()),
    ];
    entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn request(standing: &Standing) -> Value {
    let Standing { kind, ask, asked, refused, .. } = standing;
    let state = if ask.outstanding {
        "outstanding"
    } else if ask.refused {
        "refused"
    } else if ask.tries > 0 || ask.in_vain > 0 {
        "tried"
    } else {
        "due"
    };
    let values = |params: &Option<MacParams>| params.as_ref().map(|params| of_kind(*kind, params));
    json!({
        "command": kind.name(),
        "state": state,
        "tries": ask.tries,
        "in_vain": ask.in_vain,
        "not_before_f_cnt": ask.not_before.0,
        "asked": values(asked),
        "refused": values(refused),
    })
}

/// All parameters; null where one is not known, or does not matter.
fn params(params: &MacParams) -> Value {
    let mut all = Map::new();
    for kind in Kind::ALL {
        if let Value::Object(some) = of_kind(kind, params) {
            all.extend(some);
        }
    }
    all.insert("ping_slot_periodicity".to_owned(), json!(params.ping_slot.periodicity));
    all.into()
}

/// The parameters that one command sets.
fn of_kind(kind: Kind, params: &MacParams) -> Value {
    let rx = &params.rx;
    match kind {
        Kind::LinkAdr => json!({
            "channels_in_use": params.ch_mask.map(|mask| mask.iter().collect::<Vec<u8>>()),
            "data_rate": params.data_rate,
            "tx_power": params.tx_power,
            "nb_trans": params.nb_trans,
        }),
        Kind::RxTimingSetup => json!({ "rx_delay": rx.rx_delay.seconds() }),
        Kind::RxParamSetup => json!({
            "rx1_dr_offset": rx.rx1_dr_offset,
            "rx2_data_rate": rx.rx2_data_rate,
            "rx2_frequency": rx.rx2_frequency,
        }),
        Kind::TxParamSetup => json!({
            "downlink_dwell_time": params.tx_params.map(|told| told.downlink_dwell_time),
            "uplink_dwell_time": params.tx_params.map(|told| told.uplink_dwell_time),
            "max_eirp": params.tx_params.map(|told| told.max_eirp),
        }),
        Kind::NewChannel | Kind::DlChannel => json!({ "channels": channels(&params.channels) }),
        Kind::DutyCycle => json!({ "max_duty_cycle": params.max_duty_cycle }),
        Kind::AdrParamSetup => json!({
            "adr_ack_limit_exp": params.adr_ack.map(|ack| ack.limit_exp),
            "adr_ack_delay_exp": params.adr_ack.map(|ack| ack.delay_exp),
        }),
        Kind::RejoinParamSetup => json!({
            "rejoin_max_time_n": params.rejoin.map(|period| period.max_time_n),
            "rejoin_max_count_n": params.rejoin.map(|period| period.max_count_n),
        }),
        Kind::PingSlotChannel => json!({
            "ping_slot_frequency": params.ping_slot.channel.map(|channel| channel.place.on_air()),
            "ping_slot_data_rate": params.ping_slot.channel.and_then(|channel| channel.data_rate),
        }),
        Kind::BeaconFreq => json!({ "beacon_frequency": params.beacon.map(|at| at.on_air()) }),
        Kind::DevStatus => json!({}),
    }
}

fn channels(channels: &Channels) -> Value {
    let channel = |(index, slot): (u8, Slot)| match slot {
        Slot::Free => None,
        Slot::Unknown => Some(json!({ "index": index, "known": false })),
        Slot::Channel(channel) => Some(json!({
            "index": index,
            "known": true,
            "frequency": channel.frequency,
            "data_rates": channel.data_rates.iter().collect::<Vec<_>>(),
            "rx1_frequency": channel.rx1_frequency,
        })),
    };
    channels.slots().filter_map(channel).collect::<Vec<Value>>().into()
}
