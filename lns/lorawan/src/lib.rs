//! What the LoRaWAN standard says: frames, keys, MAC commands, regions.
#![forbid(unsafe_code)]
