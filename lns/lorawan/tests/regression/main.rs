//! One file for each trap that has caught a LoRaWAN implementation: its story, and what we do.

mod byte_order;
mod filter_list_length;
mod notify_new_end_device_order;
mod rx_delay_zero;
