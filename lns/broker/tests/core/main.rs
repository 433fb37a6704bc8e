//! The broker's core without sockets: given clients, when they say this, then that is heard.

mod chaos;
mod direct;
mod durable;
mod flow;
mod hostile;
mod interop_v3;
mod interop_v5;
mod lab;
mod presence;
mod retained;
mod rights;
mod server;
mod shared;
mod storms;
mod takeover;
