//! A LoRaWAN network server in one binary.

pub mod store;
