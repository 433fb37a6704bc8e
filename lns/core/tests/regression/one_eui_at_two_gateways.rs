//! Two gateways are shipped, or configured, with one EUI. Their counters have nothing to do with each
//! other: a server that mixes them answers at a moment that means nothing to the one that sends.
//!
//! Here they are one gateway with one reception; it keeps the token and the counter of the copy that
//! it keeps. (The bridge does not follow the second address, and says so: `address_conflict`.)

use lns_core::dedup::{Arrival, Gatherings, Settings, Wait, digest};
use lns_core::event::Reception;
use lns_lorawan::Tmst;

use crate::radio_given::{at, copy, gateway};

const FRAME: &[u8] = &[0x40, 4, 3, 2, 1, 0x80, 1, 0, 1, 0xa6, 0x94, 0x64, 0x26];

#[test]
fn the_copies_of_two_gateways_with_one_eui_are_one_reception_with_its_own_token() {
    let heard = copy(1, 0, 5, 0);
    for (what, boot_epoch, tmst, snr) in [
        ("another counter, stronger", 1, heard.tmst.plus(900_000_000), 9),
        ("another counter, weaker", 1, heard.tmst.plus(900_000_000), -9),
        ("taken for a restart", 2, Tmst(7), 9),
    ] {
        let mut gathered: Gatherings<()> = Gatherings::new(Settings::default());
        let token = Box::from([99]);
        let other = Reception { boot_epoch, tmst, token, ..copy(1, 0, 8, snr) };
        let arrival = gathered.arrive(at(5), digest(FRAME), FRAME, heard.clone());
        let Arrival::First { gather, .. } = arrival else { panic!("the first") };
        let second = gathered.arrive(at(8), digest(FRAME), FRAME, other);
        assert_eq!(second, Arrival::Mirror { gather, kept: false }, "{what}");
        gathered.matched(at(8), gather, (), Wait::Expected(&[gateway(1)]));
        let closing = gathered.close(at(8), gather).unwrap();
        assert_eq!(closing.receptions.as_slice(), std::slice::from_ref(&heard), "{what}");
    }
}
