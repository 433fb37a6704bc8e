//! A LoRaWAN network server in one binary.
