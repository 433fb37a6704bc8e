//! What every room may know of gateways: who is there, where, and how far away.
//!
//! Written by the room that hears gateways, read by all. Bounded: of gateways nobody registered,
//! only the most recently seen are remembered.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};

use lns_core::radio::clock::ConcentratorClock;
use lns_core::radio::lane::LaneSettings;
use lns_lorawan::{GatewayEui, Region, TimeDelta, Timestamp};
use parking_lot::{Mutex, RwLock};

/// How many gateways that nobody registered are remembered.
pub const UNREGISTERED_LIMIT: usize = 10_000;

/// Registered settings of a gateway.
#[derive(Clone, Debug, PartialEq)]
pub struct Registered {
    /// The region that it works in.
    pub region: Region,
    /// Latitude and longitude in degrees, altitude in metres, where an administrator gave them.
    pub location: Option<Location>,
    /// What its lane must know of it.
    pub lane: LaneSettings,
}

/// A place on Earth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Location {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// Metres.
    pub altitude: Option<f64>,
}

/// One gateway, as the rooms see it.
pub struct Gateway {
    /// Its EUI.
    pub eui: GatewayEui,
    registered: RwLock<Option<Registered>>,
    alive: AtomicBool,
    boot_epoch: AtomicU32,
    rtt_p50_us: AtomicU32,
    rtt_p99_us: AtomicU32,
    lag_p99_us: AtomicI64,
    last_seen_us: AtomicI64,
    last_uplink_us: AtomicI64,
    /// Receptions that became uplinks.
    pub receptions: AtomicU64,
    /// Downlinks that it accepted.
    pub accepted: AtomicU64,
    /// Downlinks that it refused.
    pub refused: AtomicU64,
    /// Its concentrator's clock on ours.
    pub clock: Mutex<ConcentratorClock>,
    address: Mutex<Option<String>>,
    location: Mutex<Option<Location>>,
}

impl Gateway {
    fn new(eui: GatewayEui) -> Self {
        Gateway {
            eui,
            registered: RwLock::new(None),
            alive: AtomicBool::new(false),
            boot_epoch: AtomicU32::new(0),
            rtt_p50_us: AtomicU32::new(0),
            rtt_p99_us: AtomicU32::new(0),
            lag_p99_us: AtomicI64::new(0),
            last_seen_us: AtomicI64::new(0),
            last_uplink_us: AtomicI64::new(0),
            receptions: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            clock: Mutex::default(),
            address: Mutex::new(None),
            location: Mutex::new(None),
        }
    }

    /// Whether an administrator registered it.
    pub fn is_registered(&self) -> bool {
        self.registered.read().is_some()
    }

    /// The region it is registered for.
    pub fn region(&self) -> Option<Region> {
        self.registered.read().as_ref().map(|registered| registered.region)
    }

    /// What its lane must know of it.
    pub fn lane(&self) -> LaneSettings {
        self.registered.read().as_ref().map(|registered| registered.lane).unwrap_or_default()
    }

    /// Where it is: as registered, else as it says itself.
    pub fn location(&self) -> Option<Location> {
        self.registered
            .read()
            .as_ref()
            .and_then(|registered| registered.location)
            .or(*self.location.lock())
    }

    /// Where it says it is.
    pub fn set_own_location(&self, location: Location) {
        *self.location.lock() = Some(location);
    }

    /// Whether it can be reached.
    pub fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Relaxed)
    }

    /// It can be reached, at this address, or not any more.
    pub fn set_alive(&self, alive: bool, address: Option<String>) {
        self.alive.store(alive, Ordering::Relaxed);
        if address.is_some() {
            *self.address.lock() = address;
        }
    }

    /// Where it was last reached.
    pub fn address(&self) -> Option<String> {
        self.address.lock().clone()
    }

    /// The run of its concentrator.
    pub fn boot_epoch(&self) -> u32 {
        self.boot_epoch.load(Ordering::Relaxed)
    }

    /// Its concentrator is in this run.
    pub fn set_boot_epoch(&self, boot_epoch: u32) {
        self.boot_epoch.store(boot_epoch, Ordering::Relaxed);
    }

    /// How long it takes to answer a downlink, µs: median and 99th percentile.
    pub fn set_rtt(&self, p50_us: u32, p99_us: u32) {
        self.rtt_p50_us.store(p50_us, Ordering::Relaxed);
        self.rtt_p99_us.store(p99_us, Ordering::Relaxed);
    }

    /// The median and the 99th percentile of its round trip; zero while unknown.
    pub fn rtt(&self) -> (TimeDelta, TimeDelta) {
        let of =
            |value: &AtomicU32| TimeDelta::from_micros(i64::from(value.load(Ordering::Relaxed)));
        (of(&self.rtt_p50_us), of(&self.rtt_p99_us))
    }

    /// How late its copies come, µs, 99th percentile.
    pub fn set_lag_p99(&self, lag: TimeDelta) {
        self.lag_p99_us.store(lag.micros(), Ordering::Relaxed);
    }

    /// How late its copies come, 99th percentile.
    pub fn lag_p99(&self) -> TimeDelta {
        TimeDelta::from_micros(self.lag_p99_us.load(Ordering::Relaxed))
    }

    /// Something was heard from it.
    pub fn touch(&self, now: Timestamp, uplink: bool) {
        self.last_seen_us.store(now.micros(), Ordering::Relaxed);
        if uplink {
            self.last_uplink_us.store(now.micros(), Ordering::Relaxed);
            self.receptions.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// When something was last heard from it; `None`: never.
    pub fn last_seen(&self) -> Option<Timestamp> {
        let micros = self.last_seen_us.load(Ordering::Relaxed);
        (micros != 0).then(|| Timestamp::from_micros(micros))
    }

    /// When it last heard a device; `None`: never.
    pub fn last_uplink(&self) -> Option<Timestamp> {
        let micros = self.last_uplink_us.load(Ordering::Relaxed);
        (micros != 0).then(|| Timestamp::from_micros(micros))
    }
}

/// All gateways that are registered or were seen.
#[derive(Default)]
pub struct Gateways {
    known: RwLock<HashMap<GatewayEui, Arc<Gateway>>>,
    forgotten: AtomicU64,
}

impl Gateways {
    /// The gateway, if it is registered or was seen.
    pub fn find(&self, eui: GatewayEui) -> Option<Arc<Gateway>> {
        self.known.read().get(&eui).cloned()
    }

    /// The gateway; made known if it was not.
    pub fn seen(&self, eui: GatewayEui) -> Arc<Gateway> {
        if let Some(gateway) = self.find(eui) {
            return gateway;
        }
        let mut known = self.known.write();
        if known.len() >= UNREGISTERED_LIMIT {
            self.forget_one(&mut known);
        }
        Arc::clone(known.entry(eui).or_insert_with(|| Arc::new(Gateway::new(eui))))
    }

    /// An administrator registered the gateway, or changed it.
    pub fn register(&self, eui: GatewayEui, registered: Registered) {
        *self.seen(eui).registered.write() = Some(registered);
    }

    /// The gateway is no longer registered.
    pub fn unregister(&self, eui: GatewayEui) {
        if let Some(gateway) = self.find(eui) {
            *gateway.registered.write() = None;
        }
    }

    /// Everything known, by EUI.
    pub fn all(&self) -> Vec<Arc<Gateway>> {
        let mut all: Vec<_> = self.known.read().values().cloned().collect();
        all.sort_by_key(|gateway| gateway.eui);
        all
    }

    /// The 99th percentile of a gateway's round trip; zero while unknown.
    pub fn rtt_p99(&self, eui: GatewayEui) -> TimeDelta {
        self.find(eui).map_or(TimeDelta::from_micros(0), |gateway| gateway.rtt().1)
    }

    /// How many were forgotten to make room.
    pub fn forgotten(&self) -> u64 {
        self.forgotten.load(Ordering::Relaxed)
    }

    /// Makes room: of the unregistered, the one not heard for longest goes.
    fn forget_one(&self, known: &mut HashMap<GatewayEui, Arc<Gateway>>) {
        let stalest = known
            .values()
            .filter(|gateway| !gateway.is_registered())
            .min_by_key(|gateway| gateway.last_seen_us.load(Ordering::Relaxed))
            .map(|gateway| gateway.eui);
        if let Some(eui) = stalest {
            known.remove(&eui);
            self.forgotten.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_unregistered_gateways_the_stalest_goes_and_registered_ones_stay() {
        let gateways = Gateways::default();
        let region = "EU868".parse().expect("a region");
        gateways.register(
            GatewayEui::new(0),
            Registered { region, location: None, lane: LaneSettings::default() },
        );
        for n in 1..UNREGISTERED_LIMIT as u64 {
            gateways.seen(GatewayEui::new(n)).touch(Timestamp::from_micros(n as i64), false);
        }
        gateways.seen(GatewayEui::new(u64::MAX));
        assert_eq!(gateways.forgotten(), 1);
        assert!(gateways.find(GatewayEui::new(1)).is_none(), "the stalest went");
        assert!(gateways.find(GatewayEui::new(0)).is_some(), "the registered one stays");
        assert!(gateways.find(GatewayEui::new(u64::MAX)).is_some());
    }
}
