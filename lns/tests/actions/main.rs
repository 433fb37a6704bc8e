//! Actions against real endpoints: PostgreSQL's server of Debian, librdkafka's mock cluster, HTTP
//! servers that fail, are slow, or are not there.
//!
//! A test that needs `postgresql` skips when it is not installed; with `LNS_REQUIRE_TOOLS` set it fails.

#[path = "../fake/mod.rs"]
#[allow(dead_code)]
mod fake;

mod downlink;
mod endpoint;
mod http;
mod influx;
mod influx_servers;
mod kafka;
mod mute;
mod postgres;
mod queue;
mod support;
