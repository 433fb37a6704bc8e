//! RX1's data rate after an uplink: one rule a family of plans. RP002-1.0.5, in each region's chapter
//! on receive windows; RP001-1.0.3 A §2.x.7.

use lns_lorawan::RegParamsRevision;

/// What the data rate of RX1 follows from.
#[derive(Debug, Clone, Copy)]
pub struct Rx1 {
    /// The uplink's data rate.
    pub up: u8,
    /// RX1DROffset.
    pub offset: u8,
    /// Downlinks last at most 400 ms.
    pub dwell: bool,
    /// What the device was built to.
    pub revision: RegParamsRevision,
}

/// From the slowest to the fastest at 125 kHz.
const LADDER: [u8; 8] = [0, 1, 2, 3, 4, 5, 12, 13];

/// So many steps down the ladder, not below its foot; negative is up, not above its head.
fn climb(from: u8, down: i8) -> u8 {
    let at = LADDER.iter().position(|rate| *rate == from).unwrap_or(0);
    let down = isize::from(down);
    let to = at.saturating_add_signed(-down).min(LADDER.len() - 1);
    LADDER.get(to).copied().unwrap_or(0)
}

/// The offset of regions that have eight: 6 and 7 are faster than the uplink.
const fn effective(offset: u8) -> i8 {
    match offset {
        0 => 0,
        1 => 1,
        2 => 2,
        3 => 3,
        4 => 4,
        5 => 5,
        6 => -1,
        _ => -2,
    }
}

/// As fast as the uplink, less the offset. LR-FHSS, which has no downlinks, answers at DR1 (coding
/// 1/3) and DR2 (2/3).
pub fn european(it: Rx1) -> u8 {
    match it.up {
        6 | 7 => it.up - it.offset,
        8 | 10 => 1u8.saturating_sub(it.offset),
        9 | 11 => 2u8.saturating_sub(it.offset),
        up => climb(up, effective(it.offset)),
    }
}

/// 2.4 GHz: eight data rates in a row.
pub fn in_a_row(it: Rx1) -> u8 {
    it.up.saturating_sub(it.offset)
}

/// CN470 until RP001: six data rates in a row. From RP002 on DR0 is no more.
pub fn chinese(it: Rx1) -> u8 {
    it.up.saturating_sub(it.offset)
}

/// CN470 from RP002 on.
pub fn chinese_from_dr1(it: Rx1) -> u8 {
    it.up.saturating_sub(it.offset).max(1)
}

/// AS923: within DR0, or DR2 where downlinks must be short, and DR5 (RP001) or DR7 (RP002).
pub fn asian(it: Rx1) -> u8 {
    let down = effective(it.offset);
    let slowest = if it.dwell { 2 } else { 0 };
    let answer = match it.up {
        12.. => climb(it.up, down),
        up => up.saturating_add_signed(-down).min(7),
    };
    let is_old = it.revision < RegParamsRevision::Rp002_1_0_0;
    let answer = if is_old { answer.min(5) } else { answer };
    answer.max(slowest)
}

/// IN865, which has no DR6: what lies between DR5 and DR7 is not used.
pub fn indian(it: Rx1) -> u8 {
    let down = effective(it.offset);
    let is_old = it.revision < RegParamsRevision::Rp002_1_0_0;
    match (it.up, it.offset) {
        (7, 0 | 6 | 7) => 7,
        (7, 1) => 5,
        (7, offset) => 7 - offset,
        (5, 7) if !is_old => 7,
        (up @ 0..=5, _) => up.saturating_add_signed(-down).min(5),
        (up, _) => climb(up, down),
    }
}

/// Down the rates of 500 kHz, slowest first; `up` stands that high on it.
fn wide(height: i8, offset: u8) -> u8 {
    const WIDE: [u8; 8] = [8, 9, 10, 11, 12, 13, 14, 0];
    let at = i16::from(height) - i16::from(offset);
    let at = usize::try_from(at.max(0)).unwrap_or(0).min(WIDE.len() - 1);
    WIDE.get(at).copied().unwrap_or(8)
}

/// US915: SF10 answers to SF10, at 500 kHz; so do the others.
pub fn american(it: Rx1) -> u8 {
    let height = match it.up {
        0 | 5 => 2,
        1 | 6 => 3,
        2 => 4,
        3 | 4 => 5,
        7 => 6,
        _ => 7,
    };
    // SF8 at 500 kHz is as fast as can be: one offset costs nothing (DR13, DR13, DR12, DR11).
    let offset = if it.up == 4 { it.offset.saturating_sub(1) } else { it.offset };
    wide(height, offset)
}

/// AU915: as US915, with two slower uplinks.
pub fn australian(it: Rx1) -> u8 {
    let height = match it.up {
        0 => 0,
        1 | 7 => 1,
        2 => 2,
        3 => 3,
        4 => 4,
        5 | 6 => 5,
        9 => 6,
        _ => 7,
    };
    let offset = if it.up == 6 { it.offset.saturating_sub(1) } else { it.offset };
    wide(height, offset)
}
