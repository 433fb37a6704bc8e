//! The world: devices, air, gateways, the bridge's sessions and the server's rooms in one thread,
//! in virtual time, from one seed.
//!
//! The rooms are those of production; the shell's threads and this are two drivers over them. All
//! that happens stands in one queue ordered by time and then by the order in which it was put in;
//! what the rooms and the air are due for by themselves they say. So the same seed gives the same
//! world, line by line. Worlds check the rooms and how they work together. They prove nothing
//! about wire format, regional tables or windows: devices and server share their codec.

mod application;
mod disk;
mod failure;
mod groups;
mod liveness;
mod network;
mod queue;
mod rooms;
mod server;
mod setup;
mod transcript;
mod weather;

use std::sync::Arc;

use lns::message::{GroupTold, ToLanes, ToPartition};
use lns::store::{Faults, FaultyStore, MemoryStore, Store};
use lns_core::Command;
use lns_lorawan::{DevEui, TimeDelta, Timestamp};
use sim::random::Random;
use sim::{Air, Device, Field, Gateway};

pub use application::Wish;
pub use failure::Failure;
pub use groups::GroupWish;
pub use setup::{Answer, JOIN_EUI, Node, START, Setup};
pub use weather::{Death, Weather};

use crate::checkers::{
    Airtime, Counters, Keystream, Multicast, Outbox, Verdict, Violation, against,
};
use application::Application;
use disk::Disk;
use queue::Queue;
use rooms::Rooms;
use transcript::{Line, Transcript};

/// More steps than this without time going on: the rooms keep each other busy for ever.
const MOST_STEPS_AT_ONCE: u32 = 100_000;

/// Something that is going to happen.
enum Happening {
    /// A datagram of a gateway arrives at the bridge.
    AtBridge { gateway: usize, bytes: Vec<u8> },
    /// A datagram of the bridge arrives at a gateway.
    AtGateway { gateway: usize, bytes: Vec<u8> },
    /// Something within the server; void once it has died.
    Within { life: u32, what: Within },
    /// The server starts again.
    Restart,
    /// The broker is back.
    BrokerBack,
    /// A minute has passed: the weather may change.
    Minute,
    /// An application wants something sent.
    Wish { f_port: u8, wish: Wish },
    /// An administrator wants something of a device, by its place in the setup.
    Command { device: usize, command: Command },
    /// An application wants something sent to a group.
    GroupWish(GroupWish),
}

/// Something that is going to happen within the server.
enum Within {
    Mail {
        partition: u16,
        message: ToPartition,
    },
    Lanes(ToLanes),
    /// The disk is done with a group.
    Commit,
    /// The sink hands the next event over.
    Deliver,
    /// The broker has acknowledged an event.
    Acknowledged {
        home: u8,
        sequence: u64,
    },
    /// The sink's cursors are saved.
    SaveCursors,
    /// The broker has taken a group's news.
    Told(GroupTold),
}

/// A world.
pub struct World {
    setup: Setup,
    now: Timestamp,
    queue: Queue<Happening>,
    random: Random,
    field: Field,
    rooms: Option<Rooms>,
    /// Which life of the server this is.
    life: u32,
    store: FaultyStore,
    faults: Faults,
    disk: Disk,
    application: Application,
    transcript: Transcript,
    counters: Counters,
    keystream: Keystream,
    airtime: Airtime,
    multicast: Multicast,
    groups_told_of: groups::GroupsToldOf,
    group_wishes: u64,
    outbox: Outbox,
    steps_at_once: u32,
}

impl World {
    /// A world at its beginning.
    pub fn new(setup: Setup) -> Result<Self, Failure> {
        let devices =
            setup.nodes.iter().map(|node| Device::new(node.spec.clone(), setup.seed)).collect();
        let gateways =
            setup.gateways.iter().map(|spec| Gateway::new(spec.clone(), START)).collect();
        let (store, faults) = FaultyStore::new(Box::new(MemoryStore::new()));
        let mut world = World {
            now: START,
            queue: Queue::default(),
            random: Random::of(setup.seed, 1),
            field: Field::new(devices, gateways, Air::new(setup.air.clone())),
            rooms: None,
            life: 0,
            store,
            faults,
            disk: Disk::default(),
            application: Application::default(),
            transcript: Transcript::default(),
            counters: Counters::default(),
            keystream: Keystream::default(),
            airtime: Airtime::new(setup.region),
            groups_told_of: groups::GroupsToldOf::default(),
            group_wishes: 0,
            multicast: Multicast::new(setup.groups.iter().map(|group| group.mc_addr)),
            outbox: Outbox::default(),
            steps_at_once: 0,
            setup,
        };
        world.queue.put(START + TimeDelta::from_secs(60), Happening::Minute);
        let started = world.start_server();
        world.judged(started)?;
        Ok(world)
    }

    /// How much time has passed.
    pub fn elapsed(&self) -> TimeDelta {
        self.now - START
    }

    /// Everything that happened, as text.
    pub fn transcript(&self) -> String {
        self.transcript.text()
    }

    /// The devices and gateways.
    pub fn field(&mut self) -> &mut Field {
        &mut self.field
    }

    /// The devices as the server was told of them at first.
    pub fn nodes(&self) -> &[Node] {
        &self.setup.nodes
    }

    /// How often the server has died.
    pub fn deaths(&self) -> u32 {
        self.life - 1
    }

    /// How many events were committed, and how many deliveries that took.
    pub fn events(&self) -> (u64, u64) {
        self.outbox.tally()
    }

    /// From now on the weather is this.
    pub fn set_weather(&mut self, weather: Weather) {
        self.setup.weather = weather;
    }

    /// An application will want this sent.
    pub fn wish(&mut self, at: TimeDelta, wish: Wish) {
        self.wish_on(at, application::F_PORT, wish);
    }

    /// An application will want this sent on a port of its choice.
    pub fn wish_on(&mut self, at: TimeDelta, f_port: u8, wish: Wish) {
        self.queue.put(START + at, Happening::Wish { f_port, wish });
    }

    /// An administrator will want this of a device, by its place in the setup.
    pub fn command(&mut self, at: TimeDelta, device: usize, command: Command) {
        self.queue.put(START + at, Happening::Command { device, command });
    }

    /// An application will want this sent to a group.
    pub fn group_wish(&mut self, at: TimeDelta, wish: GroupWish) {
        self.queue.put(START + at, Happening::GroupWish(wish));
    }

    /// What groups had on air, and what their members have heard.
    pub fn multicast(&self) -> &Multicast {
        &self.multicast
    }

    /// Lets so much time pass, or less if something is wrong.
    pub fn run(&mut self, time: TimeDelta) -> Result<(), Failure> {
        let end = self.now + time;
        while let Some(at) = self.next().filter(|at| *at <= end) {
            self.steps_at_once = if at > self.now { 0 } else { self.steps_at_once + 1 };
            self.now = self.now.max(at);
            let done = self.step();
            self.judged(done)?;
        }
        self.now = end;
        Ok(())
    }

    fn judged(&self, verdict: Verdict) -> Result<(), Failure> {
        verdict.map_err(|violation| self.failure(violation))
    }

    fn failure(&self, violation: Violation) -> Failure {
        let tail = self.transcript.tail();
        Failure { seed: self.setup.seed, region: self.setup.region, violation, tail }
    }

    /// When something happens next.
    fn next(&mut self) -> Option<Timestamp> {
        let rooms = self.rooms.as_mut().and_then(Rooms::next_wake);
        [self.field.next_wake(), self.queue.next(), rooms].into_iter().flatten().min()
    }

    /// The next thing happens: of several at once the air comes first, then what was put in the
    /// queue, then what the rooms do by themselves.
    fn step(&mut self) -> Verdict {
        if self.steps_at_once > MOST_STEPS_AT_ONCE {
            return against("rest", "the rooms keep each other busy for ever");
        }
        if self.field.next_wake().is_some_and(|at| at <= self.now) {
            self.field.wake(self.now);
            return self.after_field();
        }
        match self.queue.take(self.now) {
            Some(happening) => self.happen(happening),
            None => self.wake_rooms(),
        }
    }

    fn happen(&mut self, happening: Happening) -> Verdict {
        match happening {
            Happening::AtBridge { gateway, bytes } => self.at_bridge(gateway, &bytes),
            Happening::AtGateway { gateway, bytes } => self.at_gateway(gateway, &bytes),
            Happening::Within { life, what } if life == self.life && self.rooms.is_some() => {
                self.within(what)
            }
            Happening::Within { .. } => Ok(()),
            Happening::Restart => self.start_server(),
            Happening::BrokerBack => self.broker_back(),
            Happening::Minute => self.minute(),
            Happening::Wish { f_port, wish } => self.wish_now(f_port, wish),
            Happening::Command { device, command } => self.command_now(device, command),
            Happening::GroupWish(wish) => self.group_wish_now(wish),
        }
    }

    /// What may change from one minute to the next.
    fn minute(&mut self) -> Verdict {
        self.queue.put(self.now + TimeDelta::from_secs(60), Happening::Minute);
        let weather = self.setup.weather.clone();
        for gateway in 0..self.setup.gateways.len() {
            if self.random.chance(weather.gateway_reboots) {
                self.reboot_gateway(gateway)?;
            }
        }
        if !self.application.away && self.random.chance(weather.broker_away) {
            let seconds = self.random.between(5, 180);
            self.broker_gone(TimeDelta::from_secs(seconds));
        }
        for device in 0..self.setup.nodes.len() {
            if self.random.chance(weather.device_rejoins) {
                let now = self.now;
                let name = self.setup.nodes[device].spec.name.clone();
                self.say('✗', &name, "forgets", "its session");
                self.field.with_device(device, |device| device.rejoin(now));
            }
        }
        Ok(())
    }

    fn say(&mut self, mark: char, who: &str, what: &str, detail: impl Into<String>) {
        let (detail, radio) = (detail.into(), String::new());
        self.transcript.add(Line { at: self.now, mark, who, what, detail, radio });
    }

    fn put_within(&mut self, at: Timestamp, what: Within) {
        self.queue.put(at, Happening::Within { life: self.life, what });
    }

    /// A device's name for people.
    fn name_of(&self, dev_eui: Option<DevEui>) -> String {
        let known = |node: &&Node| Some(node.spec.dev_eui) == dev_eui;
        self.setup.nodes.iter().find(known).map_or("?".into(), |node| node.spec.name.clone())
    }

    fn gateway_name(gateway: usize) -> String {
        format!("gateway-{}", gateway + 1)
    }

    fn start_server(&mut self) -> Verdict {
        self.life += 1;
        let store: &dyn Store = &self.store;
        let (rooms, undelivered) = Rooms::start(&self.setup, store, (&mut self.random, self.now))
            .map_err(|what| Violation { property: "start", what })?;
        self.rooms = Some(rooms);
        if self.life > 1 {
            let count = undelivered.len();
            self.say('✓', "lns", "started", format!("{count} events to deliver"));
        }
        self.outbox.restarted(&undelivered)?;
        for event in undelivered {
            self.publish(Arc::new(event));
        }
        self.tell_again();
        self.put_within(self.now + TimeDelta::from_secs(1), Within::SaveCursors);
        Ok(())
    }
}
