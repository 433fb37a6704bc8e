//! TXParamSetupReq / TXParamSetupAns: dwell times and power where a region limits them. TS001-1.0.4
//! §5.8.

use lns_lorawan::mac::{DownlinkMacCommand, TxParamSetupReq};

use lns_lorawan::{Dbm, MacVersion};

use super::differs_from;
use super::kind::View;
use crate::profile::Profile;
use crate::session::{MacParams, TxParams};

/// What a device does at the start of a session; `None` where nobody can know, or it does not know
/// the command.
pub fn at_start(profile: &Profile) -> Option<TxParams> {
    let boot = profile.tables().dwell?;
    Some(TxParams {
        downlink_dwell_time: boot.downlink?,
        uplink_dwell_time: boot.uplink?,
        max_eirp: coded(profile.tables().max_eirp),
    })
}

/// What a device should be told: in regions and from versions on that have the command. Where
/// nobody can know whether a dwell time is due, it is: it is allowed everywhere.
pub fn wanted(profile: &Profile, version: MacVersion) -> Option<TxParams> {
    let tables = profile.tables();
    if !tables.has_tx_param_setup() || version < MacVersion::V1_0_2 {
        return None;
    }
    let boot = tables.boot_dwell();
    let most = profile.max_eirp.unwrap_or(tables.max_eirp).min(tables.max_eirp);
    Some(TxParams {
        downlink_dwell_time: profile.downlink_dwell_time.or(boot.downlink).unwrap_or(true),
        uplink_dwell_time: profile.uplink_dwell_time.or(boot.uplink).unwrap_or(true),
        max_eirp: coded(most),
    })
}

/// The greatest code whose EIRP is not above this.
fn coded(most: Dbm) -> u8 {
    let eirp = |max_eirp| {
        let request =
            TxParamSetupReq { downlink_dwell_time: false, uplink_dwell_time: false, max_eirp };
        request.max_eirp_dbm()
    };
    (0..16).rev().find(|code| eirp(*code) <= most).unwrap_or(0)
}

/// Whether the device has other limits than it should.
pub fn differs(one: &MacParams, desired: &MacParams) -> bool {
    differs_from(one.tx_params, desired.tx_params)
}

/// What is to be asked.
pub fn aim(view: &View<'_>, asked: &mut MacParams) {
    copy(view.desired, asked);
}

/// The request.
pub fn request(asked: &MacParams) -> Option<DownlinkMacCommand> {
    let TxParams { downlink_dwell_time, uplink_dwell_time, max_eirp } = asked.tx_params?;
    let request = TxParamSetupReq { downlink_dwell_time, uplink_dwell_time, max_eirp };
    Some(DownlinkMacCommand::TxParamSetupReq(request))
}

/// What the request sets.
pub fn copy(from: &MacParams, to: &mut MacParams) {
    to.tx_params = from.tx_params;
}
