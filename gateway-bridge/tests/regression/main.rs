//! One file for each trap of the Semtech protocol: its story, and what we do.

#[path = "../session/bench.rs"]
#[allow(dead_code)]
mod bench;

mod a_downlink_is_one_that_devices_can_hear;
mod a_restart_behind_the_same_counter;
mod two_gateways_with_one_eui;
