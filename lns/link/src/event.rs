//! What happens to gateways and bridges, other than frames.

use serde::{Deserialize, Serialize};

use crate::Stats;

/// Something happened to a gateway. Whose it is stands beside it: in the topic, or in the call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum GatewayEvent {
    /// It told of itself.
    Stat(Box<Stats>),
    /// It can be reached.
    Connected {
        /// Where, `IP:port`.
        address: String,
        /// Version of the protocol it speaks.
        protocol: u8,
        /// The run of its concentrator from now on.
        boot_epoch: u32,
    },
    /// It can no longer be reached: keepalives are missing, or the bridge stops.
    Disconnected {
        /// µs since anything was last heard of it.
        silent_us: i64,
    },
    /// It moved, after the old address had been silent long enough.
    AddressChanged {
        /// Old address.
        from: String,
        /// New address.
        to: String,
    },
    /// Another address claims this EUI while the one in use is alive: two gateways with one EUI, or
    /// someone who wants its downlinks. The claim was not followed. Told once a minute at most.
    AddressConflict {
        /// The address that claims it.
        claimed_by: String,
        /// The address in use.
        held_by: String,
    },
    /// Its concentrator started again: older tokens and `tmst` values mean nothing any more.
    Rebooted {
        /// The run of its concentrator from now on.
        boot_epoch: u32,
    },
    /// How long it takes to answer a downlink, over its last answers.
    Rtt {
        /// Median, µs.
        p50_us: u32,
        /// 99th percentile, µs.
        p99_us: u32,
        /// How many answers these are taken from.
        samples: u32,
    },
}

/// Whether a bridge of its own process is there; `Gone` is its last will.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum BridgeState {
    /// Connected to the broker.
    Here {
        /// Version of its software.
        version: String,
    },
    /// Stopped, crashed or cut off.
    Gone,
}
