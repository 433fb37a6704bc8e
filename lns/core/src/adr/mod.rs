//! ADR: at which data rate, with which power and how often a device should send. TS001-1.0.4
//! §4.3.1.1.
//!
//! [`decide`] is asked after each uplink: from what was heard of the device ([`History`]), what it
//! does now ([`Current`]) and what its profiles allow ([`Limits`]) it says what the device should
//! do ([`Target`]), and [`Why`]. It sends nothing: LinkADRReq carries what differs.
//!
//! An algorithm is a file beside this one with a function like `standard::advise`; it gets a
//! line in [`Algorithm`]. Modes, limits and what the device has refused are dealt with here, for
//! all of them.

mod history;
mod limits;
mod policy;
mod standard;
#[cfg(test)]
mod tests;
mod why;

use lns_lorawan::{DataRateIndex, TxPowerIndex};

pub use history::{BackedOff, History, Sample, WINDOW};
pub use limits::Limits;
pub use policy::{Algorithm, Mode, NbTrans, Policy};
pub use why::{Decision, Why};

/// What a device does now, as far as we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Current {
    /// The data rate of its last uplink, whoever chose it.
    pub data_rate: DataRateIndex,
    /// The power that it last confirmed; full power in a new session.
    pub tx_power: TxPowerIndex,
    /// How often it sends an uplink.
    pub nb_trans: NbTrans,
    /// The ADR bit of its last uplink: whether it takes our word for data rate and power.
    pub adr: bool,
}

impl Current {
    /// That it go on so.
    pub const fn as_target(self) -> Target {
        let Current { data_rate, tx_power, nb_trans, adr: _ } = self;
        Target { data_rate, tx_power, nb_trans }
    }
}

/// What a device should do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its data rate.
    pub data_rate: DataRateIndex,
    /// Its power.
    pub tx_power: TxPowerIndex,
    /// How often it sends an uplink.
    pub nb_trans: NbTrans,
}

/// What is remembered of a device for ADR. In memory only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Its newest frames.
    pub history: History,
    /// The last decision.
    pub why: Option<Why>,
}

/// All that an algorithm may look at.
struct Question<'a> {
    history: &'a History,
    limits: &'a Limits,
    policy: &'a Policy,
    current: Current,
}

/// What an algorithm says.
struct Advice {
    target: Target,
    /// How far the link is above what it needs and the installation margin.
    margin: Option<lns_lorawan::Db>,
    decision: Decision,
}

/// What the device should do, and why.
pub fn decide(
    history: &History,
    limits: &Limits,
    policy: &Policy,
    current: Current,
) -> (Target, Why) {
    let as_it_is = current.as_target();
    let keep = |target, decision| Advice { target, margin: None, decision };
    let question = Question { history, limits, policy, current };
    let advice = match policy.mode {
        Mode::Off => keep(as_it_is, Decision::Off),
        // Data rate and power are its own affair then. NbTrans could be set, but reference devices
        // say yes and do not do it, so that nobody would know how often they send.
        Mode::Dynamic | Mode::Static(_) if !current.adr => keep(as_it_is, Decision::AdrBitOff),
        Mode::Static(target) => keep(limits.what_it_takes(target, current), Decision::Static),
        Mode::Dynamic => match limits.enforce(as_it_is) {
            forced if forced.data_rate != current.data_rate => keep(forced, Decision::Limit),
            _ => match policy.algorithm {
                Algorithm::Standard => standard::advise(&question),
            },
        },
    };
    let Advice { target, margin, decision } = advice;
    let why = Why {
        samples: history.len(),
        best_snr: history.best_snr(limits, current),
        margin,
        lost: history.lost(),
        decision,
        target,
    };
    (target, why)
}
