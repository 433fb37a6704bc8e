//! Building a server: rooms first, doors last, so that nothing is heard before all of them run.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;

use anyhow::Context as _;
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use parking_lot::RwLock;
use tokio::sync::watch;

use super::certificates::Certificates;
use super::ears::Ears;
use super::gate::Gatekeeper;
use super::intake::Intake;
use super::radio::Radios;
use super::rules::{Around, RuleRooms};
use super::shadows::ShadowRoom;
use super::{Addresses, Server, Threads, doors, http, news, parts};
use crate::broker::{self, Broker, Listener};
use crate::clock::Clock;
use crate::committer::Batch;
use crate::config::Config;
use crate::dice::Dice;
use crate::entropy;
use crate::events::Events;
use crate::gateways::Gateways;
use crate::identity::Identity;
use crate::ingest::Ingest;
use crate::last_uplinks::LastUplinks;
use crate::message::Watermarks;
use crate::message::{GroupTold, OutboundEvent, ToLanes, ToPartition};
use crate::observe::Observer;
use crate::outbox::{self, Outbox, Progress};
use crate::partition::{self, Loaded, Partition};
use crate::registry::{MulticastGroup, Registry, WirelessDevice};
use crate::rooms::{self, Doors, MAILBOX, PartitionDoors, Partitions};
use crate::router::Router;
use crate::service::{Downlinks, Encoder, Service};
use crate::store::{Store, StoreKind};
use crate::transmit::Transmit;

/// Turns that may wait for the committer; more make the partitions wait.
const TURNS_WAITING: usize = 256;

/// What takes messages of the broker, once every room runs and until they stop. It holds the
/// broker, which holds it: a stopped server empties it, else neither would ever go.
pub(super) type SharedIntake = Arc<RwLock<Option<Intake>>>;

/// What most rooms share.
pub(super) struct Common {
    pub clock: Clock,
    pub store: Arc<dyn Store>,
    pub observer: Arc<Observer>,
    pub registry: Arc<Registry>,
    pub gateways: Arc<Gateways>,
    pub router: Arc<Router>,
    pub delivered: Watermarks,
    pub last_uplinks: Arc<LastUplinks>,
    pub partitions: Partitions,
    pub lanes: Sender<ToLanes>,
    pub committer: Sender<Batch>,
    pub ledgers: rooms::Ledgers,
    pub identity: Arc<Identity>,
    pub certificates: Arc<Certificates>,
}

/// The mailboxes' receiving ends.
struct Inboxes {
    partitions: Vec<Receiver<ToPartition>>,
    lanes: Receiver<ToLanes>,
    committer: Receiver<Batch>,
}

/// The way out: broker, shadows and outbox.
struct WayOut {
    broker: Arc<dyn Broker>,
    events: Arc<Events>,
    mqtt: Option<std::net::SocketAddr>,
    shadows: ShadowRoom,
    outbox: Arc<Outbox>,
    workers: Vec<JoinHandle<()>>,
}

/// Builds and starts everything.
pub(super) fn start(
    config: &Config,
    clock: &Clock,
    store: Arc<dyn Store>,
) -> anyhow::Result<Server> {
    let sockets = http::Sockets::bind(config)?;
    let (common, inboxes) = common(config, clock, store)?;
    let (loaded, undelivered) = read_back(&common)?;
    let service = service(config, &common)?;
    let intake: SharedIntake = Arc::default();
    let mut out = way_out(config, &common, (&intake, &service), undelivered)?;

    let radios = Arc::new(Radios::new(Arc::clone(&out.broker)));
    let abandon = Arc::new(AtomicBool::new(false));
    let news = open_news(&common, &mut out, &loaded)?;
    tell_found(&out, &loaded);
    let committer = start_committer(&common, &out, (inboxes.committer, news), &abandon)?;
    let lanes = start_lanes(config, &common, inboxes.lanes, &radios)?;
    let partitions = start_partitions(
        config,
        (&common, &out.events),
        loaded.into_iter().zip(inboxes.partitions),
    )?;

    let ears = Arc::new(ears(config, &common, &out, &radios));
    let url = sockets.as_ref().map(|sockets| sockets.url(config));
    let rules = open_intake(config, &common, (&out, &service, &ears), (&intake, url))?;

    let (stopping, stop) = watch::channel(false);
    let inside =
        Inside { out: &out, rules: &rules, service: &service, ears: &ears, radios: &radios };
    let (bridge, http, housekeeping) = open_doors(config, &common, &inside, (sockets, stop))?;
    Ok(Server {
        addresses: Addresses {
            semtech_udp: bridge.address,
            mqtt: out.mqtt,
            http: http.address,
            https: http.tls_address,
        },
        registry: common.registry,
        service,
        observer: common.observer,
        broker: out.broker,
        intake,
        radios,
        outbox: out.outbox,
        shadows: out.shadows,
        rules,
        store: common.store,
        ledgers: common.ledgers,
        partitions: common.partitions,
        lanes: common.lanes,
        bridge: bridge.handle,
        abandon,
        stopping,
        threads: Threads {
            bridge: bridge.thread,
            http: http.thread,
            partitions,
            lanes,
            committer,
            workers: out.workers,
            housekeeping,
        },
    })
}

/// What the doors lead to.
struct Inside<'a> {
    out: &'a WayOut,
    rules: &'a RuleRooms,
    service: &'a Arc<Service>,
    ears: &'a Arc<Ears>,
    radios: &'a Radios,
}

/// Opens what the world comes in by, and starts the thread that keeps the house.
fn open_doors(
    config: &Config,
    common: &Common,
    &Inside { out, rules, service, ears, radios }: &Inside<'_>,
    (sockets, stop): (Option<http::Sockets>, watch::Receiver<bool>),
) -> anyhow::Result<(doors::BridgeDoor, http::HttpDoor, JoinHandle<()>)> {
    let bridge = doors::open_bridge(config, common, (ears, radios))?;
    let around = (&out.outbox, &out.broker, bridge.handle.clone(), ears);
    let housekeeping = doors::keep_house(config, common, around, stop.clone())?;
    let WayOut { broker, shadows, events, .. } = out;
    let rooms = http::Rooms { rules, service, broker, shadows, events };
    let http = match sockets {
        Some(sockets) => sockets.open(config, common, rooms, stop)?,
        None => http::HttpDoor::default(),
    };
    Ok((bridge, http, housekeeping))
}

/// What applications ask of devices.
fn service(config: &Config, common: &Common) -> anyhow::Result<Arc<Service>> {
    let limits = parts::codec_limits(&config.codec);
    let encoder = Encoder::start(limits, common.clock.clone())?;
    Ok(Arc::new(Service {
        partitions: common.partitions.clone(),
        router: Arc::clone(&common.router),
        gateways: Arc::clone(&common.gateways),
        encoder,
        last_uplinks: Arc::clone(&common.last_uplinks),
        expiry: parts::delta(config.downlink.expiry),
        network: Arc::new(parts::network(config)),
        clock: common.clock.clone(),
    }))
}

/// Starts the rules; from now on senders' messages are taken.
fn open_intake(
    config: &Config,
    common: &Common,
    (out, service, ears): (&WayOut, &Arc<Service>, &Arc<Ears>),
    (intake, url): (&SharedIntake, Option<String>),
) -> anyhow::Result<RuleRooms> {
    let (registry, broker) = (Arc::clone(&common.registry), Arc::clone(&out.broker));
    let downlinks = Arc::new(Downlinks::new(Arc::clone(service), registry, broker));
    let around = Around { service, broker: &out.broker, shadows: &out.shadows.door, url };
    let rules = RuleRooms::start(config, common, &around)?;
    let rooms: Vec<Arc<dyn Listener>> =
        vec![Arc::clone(&out.shadows.door) as _, Arc::clone(&rules.rules) as _];
    *intake.write() = Some(Intake { downlinks, ears: Arc::clone(ears), rooms });
    Ok(rules)
}

/// Tells the binding what was queued before.
fn tell_found(out: &WayOut, loaded: &[Loaded]) {
    for device in loaded.iter().flat_map(|loaded| &loaded.devices) {
        let queue = device.queue.iter().map(|queued| &queued.item);
        out.shadows.binding.found(device.about.dev_eui, queue);
    }
}

fn common(
    config: &Config,
    clock: &Clock,
    store: Arc<dyn Store>,
) -> anyhow::Result<(Common, Inboxes)> {
    let defaults = parts::defaults(config);
    let registry = Arc::new(Registry::open(Arc::clone(&store), defaults)?);
    let delivered = crate::message::watermarks();
    outbox::read_cursors(&*store, &delivered)?;
    let count = parts::partitions(config);
    let (mailboxes, partition_inboxes) = (0..count).map(|_| bounded(MAILBOX)).unzip();
    // Bounded by what partitions have open; a bound here could make the two wait for each other.
    let (lanes, lanes_inbox) = unbounded();
    let (committer, committer_inbox) = bounded(TURNS_WAITING);
    let data_dir = config.server.data_dir.clone();
    let identity = Arc::new(Identity::new(Arc::clone(&registry), clock.clone(), data_dir));
    // Made now, so that devices can be given its certificate before anything needs it. Without a
    // store that lasts, nothing is left behind.
    if config.store.kind != StoreKind::Memory {
        identity.authority().context("opening the server's own authority")?;
    }
    let common = Common {
        clock: clock.clone(),
        store,
        observer: Arc::new(Observer::new()),
        registry,
        gateways: Arc::new(Gateways::default()),
        router: Arc::new(Router::new(count)),
        delivered,
        last_uplinks: Arc::new(LastUplinks::default()),
        partitions: Partitions::new(mailboxes),
        lanes,
        committer,
        ledgers: rooms::Ledgers::default(),
        identity,
        certificates: Arc::default(),
    };
    let inboxes =
        Inboxes { partitions: partition_inboxes, lanes: lanes_inbox, committer: committer_inbox };
    Ok((common, inboxes))
}

/// Reads the devices and the events that no sink has had, and makes addresses known.
fn read_back(common: &Common) -> anyhow::Result<(Vec<Loaded>, Vec<OutboundEvent>)> {
    let registry = &common.registry;
    let mut descriptions = Vec::new();
    let mut bad = None;
    registry.walk(None, &mut |device: &Arc<WirelessDevice>| {
        match registry.description(device) {
            Ok(description) => descriptions.push(description),
            Err(error) => bad = Some(error),
        }
        bad.is_none()
    });
    if let Some(error) = bad {
        return Err(error).context("reading the devices' descriptions");
    }
    let count = common.router.partitions();
    let (mut loaded, undelivered) = partition::load(
        &*common.store,
        descriptions.into_iter(),
        (count, common.clock.now()),
        &common.delivered,
    )?;
    let mut groups = Vec::new();
    let mut bad = None;
    registry.walk(None, &mut |group: &Arc<MulticastGroup>| {
        match registry.group_description(group) {
            Ok(about) => groups.push(about),
            Err(error) => bad = Some(error),
        }
        bad.is_none()
    });
    if let Some(error) = bad {
        return Err(error).context("reading the multicast groups' descriptions");
    }
    let now = common.clock.now();
    partition::load_groups(&*common.store, groups.into_iter(), now, &mut loaded)?;
    for device in loaded.iter().flat_map(|loaded| &loaded.devices) {
        let home = lns_core::device::home_of(device.about.dev_eui);
        common.router.change(home, &[], &device.addresses());
        for event in &device.events {
            if let lns_core::EventKind::Uplink(uplink) = &event.kind {
                common.last_uplinks.note(device.about.dev_eui, event.at, uplink);
            }
        }
    }
    Ok((loaded, undelivered))
}

fn way_out(
    config: &Config,
    common: &Common,
    (intake, service): (&SharedIntake, &Arc<Service>),
    undelivered: Vec<OutboundEvent>,
) -> anyhow::Result<WayOut> {
    let intake = Arc::clone(intake);
    let around = broker::Surroundings {
        // Until every room runs, senders keep their messages.
        intake: Arc::new(move |publication, taken| match &*intake.read() {
            Some(intake) => intake.take(publication, taken),
            None => Err((publication, taken)),
        }),
        store: Arc::clone(&common.store),
        gate: Some(Arc::new(Gatekeeper(Arc::clone(&common.identity)))),
        clock: common.clock.clone(),
    };
    let (broker, mqtt) = parts::broker(config, around, (&common.identity, &common.certificates))?;
    let shadows = ShadowRoom::start(config, common, (&broker, service))?;
    let progress = Arc::new(Progress::new(Arc::clone(&common.delivered)));
    let events = Arc::new(Events::new(&common.registry, &broker, &common.clock));
    // The broker knows who knows the clients, so that one of the three must not hold the next.
    let told = Arc::downgrade(&events);
    let told = move |certificate: &_| {
        if let Some(events) = told.upgrade() {
            events.certificate_registered(certificate);
        }
    };
    common.identity.tell_registrations(Box::new(told));
    let surroundings = Arc::new(outbox::Surroundings {
        registry: Arc::clone(&common.registry),
        gateways: Arc::clone(&common.gateways),
        observer: Arc::clone(&common.observer),
        last_uplinks: Arc::clone(&common.last_uplinks),
        companions: {
            let events = Arc::clone(&events);
            Arc::new(move |device, event| events.companions(device, event))
        },
        follower: Some(Arc::clone(&shadows.binding) as Arc<dyn outbox::Follower>),
        clock: common.clock.clone(),
    });
    let settings = parts::outbox(config);
    let (outbox, workers) = Outbox::start(&settings, surroundings, progress, &broker)?;
    undelivered.into_iter().for_each(|event| outbox.add(event));
    Ok(WayOut { broker, events, mqtt, shadows, outbox: Arc::new(outbox), workers })
}

/// The way out for multicast groups' news; those that an earlier run has not told go first.
fn open_news(
    common: &Common,
    out: &mut WayOut,
    loaded: &[Loaded],
) -> std::io::Result<Sender<GroupTold>> {
    let (news, inbox) = bounded(news::NEWS);
    for group in loaded.iter().flat_map(|loaded| &loaded.groups) {
        for untold in &group.untold {
            let told = GroupTold { about: Arc::clone(&group.about), news: untold.clone() };
            // What finds no room is told after the next start.
            let _ = news.try_send(told);
        }
    }
    let home = (common.partitions.clone(), Arc::clone(&common.router));
    out.workers.push(news::start(inbox, Arc::clone(&out.broker), home)?);
    Ok(news)
}

fn start_committer(
    common: &Common,
    out: &WayOut,
    (inbox, news): (Receiver<Batch>, Sender<GroupTold>),
    abandon: &Arc<AtomicBool>,
) -> std::io::Result<JoinHandle<bool>> {
    let doors = Doors {
        news,
        router: Arc::clone(&common.router),
        lanes: common.lanes.clone(),
        outbox: Arc::clone(&out.outbox),
        observer: Arc::clone(&common.observer),
    };
    rooms::start_committer(Arc::clone(&common.store), inbox, doors, Arc::clone(abandon))
}

fn start_lanes(
    config: &Config,
    common: &Common,
    inbox: Receiver<ToLanes>,
    radios: &Arc<Radios>,
) -> anyhow::Result<JoinHandle<()>> {
    let gateways = Arc::clone(&common.gateways);
    let default = config.server.region;
    let region_of =
        move |eui| gateways.find(eui).and_then(|gateway| gateway.region()).unwrap_or(default);
    let known = Arc::clone(&common.gateways);
    let mut transmit = Transmit::new(Arc::clone(&common.router), known, region_of);
    transmit.read_ledgers(&*common.store).context("reading the gateways' duty cycles")?;
    let (partitions, clock) = (common.partitions.clone(), common.clock.clone());
    let (radios, observer) = (Arc::clone(radios), Arc::clone(&common.observer));
    let ledgers = Arc::clone(&common.ledgers);
    let thread = std::thread::Builder::new().name("lanes".into());
    Ok(thread.spawn(move || {
        rooms::run_lanes(transmit, &inbox, &partitions, (&*radios, &observer, &ledgers), &clock)
    })?)
}

fn start_partitions(
    config: &Config,
    (common, events): (&Common, &Arc<Events>),
    rooms: impl Iterator<Item = (Loaded, Receiver<ToPartition>)>,
) -> std::io::Result<Vec<JoinHandle<()>>> {
    let network = Arc::new(parts::network(config));
    (0..)
        .zip(rooms)
        .map(|(index, (loaded, inbox))| {
            let settings = partition::Settings {
                index,
                network: Arc::clone(&network),
                dedup_limit: parts::delta(config.dedup.limit),
                addresses: parts::addresses(config),
                rx_delay: parts::rx_delay(config),
                gateways: Arc::clone(&common.gateways),
                delivered: Arc::clone(&common.delivered),
            };
            let partition = Partition::new(settings, Dice::new(entropy::u64()), loaded);
            let doors = PartitionDoors {
                inbox,
                partitions: common.partitions.clone(),
                committer: common.committer.clone(),
                lanes: common.lanes.clone(),
                observer: Arc::clone(&common.observer),
                events: Arc::clone(events),
                clock: common.clock.clone(),
            };
            std::thread::Builder::new()
                .name(format!("partition-{index}"))
                .spawn(move || rooms::run_partition(partition, &doors))
        })
        .collect()
}

fn ears(config: &Config, common: &Common, out: &WayOut, radios: &Arc<Radios>) -> Ears {
    Ears {
        ingest: Ingest::new(
            Arc::clone(&common.gateways),
            Arc::clone(&common.router),
            config.server.region,
            config.gateway.require_registered_gateways,
        ),
        partitions: common.partitions.clone(),
        lanes: common.lanes.clone(),
        gateways: Arc::clone(&common.gateways),
        registry: Arc::clone(&common.registry),
        radios: Arc::clone(radios),
        broker: Arc::clone(&out.broker),
        events: Arc::clone(&out.events),
        observer: Arc::clone(&common.observer),
        clock: common.clock.clone(),
        proprietary: Default::default(),
        bridges: Default::default(),
    }
}
