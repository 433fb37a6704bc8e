//! The broker's core without sockets: given clients, when they say this, then that is heard.

mod interop_v3;
mod lab;
