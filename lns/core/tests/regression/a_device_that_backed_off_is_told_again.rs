//! What a device loses by its own back-off is noticed and asked for again.
//!
//! A device that has not heard the network for long goes to full power, then to slower data rates,
//! and at the slowest switches its default channels on again and sends once. A server that goes on
//! believing what it was once answered never tells it its channels again: in US915 eight of nine
//! uplinks are then lost on channels that no gateway hears.

use lns_core::adr::{NbTrans, Target};
use lns_lorawan::{ChMask, DataRateIndex, MacVersion, Region, TxPowerIndex};

use crate::talk::*;

fn target(data_rate: u8, tx_power: u8, nb_trans: u8) -> Target {
    Target {
        data_rate: DataRateIndex::new(data_rate).unwrap(),
        tx_power: TxPowerIndex::new(tx_power).unwrap(),
        nb_trans: NbTrans::clamped(nb_trans),
    }
}

#[test]
fn an_uplink_outside_the_mask_makes_the_mask_unknown() {
    let mut talk = Talk::new(Region::Us915, MacVersion::V1_0_3);
    talk.bench.network.sub_band = Some(2);
    talk.exchanges(4);
    assert_eq!(talk.current().ch_mask, ChMask::bank(1));
    talk.model.enabled = (0..72).collect();
    // It sends on channel 0, which lies in sub-band 1.
    let frame = talk.exchange(CLEAR);
    assert_eq!(frame.first(), Some(&0x03));
    talk.exchanges(2);
    talk.assert_true();
    assert_eq!(talk.current().ch_mask, ChMask::bank(1));
}

#[test]
fn a_slower_data_rate_makes_power_and_at_the_slowest_nb_trans_unknown() {
    let mut talk = Talk::new(Region::Eu868, MacVersion::V1_0_4);
    talk.exchange(CLEAR);
    talk.tell(target(1, 4, 3));
    talk.exchanges(3);
    talk.assert_true();
    assert_eq!((talk.model.tx_power, talk.model.nb_trans), (4, 3));

    (talk.model.data_rate, talk.model.tx_power, talk.model.nb_trans) = (0, 0, 1);
    let asked = talk.exchange(CLEAR);
    assert_eq!((talk.current().tx_power, talk.current().nb_trans), (None, None));
    assert_eq!(asked[..2], [0x03, 0x14], "all of it again");
    talk.exchanges(3);
    talk.assert_true();
    assert_eq!((talk.model.tx_power, talk.model.nb_trans), (4, 3));
}
