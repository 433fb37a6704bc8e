//! Every way in which a frame can be refused, by name.

use lns_lorawan::WireError;

/// A refusal: a value, not an error. Each variant is one metric label, one line in the live view,
/// one row in `docs/REJECTS.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Reject {
    /// The bytes are not a LoRaWAN frame.
    #[error("malformed frame: {0}")]
    Malformed(WireError),
    /// The frame is of a kind that only gateways and servers send.
    #[error("a downlink frame was received as an uplink")]
    DownlinkHeard,
    /// MType 7: not LoRaWAN's to read.
    #[error("proprietary frame")]
    Proprietary,
    /// No session has this DevAddr.
    #[error("no session has this DevAddr")]
    UnknownDevAddr,
    /// No device with this DevEUI is registered.
    #[error("no device with this DevEUI is registered")]
    UnknownDevEui,
    /// Sessions have this DevAddr, but none verifies the MIC.
    #[error(
        "MIC mismatch: no session with this DevAddr verifies it (wrong key, or a stranger's frame)"
    )]
    MicMismatch,
    /// So many frames with this DevAddr have verified with no session that this one was tried with
    /// the nearest sessions only.
    #[error(
        "too many frames with this DevAddr verify with no session; only the nearest sessions were tried"
    )]
    AddressFlooded,
    /// The frame verifies under a counter that was accepted before.
    #[error("FCntUp replayed: got {got}, last accepted {last}")]
    FCntReplayed {
        /// Counter of the frame.
        got: u32,
        /// Last accepted one.
        last: u32,
    },
    /// The device counts from the start again without having joined.
    #[error("FCntUp reset: got {got}, last accepted {last}; the device has forgotten its counters")]
    FCntReset {
        /// Counter of the frame.
        got: u32,
        /// Last accepted one.
        last: u32,
    },
    /// The counter jumped by more than MAX_FCNT_GAP (LoRaWAN up to 1.0.3, §4.3.1.5).
    #[error("FCntUp jumped from {last} to {got}, more than MAX_FCNT_GAP")]
    FCntGap {
        /// Counter of the frame.
        got: u32,
        /// Last accepted one.
        last: u32,
    },
    /// The session's counters are used up.
    #[error("the session's frame counter is used up; the device must join again")]
    FCntExhausted,
    /// The first frame of a new session acknowledges a downlink that was never sent in it.
    #[error("the first frame of a new session carries ACK")]
    AckBeforeDownlink,
    /// The first frame of a new 1.1 session does not carry RekeyInd (LoRaWAN 1.1 §5.10).
    #[error("the first frame of a new LoRaWAN 1.1 session lacks RekeyInd")]
    RekeyIndMissing,
    /// The Join-Request's MIC is wrong: another root key.
    #[error("Join-Request MIC mismatch: the root key is not the device's")]
    JoinMicMismatch,
    /// The JoinEUI is not the registered one.
    #[error("Join-Request for another JoinEUI than the registered one")]
    JoinEuiMismatch,
    /// The DevNonce was used before.
    #[error("DevNonce {got} was used before")]
    DevNonceReused {
        /// The nonce.
        got: u16,
    },
    /// The DevNonce counter did not advance (TS001-1.0.4 §6.2.5).
    #[error("DevNonce {got} is not above the last one, {last}")]
    DevNonceNotAbove {
        /// The nonce.
        got: u16,
        /// The last accepted one.
        last: u16,
    },
    /// The JoinNonce counter is used up.
    #[error("JoinNonce is used up for this device")]
    JoinNonceExhausted,
    /// The device does not join: it is activated by personalization.
    #[error("Join-Request of a device that is activated by personalization")]
    NotJoining,
    /// No gateway can send the Join-Accept in time; nothing was spent.
    #[error("no gateway can answer the Join-Request in time")]
    NoAirForJoin,
    /// Rejoin-Requests of this device are not answered: it has no 1.1 session from a join.
    #[error("Rejoin-Request of a device that is not in a LoRaWAN 1.1 session from a join")]
    RejoinNotServed,
    /// The Rejoin-Request's MIC is wrong: another session, or another root key.
    #[error("Rejoin-Request MIC mismatch: it is not of this session, or the root key is another")]
    RejoinMicMismatch,
    /// RJcount0 or RJcount1 did not advance (LoRaWAN 1.1 §6.2.4).
    #[error("RJcount {got} is not above the last one, {last}")]
    RejoinCountNotAbove {
        /// The counter.
        got: u16,
        /// The last accepted one.
        last: u16,
    },
    /// The data rate does not exist in the region's uplink table.
    #[error("modulation is not an uplink data rate of the device's region")]
    NotADataRate,
    /// The gateway works in another region than the device.
    #[error("heard by a gateway of another region than the device's")]
    OtherRegion,
    /// The gateway is not registered, and only registered ones are wanted.
    #[error("the gateway is not registered")]
    UnknownGateway,
    /// The copy came too late to open a window.
    #[error("the copy came too late to be answered")]
    Late,
    /// A partition's mailbox or the server's memory of gatherings is full.
    #[error("the server is overloaded")]
    Overload,
    /// Deciding panicked: our bug. The device is unchanged and the frame is kept.
    #[error("internal error while deciding; the frame is kept for a bug report")]
    Bug,
}

impl Reject {
    /// The metric label: snake case, one per variant, stable.
    pub fn label(&self) -> &'static str {
        match self {
            Reject::Malformed(_) => "malformed",
            Reject::DownlinkHeard => "downlink_heard",
            Reject::Proprietary => "proprietary",
            Reject::UnknownDevAddr => "unknown_dev_addr",
            Reject::UnknownDevEui => "unknown_dev_eui",
            Reject::MicMismatch => "mic_mismatch",
            Reject::AddressFlooded => "address_flooded",
            Reject::FCntReplayed { .. } => "f_cnt_replayed",
            Reject::FCntReset { .. } => "f_cnt_reset",
            Reject::FCntGap { .. } => "f_cnt_gap",
            Reject::FCntExhausted => "f_cnt_exhausted",
            Reject::AckBeforeDownlink => "ack_before_downlink",
            Reject::RekeyIndMissing => "rekey_ind_missing",
            Reject::JoinMicMismatch => "join_mic_mismatch",
            Reject::JoinEuiMismatch => "join_eui_mismatch",
            Reject::DevNonceReused { .. } => "dev_nonce_reused",
            Reject::DevNonceNotAbove { .. } => "dev_nonce_not_above",
            Reject::JoinNonceExhausted => "join_nonce_exhausted",
            Reject::NotJoining => "not_joining",
            Reject::NoAirForJoin => "no_air_for_join",
            Reject::RejoinNotServed => "rejoin_not_served",
            Reject::RejoinMicMismatch => "rejoin_mic_mismatch",
            Reject::RejoinCountNotAbove { .. } => "rejoin_count_not_above",
            Reject::NotADataRate => "not_a_data_rate",
            Reject::OtherRegion => "other_region",
            Reject::UnknownGateway => "unknown_gateway",
            Reject::Late => "late",
            Reject::Overload => "overload",
            Reject::Bug => "bug",
        }
    }

    /// Every label, for metrics that start at zero and for the documentation's test.
    pub const LABELS: [&'static str; 29] = [
        "malformed",
        "downlink_heard",
        "proprietary",
        "unknown_dev_addr",
        "unknown_dev_eui",
        "mic_mismatch",
        "address_flooded",
        "f_cnt_replayed",
        "f_cnt_reset",
        "f_cnt_gap",
        "f_cnt_exhausted",
        "ack_before_downlink",
        "rekey_ind_missing",
        "join_mic_mismatch",
        "join_eui_mismatch",
        "dev_nonce_reused",
        "dev_nonce_not_above",
        "join_nonce_exhausted",
        "not_joining",
        "no_air_for_join",
        "rejoin_not_served",
        "rejoin_mic_mismatch",
        "rejoin_count_not_above",
        "not_a_data_rate",
        "other_region",
        "unknown_gateway",
        "late",
        "overload",
        "bug",
    ];
}
