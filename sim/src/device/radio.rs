//! When and how a device listens, and whether it hears.
//!
//! RX1 opens RECEIVE_DELAY1 after the *end* of the uplink (TS001-1.0.4 §3.3.2), RX2 one second
//! after RX1 (§5.7); after a Join-Request it is five and six seconds.

use core::fmt;

use lns_lorawan::{Frequency, Modulation, TimeDelta, Timestamp, Window};

use super::plan;
use crate::air::OnAir;

/// Symbols of a downlink's preamble.
const PREAMBLE: i64 = 8;
/// Symbols of it that a receiver must catch; the reference device asks for as many.
const NEEDED: i64 = 6;
/// Beyond this distance a frame has nothing to do with a window: RX1 and RX2 are 1 s apart.
const NEAR: TimeDelta = TimeDelta::from_millis(500);

/// A receive window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen {
    /// Which.
    pub window: Window,
    /// When a frame should begin.
    pub nominal: Timestamp,
    /// When the receiver is switched on.
    pub opens: Timestamp,
    /// When it is switched off again, unless it has found a preamble.
    pub closes: Timestamp,
    /// What it is tuned to.
    pub frequency: Frequency,
    /// What it expects.
    pub modulation: Modulation,
    /// Always: downlinks have inverted IQ.
    pub inverted_iq: bool,
}

impl Listen {
    /// A window that finds frames that begin up to `error` too early or too late, or one symbol
    /// where that is more.
    ///
    /// A window lasts at least as long as it takes to detect a preamble (TS001-1.0.4 §3.3.4). The
    /// receiver is on around the middle of the expected preamble, long enough to catch six of
    /// its eight symbols in either case. This is how the reference device does it.
    pub fn new(
        window: Window,
        nominal: Timestamp,
        (frequency, modulation): (Frequency, Modulation),
        error: TimeDelta,
    ) -> Self {
        let symbol = plan::symbol_micros(modulation);
        let half = (2 * NEEDED - PREAMBLE) * symbol / 2 + error.micros().max(symbol);
        let middle = nominal + TimeDelta::from_micros(PREAMBLE * symbol / 2);
        let half = TimeDelta::from_micros(half);
        Self {
            window,
            nominal,
            opens: middle - half,
            closes: middle + half,
            frequency,
            modulation,
            inverted_iq: true,
        }
    }

    /// Opens so much later.
    pub(super) fn shift(&mut self, later: TimeDelta) {
        self.nominal += later;
        self.opens += later;
        self.closes += later;
    }

    /// Would a receiver in this window receive the frame? If so, how many µs off it was.
    pub fn judge(&self, frame: &OnAir) -> Result<TimeDelta, Unheard> {
        let offset = frame.starts - self.nominal;
        if offset.abs() >= NEAR {
            return Err(Unheard::NotListening);
        }
        tuned(frame, (self.frequency, self.modulation))?;
        let symbol = plan::symbol_micros(self.modulation);
        let caught_early = frame.starts + TimeDelta::from_micros((PREAMBLE - NEEDED) * symbol);
        let caught_late = frame.starts + TimeDelta::from_micros(NEEDED * symbol);
        if caught_early < self.opens {
            return Err(Unheard::TooEarly { micros: -offset.micros() });
        }
        if caught_late > self.closes {
            return Err(Unheard::TooLate { micros: offset.micros() });
        }
        Ok(offset)
    }
}

/// Is a receiver that is tuned so able to receive the frame, whenever it is on?
pub(super) fn tuned(
    frame: &OnAir,
    (frequency, modulation): (Frequency, Modulation),
) -> Result<(), Unheard> {
    if frame.frequency != frequency {
        return Err(Unheard::WrongFrequency { wanted: frequency, got: frame.frequency });
    }
    if frame.modulation != modulation {
        return Err(Unheard::WrongDataRate { wanted: modulation, got: frame.modulation });
    }
    if !frame.inverted {
        return Err(Unheard::WrongPolarity);
    }
    if frame.crc_on {
        return Err(Unheard::CrcOn);
    }
    Ok(())
}

/// Why a device has not received a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unheard {
    /// No window is anywhere near.
    NotListening,
    /// The receiver was tuned elsewhere.
    WrongFrequency {
        /// The window's.
        wanted: Frequency,
        /// The frame's.
        got: Frequency,
    },
    /// The receiver expected another data rate.
    WrongDataRate {
        /// The window's.
        wanted: Modulation,
        /// The frame's.
        got: Modulation,
    },
    /// Downlinks have inverted IQ.
    WrongPolarity,
    /// Downlinks have no payload CRC. Real radios read from the header that there is one and
    /// receive it; a simulated device does not, so that the mistake is seen.
    CrcOn,
    /// Before the receiver could catch its preamble.
    TooEarly {
        /// Before the nominal start.
        micros: i64,
    },
    /// After the receiver was switched off.
    TooLate {
        /// After the nominal start.
        micros: i64,
    },
    /// The air or mischief took it.
    Lost,
    /// Not a frame.
    Malformed,
    /// Another device's address, or not for devices at all.
    ForAnother,
    /// Its address, but not its keys or not its counter.
    MicFailed,
    /// Its address and keys, but a counter that was used before.
    FCntReplayed,
    /// A Join-Accept with a JoinNonce that is not greater than the last one (1.0.4).
    JoinNonceReplayed,
}

impl Unheard {
    /// A word for tables.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::NotListening => "not listening",
            Self::WrongFrequency { .. } => "wrong frequency",
            Self::WrongDataRate { .. } => "wrong data rate",
            Self::WrongPolarity => "wrong polarity",
            Self::CrcOn => "payload CRC on",
            Self::TooEarly { .. } => "too early",
            Self::TooLate { .. } => "too late",
            Self::Lost => "lost",
            Self::Malformed => "malformed",
            Self::ForAnother => "for another",
            Self::MicFailed => "MIC failed",
            Self::FCntReplayed => "FCnt replayed",
            Self::JoinNonceReplayed => "JoinNonce replayed",
        }
    }

    /// How much of the frame was right: of several devices that did not receive it, the one with
    /// the greatest rank tells most.
    pub const fn rank(&self) -> u8 {
        match self {
            Self::NotListening => 0,
            Self::ForAnother => 1,
            Self::WrongFrequency { .. } => 2,
            Self::WrongDataRate { .. } => 3,
            Self::WrongPolarity | Self::CrcOn => 4,
            Self::TooEarly { .. } | Self::TooLate { .. } => 5,
            Self::Lost => 6,
            Self::Malformed => 7,
            Self::MicFailed => 8,
            Self::FCntReplayed | Self::JoinNonceReplayed => 9,
        }
    }
}

impl fmt::Display for Unheard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongFrequency { wanted, got } => {
                write!(f, "wrong frequency: listening on {wanted} MHz, sent on {got} MHz")
            }
            Self::WrongDataRate { wanted, got } => {
                write!(f, "wrong data rate: listening for {wanted}, sent with {got}")
            }
            Self::TooEarly { micros } => write!(f, "too early by {micros} µs"),
            Self::TooLate { micros } => write!(f, "too late by {micros} µs"),
            Self::NotListening
            | Self::WrongPolarity
            | Self::CrcOn
            | Self::Lost
            | Self::Malformed
            | Self::ForAnother
            | Self::MicFailed
            | Self::FCntReplayed
            | Self::JoinNonceReplayed => f.write_str(self.label()),
        }
    }
}
