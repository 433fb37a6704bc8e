//! Frames: the first copy is matched at once, the others gather, and what was gathered happens to
//! the device.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use lns_core::dedup::{Arrival, Closes, Closing, GatherId, Wait};
use lns_core::device::matching::{Match, OnAir};
use lns_core::device::{Behind, address, home_of};
use lns_core::event::{Asking, Freshness, JoinHeard, Under, UplinkHeard};
use lns_core::mac::channel_plan;
use lns_core::radio::rx_delay::suggested_rx_delay;
use lns_core::{Event, Reception, Reject};
use lns_lorawan::{
    DataRateIndex, DevAddr, DevEui, Direction, FCntUp, Frame, OpenedUplink, PhyPayload, RxDelay,
    SealedUplink, TimeDelta,
};

use super::devices::Slot;
use super::{Partition, Turn};
use crate::message::{HeardFrame, Seen};

/// What a transmission was matched to.
#[derive(Clone, Debug)]
pub(super) struct Matched {
    slot: Slot,
    dev_eui: DevEui,
    data_rate: DataRateIndex,
    channel: Option<u8>,
    bytes: Arc<[u8]>,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Join(Asking),
    Data { opened: Arc<OpenedUplink>, digest: u64, under: Under, freshness: Freshness },
}

/// Why a frame is not taken, and whether another partition should be asked.
struct Refusal {
    dev_addr: Option<DevAddr>,
    /// The device whose frame it is or was, where that is known.
    whose: Option<(Slot, DevEui)>,
    /// The frame is the first to show that its device counts from the start again.
    shows_reset: bool,
    reject: Reject,
}

impl Refusal {
    fn of_nobody(reject: Reject) -> Self {
        Refusal { dev_addr: None, whose: None, shows_reset: false, reject }
    }
}

impl Partition {
    /// Takes a reception in. Whatever a frame does to our code, the partition lives on: a panic is
    /// our bug, and the frame is kept for a report.
    pub(super) fn hear(&mut self, frame: HeardFrame, turn: &mut Turn) {
        let bytes = Arc::clone(&frame.bytes);
        if catch_unwind(AssertUnwindSafe(|| self.heard(frame, turn))).is_err() {
            self.keep_bug(None, Some(bytes.as_ref().into()), turn);
        }
    }

    fn heard(&mut self, frame: HeardFrame, turn: &mut Turn) {
        let now = self.now;
        let onward = (frame.then != 0).then(|| frame.clone());
        let arrival =
            self.gatherings.arrive(now, frame.digest, &frame.bytes, frame.reception.clone());
        match arrival {
            Arrival::First { gather, late } => match self.matched(&frame) {
                Ok(matched) => self.gather(gather, matched, turn),
                Err(refusal) => {
                    self.gatherings.rejected(gather, refusal.reject);
                    self.refuse(refusal, late, onward, turn);
                }
            },
            Arrival::Copy { gather, closes_now: true } => {
                if let Some(closing) = self.gatherings.close(now, gather) {
                    self.closed(closing, turn);
                }
            }
            Arrival::Copy { closes_now: false, .. } | Arrival::Mirror { .. } => {}
            Arrival::Late { key, reception } => {
                if self.is_still(key.slot, key.dev_eui) {
                    self.apply(key.slot, Event::LateCopy(reception), turn);
                }
            }
            Arrival::KnownReject(_) => turn.onward.extend(onward),
        }
    }

    /// Closes what nobody is waited for any longer.
    pub(super) fn close_gatherings(&mut self, turn: &mut Turn) {
        for closing in self.gatherings.expired(self.now) {
            self.closed(closing, turn);
        }
    }

    fn gather(&mut self, gather: GatherId, matched: Matched, turn: &mut Turn) {
        let gateways = Arc::clone(&self.settings.gateways);
        let alive = |gateway| gateways.find(gateway).is_some_and(|gateway| gateway.is_alive());
        let expected = match &matched.what {
            What::Join(_) => None,
            What::Data { .. } => {
                self.devices.device(matched.slot).map(|device| device.heard.expected(alive))
            }
        };
        let slot = matched.slot;
        if let Some(earlier) = self.gathering.insert(slot, gather)
            && let Some(closing) = self.gatherings.close(self.now, earlier)
        {
            // A device sends one frame after the other, and they happen to it in this order.
            self.closed(closing, turn);
            self.gathering.insert(slot, gather);
        }
        let wait = expected.as_deref().map_or(Wait::Limit, Wait::Expected);
        if self.gatherings.matched(self.now, gather, matched, wait) == Closes::Now
            && let Some(closing) = self.gatherings.close(self.now, gather)
        {
            self.closed(closing, turn);
        }
    }

    /// A gathering has closed: what was heard happens to the device.
    fn closed(&mut self, closing: Closing<Matched>, turn: &mut Turn) {
        let Closing { gather, key, receptions, decide_at } = closing;
        if self.gathering.get(&key.slot) == Some(&gather) {
            self.gathering.remove(&key.slot);
        }
        if !self.is_still(key.slot, key.dev_eui) || receptions.is_empty() {
            return;
        }
        self.decide_at = decide_at;
        let event = match key.what {
            What::Join(request) => Event::Join(Box::new(JoinHeard {
                request,
                bytes: key.bytes.as_ref().into(),
                suggested_rx_delay: self.suggested_rx_delay(&receptions),
                dev_addr: self.suggested_dev_addr(key.dev_eui),
                receptions,
                data_rate: key.data_rate,
                channel: key.channel,
            })),
            What::Data { opened, digest, under, freshness } => {
                Event::Uplink(Box::new(UplinkHeard {
                    opened: Arc::unwrap_or_clone(opened),
                    phy_payload: key.bytes,
                    digest,
                    under,
                    freshness,
                    suggested_rx_delay: self.better_rx_delay((key.slot, under), &receptions),
                    receptions,
                    data_rate: key.data_rate,
                    channel: key.channel,
                }))
            }
        };
        self.apply(key.slot, event, turn);
    }

    fn refuse(
        &mut self,
        refusal: Refusal,
        late: bool,
        onward: Option<HeardFrame>,
        turn: &mut Turn,
    ) {
        if let (Some((slot, _)), true, Reject::FCntReset { got, last }) =
            (refusal.whose, refusal.shows_reset, refusal.reject)
        {
            let (got, last) = (FCntUp(got), FCntUp(last));
            self.apply(slot, Event::CountersForgotten { got, last }, turn);
        }
        if let Some(frame) = onward {
            turn.onward.push(frame);
            return;
        }
        let reject = match refusal.reject {
            // The transmission was dealt with so long ago that it is forgotten.
            Reject::FCntReplayed { .. } if late => Reject::Late,
            other => other,
        };
        let dev_eui = refusal.whose.map(|(_, dev_eui)| dev_eui);
        turn.seen.push(Seen { dev_eui, ..Seen::refused(self.now, refusal.dev_addr, reject) });
    }

    /// Whose frame this is.
    fn matched(&mut self, frame: &HeardFrame) -> Result<Matched, Refusal> {
        let refuse = Refusal::of_nobody;
        match PhyPayload::parse(&frame.bytes) {
            Err(error) => Err(refuse(Reject::Malformed(error))),
            Ok(Frame::JoinRequest(request)) => {
                self.match_join(frame, request.into()).map_err(refuse)
            }
            Ok(Frame::Rejoin(request)) => self.match_join(frame, request.into()).map_err(refuse),
            Ok(Frame::Up(sealed)) => self
                .match_data(frame, &sealed)
                .map_err(|refusal| Refusal { dev_addr: Some(sealed.dev_addr()), ..refusal }),
            Ok(Frame::JoinAccept(_) | Frame::Down(_)) => Err(refuse(Reject::DownlinkHeard)),
            Ok(Frame::Proprietary(_)) => Err(refuse(Reject::Proprietary)),
        }
    }

    fn match_join(&self, frame: &HeardFrame, request: Asking) -> Result<Matched, Reject> {
        let dev_eui = request.dev_eui();
        let slot = self.devices.find(dev_eui).ok_or(Reject::UnknownDevEui)?;
        let device = self.devices.device(slot).ok_or(Reject::UnknownDevEui)?;
        if device.about.profile.region != frame.region {
            return Err(Reject::OtherRegion);
        }
        let reception = &frame.reception;
        let profile = &device.about.profile;
        let joins_on = channel_plan::join_channel(profile, std::slice::from_ref(reception));
        let tables = profile.tables_after(joins_on);
        let data_rate = tables
            .data_rate_index(Direction::Up, reception.modulation)
            .ok_or(Reject::NotADataRate)?;
        let channel = tables.uplink_channel_index(reception.frequency, data_rate);
        let bytes = Arc::clone(&frame.bytes);
        Ok(Matched { slot, dev_eui, data_rate, channel, bytes, what: What::Join(request) })
    }

    fn match_data(
        &mut self,
        frame: &HeardFrame,
        sealed: &SealedUplink<'_>,
    ) -> Result<Matched, Refusal> {
        let devices = &self.devices;
        let rows = devices.under(sealed.dev_addr());
        let on_air = OnAir {
            now: self.now,
            digest: frame.digest,
            region: frame.region,
            modulation: frame.reception.modulation,
            frequency: frame.reception.frequency,
        };
        match self.matcher.match_uplink(sealed, &on_air, rows, |slot| devices.device(slot)) {
            Match::Verified(verified) => {
                let slot = verified.key;
                let device = devices.device(slot);
                let unknown = || Refusal::of_nobody(Reject::UnknownDevAddr);
                let about = &device.ok_or_else(unknown)?.about;
                // Editions differ in what an index means (AU915).
                let data_rate = about.profile.uplink_data_rate(frame.reception.modulation);
                Ok(Matched {
                    slot,
                    dev_eui: about.dev_eui,
                    data_rate: data_rate.unwrap_or(verified.data_rate),
                    channel: verified.channel,
                    bytes: Arc::clone(&frame.bytes),
                    what: What::Data {
                        opened: Arc::new(verified.opened),
                        digest: frame.digest,
                        under: verified.under,
                        freshness: verified.freshness,
                    },
                })
            }
            Match::Refused { reject, whose } => {
                let mut refusal = Refusal::of_nobody(reject);
                if let Some((slot, behind)) = whose
                    && let Some(device) = self.devices.device_mut(slot)
                {
                    let is_reset = |behind: Option<Behind>| behind.is_some_and(|it| it.is_reset);
                    refusal.shows_reset = is_reset(behind) && !is_reset(device.behind);
                    refusal.whose = Some((slot, device.about.dev_eui));
                    device.behind = behind;
                }
                Err(refusal)
            }
        }
    }

    fn is_still(&self, slot: Slot, dev_eui: DevEui) -> bool {
        self.devices.device(slot).is_some_and(|device| device.about.dev_eui == dev_eui)
    }

    /// An address for a device that joins, which few sessions have.
    fn suggested_dev_addr(&mut self, dev_eui: DevEui) -> DevAddr {
        let random = self.dice.u64();
        let sessions = |dev_addr| self.devices.under(dev_addr).len();
        address::choose(self.settings.addresses, home_of(dev_eui), random, sessions)
    }

    /// How long a device that joins should listen after its uplinks, for the best gateway's line.
    fn suggested_rx_delay(&self, receptions: &[Reception]) -> RxDelay {
        let given = self.settings.rx_delay;
        given.or(self.rx_delay_for(None, receptions)).unwrap_or_default()
    }

    /// The same for a device that has a delay; `None` while the line was not measured.
    fn rx_delay_for(&self, current: Option<RxDelay>, receptions: &[Reception]) -> Option<RxDelay> {
        let best = receptions.first()?;
        let round_trip = self.settings.gateways.rtt_p99(best.gateway);
        let measured = round_trip > TimeDelta::ZERO;
        measured.then(|| suggested_rx_delay(current, round_trip))
    }

    /// How long a device in session should listen, where an administrator does not say.
    fn better_rx_delay(&self, matched: (Slot, Under), receptions: &[Reception]) -> Option<RxDelay> {
        let (slot, under) = matched;
        let session = self.devices.device(slot)?.session_under(under)?;
        let current = session.current.rx.rx_delay;
        self.settings.rx_delay.or_else(|| self.rx_delay_for(Some(current), receptions))
    }
}
