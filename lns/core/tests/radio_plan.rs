//! RX windows: given a region and a session, when an uplink was sent, then where the device listens.
//! The figures are those of RP002's tables, written out by hand.

mod radio_given;

use lns_core::event::Reception;
use lns_core::radio::plan::{
    Start, Told, UplinkOn, WindowPlan, after_join_request, after_uplink, margin,
};
use lns_core::session::RxParams;
use lns_lorawan::{
    Bandwidth, DataRateIndex, Db, Frequency, Modulation, Region, RxDelay, SpreadingFactor,
    TimeDelta, Window,
};
use radio_given::{SF7, copy};

fn dr(value: u8) -> DataRateIndex {
    DataRateIndex::new(value).unwrap()
}

fn hz(hz: u32) -> Frequency {
    Frequency::from_hz(hz)
}

fn session(region: Region, rx_delay: u8, rx1_dr_offset: u8) -> RxParams {
    let (rx2_frequency, rx2_data_rate) = region.tables().rx2;
    let rx_delay = RxDelay::new(rx_delay).unwrap();
    RxParams { rx_delay, rx1_dr_offset, rx2_data_rate, rx2_frequency }
}

fn uplink(region: Region, frequency: u32, data_rate: u8) -> UplinkOn {
    let (frequency, data_rate) = (hz(frequency), dr(data_rate));
    let channel = region.tables().uplink_channel_index(frequency, data_rate);
    UplinkOn { frequency, channel, data_rate }
}

/// Window, seconds, Hz, data rate, largest PHYPayload, EIRP in hundredths of a dBm.
type Row = (Window, i64, u32, u8, usize, i16);

fn rows(windows: Vec<WindowPlan>) -> Vec<Row> {
    let row = |plan: WindowPlan| {
        let Start::After(delay) = plan.start else { panic!("it follows an uplink") };
        let seconds = delay.micros() / 1_000_000;
        let eirp = plan.max_eirp.hundredths();
        let dr = plan.data_rate.value();
        (plan.window, seconds, plan.frequency.hz(), dr, plan.max_phy_payload, eirp)
    };
    windows.into_iter().map(row).collect()
}

#[test]
fn a_data_frame_opens_rx1_by_the_tables_and_rx2_by_the_session() {
    use Region::{Eu868, Us915};
    use Window::{Rx1, Rx2};
    let eu_rx2 = |seconds| (Rx2, seconds, 869_525_000, 0, 64, 2915);
    let us_rx2 = |seconds| (Rx2, seconds, 923_300_000, 8, 66, 2600);
    // Region, uplink Hz and data rate, RxDelay, RX1DROffset, windows.
    type Case = (Region, u32, u8, u8, u8, Vec<Row>);
    let cases: Vec<Case> = vec![
        (Eu868, 868_100_000, 5, 1, 0, vec![(Rx1, 1, 868_100_000, 5, 255, 1615), eu_rx2(2)]),
        // RxDelay 0 means one second.
        (Eu868, 868_100_000, 5, 0, 2, vec![(Rx1, 1, 868_100_000, 3, 128, 1615), eu_rx2(2)]),
        (Eu868, 867_900_000, 2, 5, 5, vec![(Rx1, 5, 867_900_000, 0, 64, 1615), eu_rx2(6)]),
        // LR-FHSS is answered in LoRa.
        (Eu868, 868_300_000, 9, 15, 0, vec![(Rx1, 15, 868_300_000, 2, 64, 1615), eu_rx2(16)]),
        // An offset that the table does not have.
        (Eu868, 868_300_000, 5, 1, 6, vec![eu_rx2(2)]),
        // Between two sub-bands nobody may send.
        (Eu868, 868_650_000, 5, 1, 0, vec![eu_rx2(2)]),
        // Channel 9 answers on 923.3 + 0.6 MHz, at 500 kHz.
        (Us915, 904_100_000, 0, 1, 0, vec![(Rx1, 1, 923_900_000, 10, 255, 2600), us_rx2(2)]),
        (Us915, 904_100_000, 0, 1, 3, vec![(Rx1, 1, 923_900_000, 8, 66, 2600), us_rx2(2)]),
        // Channel 65, a wide one.
        (Us915, 904_600_000, 4, 1, 0, vec![(Rx1, 1, 923_900_000, 13, 255, 2600), us_rx2(2)]),
        // Channel 63.
        (Us915, 914_900_000, 3, 1, 1, vec![(Rx1, 1, 927_500_000, 12, 255, 2600), us_rx2(2)]),
        // No channel of the plan.
        (Us915, 904_150_000, 0, 1, 0, vec![us_rx2(2)]),
    ];
    for (region, frequency, data_rate, rx_delay, offset, windows) in cases {
        let rx = session(region, rx_delay, offset);
        let on = uplink(region, frequency, data_rate);
        assert_eq!(
            rows(after_uplink(region.tables(), (&rx, &Told::default()), &on)),
            windows,
            "{frequency} {offset}"
        );
    }
}

#[test]
fn rx2_is_where_the_session_says() {
    let moved = RxParams {
        rx2_frequency: hz(868_800_000),
        rx2_data_rate: dr(3),
        ..session(Region::Eu868, 1, 0)
    };
    let on = uplink(Region::Eu868, 868_500_000, 0);
    let windows = after_uplink(Region::Eu868.tables(), (&moved, &Told::default()), &on);
    assert_eq!(rows(windows)[1], (Window::Rx2, 2, 868_800_000, 3, 128, 1615));
}

#[test]
fn a_join_request_opens_its_own_windows_by_the_region_alone() {
    use Window::{Rx1, Rx2};
    let cases = [
        (Region::Eu868, 868_300_000, 0, (868_300_000, 0, 64, 1615), (869_525_000, 0, 64, 2915)),
        (Region::Us915, 902_300_000, 0, (923_300_000, 10, 255, 2600), (923_300_000, 8, 66, 2600)),
        (Region::Us915, 907_800_000, 4, (925_100_000, 13, 255, 2600), (923_300_000, 8, 66, 2600)),
    ];
    for (region, frequency, data_rate, first, second) in cases {
        let on = uplink(region, frequency, data_rate);
        let row = |window, seconds, (hz, dr, size, eirp)| (window, seconds, hz, dr, size, eirp);
        let windows = [row(Rx1, 5, first), row(Rx2, 6, second)];
        assert_eq!(rows(after_join_request(region.tables(), &on)), windows, "{frequency}");
    }
}

#[test]
fn a_mirror_frame_does_not_move_rx1() {
    let mirror = Reception { frequency: hz(868_437_500), ..copy(1, 0, 5, 9) };
    let real = copy(2, 0, 5, 3);
    let heard = |receptions: &[Reception]| {
        let channel_of = |frequency| Region::Eu868.tables().uplink_channel_index(frequency, dr(5));
        let on = UplinkOn::heard(receptions, dr(5), channel_of)?;
        assert_eq!(on.data_rate, dr(5));
        Some((on.frequency.hz(), on.channel))
    };
    assert_eq!(heard(&[mirror.clone(), real.clone()]), Some((868_100_000, Some(0))));
    assert_eq!(heard(&[real, mirror.clone()]), Some((868_100_000, Some(0))));
    assert_eq!(heard(&[mirror]), Some((868_437_500, None)), "perhaps a channel unknown to us");
    assert_eq!(heard(&[]), None);
}

#[test]
fn a_margin_is_above_what_the_data_rate_needs() {
    let with = |modulation, snr| margin(&Reception { modulation, ..copy(1, 0, 5, snr) });
    assert_eq!(with(SF7, 0), Db::from_hundredths(750));
    let sf12 = Modulation::lora(SpreadingFactor::Sf12, Bandwidth::Khz125);
    assert_eq!(with(sf12, -19), Db::from_whole(1));
    assert_eq!(with(Modulation::Fsk { bit_rate: 50_000 }, 30), Db::from_whole(0));
}

#[test]
fn rx1_is_where_dl_channel_req_has_moved_it() {
    let rx = session(Region::Eu868, 1, 0);
    let on = uplink(Region::Eu868, 868_100_000, 5);
    let told = Told { rx1_frequency: Some(hz(869_525_000)), ..Told::default() };
    let windows = after_uplink(Region::Eu868.tables(), (&rx, &told), &on);
    assert_eq!(windows[0].frequency, hz(869_525_000));
    assert_eq!(windows[0].data_rate, dr(5), "the data rate follows the uplink as before");
}

#[test]
fn in_as923_rx1_waits_until_the_dwell_time_is_known() {
    let tables = Region::As923_1.tables();
    let rx = session(Region::As923_1, 1, 0);
    let on = uplink(Region::As923_1, 923_200_000, 0);
    let windows = |downlink_dwell_time| {
        let told = Told { downlink_dwell_time, ..Told::default() };
        let windows = after_uplink(tables, (&rx, &told), &on);
        windows.iter().map(|plan| (plan.window, plan.data_rate.value())).collect::<Vec<_>>()
    };
    // DR0 is answered at DR0, or where 400 ms are the limit at DR2.
    assert_eq!(windows(None), [(Window::Rx2, 2)]);
    assert_eq!(windows(Some(false)), [(Window::Rx1, 0), (Window::Rx2, 2)]);
    assert_eq!(windows(Some(true)), [(Window::Rx1, 2), (Window::Rx2, 2)]);
}

#[test]
fn where_dwell_time_may_be_limited_no_downlink_is_longer() {
    // AS923 starts devices in a state that nobody knows; EU868 has no such limit.
    for (region, frequency, downlink_dwell_time, limit) in [
        (Region::As923_1, 923_200_000, None, Some(400)),
        (Region::As923_1, 923_200_000, Some(true), Some(400)),
        (Region::As923_1, 923_200_000, Some(false), None),
        (Region::Eu868, 868_100_000, None, None),
    ] {
        let rx = session(region, 1, 0);
        let on = uplink(region, frequency, 5);
        let told = Told { downlink_dwell_time, ..Told::default() };
        let windows = after_uplink(region.tables(), (&rx, &told), &on);
        assert_eq!(windows.len(), 2);
        for window in windows {
            assert_eq!(window.max_air.map(TimeDelta::millis), limit, "{region:?}");
        }
    }
}
