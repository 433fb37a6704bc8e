//! The registry over a memory store, a failing one, and records of older releases.

use std::sync::Arc;

use lns_lorawan::{AppKey, DevEui, GatewayEui, Region};
use lns_pipeline::codec::CodecSpec;

mod principals;
mod things;

use super::*;
use crate::store::{MemoryStore, Table, Visit};

fn defaults() -> Defaults {
    Defaults::of(Region::Eu868)
}

fn open(store: &Arc<dyn Store>) -> Registry {
    Registry::open(Arc::clone(store), defaults()).unwrap()
}

fn empty() -> Registry {
    open(&(Arc::new(MemoryStore::new()) as Arc<dyn Store>))
}

fn profile(registry: &Registry) -> Id {
    let profile = DeviceProfile { id: Id::random(), ..DeviceProfile::default() };
    registry.create(profile).unwrap().record().id
}

pub(crate) fn device(dev_eui: u64, device_profile_id: Id) -> WirelessDevice {
    WirelessDevice {
        id: Id::random(),
        dev_eui: DevEui::new(dev_eui),
        name: Some("a sensor".into()),
        description: None,
        destination: DEFAULT_DESTINATION.into(),
        device_profile_id,
        service_profile_id: None,
        activation: Keys::Otaa10 {
            app_key: AppKey::from_bytes([7; 16]),
            app_eui: None,
            join_eui: None,
            gen_app_key: None,
        },
        f_ports: None,
        codec: None,
        thing: None,
        variables: Tags::new(),
        tags: Tags::new(),
        made_by: None,
    }
}

fn gateway(eui: u64, region: Option<&str>) -> WirelessGateway {
    WirelessGateway {
        id: Id::random(),
        gateway_eui: GatewayEui::new(eui),
        name: None,
        description: None,
        region: region.map(str::to_owned),
        max_eirp: None,
        location: Some(Location { latitude: 1.5, longitude: -2.5, altitude: None }),
        basics: Basics::default(),
        radio: crate::registry::Radio::default(),
        thing: None,
        tags: Tags::new(),
        made_by: None,
    }
}

fn unchanged(_: &mut WirelessDevice) -> Result<(), RegistryError> {
    Ok(())
}

#[test]
fn what_was_created_is_there_after_a_restart() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let before = open(&store);
    before.put(Codec::new("c", "function decodeUplink(i) { return {data: {}}; }")).unwrap();
    let profile = profile(&before);
    let made = before.create(device(1, profile)).unwrap().record().clone();
    before.create(gateway(2, Some("US915"))).unwrap();
    before.create(Destination { name: "d".into(), ..Destination::built_in() }).unwrap();
    let service = ServiceProfile { id: Id::random(), ..ServiceProfile::default() };
    before.create(service.clone()).unwrap();

    let after = open(&store);
    assert_eq!(after.device(DevEui::new(1)), Some(made.clone()));
    assert_eq!(after.find::<WirelessDevice>(&made.id), Some(made));
    assert_eq!(after.find(&profile), before.find::<DeviceProfile>(&profile));
    assert_eq!(after.find(&"c".to_owned()), before.find::<Codec>(&"c".to_owned()));
    assert_eq!(after.find(&"d".to_owned()), before.find::<Destination>(&"d".to_owned()));
    assert_eq!(after.find(&service.id).as_deref(), Some(&service));
    assert_eq!(after.gateway_region(GatewayEui::new(2)), Region::Us915);
    assert_eq!(after.gateway_region(GatewayEui::new(3)), Region::Eu868);
    assert_eq!(after.count::<Destination>(), 2, "the built-in one and d");
}

#[test]
fn names_and_euis_are_unique() {
    let registry = empty();
    let profile = profile(&registry);
    let first = registry.create(device(1, profile)).unwrap().record().clone();
    let error = registry.create(device(1, profile)).unwrap_err();
    assert!(matches!(&error, RegistryError::Taken { key, .. } if *key == first.id.to_string()));
    let error = registry.create(Destination::built_in()).unwrap_err();
    assert!(matches!(error, RegistryError::Taken { .. }));
}

#[test]
fn a_repeated_request_changes_nothing_and_another_with_its_token_is_refused() {
    let registry = empty();
    let profile = profile(&registry);
    let asked = |body: &[u8]| WirelessDevice {
        id: Id::from_token(Kind::WirelessDevice, "t"),
        made_by: Some(Fingerprint::of("t", body)),
        ..device(1, profile)
    };
    assert!(matches!(registry.create(asked(b"x")).unwrap(), Created::New(_)));
    assert!(matches!(registry.create(asked(b"x")).unwrap(), Created::Repeated(_)));
    let error = registry.create(asked(b"y")).unwrap_err();
    assert!(matches!(error, RegistryError::TokenReused { .. }), "{error}");
}

#[test]
fn what_is_referred_to_stays() {
    let registry = empty();
    registry.put(Codec::new("c", "x")).unwrap();
    let profile = profile(&registry);
    let with_codec = |device: &mut WirelessDevice| -> Result<(), RegistryError> {
        device.codec = Some("c".to_owned());
        Ok(())
    };
    let device = registry.create(device(1, profile)).unwrap().record().clone();
    registry.update(&device.id, with_codec).unwrap();
    let in_use = |error| matches!(error, RegistryError::InUse { .. });
    assert!(in_use(registry.remove::<DeviceProfile>(&profile).unwrap_err()));
    assert!(in_use(registry.remove::<Codec>(&"c".to_owned()).unwrap_err()));
    let error = registry.remove::<Destination>(&DEFAULT_DESTINATION.to_owned()).unwrap_err();
    assert!(matches!(error, RegistryError::BuiltIn { .. }), "{error}");

    registry.remove::<WirelessDevice>(&device.id).unwrap();
    assert_eq!(registry.device(device.dev_eui), None);
    registry.remove::<DeviceProfile>(&profile).unwrap();
    registry.remove::<Codec>(&"c".to_owned()).unwrap();
}

#[test]
fn what_refers_to_nothing_is_refused() {
    let registry = empty();
    let profile = profile(&registry);
    let missing = [
        WirelessDevice { device_profile_id: Id::random(), ..device(1, profile) },
        WirelessDevice { service_profile_id: Some(Id::random()), ..device(1, profile) },
        WirelessDevice { destination: "nowhere".into(), ..device(1, profile) },
        WirelessDevice { codec: Some("none".into()), ..device(1, profile) },
    ];
    for device in missing {
        let error = registry.create(device).unwrap_err();
        assert!(matches!(error, RegistryError::NotFound { .. }), "{error}");
    }
    assert_eq!(registry.count::<WirelessDevice>(), 0);
}

#[test]
fn keys_must_suit_the_profile_also_when_that_changes() {
    let registry = empty();
    let profile = profile(&registry);
    registry.create(device(1, profile)).unwrap();
    let version = registry.version();
    for (mac_version, fits) in [("1.1", false), ("1.0.4", true), ("LoRaWAN 1.0.2", true)] {
        let change = |profile: &mut DeviceProfile| -> Result<(), RegistryError> {
            profile.mac_version = Some(mac_version.to_owned());
            Ok(())
        };
        assert_eq!(registry.update(&profile, change).is_ok(), fits, "{mac_version}");
    }
    assert_eq!(registry.version(), version + 2, "a refused change is none");
}

#[test]
fn a_changed_profile_gives_a_changed_description() {
    let registry = empty();
    let profile = profile(&registry);
    let device = registry.create(device(1, profile)).unwrap().record().clone();
    let before = registry.description(&device).unwrap();
    assert!(Arc::ptr_eq(&before.profile, &registry.description(&device).unwrap().profile));
    let change = |profile: &mut DeviceProfile| -> Result<(), RegistryError> {
        profile.confirmed_attempts = Some(5);
        profile.region = Some("us915".to_owned());
        Ok(())
    };
    registry.update(&profile, change).unwrap();
    let after = registry.description(&device).unwrap();
    assert_eq!((before.profile.confirmed_attempts, before.profile.region), (3, Region::Eu868));
    assert_eq!((after.profile.confirmed_attempts, after.profile.region), (5, Region::Us915));
}

#[test]
fn a_route_takes_the_devices_codec_before_its_profiles() {
    let registry = empty();
    registry.put(Codec::new("c", "x")).unwrap();
    let profile = profile(&registry);
    let device = registry.create(device(1, profile)).unwrap().record().clone();
    let codec = || registry.route(device.dev_eui).unwrap().codec;
    assert_eq!(codec(), CodecSpec::None);
    let set = |name: &str| Some(name.to_owned());
    registry
        .update::<DeviceProfile, RegistryError>(&profile, |profile| {
            profile.codec = set("c");
            Ok(())
        })
        .unwrap();
    assert_eq!(codec(), CodecSpec::javascript("x"));
    registry
        .update::<WirelessDevice, RegistryError>(&device.id, |device| {
            device.codec = set(CAYENNE_LPP);
            Ok(())
        })
        .unwrap();
    assert_eq!(codec(), CodecSpec::CayenneLpp);
    assert!(registry.route(DevEui::new(99)).is_none());
}

#[test]
fn a_walk_shows_each_once_in_order_and_stops_when_told() {
    let registry = empty();
    let profile = profile(&registry);
    for dev_eui in 0..2_500 {
        registry.create(device(dev_eui, profile)).unwrap();
    }
    let mut seen: Vec<Id> = Vec::new();
    registry.walk(None, &mut |device: &Arc<WirelessDevice>| {
        seen.push(device.id);
        true
    });
    assert_eq!(seen.len(), 2_500);
    assert!(seen.windows(2).all(|pair| pair[0] < pair[1]));
    let mut rest = 0;
    registry.walk(Some(&seen[1_999]), &mut |_: &Arc<WirelessDevice>| {
        rest += 1;
        rest < 10
    });
    assert_eq!(rest, 10);
}

/// A store whose commits fail, before or after they have happened.
struct Failing {
    store: MemoryStore,
    happens: bool,
}

impl Store for Failing {
    fn load(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.load(table, key)
    }
    fn scan(&self, table: Table, prefix: &[u8], visit: &mut Visit<'_>) -> Result<(), StoreError> {
        self.store.scan(table, prefix, visit)
    }
    fn commit(&self, writes: &[Write]) -> Result<(), StoreError> {
        if self.happens {
            self.store.commit(writes)?;
        }
        Err(StoreError::Full { attempt: "commit".to_owned() })
    }
    fn size_bytes(&self) -> u64 {
        self.store.size_bytes()
    }
}

#[test]
fn after_a_failed_commit_readers_see_what_the_store_has() {
    for happens in [false, true] {
        let store: Arc<dyn Store> = Arc::new(Failing { store: MemoryStore::new(), happens });
        let registry = open(&store);
        assert!(matches!(registry.create(gateway(1, None)), Err(RegistryError::Store(_))));
        assert_eq!(registry.gateway(GatewayEui::new(1)).is_some(), happens);
        assert_eq!(open(&store).gateway(GatewayEui::new(1)).is_some(), happens);
    }
}

/// Records as release 0.1.0 wrote them: table, key, value without the version byte. Never edited;
/// a later format adds a file.
const RECORDS_OF_VERSION_1: &str = include_str!("fixtures/version-1.jsonl");

#[test]
fn records_of_version_1_open() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    for line in RECORDS_OF_VERSION_1.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| line[name].as_str().unwrap();
        let table = Table::ALL.into_iter().find(|table| table.name() == text("table")).unwrap();
        let mut value = vec![1];
        value.extend_from_slice(text("json").as_bytes());
        let key = hex::decode(text("key")).unwrap();
        store.commit(&[Write::Put { table, key, value }]).unwrap();
    }
    let registry = open(&store);
    let route = registry.route(DevEui::new(0x70b3_d57e_d000_0001)).unwrap();
    assert_eq!(route.device.name.as_deref(), Some("kitchen"));
    assert_eq!(route.destination.topic_of(route.device.dev_eui), "farm/70b3d57ed0000001");
    assert_eq!(route.codec, CodecSpec::javascript("function Decode(p, b) { return {}; }"));
    assert!(!route.add_gw_metadata);
    let described = registry.description(&route.device).unwrap();
    assert_eq!(described.profile.rx2_frequency.unwrap().hz(), 869_525_000);
    assert_eq!(described.profile.factory_channels.len(), 2);
    let abp = registry.device(DevEui::new(0x70b3_d57e_d000_0002)).unwrap();
    assert!(matches!(abp.activation, Keys::Abp10 { f_cnt_start: 7, .. }));
    assert_eq!(registry.gateway(GatewayEui::new(0xaa55_5a00_0000_0101)).unwrap().tags["a"], "b");
    registry.update(&abp.id, unchanged).unwrap();
}

#[test]
fn a_record_of_a_newer_release_is_not_misread() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let key = GatewayEui::new(1).to_be_bytes().to_vec();
    let put = Write::Put { table: Table::Gateways, key, value: vec![2, b'{', b'}'] };
    store.commit(&[put]).unwrap();
    let error = Registry::open(store, defaults()).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("0000000000000001") && error.contains("newer release"), "{error}");
}

#[test]
fn a_profile_that_the_servers_new_region_does_not_suit_is_named() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let mut profile = DeviceProfile::new(Id::random(), None);
    profile.rx1_dr_offset = Some(5);
    let id = open(&store).create(profile).unwrap().record().id;
    let error = Registry::open(store, Defaults::of(Region::Us915)).map(|_| ()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&hex::encode(id.as_bytes())) && text.contains("US915"), "{text}");
}
