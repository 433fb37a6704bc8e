//! `powe` is an EIRP, and an SX1301's forwarder refuses what its table has not.
//!
//! The forwarder takes its antenna's gain off and looks the rest up; what is not in its calibration
//! table is refused with TX_POWER (`lora_pkt_fwd.c`). A server that reads `powe` as ERP is 2.15 dB too
//! quiet or too loud; one that asks for the region's 29 dBm, or for 16 behind an antenna of 1 dBi, is
//! refused, or retries its way down in the time that RX1 has. An SX1302's forwarder takes the next
//! lower power by itself and says so in a *warning*: the frame is queued.

use lns_core::radio::forwarder::ForwarderModel;
use lns_core::radio::lane::{Lane, LaneSettings, OfferName};
use lns_core::radio::place::Tie;
use lns_lorawan::{Dbm, Region};

use crate::radio_given::{SF7, at, bands, copy, gateway, rx1, rx2};

/// What a gateway is asked for in RX1 and in RX2, whole dBm.
fn asked_for(forwarder: ForwarderModel, antenna_gain: i8) -> [i16; 2] {
    let settings = LaneSettings { forwarder, antenna_gain, ..LaneSettings::default() };
    let mut lane = Lane::new(gateway(1), 1, settings, &bands());
    let heard = copy(1, 0, 5, 5);
    [rx1(SF7), rx2()].map(|window| {
        // As the region has it: 14 and 27 dBm ERP.
        let max_eirp = Region::Eu868.tables().downlink_max_eirp(window.frequency).unwrap();
        let window = lns_core::radio::plan::WindowPlan { max_eirp, ..window };
        let name = OfferName { id: window.frequency.hz().into(), ask: 1 };
        let offer = lane.offer(at(10), name, Tie::Heard(&heard), &window).unwrap();
        assert!(offer.power <= max_eirp);
        assert_eq!(offer.power, Dbm::from_whole(offer.power.hundredths() / 100), "whole dBm");
        offer.power.hundredths() / 100
    })
}

#[test]
fn the_power_asked_for_is_one_that_the_gateway_can_send_with() {
    assert_eq!(asked_for(ForwarderModel::Sx1301, 0), [16, 27]);
    // 15 − 1 is in the table, 16 − 1 is not; nor is 28 − 1, but 27 is its top.
    assert_eq!(asked_for(ForwarderModel::Sx1301, 1), [15, 28]);
    assert_eq!(asked_for(ForwarderModel::Sx1301, 5), [16, 28]);
    assert_eq!(asked_for(ForwarderModel::Sx1302, 1), [16, 28]);
    assert_eq!(asked_for(ForwarderModel::Unknown, 0), [16, 27]);
}
