//! Simulated LoRaWAN devices, gateways and air.
