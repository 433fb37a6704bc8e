//! `/v1/wireless-devices/{id}/rejoin`: a 1.1 device is made to rejoin (ForceRejoinReq).

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use lns_core::mac::force_rejoin::{ForceRejoin, RejoinType};
use lns_lorawan::DataRateIndex;
use serde_json::json;

use crate::api::common::json_of;
use crate::api::fields::{Fields, wrong};
use crate::api::params::Label;
use crate::api::telling::answer;
use crate::api::{Answer, ApiError, Shared};

use super::devices::find;

/// Asks for a Rejoin-Request: `type` 0 (a new session from the start) or 2 (new keys, the default),
/// at `data_rate`, repeated `max_retries` times every 32 · 2^`period` s.
pub async fn force(State(state): Shared, Label(label): Label, body: Bytes) -> Answer {
    let device = find(&state, &label)?;
    let mut fields = Fields::parse(&body)?;
    let mut small = |name: &str, most: u32| -> Result<Option<u8>, ApiError> {
        let number = fields.whole(name, 0..=most)?;
        Ok(number.map(|number| u8::try_from(number).expect("at most 15")))
    };
    let rejoin_type = match small("type", 2)? {
        Some(0) => RejoinType::Anew,
        None | Some(2) => RejoinType::Rekey,
        Some(other) => return Err(wrong("type", format!("{other} is neither 0 nor 2"))),
    };
    let data_rate = small("data_rate", 15)?.and_then(DataRateIndex::new);
    let period = small("period", 7)?.unwrap_or(0);
    let max_retries = small("max_retries", 7)?.unwrap_or(3);
    fields.finish()?;
    let data_rate = data_rate.unwrap_or(DataRateIndex::DR0);
    let wish = ForceRejoin { rejoin_type, data_rate, period, max_retries };
    answer(state.surroundings.devices.force_rejoin(device.dev_eui, wish)).await?;
    json_of(StatusCode::ACCEPTED, json!({}))
}
