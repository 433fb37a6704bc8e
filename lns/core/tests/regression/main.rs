//! One file for each trap that has caught a LoRaWAN network server: its story, and what we do.

#[path = "../device/bench.rs"]
#[allow(dead_code)]
mod bench;
#[path = "../radio_given/mod.rs"]
mod radio_given;

mod a_backed_off_device_uses_all_channels;
mod a_data_rate_chosen_by_the_device;
mod a_repeated_confirmed_uplink;
mod ack_in_a_pending_session;
mod class_c_waits_for_the_windows_of_class_a;
mod conf_f_cnt_only_with_ack;
mod confirmed_downlink_under_a_new_counter;
mod confirmed_repeats_are_acknowledged_again;
mod counters_at_their_ends;
mod dev_nonces_of_a_device_that_is_never_answered;
mod device_time_of_each_repeat;
mod devices_count_from_0_or_from_1;
mod f_opts_by_the_errata_or_the_first_text;
mod late_frames_open_no_window;
mod mirror_frames;
mod nwk_key_of_a_1_1_device_on_a_1_0_network;
mod one_eui_at_two_gateways;
mod pending_session_and_ack;
mod ping_slots_know_no_leap_second;
mod ping_slots_of_cn470_are_where_beacons_are;
mod repeats_are_not_copies;
mod sixteen_bit_counters;
