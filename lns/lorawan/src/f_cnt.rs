//! Frame counters: sixteen bits on the wire, thirty-two in full. TS001-1.0.4 §4.3.1.5, LoRaWAN 1.1
//! §4.3.1.5.

use core::fmt;

use serde::{Deserialize, Serialize};

/// The low half of a counter, as a frame carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WireFCnt(pub u16);

impl WireFCnt {
    /// From the order on air: least significant byte first.
    pub const fn from_wire(bytes: [u8; 2]) -> Self {
        Self(u16::from_le_bytes(bytes))
    }

    /// In the order on air: least significant byte first.
    pub const fn to_wire(self) -> [u8; 2] {
        self.0.to_le_bytes()
    }
}

macro_rules! counter {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub u32);

        impl $name {
            /// The half that a frame carries.
            pub const fn wire(self) -> WireFCnt {
                let [low, high, _, _] = self.0.to_le_bytes();
                WireFCnt(u16::from_le_bytes([low, high]))
            }

            /// The counter of the next frame. `None` at the end: a counter used twice is a
            /// keystream used twice, so the session must end here rather than wrap.
            pub const fn next(self) -> Option<Self> {
                match self.0.checked_add(1) {
                    Some(value) => Some(Self(value)),
                    None => None,
                }
            }

            /// The smallest counter not behind `self` whose low half is `wire`.
            ///
            /// The sender transmits 16 bits and trusts us to remember the rest
            /// (TS001-1.0.4 §4.3.1.5). If the low half has gone backwards, the sender has wrapped,
            /// so we carry. A wrong guess is harmless: the full counter goes into B0, and the MIC
            /// will not verify (§4.4).
            ///
            /// `None` when the carry would not fit in 32 bits. It never looks *behind* `self`, so
            /// a repeat of the last frame is found from the last counter and the next frame from
            /// the next one; at 0 there is nothing to underflow.
            pub const fn carry(self, wire: WireFCnt) -> Option<Self> {
                let [_, _, third, fourth] = self.0.to_le_bytes();
                let [low, high] = wire.0.to_le_bytes();
                let here = u32::from_le_bytes([low, high, third, fourth]);
                if here >= self.0 {
                    return Some(Self(here));
                }
                match here.checked_add(0x1_0000) {
                    Some(value) => Some(Self(value)),
                    None => None,
                }
            }

            /// In the order in which B0 and A carry it: 32 bits, least significant byte first.
            pub const fn to_block(self) -> [u8; 4] {
                self.0.to_le_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

counter!(
    /// The device's counter of uplinks. As a field of a session: the *last accepted* one.
    FCntUp
);
counter!(
    /// The network's counter of downlinks. As a field of a session: the *next to use*.
    FCntDown
);

/// The counter of a 1.1 downlink without FPort or with FPort 0; the only one in 1.0.x.
pub type NFCntDown = FCntDown;

/// The counter of a 1.1 downlink with an application's FPort.
pub type AFCntDown = FCntDown;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_low_half_decides_whether_to_carry() {
        let cases = [
            (0, 0, Some(0)),
            (0, 0xffff, Some(0xffff)),
            (1, 0, Some(0x1_0000)),
            (0xffff, 0xffff, Some(0xffff)),
            (0xffff, 0, Some(0x1_0000)),
            (0x1_0005, 5, Some(0x1_0005)),
            (0x1_0005, 4, Some(0x2_0004)),
            (0xffff_0001, 1, Some(0xffff_0001)),
            (0xffff_0001, 0, None),
            (0xffff_ffff, 0xffff, Some(0xffff_ffff)),
        ];
        for (last, wire, full) in cases {
            assert_eq!(FCntUp(last).carry(WireFCnt(wire)), full.map(FCntUp), "{last:x} {wire:x}");
        }
    }

    proptest! {
        #[test]
        fn carry_is_the_smallest_counter_not_behind(last: u32, wire: u16) {
            match FCntUp(last).carry(WireFCnt(wire)) {
                Some(full) => {
                    prop_assert_eq!(full.wire(), WireFCnt(wire));
                    prop_assert!(full.0 >= last);
                    prop_assert!(full.0 - last <= 0xffff);
                }
                None => prop_assert!(last > 0xffff_0000),
            }
        }

        #[test]
        fn a_counter_is_carried_to_itself(full: u32) {
            prop_assert_eq!(FCntUp(full).carry(FCntUp(full).wire()), Some(FCntUp(full)));
        }
    }

    #[test]
    fn a_counter_ends_rather_than_wraps() {
        assert_eq!(FCntDown(u32::MAX).next(), None);
        assert_eq!(FCntDown(41).next(), Some(FCntDown(42)));
    }
}
