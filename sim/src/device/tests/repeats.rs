//! Acknowledgements and repeats: LoRaWAN 1.0.3 §4.3.1.3, TS001-1.0.4 §4.3.1.1 and
//! §4.3.1.3.

use super::*;

fn confirmed() -> DeviceSpec {
    let mut spec = abp();
    spec.confirmed_share = 1.0;
    spec
}

#[test]
fn a_confirmed_uplink_is_repeated_until_it_is_acknowledged() {
    let mut pair = Pair::new(confirmed());
    let (first, opened) = pair.uplink();
    assert!(opened.confirmed);
    let rx2_closes = pair.device.windows()[1].closes;
    let second = pair.sends();
    assert_eq!(second.phy_payload, first.phy_payload);
    let pause = second.starts - rx2_closes;
    assert!((1_000_000..=3_000_000).contains(&pause.micros()), "{pause}");
    // Any downlink is not enough.
    pair.answer(Down::default());
    assert_eq!(pair.sends().phy_payload, first.phy_payload);
    let data = pair.answer(Down { ack: true, ..Down::default() });
    assert!(data.ack && data.acked);
    let (_, opened) = pair.uplink();
    assert_eq!(opened.f_cnt_up.0, 1);
    let tally = pair.device.tally();
    assert_eq!((tally.uplinks, tally.repeats, tally.acked, tally.given_up), (2, 2, 1, 0));
}

#[test]
fn after_eight_times_it_is_given_up() {
    let mut pair = Pair::new(confirmed());
    let first = pair.sends();
    for repeat in 1..8 {
        let sent = pair.sends();
        assert_eq!(sent.phy_payload, first.phy_payload);
        assert!(matches!(sent.sent, Sent::Data(SentData { repeat: n, .. }) if n == repeat));
    }
    assert_ne!(pair.sends().phy_payload, first.phy_payload);
    assert_eq!(pair.device.tally().given_up, 1);
}

#[test]
fn nb_trans_repeats_until_something_is_heard() {
    let mut pair = Pair::new(abp());
    pair.device.mac.nb_trans = 3;
    let first = pair.sends();
    let (second, third, fourth) = (pair.sends(), pair.sends(), pair.sends());
    assert_eq!(second.phy_payload, first.phy_payload);
    assert_eq!(third.phy_payload, first.phy_payload);
    assert_ne!(fourth.phy_payload, first.phy_payload);
    pair.answer(Down::default());
    assert_ne!(pair.sends().phy_payload, fourth.phy_payload);
}

#[test]
fn a_confirmed_downlink_is_acknowledged_by_the_next_uplink() {
    let mut pair = Pair::new(abp());
    let planned = pair.uplink().0.starts + pair.device.spec().interval;
    pair.answer(Down { confirmed: true, ..Down::default() });
    let (sent, opened) = pair.uplink();
    assert!(opened.f_ctrl.ack);
    assert_eq!(sent.starts, planned);
    assert!(!pair.uplink().1.f_ctrl.ack);
}

#[test]
fn a_prompt_device_acknowledges_at_once_with_nothing() {
    let mut spec = abp();
    spec.prompt_ack = true;
    let mut pair = Pair::new(spec);
    let planned = pair.uplink().0.starts + pair.device.spec().interval;
    pair.answer(Down { confirmed: true, ..Down::default() });
    let (sent, opened) = pair.uplink();
    assert!(opened.f_ctrl.ack && opened.f_port.is_none());
    assert!(sent.starts < planned);
    assert_eq!(pair.uplink().0.starts, planned);
}

#[test]
fn what_is_pending_is_fetched_at_once() {
    for follows in [true, false] {
        let mut spec = abp();
        spec.follow_f_pending = follows;
        let mut pair = Pair::new(spec);
        let planned = pair.uplink().0.starts + pair.device.spec().interval;
        pair.answer(Down { f_pending: true, ..Down::default() });
        assert_eq!(pair.sends().starts < planned, follows);
    }
}

#[test]
fn after_64_uplinks_without_a_downlink_it_asks_for_one() {
    let mut pair = Pair::new(abp());
    let asked = (0..66).position(|_| pair.uplink().1.f_ctrl.adr_ack_req);
    assert_eq!(asked, Some(64));
    pair.answer(Down::default());
    assert!(!pair.uplink().1.f_ctrl.adr_ack_req);
}

#[test]
fn a_device_that_nobody_answers_slows_down() {
    let mut spec = abp();
    spec.interval = TimeDelta::from_secs(10);
    let mut pair = Pair::new(spec);
    pair.device.mac.tx_power = 3;
    let mut states = Vec::new();
    for _ in 0..=192 {
        pair.sends();
        states.push((pair.device.mac().tx_power, pair.device.mac().data_rate));
    }
    assert_eq!((states[95], states[96], states[127]), ((3, 5), (0, 5), (0, 5)));
    assert_eq!((states[128], states[160], states[192]), ((0, 4), (0, 3), (0, 2)));
}

#[test]
fn messages_of_the_application_go_before_measurements() {
    let mut pair = Pair::new(abp());
    pair.device.send(42, vec![7], true);
    let (_, opened) = pair.uplink();
    assert_eq!((opened.f_port, opened.frm_payload.as_slice()), (Some(42), [7].as_slice()));
    assert!(opened.confirmed);
}

#[test]
fn a_hurried_device_sends_as_soon_as_it_may() {
    let mut pair = Pair::new(abp());
    let first = pair.sends();
    let now = first.ends + TimeDelta::from_millis(10);
    let closes = pair.device.windows()[1].closes;
    pair.device.hurry(now);
    let second = pair.sends();
    assert_eq!(second.starts, closes);
    let Sent::Data(data) = second.sent else { panic!() };
    assert_eq!(data.f_port, Some(1));
}

/// TS001-1.0.4 §4.3.1.3: NbTrans counts for confirmed uplinks too, and any downlink ends the repeats.
#[test]
fn from_1_0_4_on_a_confirmed_uplink_is_sent_nb_trans_times() {
    for (nb_trans, sent) in [(1, 1), (3, 3)] {
        let mut spec = confirmed();
        spec.mac_version = MacVersion::V1_0_4;
        let mut pair = Pair::new(spec);
        pair.device.mac.nb_trans = nb_trans;
        let frames: Vec<_> = (0..sent + 1).map(|_| pair.sends().phy_payload).collect();
        assert!(frames[..sent].iter().all(|frame| *frame == frames[0]));
        assert_ne!(frames[sent], frames[0]);
        assert_eq!(pair.device.tally().given_up, 1);
    }
    let mut spec = confirmed();
    spec.mac_version = MacVersion::V1_0_4;
    let mut pair = Pair::new(spec);
    pair.device.mac.nb_trans = 3;
    let first = pair.sends();
    pair.answer(Down::default());
    assert_ne!(pair.sends().phy_payload, first.phy_payload);
    assert_eq!(pair.device.tally().given_up, 1);
}
