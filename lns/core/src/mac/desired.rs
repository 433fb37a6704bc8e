//! What a device's MAC should do.

use crate::env::Network;
use crate::profile::Profile;
use crate::session::{MacParams, Session};

use super::channel_plan;

/// What a device in this session should do: what its profile and the network want, and where
/// nobody wants anything, what it does.
///
/// `None` in a field means that it does not matter.
pub fn desired(profile: &Profile, network: &Network, session: &Session) -> MacParams {
    let current = &session.current;
    MacParams {
        ch_mask: channel_plan::wanted(profile, network).or(current.ch_mask),
        ..(**current).clone()
    }
}
