//! By which gateways a device can be reached when it has not just been heard.

use std::cmp::Reverse;

use lns_lorawan::{Db, GatewayEui};
use serde::{Deserialize, Serialize};

use crate::event::{Path, Reception};
use crate::radio::plan::margin;

/// How many are remembered: two are asked for an occasion, and two stand in for those that are
/// away.
pub const PATHS: usize = 4;

/// What a gateway loses by each transmission that it does not hear.
const FADING: Db = Db::from_whole(3);

/// The gateways that heard a device lately, best first.
///
/// Kept for devices of class B and C, and durable: such a device may be silent for days, and what is
/// queued for it must find its way after a crash.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Paths(Vec<Path>);

impl Paths {
    /// Gateways of which nothing is known but that they heard the device.
    pub fn known(gateways: impl Iterator<Item = GatewayEui>) -> Self {
        let margin = Db::from_whole(0);
        Paths(gateways.take(PATHS).map(|gateway| Path { gateway, margin }).collect())
    }

    /// A transmission was heard; its copies are best first.
    pub fn hear(&mut self, receptions: &[Reception]) {
        for path in &mut self.0 {
            path.margin = path.margin - FADING;
        }
        // Backwards, so that a gateway's best copy has the last word.
        for copy in receptions.iter().rev() {
            let path = Path { gateway: copy.gateway, margin: margin(copy) };
            match self.0.iter_mut().find(|known| known.gateway == copy.gateway) {
                Some(known) => *known = path,
                None => self.0.push(path),
            }
        }
        self.0.sort_by_key(|path| Reverse(path.margin));
        self.0.truncate(PATHS);
    }

    /// Best first.
    pub fn as_slice(&self) -> &[Path] {
        &self.0
    }
}
