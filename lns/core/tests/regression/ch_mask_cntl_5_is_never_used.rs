//! ChMaskCntl 5 switches banks of eight channels, and nobody agrees whether with their 500 kHz one.
//!
//! LoRaMac-node switches the wide channel of each bank too (`RegionUS915.c`); The Things Stack leaves
//! those bits alone. Whichever the server believes, some device has another mask. Every sub-band can
//! be told without it.

use lns_lorawan::{MacVersion, Region};

use crate::talk::*;

#[test]
fn every_change_of_sub_band_is_told_without_it() {
    for adr in [true, false] {
        let mut talk = Talk::new(Region::Us915, MacVersion::V1_0_3);
        talk.model.adr = adr;
        for sub_band in [2, 1, 8, 3, 5] {
            talk.bench.network.sub_band = Some(sub_band);
            for frame in talk.exchanges(3) {
                let control = |request: &[u8]| request[4] >> 4 & 7;
                assert!(frame.chunks(5).all(|request| control(request) != 5), "{frame:02x?}");
            }
            talk.assert_true();
            assert_eq!(talk.model.enabled.len(), 9);
        }
    }
}
