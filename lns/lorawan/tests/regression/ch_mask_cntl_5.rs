//! ChMaskCntl 5 in plans of 72 channels: banks of eight.
//!
//! The reference device switches the wide channel of each bank with its narrow ones; another server
//! leaves the wide ones as they were. Nobody can know which of the two a device does, so that no
//! block of ours ever contains it.

use lns_lorawan::ChMask;
use lns_lorawan::region::{ChMaskLayout, Judged};

#[test]
fn no_block_contains_it() {
    let bank = |number| ChMask::bank(number).unwrap();
    let sets: Vec<ChMask> = (0..8)
        .map(bank)
        .chain((0..7).map(|number| bank(number).or(&bank(number + 1))))
        .chain([ChMask::first(72), ChMask::first(64), ChMask::EMPTY])
        .collect();
    for (from, to) in sets.iter().flat_map(|from| sets.iter().map(move |to| (from, to))) {
        for judged in [Judged::AsBlock, Judged::OneByOne] {
            let block = ChMaskLayout::SeventyTwo.block(from, to, judged);
            assert!(block.iter().all(|request| request.ch_mask_cntl != 5), "{from:?} → {to:?}");
        }
    }
}
