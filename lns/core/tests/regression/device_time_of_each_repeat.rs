//! DeviceTimeAns names the time of the transmission in whose window it is sent.
//!
//! A device that repeats an uplink (NbTrans, or a confirmed one that nobody acknowledged) sends the
//! same bytes seconds later and sets its clock by the *last* transmission. A server that answers
//! with the time of the first one sets the clock wrong by as much, and a class B device then misses
//! its ping slots.

use lns_core::Event;
use lns_lorawan::mac::{DeviceTimeAns, DownlinkMacCommand, DownlinkMacCommands};
use lns_lorawan::{GpsTime, TimeDelta};

use crate::bench::{Bench, Up};

/// The time in the answer to a frame that was just heard.
fn answered(bench: &mut Bench) -> DeviceTimeAns {
    let down = bench.listen().expect("an answer");
    let mut commands = DownlinkMacCommands::new(&down.opened.f_opts);
    let Some(Ok(DownlinkMacCommand::DeviceTimeAns(answer))) = commands.next() else {
        panic!("no DeviceTimeAns in {:02x?}", down.opened.f_opts)
    };
    answer
}

#[test]
fn a_repeat_is_answered_with_its_own_time() {
    let mut bench = Bench::abp();
    let bytes = bench.frame(&Up { f_opts: &[0x0d], ..Up::confirmed(0) });
    let mut times = Vec::new();
    for _ in 0..2 {
        bench.now += TimeDelta::from_secs(5);
        let heard = bench.matched(&bytes).unwrap();
        let ended = heard.receptions[0].air_time;
        bench.step(Event::Uplink(Box::new(heard)));
        let expected = DeviceTimeAns::from(GpsTime::from_timestamp(ended).unwrap());
        assert_eq!(answered(&mut bench), expected);
        times.push(expected.seconds);
    }
    assert_eq!(times[1] - times[0], 5);
}
