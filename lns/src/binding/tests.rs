//! The desk and its shadow, with a store in memory and downlinks that are only written down.

use std::time::{Duration, Instant};

use lns_core::event::Fate;
use lns_lorawan::{DataRateIndex, DevAddr, FCntDown, FCntUp, Mic, Region};
use lns_pipeline::shadow::{Request, Verb, apply};
use serde_json::Value;

use super::*;
use crate::registry::{Codec, Defaults, Id, Thing};
use crate::store::MemoryStore;

pub(super) const DEVICE: DevEui = DevEui::new(1);
const CODEC: &str = "function encodeDownlink(input) {
    if (input.data.bad) return { errors: ['bad'] };
    return { bytes: [Object.keys(input.data).length], fPort: 7 };
}";

/// Shadows and queue, as the test sees them.
#[derive(Default)]
struct World {
    shadows: Mutex<std::collections::BTreeMap<ShadowId, Shadow>>,
    queued: Mutex<Vec<QueueItem>>,
    taken_off: Mutex<Vec<u64>>,
    refuse: Mutex<Option<CommandError>>,
}

impl World {
    fn update(&self, id: &ShadowId, body: &str) {
        let mut shadows = self.shadows.lock();
        let before = shadows.entry(id.clone()).or_default();
        let request = Request { id, verb: Verb::Update, payload: body.as_bytes() };
        *before = apply(before, &request, 1).after.expect("the test's updates are fit");
    }
}

impl Shadows for World {
    fn read(&self, id: &ShadowId) -> Result<Option<Shadow>, StoreError> {
        Ok(self.shadows.lock().get(id).cloned())
    }
    fn update(&self, id: ShadowId, body: Vec<u8>, done: Updated) {
        World::update(self, &id, std::str::from_utf8(&body).expect("UTF-8"));
        done(Some(Answer::Accepted(Vec::new())));
    }
}

impl Downlinks for World {
    fn encode(&self, wanted: Encoding, done: EncodeDone) {
        let object = wanted.object.as_object().expect("an object");
        done(if object.contains_key("bad") {
            Err("bad".to_owned())
        } else {
            Ok(Encoded { bytes: vec![object.len() as u8], f_port: Some(7) })
        });
    }
    fn queue(&self, dev_eui: DevEui, item: QueueItem, done: QueueDone) {
        assert_eq!(dev_eui, DEVICE);
        if let Some(error) = self.refuse.lock().take() {
            return done(Err(error));
        }
        self.queued.lock().push(item);
        done(Ok(()));
    }
    fn take_off(&self, dev_eui: DevEui, id: u64) {
        assert_eq!(dev_eui, DEVICE);
        self.taken_off.lock().push(id);
    }
    fn expiry(&self) -> TimeDelta {
        TimeDelta::from_secs(60)
    }
}

struct Bench {
    world: Arc<World>,
    binding: Binding,
    registry: Arc<Registry>,
    thread: JoinHandle<()>,
}

pub(super) fn registry(mode: Option<&str>) -> Arc<Registry> {
    let registry = Registry::open(Arc::new(MemoryStore::new()), Defaults::of(Region::Eu868));
    let registry = registry.expect("an empty store");
    registry.create(Codec::new("c", CODEC)).expect("a codec");
    let mut profile = DeviceProfile::default();
    profile.id = Id::random();
    profile.codec = Some("c".to_owned());
    profile.shadow = mode.map(str::to_owned);
    let device = crate::registry::tests::device(DEVICE.value(), profile.id);
    registry.create(profile).expect("a profile");
    let thing = Thing {
        name: "lamp".to_owned(),
        id: Id::random(),
        thing_type: None,
        attributes: Default::default(),
        groups: Default::default(),
        version: 1,
    };
    registry.create(thing).expect("a thing");
    registry.create(WirelessDevice { thing: Some("lamp".into()), ..device }).expect("a device");
    Arc::new(registry)
}

impl Bench {
    fn start(world: Arc<World>, registry: Arc<Registry>) -> Self {
        let surroundings = Surroundings {
            registry: Arc::clone(&registry),
            shadows: Arc::clone(&world) as Arc<dyn Shadows>,
            downlinks: Arc::clone(&world) as Arc<dyn Downlinks>,
            observer: Arc::new(Observer::new()),
            clock: Clock::start(),
        };
        let (binding, thread) = Binding::start(surroundings).expect("a thread");
        Bench { world, binding, registry, thread }
    }

    fn new() -> Self {
        Bench::start(Arc::default(), registry(None))
    }

    /// Somebody updates the classic shadow.
    fn update(&self, state: Value) {
        let id = ShadowId::classic("lamp").expect("a name");
        self.world.update(&id, &json!({ "state": state }).to_string());
        self.binding.shadow_changed(&id);
    }

    fn status(&self) -> Value {
        let id = ShadowId::named("lamp", LINK_SHADOW).expect("names");
        let shadow = self.world.shadows.lock().get(&id).cloned().unwrap_or_default();
        attempt::Attempt::read(&shadow).map_or(Value::Null, |it| it.report()["downlink"].clone())
    }

    /// Waits until the desk has come so far.
    fn until(&self, status: &str, queued: usize) {
        let give_up = Instant::now() + Duration::from_secs(20);
        loop {
            let there = (self.status()["status"].clone(), self.world.queued.lock().len());
            if there == (json!(status), queued) {
                return;
            }
            assert!(Instant::now() < give_up, "{there:?} is not {status} with {queued}");
            std::thread::yield_now();
        }
    }

    /// The last downlink has moved; returns when its ticket has come back.
    fn moved(&self, stage: Stage) {
        let item = self.world.queued.lock().last().cloned().expect("one was queued");
        let route = self.registry.route(DEVICE).expect("it is described");
        let kind = EventKind::Downlink {
            id: item.id,
            correlation_id: item.correlation_id,
            f_port: item.f_port,
            stage,
        };
        let event = AppEvent { sequence: 1, number: 1, at: self.now(), kind };
        let (sender, back) = std::sync::mpsc::channel();
        let told = move |_| sender.send(()).expect("the test waits");
        assert!(self.binding.wants(&route));
        self.binding.follow(&route, &event, None, Ticket::new(1, Arc::new(told)));
        back.recv_timeout(Duration::from_secs(20)).expect("the ticket comes back");
    }

    fn now(&self) -> lns_lorawan::Timestamp {
        self.binding.surroundings.clock.now()
    }

    /// Everything that was sent to the desk is done.
    fn end(self) -> Arc<World> {
        self.binding.stop();
        self.thread.join().expect("the desk ends");
        self.world
    }
}

pub(super) fn handed(fate: Fate, again: bool) -> Stage {
    Stage::Handed {
        fate,
        f_cnt_down: FCntDown(1),
        gateway: None,
        window: None,
        again,
        margin: None,
    }
}

pub(super) fn uplink(f_cnt_up: u32) -> UplinkEvent {
    UplinkEvent {
        dev_addr: DevAddr::new(1),
        f_cnt_up: FCntUp(f_cnt_up),
        confirmed: false,
        adr: true,
        class_b: false,
        ack: false,
        f_opts_len: 0,
        f_port: Some(2),
        frm_payload: Box::default(),
        mic: Mic([0; 4]),
        data_rate: DataRateIndex::new(3).expect("a data rate"),
        battery: Some(200),
        margin: Some(7),
        acked: None,
        receptions: Vec::new(),
    }
}

#[test]
fn a_wish_becomes_one_downlink_and_is_settled_by_a_report() {
    let bench = Bench::new();
    bench.update(json!({ "reported": { "on": false } }));
    bench.update(json!({ "desired": { "on": true } }));
    bench.until("queued", 1);
    let item = bench.world.queued.lock()[0].clone();
    assert_eq!((item.f_port, &*item.payload, item.confirmed), (7, &[1u8][..], true));
    // The same wish again, and reports of something else, change nothing.
    bench.update(json!({ "desired": { "on": true } }));
    bench.update(json!({ "reported": { "on": false, "t": 20 } }));
    bench.moved(Stage::Queued);
    bench.moved(handed(Fate::Accepted, false));
    bench.until("sent", 1);
    bench.moved(Stage::Acked { f_cnt_down: FCntDown(1), f_cnt_up: FCntUp(9) });
    bench.until("acknowledged", 1);
    bench.update(json!({ "reported": { "on": true } }));
    bench.until("settled", 1);
    // A report that departs from the wish is no new wish.
    bench.update(json!({ "reported": { "on": false } }));
    let world = bench.end();
    assert_eq!((world.queued.lock().len(), world.taken_off.lock().len()), (1, 0));
}

#[test]
fn a_newer_wish_takes_the_place_of_one_that_was_not_sent() {
    let bench = Bench::new();
    bench.update(json!({ "desired": { "level": 1 } }));
    bench.until("queued", 1);
    bench.update(json!({ "desired": { "level": 2, "on": true } }));
    bench.until("queued", 2);
    let ids: Vec<u64> = bench.world.queued.lock().iter().map(|item| item.id).collect();
    assert_eq!(*bench.world.taken_off.lock(), [ids[0]]);
    // A wish that is true already needs no downlink, and the old one must not come.
    bench.update(json!({ "reported": { "level": 3 } }));
    bench.update(json!({ "desired": { "level": 3, "on": null } }));
    bench.until("settled", 2);
    let world = bench.end();
    assert_eq!(*world.taken_off.lock(), ids);
}

/// A confirmed downlink is sent again until it is acknowledged, and must not be when nobody wants it.
#[test]
fn what_was_sent_and_not_acknowledged_gives_way_to_a_newer_wish_and_to_a_report() {
    let bench = Bench::new();
    bench.update(json!({ "desired": { "level": 1 } }));
    bench.until("queued", 1);
    bench.moved(handed(Fate::Accepted, false));
    bench.until("sent", 1);
    bench.update(json!({ "desired": { "level": 2 } }));
    bench.until("queued", 2);
    let ids: Vec<u64> = bench.world.queued.lock().iter().map(|item| item.id).collect();
    assert_eq!(*bench.world.taken_off.lock(), ids[..1]);
    bench.moved(handed(Fate::Accepted, false));
    bench.until("sent", 2);
    bench.update(json!({ "reported": { "level": 2 } }));
    bench.until("settled", 2);
    let world = bench.end();
    assert_eq!(*world.taken_off.lock(), ids);
}

#[test]
fn a_downlink_that_fails_is_queued_three_times_and_then_given_up() {
    let bench = Bench::new();
    bench.update(json!({ "desired": { "on": true } }));
    for (tries, stage) in
        [(1, Stage::Expired), (2, Stage::Failed { attempts: 8 }), (3, handed(Fate::Unknown, false))]
    {
        bench.until("queued", tries);
        assert_eq!(bench.status()["tries"], tries);
        bench.moved(handed(Fate::Accepted, true));
        bench.moved(stage);
    }
    bench.until("given_up", 3);
    // Only another wish begins anew.
    bench.update(json!({ "reported": { "t": 1 } }));
    bench.update(json!({ "desired": { "on": false } }));
    bench.until("queued", 4);
    let world = bench.end();
    let mut ids: Vec<u64> = world.queued.lock().iter().map(|item| item.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 4);
}

#[test]
fn what_cannot_be_said_is_told_and_a_full_queue_is_tried_when_the_device_is_heard() {
    let bench = Bench::new();
    bench.update(json!({ "desired": { "bad": 1 } }));
    bench.until("failed", 0);
    assert_eq!(bench.status()["error"], "bad");
    *bench.world.refuse.lock() = Some(CommandError::QueueFull { limit: 9 });
    bench.update(json!({ "desired": { "bad": null, "on": true } }));
    bench.until("refused", 0);
    bench.update(json!({ "reported": { "t": 1 } }));
    bench.until("queued", 1);
    bench.moved(Stage::Dropped);
    bench.until("dropped", 1);
    bench.end();
}

#[test]
fn a_restart_neither_repeats_nor_forgets() {
    let bench = Bench::new();
    let registry = Arc::clone(&bench.registry);
    bench.update(json!({ "desired": { "on": true } }));
    bench.until("queued", 1);
    let world = bench.end();
    let bench = Bench::start(world, Arc::clone(&registry));
    bench.update(json!({ "reported": { "t": 1 } }));
    bench.moved(Stage::Queued);
    let world = bench.end();
    assert_eq!(world.queued.lock().len(), 1);
    // The process ends after the wish is durable and before anybody has attended to it.
    let id = ShadowId::classic("lamp").expect("a name");
    world.update(&id, r#"{"state":{"desired":{"on":false}}}"#);
    let bench = Bench::start(world, registry);
    bench.until("queued", 2);
    bench.end();
}

#[test]
fn a_profile_says_what_the_shadow_may_do() {
    for (word, wants) in [("off", false), ("reported", true)] {
        let bench = Bench::start(Arc::default(), registry(Some(word)));
        let route = bench.registry.route(DEVICE).expect("it is described");
        assert_eq!(bench.binding.wants(&route), wants, "{word}");
        bench.update(json!({ "desired": { "on": true } }));
        let world = bench.end();
        assert!(world.queued.lock().is_empty(), "{word}");
    }
    let bench = Bench::new();
    let other = ShadowId::classic("another").expect("a name");
    bench.world.update(&other, r#"{"state":{"desired":{"on":true}}}"#);
    bench.binding.shadow_changed(&other);
    assert!(bench.end().queued.lock().is_empty());
}

/// The thing stands for the device, or for none.
fn bind(bench: &Bench, thing: Option<&str>) {
    let id = bench.registry.device(DEVICE).expect("it is registered").id;
    let change = |device: &mut WirelessDevice| -> Result<(), crate::registry::RegistryError> {
        device.thing = thing.map(Into::into);
        Ok(())
    };
    bench.registry.update(&id, change).expect("a store in memory");
    bench.binding.bound("lamp");
}

#[test]
fn a_thing_that_is_let_go_wants_nothing_and_wants_it_anew_when_it_is_bound_again() {
    let bench = Bench::new();
    bench.update(json!({ "desired": { "on": true } }));
    bench.until("queued", 1);
    bind(&bench, None);
    bench.until("unbound", 1);
    bench.update(json!({ "desired": { "on": false } }));
    bind(&bench, Some("lamp"));
    bench.until("queued", 2);
    let world = bench.end();
    let ids: Vec<u64> = world.queued.lock().iter().map(|item| item.id).collect();
    let taken_off = world.taken_off.lock();
    assert!(taken_off.contains(&ids[0]) && !taken_off.contains(&ids[1]), "{taken_off:?}");
}

/// It ended when the thing was let go, and before what it had wanted was taken off.
#[test]
fn a_life_that_ended_too_early_leaves_no_command_to_a_device_that_was_let_go() {
    let bench = Bench::new();
    bench.update(json!({ "desired": { "on": true } }));
    bench.until("queued", 1);
    let registry = Arc::clone(&bench.registry);
    let world = bench.end();
    let item = world.queued.lock()[0].clone();
    let bench = Bench::start(Arc::clone(&world), Arc::clone(&registry));
    bench.binding.found(DEVICE, std::iter::once(&item));
    bench.end();
    assert!(world.taken_off.lock().is_empty(), "it is still wanted");

    let id = registry.device(DEVICE).expect("it is registered").id;
    registry.update(&id, |device: &mut WirelessDevice| let_go(device)).expect("a store in memory");
    let bench = Bench::start(Arc::clone(&world), registry);
    let foreign = QueueItem { id: 1, correlation_id: Some("mine".into()), ..item.clone() };
    bench.binding.found(DEVICE, [&foreign, &item].into_iter());
    bench.end();
    assert_eq!(*world.taken_off.lock(), [item.id]);
}

fn let_go(device: &mut WirelessDevice) -> Result<(), crate::registry::RegistryError> {
    device.thing = None;
    Ok(())
}

#[test]
fn a_wish_that_seems_true_while_an_older_one_is_under_way_is_said_when_it_is_not() {
    let bench = Bench::new();
    bench.update(json!({ "reported": { "level": 1 } }));
    bench.update(json!({ "desired": { "level": 2 } }));
    bench.until("queued", 1);
    bench.moved(handed(Fate::Accepted, false));
    bench.until("sent", 1);
    // The device has become 2, and has not said so yet.
    bench.update(json!({ "desired": { "level": 1 } }));
    bench.until("settled", 1);
    bench.update(json!({ "reported": { "level": 2 } }));
    bench.until("queued", 2);
    bench.moved(handed(Fate::Accepted, false));
    bench.update(json!({ "reported": { "level": 1 } }));
    bench.until("settled", 2);
    bench.end();
}

#[test]
fn a_report_of_later_settles_a_doubtful_wish_for_good() {
    let bench = Bench::new();
    bench.update(json!({ "desired": { "level": 2 } }));
    bench.until("queued", 1);
    bench.update(json!({ "reported": { "level": 3 } }));
    bench.update(json!({ "desired": { "level": 3 } }));
    bench.until("settled", 1);
    let later = bench.now() + TimeDelta::from_secs(60);
    let event = AppEvent {
        sequence: 9,
        number: 9,
        at: later,
        kind: EventKind::Uplink(Box::new(uplink(9))),
    };
    let route = bench.registry.route(DEVICE).expect("it is described");
    let object = json!({ "level": 3 });
    bench.binding.follow(&route, &event, Some(&object), Ticket::nobody());
    bench.update(json!({ "reported": { "t": 1 } }));
    let give_up = Instant::now() + Duration::from_secs(20);
    while bench.status()["doubt_until"] != Value::Null {
        assert!(Instant::now() < give_up, "{}", bench.status());
        std::thread::yield_now();
    }
    bench.update(json!({ "reported": { "level": 7 } }));
    let world = bench.end();
    assert_eq!(world.queued.lock().len(), 1, "it departs by itself");
    // The same uplink, after the next start, is not reported again.
    let bench = Bench::start(world, registry(None));
    bench.binding.follow(&route, &event, Some(&object), Ticket::nobody());
    let id = ShadowId::classic("lamp").expect("a name");
    let shadow = bench.world.shadows.lock()[&id].clone();
    let mut written = Vec::new();
    shadow.state.expect("it is there").write(&mut written);
    let written = String::from_utf8(written).expect("UTF-8");
    assert!(written.contains(r#""level":7"#), "{written}");
    bench.end();
}
