//! What device profile and service profile say of ADR, as the decisions take it.

use lns_core::adr::{Algorithm, Mode, NbTrans, Policy, Target};
use lns_core::profile::Profile;
use lns_lorawan::{DataRateIndex, Db, Direction, TxPowerIndex};

use super::{DeviceProfile, RegistryError, ServiceProfile};

/// The words for who chooses.
pub const MODES: [&str; 3] = ["dynamic", "static", "off"];

/// What people want of ADR for a device of this make and service. The service profile comes before
/// the device profile where both speak.
pub(super) fn policy(
    make: &DeviceProfile,
    service: Option<&ServiceProfile>,
    decided: &Profile,
) -> Result<Policy, RegistryError> {
    let usual = Policy::default();
    let mut policy = Policy { mode: mode(make, decided)?, ..usual };
    if let Some(name) = &make.adr_algorithm {
        policy.algorithm = name
            .parse::<Algorithm>()
            .map_err(|problem| RegistryError::Unfit(format!("AdrAlgorithm: {problem}")))?;
    }
    let margin = service.and_then(|service| service.adr_margin_db).or(make.adr_margin_db);
    if let Some(margin) = margin {
        policy.installation_margin = Db::from_whole(i16::from(narrow(margin)));
    }
    let Some(service) = service else { return Ok(policy) };
    let data_rate = |given: Option<u32>| given.and_then(|dr| DataRateIndex::new(narrow(dr)));
    let tx_power = |given: Option<u32>| given.and_then(|index| TxPowerIndex::new(narrow(index)));
    let nb_trans = |given: Option<u32>| given.map(|times| NbTrans::clamped(narrow(times)));
    policy.data_rates = (data_rate(service.dr_min), data_rate(service.dr_max));
    policy.tx_powers = (tx_power(service.tx_power_index_min), tx_power(service.tx_power_index_max));
    let (least, most) = policy.nb_trans;
    policy.nb_trans = (
        nb_trans(service.nb_trans_min).unwrap_or(least),
        nb_trans(service.nb_trans_max).unwrap_or(most),
    );
    // 0 would never be reached; AWS shows it where nobody has said anything.
    policy.target_per = service.target_per.filter(|per| *per > 0).map_or(policy.target_per, narrow);
    policy.min_gateways = service.min_gw_diversity.map_or(policy.min_gateways, narrow).max(1);
    Ok(policy)
}

fn mode(make: &DeviceProfile, decided: &Profile) -> Result<Mode, RegistryError> {
    let [dynamic, fixed, off] = MODES;
    match make.adr_mode.as_deref() {
        None => Ok(Mode::Dynamic),
        Some(word) if word == dynamic => Ok(Mode::Dynamic),
        Some(word) if word == fixed => target(make, decided).map(Mode::Static),
        Some(word) if word == off => Ok(Mode::Off),
        Some(word) => Err(RegistryError::Unfit(format!("AdrMode: {word:?} is unknown"))),
    }
}

/// What a person wants of all devices, checked against the tables: a device would refuse what it
/// does not know.
fn target(make: &DeviceProfile, decided: &Profile) -> Result<Target, RegistryError> {
    let (region, revision) = (decided.region, decided.reg_params);
    let tables = region.tables_for(revision, None);
    let unfit = |what: String| RegistryError::Unfit(format!("{what} in {region}"));
    let data_rate = make.adr_data_rate.ok_or_else(|| {
        RegistryError::Unfit("AdrDataRate: it is needed with AdrMode static".to_owned())
    })?;
    let data_rate = DataRateIndex::new(narrow(data_rate))
        .filter(|index| tables.knows_data_rate(Direction::Up, *index, revision))
        .ok_or_else(|| unfit(format!("AdrDataRate: {data_rate} is no data rate of {revision}")))?;
    let most = tables.max_tx_power_index(revision);
    let tx_power = narrow(make.adr_tx_power_index.unwrap_or(0));
    let tx_power = TxPowerIndex::new(tx_power)
        .filter(|index| *index <= most)
        .ok_or_else(|| unfit(format!("AdrTxPowerIndex: {tx_power} is above {most}")))?;
    let nb_trans = NbTrans::clamped(narrow(make.adr_nb_trans.unwrap_or(1)));
    Ok(Target { data_rate, tx_power, nb_trans })
}

/// A number that the door has limited to a byte.
fn narrow(number: u32) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use lns_lorawan::{MacVersion, RegParamsRevision, Region};

    use super::*;

    fn decided() -> Profile {
        Profile::new(Region::Eu868, MacVersion::V1_0_2, RegParamsRevision::Rp001_1_0_2A)
    }

    #[test]
    fn what_the_service_says_comes_before_what_the_make_says() {
        let make = DeviceProfile { adr_margin_db: Some(5), ..DeviceProfile::default() };
        let alone = policy(&make, None, &decided()).unwrap();
        let five = Db::from_whole(5);
        assert_eq!(alone, Policy { installation_margin: five, ..Policy::default() });

        let service = ServiceProfile {
            dr_min: Some(1),
            dr_max: Some(15),
            tx_power_index_min: Some(0),
            tx_power_index_max: Some(3),
            nb_trans_min: Some(0),
            nb_trans_max: Some(2),
            target_per: Some(0),
            min_gw_diversity: Some(2),
            adr_margin_db: Some(15),
            ..ServiceProfile::default()
        };
        let both = policy(&make, Some(&service), &decided()).unwrap();
        assert_eq!(both.installation_margin, Db::from_whole(15));
        assert_eq!(both.data_rates, (DataRateIndex::new(1), DataRateIndex::new(15)));
        assert_eq!(both.tx_powers, (TxPowerIndex::new(0), TxPowerIndex::new(3)));
        assert_eq!(both.nb_trans, (NbTrans::ONCE, NbTrans::clamped(2)));
        assert_eq!((both.target_per, both.min_gateways), (10, 2));
    }

    #[test]
    fn a_static_setting_is_one_that_the_device_knows() {
        let fixed = |data_rate, tx_power| DeviceProfile {
            adr_mode: Some("static".to_owned()),
            adr_data_rate: data_rate,
            adr_tx_power_index: tx_power,
            adr_nb_trans: Some(2),
            ..DeviceProfile::default()
        };
        let good = policy(&fixed(Some(3), Some(5)), None, &decided()).unwrap();
        let Mode::Static(target) = good.mode else { panic!("{good:?}") };
        let numbers = (target.data_rate.value(), target.tx_power.value(), target.nb_trans.value());
        assert_eq!(numbers, (3, 5, 2));
        for (data_rate, tx_power, complaint) in [
            (None, None, "AdrDataRate: it is needed"),
            (Some(12), None, "AdrDataRate: 12 is no data rate of RP001-1.0.2-revA"),
            (Some(3), Some(6), "AdrTxPowerIndex: 6 is above 5"),
        ] {
            let refused = policy(&fixed(data_rate, tx_power), None, &decided()).unwrap_err();
            assert!(refused.to_string().contains(complaint), "{refused}");
        }
    }
}
