//! 15 as data rate and power means "as it is" only from LoRaWAN 1.0.4 on.
//!
//! An earlier device looks 15 up in its tables, does not find it, and refuses the whole block: it
//! stays on 72 channels for ever. It must be told its own data rate and power instead.

use lns_lorawan::{MacVersion, Region};

use crate::talk::*;

#[test]
fn an_older_device_is_told_what_it_has() {
    let versions = [
        (MacVersion::V1_0_0, 0x30),
        (MacVersion::V1_0_2, 0x30),
        (MacVersion::V1_0_3, 0x30),
        (MacVersion::V1_0_4, 0xff),
        (MacVersion::V1_1_0, 0xff),
    ];
    for (version, rates) in versions {
        let mut talk = Talk::new(Region::Us915, version);
        talk.bench.network.sub_band = Some(2);
        let frame = talk.exchange(CLEAR);
        assert_eq!((frame[1], frame[6]), (rates, rates), "{version}");
        talk.exchange(CLEAR);
        talk.assert_true();
        assert_eq!(talk.model.enabled.len(), 9, "{version}: it has not refused");
    }
}
