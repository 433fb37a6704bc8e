//! Where on one gateway's air a window finds a place, how large, and what it is worth.

use lns_lorawan::{GpsTime, Modulation, TimeDelta, Timestamp};

use super::air::{self, Asker, Beacons, Moment, Promise};
use super::demand::Demand;
use super::forwarder::BEACON_PERIOD;
use super::lane::{Lane, MODEST_PHY_PAYLOAD, SMALLEST_PHY_PAYLOAD, airtime};
use super::odds::{Circumstances, Odds};
use super::place::{Span, Tie};
use super::plan::{Start, WindowPlan};
use super::settings::NoOffer;

impl Lane {
    /// The first moment of a span at which the air is free for the largest frame of the window, else
    /// for the smallest; and for how long.
    pub(super) fn free_air(
        &self,
        (reachable, span): (Timestamp, &Span),
        asker: Asker,
        window: &WindowPlan,
    ) -> Result<(Moment, TimeDelta), NoOffer> {
        if span.latest < reachable || span.latest < span.earliest {
            return Err(NoOffer::TooLate);
        }
        let model = self.settings.forwarder;
        let earliest = span.moment(span.earliest);
        let after_beacon = self.beacons(span.earliest, window).map(|beacons| {
            let ends = |beacon: Timestamp| (beacon + model.after_beacon()).since(span.earliest);
            [ends(beacons.before), ends(beacons.before + BEACON_PERIOD)]
        });
        let mut later = air::candidates(&self.promises, model, (asker, &earliest));
        let ends = after_beacon.into_iter().flatten();
        later.extend(ends.filter(|later| *later > TimeDelta::ZERO));
        later.sort_unstable();
        let places = later.into_iter().map(|later| span.moment(span.earliest + later));
        let rooms: Vec<(Moment, TimeDelta)> = places
            .take_while(|starts| starts.at <= span.latest)
            .filter_map(|starts| self.room(asker, starts, window).map(|room| (starts, room)))
            .collect();
        let for_size = |size: usize| {
            let busy = self.busy(window.modulation, size) + span.spread;
            rooms.iter().copied().find(|(_, room)| *room >= busy)
        };
        for_size(window.max_phy_payload)
            .or_else(|| for_size(SMALLEST_PHY_PAYLOAD))
            .ok_or(NoOffer::AirTaken)
    }

    /// How long the air is free from `starts` on; `None` if it is not.
    fn room(&self, asker: Asker, starts: Moment, window: &WindowPlan) -> Option<TimeDelta> {
        let model = self.settings.forwarder;
        let room = air::room(&self.promises, model, asker, &starts)?;
        match self.beacons(starts.at, window) {
            Some(beacons) => Some(room.min(air::room_before_beacon(&beacons, model, starts.at)?)),
            None => Some(room),
        }
    }

    /// The last beacon before a moment, of a gateway that sends them.
    fn beacons(&self, at: Timestamp, window: &WindowPlan) -> Option<Beacons> {
        if !self.settings.beaconing {
            return None;
        }
        let ahead = self.clock.and_then(|map| map.gps).map_or(TimeDelta::ZERO, |gps| gps.ahead);
        let gps = GpsTime::from_timestamp(at - ahead)?;
        let since = gps.micros() % BEACON_PERIOD.micros().unsigned_abs();
        let before = at - TimeDelta::from_micros(since as i64);
        Some(Beacons { before, ping_slot: matches!(window.start, Start::At(_)) })
    }

    pub(super) fn busy(&self, modulation: Modulation, phy_payload: usize) -> TimeDelta {
        self.settings.forwarder.busy(modulation, phy_payload)
    }

    /// A held place may keep the air no longer than this.
    fn squeeze(&mut self, id: u64, busy: TimeDelta) {
        let model = self.settings.forwarder;
        let Some(promise) = self.promises.iter_mut().find(|promise| promise.id == id) else {
            return;
        };
        let spread =
            promise.least - model.busy(promise.modulation, promise.largest.min(MODEST_PHY_PAYLOAD));
        let fits = |size: &usize| model.busy(promise.modulation, *size) + spread <= busy;
        let largest = (SMALLEST_PHY_PAYLOAD..=promise.largest).rev().find(fits);
        // A modest frame fits; otherwise there would have been no room beside it.
        let Some(largest) = largest else { return };
        promise.largest = largest;
        promise.busy = busy.min(promise.busy);
        promise.air = airtime(promise.modulation, largest);
        self.duty.shrink(id, promise.frequency, promise.air);
    }

    /// The largest PHYPayload that keeps others off the air no longer than `room`, is on air no longer
    /// than the duty cycle has `left` and the window's dwell time allows; `None` if not even the
    /// smallest frame fits.
    pub(super) fn largest(
        &self,
        window: &WindowPlan,
        (room, left, spread): (TimeDelta, TimeDelta, TimeDelta),
    ) -> Option<usize> {
        let left = window.max_air.map_or(left, |dwell| left.min(dwell));
        let takes = |size: usize| {
            self.busy(window.modulation, size) + spread <= room
                && airtime(window.modulation, size) <= left
        };
        let mut fits = SMALLEST_PHY_PAYLOAD;
        let mut too_large = window.max_phy_payload.checked_add(1)?;
        if fits >= too_large || !takes(fits) {
            return None;
        }
        while too_large - fits > 1 {
            let middle = fits.midpoint(too_large);
            if takes(middle) {
                fits = middle;
            } else {
                too_large = middle;
            }
        }
        Some(fits)
    }

    /// Where much is asked, a long frame keeps a distance from other long ones.
    pub(super) fn has_share(
        &self,
        now: Timestamp,
        asker: Asker,
        (starts, window): (Timestamp, &WindowPlan),
    ) -> Result<(), NoOffer> {
        let busy = self.busy(window.modulation, SMALLEST_PHY_PAYLOAD);
        if !self.demand.is_long(now, busy) {
            return Ok(());
        }
        let near = |other: &Promise| {
            asker.minds(other)
                && self.demand.is_long(now, other.busy)
                && starts.since(other.starts.at).abs() < Demand::apart(busy)
        };
        if self.demand.is_crowded(starts) || self.promises.iter().any(near) {
            return Err(NoOffer::Crowded);
        }
        Ok(())
    }

    pub(super) fn odds(
        &self,
        now: Timestamp,
        tie: Tie<'_>,
        window: &WindowPlan,
        starts: Timestamp,
    ) -> Odds {
        let power = self.settings.power(window.max_eirp);
        let modest = window.max_phy_payload.min(MODEST_PHY_PAYLOAD);
        Odds::of(&Circumstances {
            slack: starts.since(now) - self.settings.forwarder.least_lead(),
            round_trips: &self.round_trips,
            assumed: self.settings.assumed_round_trip,
            record: self.record,
            margin: tie.downlink_margin(window.modulation, power),
            air: self.busy(window.modulation, modest),
            between_asks: self.demand.between(now),
            duty_left: self.duty.left_permille(window.frequency),
        })
    }

    /// Takes a place. Those that are only held make room.
    pub(super) fn promise(&mut self, promise: Promise) {
        let model = self.settings.forwarder;
        let asker = Asker { ask: promise.ask, fallback: promise.fallback };
        let place = (&promise.starts, promise.busy);
        let displaced = air::displaced(&self.promises, model, asker, place);
        displaced.gone.into_iter().for_each(|id| self.release(id));
        for (id, busy) in displaced.squeezed {
            self.squeeze(id, busy);
        }
        self.duty.promise(
            promise.id,
            promise.frequency,
            (promise.starts.at + promise.air, promise.air),
        );
        self.promises.push(promise);
    }
}
