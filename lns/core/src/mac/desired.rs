//! What a device's MAC should do.

use lns_lorawan::{DataRateIndex, Direction};

use super::{MacState, channel_plan, tx_param_setup};
use crate::env::Network;
use crate::profile::Profile;
use crate::session::{AdrAck, MacParams, PingChannel, PingSlot, Place, RxParams, Session};

/// What a device in this session should do: what its profile, the network and ADR want, and where
/// nobody wants anything, what devices do by themselves.
///
/// `None` in a field means that it does not matter.
pub fn desired(
    profile: &Profile,
    network: &Network,
    (session, mac): (&Session, &MacState),
) -> MacParams {
    let current = &session.current;
    let target = mac.target.filter(|_| mac.adr);
    let channels = channel_plan::wanted_channels(profile, network, current);
    let ch_mask = channel_plan::wanted_mask(profile, network, (current, &channels));
    MacParams {
        rx: rx(profile, mac, current),
        ch_mask,
        channels,
        data_rate: target.map(|target| target.data_rate),
        tx_power: target.map(|target| target.tx_power),
        nb_trans: target.map(|target| target.nb_trans.value()),
        max_duty_cycle: Some(profile.max_duty_cycle),
        tx_params: tx_param_setup::wanted(profile, session.mac_version),
        adr_ack: Some(profile.adr_ack.unwrap_or(AdrAck::DEFAULT)),
        rejoin: profile.rejoin,
        ping_slot: PingSlot {
            channel: Some(PingChannel {
                place: profile.ping_slot_frequency.map_or(Place::Default, Place::At),
                data_rate: profile.ping_slot_data_rate,
            }),
            ..current.ping_slot
        },
        beacon: Some(profile.beacon_frequency.map_or(Place::Default, Place::At)),
        joined_on: current.joined_on,
    }
}

/// How the device should listen. RX1's delay is the profile's, or what was chosen at the join; one
/// whose gateways answer late waits longer.
fn rx(profile: &Profile, mac: &MacState, current: &MacParams) -> RxParams {
    let tables = profile.tables_after(current.joined_on);
    let (frequency, data_rate) = tables.rx2;
    let defined = |index: &DataRateIndex| tables.data_rate(Direction::Down, *index).is_some();
    let rx_delay = profile.rx_delay.unwrap_or(current.rx.rx_delay);
    let late = mac.least_rx_delay.filter(|least| least.seconds() > rx_delay.seconds());
    RxParams {
        rx_delay: late.unwrap_or(rx_delay),
        rx1_dr_offset: profile.rx1_dr_offset.min(tables.max_rx1_dr_offset()),
        rx2_data_rate: profile.rx2_data_rate.filter(defined).unwrap_or(data_rate),
        rx2_frequency: profile.rx2_frequency.unwrap_or(frequency),
    }
}
