//! Which powers a gateway takes.
//!
//! A forwarder over the SX1301 sends at the powers of its calibration table and no other, and
//! answers TX_POWER to the rest (packet_forwarder, `lora_pkt_fwd.c`); the stock table is below. One
//! over the SX1302 takes the next lower by itself and warns. Before it looks a power up, a forwarder
//! takes its antenna's gain off; only the server knows that gain, and asks for an EIRP that the table
//! has behind the antenna.

use std::collections::BTreeSet;

/// The stock table, dBm.
const TABLE: [i8; 16] = [-6, -3, 0, 3, 6, 10, 11, 12, 13, 14, 16, 20, 23, 25, 26, 27];
/// The top of the table behind the best antenna that a server knows of, 20 dBi.
const MOST: i8 = 47;
/// A lower proposal is not believed, dBm.
const MIN_PROPOSAL: i8 = -20;

/// What one gateway has been seen to refuse.
#[derive(Debug, Default)]
pub struct Powers {
    refused: BTreeSet<i8>,
}

impl Powers {
    /// What to offer where `wanted` hundredths of dBm are asked for; whole dBm, never more than
    /// wanted. When everything has been refused, the memory is worthless, and it starts afresh.
    pub fn choose(&mut self, wanted: i16) -> i8 {
        let wanted = i8::try_from(wanted.div_euclid(100)).map_or(MOST, |dbm| dbm.min(MOST));
        self.at_most(wanted).unwrap_or_else(|| {
            self.refused.clear();
            wanted
        })
    }

    /// The gateway has refused `offered`, and everything down to its own `proposal` where it makes a
    /// lower one. What to offer next; `None` when there is none left.
    pub fn refuse(&mut self, offered: i8, proposal: Option<i32>) -> Option<i8> {
        let proposal = proposal.and_then(|dbm| i8::try_from(dbm).ok());
        match proposal.filter(|dbm| (MIN_PROPOSAL..offered).contains(dbm)) {
            Some(proposal) => self.refused.extend(proposal.saturating_add(1)..=offered),
            None => drop(self.refused.insert(offered)),
        }
        let next = proposal.filter(|dbm| *dbm < offered).unwrap_or(offered);
        self.at_most(next)
    }

    /// Forgets; after a restart the gateway may have another configuration.
    pub fn forget(&mut self) {
        self.refused.clear();
    }

    fn at_most(&self, wanted: i8) -> Option<i8> {
        let candidates = TABLE.iter().rev().copied().filter(|dbm| *dbm < wanted);
        std::iter::once(wanted).chain(candidates).find(|dbm| !self.refused.contains(dbm))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_refused_is_not_offered_again() {
        let mut powers = Powers::default();
        assert_eq!(powers.choose(3000), 30, "the server knows the antenna");
        assert_eq!(powers.choose(30_000), 47);
        assert_eq!(powers.choose(1615), 16);
        assert_eq!(powers.refuse(16, None), Some(14));
        assert_eq!(powers.choose(1600), 14);
        assert_eq!(powers.choose(1500), 15);
        assert_eq!(powers.refuse(15, Some(12)), Some(12));
        assert_eq!(powers.choose(1400), 12);
        powers.forget();
        assert_eq!(powers.choose(1600), 16);
        assert_eq!(powers.choose(-150), -2);
    }

    #[test]
    fn when_everything_was_refused_it_starts_afresh() {
        let mut powers = Powers::default();
        let mut offered = powers.choose(2700);
        while let Some(next) = powers.refuse(offered, None) {
            assert!(next < offered);
            offered = next;
        }
        assert_eq!(offered, -6);
        assert_eq!(powers.choose(2700), 27);
    }
}
