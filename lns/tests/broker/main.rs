//! The brokers on loopback, with clients that are not ours.
//!
//! What needs mosquitto or its tools is skipped, with a line that says so, where they are not
//! installed (`apt-get install mosquitto mosquitto-clients`); with `LNS_REQUIRE_TOOLS` set it fails.

mod embedded;
mod external;
mod hostile;
mod interoperability_3_1_1;
mod interoperability_5;
mod interoperability_5_flow;
mod limits;
mod mosquitto;
mod packets;
mod rights;
mod stage;
mod statements_kept;
mod statements_refused;
mod support;
mod talker;
mod tls;
