//! From what people wrote to what the decisions take.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use lns_core::class::b::Periodicity;
use lns_core::mac::duty_cycle;
use lns_core::profile::{DevNoncePolicy, FCntResetPolicy};
use lns_core::session::{AdrAck, RejoinPeriod};
use lns_core::{Activation, Description, Profile};
use lns_lorawan::{
    DataRateIndex, Dbm, Direction, FCntUp, Frequency, MacVersion, RegParamsRevision, Region,
    RxDelay, Scheme, SessionKeys, TimeDelta,
};

use super::{Defaults, DeviceProfile, Keys, RegistryError, ServiceProfile, WirelessDevice};

/// The version of a profile that names none: the one that most devices in the field have.
const USUAL_VERSION: MacVersion = MacVersion::V1_0_3;

/// Reads a name; a complaint says in which field it stands.
fn named<T: FromStr<Err: Display>>(field: &str, text: &str) -> Result<T, RegistryError> {
    text.parse().map_err(|problem| RegistryError::Unfit(format!("{field}: {problem}")))
}

/// The region with this name.
pub(super) fn region(name: &str) -> Result<Region, RegistryError> {
    named("RfRegion", name)
}

fn mac_version(profile: &DeviceProfile) -> Result<MacVersion, RegistryError> {
    profile.mac_version.as_deref().map_or(Ok(USUAL_VERSION), |text| named("MacVersion", text))
}

/// The revision of the regional parameters. A bare `A` or `B`, as AWS's console writes it, is a
/// revision of the document that came with the MAC version.
fn reg_params(
    profile: &DeviceProfile,
    version: MacVersion,
) -> Result<RegParamsRevision, RegistryError> {
    match profile.reg_params_revision.as_deref() {
        None => Ok(version.default_reg_params()),
        Some(bare @ ("A" | "B" | "a" | "b")) => {
            named("RegParamsRevision", &format!("RP001-{version}-rev{bare}"))
        }
        Some(text) => named("RegParamsRevision", text),
    }
}

/// A profile as the decisions take it; checks that it means something.
pub(super) fn profile(
    profile: &DeviceProfile,
    defaults: &Defaults,
) -> Result<Arc<Profile>, RegistryError> {
    if let Some(decided) = profile.decided.0.get() {
        return Ok(Arc::clone(decided));
    }
    let mac_version = mac_version(profile)?;
    let region = profile.region.as_deref().map_or(Ok(defaults.region), region)?;
    let mut decided = Profile::new(region, mac_version, reg_params(profile, mac_version)?);
    decided.supports_join = profile.supports_join.unwrap_or(true);
    decided.rx_delay = profile.rx_delay.and_then(|s| RxDelay::new(narrow(s)));
    decided.rx1_dr_offset = narrow(profile.rx1_dr_offset.unwrap_or(0));
    decided.rx2_data_rate = profile.rx2_data_rate.and_then(|dr| DataRateIndex::new(narrow(dr)));
    decided.rx2_frequency = profile.rx2_frequency.map(Frequency::from_hz);
    let channels = profile.factory_channels.iter().flatten();
    decided.factory_channels = channels.map(|hz| Frequency::from_hz(*hz)).collect();
    decided.sub_band = profile.sub_band.map(narrow);
    decided.dev_nonce = dev_nonce(profile)?;
    decided.f_cnt_reset = f_cnt_reset(profile)?;
    decided.confirmed_attempts =
        profile.confirmed_attempts.map_or(defaults.confirmed_attempts, narrow);
    decided.reply_window_ms = profile.reply_window_ms.unwrap_or(defaults.reply_window_ms);
    decided.dev_status_interval = profile
        .dev_status_interval_s
        .filter(|seconds| *seconds > 0)
        .map(|seconds| TimeDelta::from_secs(i64::from(seconds)));
    decided.f_cnt_16_bit = profile.supports_32_bit_f_cnt == Some(false);
    commands(profile, &mut decided);
    classes(profile, &mut decided);
    decided.answer_as_1_0 = profile.answer_as_1_0 == Some(true);
    decided.f_opts_first_text = profile.f_opts_first_text == Some(true);
    network_wide(&mut decided, defaults);
    suits_region(&decided)?;
    Ok(Arc::clone(profile.decided.0.get_or_init(|| Arc::new(decided))))
}

/// What MAC commands ask of devices.
fn commands(profile: &DeviceProfile, decided: &mut Profile) {
    decided.max_eirp =
        profile.max_eirp.and_then(|dbm| i16::try_from(dbm).ok()).map(Dbm::from_whole);
    decided.max_duty_cycle = duty_cycle::exponent(narrow(profile.max_duty_cycle.unwrap_or(0)));
    decided.uplink_dwell_time = profile.uplink_dwell_time;
    decided.downlink_dwell_time = profile.downlink_dwell_time;
    let limits = profile.rejoin_max_time_n.zip(profile.rejoin_max_count_n);
    decided.rejoin = limits
        .map(|(time, count)| RejoinPeriod { max_time_n: narrow(time), max_count_n: narrow(count) });
    let exponents = profile.adr_ack_limit_exp.zip(profile.adr_ack_delay_exp);
    decided.adr_ack = exponents
        .map(|(limit, delay)| AdrAck { limit_exp: narrow(limit), delay_exp: narrow(delay) });
    decided.ping_slot_frequency = frequency(profile.ping_slot_frequency);
    decided.ping_slot_data_rate =
        profile.ping_slot_dr.and_then(|data_rate| DataRateIndex::new(narrow(data_rate)));
    decided.beacon_frequency = frequency(profile.beacon_frequency);
}

/// 0 means the region's, as it does on the air.
fn frequency(hz: Option<u32>) -> Option<Frequency> {
    hz.filter(|hz| *hz > 0).map(Frequency::from_hz)
}

/// Classes B and C. A time-out of 0 s, which AWS's console writes for a device that has none, means
/// the standard's.
fn classes(profile: &DeviceProfile, decided: &mut Profile) {
    let seconds = |given: Option<u32>| {
        given.filter(|seconds| *seconds > 0).map(|s| TimeDelta::from_secs(i64::from(s)))
    };
    decided.supports_class_b = profile.supports_class_b == Some(true);
    if let Some(slots) = profile.ping_slot_period {
        decided.ping_slot_periodicity = Periodicity::from_period(slots);
    }
    decided.class_b_timeout = seconds(profile.class_b_timeout).unwrap_or(decided.class_b_timeout);
    decided.supports_class_c = profile.supports_class_c == Some(true);
    decided.class_c_timeout = seconds(profile.class_c_timeout).unwrap_or(decided.class_c_timeout);
    if let Some(ms) = profile.downlink_interval_ms {
        decided.unprompted_interval = TimeDelta::from_millis(i64::from(ms));
    }
}

/// What the network has in the region, where the profile does not say. RX2 only of devices that join:
/// a personalized one has it from the factory.
fn network_wide(profile: &mut Profile, defaults: &Defaults) {
    let of_region = defaults.regions.iter().find(|of| of.region == profile.region);
    let Some(network) = of_region else { return };
    profile.sub_band = profile.sub_band.or(network.sub_band);
    if profile.supports_join {
        let tables = profile.tables();
        let known = |rate: &DataRateIndex| {
            tables.knows_data_rate(Direction::Down, *rate, profile.reg_params)
        };
        profile.rx2_frequency = profile.rx2_frequency.or(network.rx2_frequency);
        profile.rx2_data_rate = profile.rx2_data_rate.or(network.rx2_data_rate.filter(known));
    }
}

/// A number that the door has limited to a byte.
fn narrow(number: u32) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

fn dev_nonce(profile: &DeviceProfile) -> Result<DevNoncePolicy, RegistryError> {
    let [by_version, random, counting, unchecked] = DeviceProfile::DEV_NONCE;
    match profile.dev_nonce.as_deref() {
        None => Ok(DevNoncePolicy::ByVersion),
        Some(word) if word == by_version => Ok(DevNoncePolicy::ByVersion),
        Some(word) if word == random => Ok(DevNoncePolicy::Random),
        Some(word) if word == counting => Ok(DevNoncePolicy::Counting),
        Some(word) if word == unchecked => Ok(DevNoncePolicy::Unchecked),
        Some(word) => Err(RegistryError::Unfit(format!("DevNonce: {word:?} is unknown"))),
    }
}

fn f_cnt_reset(profile: &DeviceProfile) -> Result<FCntResetPolicy, RegistryError> {
    let [refuse, accept] = DeviceProfile::F_CNT_RESET;
    match profile.f_cnt_reset.as_deref() {
        None => Ok(FCntResetPolicy::Refuse),
        Some(word) if word == refuse => Ok(FCntResetPolicy::Refuse),
        Some(word) if word == accept => Ok(FCntResetPolicy::Accept),
        Some(word) => Err(RegistryError::Unfit(format!("FCntReset: {word:?} is unknown"))),
    }
}

/// Refuses what the region does not have: a device told so would not hear us.
fn suits_region(profile: &Profile) -> Result<(), RegistryError> {
    let (region, tables) = (profile.region, profile.tables());
    let unfit = |what: String| Err(RegistryError::Unfit(format!("{what} in {region}")));
    let most = tables.max_rx1_dr_offset();
    if profile.rx1_dr_offset > most {
        let offset = profile.rx1_dr_offset;
        return unfit(format!("RxDrOffset1: {offset} is above {most}, the greatest"));
    }
    if let Some(dr) = profile.rx2_data_rate
        && !tables.knows_data_rate(Direction::Down, dr, profile.reg_params)
    {
        let (dr, revision) = (dr.value(), profile.reg_params);
        return unfit(format!("RxDataRate2: {dr} is no downlink data rate of {revision}"));
    }
    if let Some(rx2) = profile.rx2_frequency
        && tables.downlink_max_eirp(rx2).is_none()
    {
        return unfit(format!("RxFreq2: {rx2} is not a frequency to send at"));
    }
    // Of devices that are never in class B the console's defaults are kept and mean nothing.
    let class_b =
        [("PingSlotFreq", profile.ping_slot_frequency), ("BeaconFreq", profile.beacon_frequency)];
    for (name, frequency) in class_b.into_iter().filter(|_| profile.supports_class_b) {
        if let Some(frequency) = frequency
            && tables.downlink_max_eirp(frequency).is_none()
        {
            return unfit(format!("{name}: {frequency} is not a frequency to send at"));
        }
    }
    if let Some(dr) = profile.ping_slot_data_rate.filter(|_| profile.supports_class_b)
        && !tables.knows_data_rate(Direction::Down, dr, profile.reg_params)
    {
        let (dr, revision) = (dr.value(), profile.reg_params);
        return unfit(format!("PingSlotDr: {dr} is no downlink data rate of {revision}"));
    }
    let most = region.tables().sub_bands_of_channels();
    if let Some(number) = profile.sub_band.filter(|number| *number > most) {
        return unfit(match most {
            0 => "SubBand: there are no sub-bands of channels".to_owned(),
            most => format!("SubBand: {number} is above {most}, the greatest"),
        });
    }
    Ok(())
}

/// Refuses keys that a profile's version or way of activation has no use for.
pub(super) fn fits(keys: &Keys, profile: &DeviceProfile) -> Result<(), RegistryError> {
    let version = mac_version(profile)?;
    let group = keys.name();
    let of = format!("device profile {}", profile.id);
    if keys.is_1_1() != version.is_1_1() {
        let said = profile.mac_version.as_deref().unwrap_or("nothing, which means 1.0.3");
        return Err(RegistryError::Unfit(format!(
            "{of} says MacVersion {said}, and the device's keys are {group}; give the keys of that \
             version, or another profile"
        )));
    }
    if profile.supports_join.is_some_and(|joins| joins != keys.joins()) {
        let joins = profile.supports_join == Some(true);
        return Err(RegistryError::Unfit(format!(
            "{of} says SupportsJoin {joins}, and the device's keys are {group}; give keys that \
             agree, or another profile"
        )));
    }
    Ok(())
}

/// A device as the decisions take it.
pub(super) fn device(
    device: &WirelessDevice,
    (profile, service): (&DeviceProfile, Option<&ServiceProfile>),
    defaults: &Defaults,
) -> Result<Arc<Description>, RegistryError> {
    let decided = self::profile(profile, defaults)?;
    Ok(Arc::new(Description {
        dev_eui: device.dev_eui,
        name: device.name.as_deref().unwrap_or_default().to_owned(),
        activation: activation(&device.activation),
        adr: super::adr::policy(profile, service, &decided)?,
        profile: decided,
    }))
}

fn activation(keys: &Keys) -> Activation {
    match keys {
        Keys::Otaa10 { app_key, app_eui, join_eui, gen_app_key: _ } => {
            Activation::Otaa10 { join_eui: join_eui.or(*app_eui), app_key: app_key.clone() }
        }
        Keys::Otaa11 { app_key, nwk_key, join_eui } => Activation::Otaa11 {
            join_eui: *join_eui,
            nwk_key: nwk_key.clone(),
            app_key: app_key.clone(),
        },
        Keys::Abp10 { dev_addr, nwk_s_key, app_s_key, f_cnt_start } => Activation::Abp {
            dev_addr: *dev_addr,
            keys: SessionKeys::v1_0(nwk_s_key, app_s_key.clone()),
            f_cnt_start: FCntUp(*f_cnt_start),
        },
        Keys::Abp11 {
            dev_addr,
            f_nwk_s_int_key,
            s_nwk_s_int_key,
            nwk_s_enc_key,
            app_s_key,
            f_cnt_start,
        } => Activation::Abp {
            dev_addr: *dev_addr,
            keys: SessionKeys {
                scheme: Scheme::V1_1,
                f_nwk_s_int_key: f_nwk_s_int_key.clone(),
                s_nwk_s_int_key: s_nwk_s_int_key.clone(),
                nwk_s_enc_key: nwk_s_enc_key.clone(),
                app_s_key: app_s_key.clone(),
            },
            f_cnt_start: FCntUp(*f_cnt_start),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_mac_commands_reaches_the_decisions() {
        let given = DeviceProfile {
            max_eirp: Some(14),
            max_duty_cycle: Some(1),
            adr_ack_limit_exp: Some(3),
            adr_ack_delay_exp: Some(2),
            rejoin_max_time_n: Some(10),
            rejoin_max_count_n: Some(4),
            ping_slot_frequency: Some(0),
            ping_slot_dr: Some(3),
            beacon_frequency: Some(868_800_000),
            ..DeviceProfile::default()
        };
        let mut decided =
            Profile::new(Region::Eu868, USUAL_VERSION, USUAL_VERSION.default_reg_params());
        commands(&given, &mut decided);
        assert_eq!(decided.max_eirp, Some(Dbm::from_whole(14)));
        assert_eq!(decided.max_duty_cycle, 7, "1/128 is not above 1 %");
        assert_eq!(decided.rejoin, Some(RejoinPeriod { max_time_n: 10, max_count_n: 4 }));
        assert_eq!(decided.adr_ack, Some(AdrAck { limit_exp: 3, delay_exp: 2 }));
        assert_eq!(decided.ping_slot_frequency, None, "0 means the region's");
        assert_eq!(decided.ping_slot_data_rate, DataRateIndex::new(3));
        assert_eq!(decided.beacon_frequency, Some(Frequency::from_hz(868_800_000)));
    }

    #[test]
    fn what_is_said_of_classes_reaches_the_decisions() {
        let given = DeviceProfile {
            supports_class_b: Some(true),
            class_b_timeout: Some(20),
            ping_slot_period: Some(128),
            supports_class_c: Some(true),
            class_c_timeout: Some(0),
            downlink_interval_ms: Some(250),
            ..DeviceProfile::default()
        };
        let mut decided =
            Profile::new(Region::Eu868, USUAL_VERSION, USUAL_VERSION.default_reg_params());
        assert!(!decided.supports_class_b && !decided.supports_class_c);
        classes(&given, &mut decided);
        assert!(decided.supports_class_b && decided.supports_class_c);
        assert_eq!(decided.ping_slot_periodicity.period(), 128);
        assert_eq!(decided.class_b_timeout, TimeDelta::from_secs(20));
        assert_eq!(decided.unprompted_interval, TimeDelta::from_millis(250));
        assert_eq!(decided.class_c_timeout, TimeDelta::from_secs(8), "0 means the standard's");
    }
}
