//! A frame that a gateway has stored for minutes is answered by nobody.
//!
//! Gateways that were cut off forward what they heard once they are back. The windows of such frames
//! are long over; a server that answers "a second after the uplink" by its own clock speaks to nobody,
//! and one that answers by the gateway's counter is refused, TOO_LATE or, after half a wrap, TOO_EARLY.

use lns_core::radio::clock::ConcentratorClock;
use lns_core::radio::lane::{Lane, LaneSettings, NoOffer, OfferName};
use lns_core::radio::place::Tie;

use crate::radio_given::{SF7, at, bands, copy, gateway, ms, rx1, rx2};

#[test]
fn a_stored_frame_gets_no_offer_in_either_window() {
    for stored in [3_000, 60_000, 2_200_000, 4_000_000] {
        let mut clock = ConcentratorClock::new();
        let before = copy(1, 0, 5, 5);
        clock.observe(before.tmst, 1, before.arrived);
        // Heard at ten seconds, forwarded long after.
        let mut late = copy(1, 10_000, stored, 5);
        late.air_time = clock.observe(late.tmst, 1, late.arrived);
        let mut lane = Lane::new(gateway(1), 1, LaneSettings::default(), &bands());
        lane.observe_round_trip(ms(20));
        let name = OfferName { id: 1, ask: 1 };
        for window in [rx1(SF7), rx2()] {
            let offer = lane.offer(at(10_000 + stored), name, Tie::Heard(&late), &window);
            assert_eq!(offer.map(|_| ()), Err(NoOffer::TooLate), "{stored} ms");
        }
    }
}
