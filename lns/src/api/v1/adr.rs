//! `/v1/wireless-devices/{id}/adr`: what a device is told by ADR, and why.

use axum::extract::State;
use axum::http::StatusCode;
use lns_core::adr::{Mode, Target};
use serde_json::{Map, Value, json};

use crate::api::common::{json_of, put};
use crate::api::params::{Label, Params};
use crate::api::running::AdrSeen;
use crate::api::telling::answer;
use crate::api::{Answer, Shared};

use super::devices::find;

/// The last decision and the frames that it rests on.
pub async fn show(State(state): Shared, Label(label): Label, params: Params) -> Answer {
    params.finish()?;
    let device = find(&state, &label)?;
    let seen = answer(state.surroundings.devices.adr(device.dev_eui)).await?;
    json_of(StatusCode::OK, document(&seen))
}

fn document(seen: &AdrSeen) -> Map<String, Value> {
    let mut document = Map::new();
    let mode = match seen.policy.mode {
        Mode::Dynamic => "dynamic",
        Mode::Static(_) => "static",
        Mode::Off => "off",
    };
    document.insert("mode".to_owned(), json!(mode));
    document.insert("algorithm".to_owned(), json!(seen.policy.algorithm.name()));
    document.insert("margin_db".to_owned(), json!(seen.policy.installation_margin.to_f64()));
    document.insert("adr_bit".to_owned(), json!(seen.adr_bit));
    let mut current = Map::new();
    put(&mut current, "data_rate", seen.current.0.map(|index| index.value()));
    put(&mut current, "tx_power_index", seen.current.1.map(|index| index.value()));
    put(&mut current, "nb_trans", seen.current.2);
    document.insert("current".to_owned(), current.into());
    if let Some(why) = &seen.why {
        document.insert("target".to_owned(), target(&why.target));
        let mut reasons = Map::new();
        reasons.insert("decision".to_owned(), json!(why.decision.label()));
        reasons.insert("samples".to_owned(), json!(why.samples));
        put(&mut reasons, "best_snr_db", why.best_snr.map(|snr| snr.to_f64()));
        put(&mut reasons, "margin_db", why.margin.map(|margin| margin.to_f64()));
        let (lost, frames) = why.lost;
        reasons.insert("frames_lost".to_owned(), json!(lost));
        reasons.insert("frames_sent".to_owned(), json!(frames));
        document.insert("why".to_owned(), reasons.into());
    }
    let samples = seen.samples.iter().map(|(snr, gateways, data_rate, tx_power)| {
        json!({
            "snr_db": snr.map(|snr| snr.to_f64()),
            "gateways": gateways,
            "data_rate": data_rate.value(),
            "tx_power_index": tx_power.value(),
        })
    });
    document.insert("samples".to_owned(), samples.collect::<Vec<_>>().into());
    document
}

fn target(target: &Target) -> Value {
    json!({
        "data_rate": target.data_rate.value(),
        "tx_power_index": target.tx_power.value(),
        "nb_trans": target.nb_trans.value(),
    })
}
