//! The binding in any weather: seeded runs in which every effect takes its own time and the process
//! may die between any two of them.
//!
//! Durable are the shadows, the device's queue, and the events that nobody has acknowledged. All else
//! is lost in a death: what waits for a commit, for the codec, for the device's partition or for the
//! desk. Outside stand an application, whose every wish is another, and a device that obeys.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crossbeam_channel::Receiver;
use lns_core::event::Fate;
use lns_pipeline::shadow::{Delta, Request, Verb, apply};

use super::tests::{DEVICE, handed, registry, uplink};
use super::*;
use crate::dice::Dice;

const LAMP: &str = "lamp";

/// What a callback is to be told, as its own step.
type Pending = Box<dyn FnOnce() + Send>;

/// What lies on disk, and what is on its way to it.
#[derive(Default)]
struct Disk {
    shadows: BTreeMap<ShadowId, Shadow>,
    asked: VecDeque<(ShadowId, Vec<u8>, Updated)>,
    queue: Vec<QueueItem>,
    recent: BTreeSet<u64>,
    commands: VecDeque<Order>,
    encodings: Vec<(Value, EncodeDone)>,
    events: VecDeque<AppEvent>,
    acknowledged: BTreeSet<u64>,
}

enum Order {
    Enqueue(QueueItem, QueueDone),
    Drop(u64),
}

type Shared = Arc<Mutex<Disk>>;

struct Rooms(Shared);

impl Shadows for Rooms {
    fn read(&self, id: &ShadowId) -> Result<Option<Shadow>, StoreError> {
        Ok(self.0.lock().shadows.get(id).cloned())
    }
    fn update(&self, id: ShadowId, body: Vec<u8>, done: Updated) {
        self.0.lock().asked.push_back((id, body, done));
    }
}

impl Downlinks for Rooms {
    fn encode(&self, wanted: Encoding, done: EncodeDone) {
        self.0.lock().encodings.push((wanted.object, done));
    }
    fn queue(&self, _: DevEui, item: QueueItem, done: QueueDone) {
        self.0.lock().commands.push_back(Order::Enqueue(item, done));
    }
    fn take_off(&self, _: DevEui, id: u64) {
        self.0.lock().commands.push_back(Order::Drop(id));
    }
    fn expiry(&self) -> TimeDelta {
        TimeDelta::from_secs(3600)
    }
}

/// The device: what it is told it becomes, and it says so when it is heard.
struct Device {
    level: u64,
    uplinks: u64,
    /// What it was told, in order: downlink and level.
    told: Vec<(u64, u64)>,
}

struct Storm {
    dice: Dice,
    disk: Shared,
    registry: Arc<Registry>,
    binding: Binding,
    desk: Desk,
    work: Receiver<Work>,
    /// Answers of commits, each of which is a step.
    pending: VecDeque<Pending>,
    /// How many of the events on disk were handed to the binding in this life.
    delivered: usize,
    number: u64,
    device: Device,
    next_wish: u64,
    /// Wishes that had a downlink which expired: another may follow.
    expired: BTreeSet<u64>,
    deaths: u32,
    said: Vec<String>,
}

fn room(disk: &Shared, registry: &Arc<Registry>) -> (Binding, Desk, Receiver<Work>) {
    let rooms = Arc::new(Rooms(Arc::clone(disk)));
    let surroundings = Arc::new(Surroundings {
        registry: Arc::clone(registry),
        shadows: Arc::clone(&rooms) as Arc<dyn Shadows>,
        downlinks: rooms,
        observer: Arc::new(Observer::new()),
        clock: Clock::start(),
    });
    let (work, inbox) = unbounded();
    let mut desk = Desk::new(Arc::clone(&surroundings), work.clone());
    desk.begin();
    let (changed, heard) = (Arc::default(), Mutex::default());
    (Binding { surroundings, work, changed, heard }, desk, inbox)
}

impl Storm {
    fn new(seed: u64) -> Self {
        let (disk, registry) = (Shared::default(), registry(None));
        let (binding, desk, work) = room(&disk, &registry);
        Storm {
            dice: Dice::new(seed),
            disk,
            registry,
            binding,
            desk,
            work,
            pending: VecDeque::new(),
            delivered: 0,
            number: 0,
            device: Device { level: 0, uplinks: 0, told: Vec::new() },
            next_wish: 1,
            expired: BTreeSet::new(),
            deaths: 0,
            said: Vec::new(),
        }
    }

    fn below(&mut self, end: u64) -> u64 {
        self.dice.u64() % end
    }

    fn say(&mut self, line: String) {
        self.said.push(line);
    }

    /// One step of the storm, drawn by lot.
    fn step(&mut self, few: u64) {
        match self.below(1000) {
            0..=7 => self.wish(few),
            8..=19 => self.uplink(),
            20 => self.expire(),
            21..=23 => self.die(),
            _ => self.work_on(),
        }
    }

    /// One step of the server.
    fn work_on(&mut self) {
        match self.below(6) {
            0 => self.commit(),
            1 => self.partition(),
            2 => self.encode(),
            3 => self.deliver(),
            4 => {
                if let Some(answer) = self.pending.pop_front() {
                    answer();
                }
            }
            _ => {
                let Ok(work) = self.work.try_recv() else { return };
                if let Work::Changed(thing) = &work {
                    self.binding.changed.lock().remove(thing);
                }
                assert!(self.desk.attend(work).is_continue());
            }
        }
    }

    /// The application wants something: with `few` levels it may want what it wanted before.
    fn wish(&mut self, few: u64) {
        let level = if few == 0 { self.next_wish } else { 1 + self.below(few) };
        self.next_wish += 1;
        let id = ShadowId::classic(LAMP).expect("a name");
        let body = json!({ "state": { "desired": { "level": level } } }).to_string().into_bytes();
        self.say(format!("wish {level}"));
        self.disk.lock().asked.push_back((id, body, Box::new(|_| ())));
    }

    /// The device is heard, and hears what waits for it; now and then only the gateway thinks so.
    fn uplink(&mut self) {
        self.device.uplinks += 1;
        let object = json!({ "level": self.device.level, "n": self.device.uplinks,
            format!("n{}", self.device.uplinks % 5): self.device.uplinks });
        self.event(EventKind::Uplink(Box::new(uplink(self.device.uplinks as u32))), Some(object));
        let waits = self.disk.lock().queue.first().cloned();
        let Some(item) = waits else { return };
        if self.below(10) < 3 {
            return self.event(moved(&item, handed(Fate::Accepted, true)), None);
        }
        self.disk.lock().queue.remove(0);
        let level = u64::from_be_bytes(item.payload[..].try_into().expect("a level"));
        self.device.level = level;
        self.device.told.push((item.id, level));
        self.say(format!("told {level} by {:016x}", item.id));
        self.event(moved(&item, handed(Fate::Accepted, false)), None);
    }

    fn expire(&mut self) {
        let gone = self.disk.lock().queue.pop();
        let Some(item) = gone else { return };
        let level = u64::from_be_bytes(item.payload[..].try_into().expect("a level"));
        self.say(format!("expired {level}"));
        self.expired.insert(level);
        self.event(moved(&item, Stage::Expired), None);
    }

    /// An event is durable. The decoded object travels as the event's own: nobody else needs it.
    fn event(&mut self, kind: EventKind, object: Option<Value>) {
        self.number += 1;
        let at = self.binding.surroundings.clock.now();
        let event = AppEvent { sequence: self.number, number: self.number, at, kind };
        self.disk.lock().events.push_back(event);
        if let Some(object) = object {
            OBJECTS.with_borrow_mut(|objects| objects.insert(self.number, object));
        }
    }

    /// The outbox hands the next event over; its ticket moves the cursor.
    fn deliver(&mut self) {
        self.forget_delivered();
        let event = self.disk.lock().events.get(self.delivered).cloned();
        let Some(event) = event else { return };
        self.delivered += 1;
        let route = self.registry.route(DEVICE).expect("it is described");
        let object = OBJECTS.with_borrow(|objects| objects.get(&event.number).cloned());
        let disk = Arc::clone(&self.disk);
        let told = move |number| {
            disk.lock().acknowledged.insert(number);
        };
        let ticket = Ticket::new(event.number, Arc::new(told));
        assert!(self.binding.wants(&route));
        self.binding.follow(&route, &event, object.as_ref(), ticket);
    }

    /// The cursor moves past what is acknowledged.
    fn forget_delivered(&mut self) {
        let mut disk = self.disk.lock();
        while let Some(first) = disk.events.front().map(|event| event.number)
            && disk.acknowledged.remove(&first)
        {
            disk.events.pop_front();
            self.delivered -= 1;
        }
    }

    /// The room of shadows commits what has come, or some of it; or the store refuses.
    fn commit(&mut self) {
        let refused = self.below(10) == 0;
        if refused {
            return;
        }
        let many = self.below(4) + 1;
        for _ in 0..many {
            let Some((id, body, done)) = self.disk.lock().asked.pop_front() else { return };
            let mut disk = self.disk.lock();
            let before = disk.shadows.get(&id).cloned().unwrap_or_default();
            let request = Request { id: &id, verb: Verb::Update, payload: &body };
            let outcome = apply(&before, &request, self.number);
            let after = outcome.after.expect("the storm's updates are fit");
            assert_eq!(after.version, before.version + 1);
            disk.shadows.insert(id.clone(), after);
            drop(disk);
            let (work, changed) = (self.binding.work.clone(), Arc::clone(&self.binding.changed));
            self.pending.push_back(Box::new(move || {
                if id.name().is_none() && changed.lock().insert(LAMP.into()) {
                    let _ = work.send(Work::Changed(LAMP.into()));
                }
            }));
            let answer = outcome.answer;
            self.pending.push_back(Box::new(move || done(Some(answer))));
        }
    }

    /// The device's partition takes the next command.
    fn partition(&mut self) {
        let order = self.disk.lock().commands.pop_front();
        match order {
            None => {}
            Some(Order::Drop(id)) => {
                let mut disk = self.disk.lock();
                let Some(at) = disk.queue.iter().position(|item| item.id == id) else { return };
                let item = disk.queue.remove(at);
                drop(disk);
                self.event(moved(&item, Stage::Dropped), None);
            }
            Some(Order::Enqueue(_, done)) if self.below(12) == 0 => {
                let full = Err(CommandError::QueueFull { limit: 16 });
                self.pending.push_back(Box::new(move || done(full)));
            }
            Some(Order::Enqueue(item, done)) => {
                let new = self.disk.lock().recent.insert(item.id);
                if new {
                    self.disk.lock().queue.push(item.clone());
                }
                self.event(moved(&item, Stage::Queued), None);
                self.pending.push_back(Box::new(move || done(Ok(()))));
            }
        }
    }

    fn encode(&mut self) {
        let wanted = self.disk.lock().encodings.pop();
        let Some((object, done)) = wanted else { return };
        let level = object["level"].as_u64().expect("the delta has a level");
        done(Ok(Encoded { bytes: level.to_be_bytes().to_vec(), f_port: Some(7) }));
    }

    /// SIGKILL, and the next start.
    fn die(&mut self) {
        self.deaths += 1;
        self.say("died".to_owned());
        {
            let mut disk = self.disk.lock();
            disk.asked.clear();
            disk.commands.clear();
            disk.encodings.clear();
        }
        self.pending.clear();
        self.forget_delivered();
        self.disk.lock().acknowledged.clear();
        self.delivered = 0;
        (self.binding, self.desk, self.work) = room(&self.disk, &self.registry);
    }

    /// The storm is over: everything that can be done is, and the device is heard now and then.
    fn calm(&mut self) {
        for round in 0..12_000 {
            if round % 400 == 0 {
                self.uplink();
            }
            self.work_on();
        }
    }

    fn state(&self) -> (lns_pipeline::shadow::State, attempt::Attempt) {
        let disk = self.disk.lock();
        let shadow = |id: ShadowId| disk.shadows.get(&id).cloned().unwrap_or_default();
        let classic = shadow(ShadowId::classic(LAMP).expect("a name"));
        let link = shadow(ShadowId::named(LAMP, LINK_SHADOW).expect("names"));
        let attempt = attempt::Attempt::read(&link).expect("something was wished");
        (classic.state.expect("there is one"), attempt)
    }

    fn text(state: &lns_pipeline::shadow::State) -> Value {
        let mut written = Vec::new();
        state.write(&mut written);
        serde_json::from_slice(&written).expect("JSON")
    }

    /// What must hold when all is quiet.
    fn check(&self) {
        let (state, attempt) = self.state();
        let text = Self::text(&state);
        // Reported is what the last of each value said, whatever was delivered twice.
        let mut merged = json!({});
        for n in 1..=self.device.uplinks {
            merged[format!("n{}", n % 5)] = json!(n);
        }
        merged["n"] = json!(self.device.uplinks);
        merged["level"] = json!(self.device.level);
        assert_eq!(text["reported"], merged, "{attempt:?}");
        if attempt.status != attempt::Status::GivenUp {
            assert!(Delta::of(&state).is_empty(), "{text} with {attempt:?}");
            assert_eq!(attempt.status, attempt::Status::Settled);
        }
        assert!(self.disk.lock().queue.is_empty(), "nothing waits for nothing");
    }
}

thread_local! {
    /// What the codec makes of each uplink, by its event's number.
    static OBJECTS: std::cell::RefCell<BTreeMap<u64, Value>> = const { std::cell::RefCell::new(BTreeMap::new()) };
}

fn moved(item: &QueueItem, stage: Stage) -> EventKind {
    let (id, correlation_id) = (item.id, item.correlation_id.clone());
    EventKind::Downlink { id, correlation_id, f_port: item.f_port, stage }
}

/// A run: so many levels to wish for, or each wish another.
fn run(seed: u64, few: u64) -> Storm {
    let mut storm = Storm::new(seed);
    for _ in 0..6_000 {
        storm.step(few);
    }
    storm.wish(few);
    storm.calm();
    storm
}

/// Runs it; when it fails, says with which seed and what happened before. How often the server died,
/// and how often the device was told something.
fn checked(seed: u64, few: u64, more: impl Fn(&Storm)) -> (u32, usize) {
    let storm = run(seed, few);
    let verdict = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        storm.check();
        more(&storm);
    }));
    if let Err(panic) = verdict {
        let tail = storm.said.iter().rev().take(40).rev().cloned().collect::<Vec<_>>();
        eprintln!("seed {seed}, {few} levels; the last that happened:\n{}", tail.join("\n"));
        std::panic::resume_unwind(panic);
    }
    (storm.deaths, storm.device.told.len())
}

/// All of them; enough must have happened for something to be shown.
fn all(few: u64, more: impl Fn(&Storm)) {
    let (mut deaths, mut told, mut count) = (0, 0, 0);
    for seed in seeds() {
        let (died, heard) = checked(seed, few, &more);
        (deaths, told, count) = (deaths + died, told + heard, count + 1);
    }
    println!("{count} seeds, {deaths} deaths, {told} downlinks");
    assert!(told > 5 * count && deaths > 5 * count as u32, "{told} downlinks, {deaths} deaths");
}

/// `LNS_STORM_SEEDS` for more than usual.
fn seeds() -> std::ops::Range<u64> {
    let wanted = std::env::var("LNS_STORM_SEEDS").ok().and_then(|text| text.parse().ok());
    0..wanted.unwrap_or(100)
}

#[test]
fn each_wish_is_said_once_the_newest_last_and_none_is_lost_in_any_weather() {
    all(0, |storm| {
        // Each wish is another, so what the device was told must rise.
        for pair in storm.device.told.windows(2) {
            let ((_, before), (_, after)) = (pair[0], pair[1]);
            let again = before == after && storm.expired.contains(&after);
            assert!(before < after || again, "told {after} after {before}");
        }
    });
}

#[test]
fn wishes_that_come_back_are_said_again_and_none_is_lost_in_any_weather() {
    all(2, |_| ());
}
