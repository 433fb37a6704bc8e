//! How much time a forwarder needs before a frame.
//!
//! A frame is programmed into the concentrator just in time; one that comes later than that is
//! refused with TOO_LATE (`jitqueue.c` of both forwarders): 1.5 ms for the radio to start, 1 ms of
//! margin, and the period of the just-in-time loop.
//!
//! What arrives exactly so early is refused, so that the least lead is a microsecond more.
//!
//! | forwarder | start | margin | loop | refused up to |
//! |---|---|---|---|---|
//! | SX1301 `packet_forwarder` | 1.5 ms | 1 ms | 30 ms | 32.5 ms |
//! | SX1302 HAL `packet_forwarder` | 1.5 ms | 1 ms | 40 ms | 42.5 ms |

/// Which reference forwarder a gateway behaves like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Forwarder {
    /// `packet_forwarder` for the SX1301, and whatever we know nothing about: it asks for less, so
    /// nothing is given up that might still be sent.
    #[default]
    Sx1301,
    /// The packet forwarder of the SX1302 HAL, known by the fields it adds to `rxpk`.
    Sx1302,
}

impl Forwarder {
    /// The least µs between hand-over and start.
    pub fn least_lead_us(self) -> i64 {
        match self {
            Self::Sx1301 => 32_501,
            Self::Sx1302 => 42_501,
        }
    }
}
