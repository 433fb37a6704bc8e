//! What a device's MAC does, should do and is asked to do: the server against a model device that
//! was written from the standard.

mod adr;
#[path = "../device/bench.rs"]
#[allow(dead_code)]
mod bench;
mod commands;
mod convergence;
mod link_adr;
mod model;
mod packing;
mod sticky;
mod talk;
