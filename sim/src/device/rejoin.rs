//! Rejoin-Requests: a 1.1 device shows itself without giving its session up. LoRaWAN 1.1 §6.2.4;
//! ForceRejoinReq §5.13, RejoinParamSetupReq §5.14.

use lns_lorawan::mac::ForceRejoinReq;
use lns_lorawan::{TimeDelta, Timestamp};

use super::uplink::Ready;
use super::{Device, Next, Sent, Transmission};

/// Requests that are to be sent.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    rejoin_type: u8,
    /// `None` for the device's own.
    data_rate: Option<u8>,
    /// How many are still to be sent.
    left: u8,
    /// n of a pause of 32 · 2ⁿ s.
    period: u8,
    due: Timestamp,
}

/// What a device has to do about rejoining.
#[derive(Debug, Clone, Default)]
pub(super) struct Rejoins {
    wanted: Option<Wanted>,
    /// Since the last Join-Accept or Rejoin-Request: uplinks, and when that was.
    since: (u32, Timestamp),
    /// The channel of the last Join-Request.
    pub joined_on: Option<u8>,
}

impl Rejoins {
    /// A Join-Accept has come.
    pub(super) fn start_over(&mut self, at: Timestamp) {
        *self = Self { since: (0, at), wanted: None, joined_on: self.joined_on };
    }

    pub(super) fn count_uplink(&mut self) {
        self.since.0 = self.since.0.saturating_add(1);
    }
}

impl Device {
    /// Sends a Rejoin-Request of this type, 0 to 2, as soon as it may.
    pub fn ask_to_rejoin(&mut self, rejoin_type: u8, now: Timestamp) {
        let wanted = Wanted { rejoin_type, data_rate: None, left: 1, period: 0, due: now };
        self.rejoins.wanted = Some(wanted);
        self.rejoin_when_idle();
    }

    /// ForceRejoinReq is not answered but obeyed: once, and so many times more until something is
    /// heard.
    pub(super) fn force_rejoin(&mut self, request: ForceRejoinReq, ends: Timestamp) {
        let rejoin_type = if request.rejoin_type == 2 { 2 } else { 0 };
        let data_rate = Some(request.data_rate.value());
        let left = request.max_retries + 1;
        let due = ends + TimeDelta::from_secs(1);
        let period = request.period;
        self.rejoins.wanted = Some(Wanted { rejoin_type, data_rate, left, period, due });
        self.rejoin_when_idle();
    }

    fn rejoin_when_idle(&mut self) {
        if self.next == Next::Uplink
            && let Some(due) = self.rejoin_due()
            && due < self.due
        {
            (self.next, self.due) = (Next::Rejoin, due);
        }
    }

    /// When the next Rejoin-Request is due: as wanted, or by RejoinParamSetupReq.
    pub(super) fn rejoin_due(&self) -> Option<Timestamp> {
        if !self.session.as_ref()?.is_1_1() {
            return None;
        }
        let wanted = self.rejoins.wanted.map(|wanted| wanted.due);
        let (uplinks, last) = self.rejoins.since;
        let by_rule = self.mac.rejoin.and_then(|rule| {
            let by_time = last + TimeDelta::from_secs(1 << (rule.max_time_n + 10));
            let too_many = uplinks >= 1 << (rule.max_count_n + 4);
            let by_time = self.spec.keeps_rejoin_time.then_some(by_time);
            if too_many { Some(last) } else { by_time }
        });
        wanted.into_iter().chain(by_rule).min()
    }

    pub(super) fn send_rejoin_request(&mut self, at: Timestamp) -> Option<Transmission> {
        let wanted = self.rejoins.wanted.filter(|wanted| wanted.due <= at);
        let rejoin_type = wanted.map_or(0, |wanted| wanted.rejoin_type);
        let data_rate = wanted.and_then(|wanted| wanted.data_rate).unwrap_or(self.mac.data_rate);
        // Should it be impossible, the device goes on with its uplinks.
        self.next = Next::Uplink;
        let place = self.place(at, data_rate)?;
        self.rejoins.since = (0, at);
        let left = wanted.map_or(0, |wanted| wanted.left.saturating_sub(1));
        self.rejoins.wanted = wanted.filter(|_| left > 0).map(|wanted| {
            let pause = (32i64 << wanted.period.min(7)) * 1000 + self.random.between(0, 32_000);
            Wanted { left, due: at + TimeDelta::from_millis(pause), ..wanted }
        });
        let (joins, session) = (self.joins.as_mut()?, self.session.as_ref()?);
        let (fields, phy_payload) = joins.ask_again(rejoin_type, (&self.spec, session))?;
        self.tally.rejoin_requests += 1;
        let ready: Ready = (phy_payload, Sent::Rejoin(fields), place);
        self.transmit(at, ready)
    }
}
