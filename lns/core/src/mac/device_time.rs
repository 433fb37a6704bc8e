//! DeviceTimeReq / DeviceTimeAns: the time, from LoRaWAN 1.0.3 on. TS001-1.0.4 §5.9.
//!
//! The answer names the moment at which the uplink with the request *ended*, by which the device
//! sets its clock when it hears the answer. Repeats of one frame differ by seconds, so each is
//! answered with its own time.

use lns_lorawan::GpsTime;
use lns_lorawan::mac::DownlinkMacCommand;

use crate::event::Reception;

/// When the transmission with these copies ended: by the best copy whose gateway has satellite
/// time, else by our clock. `None` when our clock is before 1980.
pub fn answer(receptions: &[Reception]) -> Option<GpsTime> {
    let tmms = receptions.iter().find_map(|reception| reception.tmms);
    let by_satellite = tmms.and_then(|ms| ms.checked_mul(1000)).map(GpsTime::from_micros);
    by_satellite.or_else(|| {
        receptions.first().and_then(|reception| GpsTime::from_timestamp(reception.air_time))
    })
}

/// As it is sent.
pub fn write(time: GpsTime, commands: &mut Vec<u8>) {
    super::write(DownlinkMacCommand::DeviceTimeAns(time.into()), commands);
}
