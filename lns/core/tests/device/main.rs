//! What one event does to one device: given, when, then.

mod bench;
mod describe;
mod downlink;
mod join;
mod mac;
mod matching;
mod queue;
mod random;
mod record;
mod uplink;
mod v1_1;
