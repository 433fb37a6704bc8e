//! What gateways say, from whichever bridge: into the rooms.

use std::sync::Arc;

use crossbeam_channel::Sender;
use gateway_link::{BridgeState, GatewayEvent, TxAck, Uplink};
use lns_core::Reject;
use lns_lorawan::{GatewayEui, TimeDelta, Timestamp};
use parking_lot::Mutex;

use super::bridges::Bridges;
use super::proprietary::{Limit, is_proprietary};
use super::radio::Radios;
use crate::broker::{Broker, Message, Ticket};
use crate::clock::Clock;
use crate::events::Events;
use crate::gateways::Gateways;
use crate::ingest::Ingest;
use crate::message::{Seen, ToLanes, ToPartition};
use crate::observe::Observer;
use crate::registry::Registry;
use crate::rooms::Partitions;
use crate::sink::render::{self, GatewayLabel};
use crate::treaty;

/// An uplink younger than this shows that its gateway is there.
const FRESH: TimeDelta = TimeDelta::from_secs(60);
/// A bridge gives a gateway up after a longer silence than this; what comes earlier is the bridge's
/// own end.
const SILENCE_US: i64 = 30_000_000;

/// Which bridge something came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// The bridge in this process.
    Here,
    /// A bridge of its own process, through the broker.
    Broker,
}

/// Where everything that gateways say comes in.
pub struct Ears {
    pub ingest: Ingest,
    pub partitions: Partitions,
    pub lanes: Sender<ToLanes>,
    pub gateways: Arc<Gateways>,
    pub registry: Arc<Registry>,
    pub radios: Arc<Radios>,
    pub broker: Arc<dyn Broker>,
    pub events: Arc<Events>,
    pub observer: Arc<Observer>,
    pub clock: Clock,
    pub proprietary: Limit,
    pub bridges: Mutex<Bridges>,
}

impl Ears {
    /// A reception.
    pub fn uplink(&self, via: Via, uplink: Uplink) {
        self.observer.receptions.inc();
        if via == Via::Broker {
            self.meet(&uplink);
        }
        let arrived = lns_lorawan::Timestamp::from_micros(uplink.received_at);
        if is_proprietary(&uplink.phy_payload) {
            self.proprietary(&uplink, arrived);
            return;
        }
        match self.ingest.hear(uplink) {
            Ok((partitions, mut frame)) => {
                let first = partitions.trailing_zeros();
                frame.then = partitions & partitions.wrapping_sub(1);
                let message = ToPartition::Heard(frame);
                if self.partitions.try_send(first as u16, message).is_err() {
                    self.observer.see(&Seen::refused(arrived, None, Reject::Overload));
                }
            }
            Err(reject) => self.observer.see(&Seen::refused(arrived, None, reject)),
        }
    }

    /// A frame that is none of ours to read: told with who heard it and how, and that is all.
    fn proprietary(&self, uplink: &Uplink, arrived: Timestamp) {
        let reception = match self.ingest.overhear(uplink) {
            Ok(reception) => reception,
            Err(reject) => return self.observer.see(&Seen::refused(arrived, None, reject)),
        };
        let may = self.proprietary.allows(self.clock.now());
        self.observer.proprietary(may);
        if !may {
            return;
        }
        let locate = |gateway| {
            self.gateways.find(gateway)?.location().map(|place| render::Location {
                latitude: place.latitude,
                longitude: place.longitude,
                altitude: place.altitude,
            })
        };
        let mut body = Vec::new();
        let topic = render::proprietary(&mut body, &uplink.phy_payload, &reception, &locate);
        let message = Message::new(topic.topic(), body);
        if self.broker.publish(message, Ticket::nobody()).is_err() {
            tracing::debug!("the broker is busy: a proprietary frame was not published");
        }
    }

    /// A bridge of its own process says once that a gateway is connected, and this server may have
    /// started since: who is heard is there.
    fn meet(&self, uplink: &Uplink) {
        let gateway = treaty::eui(uplink.gateway_eui);
        let is_alive = self.gateways.find(gateway).is_some_and(|known| known.is_alive());
        // What a broker kept for long says nothing of the present.
        let age = self.clock.now().since(Timestamp::from_micros(uplink.received_at));
        if is_alive || age > FRESH || !self.ingest.serves(gateway) {
            return;
        }
        let address = "a bridge's".to_owned();
        let boot_epoch = uplink.boot_epoch;
        let event = GatewayEvent::Connected { address, protocol: 2, boot_epoch };
        self.event(Via::Broker, gateway, event);
    }

    /// What became of a downlink.
    pub fn tx_ack(&self, ack: TxAck) {
        use std::sync::atomic::Ordering::Relaxed;
        if let Some(gateway) = self.gateways.find(treaty::eui(ack.gateway_eui)) {
            match ack.outcome {
                gateway_link::Outcome::Accepted | gateway_link::Outcome::AcceptedWithWarning(_) => {
                    gateway.accepted.fetch_add(1, Relaxed);
                }
                gateway_link::Outcome::Refused(_) => {
                    gateway.refused.fetch_add(1, Relaxed);
                }
                gateway_link::Outcome::Unknown
                | gateway_link::Outcome::Expired
                | gateway_link::Outcome::NotConnected => {}
            }
        }
        let _ = self.lanes.send(ToLanes::TxAck(ack));
    }

    /// Something else that happened to a gateway.
    pub fn event(&self, via: Via, gateway: GatewayEui, event: GatewayEvent) {
        let now = self.clock.now();
        self.radios.reached(gateway, via);
        self.ingest.gateway_event(gateway, &event, now);
        self.say(gateway, &event);
        self.publish(gateway, &event);
        let _ = self.lanes.send(ToLanes::Gateway { gateway, event });
    }

    /// A bridge of its own process has come or gone.
    pub fn bridge(&self, client_id: &str, state: BridgeState) {
        let mut bridges = self.bridges.lock();
        match state {
            BridgeState::Here { version } => {
                tracing::info!(bridge = client_id, version, "bridge connected");
                bridges.here(client_id);
            }
            BridgeState::Gone => {
                tracing::warn!(bridge = client_id, "bridge is gone, and its gateways with it");
                bridges.gone(client_id, self.clock.now());
            }
        }
    }

    /// Gateways that went with their bridge are gone. To be called about once a second.
    pub fn miss(&self) {
        let now = self.clock.now();
        let Some(since) = self.bridges.lock().due(now) else { return };
        for gateway in self.radios.through_broker() {
            let Some(known) = self.gateways.find(gateway) else { continue };
            let last = known.last_seen().unwrap_or(since);
            if known.is_alive() && last <= since {
                let silent_us = now.since(last).micros();
                let event = GatewayEvent::Disconnected { silent_us };
                self.event(Via::Broker, gateway, event);
            }
        }
    }

    /// For people.
    fn say(&self, gateway: GatewayEui, event: &GatewayEvent) {
        let who = gateway.to_string();
        let now = self.clock.now();
        match event {
            GatewayEvent::Connected { address, protocol, .. } => {
                tracing::info!(%gateway, address, protocol, "gateway connected");
                let what = format!("gateway connected from {address}, protocol version {protocol}");
                self.observer.show(now, '✓', &who, &what);
            }
            GatewayEvent::Disconnected { silent_us } if *silent_us < SILENCE_US => {
                tracing::info!(%gateway, "gateway let go: its bridge stops");
                self.observer.show(now, '·', &who, "gateway let go: its bridge stops");
            }
            GatewayEvent::Disconnected { silent_us } => {
                let seconds = silent_us / 1_000_000;
                tracing::warn!(%gateway, silent_seconds = seconds, "gateway disconnected");
                self.observer.show(now, '✗', &who, &format!("gateway silent for {seconds} s"));
            }
            GatewayEvent::AddressChanged { from, to } => {
                tracing::info!(%gateway, from, to, "gateway has a new address");
            }
            GatewayEvent::AddressConflict { claimed_by, held_by } => tracing::warn!(
                %gateway, claimed_by, held_by,
                "another address claims this gateway's EUI and is not followed: \
                 two gateways with one EUI, or somebody who wants its downlinks"
            ),
            GatewayEvent::Rebooted { boot_epoch } => {
                tracing::info!(%gateway, boot_epoch, "gateway's concentrator has restarted");
            }
            GatewayEvent::Stat(_) | GatewayEvent::Rtt { .. } => {}
        }
    }

    /// For applications: `lorawan/gateways/{GatewayEUI}/…`. Not stored; lost while the broker is away.
    fn publish(&self, gateway: GatewayEui, event: &GatewayEvent) {
        let id = self.registry.gateway(gateway).map(|registered| registered.id.to_string());
        let label = GatewayLabel { gateway_eui: gateway, wireless_gateway_id: id.as_deref() };
        let now = self.clock.now();
        let mut body = Vec::new();
        let topic = match event {
            GatewayEvent::Stat(stats) => render::gateway_stat(&mut body, label, now, stats),
            GatewayEvent::Connected { address, protocol, .. } => {
                self.events.gateway(gateway, true);
                render::gateway_connected(&mut body, label, now, (address, *protocol))
            }
            GatewayEvent::Disconnected { silent_us } => {
                self.events.gateway(gateway, false);
                let silence = TimeDelta::from_micros(*silent_us);
                render::gateway_disconnected(&mut body, label, now, silence)
            }
            GatewayEvent::AddressChanged { .. }
            | GatewayEvent::AddressConflict { .. }
            | GatewayEvent::Rebooted { .. }
            | GatewayEvent::Rtt { .. } => return,
        };
        if self.broker.publish(Message::new(topic.topic(), body), Ticket::nobody()).is_err() {
            tracing::debug!(%gateway, "the broker is busy: a gateway event was not published");
        }
    }
}

/// The bridge in this process speaks to the rooms directly.
pub struct Here(pub Arc<Ears>);

impl gateway_bridge::Forward for Here {
    fn uplink(&self, uplink: Uplink) {
        self.0.uplink(Via::Here, uplink);
    }

    fn tx_ack(&self, ack: TxAck) {
        self.0.tx_ack(ack);
    }

    fn event(&self, gateway: gateway_link::GatewayEui, event: GatewayEvent) {
        self.0.event(Via::Here, treaty::eui(gateway), event);
    }
}
