//! What a LoRaWAN network server decides: pure, deterministic.
#![forbid(unsafe_code)]
