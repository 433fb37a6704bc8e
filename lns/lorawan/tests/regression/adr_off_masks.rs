//! A block of LinkADRReq to a device with the ADR bit off.
//!
//! The reference device then judges each request of the block on its own, and takes only the masks
//! of it. ChMaskCntl 7 first ("all narrow channels off") leaves it without two channels of 125 kHz,
//! so that it refuses, and with it all that follows. Such a device gets every mask, fullest first.

use lns_lorawan::ChMask;
use lns_lorawan::region::{ChMaskLayout, Judged, Region};

#[test]
fn no_request_on_its_own_leaves_less_than_two_narrow_channels() {
    for region in [Region::Us915, Region::Au915] {
        let tables = region.tables();
        let all = tables.default_mask();
        for sub_band in 1..=8 {
            let wanted = tables.sub_band_mask(sub_band).unwrap();
            let block = tables.ch_mask_layout().block(&all, &wanted, Judged::OneByOne);
            assert!(block.iter().all(|request| request.ch_mask_cntl != 7));
            let mut mask = all;
            for request in block {
                mask = tables.ch_mask_layout().apply(&mask, &all, &[request]).unwrap();
                assert!(mask.iter().filter(|index| *index < 64).count() >= 2, "{sub_band}");
            }
            assert_eq!(mask, wanted);
        }
    }
}

#[test]
fn all_off_is_not_said_to_a_device_of_china_either() {
    let (from, to) = (ChMask::first(64), (8..16).collect());
    let block = ChMaskLayout::SixtyFour.block(&from, &to, Judged::OneByOne);
    assert!(block.iter().all(|request| request.ch_mask_cntl < 6));
    let as_block = ChMaskLayout::SixtyFour.block(&from, &to, Judged::AsBlock);
    let cntl: Vec<u8> = as_block.iter().map(|request| request.ch_mask_cntl).collect();
    assert_eq!(cntl, [7, 0]);
}
