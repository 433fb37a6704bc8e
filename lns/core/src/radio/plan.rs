//! RX windows: when, where and how a device listens after an uplink.

use lns_lorawan::{DataRateIndex, Db, Dbm, Frequency, Modulation, TimeDelta, Window};

use crate::event::Reception;

/// One window in which a device will listen, as the standard and the session have it.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowPlan {
    /// Which.
    pub window: Window,
    /// From the end of the uplink to the start of the downlink.
    pub delay: TimeDelta,
    /// Frequency.
    pub frequency: Frequency,
    /// Data rate in the downlink table.
    pub data_rate: DataRateIndex,
    /// The same as a modulation.
    pub modulation: Modulation,
    /// The largest PHYPayload at this data rate, bytes (M + MHDR + MIC).
    pub max_phy_payload: usize,
    /// The most EIRP that the region allows on this frequency.
    pub max_eirp: Dbm,
}

/// How far a copy was above what its data rate needs; 0 dB where the need is no SNR (FSK, LR-FHSS),
/// so that such copies rank by strength and never count as comfortable.
pub fn margin(reception: &Reception) -> Db {
    match reception.modulation.required_snr() {
        Some(required) => reception.snr - required,
        None => Db::from_whole(0),
    }
}
