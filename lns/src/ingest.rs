//! Where receptions come in: stamped with air time and region, and sent to the homes.

use std::sync::Arc;

use gateway_link::GatewayEvent;
use lns_core::{Reception, Reject};
use lns_lorawan::{Db, Dbm, Frequency, GatewayEui, Region, Timestamp, Tmst};

use crate::gateways::{Gateway, Gateways, Location};
use crate::message::HeardFrame;
use crate::router::Router;
use crate::treaty;

/// The room that hears gateways.
pub struct Ingest {
    gateways: Arc<Gateways>,
    router: Arc<Router>,
    default_region: Region,
    require_registered: bool,
}

impl Ingest {
    /// A room for gateways of `default_region`, unless they are registered for another.
    pub fn new(
        gateways: Arc<Gateways>,
        router: Arc<Router>,
        default_region: Region,
        require_registered: bool,
    ) -> Self {
        Ingest { gateways, router, default_region, require_registered }
    }

    /// Takes one reception in: to which partitions it goes (one bit each), and as what.
    pub fn hear(&self, uplink: gateway_link::Uplink) -> Result<(u64, HeardFrame), Reject> {
        let eui = treaty::eui(uplink.gateway_eui);
        let arrived = Timestamp::from_micros(uplink.received_at);
        if !self.serves(eui) {
            return Err(Reject::UnknownGateway);
        }
        let gateway = self.gateways.seen(eui);
        gateway.touch(arrived, true);
        let region = gateway.region().unwrap_or(self.default_region);
        let reception = Self::stamp(&gateway, &uplink, arrived).ok_or(Reject::NotADataRate)?;
        let digest = lns_core::device::matching::digest(&uplink.phy_payload);
        let partitions = self.router.partitions_of_frame(&uplink.phy_payload);
        let bytes: Arc<[u8]> = uplink.phy_payload.into();
        Ok((partitions, HeardFrame { bytes, digest, reception, region, then: 0 }))
    }

    /// Takes in a reception that goes to no device.
    pub fn overhear(&self, uplink: &gateway_link::Uplink) -> Result<Reception, Reject> {
        let eui = treaty::eui(uplink.gateway_eui);
        let arrived = Timestamp::from_micros(uplink.received_at);
        if !self.serves(eui) {
            return Err(Reject::UnknownGateway);
        }
        let gateway = self.gateways.seen(eui);
        gateway.touch(arrived, true);
        Self::stamp(&gateway, uplink, arrived).ok_or(Reject::NotADataRate)
    }

    /// Whether a gateway is served: any, unless only registered ones are wanted.
    pub fn serves(&self, eui: GatewayEui) -> bool {
        let is_registered = || self.gateways.find(eui).is_some_and(|known| known.is_registered());
        !self.require_registered || is_registered()
    }

    /// What happened to a gateway, as far as the rooms' common knowledge goes.
    pub fn gateway_event(&self, eui: GatewayEui, event: &GatewayEvent, now: Timestamp) {
        let gateway = self.gateways.seen(eui);
        gateway.touch(now, false);
        match event {
            GatewayEvent::Stat(stats) => {
                if let (Some(latitude), Some(longitude)) = (stats.lati, stats.long) {
                    let altitude = stats.alti.map(f64::from);
                    gateway.set_own_location(Location { latitude, longitude, altitude });
                }
            }
            GatewayEvent::Connected { address, boot_epoch, .. } => {
                gateway.set_alive(true, Some(address.clone()));
                gateway.set_boot_epoch(*boot_epoch);
            }
            GatewayEvent::Disconnected { .. } => gateway.set_alive(false, None),
            GatewayEvent::AddressChanged { to, .. } => gateway.set_alive(true, Some(to.clone())),
            GatewayEvent::AddressConflict { .. } => {}
            GatewayEvent::Rebooted { boot_epoch } => gateway.set_boot_epoch(*boot_epoch),
            GatewayEvent::Rtt { p50_us, p99_us, .. } => gateway.set_rtt(*p50_us, *p99_us),
        }
    }

    /// The reception in our words; `None` for a modulation that no LoRaWAN region has.
    fn stamp(
        gateway: &Gateway,
        uplink: &gateway_link::Uplink,
        arrived: Timestamp,
    ) -> Option<Reception> {
        let tmst = Tmst(uplink.tmst);
        let modulation = treaty::modulation(uplink.modulation, uplink.coding_rate)?;
        let air_time = {
            let mut clock = gateway.clock.lock();
            let air_time = clock.observe(tmst, uplink.boot_epoch, arrived);
            if let Some(lag) = clock.lag_p99() {
                gateway.set_lag_p99(lag);
            }
            if let Some(tmms) = uplink.tmms {
                clock.observe_gps(air_time, tmms);
            }
            air_time
        };
        Some(Reception {
            gateway: gateway.eui,
            arrived,
            air_time,
            tmst,
            boot_epoch: uplink.boot_epoch,
            token: uplink.token.as_bytes().into(),
            frequency: Frequency::from_hz(uplink.frequency_hz),
            modulation,
            coding_rate: treaty::coding_rate(uplink.coding_rate),
            rssi: Dbm::from_hundredths(uplink.rssi),
            snr: Db::from_hundredths(uplink.snr),
            channel: uplink.channel,
            rf_chain: uplink.rf_chain,
            antenna: uplink.antenna,
            gateway_time: uplink.time.map(Timestamp::from_micros),
            tmms: uplink.tmms,
        })
    }
}
