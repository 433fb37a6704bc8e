//! Classes: when a device listens besides the windows after its own uplinks.
//!
//! Class A listens then and only then. Class B listens in *ping slots* too, moments that follow from
//! beacons ([`b`]). Class C listens all the time.

pub mod b;
pub mod beacon;
