//! The Semtech UDP protocol as a state machine: datagrams, downlinks and time in; datagrams,
//! receptions, answers and events out. It has no socket and no clock.
//!
//! One [`Sessions`] holds all gateways. Time is µs since 1970 UTC and is always an argument;
//! [`Sessions::next_wake`] says when [`Sessions::tick`] has something to do.

mod clock;
mod delivery;
mod gateway;
mod lead;
mod link;
mod power;
mod rtt;

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use gateway_link::{Downlink, GatewayEui, GatewayEvent, Outcome, TxAck, Uplink};

use crate::counters::{Count, Counters};
use crate::semtech::packet::{FromGateway, GatewayMessage, push_ack};
use delivery::Delivery;
use gateway::{Gateway, Turn, finish};
pub use lead::Forwarder;

/// Bounds and beginnings.
#[derive(Debug, Clone)]
pub struct Config {
    /// How many gateways are remembered; 10 000. A new one then replaces one that has been silent
    /// longest, among those neither registered nor connected.
    pub most_gateways: usize,
    /// How many downlinks may await one gateway's answer; 32, the length of a forwarder's own queue.
    pub most_pending: usize,
    /// Where a gateway's PULL_RESP tokens begin. A random number makes TX_ACK hard to forge.
    pub first_token: u16,
}

impl Default for Config {
    fn default() -> Self {
        Self { most_gateways: 10_000, most_pending: 32, first_token: 0 }
    }
}

/// Which gateways are served.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Serve registered gateways only.
    pub require_registered: bool,
    /// These are; they are never forgotten.
    pub registered: HashSet<GatewayEui>,
}

/// What a step leads to, in the order in which it is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Out {
    /// Send a PUSH_ACK or PULL_ACK.
    Ack {
        /// Where to.
        to: SocketAddr,
        /// The datagram.
        bytes: [u8; 4],
    },
    /// Send a PULL_RESP.
    Datagram {
        /// Where to.
        to: SocketAddr,
        /// The datagram.
        bytes: Vec<u8>,
    },
    /// Tell the server of a reception.
    Uplink(Uplink),
    /// Tell the server what became of a downlink.
    TxAck(TxAck),
    /// Tell the server what happened to a gateway.
    Event(GatewayEui, GatewayEvent),
}

/// All gateways of one bridge.
pub struct Sessions {
    gateways: HashMap<GatewayEui, Gateway>,
    // In order of arrival, for forgetting.
    order: VecDeque<GatewayEui>,
    wakes: BTreeSet<(i64, GatewayEui)>,
    policy: Policy,
    config: Config,
    counters: Arc<Counters>,
}

impl Sessions {
    /// No gateways yet.
    pub fn new(config: Config, policy: Policy, counters: Arc<Counters>) -> Self {
        Self {
            gateways: HashMap::new(),
            order: VecDeque::new(),
            wakes: BTreeSet::new(),
            policy,
            config,
            counters,
        }
    }

    /// Changes which gateways are served. One that no longer is falls silent and is told offline in
    /// its time.
    pub fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
    }

    /// A datagram has arrived. Total: any bytes from anywhere.
    pub fn handle_datagram(
        &mut self,
        now: i64,
        from: SocketAddr,
        bytes: &[u8],
        out: &mut Vec<Out>,
    ) {
        let packet = match FromGateway::parse(bytes) {
            Ok(packet) => packet,
            Err(error) => return self.counters.packet_error(&error),
        };
        let eui = packet.gateway_eui;
        self.counters.count(match packet.message {
            GatewayMessage::PushData(_) => Count::PushData,
            GatewayMessage::PullData => Count::PullData,
            GatewayMessage::TxAck(_) => Count::TxAck,
        });
        if self.policy.require_registered && !self.policy.registered.contains(&eui) {
            return self.counters.count(Count::NotRegistered);
        }
        if let GatewayMessage::PushData(_) = packet.message {
            let bytes = push_ack::build(packet.version, packet.token);
            out.push(Out::Ack { to: from, bytes });
        }
        if !self.gateways.contains_key(&eui) && !self.admit(eui, now, out) {
            return self.counters.count(Count::TableFull);
        }
        self.with(eui, now, out, |gateway, turn| {
            gateway.heard_at = turn.now;
            match packet.message {
                GatewayMessage::PushData(body) => gateway.push_data(packet.token, body, turn),
                GatewayMessage::PullData => gateway.pull_data(&packet, from, turn),
                GatewayMessage::TxAck(body) => gateway.tx_ack(&packet, body, from, turn),
            }
        });
    }

    /// Hands a downlink to its gateway. Exactly one [`Out::TxAck`] will follow, now or later.
    pub fn send(&mut self, now: i64, downlink: Downlink, out: &mut Vec<Out>) {
        let eui = downlink.gateway_eui;
        if self.gateways.contains_key(&eui) {
            return self.with(eui, now, out, |gateway, turn| gateway.send(downlink, turn));
        }
        let ack = Delivery::new(downlink).answer(Outcome::NotConnected, None);
        finish(ack, &mut Turn { now, config: &self.config, counters: &self.counters, out });
    }

    /// Does what is due.
    pub fn tick(&mut self, now: i64, out: &mut Vec<Out>) {
        while let Some(&(at, eui)) = self.wakes.first().filter(|(at, _)| *at <= now) {
            self.wakes.remove(&(at, eui));
            if let Some(gateway) = self.gateways.get_mut(&eui) {
                gateway.wake_at = None;
            }
            self.with(eui, now, out, |gateway, turn| gateway.tick(turn));
        }
    }

    /// When [`Self::tick`] may have something to do; `None` when it never will by itself.
    pub fn next_wake(&self) -> Option<i64> {
        self.wakes.first().map(|(at, _)| *at)
    }

    /// The bridge stops: downlinks in flight are unknown, gateways are gone.
    pub fn close(&mut self, now: i64, out: &mut Vec<Out>) {
        let mut euis: Vec<GatewayEui> = self.gateways.keys().copied().collect();
        euis.sort_unstable();
        for eui in euis {
            self.with(eui, now, out, |gateway, turn| {
                gateway.abandon(turn);
                gateway.disconnect(turn);
            });
        }
    }

    /// How many gateways are remembered.
    pub fn len(&self) -> usize {
        self.gateways.len()
    }

    /// Is none remembered?
    pub fn is_empty(&self) -> bool {
        self.gateways.is_empty()
    }

    /// Lets one gateway take a step, and notes when it wants to be woken.
    fn with(
        &mut self,
        eui: GatewayEui,
        now: i64,
        out: &mut Vec<Out>,
        step: impl FnOnce(&mut Gateway, &mut Turn<'_>),
    ) {
        let Some(gateway) = self.gateways.get_mut(&eui) else { return };
        step(gateway, &mut Turn { now, config: &self.config, counters: &self.counters, out });
        // A wake that comes too early costs one look; so only an earlier one is worth noting.
        let Some(due) = gateway.due_at() else { return };
        if gateway.wake_at.is_none_or(|wake_at| due < wake_at) {
            if let Some(old) = gateway.wake_at.replace(due) {
                self.wakes.remove(&(old, eui));
            }
            self.wakes.insert((due, eui));
        }
    }

    /// Makes room for a new gateway; false when there is none.
    fn admit(&mut self, eui: GatewayEui, now: i64, out: &mut Vec<Out>) -> bool {
        if self.gateways.len() >= self.config.most_gateways && !self.forget_one() {
            return false;
        }
        let turn = Turn { now, config: &self.config, counters: &self.counters, out };
        self.gateways.insert(eui, Gateway::new(eui, &turn));
        self.order.push_back(eui);
        true
    }

    /// Forgets the oldest gateway that is neither registered nor connected. Looking is bounded, so
    /// that a flood of invented EUIs stays cheap; who was looked at goes to the end.
    fn forget_one(&mut self) -> bool {
        const MOST_LOOKS: usize = 64;
        for _ in 0..MOST_LOOKS.min(self.order.len()) {
            let Some(eui) = self.order.pop_front() else { return false };
            let connected = self.gateways.get(&eui).is_some_and(|gateway| gateway.link.is_some());
            if connected || self.policy.registered.contains(&eui) {
                self.order.push_back(eui);
                continue;
            }
            if let Some(wake_at) = self.gateways.remove(&eui).and_then(|gateway| gateway.wake_at) {
                self.wakes.remove(&(wake_at, eui));
            }
            self.counters.count(Count::Forgotten);
            return true;
        }
        false
    }
}
