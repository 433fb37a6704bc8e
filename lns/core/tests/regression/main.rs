//! One file for each trap that has caught a LoRaWAN network server: its story, and what we do.

#[path = "../device/bench.rs"]
#[allow(dead_code)]
mod bench;

mod class_c_waits_for_the_windows_of_class_a;
mod confirmed_downlink_under_a_new_counter;
mod device_time_of_each_repeat;
mod ping_slots_know_no_leap_second;
mod ping_slots_of_cn470_are_where_beacons_are;
