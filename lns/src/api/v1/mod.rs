//! `/v1/`: what AWS's shapes have no place for, in snake_case. An identifier may be an id or an EUI.

pub mod adr;
pub mod ca;
pub mod class;
pub mod counters;
pub mod devices;
pub mod gateways;
pub mod mac;
pub mod mqtt_users;
pub mod multicast;
pub mod profiles;
pub mod queue;
pub mod rejoin;
pub mod service_profiles;
pub mod topic_rules;
