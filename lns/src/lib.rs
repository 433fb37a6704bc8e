//! A LoRaWAN network server in one binary.

pub mod api;
pub mod broker;
pub mod cli;
pub mod clock;
pub mod config;
pub mod entropy;
pub mod registry;
pub mod sink;
pub mod store;
