//! Receive windows by hand from the standard: TS001-1.0.4 §3.3; RP002-1.0.5, chapters on EU863–870
//! and US902–928.

use super::*;
use lns_lorawan::mac::{RxParamSetupReq, RxTimingSetupReq};
use lns_lorawan::{DataRateIndex, Frequency};

/// Window, seconds after the end of the uplink, Hz, data rate as gateways write it.
type Row = (Window, i64, u32, &'static str);

fn rows(pair: &Pair) -> Vec<Row> {
    let ends = pair.last.as_ref().unwrap().ends;
    let windows = pair.device.windows().iter().map(|listen| {
        let after = listen.nominal - ends;
        assert_eq!(after.micros() % 1_000_000, 0, "to the microsecond");
        assert!(listen.inverted_iq);
        let datr: &'static str = listen.modulation.to_string().leak();
        (listen.window, after.micros() / 1_000_000, listen.frequency.hz(), datr)
    });
    windows.collect()
}

fn request(rx1_dr_offset: u8, rx2: (u32, u8)) -> DownlinkMacCommand {
    DownlinkMacCommand::RxParamSetupReq(RxParamSetupReq {
        rx1_dr_offset,
        rx2_data_rate: DataRateIndex::from_low_bits(rx2.1),
        frequency: Frequency::from_hz(rx2.0),
    })
}

#[test]
fn eu868_answers_on_the_uplinks_channel_and_on_869_525() {
    let spreading_factors =
        ["SF12BW125", "SF11BW125", "SF10BW125", "SF9BW125", "SF8BW125", "SF7BW125"];
    for (up, datr) in (0..).zip(spreading_factors) {
        let mut spec = abp();
        spec.data_rate = DataRateIndex::from_low_bits(up);
        let mut pair = Pair::new(spec);
        let sent = pair.sends();
        let hz = sent.frequency.hz();
        assert!([868_100_000, 868_300_000, 868_500_000].contains(&hz));
        let rx2 = (Window::Rx2, 2, 869_525_000, "SF12BW125");
        assert_eq!(rows(&pair), [(Window::Rx1, 1, hz, datr), rx2]);
    }
}

#[test]
fn eu868_offsets_slow_rx1_down() {
    let slower = ["SF7BW125", "SF8BW125", "SF9BW125", "SF10BW125", "SF11BW125", "SF12BW125"];
    for (offset, datr) in (0..).zip(slower) {
        let mut pair = Pair::new(abp());
        pair.ask(&[request(offset, (869_525_000, 3))]);
        let hz = pair.last.as_ref().unwrap().frequency.hz();
        let rx2 = (Window::Rx2, 2, 869_525_000, "SF9BW125");
        assert_eq!(rows(&pair), [(Window::Rx1, 1, hz, datr), rx2]);
    }
}

#[test]
fn rx_delay_moves_both_windows() {
    let mut pair = Pair::new(abp());
    let rx_delay = RxDelay::new(15).unwrap();
    pair.ask(&[DownlinkMacCommand::RxTimingSetupReq(RxTimingSetupReq { rx_delay })]);
    let seconds: Vec<_> = rows(&pair).iter().map(|row| row.1).collect();
    assert_eq!(seconds, [15, 16]);
}

#[test]
fn a_join_is_answered_after_five_and_six_seconds() {
    let mut pair = Pair::new(otaa());
    let hz = pair.sends().frequency.hz();
    let rx2 = (Window::Rx2, 6, 869_525_000, "SF12BW125");
    assert_eq!(rows(&pair), [(Window::Rx1, 5, hz, "SF7BW125"), rx2]);

    let mut pair = Pair::new(otaa().us915(Some(2)));
    let sent = pair.sends();
    assert_eq!(sent.modulation.to_string(), "SF10BW125");
    let hz = 923_300_000 + u32::from(sent.channel - 8) * 600_000;
    let rx2 = (Window::Rx2, 6, 923_300_000, "SF12BW500");
    assert_eq!(rows(&pair), [(Window::Rx1, 5, hz, "SF10BW500"), rx2]);
    let sent = pair.sends();
    assert_eq!(
        (sent.frequency.hz(), sent.modulation.to_string().as_str()),
        (904_600_000, "SF8BW500")
    );
    let rx2 = (Window::Rx2, 6, 923_300_000, "SF12BW500");
    assert_eq!(rows(&pair), [(Window::Rx1, 5, 923_900_000, "SF7BW500"), rx2]);
}

/// Every uplink channel of US915 with its frequency and that of RX1, from the formulas of
/// RP002-1.0.5 done by hand for the corners.
#[test]
fn us915_answers_by_the_channel() {
    let corners = [
        (0, 902_300_000, 923_300_000),
        (7, 903_700_000, 927_500_000),
        (8, 903_900_000, 923_300_000),
        (36, 909_500_000, 925_700_000),
        (63, 914_900_000, 927_500_000),
    ];
    let wide = [
        (64, 903_000_000, 923_300_000),
        (67, 907_800_000, 925_100_000),
        (71, 914_200_000, 927_500_000),
    ];
    for (data_rate, rows_wanted) in [(3, corners.as_slice()), (4, wide.as_slice())] {
        let mut spec = abp().us915(None);
        spec.data_rate = DataRateIndex::from_low_bits(data_rate);
        spec.adr = false;
        let mut pair = Pair::new(spec);
        let mut seen = std::collections::BTreeMap::new();
        for _ in 0..2000 {
            let sent = pair.sends();
            let row = rows(&pair)[0];
            assert_eq!(row.3, "SF7BW500");
            seen.insert(sent.channel, (sent.frequency.hz(), row.2));
        }
        assert_eq!(seen.len(), if data_rate == 3 { 64 } else { 8 });
        for (channel, up, down) in rows_wanted {
            assert_eq!(seen[channel], (*up, *down), "channel {channel}");
        }
    }
}

#[test]
fn us915_data_rates_go_from_125_to_500_khz() {
    let down = ["SF10BW500", "SF9BW500", "SF8BW500", "SF7BW500", "SF7BW500"];
    for (up, datr) in (0..).zip(down) {
        let mut spec = abp().us915(Some(1));
        spec.data_rate = DataRateIndex::from_low_bits(up);
        let mut pair = Pair::new(spec);
        pair.sends();
        assert_eq!(rows(&pair)[0].3, datr);
        assert_eq!(rows(&pair)[1], (Window::Rx2, 2, 923_300_000, "SF12BW500"));
    }
}

/// SF7 at 125 kHz: 1.024 ms a symbol. The middle of the preamble is 4.096 ms after the start, and
/// the receiver is on for 4 · 1.024 + 2 · 3 = 10.096 ms around it.
#[test]
fn the_receiver_is_on_as_long_as_it_must_be() {
    let mut pair = Pair::new(abp());
    pair.sends();
    let [rx1, rx2] = pair.device.windows() else { panic!() };
    assert_eq!((rx1.opens - rx1.nominal).micros(), 4096 - 5048);
    assert_eq!((rx1.closes - rx1.nominal).micros(), 4096 + 5048);
    // SF12: 32.768 ms a symbol, and a symbol either way instead of 3 ms.
    assert_eq!((rx2.opens - rx2.nominal).micros(), 4 * 32_768 - 3 * 32_768);
    assert_eq!((rx2.closes - rx2.nominal).micros(), 7 * 32_768);
}
