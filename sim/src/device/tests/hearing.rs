//! What a device hears, and why not.

use super::*;
use lns_lorawan::{Bandwidth, Frequency, Modulation, SpreadingFactor};

/// A device with its windows open, and a frame for it in RX1.
fn listening() -> (Pair, OnAir) {
    let mut pair = Pair::new(abp());
    pair.uplink();
    let phy_payload = pair.build(Down { payload: Some((10, &[1, 2])), ..Down::default() });
    let frame = pair.on_air(Window::Rx1, phy_payload);
    (pair, frame)
}

fn later(frame: &OnAir, micros: i64) -> OnAir {
    OnAir { starts: frame.starts + TimeDelta::from_micros(micros), ..frame.clone() }
}

#[test]
fn everything_has_to_fit() {
    let (mut pair, frame) = listening();
    let sf8 = Modulation::lora(SpreadingFactor::Sf8, Bandwidth::Khz125);
    let elsewhere = Frequency::from_hz(frame.frequency.hz() + 200_000);
    let (wanted, got) = (frame.frequency, elsewhere);
    let table = [
        (OnAir { frequency: elsewhere, ..frame.clone() }, Unheard::WrongFrequency { wanted, got }),
        (
            OnAir { modulation: sf8, ..frame.clone() },
            Unheard::WrongDataRate { wanted: frame.modulation, got: sf8 },
        ),
        (OnAir { inverted: false, ..frame.clone() }, Unheard::WrongPolarity),
        (OnAir { crc_on: true, ..frame.clone() }, Unheard::CrcOn),
        (later(&frame, -3001), Unheard::TooEarly { micros: 3001 }),
        (later(&frame, 3001), Unheard::TooLate { micros: 3001 }),
        (later(&frame, -499_999), Unheard::TooEarly { micros: 499_999 }),
        (later(&frame, -500_001), Unheard::NotListening),
        (later(&frame, 10_000_000), Unheard::NotListening),
    ];
    for (wrong, reason) in table {
        assert_eq!(pair.device.hear(&wrong), Heard::Not(reason));
    }
    assert_eq!(pair.device.tally().heard_rx1, 0);
    let Heard::Received(received) = pair.device.hear(&frame) else { panic!() };
    assert_eq!((received.window, received.offset), (Window::Rx1, TimeDelta::ZERO));
}

#[test]
fn three_milliseconds_either_way_are_heard() {
    for micros in [-3000, 3000] {
        let (mut pair, frame) = listening();
        let Heard::Received(received) = pair.device.hear(&later(&frame, micros)) else { panic!() };
        assert_eq!(received.offset.micros(), micros);
    }
}

#[test]
fn a_slow_symbol_gives_more_room() {
    let (mut pair, _) = listening();
    let phy_payload = pair.build(Down::default());
    let frame = pair.on_air(Window::Rx2, phy_payload);
    let late = later(&frame, 32_769);
    assert_eq!(pair.device.hear(&late), Heard::Not(Unheard::TooLate { micros: 32_769 }));
    assert!(matches!(pair.device.hear(&later(&frame, 32_768)), Heard::Received(_)));
}

#[test]
fn a_frame_in_rx2_is_judged_by_rx2() {
    let (mut pair, frame) = listening();
    let second = later(&frame, 1_000_000);
    let rx2 = pair.device.windows()[1];
    let reason = Unheard::WrongFrequency { wanted: rx2.frequency, got: frame.frequency };
    assert_eq!(pair.device.hear(&second), Heard::Not(reason));
}

#[test]
fn keys_counters_and_addresses_are_told_apart() {
    let (mut pair, frame) = listening();
    let bent = |at: usize| {
        let mut frame = frame.clone();
        frame.phy_payload[at] ^= 1;
        frame
    };
    assert_eq!(pair.device.hear(&bent(1)), Heard::Not(Unheard::ForAnother));
    assert_eq!(pair.device.hear(&bent(9)), Heard::Not(Unheard::MicFailed));
    let uplink = OnAir { phy_payload: pair.last.clone().unwrap().phy_payload, ..frame.clone() };
    assert_eq!(pair.device.hear(&uplink), Heard::Not(Unheard::ForAnother));
    let nothing = OnAir { phy_payload: vec![0xff], ..frame.clone() };
    assert_eq!(pair.device.hear(&nothing), Heard::Not(Unheard::Malformed));
    assert!(matches!(pair.device.hear(&frame), Heard::Received(_)));
    pair.uplink();
    let again = pair.on_air(Window::Rx1, frame.phy_payload);
    assert_eq!(pair.device.hear(&again), Heard::Not(Unheard::FCntReplayed));
}

#[test]
fn after_a_downlink_of_its_own_it_stops_listening() {
    let (mut pair, frame) = listening();
    let phy_payload = pair.build(Down::default());
    let second = pair.on_air(Window::Rx2, phy_payload);
    assert!(matches!(pair.device.hear(&frame), Heard::Received(_)));
    assert_eq!(pair.device.hear(&second), Heard::Not(Unheard::NotListening));
    assert!(pair.device.next_wake().unwrap() >= frame.ends());
}

#[test]
fn downlink_counters_carry_over_sixteen_bits() {
    let (mut pair, _) = listening();
    let values = [0xfff0, 0xffff, 0x1_0000, 0x1_0001];
    for value in values {
        pair.f_cnt_down = FCntDown(value);
        assert_eq!(pair.answer(Down::default()).f_cnt_down, FCntDown(value));
        pair.uplink();
    }
}

#[test]
fn a_careless_device_loses_what_it_is_told_to() {
    let mut spec = abp();
    spec.mischief.lose_every = Some(2);
    let mut pair = Pair::new(spec);
    let heard: Vec<bool> = (0..4)
        .map(|_| {
            pair.uplink();
            let phy_payload = pair.build(Down::default());
            let frame = pair.on_air(Window::Rx1, phy_payload);
            matches!(pair.device.hear(&frame), Heard::Received(_))
        })
        .collect();
    assert_eq!(heard, [true, false, true, false]);
}
