//! One file for each trap that has caught a LoRaWAN network server: its story, and what we do.

#[path = "../device/abp_1_1.rs"]
mod abp_1_1;
#[path = "../device/bench.rs"]
#[allow(dead_code)]
mod bench;
#[path = "../ledger/model.rs"]
#[allow(dead_code)]
mod model;
#[path = "../radio_given/mod.rs"]
mod radio_given;
#[path = "../ledger/talk.rs"]
#[allow(dead_code)]
mod talk;

mod a_backed_off_device_uses_all_channels;
mod a_counter_wraps_while_nobody_speaks;
mod a_data_rate_chosen_by_the_device;
mod a_device_that_backed_off_is_told_again;
mod a_power_is_an_eirp_that_the_forwarder_has;
mod a_repeated_confirmed_uplink;
mod a_slow_line_needs_a_later_window;
mod ack_in_a_pending_session;
mod beacons_are_kept_free_and_slots_need_satellites;
mod ch_mask_cntl_5_is_never_used;
mod class_c_waits_for_the_windows_of_class_a;
mod concentrators_of_both_kinds_need_their_lead;
mod conf_f_cnt_only_with_ack;
mod confirmed_downlink_under_a_new_counter;
mod counters_at_their_ends;
mod dev_nonces_of_a_device_that_is_never_answered;
mod device_time_of_each_repeat;
mod devices_count_from_0_or_from_1;
mod duty_cycle_is_any_hour;
mod f_opts_by_the_errata_or_the_first_text;
mod frequency_0_is_the_regions;
mod keep_is_not_said_before_1_0_4;
mod late_frames_open_no_window;
mod link_adr_blocks_are_whole;
mod low_data_rate_optimization_at_250_khz;
mod mirror_frames;
mod multicast_counters_rise_over_all_gateways;
mod multicast_keys_of_a_1_0_device;
mod nwk_key_of_a_1_1_device_on_a_1_0_network;
mod one_eui_at_two_gateways;
mod ping_slots_know_no_leap_second;
mod ping_slots_of_cn470_are_where_beacons_are;
mod repeats_are_not_copies;
mod sixteen_bit_counters;
mod sticky_answers_mean_the_value_asked;
mod sub_bands_of_old_devices_come_by_link_adr;
mod tx_ch_and_conf_f_cnt_are_searched;
mod with_adr_off_each_mask_stands_alone;
