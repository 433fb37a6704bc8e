//! Worlds: transcripts of single walks, and seeded runs in any weather.
//!
//! `LNS_WORLD_SEEDS` says how many seeds each region gets (12), `LNS_WORLD_SEED` names the only one,
//! of which the whole transcript is kept.
//! `LNS_WORLD_WRITE=1` writes the expected transcripts anew; read the difference before it lands.

mod certification;
mod classes;
mod eu868;
mod everywhere;
mod expected;
mod life_of_1_1;
mod multicast;
mod us915;
mod weather;
