//! What happens to a decoded message: payload codecs, device shadow, rules.
#![deny(unsafe_code)] 

