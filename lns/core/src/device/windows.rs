//! How a device listens, and the windows that its uplinks open.

use lns_lorawan::region::{JOIN_ACCEPT_DELAY1, PayloadRules};
use lns_lorawan::{DataRateIndex, Direction, RegionTables, RxDelay};

use crate::event::{JoinHeard, UplinkHeard};
use crate::mac::channel_plan;
use crate::profile::Profile;
use crate::radio::plan::{self, Told, UplinkOn, WindowPlan};
use crate::session::{MacParams, RxParams, Session, Slot};

/// How an ABP device listens: as its profile says, else by the region's defaults.
pub(super) fn factory_rx(profile: &Profile) -> RxParams {
    let defaults = join_rx((profile, profile.tables()), RxDelay::default());
    RxParams { rx2_frequency: profile.rx2_frequency.unwrap_or(defaults.rx2_frequency), ..defaults }
}

/// How a device is told to listen in a Join-Accept (TS001-1.0.4 §6.2.6). RX2's frequency is not in
/// it, so that the region's holds.
pub(super) fn join_rx(
    (profile, tables): (&Profile, &'static RegionTables),
    suggested: RxDelay,
) -> RxParams {
    let (rx2_frequency, rx2_data_rate) = tables.rx2;
    let defined = |index: &DataRateIndex| tables.data_rate(Direction::Down, *index).is_some();
    RxParams {
        rx_delay: profile.rx_delay.unwrap_or(suggested),
        rx1_dr_offset: profile.rx1_dr_offset.min(tables.max_rx1_dr_offset()),
        rx2_data_rate: profile.rx2_data_rate.filter(defined).unwrap_or(rx2_data_rate),
        rx2_frequency,
    }
}

/// How a device is told to listen in the answer to a Rejoin-Request of type 0 or 1.
///
/// DEPARTURE LoRaWAN 1.1 §6.2.3 — the accept's own RX1DROffset and RX2 data rate should hold, but a
/// reference device puts them back to their defaults *after* it has read them: so the defaults are
/// what it is told, and the profile's come by MAC commands.
pub(super) fn rejoin_rx(
    (profile, tables): (&Profile, &'static RegionTables),
    suggested: RxDelay,
) -> RxParams {
    let (_, rx2_data_rate) = tables.rx2;
    RxParams { rx1_dr_offset: 0, rx2_data_rate, ..join_rx((profile, tables), suggested) }
}

/// The windows after a Rejoin-Request: those of the session, with the delays of a join (LoRaWAN 1.1
/// §6.2.4); where the session is lost, those after a Join-Request.
pub(super) fn after_rejoin(
    profile: &Profile,
    session: Option<&Session>,
    heard: &JoinHeard,
) -> Vec<WindowPlan> {
    let Some(session) = session else { return after_join(profile, heard) };
    let on = UplinkOn::heard(&heard.receptions, heard.data_rate, |frequency| {
        channel_plan::channel_of(profile, session, (frequency, heard.data_rate))
    });
    let seconds = JOIN_ACCEPT_DELAY1.millis() / 1000;
    let rx_delay = u8::try_from(seconds).ok().and_then(RxDelay::new);
    let rx_delay = rx_delay.expect("JOIN_ACCEPT_DELAY1 is a few seconds");
    let rx = RxParams { rx_delay, ..session.current.rx };
    let tables = profile.tables_after(session.current.joined_on);
    on.map(|on| plan::after_uplink(tables, (&rx, &told(&session.current, &on)), &on))
        .unwrap_or_default()
}

/// The windows after a Join-Request.
pub(super) fn after_join(profile: &Profile, heard: &JoinHeard) -> Vec<WindowPlan> {
    let joins_on = channel_plan::join_channel(profile, &heard.receptions);
    let tables = profile.tables_after(joins_on);
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
    let current = &session.current;
    let tables = profile.tables_after(current.joined_on);
    on.map(|on| plan::after_uplink(tables, (&current.rx, &told(current, &on)), &on))
        .unwrap_or_default()
}

/// What MAC commands have changed for these windows.
fn told(current: &MacParams, on: &UplinkOn) -> Told {
    let slot = on.channel.map_or(Slot::Free, |index| current.channels.slot(index));
    Told {
        rx1_frequency: slot.channel().map(|channel| channel.rx1_frequency),
        downlink_dwell_time: current.tx_params.map(|params| params.downlink_dwell_time),
    }
}

/// The largest payload that any downlink data rate of the region takes.
pub(super) fn largest_payload(profile: &Profile) -> usize {
    let tables = profile.tables();
    let rows = (0..16).filter_map(DataRateIndex::new);
    let limits = rows
        .filter_map(|index| tables.max_payload(Direction::Down, index, PayloadRules::default()));
    limits.map(|limit| usize::from(limit.n())).max().unwrap_or(0)
}
