//! Between the partitions and the gateways' air: questions in, offers out; frames in, downlinks out.
//!
//! The room is pure: it is told the time, and what it wants sent lies in [`Transmit::downlinks`]
//! and [`Transmit::answers`] until its driver takes it.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use gateway_link::{Downlink, GatewayEvent, TxAck};
use lns_core::effect::{Opening, Recipient, TxPlan};
use lns_core::radio::forwarder::ForwarderModel;
use lns_core::radio::lane::LaneSettings;
use lns_core::radio::lanes::{AskId, Emission, LaneOutput, Lanes, PlanName, TxAnswer};
use lns_lorawan::{GatewayEui, Region, TimeDelta, Timestamp};

use crate::gateways::Gateways;
use crate::message::{OccasionId, ToGroup, ToLanes, ToPartition};
use crate::router::Router;
use crate::store::{Store, StoreError, Table, Write};
use crate::treaty;

/// How many gateways may have a lane.
const LANES: usize = 50_000;

/// Of so many gateways of an opening the lanes are told anew: more than they compare.
const MOST_TOLD: usize = 16;

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
                self.tell(&opening);
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

    /// Tells the lanes what is known by now of the gateways that are asked: how they are registered,
    /// and how their clocks go.
    fn tell(&mut self, opening: &Opening) {
        for tie in opening.reach.ties().into_iter().take(MOST_TOLD) {
            let Some(known) = self.gateways.find(tie.gateway()) else { continue };
            self.lanes.set_settings(known.eui, known.lane());
            let map = known.clock.lock().map();
            if let Some(map) = map {
                self.lanes.set_clock(known.eui, map);
            }
        }
    }

    /// Ledgers that must be written down now.
    pub fn ledgers(&mut self, now: Timestamp) -> Vec<Write> {
        let written = self.lanes.ledgers(now).into_iter();
        written.map(|(gateway, ledger)| ledger_write(gateway, ledger)).collect()
    }

    /// All ledgers, for the last time.
    pub fn last_ledgers(&mut self, now: Timestamp) -> Vec<Write> {
        let written = self.lanes.last_ledgers(now).into_iter();
        written.map(|(gateway, ledger)| ledger_write(gateway, Some(ledger))).collect()
    }

    /// Reads back the ledgers that an earlier run wrote down. One that cannot be read is as none.
    pub fn read_ledgers(&mut self, store: &dyn Store) -> Result<(), StoreError> {
        store.scan(Table::Meta, DUTY, &mut |key, value| {
            let eui = key.get(DUTY.len()..).and_then(|eui| eui.try_into().ok());
            if let Some(eui) = eui {
                self.lanes.remember(GatewayEui::from_be_bytes(eui), value.into());
            }
            ControlFlow::Continue(())
        })
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
                let known = self.gateways.find(gateway);
                let settings = known.map_or_else(LaneSettings::default, |known| known.lane());
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
            LaneOutput::Outcome(to, outcome) => {
                self.names.remove(&outcome.plan);
                self.answers.push(match to {
                    Recipient::Device(dev_eui) => {
                        let partition = self.router.partition_of(dev_eui);
                        (partition, ToPartition::Outcome { dev_eui, outcome })
                    }
                    Recipient::Group(group) => {
                        let partition = self.router.partition_of_group(group);
                        (partition, ToPartition::Group(group, ToGroup::Outcome(outcome)))
                    }
                });
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

/// Under this and its EUI stands a gateway's ledger.
const DUTY: &[u8] = b"duty/";

fn ledger_write(gateway: GatewayEui, ledger: Option<Vec<u8>>) -> Write {
    let key = [DUTY, &gateway.to_be_bytes()].concat();
    match ledger {
        Some(value) => Write::Put { table: Table::Meta, key, value },
        None => Write::Delete { table: Table::Meta, key },
    }
}

/// The name of an occasion's question.
fn ask_id(occasion: OccasionId) -> AskId {
    AskId(u64::from(occasion.partition) << 48 | occasion.number & ((1 << 48) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;
    use gateway_link::{Outcome, Refusal};
    use lns_core::radio::forwarder::ForwarderModel;

    const GATEWAY: GatewayEui = GatewayEui::new(0xa840_4100_0000_0001);

    fn transmit(store: &dyn Store) -> Transmit {
        let router = Arc::new(Router::new(1));
        let mut transmit = Transmit::new(router, Arc::default(), |_| Region::Eu868);
        transmit.read_ledgers(store).expect("memory can be read");
        let address = "192.0.2.1:9".to_owned();
        let event = GatewayEvent::Connected { address, protocol: 2, boot_epoch: 1 };
        transmit.handle(Timestamp::from_secs(100), ToLanes::Gateway { gateway: GATEWAY, event });
        transmit
    }

    fn used(transmit: &Transmit) -> TimeDelta {
        let lane = transmit.lanes().lane(GATEWAY).expect("it is connected");
        lane.duty().usage().fold(TimeDelta::ZERO, |sum, (_, used)| sum + used)
    }

    #[test]
    fn a_ledger_that_an_earlier_run_wrote_down_is_there_when_its_gateway_is() {
        let store = MemoryStore::new();
        let bands = Region::Eu868.tables().sub_bands;
        let mut ledger = lns_core::radio::duty::DutyLedger::new(bands);
        let air = TimeDelta::from_secs(2);
        let ends = Timestamp::from_secs(50);
        ledger.promise(1, lns_lorawan::Frequency::from_hz(868_100_000), (ends, air));
        let bytes = ledger.write(Timestamp::from_secs(60), true);
        store.commit(&[ledger_write(GATEWAY, Some(bytes))]).expect("memory takes it");
        let mut transmit = transmit(&store);
        assert_eq!(used(&transmit), air);
        let now = Timestamp::from_secs(200);
        let [Write::Put { table: Table::Meta, key, .. }] = &transmit.ledgers(now)[..] else {
            panic!("it is written down again, in the terms of this run");
        };
        assert_eq!(key, b"duty/\xa8\x40\x41\0\0\0\0\x01");
        let hours_later = Timestamp::from_secs(10_000);
        assert!(matches!(&transmit.ledgers(hours_later)[..], [Write::Delete { .. }]));
    }

    #[test]
    fn what_a_gateway_answers_tells_what_it_is() {
        let told = |outcome, refusals| {
            let mut transmit = transmit(&MemoryStore::new());
            let gateway_eui = treaty::link_eui(GATEWAY);
            let ack = TxAck {
                gateway_eui,
                id: 1,
                outcome,
                item: 0,
                refusals,
                power: None,
                lead_us: None,
            };
            transmit.learn(Timestamp::from_secs(101), GATEWAY, &ack);
            transmit.lanes().lane(GATEWAY).expect("it is connected").settings().forwarder
        };
        let warned = Outcome::AcceptedWithWarning(Refusal::TxPower);
        assert_eq!(told(warned, vec![]), ForwarderModel::Sx1302);
        let refused = vec![(0, Refusal::TxPower)];
        assert_eq!(told(Outcome::Accepted, refused), ForwarderModel::Sx1301);
        let late = vec![(0, Refusal::TooLate)];
        assert_eq!(told(Outcome::Accepted, late), ForwarderModel::Unknown);
    }
}
