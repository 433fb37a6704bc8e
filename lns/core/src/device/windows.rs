//! How a device listens, and the windows that its uplinks open.

use lns_lorawan::region::PayloadRules;
use lns_lorawan::{DataRateIndex, Direction, RxDelay};

use crate::event::{JoinHeard, UplinkHeard};
use crate::mac::channel_plan;
use crate::profile::Profile;
use crate::radio::plan::{self, UplinkOn, WindowPlan};
use crate::session::{RxParams, Session};

/// How an ABP device listens: as its profile says, else by the region's defaults.
pub(super) fn factory_rx(profile: &Profile) -> RxParams {
    let defaults = join_rx(profile, RxDelay::default());
    RxParams { rx2_frequency: profile.rx2_frequency.unwrap_or(defaults.rx2_frequency), ..defaults }
}

/// How a device is told to listen in a Join-Accept (TS001-1.0.4 §6.2.6). RX2's frequency is not in
/// it, so that the region's holds.
pub(super) fn join_rx(profile: &Profile, suggested: RxDelay) -> RxParams {
    let tables = profile.region.tables();
    let (rx2_frequency, rx2_data_rate) = tables.rx2;
    let defined = |index: &DataRateIndex| tables.data_rate(Direction::Down, *index).is_some();
    RxParams {
        rx_delay: profile.rx_delay.unwrap_or(suggested),
        rx1_dr_offset: profile.rx1_dr_offset.min(tables.max_rx1_dr_offset()),
        rx2_data_rate: profile.rx2_data_rate.filter(defined).unwrap_or(rx2_data_rate),
        rx2_frequency,
    }
}

/// The windows after a Join-Request.
pub(super) fn after_join(profile: &Profile, heard: &JoinHeard) -> Vec<WindowPlan> {
    let tables = profile.region.tables();
    let on = UplinkOn::heard(&heard.receptions, heard.data_rate, |frequency| {
        tables.uplink_channel_index(frequency, heard.data_rate)
    });
    on.map(|on| plan::after_join_request(tables, &on)).unwrap_or_default()
}

/// The class A windows after an uplink.
pub(super) fn after_uplink(
    profile: &Profile,
    session: &Session,
    heard: &UplinkHeard,
) -> Vec<WindowPlan> {
    let on = UplinkOn::heard(&heard.receptions, heard.data_rate, |frequency| {
        channel_plan::channel_of(profile, session, (frequency, heard.data_rate))
    });
    let tables = profile.region.tables();
    on.map(|on| plan::after_uplink(tables, &session.current.rx, &on)).unwrap_or_default()
}

/// The largest payload that any downlink data rate of the region takes.
pub(super) fn largest_payload(profile: &Profile) -> usize {
    let tables = profile.region.tables();
    let rows = (0..16).filter_map(DataRateIndex::new);
    let limits = rows
        .filter_map(|index| tables.max_payload(Direction::Down, index, PayloadRules::default()));
    limits.map(|limit| usize::from(limit.n())).max().unwrap_or(0)
}
