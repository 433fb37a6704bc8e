//! What happens to a decoded message: payload codecs, device shadow, rules.
//!
//! A message enters as bytes and leaves as JSON, or the other way round. Nothing here opens a
//! socket, and nothing asks what time it is: `now_us` is an argument. The one exception is the
//! thread's own CPU clock, which [`codec`] reads to stop a script that does not stop by itself.
#![deny(unsafe_code)]

pub mod codec;
pub mod policy;
pub mod rule;
pub mod samples;
pub mod shadow;
pub mod topic;
