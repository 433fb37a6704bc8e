//! LinkCheckReq / LinkCheckAns: how well a device is heard. TS001-1.0.4 §5.1.

use lns_lorawan::Db;
use lns_lorawan::mac::{DownlinkMacCommand, LinkCheckAns};

use crate::event::Reception;
use crate::radio::plan::margin;

/// The highest margin; 255 is reserved (LoRaWAN 1.1 §5.2).
const HIGHEST: u8 = 254;

/// How well one transmission was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkCheck {
    /// Whole dB that the best copy was above what its data rate needs, 0 to 254.
    pub margin: u8,
    /// How many gateways heard it, at least 1.
    pub gateways: u8,
}

/// The answer to a request in a transmission with these copies.
pub fn answer(receptions: &[Reception]) -> LinkCheck {
    let best = receptions.iter().map(margin).max().unwrap_or_default();
    LinkCheck {
        margin: whole(best),
        gateways: u8::try_from(receptions.len()).unwrap_or(u8::MAX).max(1),
    }
}

impl LinkCheck {
    /// As it is sent.
    pub fn write(self, commands: &mut Vec<u8>) {
        let LinkCheck { margin, gateways } = self;
        let answer = LinkCheckAns { margin, gw_cnt: gateways };
        super::write(DownlinkMacCommand::LinkCheckAns(answer), commands);
    }
}

/// Rounded down: a device must not believe in more than there is.
fn whole(margin: Db) -> u8 {
    u8::try_from(margin.hundredths().max(0) / 100).unwrap_or(HIGHEST).min(HIGHEST)
}
