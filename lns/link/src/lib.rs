//! What a gateway bridge and a network server say to each other.
#![forbid(unsafe_code)]
