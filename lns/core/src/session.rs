//! A session: what a device and the network agreed on at a join, or at the factory.

use lns_lorawan::{
    DataRateIndex, DevAddr, FCntDown, FCntUp, Frequency, MacVersion, RxDelay, SessionKeys,
};
use serde::{Deserialize, Serialize};

/// When and how the device listens after an uplink.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RxParams {
    /// RX1 opens this long after the end of the uplink; RX2 one second later.
    pub rx_delay: RxDelay,
    /// RX1DROffset.
    pub rx1_dr_offset: u8,
    /// RX2 data rate, in the downlink table.
    pub rx2_data_rate: DataRateIndex,
    /// RX2 frequency.
    pub rx2_frequency: Frequency,
}

/// How many counters a durable ceiling is raised ahead.
pub const CEILING_AHEAD: u32 = 16;

/// The next FCntDown to use, under a ceiling that is durable.
///
/// The record on disk carries only the ceiling. A counter below it may be used without waiting for
/// the disk; after a crash counting goes on at the ceiling, so that a counter may be skipped but is
/// never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DownCounter {
    /// Next to use.
    pub next: FCntDown,
    /// No counter at or above this may be used before a higher ceiling is durable.
    pub ceiling: FCntDown,
}

/// What a device and the network share from one activation to the next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// The address.
    pub dev_addr: DevAddr,
    /// The keys.
    pub keys: SessionKeys,
    /// The version that the session was made under.
    pub mac_version: MacVersion,
    /// Last accepted FCntUp; `None` before the first frame.
    pub f_cnt_up: Option<FCntUp>,
    /// Lowest FCntUp accepted as the first frame.
    pub f_cnt_up_start: FCntUp,
    /// Digest of the last accepted frame's bytes; meaningless while `f_cnt_up` is `None`.
    pub last_digest: u64,
    /// FCntDown of 1.0.x, NFCntDown of 1.1.
    pub n_f_cnt_down: DownCounter,
    /// AFCntDown of 1.1; unused in 1.0.x.
    pub a_f_cnt_down: DownCounter,
    /// How the device listens.
    pub rx: RxParams,
    /// Uplink frequencies that the device knows besides the region's default channels, by their
    /// channel index less the number of default channels (EU868: CFList or factory presets).
    pub extra_channels: Vec<Option<Frequency>>,
    /// Channels of a fixed plan in use, one bit each; `None` when unknown (US915 before the
    /// LinkADRReq block that selects the sub-band is answered).
    pub ch_mask: Option<u128>,
}
