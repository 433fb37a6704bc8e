//! US915, one walk a transcript.

use lns_lorawan::{MacVersion, RegParamsRevision, Region, TimeDelta};
use sim::device::Payload;
use system_tests::world::{Node, Setup, Wish, World};

use crate::expected::transcript_is;

fn plain(node: &mut Node) {
    node.spec.payload = Payload::Fixed { f_port: 2, bytes: vec![0x0b, 0x0e] };
    node.spec.interval = TimeDelta::from_secs(20);
}

fn begin(setup: Setup) -> World {
    World::new(setup).unwrap_or_else(|failure| panic!("{failure}"))
}

#[test]
fn a_device_joins_on_sub_band_2_and_gets_its_channel_masks_at_the_join() {
    let setup = Setup::new(1, Region::Us915).gateways(1).node(plain);
    let mut world = begin(setup);
    let wish = Wish { device: 0, payload: vec![1, 2, 3], confirmed: true };
    world.wish(TimeDelta::from_secs(15), wish);
    transcript_is("us915_join_with_channel_masks", &mut world, 60);
}

#[test]
fn a_device_of_1_0_2_gets_its_channel_masks_by_link_adr_req() {
    let setup = Setup::new(2, Region::Us915).gateways(1).node(|node| {
        plain(node);
        node.spec.sub_band = None;
        node.spec.mac_version = MacVersion::V1_0_2;
        node.profile.reg_params = RegParamsRevision::Rp001_1_0_2B;
    });
    transcript_is("us915_channel_masks_by_link_adr", &mut begin(setup), 60);
}
