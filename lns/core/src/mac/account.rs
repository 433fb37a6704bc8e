//! What a device's MAC does, should do and was asked to do, for people.
//!
//! While a device is quiet, *current* is what it really does: that is what this is checked by.

use std::sync::Arc;

use lns_lorawan::Timestamp;

use super::ask::Ask;
use super::kind::View;
use super::{Kind, Moment, desired};
use crate::device::Device;
use crate::env::Network;
use crate::event::Freshness;
use crate::session::MacParams;

/// The account of one device's session.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// What it does, as far as is known.
    pub current: Arc<MacParams>,
    /// What it should do.
    pub desired: MacParams,
    /// The requests that are due, under way, refused or put off; most urgent first.
    pub requests: Vec<Standing>,
}

/// Where one request stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// Which.
    pub kind: Kind,
    /// Whether the device does not do what it should.
    pub needed: bool,
    /// Tries, pauses, refusals.
    pub ask: Ask,
    /// The values that it was asked for, while no answer has come.
    pub asked: Option<MacParams>,
    /// The values that it has refused.
    pub refused: Option<MacParams>,
}

/// The account of a device; `None` while it has no session.
pub fn account(device: &Device, network: &Network, now: Timestamp) -> Option<Account> {
    let session = device.session.as_ref()?;
    let (mac, about) = (&device.mac, &device.about);
    let moment = Moment {
        now,
        freshness: Freshness::New,
        f_cnt_up: session.f_cnt_up.unwrap_or(session.f_cnt_up_start),
        profile: &about.profile,
        network,
        joined: about.activation.joins(),
    };
    let desired = desired(&about.profile, network, (session, mac));
    let view = View { session, desired: &desired, mac, moment: &moment };
    let standing = |kind: Kind| {
        let ledger = mac.ledger.as_deref();
        let ask = ledger.map(|ledger| *ledger.ask(kind)).unwrap_or_default();
        Standing {
            kind,
            needed: kind.needed(&view),
            ask,
            asked: ledger.filter(|_| ask.outstanding).map(|ledger| ledger.asked.clone()),
            refused: ledger.filter(|_| ask.refused).map(|ledger| ledger.refused.clone()),
        }
    };
    let of_interest = |standing: &Standing| standing.needed || standing.ask != Ask::default();
    let requests = Kind::ALL.into_iter().map(standing).filter(of_interest).collect();
    let current = Arc::clone(&session.current);
    Some(Account { current, desired, requests })
}
