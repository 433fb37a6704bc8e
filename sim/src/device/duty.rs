//! How much of the time a device may send: the regulator's share by sub-band, and the network's
//! over all of them (DutyCycleReq, TS001-1.0.4 §5.3). After a frame it is silent for as long as
//! makes the frame its share.

use lns_lorawan::{Frequency, Timestamp};

use super::plan::{Band, Plan};

/// When the device may send again.
#[derive(Debug, Clone, Default)]
pub(super) struct Duty {
    /// By sub-band; at most as many as the plan has.
    bands: Vec<(&'static Band, Timestamp)>,
    /// Anywhere.
    all: Timestamp,
}

impl Duty {
    /// A frame has been sent.
    pub(super) fn sent(
        &mut self,
        (frequency, starts, ends): (Frequency, Timestamp, Timestamp),
        (plan, max_duty_cycle): (&'static Plan, u8),
    ) {
        let airtime = ends - starts;
        let silence = airtime.times((1i64 << max_duty_cycle.min(15)) - 1);
        self.all = self.all.max(ends + silence);
        let Some(band) = plan.one_in(frequency) else { return };
        let until = ends + airtime.times(band.one_in - 1);
        match self.bands.iter_mut().find(|(known, _)| *known == band) {
            Some((_, free)) => *free = until,
            None => self.bands.push((band, until)),
        }
    }

    /// When the network's share is free again.
    pub(super) const fn all_free(&self) -> Timestamp {
        self.all
    }

    /// When the sub-band of a frequency is free again.
    pub(super) fn free_at(&self, frequency: Frequency, plan: &'static Plan) -> Timestamp {
        let band = plan.one_in(frequency);
        let known = self.bands.iter().find(|(known, _)| Some(*known) == band);
        known.map_or(Timestamp::from_micros(i64::MIN), |(_, free)| *free)
    }
}
