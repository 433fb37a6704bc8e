//! What people want of ADR, by device profile and service profile.

use core::fmt;
use core::str::FromStr;

use lns_lorawan::{DataRateIndex, Db, TxPowerIndex};
use serde::{Deserialize, Serialize};

use super::Target;

/// NbTrans: how often an uplink is sent, 1 to 15 (TS001-1.0.4 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NbTrans(u8);

impl NbTrans {
    /// What devices start with.
    pub const ONCE: NbTrans = NbTrans(1);
    /// What the standard algorithm goes up to.
    pub const THRICE: NbTrans = NbTrans(3);

    /// From a number, drawn into 1 to 15.
    pub const fn clamped(times: u8) -> Self {
        NbTrans(match times {
            0 => 1,
            1..=15 => times,
            16.. => 15,
        })
    }

    /// As a number.
    pub const fn value(self) -> u8 {
        self.0
    }
}

impl Default for NbTrans {
    fn default() -> Self {
        Self::ONCE
    }
}

/// Who chooses data rate, power and NbTrans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// An algorithm, from how the device is heard.
    Dynamic,
    /// A person, once and for all.
    Static(Target),
    /// The device.
    Off,
}

impl Mode {
    /// Whether the server sets the ADR bit of downlinks: it is the promise to control the data rate.
    pub const fn is_managed(self) -> bool {
        match self {
            Mode::Dynamic | Mode::Static(_) => true,
            Mode::Off => false,
        }
    }
}

/// Which algorithm chooses in [`Mode::Dynamic`]. One file each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// Semtech's, in use everywhere.
    #[default]
    Standard,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Algorithm; 1] = [Algorithm::Standard];

    /// Their names, in the same order.
    pub const NAMES: [&'static str; Self::ALL.len()] = {
        let mut names = [""; Self::ALL.len()];
        let mut place = 0;
        while place < names.len() {
            names[place] = Self::ALL[place].name();
            place += 1;
        }
        names
    };

    /// Its name in profiles.
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::Standard => "standard",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No algorithm of ours has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot find ADR algorithm {name:?}: there is {}", Algorithm::NAMES.join(", "))]
pub struct UnknownAlgorithm {
    /// What was written.
    pub name: String,
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;
    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        let named = |algorithm: &Algorithm| algorithm.name() == name;
        Self::ALL.into_iter().find(named).ok_or_else(|| UnknownAlgorithm { name: name.into() })
    }
}

/// What people want of ADR for one device.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Who chooses.
    pub mode: Mode,
    /// Which algorithm.
    pub algorithm: Algorithm,
    /// What the link is to have to spare: for fading, interference and trees that grow.
    pub installation_margin: Db,
    /// The slowest and the fastest data rate to choose; `None`: the region's.
    pub data_rates: (Option<DataRateIndex>, Option<DataRateIndex>),
    /// The least and the greatest TXPower index to choose; `None`: the region's.
    pub tx_powers: (Option<TxPowerIndex>, Option<TxPowerIndex>),
    /// How often an uplink is to be sent, at least and at most.
    pub nb_trans: (NbTrans, NbTrans),
    /// The share of frames that may be lost, in percent.
    pub target_per: u8,
    /// By how many gateways the device is to be heard with that margin; at least 1.
    pub min_gateways: u8,
}

impl Default for Policy {
    /// Dynamic, within what the region allows, 10 dB to spare at the best gateway, 10 % loss, at
    /// most three transmissions.
    fn default() -> Self {
        Policy {
            mode: Mode::Dynamic,
            algorithm: Algorithm::Standard,
            installation_margin: Db::from_whole(10),
            data_rates: (None, None),
            tx_powers: (None, None),
            nb_trans: (NbTrans::ONCE, NbTrans::THRICE),
            target_per: 10,
            min_gateways: 1,
        }
    }
}
