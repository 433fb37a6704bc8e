//! What the tests of dedup and radio are given: gateways, receptions, windows.
#![allow(dead_code)] // Each test binary uses its part.

use lns_core::event::{Path, Reception};
use lns_core::radio::clock::{ClockMap, ConcentratorClock};
use lns_core::radio::plan::{Start, WindowPlan};
use lns_lorawan::region::SubBand;
use lns_lorawan::{
    Bandwidth, DataRateIndex, Db, Dbm, Frequency, GatewayEui, GpsTime, Modulation, Region,
    SpreadingFactor, TimeDelta, Timestamp, Tmst, Window,
};

pub const START: Timestamp = Timestamp::from_secs(1_700_000_000);

pub const SF7: Modulation = Modulation::lora(SpreadingFactor::Sf7, Bandwidth::Khz125);
pub const SF12: Modulation = Modulation::lora(SpreadingFactor::Sf12, Bandwidth::Khz125);

/// EU868's sub-bands of the default channels and of RX2.
pub fn bands() -> [SubBand; 2] {
    let tables = Region::Eu868.tables();
    [868_100_000, 869_525_000]
        .map(|hz| *tables.sub_band(Frequency::from_hz(hz)).expect("it is in a sub-band"))
}

pub fn at(millis: i64) -> Timestamp {
    START + TimeDelta::from_millis(millis)
}

pub fn ms(millis: i64) -> TimeDelta {
    TimeDelta::from_millis(millis)
}

pub fn gateway(number: u64) -> GatewayEui {
    GatewayEui::new(0xa840_4100_0000_0000 | number)
}

/// A copy by gateway `number`, on air `on_air` ms after the start, received `lag` ms later.
pub fn copy(number: u64, on_air: i64, lag: i64, snr: i16) -> Reception {
    Reception {
        gateway: gateway(number),
        arrived: at(on_air + lag),
        air_time: at(on_air),
        // Every concentrator started at another time.
        tmst: Tmst((on_air * 1000) as u32).plus((number as u32).wrapping_mul(77_777_777)),
        boot_epoch: 1,
        token: Box::from([number as u8]),
        frequency: Frequency::from_hz(868_100_000),
        modulation: SF7,
        coding_rate: "4/5".into(),
        rssi: Dbm::from_whole(-100 + snr),
        snr: Db::from_whole(snr),
        channel: Some(0),
        rf_chain: Some(0),
        antenna: None,
        gateway_time: None,
        tmms: None,
    }
}

pub fn rx1(modulation: Modulation) -> WindowPlan {
    WindowPlan {
        window: Window::Rx1,
        start: Start::After(TimeDelta::from_secs(1)),
        frequency: Frequency::from_hz(868_100_000),
        data_rate: DataRateIndex::new(if modulation == SF7 { 5 } else { 0 }).unwrap(),
        modulation,
        max_phy_payload: if modulation == SF7 { 255 } else { 64 },
        max_air: None,
        max_eirp: Dbm::from_whole(16),
    }
}

pub fn rx2() -> WindowPlan {
    WindowPlan {
        window: Window::Rx2,
        start: Start::After(TimeDelta::from_secs(2)),
        frequency: Frequency::from_hz(869_525_000),
        data_rate: DataRateIndex::DR0,
        modulation: SF12,
        max_phy_payload: 64,
        max_air: None,
        max_eirp: Dbm::from_whole(29),
    }
}

/// RXC, open for ten seconds from `not_before` ms on.
pub fn rxc(not_before: i64) -> WindowPlan {
    let (not_before, not_after) = (at(not_before), at(not_before + 10_000));
    WindowPlan { window: Window::Rxc, start: Start::Soon { not_before, not_after }, ..rx2() }
}

/// A ping slot `millis` after the start.
pub fn ping(millis: i64) -> WindowPlan {
    let moment = GpsTime::from_timestamp(at(millis)).unwrap();
    WindowPlan { window: Window::Ping, start: Start::At(moment), ..rx2() }
}

/// The clock of gateway `number`, that learnt from a frame on air at `on_air` ms.
pub fn clock(number: u64, on_air: i64, tmms: Option<u64>) -> ClockMap {
    let heard = copy(number, on_air, 0, 5);
    let mut clock = ConcentratorClock::new();
    let air_time = clock.observe(heard.tmst, heard.boot_epoch, heard.arrived);
    if let Some(tmms) = tmms {
        clock.observe_gps(air_time, tmms);
    }
    clock.map().unwrap()
}

/// The satellites' milliseconds at `millis`.
pub fn tmms(millis: i64) -> u64 {
    GpsTime::from_timestamp(at(millis)).unwrap().micros() / 1000
}

/// A gateway that heard the device some time ago.
pub fn path(number: u64, margin: i16) -> Path {
    Path { gateway: gateway(number), margin: Db::from_whole(margin) }
}
