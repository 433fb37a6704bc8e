//! An SX1302's forwarder needs ten milliseconds more than an SX1301's.
//!
//! Both program a frame shortly before its start, in a loop of 30 ms or 40 ms, and refuse what comes
//! later than that with TOO_LATE. Servers that were tuned to SX1301 gateways lost their shortest
//! windows on the first SX1302s. The comparison is "not more than": what comes exactly then is refused,
//! too (`jitqueue.c` of both).

use lns_core::radio::forwarder::ForwarderModel;
use lns_core::radio::lane::{Lane, LaneSettings, NoOffer, OfferName};
use lns_core::radio::place::Tie;
use lns_lorawan::TimeDelta;

use crate::radio_given::{SF7, at, bands, copy, gateway, ms, rx1};

/// Whether RX1 is offered so many ms before it opens, over a line that takes no time.
fn is_offered(forwarder: ForwarderModel, before: i64) -> Result<(), NoOffer> {
    let settings = LaneSettings { forwarder, ..LaneSettings::default() };
    let mut lane = Lane::new(gateway(1), 1, settings, &bands());
    lane.observe_round_trip(ms(0));
    let heard = copy(1, 0, 0, 5);
    let name = OfferName { id: 1, ask: 1 };
    lane.offer(at(1_000 - before), name, Tie::Heard(&heard), &rx1(SF7)).map(|_| ())
}

#[test]
fn each_forwarder_is_given_its_own_lead_and_an_unknown_one_the_longer() {
    // 32.5 ms and 42.5 ms, and 7.5 ms from its socket to its queue.
    for (forwarder, enough) in
        [(ForwarderModel::Sx1301, 40), (ForwarderModel::Sx1302, 50), (ForwarderModel::Unknown, 50)]
    {
        assert_eq!(is_offered(forwarder, enough), Ok(()), "{forwarder:?}");
        assert_eq!(is_offered(forwarder, enough - 1), Err(NoOffer::TooLate), "{forwarder:?}");
        assert!(forwarder.least_lead() > TimeDelta::from_micros(32_500));
    }
}
