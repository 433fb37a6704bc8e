//! Devices, gateways and the air between them, in one queue ordered by time. It knows no socket
//! and no clock: what gateways send is handed out, what the server sends is handed in.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use lns_lorawan::{DevAddr, Frame, PhyPayload, Timestamp};

use crate::air::{Air, Link, OnAir};
use crate::device::{Beacon, Device, Heard, Tally, Transmission, Unheard, What};
use crate::event::Event;
use crate::gateway::{Gateway, GatewaySpec, Output};
use crate::report::Report;

/// A datagram for the server: index of the gateway, bytes.
pub type Datagram = (usize, Vec<u8>);

/// Something that is due, and the order in which it was noted down.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at: Timestamp,
    sequence: u64,
    what: Item,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Item {
    Device(usize),
    Gateway(usize),
    /// A frame ends at a gateway; index into `arrivals`.
    Arrival(u64),
}

/// A copy under way.
#[derive(Debug)]
struct Arrival {
    gateway: usize,
    frame: Arc<OnAir>,
    link: Link,
}

/// A whole simulation.
#[derive(Debug)]
pub struct Field {
    devices: Vec<Device>,
    names: Vec<Arc<str>>,
    gateways: Vec<Gateway>,
    air: Air,
    queue: BinaryHeap<Reverse<Due>>,
    sequence: u64,
    /// What each device and gateway stands in the queue for; older entries are void.
    device_due: Vec<Option<Timestamp>>,
    gateway_due: Vec<Option<Timestamp>>,
    arrivals: std::collections::HashMap<u64, Arrival>,
    datagrams: Vec<Datagram>,
    events: Vec<Event>,
    report: Report,
}

impl Field {
    /// Of these.
    pub fn new(devices: Vec<Device>, gateways: Vec<Gateway>, air: Air) -> Self {
        let mut field = Self {
            names: devices.iter().map(|device| device.spec().name.as_str().into()).collect(),
            device_due: vec![None; devices.len()],
            gateway_due: vec![None; gateways.len()],
            devices,
            gateways,
            air,
            queue: BinaryHeap::new(),
            sequence: 0,
            arrivals: std::collections::HashMap::new(),
            datagrams: Vec::new(),
            events: Vec::new(),
            report: Report::default(),
        };
        (0..field.gateways.len()).for_each(|gateway| field.note_gateway(gateway));
        (0..field.devices.len()).for_each(|device| field.note_device(device));
        field
    }

    /// The devices.
    pub fn devices(&self) -> &[Device] {
        &self.devices
    }

    /// The gateways.
    pub fn gateways(&self) -> &[Gateway] {
        &self.gateways
    }

    /// Does something with a device; whatever it is due for is noted again. `None`: no such device.
    pub fn with_device<T>(
        &mut self,
        device: usize,
        act: impl FnOnce(&mut Device) -> T,
    ) -> Option<T> {
        let done = act(self.devices.get_mut(device)?);
        self.note_device(device);
        Some(done)
    }

    /// When [`wake`](Self::wake) has something to do.
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.queue.peek().map(|Reverse(due)| due.at)
    }

    /// Does everything that is due, in order, each at its own moment.
    pub fn wake(&mut self, now: Timestamp) {
        while let Some(Reverse(due)) = self.queue.peek() {
            if due.at > now {
                break;
            }
            let Some(Reverse(due)) = self.queue.pop() else { break };
            match due.what {
                Item::Device(device) => self.wake_device(device, due.at),
                Item::Gateway(gateway) => self.wake_gateway(gateway, due.at),
                Item::Arrival(arrival) => self.arrive(arrival),
            }
        }
    }

    /// A datagram from the server for a gateway. What is due before is done first.
    pub fn datagram(&mut self, now: Timestamp, gateway: usize, datagram: &[u8]) {
        self.wake(now);
        let Some(outputs) = self.gateways.get_mut(gateway).map(|it| it.datagram(now, datagram))
        else {
            return;
        };
        self.put_out(gateway, now, outputs);
        self.note_gateway(gateway);
    }

    /// A gateway is switched off and on again: its counter begins at zero, and what it has promised
    /// to send is forgotten.
    pub fn restart_gateway(&mut self, now: Timestamp, gateway: usize) {
        self.wake(now);
        if let Some(old) = self.gateways.get_mut(gateway) {
            let spec = GatewaySpec { tmst_offset: 0, ..old.spec().clone() };
            *old = Gateway::new(spec, now);
            self.note_gateway(gateway);
        }
    }

    /// From now on these shares get lost on their way up and down.
    pub fn set_air_losses(&mut self, up: f64, down: f64) {
        self.air.set_losses(up, down);
    }

    /// Takes what the gateways want sent.
    pub fn take_datagrams(&mut self) -> Vec<Datagram> {
        std::mem::take(&mut self.datagrams)
    }

    /// Takes what has happened.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// What it has come to so far.
    pub fn report(&self) -> Report {
        let mut report = self.report.clone();
        report.devices = self.devices.len();
        report.gateways = self.gateways.len();
        report.joined = self.devices.iter().filter(|it| it.session().is_some()).count();
        report.connected = self.gateways.iter().filter(|it| it.is_connected()).count();
        report.total = self.devices.iter().fold(Tally::default(), |mut total, device| {
            total += *device.tally();
            total
        });
        self.gateways.iter().for_each(|it| report.add_gateway(it.tally()));
        report
    }

    fn wake_device(&mut self, device: usize, at: Timestamp) {
        if self.device_due.get(device) != Some(&Some(at)) {
            return;
        }
        // Its place in the queue is used up, also when it wants the same moment once more.
        self.device_due[device] = None;
        if let Some(transmission) = self.devices[device].wake(at) {
            self.send_up(device, transmission);
        }
        self.note_device(device);
    }

    /// Every gateway in reach will have heard it when it ends.
    fn send_up(&mut self, device: usize, transmission: Transmission) {
        let frame = Arc::new(transmission.on_air());
        let mut heard_by = 0;
        for gateway in 0..self.gateways.len() {
            let Some(link) = self.air.up(gateway, device, frame.modulation) else { continue };
            heard_by += 1;
            let id = self.push(transmission.ends, Item::Arrival);
            self.arrivals.insert(id, Arrival { gateway, frame: frame.clone(), link });
        }
        self.report.unheard_up += u64::from(heard_by == 0);
        let name = self.names[device].clone();
        let transmission = Arc::new(transmission);
        self.events.push(Event::Sent { device, name, transmission, heard_by });
    }

    fn arrive(&mut self, id: u64) {
        let Some(Arrival { gateway, frame, link }) = self.arrivals.remove(&id) else { return };
        let outputs = self.gateways[gateway].hear(&frame, link);
        self.put_out(gateway, frame.ends(), outputs);
    }

    fn wake_gateway(&mut self, gateway: usize, at: Timestamp) {
        if self.gateway_due.get(gateway) != Some(&Some(at)) {
            return;
        }
        self.gateway_due[gateway] = None;
        let outputs = self.gateways[gateway].wake(at);
        self.put_out(gateway, at, outputs);
        self.note_gateway(gateway);
    }

    fn put_out(&mut self, gateway: usize, at: Timestamp, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Send(datagram) => self.datagrams.push((gateway, datagram)),
                Output::OnAir(frame) => self.send_down(gateway, &frame),
                Output::Beacon(beacon) => self.send_beacon(gateway, &beacon),
                Output::Told(told) => {
                    let gateway = self.gateways[gateway].eui();
                    self.events.push(Event::Gateway { gateway, at, told });
                }
            }
        }
    }

    /// Every device that looks for it gets to hear it.
    fn send_beacon(&mut self, gateway: usize, beacon: &Beacon) {
        for device in 0..self.devices.len() {
            if self.air.down(gateway, device, beacon.modulation)
                && self.devices[device].hear_beacon(beacon).is_ok()
            {
                self.note_device(device);
            }
        }
    }

    /// Every device that is listening gets to hear it, and one at most understands it, unless it is
    /// for a multicast group.
    fn send_down(&mut self, gateway: usize, frame: &OnAir) {
        let addressee = addressee(frame);
        let mut nearest: Option<(usize, Unheard)> = None;
        let mut in_group = false;
        for device in 0..self.devices.len() {
            let heard = match self.devices[device].tuned_to(frame) {
                Err(reason) => Heard::Not(reason),
                Ok(_) if !self.air.down(gateway, device, frame.modulation) => {
                    Heard::Not(Unheard::Lost)
                }
                Ok(_) => self.devices[device].hear(frame),
            };
            match heard {
                Heard::Received(received) => {
                    self.report.off_by(received.offset);
                    self.note_device(device);
                    let name = self.names[device].clone();
                    in_group |= matches!(received.what, What::Multicast { .. });
                    self.events.push(Event::Heard { device, name, at: frame.starts, received });
                    if !in_group {
                        return;
                    }
                }
                Heard::Not(reason) => {
                    let concerned = self.is_concerned(device, addressee);
                    if concerned && nearest.is_none_or(|(_, best)| reason.rank() > best.rank()) {
                        nearest = Some((device, reason));
                    }
                }
            }
        }
        if in_group {
            return;
        }
        let reason = nearest.map_or(Unheard::NotListening, |(_, reason)| reason);
        self.report.miss(&reason);
        let device = nearest.map(|(device, _)| (device, self.names[device].clone()));
        let gateway = self.gateways[gateway].eui();
        self.events.push(Event::Missed { device, gateway, at: frame.starts, reason });
    }

    /// Might the frame be meant for it? A Join-Accept names nobody, so any that is joining.
    fn is_concerned(&self, device: usize, addressee: Option<DevAddr>) -> bool {
        let session = self.devices[device].session().map(|session| session.dev_addr);
        session == addressee
    }

    fn note_device(&mut self, device: usize) {
        let next = self.devices[device].next_wake();
        if self.device_due[device] != next {
            self.device_due[device] = next;
            if let Some(at) = next {
                self.push(at, |_| Item::Device(device));
            }
        }
    }

    fn note_gateway(&mut self, gateway: usize) {
        let next = self.gateways[gateway].next_wake();
        if self.gateway_due[gateway] != next {
            self.gateway_due[gateway] = next;
            if let Some(at) = next {
                self.push(at, |_| Item::Gateway(gateway));
            }
        }
    }

    fn push(&mut self, at: Timestamp, item: impl FnOnce(u64) -> Item) -> u64 {
        let sequence = self.sequence;
        self.sequence += 1;
        self.queue.push(Reverse(Due { at, sequence, what: item(sequence) }));
        sequence
    }
}

/// Whose downlink it says it is; `None` for a Join-Accept and for what is no frame.
fn addressee(frame: &OnAir) -> Option<DevAddr> {
    match PhyPayload::parse(&frame.phy_payload) {
        Ok(Frame::Down(sealed)) => Some(sealed.dev_addr()),
        Ok(
            Frame::JoinAccept(_)
            | Frame::JoinRequest(_)
            | Frame::Rejoin(_)
            | Frame::Up(_)
            | Frame::Proprietary(_),
        )
        | Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::air::AirSpec;
    use crate::device::{AbpSession, DeviceSpec};
    use lns_lorawan::{AppSKey, DevEui, NwkSKey, TimeDelta};

    /// After the last repeat of a confirmed uplink the next regular one can be overdue: it is due at
    /// the very moment at which the device notices that its windows have closed.
    #[test]
    fn a_device_whose_next_uplink_is_overdue_goes_on_sending() {
        let keys: AbpSession =
            (DevAddr::new(1), NwkSKey::from_bytes([1; 16]), AppSKey::from_bytes([2; 16]));
        let mut spec = DeviceSpec::abp("unheard", DevEui::new(1), keys);
        (spec.confirmed_share, spec.confirmed_attempts) = (1.0, 2);
        spec.interval = TimeDelta::from_secs(5);
        let start = Timestamp::default();
        let mut field =
            Field::new(vec![Device::new(spec, 1)], Vec::new(), Air::new(AirSpec::default()));
        field.wake(start + TimeDelta::from_secs(600));
        let uplinks = field.devices()[0].tally().uplinks;
        assert!(uplinks > 50, "{uplinks} uplinks in ten minutes");
        assert!(field.next_wake() > Some(start + TimeDelta::from_secs(600)));
    }
}
