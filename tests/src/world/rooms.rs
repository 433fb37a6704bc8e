//! The server's rooms, the same as in production, without their threads.

use std::sync::Arc;

use gateway_bridge::counters::Counters;
use gateway_bridge::semtech::session::{Config, Policy, Sessions};
use lns::dice::Dice;
use lns::gateways::{Gateways, Registered};
use lns::ingest::Ingest;
use lns::message::OutboundEvent;
use lns::outbox::{Progress, read_cursors};
use lns::partition::{self, Partition, Settings};
use lns::router::Router;
use lns::store::Store;
use lns::transmit::Transmit;
use lns_core::radio::lane::LaneSettings;
use lns_core::{Description, Network};
use lns_lorawan::{NetId, TimeDelta, Timestamp};
use sim::random::Random;

use super::setup::Setup;

/// How long copies are gathered at most: the default.
const DEDUP_LIMIT: TimeDelta = TimeDelta::from_millis(200);

/// One life of the server: everything that a crash forgets.
pub struct Rooms {
    /// Who is where.
    pub router: Arc<Router>,
    /// Receptions in.
    pub ingest: Ingest,
    /// The devices.
    pub partitions: Vec<Partition>,
    /// The gateways' air.
    pub transmit: Transmit,
    /// The bridge in the same process.
    pub sessions: Sessions,
    /// How far the sink is.
    pub progress: Progress,
}

/// When devices without a record are described: any moment serves.
const BORN: Timestamp = Timestamp::from_secs(1_790_000_000);

impl Rooms {
    /// Starts a server on what a store holds; answers it and the events that no sink has had.
    ///
    /// A store that cannot be read is a finding, not an accident.
    pub fn start(
        setup: &Setup,
        store: &dyn Store,
        (random, now): (&mut Random, Timestamp),
    ) -> Result<(Self, Vec<OutboundEvent>), String> {
        let delivered = partition::watermarks();
        read_cursors(store, &delivered).map_err(|error| error.to_string())?;
        let gateways = Arc::new(Gateways::default());
        register(&gateways, setup);
        let router = Arc::new(Router::new(setup.partitions));
        let descriptions: Vec<Arc<Description>> =
            setup.nodes.iter().map(|node| Arc::new(node.description())).collect();
        let (mut loaded, undelivered) =
            partition::load(store, descriptions.into_iter(), (setup.partitions, BORN), &delivered)
                .map_err(|error| error.to_string())?;
        let groups = setup.groups.iter().cloned().map(Arc::new);
        partition::load_groups(store, groups, now, &mut loaded)
            .map_err(|error| error.to_string())?;
        for device in loaded.iter().flat_map(|loaded| &loaded.devices) {
            let home = lns_core::device::home_of(device.about.dev_eui);
            router.change(home, &[], &device.addresses());
        }
        let network = Arc::new(Network {
            net_id: NetId::new(0).expect("zero has 24 bits"),
            sub_band: setup.sub_band,
            extra_channels: setup.extra_channels.iter().copied().map(Into::into).collect(),
            queue_limit: 20,
        });
        let partitions = (0..).zip(loaded).map(|(index, loaded)| {
            let settings = Settings {
                index,
                network: Arc::clone(&network),
                dedup_limit: DEDUP_LIMIT,
                addresses: network.net_id.prefix(),
                rx_delay: None,
                gateways: Arc::clone(&gateways),
                delivered: Arc::clone(&delivered),
            };
            Partition::new(settings, Dice::new(random.draw()), loaded)
        });
        let region = setup.region;
        let rooms = Rooms {
            partitions: partitions.collect(),
            transmit: Transmit::new(Arc::clone(&router), Arc::clone(&gateways), move |_| region),
            ingest: Ingest::new(Arc::clone(&gateways), Arc::clone(&router), region, false),
            sessions: bridge(random),
            progress: Progress::new(delivered),
            router,
        };
        Ok((rooms, undelivered))
    }

    /// When one of the rooms has something to do by itself.
    pub fn next_wake(&mut self) -> Option<Timestamp> {
        let bridge = self.sessions.next_wake().map(Timestamp::from_micros);
        let partitions = self.partitions.iter_mut().filter_map(Partition::next_wake).min();
        [bridge, self.transmit.next_wake(), partitions].into_iter().flatten().min()
    }
}

/// Gateways that beacon are known to do so.
fn register(gateways: &Gateways, setup: &Setup) {
    for spec in setup.gateways.iter().filter(|spec| spec.beacons.is_some()) {
        let lane = LaneSettings { beaconing: true, ..LaneSettings::default() };
        let registered = Registered { region: setup.region, location: None, lane };
        gateways.register(lns::treaty::eui(spec.eui), registered);
    }
}

fn bridge(random: &mut Random) -> Sessions {
    let first_token = u16::from_le_bytes(random.bytes());
    let config = Config { first_token, ..Config::default() };
    Sessions::new(config, Policy::default(), Arc::new(Counters::default()))
}
