//! What ChMaskCntl means, and the LinkADRReq blocks that turn one set of channels into another.
//!
//! TS001-1.0.4 §5.2; ChMaskCntl by region in RP002.

use super::ch_mask::ChMask;
use crate::mac::LinkAdrReq;
use crate::units::{DataRateIndex, TxPowerIndex};

/// The two fields of a LinkADRReq that choose channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MaskRequest {
    /// ChMaskCntl.
    pub ch_mask_cntl: u8,
    /// ChMask.
    pub ch_mask: u16,
}

impl MaskRequest {
    /// The whole request.
    pub const fn link_adr(
        self,
        data_rate: DataRateIndex,
        tx_power: TxPowerIndex,
        nb_trans: u8,
    ) -> LinkAdrReq {
        let Self { ch_mask_cntl, ch_mask } = self;
        LinkAdrReq { data_rate, tx_power, ch_mask, ch_mask_cntl, nb_trans }
    }
}

impl From<&LinkAdrReq> for MaskRequest {
    fn from(request: &LinkAdrReq) -> Self {
        Self { ch_mask_cntl: request.ch_mask_cntl, ch_mask: request.ch_mask }
    }
}

/// How the device will take a block of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Judged {
    /// As one, all or nothing: with ADR on, in every version.
    AsBlock,
    /// Each on its own: with ADR off the reference device does so, and refuses a request that
    /// would leave fewer than two 125 kHz channels, even if the next one adds them.
    OneByOne,
}

/// What ChMaskCntl means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChMaskLayout {
    /// Dynamic plans: 0 is channels 0 to 15, 6 all that are defined.
    Sixteen,
    /// 64 narrow and 8 wide channels: 0 to 4 are masks, 5 banks, 6 and 7 all narrow ones on or off
    /// with a mask for the wide ones.
    SeventyTwo,
    /// CN470 until RP001: 96 channels; 0 to 5 are masks, 6 all on.
    NinetySix,
    /// CN470's 20 MHz plans: 64 channels; 0 to 3 are masks, 6 all on, 7 all off.
    SixtyFour,
    /// CN470's 26 MHz plans: 48 channels; 0 to 2 are masks, 3 all on, 4 all off.
    FortyEight,
}

impl ChMaskLayout {
    /// How many channels of a fixed plan are not wide ones; 0 in a dynamic plan.
    pub(super) const fn narrow_channels(self) -> u8 {
        match self {
            Self::Sixteen => 0,
            Self::SeventyTwo | Self::SixtyFour => 64,
            Self::NinetySix => 96,
            Self::FortyEight => 48,
        }
    }

    /// What a device has on after these requests. `defined` are the channels it knows.
    ///
    /// `None` for a ChMaskCntl that is reserved, or a mask with channels that are not defined.
    pub fn apply(self, from: &ChMask, defined: &ChMask, block: &[MaskRequest]) -> Option<ChMask> {
        let after = block.iter().try_fold(*from, |mask, request| match self {
            Self::Sixteen => apply_16(mask, defined, *request),
            Self::SeventyTwo => apply_72(mask, *request),
            Self::NinetySix => apply_plain(mask, *request, (6, Some(6), None)),
            Self::SixtyFour => apply_plain(mask, *request, (4, Some(6), Some(7))),
            Self::FortyEight => apply_plain(mask, *request, (3, Some(3), Some(4))),
        })?;
        (after.and(defined) == after).then_some(after)
    }

    /// The requests that lead from one set to another: as few as there can be, never none, the
    /// fullest masks first.
    ///
    /// ChMaskCntl 5 is never used: implementations disagree whether it switches the wide channels.
    pub fn block(self, from: &ChMask, to: &ChMask, judged: Judged) -> Vec<MaskRequest> {
        match self {
            Self::Sixteen => vec![MaskRequest { ch_mask_cntl: 0, ch_mask: to.word(0) }],
            Self::SeventyTwo => block_72(from, to, judged),
            Self::NinetySix => block_plain((from, to), judged, (6, Some(6), None)),
            Self::SixtyFour => block_plain((from, to), judged, (4, Some(6), Some(7))),
            Self::FortyEight => block_plain((from, to), judged, (3, Some(3), Some(4))),
        }
    }
}

fn apply_16(mut mask: ChMask, defined: &ChMask, request: MaskRequest) -> Option<ChMask> {
    match request.ch_mask_cntl {
        0 => mask.put(0, request.ch_mask),
        6 => mask = *defined,
        _ => return None,
    }
    Some(mask)
}

fn apply_72(mut mask: ChMask, request: MaskRequest) -> Option<ChMask> {
    let wide = request.ch_mask & 0x00ff;
    match request.ch_mask_cntl {
        word @ 0..=3 => mask.put(word, request.ch_mask),
        4 => mask.put(4, wide),
        5 => {
            let banks = (0..8u8).filter(|bank| wide >> bank & 1 == 1).filter_map(ChMask::bank);
            mask = banks.fold(ChMask::EMPTY, |all, bank| all.or(&bank));
        }
        6 => mask = ChMask::from_words([0xffff, 0xffff, 0xffff, 0xffff, wide, 0]),
        7 => mask = ChMask::from_words([0, 0, 0, 0, wide, 0]),
        _ => return None,
    }
    Some(mask)
}

/// A plan of narrow channels only: how many masks, and the ChMaskCntl of "all on" and "all off".
type Plain = (u8, Option<u8>, Option<u8>);

fn apply_plain(mut mask: ChMask, request: MaskRequest, plain: Plain) -> Option<ChMask> {
    let (words, all_on, all_off) = plain;
    match request.ch_mask_cntl {
        word if word < words => mask.put(word, request.ch_mask),
        cntl if Some(cntl) == all_on => mask = ChMask::first(words * 16),
        cntl if Some(cntl) == all_off => mask = ChMask::EMPTY,
        _ => return None,
    }
    Some(mask)
}

fn block_plain((from, to): (&ChMask, &ChMask), judged: Judged, plain: Plain) -> Vec<MaskRequest> {
    let (words, all_on, all_off) = plain;
    let shortcut = |ch_mask_cntl: Option<u8>| {
        let first = MaskRequest { ch_mask_cntl: ch_mask_cntl?, ch_mask: 0 };
        let base = apply_plain(*from, first, plain)?;
        Some([vec![first], differing(&base, to, 0..words)].concat())
    };
    // All off, judged alone, would leave nothing to send on.
    let all_off = match judged {
        Judged::OneByOne => None,
        Judged::AsBlock => shortcut(all_off),
    };
    let block = [shortcut(all_on), all_off]
        .into_iter()
        .flatten()
        .fold(differing(from, to, 0..words), shorter);
    never_empty(block, to)
}

fn block_72(from: &ChMask, to: &ChMask, judged: Judged) -> Vec<MaskRequest> {
    let one_by_one = differing(from, to, 0..5);
    let shortcut = |ch_mask_cntl| {
        let first = MaskRequest { ch_mask_cntl, ch_mask: to.word(4) };
        let base = apply_72(*from, first).unwrap_or(*from);
        [vec![first], differing(&base, to, 0..4)].concat()
    };
    let block = match judged {
        // All narrow channels on is no danger to a device that judges each request alone.
        Judged::OneByOne => shorter(one_by_one, shortcut(6)),
        Judged::AsBlock => shorter(shorter(one_by_one, shortcut(6)), shortcut(7)),
    };
    never_empty(block, to)
}

/// The masks that differ, fullest first.
fn differing(base: &ChMask, to: &ChMask, words: core::ops::Range<u8>) -> Vec<MaskRequest> {
    let differs = words.filter(|index| base.word(*index) != to.word(*index));
    let word = |index| MaskRequest { ch_mask_cntl: index, ch_mask: to.word(index) };
    let mut requests: Vec<MaskRequest> = differs.map(word).collect();
    requests.sort_by_key(|request| core::cmp::Reverse(request.ch_mask.count_ones()));
    requests
}

/// A block says data rate and power, too, so there is always one request.
fn never_empty(mut block: Vec<MaskRequest>, to: &ChMask) -> Vec<MaskRequest> {
    if block.is_empty() {
        block.push(MaskRequest { ch_mask_cntl: 0, ch_mask: to.word(0) });
    }
    block
}

/// The first on equal length.
fn shorter(first: Vec<MaskRequest>, second: Vec<MaskRequest>) -> Vec<MaskRequest> {
    if second.len() < first.len() { second } else { first }
}
