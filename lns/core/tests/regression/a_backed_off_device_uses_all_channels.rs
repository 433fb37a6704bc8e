//! A device that backed off to the end has switched all channels on, and says nothing of it.
//!
//! At the end of ADR's back-off a device enables every default channel (TS001-1.0.4 §4.3.1.1). In
//! US915 seven of eight uplinks are then on channels that the gateway does not hear. A server that
//! trusts its own record sends no mask, and the device stays one eighth as loud as it was
//! (ChirpStack's forum, topic 15556). An uplink outside the mask tells; and so does ADRACKReq at the
//! slowest data rate, before such an uplink is heard.

use std::sync::Arc;

use lns_core::adr::{Mode, Policy};
use lns_core::{Event, Profile};
use lns_lorawan::mac::{DownlinkMacCommand, DownlinkMacCommands};
use lns_lorawan::{ChMask, FCtrlUp, Frequency, MacVersion, RegParamsRevision, Region};

use crate::bench::{Bench, Up, abp};

const ON_SUB_BAND_2: Frequency = Frequency::from_hz(903_900_000);
const ON_SUB_BAND_1: Frequency = Frequency::from_hz(902_300_000);

fn f_ctrl(adr_ack_req: bool) -> FCtrlUp {
    FCtrlUp { adr: true, adr_ack_req, ..FCtrlUp::default() }
}

/// A US915 device on sub-band 2, at the slowest data rate and with nothing left to ask of it.
fn settled() -> Bench {
    let revision = RegParamsRevision::Rp002_1_0_4;
    let mut bench = Bench::new(Profile::new(Region::Us915, MacVersion::V1_0_4, revision), abp());
    Arc::make_mut(&mut bench.device.about).adr =
        Policy { mode: Mode::Dynamic, ..Policy::default() };
    bench.network.sub_band = Some(2);
    bench.frequency = ON_SUB_BAND_2;
    bench.modulation = "SF10BW125";
    bench.snr = lns_lorawan::Db::from_whole(-10);
    bench.device.session.as_mut().unwrap().current_mut().ch_mask = ChMask::bank(1);
    for f_cnt in 0..3 {
        bench.hear(&Up { f_ctrl: f_ctrl(false), ..Up::at(f_cnt) }).unwrap();
        assert!(bench.listen().is_none(), "all is as it should be");
    }
    bench
}

fn selects_sub_band_2(bench: &mut Bench) -> bool {
    let Some(down) = bench.listen() else { return false };
    let commands: Vec<_> = DownlinkMacCommands::new(&down.opened.f_opts).flatten().collect();
    let masks = commands.iter().filter_map(|command| match command {
        DownlinkMacCommand::LinkAdrReq(request) => Some((request.ch_mask_cntl, request.ch_mask)),
        _ => None,
    });
    masks.collect::<Vec<_>>() == [(7, 0x0002), (0, 0xff00)]
}

#[test]
fn an_uplink_outside_the_mask_brings_the_mask_again() {
    let mut bench = settled();
    bench.frequency = ON_SUB_BAND_1;
    let bytes = bench.frame(&Up { f_ctrl: f_ctrl(false), ..Up::at(3) });
    let heard = bench.matched(&bytes).unwrap();
    bench.step(Event::Uplink(Box::new(heard)));
    assert!(selects_sub_band_2(&mut bench));
}

#[test]
fn so_does_adr_ack_req_when_the_device_had_nothing_slower_left() {
    let mut bench = settled();
    // It has asked since FCntUp 64, was not heard for long, and happens to use a good channel.
    bench.hear(&Up { f_ctrl: f_ctrl(true), ..Up::at(140) }).unwrap();
    assert!(selects_sub_band_2(&mut bench));
}
