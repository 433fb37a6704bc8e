//! A LoRaWAN network server in one binary.
//!
//! The rooms, their threads and their doors; `ARCHITECTURE.md` is the floor plan.

mod accept;
pub mod actions;
pub mod api;
pub mod app;
pub mod binding;
pub mod broker;
pub mod cli;
pub mod clock;
pub mod committer;
pub mod config;
pub mod dice;
pub mod entropy;
pub mod events;
pub mod gateways;
pub mod identity;
pub mod ingest;
pub mod last_uplinks;
pub mod message;
pub mod observe;
pub mod outbox;
pub mod partition;
pub mod registry;
pub mod rooms;
pub mod router;
pub mod rules;
pub mod service;
pub mod shadows;
pub mod sink;
pub mod store;
pub mod tls;
pub mod transmit;
pub mod treaty;
