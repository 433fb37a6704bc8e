//! What a gateway is before it is switched on.

use gateway_bridge::semtech::packet::{GatewayEui, Version};
use lns_lorawan::{Dbm, Modulation, RegParamsRevision, Region, TimeDelta};

use crate::device::Channels;
use crate::device::plan::{self, Antenna, Grid, Masks, Place};

/// The concentrator, and with it the packet forwarder's habits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Model {
    /// `packet_forwarder` on an SX1301.
    Sx1301,
    /// `sx1302_hal`'s `lora_pkt_fwd` on an SX1302 or SX1303.
    Sx1302,
}

impl Model {
    /// TX_JIT_DELAY of its `jitqueue.c`: how long before its start a frame is programmed.
    pub(super) const fn jit_delay(self) -> i64 {
        match self {
            Self::Sx1301 => 30_000,
            Self::Sx1302 => 40_000,
        }
    }

    /// When a frame to be sent at once leaves at the earliest.
    pub(super) const fn immediate_delay(self) -> i64 {
        match self {
            Self::Sx1301 => 1_000_000,
            Self::Sx1302 => 80_000,
        }
    }
}

/// A gateway's beacons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beacons {
    /// Where.
    pub place: Place,
    /// How: the data rate's index.
    pub data_rate: u8,
    /// The same as a modulation.
    pub modulation: Modulation,
    /// Bytes of the frame.
    pub length: usize,
    /// EIRP.
    pub power: Dbm,
}

impl Beacons {
    /// Those of a region.
    pub fn of(region: Region) -> Option<Self> {
        let newest = RegParamsRevision::Rp002_1_0_5;
        let plan = plan::of(region, newest, Antenna::default());
        let data_rate = plan.class_b.data_rate;
        let modulation = plan.down(data_rate, newest)?.modulation;
        let (place, length) = (plan.class_b.beacon, plan.beacon_length());
        Some(Self { place, data_rate, modulation, length, power: Dbm::from_whole(14) })
    }
}

/// A gateway with a Semtech UDP packet forwarder.
#[derive(Debug, Clone, PartialEq)]
pub struct GatewaySpec {
    /// Who it is.
    pub eui: GatewayEui,
    /// What it is built on.
    pub model: Model,
    /// Protocol version. Version 1 has no TX_ACK.
    pub version: Version,
    /// What the concentrator's counter shows when the gateway is switched on, µs.
    pub tmst_offset: u32,
    /// From one PULL_DATA to the next.
    pub keepalive: TimeDelta,
    /// From one `stat` to the next.
    pub stat_interval: TimeDelta,
    /// Frequencies that it may send on, Hz, both included.
    pub tx_range: (u32, u32),
    /// Centres of the channels that it listens on, Hz; `None` for all there are.
    pub rx_channels: Option<Vec<u32>>,
    /// Powers that it can send with, dBm, before the antenna; rising.
    pub tx_powers: &'static [i8],
    /// The antenna's gain, whole dB: `powe` less this must be a power.
    pub antenna_gain: i8,
    /// Satellite time: `time`, `tmms`, and frames by `tmms`.
    pub gps: bool,
    /// The beacons that it makes by itself, if it has satellite time: `beacon_period` in a
    /// forwarder's configuration.
    pub beacons: Option<Beacons>,
    /// Degrees north, degrees east, metres.
    pub location: Option<(f64, f64, i32)>,
}

/// The reference forwarders' stock power table.
const STOCK_POWERS: &[i8] = &[-6, -3, 0, 3, 6, 10, 11, 12, 13, 14, 16, 20, 23, 25, 26, 27];

impl GatewaySpec {
    /// An SX1302 with stock settings for a region.
    pub fn new(eui: GatewayEui, region: Region) -> Self {
        Self {
            eui,
            model: Model::Sx1302,
            version: Version::V2,
            tmst_offset: 0,
            keepalive: TimeDelta::from_secs(10),
            stat_interval: TimeDelta::from_secs(30),
            tx_range: tx_range(region),
            rx_channels: None,
            tx_powers: STOCK_POWERS,
            antenna_gain: 0,
            gps: false,
            beacons: None,
            location: None,
        }
    }

    /// The same, but it listens only on a sub-band, 1 to 8, of a region with 64 and 8 channels, as
    /// gateways with one concentrator do. Elsewhere it hears everything.
    pub fn on_sub_band(self, region: Region, sub_band: u8) -> Self {
        let plan = plan::of(region, RegParamsRevision::Rp002_1_0_5, Antenna::default());
        let Grid::Fixed { masks: Masks::SeventyTwo, .. } = plan.grid else { return self };
        let channels = Channels::new(plan, Some(sub_band));
        let centres = channels.usable().map(|(_, channel)| channel.frequency.hz()).collect();
        Self { rx_channels: Some(centres), ..self }
    }

    /// The same with satellite time and the beacons of a region.
    pub fn beaconing(self, region: Region) -> Self {
        Self { gps: true, beacons: Beacons::of(region), ..self }
    }
}

/// Where a region has downlinks, and a little more.
fn tx_range(region: Region) -> (u32, u32) {
    const MARGIN: u32 = 300_000;
    let plan = plan::of(region, RegParamsRevision::Rp002_1_0_5, Antenna::default());
    let first = plan.downlinks.iter().map(|(first, _, _)| *first).min().unwrap_or(0);
    let last = plan.downlinks.iter().map(|(_, last, _)| *last).max().unwrap_or(0);
    (first - MARGIN, last + MARGIN)
}
