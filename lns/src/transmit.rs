//! Between the partitions and the gateways' air: questions in, offers out; frames in, downlinks out.
//!
//! The room is pure: it is told the time, and what it wants sent lies in [`Transmit::downlinks`]
//! and [`Transmit::answers`] until its driver takes it.

use std::collections::HashMap;
use std::sync::Arc;

use gateway_link::{Downlink, GatewayEvent, TxAck};
use lns_core::effect::{Opening, Reach, TxPlan};
use lns_core::radio::forwarder::ForwarderModel;
use lns_core::radio::lane::LaneSettings;
use lns_core::radio::lanes::{AskId, Emission, LaneOutput, Lanes, PlanName, TxAnswer};
use lns_lorawan::{GatewayEui, Region, TimeDelta, Timestamp};

use crate::gateways::Gateways;
use crate::message::{OccasionId, ToLanes, ToPartition};
use crate::router::Router;
use crate::treaty;

/// How many gateways may have a lane.
const LANES: usize = 50_000;

/// Something that can carry a downlink to its gateway.
pub trait Radio: Send + Sync {
    /// Sends it on its way; what became of it comes back as a [`TxAck`].
    fn send(&self, downlink: Downlink);
}

/// The room of the lanes.
pub struct Transmit {
    lanes: Lanes,
    router: Arc<Router>,
    gateways: Arc<Gateways>,
    region_of: Box<dyn Fn(GatewayEui) -> Region + Send>,
    names: HashMap<u64, PlanName>,
    /// To be sent to gateways.
    pub downlinks: Vec<Downlink>,
    /// To be put in partitions' mailboxes.
    pub answers: Vec<(u16, ToPartition)>,
}

impl Transmit {
    /// A room for gateways whose region `region_of` knows, answering the partitions. It reads the
    /// clocks of `gateways`.
    pub fn new(
        router: Arc<Router>,
        gateways: Arc<Gateways>,
        region_of: impl Fn(GatewayEui) -> Region + Send + 'static,
    ) -> Self {
        Transmit {
            lanes: Lanes::new(LANES),
            router,
            gateways,
            region_of: Box::new(region_of),
            names: HashMap::new(),
            downlinks: Vec::new(),
            answers: Vec::new(),
        }
    }

    /// The lanes, to look at.
    pub fn lanes(&self) -> &Lanes {
        &self.lanes
    }

    /// Takes one message.
    pub fn handle(&mut self, now: Timestamp, message: ToLanes) {
        match message {
            ToLanes::Ask { occasion, opening } => {
                self.tell_clocks(&opening);
                let offers = self.lanes.ask(now, ask_id(occasion), &opening);
                let shortage = self.lanes.shortage().filter(|_| offers.is_empty());
                let answer = ToPartition::Offers { occasion, offers, shortage };
                self.answers.push((occasion.partition, answer));
            }
            ToLanes::HandOver { occasion, plan } => self.hand_over(now, occasion, *plan),
            ToLanes::Withdraw(occasion) => self.lanes.withdraw(ask_id(occasion)),
            ToLanes::TxAck(ack) => self.tx_ack(now, ack),
            ToLanes::Gateway { gateway, event } => self.gateway(now, gateway, &event),
            ToLanes::Stop => {}
        }
    }

    /// When [`Transmit::wake`] is next needed.
    pub fn next_wake(&self) -> Option<Timestamp> {
        // A term holds through its moment.
        self.lanes.next_wake().map(|at| at + TimeDelta::from_micros(1))
    }

    /// Does what has come due.
    pub fn wake(&mut self, now: Timestamp) {
        for output in self.lanes.tick(now) {
            self.carry_out(output);
        }
    }

    /// Windows that follow no reception need the clocks of the gateways that are asked.
    fn tell_clocks(&mut self, opening: &Opening) {
        let Reach::Known(paths) = &opening.reach else { return };
        for path in paths {
            let map = self.gateways.find(path.gateway).and_then(|known| known.clock.lock().map());
            if let Some(map) = map {
                self.lanes.set_clock(path.gateway, map);
            }
        }
    }

    fn hand_over(&mut self, now: Timestamp, occasion: OccasionId, plan: TxPlan) {
        let output = self.lanes.hand_over(now, ask_id(occasion), plan);
        self.carry_out(output);
    }

    fn tx_ack(&mut self, now: Timestamp, ack: TxAck) {
        use gateway_link::Outcome;
        let Some(&name) = self.names.get(&ack.id) else { return };
        let refused = |cause: &str| TxAnswer::Refused { cause: cause.into() };
        let answer = match &ack.outcome {
            Outcome::Accepted | Outcome::AcceptedWithWarning(_) => {
                TxAnswer::Accepted { item: usize::from(ack.item), lead_us: ack.lead_us }
            }
            Outcome::Refused(refusal) => refused(&refusal.to_string()),
            Outcome::Expired => refused("too late when it reached the bridge"),
            Outcome::NotConnected => refused("the gateway is not connected"),
            // The lanes come to the same end when their own time is up.
            Outcome::Unknown => return,
        };
        let gateway = treaty::eui(ack.gateway_eui);
        self.learn(now, gateway, &ack);
        if let Some(output) = self.lanes.tx_ack(now, name, gateway, answer) {
            self.carry_out(output);
        }
    }

    /// What an answer tells of the gateway, whatever becomes of the frame.
    ///
    /// An SX1302's forwarder takes a power that it has not, and warns; an SX1301's refuses it.
    fn learn(&mut self, now: Timestamp, gateway: GatewayEui, ack: &TxAck) {
        use gateway_link::{Outcome, Refusal};
        if ack.outcome == Outcome::AcceptedWithWarning(Refusal::TxPower) {
            self.lanes.learn_forwarder(gateway, ForwarderModel::Sx1302);
        }
        for (_, refusal) in &ack.refusals {
            match refusal {
                Refusal::TxPower => {
                    self.lanes.learn_forwarder(gateway, ForwarderModel::Sx1301);
                }
                Refusal::GpsUnlocked => self.lanes.gps_unlocked(now, gateway),
                Refusal::TooLate
                | Refusal::TooEarly
                | Refusal::CollisionPacket
                | Refusal::CollisionBeacon
                | Refusal::TxFreq
                | Refusal::Other(_) => {}
            }
        }
    }

    fn gateway(&mut self, now: Timestamp, gateway: GatewayEui, event: &GatewayEvent) {
        match event {
            GatewayEvent::Connected { boot_epoch, .. } => {
                let region = (self.region_of)(gateway);
                let settings = LaneSettings::default();
                self.lanes.gateway_up(now, (gateway, *boot_epoch), settings, region);
            }
            GatewayEvent::Disconnected { .. } => self.lanes.gateway_down(gateway),
            GatewayEvent::Rebooted { boot_epoch } => self.lanes.gateway_boot(gateway, *boot_epoch),
            GatewayEvent::Rtt { p99_us, .. } => {
                self.lanes.round_trip(gateway, TimeDelta::from_micros(i64::from(*p99_us)));
            }
            GatewayEvent::Stat(_)
            | GatewayEvent::AddressChanged { .. }
            | GatewayEvent::AddressConflict { .. } => {}
        }
    }

    fn carry_out(&mut self, output: LaneOutput) {
        match output {
            LaneOutput::Emit(emission) => {
                self.names.insert(emission.name.plan, emission.name);
                self.downlinks.push(downlink(&emission));
            }
            LaneOutput::Outcome(dev_eui, outcome) => {
                self.names.remove(&outcome.plan);
                let partition = self.router.partition_of(dev_eui);
                self.answers.push((partition, ToPartition::Outcome { dev_eui, outcome }));
            }
        }
    }
}

fn downlink(emission: &Emission) -> Downlink {
    let items = emission.items.iter();
    Downlink {
        gateway_eui: treaty::link_eui(emission.gateway),
        id: emission.name.plan,
        boot_epoch: emission.boot_epoch,
        deadline: emission.deadline.micros(),
        items: items.filter_map(|offer| treaty::item(offer, &emission.phy_payload)).collect(),
    }
}

/// The name of an occasion's question.
fn ask_id(occasion: OccasionId) -> AskId {
    AskId(u64::from(occasion.partition) << 48 | occasion.number & ((1 << 48) - 1))
}
