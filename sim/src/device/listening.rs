//! When a device's receiver is on, and on which frequency: RX1 and RX2, ping slots, RXC.

use lns_lorawan::{Frequency, Modulation, TimeDelta, Timestamp, Window};

use super::channels::Channel;
use super::radio::tuned;
use super::{Class, Device, Listen, Next, Sent, Transmission, Unheard};
use crate::air::OnAir;

/// From the end of a Join-Request to RX1.
const JOIN_ACCEPT_DELAY1: TimeDelta = TimeDelta::from_secs(5);
/// From RX1 to RX2 (TS001-1.0.4 §5.7).
const RX2_AFTER_RX1: TimeDelta = TimeDelta::from_secs(1);

/// Where a receiver is: its address for ping slots, its own frequency, its data rate, its period.
type Ear = (lns_lorawan::DevAddr, Option<(Frequency, u8)>, u8);

impl Device {
    /// The window that receives a frame and how far off it is, or what comes nearest to that. The
    /// frame's bytes do not matter.
    pub fn tuned_to(&self, frame: &OnAir) -> Result<(Window, TimeDelta), Unheard> {
        let mut nearest = Unheard::NotListening;
        let class_a = self.windows.iter().map(|it| it.judge(frame).map(|off| (it.window, off)));
        let beyond = self.beyond_class_a(frame);
        for judged in class_a.chain(beyond) {
            match judged {
                Ok(found) => return Ok(found),
                Err(reason) if reason.rank() > nearest.rank() => nearest = reason,
                Err(_) => {}
            }
        }
        Err(nearest)
    }

    /// Ping slots and RXC, of the device itself and of its groups.
    fn beyond_class_a(&self, frame: &OnAir) -> Vec<Result<(Window, TimeDelta), Unheard>> {
        let Some(session) = &self.session else { return Vec::new() };
        let groups = self.spec.groups.iter().map(|it| (it.mc_addr, it.place, it.periodicity));
        match self.spec.class {
            Class::A => Vec::new(),
            _ if self.is_occupied(frame) => Vec::new(),
            Class::B { .. } => {
                let ping = self.mac.ping_slot;
                let place = ping.frequency.map(|frequency| (frequency, ping.data_rate));
                let own = (session.dev_addr, place, ping.periodicity);
                let ears = core::iter::once(own).chain(groups);
                ears.map(|ear| self.judge_ping(frame, ear)).collect()
            }
            Class::C => {
                let own = (session.dev_addr, None, 0);
                let ears = core::iter::once(own).chain(groups);
                ears.map(|(_, place, _)| self.judge_rxc(frame, place)).collect()
            }
        }
    }

    /// Sends while the frame begins, or begins to send before it ends.
    fn is_occupied(&self, frame: &OnAir) -> bool {
        let sending =
            |(starts, ends): (Timestamp, Timestamp)| (starts..ends).contains(&frame.starts);
        let will_send = match self.next {
            Next::Join | Next::Rejoin | Next::Uplink | Next::Repeat => self.due < frame.ends(),
            Next::Close => false,
        };
        self.last_sent.is_some_and(sending) || will_send
    }

    fn judge_ping(
        &self,
        frame: &OnAir,
        (dev_addr, place, periodicity): Ear,
    ) -> Result<(Window, TimeDelta), Unheard> {
        let slot = self.class_b.slot_near(frame.starts, (dev_addr, periodicity));
        let slot = slot.ok_or(Unheard::NotListening)?;
        let data_rate = place.map_or(self.mac.ping_slot.data_rate, |(_, data_rate)| data_rate);
        let modulation = self.down(data_rate).ok_or(Unheard::NotListening)?;
        let frequency = place.map(|(frequency, _)| frequency);
        let mut listen = slot.listen(
            self.mac.ping_place(),
            (dev_addr, frequency),
            (modulation, self.spec.timing_error),
        );
        listen.shift(self.drift(listen.nominal - slot.began));
        listen.judge(frame).map(|offset| (Window::Ping, offset))
    }

    /// RXC is open whenever nothing else is; RX1 and RX2 break into it (TS001-1.0.4 §15). RX2 has
    /// the same parameters, so that a frame under way is not lost by it.
    fn judge_rxc(
        &self,
        frame: &OnAir,
        place: Option<(Frequency, u8)>,
    ) -> Result<(Window, TimeDelta), Unheard> {
        let (frequency, data_rate) = place.unwrap_or(self.mac.rx2);
        let modulation = self.down(data_rate).ok_or(Unheard::NotListening)?;
        let breaks_in = |it: &&Listen| {
            let other = (it.frequency, it.modulation) != (frequency, modulation);
            (it.window == Window::Rx1 || other)
                && it.opens < frame.ends()
                && it.closes > frame.starts
        };
        if self.windows.iter().any(|listen| breaks_in(&listen)) {
            return Err(Unheard::NotListening);
        }
        tuned(frame, (frequency, modulation)).map(|()| (Window::Rxc, TimeDelta::ZERO))
    }

    fn down(&self, data_rate: u8) -> Option<Modulation> {
        self.mac.plan.down(data_rate, self.mac.revision).map(|rate| rate.modulation)
    }

    /// Mischief: how far a slow clock is off after so long.
    fn drift(&self, after: TimeDelta) -> TimeDelta {
        let ppm = i64::from(self.spec.mischief.drift_ppm);
        TimeDelta::from_micros(after.micros() * ppm / 1_000_000)
    }

    /// The two windows after a frame (TS001-1.0.4 §3.3.2 and §3.3.3).
    pub(super) fn listen(&self, after: &Transmission, channel: &Channel) -> Vec<Listen> {
        let plan = self.mac.plan;
        let default_rx2 = (Frequency::from_hz(plan.rx2.0), plan.rx2.1);
        let home = plan.home(after.channel);
        let own_rx1 = channel.rx1.unwrap_or(plan.rx1_frequency(after.channel, after.frequency));
        let (delay, offset, rx1, rx2) = match &after.sent {
            Sent::JoinRequest { .. } => {
                let rx1 = home.map_or(own_rx1, |home| Frequency::from_hz(home.rx1));
                let rx2 = home.map_or(default_rx2.0, |home| Frequency::from_hz(home.rx2));
                (JOIN_ACCEPT_DELAY1, 0, rx1, (rx2, default_rx2.1))
            }
            // Answered like a Join-Request, or by a data frame with the same delay, on the windows
            // that the session has (LoRaWAN 1.1 §6.2.4.4).
            Sent::Rejoin(_) => (JOIN_ACCEPT_DELAY1, self.mac.rx1_dr_offset, own_rx1, self.mac.rx2),
            Sent::Data(_) | Sent::Replay | Sent::Proprietary => {
                let delay = TimeDelta::from_secs(i64::from(self.mac.rx_delay));
                (delay, self.mac.rx1_dr_offset, own_rx1, self.mac.rx2)
            }
        };
        let rx1 = (rx1, self.mac.rx1_data_rate(after.data_rate, offset));
        let windows = [(Window::Rx1, delay, rx1), (Window::Rx2, delay + RX2_AFTER_RX1, rx2)];
        let listens = windows.into_iter().filter_map(|(window, delay, (frequency, data_rate))| {
            let tuned = (frequency, self.down(data_rate)?);
            let nominal = after.ends + delay;
            let mut listen = Listen::new(window, nominal, tuned, self.spec.timing_error);
            listen.shift(self.drift(delay));
            Some(listen)
        });
        listens.collect()
    }

    /// The channel of the last Join-Request, which in CN470 decides on more.
    pub(super) const fn joined_on(&self) -> Option<u8> {
        self.rejoins.joined_on
    }

    /// CN470 from RP002 on: RX2 goes with the join channel.
    pub(super) fn move_home(&mut self, joined_on: Option<u8>) {
        let home = joined_on.and_then(|channel| self.mac.plan.home(channel));
        if let Some(home) = home {
            self.mac.rx2.0 = Frequency::from_hz(home.rx2);
            self.mac.home = Some(home);
        }
    }
}
