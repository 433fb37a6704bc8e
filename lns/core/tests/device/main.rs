//! What one event does to one device: given, when, then.

mod abp;
mod abp_1_1;
mod bench;
mod class_b;
mod class_c;
mod crowd;
mod describe;
mod downlink;
mod join;
mod join_1_1;
mod mac;
mod matching;
mod model;
mod queue;
mod random;
mod record;
mod rejoin;
mod relay;
mod told;
mod uplink;
mod v1_1;
mod waits;
