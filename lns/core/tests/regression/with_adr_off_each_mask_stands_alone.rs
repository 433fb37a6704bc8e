//! With the ADR bit off a reference device judges each LinkADRReq by itself and takes only the mask.
//!
//! LoRaMac-node refuses one that leaves fewer than two 125 kHz channels, even if the next one would
//! add eight: the usual block "all off, then these" is refused at its first request. It ignores data
//! rate, power and NbTrans (`LoRaMac.c`, `RegionCommon.c`): a server that takes the answer for all of
//! it believes in a power that the device has not.

use lns_core::adr::{NbTrans, Target};
use lns_lorawan::{ChMask, DataRateIndex, MacVersion, Region, TxPowerIndex};

use crate::talk::*;

fn adr_off(version: MacVersion) -> Talk {
    let mut talk = Talk::new(Region::Us915, version);
    talk.bench.network.sub_band = Some(2);
    talk.model.adr = false;
    talk
}

#[test]
fn masks_go_fullest_first_and_none_is_refused() {
    for version in [MacVersion::V1_0_2, MacVersion::V1_0_4] {
        let mut talk = adr_off(version);
        let frame = talk.exchange(CLEAR);
        let controls: Vec<u8> = frame.chunks(5).map(|request| request[4] >> 4).collect();
        assert_eq!(controls[0], 0, "channels 8 to 15 come first: {controls:?}");
        assert!(!controls.contains(&7), "all off is refused: {controls:?}");
        talk.exchange(CLEAR);
        assert!(talk.notes.iter().all(|note| !format!("{note:?}").contains("Refused")));
        talk.assert_true();
        assert_eq!(talk.current().ch_mask, ChMask::bank(1));
    }
}

#[test]
fn power_and_repetitions_are_not_taken_as_changed() {
    let mut talk = adr_off(MacVersion::V1_0_3);
    talk.tell(Target {
        data_rate: DataRateIndex::new(1).unwrap(),
        tx_power: TxPowerIndex::new(5).unwrap(),
        nb_trans: NbTrans::clamped(3),
    });
    talk.exchanges(3);
    talk.assert_true();
    assert_eq!(talk.current().tx_power, Some(TxPowerIndex::MAX_POWER));
    assert_eq!(talk.current().nb_trans, Some(1));
}
