//! Codecs for the devices of the demonstration and of the simulator.
//!
//! They are ordinary scripts, as an operator would upload them, and serve as examples too. Each
//! file begins with the layout of its frames.

/// Temperature, humidity and battery on port 1; a reporting interval on downlink port 10.
pub const TEMPERATURE: &str = include_str!("../codecs/temperature.js");

/// A switched socket with an energy meter on port 2; on and off on downlink port 10.
pub const SWITCH: &str = include_str!("../codecs/switch.js");

/// Position, altitude and battery on port 3; a reporting interval on downlink port 10.
pub const TRACKER: &str = include_str!("../codecs/tracker.js");
