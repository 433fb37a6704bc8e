//! One file for each trap that has caught a LoRaWAN implementation: its story, and what we do.

mod adr_off_masks;
mod as923_by_edition;
mod as923_unknown_dwell_time;
mod au915_by_edition;
mod byte_order;
mod cf_list_by_plan;
mod ch_mask_cntl_5;
mod cn470_join_channel;
mod cn470_ping_slots;
mod cn470_rx2;
mod data_rate_by_direction;
mod downlink_without_crc;
mod eu433_beacon;
mod filter_list_length;
mod frequency_zero;
mod in865_power;
mod in865_rx1;
mod ism2400_steps;
mod low_data_rate_at_250_khz;
mod notify_new_end_device_order;
mod payload_of_sf5;
mod rx_delay_zero;
mod tx_power_by_edition;

use lns_lorawan::{DataRateIndex, Frequency};

fn dr(index: u8) -> DataRateIndex {
    DataRateIndex::new(index).unwrap()
}

fn mhz(text: &str) -> Frequency {
    Frequency::from_mhz_str(text).unwrap()
}
