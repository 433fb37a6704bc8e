//! IN865's power.
//!
//! RP002-1.0.5 §3.12.3 starts at 29.2 dBm and has TXPower 1 to 14, two dB each; earlier editions
//! start at 30 dBm and end at TXPower 10, beyond which an older device refuses the whole block.

use lns_lorawan::{Dbm, RegParamsRevision, Region, TxPowerIndex};

#[test]
fn the_table_grew_and_its_top_came_down() {
    let power = |revision, index| {
        let tables = Region::In865.tables_for(revision, None);
        tables.tx_power(TxPowerIndex::new(index).unwrap(), tables.max_eirp, revision)
    };
    let (old, new) = (RegParamsRevision::Rp002_1_0_4, RegParamsRevision::Rp002_1_0_5);
    assert_eq!(power(old, 0), Some(Dbm::from_whole(30)));
    assert_eq!(power(old, 10), Some(Dbm::from_whole(10)));
    assert_eq!(power(old, 11), None);
    assert_eq!(power(new, 0), Some(Dbm::from_hundredths(2920)));
    assert_eq!(power(new, 14), Some(Dbm::from_hundredths(120)));
    assert_eq!(power(new, 15), None);
}
