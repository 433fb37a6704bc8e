//! What a decision may know besides the device and the event.

use lns_lorawan::{Frequency, NetId, Timestamp};

/// The network's own settings, the same for all devices.
#[derive(Clone, Debug)]
pub struct Network {
    /// The NetID that Join-Accepts carry and DevAddrs are drawn from.
    pub net_id: NetId,
    /// The sub-band (1 to 8) of fixed plans where a profile names none.
    pub sub_band: Option<u8>,
    /// Channels beyond the default ones of a dynamic plan, for the CFList; at most five.
    pub extra_channels: Vec<Frequency>,
    /// How many queued downlinks a device may have.
    pub queue_limit: usize,
}

/// Everything a decision may know besides the device and the event.
#[derive(Clone, Debug)]
pub struct Env<'a> {
    /// Now.
    pub now: Timestamp,
    /// The network's settings.
    pub network: &'a Network,
    /// Fresh random bits for this step.
    pub random: u64,
}
