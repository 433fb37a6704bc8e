//! `/device-profiles`: AWS's shape. Under `/v1/device-profiles` the same record can be changed.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use lns_core::adr::Algorithm;
use serde_json::{Map, Value, json};

use crate::registry::{ADR_MODES, DeviceProfile, Id, Kind, Registry, ShadowMode};

use super::common::{
    CODEC_TAG, NAME, created, done, id, identity, json_of, list_of, page_of, put, tags,
};
use super::fields::Fields;
use super::params::{Label, Params};
use super::row::{self, Row, Slot, Spelling};
use super::{Answer, Shared, arn};

/// The fields of AWS's `LoRaWAN` object and of `/v1/`.
pub const ROWS: &[Row<DeviceProfile>] = &[
    Row::new("RfRegion", "region", Slot::Text(|p| &mut p.region, 64)),
    Row::new("MacVersion", "mac_version", Slot::Text(|p| &mut p.mac_version, 64)),
    Row::new(
        "RegParamsRevision",
        "reg_params_revision",
        Slot::Text(|p| &mut p.reg_params_revision, 64),
    ),
    Row::new("SupportsJoin", "supports_join", Slot::Flag(|p| &mut p.supports_join)),
    Row::new(
        "Supports32BitFCnt",
        "supports_32_bit_f_cnt",
        Slot::Flag(|p| &mut p.supports_32_bit_f_cnt),
    ),
    Row::new("RxDelay1", "rx_delay", Slot::Whole(|p| &mut p.rx_delay, 0..=15)),
    Row::new("RxDrOffset1", "rx1_dr_offset", Slot::Whole(|p| &mut p.rx1_dr_offset, 0..=7)),
    Row::new("RxDataRate2", "rx2_data_rate", Slot::Whole(|p| &mut p.rx2_data_rate, 0..=15)),
    Row::new("RxFreq2", "rx2_frequency", Slot::Frequency(|p| &mut p.rx2_frequency)),
    Row::new(
        "FactoryPresetFreqsList",
        "factory_channels",
        Slot::Frequencies(|p| &mut p.factory_channels, 20),
    ),
    Row::new("MaxEirp", "max_eirp", Slot::Whole(|p| &mut p.max_eirp, 0..=36)),
    Row::new("MaxDutyCycle", "max_duty_cycle", Slot::Whole(|p| &mut p.max_duty_cycle, 0..=100)),
    Row::new("SupportsClassB", "supports_class_b", Slot::Flag(|p| &mut p.supports_class_b)),
    Row::new("ClassBTimeout", "class_b_timeout", Slot::Whole(|p| &mut p.class_b_timeout, 0..=1000)),
    Row::new(
        "PingSlotPeriod",
        "ping_slot_period",
        Slot::Whole(|p| &mut p.ping_slot_period, 32..=4096),
    ),
    Row::new("PingSlotDr", "ping_slot_dr", Slot::Whole(|p| &mut p.ping_slot_dr, 0..=15)),
    Row::new(
        "PingSlotFreq",
        "ping_slot_frequency",
        Slot::Frequency(|p| &mut p.ping_slot_frequency),
    ),
    Row::new("SupportsClassC", "supports_class_c", Slot::Flag(|p| &mut p.supports_class_c)),
    Row::new("ClassCTimeout", "class_c_timeout", Slot::Whole(|p| &mut p.class_c_timeout, 0..=1000)),
    Row::extra("Codec", "codec", Slot::Text(|p| &mut p.codec, 128)),
    Row::extra(
        "DevNonce",
        "dev_nonce",
        Slot::Word(|p| &mut p.dev_nonce, &DeviceProfile::DEV_NONCE),
    ),
    Row::extra(
        "FCntReset",
        "f_cnt_reset",
        Slot::Word(|p| &mut p.f_cnt_reset, &DeviceProfile::F_CNT_RESET),
    ),
    Row::extra("Shadow", "shadow", Slot::Word(|p| &mut p.shadow, &ShadowMode::WORDS)),
    Row::extra(
        "ConfirmedAttempts",
        "confirmed_attempts",
        Slot::Whole(|p| &mut p.confirmed_attempts, 1..=15),
    ),
    Row::extra(
        "DownlinkIntervalMs",
        "downlink_interval_ms",
        Slot::Whole(|p| &mut p.downlink_interval_ms, 0..=3_600_000),
    ),
    Row::extra(
        "ReplyWindowMs",
        "reply_window_ms",
        Slot::Whole(|p| &mut p.reply_window_ms, 0..=10_000),
    ),
    Row::extra(
        "UplinkIntervalS",
        "uplink_interval_s",
        Slot::Whole(|p| &mut p.uplink_interval_s, 0..=31_536_000),
    ),
    Row::extra(
        "SilentAfterIntervals",
        "silent_after_intervals",
        Slot::Whole(|p| &mut p.silent_after_intervals, 1..=1_000),
    ),
    Row::extra(
        "DevStatusIntervalS",
        "dev_status_interval_s",
        Slot::Whole(|p| &mut p.dev_status_interval_s, 0..=31_536_000),
    ),
    Row::extra("UplinkDwellTime", "uplink_dwell_time", Slot::Flag(|p| &mut p.uplink_dwell_time)),
    Row::extra(
        "DownlinkDwellTime",
        "downlink_dwell_time",
        Slot::Flag(|p| &mut p.downlink_dwell_time),
    ),
    Row::extra(
        "AdrAckLimitExp",
        "adr_ack_limit_exp",
        Slot::Whole(|p| &mut p.adr_ack_limit_exp, 0..=15),
    ),
    Row::extra(
        "AdrAckDelayExp",
        "adr_ack_delay_exp",
        Slot::Whole(|p| &mut p.adr_ack_delay_exp, 0..=15),
    ),
    Row::extra(
        "RejoinMaxTimeN",
        "rejoin_max_time_n",
        Slot::Whole(|p| &mut p.rejoin_max_time_n, 0..=15),
    ),
    Row::extra(
        "RejoinMaxCountN",
        "rejoin_max_count_n",
        Slot::Whole(|p| &mut p.rejoin_max_count_n, 0..=15),
    ),
    Row::extra("BeaconFreq", "beacon_frequency", Slot::Frequency(|p| &mut p.beacon_frequency)),
    Row::extra("AdrMode", "adr_mode", Slot::Word(|p| &mut p.adr_mode, &ADR_MODES)),
    Row::extra(
        "AdrAlgorithm",
        "adr_algorithm",
        Slot::Word(|p| &mut p.adr_algorithm, &Algorithm::NAMES),
    ),
    Row::extra("AdrMarginDb", "adr_margin_db", Slot::Whole(|p| &mut p.adr_margin_db, 0..=40)),
    Row::extra("AdrDataRate", "adr_data_rate", Slot::Whole(|p| &mut p.adr_data_rate, 0..=15)),
    Row::extra(
        "AdrTxPowerIndex",
        "adr_tx_power_index",
        Slot::Whole(|p| &mut p.adr_tx_power_index, 0..=15),
    ),
    Row::extra("AdrNbTrans", "adr_nb_trans", Slot::Whole(|p| &mut p.adr_nb_trans, 1..=15)),
    Row::extra("SubBand", "sub_band", Slot::Whole(|p| &mut p.sub_band, 1..=12)),
    Row::extra("AnswerAs1_0", "answer_as_1_0", Slot::Flag(|p| &mut p.answer_as_1_0)),
    Row::extra("FOptsFirstText", "f_opts_first_text", Slot::Flag(|p| &mut p.f_opts_first_text)),
];

/// CreateDeviceProfile.
pub async fn create(State(state): Shared, body: Bytes) -> Answer {
    let mut fields = Fields::parse(&body)?;
    let (id, made_by) = identity(&mut fields, Kind::DeviceProfile, &body)?;
    let mut profile = DeviceProfile::new(id, made_by);
    profile.name = fields.text("Name", 0..=NAME)?;
    profile.tags = tags(&mut fields)?;
    if fields.take("Sidewalk").is_some() {
        return Err(super::fields::wrong("Sidewalk", "this server speaks LoRaWAN only"));
    }
    if let Some(mut lorawan) = fields.object("LoRaWAN")? {
        row::read(ROWS, Spelling::Aws, &mut lorawan, &mut profile)?;
        lorawan.finish()?;
    }
    fields.finish()?;
    if let Some(codec) = profile.tags.remove(CODEC_TAG) {
        profile.codec = Some(codec);
    }
    let made = state.change(move |registry| registry.create(profile)).await?;
    created(Kind::DeviceProfile, &made.record().id)
}

/// GetDeviceProfile.
pub async fn show(State(state): Shared, Label(label): Label) -> Answer {
    let id = id(&label, Kind::DeviceProfile)?;
    let profile = state.registry.require::<DeviceProfile>(&id)?;
    let mut body = entry(&profile);
    body.insert("LoRaWAN".to_owned(), row::write(ROWS, Spelling::Aws, &*profile).into());
    json_of(StatusCode::OK, body)
}

/// ListDeviceProfiles.
pub async fn list(State(state): Shared, mut params: Params) -> Answer {
    let page = params.page()?;
    let kind = params.word("deviceProfileType", &["LoRaWAN", "Sidewalk"])?;
    params.finish()?;
    let start = page.start(Id::parse)?;
    let wanted = |_: &DeviceProfile| kind.as_deref() != Some("Sidewalk");
    let (profiles, token) = page_of(&state.registry, (&page, start), wanted);
    let list = profiles.iter().map(|profile| entry(profile).into()).collect();
    list_of(("DeviceProfileList", "NextToken"), list, token)
}

fn entry(profile: &DeviceProfile) -> Map<String, Value> {
    let mut entry = Map::new();
    entry.insert("Arn".to_owned(), arn::of(Kind::DeviceProfile, &profile.id).into());
    put(&mut entry, "Name", profile.name.clone());
    entry.insert("Id".to_owned(), json!(profile.id));
    entry
}

/// DeleteDeviceProfile.
pub async fn remove(State(state): Shared, Label(label): Label) -> Answer {
    let id = id(&label, Kind::DeviceProfile)?;
    state.change(move |registry: &Registry| registry.remove::<DeviceProfile>(&id)).await?;
    done()
}

#[cfg(test)]
mod tests {
    use super::ROWS;

    #[test]
    fn every_field_stands_in_the_reference() {
        let reference = include_str!("../../../docs/HTTP.md");
        for row in ROWS {
            for name in [row.aws, row.ours] {
                assert!(reference.contains(&format!("`{name}`")), "{name} is not in docs/HTTP.md");
            }
        }
    }
}
