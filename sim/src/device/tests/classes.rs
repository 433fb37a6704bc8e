//! Classes B and C, and multicast in both.

use super::*;
use lns_lorawan::mac::{DeviceTimeAns, PingSlotChannelReq, PingSlotInfoReq};
use lns_lorawan::{DataRateIndex, Dbm, Frequency, GpsTime, Modulation, ping_slot_rand};

const GROUP: DevAddr = DevAddr::new(0x2700_ffff);
/// A moment whose GPS second is a multiple of 128: a beacon begins with it.
fn beacon_time() -> (u32, Timestamp) {
    let second = 1_400_000_000 / 128 * 128;
    (second, GpsTime::from_micros(u64::from(second) * 1_000_000).to_timestamp())
}

fn group_keys() -> (NwkSKey, AppSKey) {
    (NwkSKey::from_bytes([0x66; 16]), AppSKey::from_bytes([0x77; 16]))
}

fn in_class(class: Class) -> Pair {
    let mut spec = abp();
    let (mc_nwk_s_key, mc_app_s_key) = group_keys();
    let place = None;
    spec.groups = vec![Group { mc_addr: GROUP, mc_nwk_s_key, mc_app_s_key, place, periodicity: 3 }];
    spec.class = class;
    spec.switched_on = beacon_time().1 - TimeDelta::from_secs(100);
    Pair::new(spec)
}

fn beacon(periods: i64) -> Beacon {
    let (time, at) = beacon_time();
    Beacon {
        starts: at + BEACON_INTERVAL.times(periods) + BEACON_DELAY,
        time: time + u32::try_from(periods).unwrap() * 128,
        frequency: Frequency::from_hz(869_525_000),
        modulation: sf9(),
        length: 17,
    }
}

fn sf9() -> Modulation {
    "SF9BW125".parse().unwrap()
}

/// Goes through everything that leads to class B; in it when the first beacon has passed.
fn class_b(periodicity: u8) -> Pair {
    let mut pair = in_class(Class::B { periodicity });
    let (sent, opened) = pair.uplink();
    assert_eq!(answers(&opened), [UplinkMacCommand::DeviceTimeReq]);
    assert!(!opened.f_ctrl.class_b);
    let time = GpsTime::from_timestamp(sent.ends).unwrap();
    let time = DownlinkMacCommand::DeviceTimeAns(DeviceTimeAns::from(time));
    pair.answer(Down { mac: &[time], ..Down::default() });
    pair.until(beacon(0).starts);
    pair.device.hear_beacon(&beacon(0)).unwrap();
    let (sent, opened) = pair.uplink();
    assert!(sent.starts - beacon(0).starts < TimeDelta::from_secs(10), "it is in a hurry");
    let info = UplinkMacCommand::PingSlotInfoReq(PingSlotInfoReq { periodicity });
    assert_eq!((answers(&opened), opened.f_ctrl.class_b), (vec![info], false));
    pair.answer(Down { mac: &[DownlinkMacCommand::PingSlotInfoAns], ..Down::default() });
    assert!(pair.uplink().1.f_ctrl.class_b);
    pair
}

fn on_air((starts, hz, modulation): (Timestamp, u32, Modulation), phy_payload: Vec<u8>) -> OnAir {
    OnAir {
        starts,
        frequency: Frequency::from_hz(hz),
        modulation,
        inverted: true,
        crc_on: false,
        power: Dbm::from_whole(14),
        phy_payload,
    }
}

/// The n-th ping slot of the second beacon period, by the formulas of LoRaWAN 1.1 §13.2.
fn slot(dev_addr: DevAddr, periodicity: u8, n: i64) -> Timestamp {
    let period = 4096 / (1 << (7 - periodicity));
    let begins = beacon_time().1 + BEACON_INTERVAL;
    let offset = i64::from(ping_slot_rand(beacon(1).time, dev_addr)) % period;
    begins + TimeDelta::from_micros(2_120_000 + (offset + n * period) * 30_000)
}

#[test]
fn a_device_goes_to_class_b_and_listens_in_its_slots() {
    let mut pair = class_b(4);
    let data = Down { payload: Some((10, &[1, 2])), ..Down::default() };
    for n in 0..8 {
        let frame = pair.build(data);
        let at = slot(DEV_ADDR, 4, n);
        let late = on_air((at + TimeDelta::from_millis(10), 869_525_000, sf9()), frame.clone());
        assert!(matches!(pair.device.tuned_to(&late), Err(Unheard::TooLate { .. })));
        let elsewhere = on_air((at, 868_100_000, sf9()), frame.clone());
        assert!(matches!(pair.device.tuned_to(&elsewhere), Err(Unheard::WrongFrequency { .. })));
        let Heard::Received(received) = pair.device.hear(&on_air((at, 869_525_000, sf9()), frame))
        else {
            panic!("slot {n}")
        };
        assert_eq!((received.window, received.offset), (Window::Ping, TimeDelta::ZERO));
    }
    let between = slot(DEV_ADDR, 4, 1) + TimeDelta::from_secs(7);
    let frame = pair.build(data);
    let frame = on_air((between, 869_525_000, sf9()), frame);
    assert!(pair.device.hear(&frame) != Heard::Not(Unheard::Lost));
    assert_eq!(pair.device.tally().heard_ping, 8);
}

#[test]
fn ping_slots_move_where_the_network_wants_them() {
    let mut pair = class_b(0);
    let request = PingSlotChannelReq {
        frequency: Frequency::from_hz(868_500_000),
        data_rate: DataRateIndex::from_low_bits(5),
    };
    pair.ask(&[DownlinkMacCommand::PingSlotChannelReq(request)]);
    let frame = pair.build(Down::default());
    let at = slot(DEV_ADDR, 0, 100);
    let sf7 = "SF7BW125".parse().unwrap();
    let heard = pair.device.hear(&on_air((at, 868_500_000, sf7), frame));
    assert!(matches!(heard, Heard::Received(_)), "{heard:?}");
}

#[test]
fn answers_stick_until_a_class_a_downlink_and_no_other() {
    let mut pair = class_b(4);
    let rx_delay = RxDelay::new(2).unwrap();
    let timing = lns_lorawan::mac::RxTimingSetupReq { rx_delay };
    let said = pair.ask(&[DownlinkMacCommand::RxTimingSetupReq(timing)]);
    assert_eq!(said, [UplinkMacCommand::RxTimingSetupAns]);
    let frame = pair.build(Down::default());
    let frame = on_air((slot(DEV_ADDR, 4, 2), 869_525_000, sf9()), frame);
    assert!(matches!(pair.device.hear(&frame), Heard::Received(_)));
    assert_eq!(answers(&pair.uplink().1), said);
    pair.answer(Down::default());
    assert_eq!(answers(&pair.uplink().1), []);
}

#[test]
fn after_two_hours_without_a_beacon_it_is_class_a_again() {
    let mut pair = class_b(4);
    let lost = beacon(0).starts + TimeDelta::from_secs(2 * 3600);
    pair.until(lost);
    let (sent, opened) = pair.uplink();
    assert!(sent.starts >= lost);
    assert!(!opened.f_ctrl.class_b);
    assert_eq!(answers(&opened), [UplinkMacCommand::DeviceTimeReq]);
    assert!(!pair.device.is_in_class_b(sent.starts));
}

#[test]
fn every_beacon_keeps_it_in_class_b_and_nothing_is_sent_over_one() {
    let mut pair = class_b(4);
    for period in 1..70 {
        let heard = beacon(period);
        for sent in pair.until(heard.starts) {
            let within = (sent.starts - beacon(0).starts).micros().rem_euclid(128_000_000);
            assert!((2_118_500..=124_998_500).contains(&within), "{within}");
        }
        pair.device.hear_beacon(&heard).unwrap();
    }
    assert!(pair.device.is_in_class_b(beacon(70).starts));
    assert_eq!(pair.device.tally().beacons, 70);
}

#[test]
fn a_wrong_beacon_is_no_beacon() {
    let mut pair = class_b(4);
    let right = beacon(1);
    let table = [
        Beacon { starts: right.starts + TimeDelta::from_millis(101), ..right.clone() },
        Beacon { frequency: Frequency::from_hz(868_100_000), ..right.clone() },
        Beacon { length: 23, ..right.clone() },
    ];
    for wrong in table {
        assert!(pair.device.hear_beacon(&wrong).is_err(), "{wrong:?}");
    }
    assert_eq!(pair.device.hear_beacon(&right), Ok(()));
}

#[test]
fn a_confirmed_downlink_in_a_slot_is_acknowledged_soon() {
    let mut pair = class_b(4);
    let at = slot(DEV_ADDR, 4, 1);
    pair.until(at - TimeDelta::from_secs(2));
    let frame = pair.build(Down { confirmed: true, ..Down::default() });
    let heard = pair.device.hear(&on_air((at, 869_525_000, sf9()), frame));
    assert!(matches!(heard, Heard::Received(_)), "{heard:?}");
    let (sent, opened) = pair.uplink();
    assert!(opened.f_ctrl.ack);
    // CLASS_B_RESP_TIMEOUT.
    assert!(sent.starts - at < TimeDelta::from_secs(8));
}

fn sf12() -> Modulation {
    "SF12BW125".parse().unwrap()
}

#[test]
fn a_class_c_device_always_listens_with_the_parameters_of_rx2() {
    let mut pair = in_class(Class::C);
    let ends = pair.uplink().0.ends;
    let [rx1, rx2] = pair.device.windows() else { panic!() };
    let (rx1, rx2) = (*rx1, *rx2);
    let frame = pair.build(Down::default());
    let airtime = {
        let frame = on_air((ends, 869_525_000, sf12()), frame.clone());
        frame.ends() - frame.starts
    };
    let at = |starts| on_air((starts, 869_525_000, sf12()), frame.clone());
    // While it sends, it hears nothing.
    let sending = pair.last.as_ref().unwrap().starts + TimeDelta::from_millis(1);
    assert_eq!(pair.device.tuned_to(&at(sending)), Err(Unheard::NotListening));
    // What would not end before RX1 is lost to RX1.
    let just_before = rx1.opens - airtime;
    assert_eq!(pair.device.tuned_to(&at(just_before)), Ok((Window::Rxc, TimeDelta::ZERO)));
    let too_late = just_before + TimeDelta::from_millis(1);
    assert_eq!(pair.device.tuned_to(&at(too_late)), Err(Unheard::NotListening));
    assert_eq!(pair.device.tuned_to(&at(rx2.nominal)), Ok((Window::Rx2, TimeDelta::ZERO)));
    let later = ends + TimeDelta::from_secs(20);
    let Heard::Received(received) = pair.device.hear(&at(later)) else { panic!() };
    assert_eq!(received.window, Window::Rxc);
    assert_eq!(pair.device.tally().heard_rxc, 1);
}

#[test]
fn a_confirmed_downlink_in_rxc_is_acknowledged_soon() {
    let mut pair = in_class(Class::C);
    let at = pair.uplink().0.ends + TimeDelta::from_secs(20);
    pair.device.wake(pair.device.next_wake().unwrap());
    let frame = pair.build(Down { confirmed: true, ..Down::default() });
    let heard = pair.device.hear(&on_air((at, 869_525_000, sf12()), frame));
    assert!(matches!(heard, Heard::Received(_)), "{heard:?}");
    let (sent, opened) = pair.uplink();
    assert!(opened.f_ctrl.ack && opened.f_port.is_none());
    assert!(sent.starts - at < TimeDelta::from_secs(8));
}

#[test]
fn a_class_a_device_listens_only_after_its_uplinks() {
    let mut pair = in_class(Class::A);
    let at = pair.uplink().0.ends + TimeDelta::from_secs(20);
    let frame = pair.build(Down::default());
    let heard = pair.device.hear(&on_air((at, 869_525_000, sf12()), frame));
    assert_eq!(heard, Heard::Not(Unheard::NotListening));
}

fn multicast(f_cnt_down: u32, (confirmed, f_opts): (bool, &[u8])) -> Vec<u8> {
    let frame = DataDown {
        confirmed,
        dev_addr: GROUP,
        f_ctrl: FCtrlDown::default(),
        f_cnt_down: FCntDown(f_cnt_down),
        f_opts,
        f_port: Some(10),
        frm_payload: &[0, 30],
    };
    let (nwk_s_key, app_s_key) = group_keys();
    frame.build(&SessionKeys::v1_0(&nwk_s_key, app_s_key).schedules(), 0).unwrap()
}

#[test]
fn a_group_is_heard_in_class_c_with_rising_counters_and_nothing_but_payload() {
    let mut pair = in_class(Class::C);
    let at = pair.uplink().0.ends + TimeDelta::from_secs(10);
    let mut hear = |f_cnt_down, extra: (bool, &[u8])| {
        let frame = on_air((at, 869_525_000, sf12()), multicast(f_cnt_down, extra));
        match pair.device.hear(&frame) {
            Heard::Received(Received { what: What::Multicast { group, data }, .. }) => {
                assert_eq!(group, GROUP);
                Ok(data.payload)
            }
            Heard::Received(other) => panic!("{other:?}"),
            Heard::Not(reason) => Err(reason),
        }
    };
    assert_eq!(hear(5, (false, &[])), Ok(vec![0, 30]));
    assert_eq!(hear(5, (false, &[])), Err(Unheard::FCntReplayed));
    assert_eq!(hear(4, (false, &[])), Err(Unheard::FCntReplayed));
    assert_eq!(hear(6, (true, &[])), Err(Unheard::Malformed));
    assert_eq!(hear(6, (false, &[0x06])), Err(Unheard::Malformed));
    assert_eq!(hear(6, (false, &[])), Ok(vec![0, 30]));
    assert_eq!(pair.device.tally().multicast, 2);
    assert_eq!(pair.device.spec().interval, TimeDelta::from_secs(30));
    assert!(!pair.uplink().1.f_ctrl.ack);
}

#[test]
fn a_group_has_ping_slots_of_its_own() {
    let mut pair = class_b(4);
    let frame = on_air((slot(GROUP, 3, 2), 869_525_000, sf9()), multicast(0, (false, &[])));
    let heard = pair.device.hear(&frame);
    assert!(
        matches!(heard, Heard::Received(Received { what: What::Multicast { .. }, .. })),
        "{heard:?}"
    );
}
