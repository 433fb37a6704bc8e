//! What was seen while deciding: observability as data.
//!
//! The same notes feed metrics, logs, the live view and transcripts. Nothing depends on them.

use lns_lorawan::{Db, DevAddr, DevNonce, FCntDown, FCntUp, GatewayEui, Window};

use crate::adr::Why;
use crate::class::Class;
use crate::event::{Fate, Freshness};
use crate::reject::Reject;

/// One observation about one device.
#[derive(Clone, Debug, PartialEq)]
pub enum Note {
    /// A data frame was accepted.
    Uplink {
        /// Its address.
        dev_addr: DevAddr,
        /// Its full counter.
        f_cnt_up: FCntUp,
        /// New or a repeat.
        freshness: Freshness,
        /// How many gateways heard it.
        heard_by: usize,
        /// Counters missing since the last accepted one.
        lost: u32,
    },
    /// A Join-Request was accepted.
    Joining {
        /// Its nonce.
        dev_nonce: DevNonce,
        /// The address to be given.
        dev_addr: DevAddr,
        /// How many gateways heard it.
        heard_by: usize,
    },
    /// A Rejoin-Request was accepted (LoRaWAN 1.1).
    Rejoining {
        /// Its type: 0, 1 or 2.
        kind: u8,
        /// Its counter.
        rj_count: u16,
        /// The address to be given.
        dev_addr: DevAddr,
        /// How many gateways heard it.
        heard_by: usize,
    },
    /// The device was told to rejoin and has not; it is not told again.
    NoRejoin {
        /// How often it was told.
        tries: u8,
    },
    /// The device used its new session for the first time.
    SessionConfirmed {
        /// Its address.
        dev_addr: DevAddr,
    },
    /// A personalized device counts from the start again, and may not.
    CountersForgotten {
        /// Counter of the frame that showed it.
        got: FCntUp,
        /// Last accepted one.
        last: FCntUp,
    },
    /// A personalized device counts from the start again, and was taken at its word.
    CountersReset {
        /// Counter of the frame.
        got: FCntUp,
        /// The last accepted one before.
        last: FCntUp,
        /// Whether it can hear us.
        hears_us: bool,
    },
    /// A relay has forwarded a frame; `false`: it could not be read.
    Relayed {
        /// Whether it could be read.
        readable: bool,
    },
    /// An uplink on a port that the standard reserves.
    ReservedFPort {
        /// The port.
        f_port: u8,
    },
    /// A frame was refused; the device is unchanged.
    Rejected(Reject),
    /// Another copy after the gathering closed.
    LateCopy {
        /// Who heard it.
        gateway: GatewayEui,
    },
    /// A frame was filled for an occasion.
    Planned {
        /// Its counter; `None` for a Join-Accept.
        f_cnt_down: Option<FCntDown>,
        /// Its first window.
        window: Window,
        /// Its first gateway.
        gateway: GatewayEui,
        /// Bytes of PHYPayload.
        size: usize,
    },
    /// There was something to say and no lane had an offer for it.
    NoOffer,
    /// The first queued downlink is too large for every window of this occasion; it stays.
    DoesNotFit {
        /// The item's id.
        id: u64,
        /// The largest payload that would have fitted, bytes.
        room: usize,
    },
    /// The device listens otherwise than before.
    ClassChanged {
        /// Its class now.
        class: Class,
    },
    /// The session's downlink counters are used up; the device must join again.
    DownCounterExhausted,
    /// What became of a frame that was handed over.
    Sent {
        /// Its counter; `None` for a Join-Accept.
        f_cnt_down: Option<FCntDown>,
        /// The end.
        fate: Fate,
        /// Where.
        gateway: Option<GatewayEui>,
        /// When.
        window: Option<Window>,
        /// How far it was expected to be above what it needs there.
        margin: Option<Db>,
    },
    /// The device acknowledged a confirmed downlink.
    Acked {
        /// Its counter.
        f_cnt_down: FCntDown,
    },
    /// The device sent a MAC command that we do not know; the rest of its commands is unread.
    UnknownMacCommand {
        /// The command's CID.
        cid: u8,
    },
    /// A MAC answer without a request, or with another meaning than its request has.
    UnexpectedMacAnswer {
        /// The command's CID.
        cid: u8,
    },
    /// The device refused a MAC request.
    MacRequestRefused {
        /// The command's CID.
        cid: u8,
        /// Its answer's status bits.
        status: u8,
    },
    /// ADR wants something else of the device than before.
    Adr(Why),
    /// A DevStatusAns.
    DevStatus {
        /// Battery: 0 external, 1 to 254, 255 unknown.
        battery: u8,
        /// Margin, dB.
        margin: i8,
    },
}
