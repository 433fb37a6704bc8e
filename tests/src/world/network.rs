//! The way between gateways and bridge, and what is on air.

use std::net::SocketAddr;

use gateway_bridge::semtech::packet::{FromServer, ServerMessage, Txpk, Verdict as Judgement};
use gateway_bridge::semtech::session::Out;
use lns::message::{Seen, ToLanes, ToPartition};
use lns::treaty;
use lns_lorawan::{DevNonce, JoinReqType, Timestamp};
use sim::Event;
use sim::device::Sent;
use sim::gateway::Told;

use super::transcript::{self, Line};
use super::{Happening, Within, World};
use crate::checkers::Verdict;

impl World {
    /// What the air and the gateways have brought forth.
    pub(super) fn after_field(&mut self) -> Verdict {
        for (gateway, bytes) in self.field.take_datagrams() {
            for journey in self.setup.weather.journeys(&mut self.random) {
                let bytes = bytes.clone();
                self.queue.put(self.now + journey, Happening::AtBridge { gateway, bytes });
            }
        }
        for event in self.field.take_events() {
            self.on_air(&event)?;
        }
        Ok(())
    }

    fn on_air(&mut self, event: &Event) -> Verdict {
        match event {
            Event::Sent { device, name, transmission, heard_by } => {
                let dev_eui = self.setup.nodes[*device].spec.dev_eui;
                self.counters.sent(dev_eui, &transmission.phy_payload, &transmission.sent);
                if let Some(request) = request_of(&transmission.sent) {
                    self.keystream.asked(dev_eui, request);
                }
                let (what, detail) = transcript::sent(&transmission.sent);
                let radio = transcript::radio(transmission.modulation, transmission.frequency);
                let radio = if *heard_by == 0 { format!("{radio}  lost") } else { radio };
                let at = transmission.starts;
                self.airtime.sent(name, transmission.ends);
                self.transcript.add(Line { at, mark: '▲', who: name, what, detail, radio });
                Ok(())
            }
            Event::Heard { name, at, received, .. } => {
                let (what, detail) = transcript::heard(received);
                let radio = self.radio_at(*at);
                self.transcript.add(Line { at: *at, mark: '▼', who: name, what, detail, radio });
                self.multicast.heard(name, received)?;
                self.airtime.heard(*at, name, received)
            }
            Event::Missed { device, at, reason, .. } => {
                let name = device.as_ref().map_or("nobody", |(_, name)| name);
                let (detail, radio) = (reason.to_string(), self.radio_at(*at));
                let what = "misses";
                self.transcript.add(Line { at: *at, mark: '✗', who: name, what, detail, radio });
                match device {
                    Some((_, name)) => self.airtime.missed(*at, name, reason),
                    None => Ok(()),
                }
            }
            Event::Gateway { .. } => Ok(()),
        }
    }

    fn radio_at(&self, starts: Timestamp) -> String {
        let on_air = self.airtime.at(starts);
        on_air.map_or(String::new(), |it| transcript::radio(it.modulation, it.frequency))
    }

    /// A datagram arrives at a gateway. What the gateway promises is on air.
    pub(super) fn at_gateway(&mut self, gateway: usize, bytes: &[u8]) -> Verdict {
        let txpk = txpk_of(bytes);
        if let Some(txpk) = &txpk {
            self.airtime.arrived(gateway, bytes, txpk);
        }
        self.field.datagram(self.now, gateway, bytes);
        let events = self.field.take_events();
        for event in &events {
            let Event::Gateway { told: Told::Judged { verdict, starts }, .. } = event else {
                continue;
            };
            self.judged_at_gateway(gateway, verdict);
            if let (Some(starts), Some(txpk)) = (starts, &txpk) {
                self.airtime.promised(gateway, *starts, txpk)?;
                if let Some(promise) = self.airtime.last() {
                    self.multicast.promised(promise)?;
                }
            }
        }
        self.after_field()?;
        events.iter().try_for_each(|event| self.on_air(event))
    }

    fn judged_at_gateway(&mut self, gateway: usize, verdict: &Judgement) {
        let who = World::gateway_name(gateway);
        match verdict {
            Judgement::Accepted | Judgement::Warned { .. } => {}
            Judgement::Refused { reason, .. } => self.say('✗', &who, "refuses", reason.to_string()),
        }
    }

    /// A datagram arrives at the bridge, if there is one.
    pub(super) fn at_bridge(&mut self, gateway: usize, bytes: &[u8]) -> Verdict {
        let Some(rooms) = &mut self.rooms else { return Ok(()) };
        let mut out = Vec::new();
        rooms.sessions.handle_datagram(self.now.micros(), address(gateway), bytes, &mut out);
        self.perform(out)
    }

    /// Does what the bridge has decided, in order.
    pub(super) fn perform(&mut self, out: Vec<Out>) -> Verdict {
        for one in out {
            match one {
                Out::Ack { to, bytes } => self.send_to_gateway(to, &bytes),
                Out::Datagram { to, bytes } => self.send_to_gateway(to, &bytes),
                Out::Uplink(uplink) => self.hear(uplink),
                Out::TxAck(ack) => self.put_within(self.now, Within::Lanes(ToLanes::TxAck(ack))),
                Out::Event(eui, event) => {
                    let gateway = treaty::eui(eui);
                    if let Some(rooms) = &self.rooms {
                        rooms.ingest.gateway_event(gateway, &event, self.now);
                    }
                    let message = ToLanes::Gateway { gateway, event };
                    self.put_within(self.now, Within::Lanes(message));
                }
            }
        }
        Ok(())
    }

    fn send_to_gateway(&mut self, to: SocketAddr, bytes: &[u8]) {
        let gateway = usize::from(to.port() - FIRST_PORT);
        for journey in self.setup.weather.journeys(&mut self.random) {
            let bytes = bytes.to_vec();
            self.queue.put(self.now + journey, Happening::AtGateway { gateway, bytes });
        }
    }

    fn hear(&mut self, uplink: gateway_link::Uplink) {
        let Some(rooms) = &self.rooms else { return };
        match rooms.ingest.hear(uplink) {
            Ok((partitions, mut frame)) => {
                let partition = partitions.trailing_zeros() as u16;
                frame.then = partitions & partitions.wrapping_sub(1);
                let message = ToPartition::Heard(frame);
                self.put_within(self.now, Within::Mail { partition, message });
            }
            Err(reject) => self.see(&Seen::refused(self.now, None, reject)),
        }
    }

    /// A gateway starts again: its counter begins anew, and what it has promised is forgotten.
    pub(super) fn reboot_gateway(&mut self, gateway: usize) -> Verdict {
        self.say('✗', &World::gateway_name(gateway), "reboots", "");
        self.airtime.restarted(gateway, self.now);
        self.multicast.restarted(gateway, self.now);
        self.field.restart_gateway(self.now, gateway);
        self.after_field()
    }
}

/// Type and nonce of a frame that a Join-Accept answers.
fn request_of(sent: &Sent) -> Option<(JoinReqType, DevNonce)> {
    match sent {
        Sent::JoinRequest { dev_nonce } => Some((JoinReqType::Join, *dev_nonce)),
        Sent::Rejoin(fields) => Some((fields.join_req_type(), DevNonce(fields.rj_count()))),
        Sent::Data(_) | Sent::Replay | Sent::Proprietary => None,
    }
}

/// Gateways differ by their port.
const FIRST_PORT: u16 = 40_000;

fn address(gateway: usize) -> SocketAddr {
    let port = FIRST_PORT + u16::try_from(gateway).expect("a world has few gateways");
    SocketAddr::from(([192, 0, 2, 1], port))
}

/// What a PULL_RESP asks for; `None` for other datagrams.
fn txpk_of(bytes: &[u8]) -> Option<Txpk> {
    match FromServer::parse(bytes).ok()?.message {
        ServerMessage::PullResp(body) => Txpk::parse(body).ok(),
        ServerMessage::PushAck | ServerMessage::PullAck => None,
    }
}
