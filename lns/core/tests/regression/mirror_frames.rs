//! A concentrator hears one strong frame twice: on its channel, and as a mirror on another, weaker
//! by tens of dB. A server that takes whichever comes first answers on the mirror's frequency, where
//! the device does not listen, and thinks the link worse than it is.
//!
//! Receptions by one gateway within 50 ms of its counter are one, and the better one stands.

use lns_core::dedup::{Arrival, Gatherings, Settings, Wait, digest};
use lns_core::event::Reception;
use lns_lorawan::Frequency;

use crate::radio_given::{at, copy, gateway};

const FRAME: &[u8] = &[0x40, 4, 3, 2, 1, 0x80, 1, 0, 1, 0xa6, 0x94, 0x64, 0x26];

#[test]
fn a_mirror_that_comes_first_gives_way_to_the_frame_and_is_no_copy_of_it() {
    let mut gathered: Gatherings<()> = Gatherings::new(Settings::default());
    let mirror = Reception { frequency: Frequency::from_hz(867_300_000), ..copy(1, 0, 5, -12) };
    let frame = copy(1, 0, 6, 9);
    let mut arrive =
        |reception: Reception| gathered.arrive(reception.arrived, digest(FRAME), FRAME, reception);
    let Arrival::First { gather, .. } = arrive(mirror) else { panic!("the first") };
    assert_eq!(arrive(frame.clone()), Arrival::Mirror { gather, kept: true });
    gathered.matched(at(6), gather, (), Wait::Expected(&[gateway(1)]));
    let closing = gathered.close(at(6), gather).unwrap();
    assert_eq!(closing.receptions, [frame], "one reception, on the channel it was sent on");
}
