//! How much of each sub-band one gateway has used in the last hour.
//!
//! ETSI EN 300 220-2 limits what a transmitter may send in a sub-band to a share of any hour. A
//! promise counts like an emission from the moment it is made, so that two promises never spend
//! the same air; what comes to nothing is given back.

use std::collections::VecDeque;

use lns_lorawan::region::SubBand;
use lns_lorawan::{Frequency, TimeDelta, Timestamp};

/// The period over which a share is reckoned.
pub const HOUR: TimeDelta = TimeDelta::from_secs(3600);

/// The version of what is written down.
const FORMAT: u8 = 1;

/// What is written down is gathered in spells of this length.
const SPELL: TimeDelta = TimeDelta::from_secs(300);

/// What can be promised while a ledger is being written: the frames of a second, at SF12.
const MEANWHILE: TimeDelta = TimeDelta::from_secs(5);

/// How much of any hour one transmitter may send in a sub-band.
pub const fn allowance(band: &SubBand) -> TimeDelta {
    TimeDelta::from_micros(HOUR.micros() / 1000 * band.duty_cycle_permille as i64)
}

/// One thing sent or promised.
#[derive(Clone, Copy, Debug)]
struct Entry {
    id: u64,
    ends: Timestamp,
    air: TimeDelta,
}

#[derive(Clone, Debug)]
struct Account {
    band: SubBand,
    /// The sum of `entries`.
    used: TimeDelta,
    /// What was promised since the ledger was last written down.
    unwritten: TimeDelta,
    /// In the order in which they were promised; bounded by the allowance, since each takes
    /// some milliseconds of it.
    entries: VecDeque<Entry>,
}

/// One gateway's sub-bands.
#[derive(Clone, Debug, Default)]
pub struct DutyLedger {
    accounts: Vec<Account>,
}

impl DutyLedger {
    /// Nothing sent yet. Without bands there is no limit; with some, what lies outside all of them
    /// may not be sent at all.
    pub fn new(bands: &[SubBand]) -> Self {
        let open = |band: &SubBand| Account {
            band: *band,
            used: TimeDelta::ZERO,
            unwritten: TimeDelta::ZERO,
            entries: VecDeque::new(),
        };
        DutyLedger { accounts: bands.iter().map(open).collect() }
    }

    /// What may still be promised on a frequency; `None` where there is no limit.
    ///
    /// Everything of the last hour and everything promised counts in full, even where one hour
    /// cannot hold both. So whichever hour is looked at, the last promise in it saw all the others.
    pub fn left(&mut self, now: Timestamp, frequency: Frequency) -> Option<TimeDelta> {
        if self.accounts.is_empty() {
            return None;
        }
        let Some(account) = self.account(frequency) else { return Some(TimeDelta::ZERO) };
        account.forget(now);
        Some(allowance(&account.band) - account.used)
    }

    /// When so much may be promised on a frequency, if nothing more is promised until then; `None`
    /// where that is never.
    pub fn allowed_again(
        &mut self,
        now: Timestamp,
        frequency: Frequency,
        air: TimeDelta,
    ) -> Option<Timestamp> {
        let mut left = self.left(now, frequency).unwrap_or(air);
        let mut at = now;
        let account = self.account(frequency);
        for entry in account.iter().flat_map(|account| &account.entries) {
            if left >= air {
                break;
            }
            left += entry.air;
            at = at.max(entry.ends + HOUR);
        }
        (left >= air).then_some(at)
    }

    /// The same in thousandths of the band's allowance, without forgetting what is over.
    pub fn left_permille(&self, frequency: Frequency) -> Option<u16> {
        if self.accounts.is_empty() {
            return None;
        }
        let account = self.accounts.iter().find(|account| account.band.contains(frequency));
        let left = account.map_or(0, |account| {
            let all = allowance(&account.band).micros().max(1);
            (all - account.used.micros()).max(0) * 1000 / all
        });
        Some(u16::try_from(left).unwrap_or(1000))
    }

    /// Counts a promise that ends on air at `ends`.
    pub fn promise(&mut self, id: u64, frequency: Frequency, (ends, air): (Timestamp, TimeDelta)) {
        if let Some(account) = self.account(frequency) {
            account.used += air;
            account.unwritten += air;
            account.entries.push_back(Entry { id, ends, air });
        }
    }

    /// The promise needs no more than this of what it was given.
    pub fn shrink(&mut self, id: u64, frequency: Frequency, air: TimeDelta) {
        let Some(account) = self.account(frequency) else { return };
        // A recent one: what is promised lies seconds ahead.
        if let Some(entry) = account.entries.iter_mut().rev().find(|entry| entry.id == id) {
            let less = (entry.air - air).max(TimeDelta::ZERO);
            entry.air = entry.air - less;
            entry.ends = entry.ends - less;
            account.used = account.used - less;
        }
    }

    /// The promise has come to nothing.
    pub fn give_back(&mut self, id: u64, frequency: Frequency) {
        let Some(account) = self.account(frequency) else { return };
        if let Some(place) = account.entries.iter().rposition(|entry| entry.id == id)
            && let Some(entry) = account.entries.remove(place)
        {
            account.used = account.used - entry.air;
        }
    }

    /// Whether so much was promised since it was written down that it must be at once: more than a
    /// hundredth of what a band allows.
    pub fn must_be_written(&self) -> bool {
        self.accounts.iter().any(|account| account.unwritten > reserve(&account.band))
    }

    /// Writes it down: what was used, in spells of five minutes. `ended` says that nothing more will
    /// be promised.
    pub fn write(&mut self, now: Timestamp, ended: bool) -> Vec<u8> {
        let mut bytes = vec![FORMAT, u8::from(ended)];
        for account in &mut self.accounts {
            account.forget(now);
            account.unwritten = TimeDelta::ZERO;
            let spells = account.spells();
            bytes.extend(account.band.low.hz().to_be_bytes());
            bytes.push(u8::try_from(spells.len()).unwrap_or(u8::MAX));
            for (ends, air) in spells.into_iter().take(usize::from(u8::MAX)) {
                bytes.extend(ends.micros().to_be_bytes());
                let millis = (air.micros() + 999) / 1000;
                bytes.extend(u32::try_from(millis).unwrap_or(u32::MAX).to_be_bytes());
            }
        }
        bytes
    }

    /// Reads back what an earlier run wrote down. `false`, and nothing is read, where the bytes are
    /// none of ours; bands that there are no more are passed over.
    ///
    /// What was promised after the last writing is not known: as much as could have been is taken to
    /// have been sent just now, unless that run had ended in order.
    pub fn read(&mut self, now: Timestamp, bytes: &[u8]) -> bool {
        let Some(bands) = parse(bytes) else { return false };
        let ended = bytes.get(1) == Some(&1);
        for (low, spells) in bands {
            let Some(account) = self.accounts.iter_mut().find(|one| one.band.low.hz() == low)
            else {
                continue;
            };
            for (ends, air) in spells {
                account.add(Entry { id: u64::MAX, ends, air });
            }
            if !ended {
                let air = (reserve(&account.band) + MEANWHILE).min(allowance(&account.band));
                account.add(Entry { id: u64::MAX, ends: now, air });
            }
            account.forget(now);
        }
        true
    }

    /// Whether nothing of the last hour is left to remember.
    pub fn is_clear(&mut self, now: Timestamp) -> bool {
        self.accounts.iter_mut().all(|account| {
            account.forget(now);
            account.entries.is_empty()
        })
    }

    /// What of each band's allowance is spoken for, in order of the bands.
    pub fn usage(&self) -> impl Iterator<Item = (SubBand, TimeDelta)> + '_ {
        self.accounts.iter().map(|account| (account.band, account.used))
    }

    fn account(&mut self, frequency: Frequency) -> Option<&mut Account> {
        self.accounts.iter_mut().find(|account| account.band.contains(frequency))
    }
}

/// What may be promised before the ledger must be written down at once.
fn reserve(band: &SubBand) -> TimeDelta {
    TimeDelta::from_micros(allowance(band).micros() / 100)
}

/// The bands of a written ledger: the lower edge of each, Hz, and its spells.
type Written = Vec<(u32, Vec<(Timestamp, TimeDelta)>)>;

fn parse(bytes: &[u8]) -> Option<Written> {
    let (&[FORMAT, 0 | 1], mut rest) = bytes.split_first_chunk()? else { return None };
    let mut bands = Vec::new();
    while !rest.is_empty() {
        let (low, left) = rest.split_first_chunk()?;
        let (count, mut left) = left.split_first()?;
        let mut spells = Vec::new();
        for _ in 0..*count {
            let (ends, after) = left.split_first_chunk()?;
            let (millis, after) = after.split_first_chunk()?;
            let air = TimeDelta::from_millis(i64::from(u32::from_be_bytes(*millis)));
            spells.push((Timestamp::from_micros(i64::from_be_bytes(*ends)), air));
            left = after;
        }
        bands.push((u32::from_be_bytes(*low), spells));
        rest = left;
    }
    Some(bands)
}

impl Account {
    fn add(&mut self, entry: Entry) {
        self.used += entry.air;
        self.entries.push_back(entry);
    }

    /// What was used, in spells that end on five minutes: later than it was, never earlier.
    fn spells(&self) -> Vec<(Timestamp, TimeDelta)> {
        let mut spells: Vec<(Timestamp, TimeDelta)> = Vec::new();
        for entry in &self.entries {
            let into = entry.ends.micros().rem_euclid(SPELL.micros());
            let ends = entry.ends - TimeDelta::from_micros(into) + SPELL;
            match spells.iter_mut().find(|spell| spell.0 == ends) {
                Some(spell) => spell.1 += entry.air,
                None => spells.push((ends, entry.air)),
            }
        }
        spells.sort_unstable();
        spells
    }

    fn forget(&mut self, now: Timestamp) {
        while let Some(entry) = self.entries.front() {
            if now.since(entry.ends) < HOUR {
                return;
            }
            self.used = self.used - entry.air;
            self.entries.pop_front();
        }
    }
}
