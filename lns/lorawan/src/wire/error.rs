//! What can be wrong with bytes, and with a wish to make some.

use crate::crypto::MicMismatch;

/// The kinds of frame that have a fixed or a least length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum FrameKind {
    JoinRequest,
    JoinAccept,
    RejoinRequest,
    DataUp,
    DataDown,
}

impl core::fmt::Display for FrameKind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::JoinRequest => "Join-Request",
            Self::JoinAccept => "Join-Accept",
            Self::RejoinRequest => "Rejoin-Request",
            Self::DataUp => "data uplink",
            Self::DataDown => "data downlink",
        })
    }
}

/// Why bytes are no LoRaWAN frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum WireError {
    /// No bytes at all.
    #[error("cannot read an empty PHYPayload")]
    Empty,
    /// More than any modem sends.
    #[error("cannot read a PHYPayload of {length} bytes: at most 255 fit on the air")]
    TooLong {
        /// Bytes that were there.
        length: usize,
    },
    /// MHDR's Major is not 0: another protocol, or a future one.
    #[error("cannot read a frame of major version {major}: only 0 (LoRaWAN R1) is defined")]
    Major {
        /// The two bits.
        major: u8,
    },
    /// The length is not one that this kind of frame has.
    #[error("cannot read a {kind} of {length} bytes")]
    Length {
        /// The kind that MHDR says.
        kind: FrameKind,
        /// Bytes that were there, MHDR and MIC included.
        length: usize,
    },
    /// FOptsLen reaches beyond the frame.
    #[error("cannot read FOpts of {f_opts_len} bytes: only {available} are left")]
    FOptsBeyondFrame {
        /// What FCtrl says.
        f_opts_len: usize,
        /// What is there, up to the MIC.
        available: usize,
    },
    /// FPort 0 and FOpts both carry MAC commands; a frame must not have both.
    #[error(
        "cannot read a frame with FPort 0 and {f_opts_len} bytes of FOpts: one excludes the other"
    )]
    FOptsWithFPort0 {
        /// What FCtrl says.
        f_opts_len: usize,
    },
    /// A Rejoin-Request's type is 0, 1 or 2.
    #[error("cannot read a Rejoin-Request of type {rejoin_type}")]
    RejoinType {
        /// The byte after MHDR.
        rejoin_type: u8,
    },
    /// A CFList's type is 0 or 1.
    #[error("cannot read a CFList of type {cf_list_type}")]
    CfListType {
        /// The last of its sixteen bytes.
        cf_list_type: u8,
    },
}

/// Why a Join-Accept could not be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JoinAcceptError {
    /// Another key, another request, or damage.
    #[error(transparent)]
    Mic(#[from] MicMismatch),
    /// It verified, but says something undefined.
    #[error(transparent)]
    Wire(#[from] WireError),
}

/// Why a frame or command cannot be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum BuildError {
    /// FOptsLen has four bits.
    #[error("cannot build FOpts of {length} bytes: at most 15 fit; send them on FPort 0")]
    FOptsTooLong {
        /// Bytes that were wanted.
        length: usize,
    },
    /// FPort 0 and FOpts both carry MAC commands; a frame must not have both.
    #[error("cannot build a frame with FPort 0 and {f_opts_len} bytes of FOpts: use one of them")]
    FOptsWithFPort0 {
        /// Bytes that were wanted.
        f_opts_len: usize,
    },
    /// A payload needs a port.
    #[error("cannot build a frame with {length} bytes of FRMPayload and no FPort")]
    PayloadWithoutFPort {
        /// Bytes that were wanted.
        length: usize,
    },
    /// MACPayload has at most 250 bytes at any data rate.
    #[error("cannot build a MACPayload of {length} bytes: at most 250 fit at any data rate")]
    TooLong {
        /// Bytes that it would have.
        length: usize,
    },
    /// The air carries multiples of 100 Hz in 24 bits.
    #[error("cannot encode {hz} Hz: a frame carries multiples of 100 Hz below 1677.7216 MHz")]
    Frequency {
        /// The frequency.
        hz: u32,
    },
}
