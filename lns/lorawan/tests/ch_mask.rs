//! Blocks of LinkADRReq against a device of our own, which reads ChMaskCntl from the standard's
//! tables and not from the server's code.

use lns_lorawan::ChMask;
use lns_lorawan::region::{ChMaskLayout, Judged, MaskRequest};
use proptest::prelude::*;

/// What a device does with one request: RP002-1.0.5, ChMaskCntl value table of each region.
fn device(layout: ChMaskLayout, on: &mut [bool; 96], request: MaskRequest) -> Result<(), ()> {
    let MaskRequest { ch_mask_cntl, ch_mask } = request;
    let mut sixteen = |first: usize, most: usize| {
        for bit in 0..16 {
            let wanted = ch_mask >> bit & 1 == 1;
            match first + bit < most {
                true => on[first + bit] = wanted,
                // A channel that does not exist must not be asked for.
                false if wanted => return Err(()),
                false => {}
            }
        }
        Ok(())
    };
    let cntl = usize::from(ch_mask_cntl);
    match (layout, cntl) {
        (ChMaskLayout::Sixteen, 0) => sixteen(0, 16),
        (ChMaskLayout::Sixteen, 6) => {
            on[..16].fill(true);
            Ok(())
        }
        (ChMaskLayout::SeventyTwo, 0..=4) => sixteen(cntl * 16, 72),
        (ChMaskLayout::SeventyTwo, 6 | 7) => {
            on[..64].fill(cntl == 6);
            (0..8).for_each(|bit| on[64 + bit] = ch_mask >> bit & 1 == 1);
            Ok(())
        }
        (ChMaskLayout::NinetySix, 0..=5) => sixteen(cntl * 16, 96),
        (ChMaskLayout::NinetySix, 6) => {
            on.fill(true);
            Ok(())
        }
        (ChMaskLayout::SixtyFour, 0..=3) => sixteen(cntl * 16, 64),
        (ChMaskLayout::SixtyFour, 6 | 7) => {
            on[..64].fill(cntl == 6);
            Ok(())
        }
        (ChMaskLayout::FortyEight, 0..=2) => sixteen(cntl * 16, 48),
        (ChMaskLayout::FortyEight, 3 | 4) => {
            on[..48].fill(cntl == 3);
            Ok(())
        }
        (_, _) => Err(()),
    }
}

fn channels(layout: ChMaskLayout) -> u8 {
    match layout {
        ChMaskLayout::Sixteen => 16,
        ChMaskLayout::SeventyTwo => 72,
        ChMaskLayout::NinetySix => 96,
        ChMaskLayout::SixtyFour => 64,
        ChMaskLayout::FortyEight => 48,
    }
}

fn any_layout() -> impl Strategy<Value = ChMaskLayout> {
    prop_oneof![
        Just(ChMaskLayout::Sixteen),
        Just(ChMaskLayout::SeventyTwo),
        Just(ChMaskLayout::NinetySix),
        Just(ChMaskLayout::SixtyFour),
        Just(ChMaskLayout::FortyEight),
    ]
}

fn any_mask() -> impl Strategy<Value = ChMask> {
    let word = prop_oneof![Just(0u16), Just(0xffff), any::<u16>()];
    proptest::array::uniform6(word).prop_map(ChMask::from_words)
}

fn any_judgement() -> impl Strategy<Value = Judged> {
    prop_oneof![Just(Judged::AsBlock), Just(Judged::OneByOne)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_device_ends_with_the_wanted_channels(
        layout in any_layout(), from in any_mask(), to in any_mask(), judged in any_judgement()
    ) {
        let exist = ChMask::first(channels(layout));
        let (from, to) = (from.and(&exist), to.and(&exist));
        let block = layout.block(&from, &to, judged);
        prop_assert!(!block.is_empty() && block.len() <= 7);
        let mut on: [bool; 96] = core::array::from_fn(|index| from.contains(index as u8));
        for request in &block {
            prop_assert_eq!(device(layout, &mut on, *request), Ok(()), "{:?}", request);
        }
        let after: ChMask = (0..96).filter(|index| on[usize::from(*index)]).collect();
        prop_assert_eq!(after, to);
        prop_assert_eq!(layout.apply(&from, &exist, &block), Some(to));
    }

    /// What the server takes a block to mean is what the device takes it to mean.
    #[test]
    fn server_and_device_read_alike(
        layout in any_layout(), from in any_mask(), ch_mask_cntl in 0u8..8, ch_mask: u16
    ) {
        prop_assume!(!(layout == ChMaskLayout::SeventyTwo && ch_mask_cntl == 5));
        let exist = ChMask::first(channels(layout));
        let from = from.and(&exist);
        let request = MaskRequest { ch_mask_cntl, ch_mask };
        let mut on: [bool; 96] = core::array::from_fn(|index| from.contains(index as u8));
        let read = device(layout, &mut on, request);
        let after: ChMask = (0..96).filter(|index| on[usize::from(*index)]).collect();
        let ours = layout.apply(&from, &exist, &[request]);
        // Reserved bits above the eight wide channels are ignored by us and by no device told.
        prop_assume!(!(layout == ChMaskLayout::SeventyTwo && ch_mask_cntl == 4 && ch_mask > 0xff));
        prop_assert_eq!(ours, read.ok().map(|()| after));
    }
}
