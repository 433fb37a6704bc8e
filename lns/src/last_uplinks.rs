//! Every device's last uplink, for whoever asks: in memory, written by the outbox.

use std::collections::HashMap;

use lns_core::effect::UplinkEvent;
use lns_lorawan::{DevEui, Timestamp};
use parking_lot::RwLock;

use crate::api::{DeviceStatistics, Heard};

/// Shards, so that writers of different devices seldom meet.
const SHARDS: usize = 64;

/// Every device's last uplink.
pub struct LastUplinks {
    shards: [RwLock<HashMap<DevEui, DeviceStatistics>>; SHARDS],
}

impl Default for LastUplinks {
    fn default() -> Self {
        LastUplinks { shards: std::array::from_fn(|_| RwLock::default()) }
    }
}

impl LastUplinks {
    /// The last uplink of a device; `None` before the first since it is remembered.
    pub fn of(&self, dev_eui: DevEui) -> Option<DeviceStatistics> {
        self.shard(dev_eui).read().get(&dev_eui).cloned()
    }

    /// A device has sent this.
    pub fn note(&self, dev_eui: DevEui, at: Timestamp, uplink: &UplinkEvent) {
        let Some(best) = uplink.receptions.first() else { return };
        let statistics = DeviceStatistics {
            last_uplink_at: at,
            f_port: uplink.f_port,
            data_rate: uplink.data_rate,
            frequency: best.frequency,
            gateways: uplink
                .receptions
                .iter()
                .map(|copy| Heard { gateway: copy.gateway, rssi: copy.rssi, snr: copy.snr })
                .collect(),
        };
        self.shard(dev_eui).write().insert(dev_eui, statistics);
    }

    /// The device is no longer ours.
    pub fn forget(&self, dev_eui: DevEui) {
        self.shard(dev_eui).write().remove(&dev_eui);
    }

    fn shard(&self, dev_eui: DevEui) -> &RwLock<HashMap<DevEui, DeviceStatistics>> {
        &self.shards[usize::from(lns_core::device::home_of(dev_eui)) % SHARDS]
    }
}
