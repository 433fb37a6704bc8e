//! TXPower beyond a device's table.
//!
//! EU868 and AS923 had TXPower 0 to 5 before RP001 1.0.2 B, US915 and AU915 0 to 10 through 1.0.2 B,
//! and KR920 1.0.2 A has steps of its own. An index that a device does not have makes it refuse the
//! whole block of LinkADRReq, data rate and channels with it.

use lns_lorawan::{Dbm, RegParamsRevision, Region, TxPowerIndex};

#[test]
fn the_greatest_index_follows_the_edition() {
    use RegParamsRevision::{Rp001_1_0_2A, Rp001_1_0_2B, Rp001_1_0_3A, Rp002_1_0_5};
    for (region, expected) in [
        (Region::Eu868, [5, 7, 7, 7]),
        (Region::As923_1, [5, 7, 7, 7]),
        (Region::As923_4, [5, 7, 7, 7]),
        (Region::Us915, [10, 10, 14, 14]),
        (Region::Au915, [10, 10, 14, 14]),
        (Region::Kr920, [6, 7, 7, 7]),
        (Region::In865, [10, 10, 10, 14]),
        (Region::Eu433, [5, 5, 5, 5]),
        (Region::Cn779, [5, 5, 5, 5]),
        (Region::Cn470, [7, 7, 7, 7]),
        (Region::Ru864, [7, 7, 7, 7]),
        (Region::Ism2400, [7, 7, 7, 7]),
    ] {
        let revisions = [Rp001_1_0_2A, Rp001_1_0_2B, Rp001_1_0_3A, Rp002_1_0_5];
        let greatest = revisions.map(|revision| {
            let tables = region.tables_for(revision, None);
            let index = tables.max_tx_power_index(revision);
            assert!(tables.tx_power(index, tables.max_eirp, revision).is_some());
            let beyond = TxPowerIndex::new(index.value() + 1).unwrap();
            assert_eq!(tables.tx_power(beyond, tables.max_eirp, revision), None);
            index.value()
        });
        assert_eq!(greatest, expected, "{region}");
    }
}

#[test]
fn the_first_kr920_has_uneven_steps() {
    let revision = RegParamsRevision::Rp001_1_0_2A;
    let tables = Region::Kr920.tables_for(revision, None);
    let dbm = (0..7).map(|index| {
        let index = TxPowerIndex::new(index).unwrap();
        tables.tx_power(index, tables.max_eirp, revision).unwrap()
    });
    let expected = [20, 14, 10, 8, 5, 2, 0].map(Dbm::from_whole);
    assert_eq!(dbm.collect::<Vec<_>>(), expected);
}
