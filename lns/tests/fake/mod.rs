//! A running server as far as the API can tell: it remembers what it is told and plays back what
//! it is given. Shared by the API's own tests and by the contract test with AWS's clients.

mod groups;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use lns::api::{
    AdrSeen, ApiState, CodecRefusal, Codecs, Counters, DeviceError, DeviceStatistics, Devices,
    Encoded, Encoding, GatewaySeen, Groups, Heard, Queued, QueuedItem, Reply, Settings,
    Surroundings, Which, router,
};
use lns::broker::{Broker, Busy, Message, Status, Ticket};
use lns::message::RegistryEvent;
use lns::registry::{Defaults, Registry};
use lns::store::{MemoryStore, Store};
use lns_core::adr::{Decision, NbTrans, Target, Why};
use lns_core::device::{Listening, Missed, Waits};
use lns_core::event::QueueItem;
use lns_core::mac::force_rejoin::ForceRejoin;
use lns_core::mac::{Account, account};
use lns_core::radio::lane::NoOffer;
use lns_core::radio::shortage::Shortage;
use lns_core::{Description, Device, Network};
use lns_lorawan::{
    DataRateIndex, Db, Dbm, DevEui, Frequency, GatewayEui, NetId, Region, Timestamp, TxPowerIndex,
};
use lns_pipeline::codec::{EncodeInput, Limits, Worker};
use parking_lot::Mutex;
use tokio::sync::oneshot;

/// The present: 2026-01-02T03:04:05Z.
pub const NOW: Timestamp = Timestamp::from_secs(1_767_323_045);

/// How long a queue of the fake may be.
pub const QUEUE_LIMIT: usize = 100;

/// A gateway that was heard and never registered.
pub const STRANGER: GatewayEui = GatewayEui::new(0xaa55_5a00_0000_00ff);

/// What the first downlink of every queue waits for.
pub const MISSED: Waits = Waits::Gateway(Missed {
    at: NOW,
    shortage: Shortage {
        reason: NoOffer::DutyCycle,
        until: Some(Timestamp::from_secs(1_767_323_645)),
    },
});

/// The fake.
#[derive(Default)]
pub struct Fake {
    pub described: Mutex<BTreeMap<DevEui, Arc<Description>>>,
    pub queues: Mutex<BTreeMap<DevEui, Vec<QueueItem>>>,
    /// Devices that may count from the start again.
    pub resets: Mutex<BTreeSet<DevEui>>,
    /// Devices that are to rejoin.
    pub forced: Mutex<BTreeMap<DevEui, ForceRejoin>>,
    /// What the API works on.
    pub registry: OnceLock<Arc<Registry>>,
    /// What has become of things.
    pub told: Mutex<Vec<RegistryEvent>>,
    /// The multicast groups.
    pub groups: Mutex<groups::Homes>,
    /// When set, every mailbox is full.
    pub busy: AtomicBool,
}

fn reply<T, E>(outcome: Result<T, E>) -> Reply<T, E> {
    let (sender, receiver) = oneshot::channel();
    assert!(sender.send(outcome).is_ok(), "the receiver is right here");
    receiver
}

impl Fake {
    fn act<T>(
        &self,
        dev_eui: DevEui,
        act: impl FnOnce(&mut Vec<QueueItem>) -> Result<T, DeviceError>,
    ) -> Reply<T> {
        if self.busy.load(Ordering::Relaxed) {
            return reply(Err(DeviceError::Busy));
        }
        if !self.described.lock().contains_key(&dev_eui) {
            return reply(Err(DeviceError::Unknown(dev_eui)));
        }
        reply(act(self.queues.lock().entry(dev_eui).or_default()))
    }
}

impl Devices for Fake {
    fn describe(&self, description: Arc<Description>) -> Reply<()> {
        if self.busy.load(Ordering::Relaxed) {
            return reply(Err(DeviceError::Busy));
        }
        self.described.lock().insert(description.dev_eui, description);
        reply(Ok(()))
    }

    fn forget(&self, dev_eui: DevEui) -> Reply<()> {
        self.described.lock().remove(&dev_eui);
        self.queues.lock().remove(&dev_eui);
        reply(Ok(()))
    }

    fn enqueue(&self, dev_eui: DevEui, item: QueueItem) -> Reply<Queued> {
        self.act(dev_eui, |queue| {
            if queue.len() >= QUEUE_LIMIT {
                return Err(DeviceError::QueueFull { limit: QUEUE_LIMIT });
            }
            let id = item.id;
            queue.push(item);
            Ok(Queued { id })
        })
    }

    fn queue(&self, dev_eui: DevEui) -> Reply<Vec<QueuedItem>> {
        self.act(dev_eui, |queue| {
            let first = queue.first().map_or(0, |first| first.id);
            let item = |item: &QueueItem| QueuedItem {
                item: item.clone(),
                in_flight: false,
                attempts: 0,
                waits: if item.id == first { MISSED } else { Waits::Turn { behind: first } },
            };
            Ok(queue.iter().map(item).collect())
        })
    }

    /// As a device that has just been described.
    fn mac(&self, dev_eui: DevEui) -> Reply<Option<Account>> {
        let about = self.described.lock().get(&dev_eui).cloned();
        let network = Network {
            net_id: NetId::new(0).unwrap(),
            sub_band: None,
            extra_channels: Vec::new(),
            queue_limit: QUEUE_LIMIT,
        };
        let found = about.map(|about| account(&Device::new(about), &network, NOW));
        reply(found.ok_or(DeviceError::Unknown(dev_eui)))
    }

    /// A device that has sent one frame and is to be faster.
    fn adr(&self, dev_eui: DevEui) -> Reply<AdrSeen> {
        let described = self.described.lock();
        let Some(about) = described.get(&dev_eui) else {
            return reply(Err(DeviceError::Unknown(dev_eui)));
        };
        let (dr0, dr3) = (DataRateIndex::DR0, DataRateIndex::new(3).unwrap());
        let (full, once) = (TxPowerIndex::MAX_POWER, NbTrans::ONCE);
        let snr = Db::from_hundredths(-125);
        let why = Why {
            samples: 1,
            best_snr: Some(snr),
            margin: Some(Db::from_hundredths(875)),
            lost: (0, 1),
            decision: Decision::Faster,
            target: Target { data_rate: dr3, tx_power: full, nb_trans: once },
        };
        reply(Ok(AdrSeen {
            policy: about.adr.clone(),
            adr_bit: true,
            current: (Some(dr0), Some(full), None),
            why: Some(why),
            samples: vec![(Some(snr), 2, dr0, full)],
        }))
    }

    fn drop_items(&self, dev_eui: DevEui, which: Which) -> Reply<usize> {
        self.act(dev_eui, |queue| {
            let before = queue.len();
            match which {
                Which::All => queue.clear(),
                Which::One(id) => queue.retain(|item| item.id != id),
            }
            Ok(before - queue.len())
        })
    }

    fn counters(&self, dev_eui: DevEui) -> Reply<Counters> {
        let allowed = self.resets.lock().contains(&dev_eui);
        self.act(dev_eui, |_| {
            Ok(Counters {
                f_cnt_up: Some(99),
                n_f_cnt_down: Some(7),
                a_f_cnt_down: None,
                forgotten: true,
                reset_allowed: allowed,
                heard_from_zero: true,
            })
        })
    }

    fn reset_counters(&self, dev_eui: DevEui) -> Reply<()> {
        self.act(dev_eui, |_| {
            self.resets.lock().insert(dev_eui);
            Ok(())
        })
    }

    fn force_rejoin(&self, dev_eui: DevEui, wish: ForceRejoin) -> Reply<()> {
        self.act(dev_eui, |_| {
            self.forced.lock().insert(dev_eui, wish);
            Ok(())
        })
    }

    /// Devices whose DevEUI is even have been heard.
    fn statistics(&self, dev_eui: DevEui) -> Option<DeviceStatistics> {
        dev_eui.value().is_multiple_of(2).then(|| DeviceStatistics {
            last_uplink_at: NOW,
            f_port: Some(10),
            data_rate: DataRateIndex::new(5).unwrap(),
            frequency: Frequency::from_hz(868_100_000),
            gateways: vec![Heard {
                gateway: STRANGER,
                rssi: Dbm::from_whole(-97),
                snr: Db::from_hundredths(725),
            }],
        })
    }

    fn gateways(&self) -> Vec<GatewaySeen> {
        vec![GatewaySeen {
            gateway: STRANGER,
            connected: true,
            last_seen_at: NOW,
            last_uplink_at: Some(NOW),
            address: Some(([192, 0, 2, 1], 40_000).into()),
        }]
    }

    fn gateway(&self, gateway_eui: GatewayEui) -> Option<GatewaySeen> {
        self.gateways().into_iter().find(|seen| seen.gateway == gateway_eui)
    }

    fn listening(&self, dev_eui: DevEui) -> Reply<Listening> {
        let about = self.described.lock().get(&dev_eui).cloned();
        let device = about.map(Device::new).ok_or(DeviceError::Unknown(dev_eui));
        reply(device.map(|device| device.listening(NOW)))
    }
}

impl Codecs for Fake {
    fn encode(&self, wanted: Encoding) -> Reply<Encoded, CodecRefusal> {
        let input = EncodeInput {
            object: &wanted.object,
            port: wanted.f_port,
            variables: Some(&wanted.variables),
        };
        let encoded = Worker::new(Limits::default()).encode(&wanted.codec, &input, NOW.micros());
        reply(match encoded {
            Ok(encoded) => Ok(Encoded { bytes: encoded.bytes, f_port: encoded.port }),
            Err(error) => Err(CodecRefusal(error.to_string())),
        })
    }
}

/// A registry over this store.
pub fn registry(store: Arc<dyn Store>) -> Arc<Registry> {
    Arc::new(Registry::open(store, Defaults::of(Region::Eu868)).unwrap())
}

/// What surrounds the API: this fake.
pub fn surroundings(fake: &Arc<Fake>) -> Surroundings {
    Surroundings {
        devices: Arc::clone(fake) as Arc<dyn Devices>,
        groups: Arc::clone(fake) as Arc<dyn Groups>,
        codecs: Arc::clone(fake) as Arc<dyn Codecs>,
        shadows: shadows(),
        rules: Arc::new(NoRules),
        authority: authority(),
        askers: Arc::new(|_| Ok(None)),
        broker: broker(),
        metrics: Arc::new(|| "# HELP lns_up 1 while it runs\nlns_up 1\n".to_owned()),
        problems: Arc::new(Vec::new),
        registry_events: {
            let told = Arc::clone(fake);
            Arc::new(move |event| told.told.lock().push(event))
        },
        now: Arc::new(|| NOW),
    }
}

/// A server without rules.
struct NoRules;

impl lns::api::TopicRules for NoRules {
    fn check(&self, _: &lns_pipeline::rule::Rule) -> Result<(), String> {
        Ok(())
    }

    fn follow(&self) {}

    fn dead_letters(&self, _: &str, _: usize) -> Result<(Vec<serde_json::Value>, usize), String> {
        Ok((Vec::new(), 0))
    }

    fn exhume(&self, _: &str, _: bool) -> Result<usize, String> {
        Ok(0)
    }

    fn test(&self, _: &serde_json::Value, _: &str, _: &[u8]) -> Result<serde_json::Value, String> {
        Err("there are no rules here".to_owned())
    }
}

/// An authority in a folder of its own.
fn authority() -> lns::api::OwnAuthority {
    let folder = tempfile::tempdir().unwrap();
    Arc::new(move || lns::identity::Authority::open(folder.path(), NOW).map(Arc::new))
}

/// Shadows in memory, of which nobody hears.
fn shadows() -> Arc<dyn lns::api::Shadows> {
    let surroundings = lns::shadows::Surroundings {
        store: Arc::new(MemoryStore::new()),
        broker: Arc::new(Nobody),
        observer: Arc::default(),
        clock: lns::clock::Clock::start(),
        in_flight: 10,
    };
    Arc::new(lns::shadows::Shadows::start(surroundings).expect("a thread").0)
}

/// A broker of our own that listens on loopback.
fn broker() -> Arc<dyn Broker> {
    let config = lns::broker::EmbeddedConfig::new("127.0.0.1:0".parse().unwrap());
    Arc::new(lns::broker::Embedded::start(config, Arc::new(|_, _| Ok(()))).expect("a free port"))
}

/// A broker that nobody is connected to.
struct Nobody;

impl Broker for Nobody {
    fn publish(&self, _: Message, ticket: Ticket) -> Result<(), Busy> {
        ticket.acknowledged();
        Ok(())
    }
    fn listen(&self, _: &'static str, _: Vec<String>) {}
    fn status(&self) -> Status {
        Status::default()
    }
    fn stop(&self, _: std::time::Duration) {}
}

/// The settings of a listener on loopback.
pub fn settings() -> Settings {
    Settings {
        loopback: true,
        hosts: vec!["lns.example.org".to_owned()],
        public_host: Some("lns.example.net".to_owned()),
        public_authority: None,
        gateway_endpoint: "udp://127.0.0.1:1700".to_owned(),
    }
}

/// The API over an empty memory store and a fake.
pub fn api() -> (axum::Router, Arc<Fake>) {
    let fake = Arc::new(Fake::default());
    let registry = registry(Arc::new(MemoryStore::new()));
    assert!(fake.registry.set(Arc::clone(&registry)).is_ok(), "it is new");
    (router(ApiState::new(registry, surroundings(&fake), settings())), fake)
}
