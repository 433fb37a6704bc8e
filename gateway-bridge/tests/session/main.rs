//! The protocol as tables: given a gateway, when this happens, then that comes out.

mod bench;
mod properties;

use bench::{Bench, ELSEWHERE, EUI, HOME, SECOND, item, rxpk};
use gateway_bridge::counters::Count;
use gateway_bridge::semtech::packet::{
    DatagramToken, PushData, Rxpk, TxTime, Verdict, Version, pull_data,
};
use gateway_bridge::semtech::session::{Config, Policy};
use gateway_link::{Downlink, GatewayEui, GatewayEvent, Outcome, Refusal, When};

#[test]
fn a_downlink_goes_where_pull_data_came_from_at_token_plus_delay() {
    let mut bench = Bench::new(Config::default(), Policy::default());
    bench.pull("192.0.2.1:6000");
    bench.push(u32::MAX - 5);
    bench.send_rx1_rx2();
    assert_eq!(bench.tmsts(), [TxTime::Tmst(999_994)]);
    assert_eq!(bench.sent[0].0, "192.0.2.1:6000".parse().unwrap());
    bench.now += 20_000;
    bench.answer(Verdict::Accepted);
    let ack = &bench.acks[0];
    assert_eq!((ack.id, ack.item, &ack.outcome), (7, 0, &Outcome::Accepted));
    assert_eq!((ack.power, ack.lead_us), (None, Some(1_000_000)));
    let rtt = GatewayEvent::Rtt { p50_us: 20_000, p99_us: 20_000, samples: 1 };
    assert!(bench.events.contains(&rtt), "{:?}", bench.events);
    bench.wait(60 * SECOND);
    assert_eq!(bench.acks.len(), 1, "one downlink has one answer");
}

#[test]
fn a_refused_window_leads_to_the_next_one() {
    let not_in_time = [Refusal::TooLate, Refusal::TooEarly, Refusal::CollisionPacket];
    for refusal in not_in_time {
        let mut bench = Bench::connected();
        bench.send_rx1_rx2();
        bench.now += 50_000;
        bench.refuse(refusal.clone());
        assert_eq!(bench.tmsts(), [TxTime::Tmst(11_000_000), TxTime::Tmst(12_000_000)]);
        bench.answer(Verdict::Accepted);
        assert_eq!(bench.outcomes(), [Outcome::Accepted]);
        assert_eq!((bench.acks[0].item, &bench.acks[0].refusals), (1, &vec![(0, refusal)]));
    }
}

#[test]
fn when_every_window_is_refused_the_last_reason_is_told() {
    let mut bench = Bench::connected();
    bench.send_rx1_rx2();
    bench.refuse(Refusal::TooLate);
    bench.refuse(Refusal::TxFreq);
    assert_eq!(bench.outcomes(), [Outcome::Refused(Refusal::TxFreq)]);
    assert_eq!(bench.acks[0].refusals, [(0, Refusal::TooLate), (1, Refusal::TxFreq)]);
}

#[test]
fn a_window_that_cannot_be_met_any_more_is_not_offered() {
    // The SX1301's forwarder refuses what comes 32.5 ms before the window, and takes what is earlier.
    for (after_uplink, expected) in [(967_499, 11_000_000), (967_500, 12_000_000)] {
        let mut bench = Bench::connected();
        bench.now += after_uplink;
        bench.send_rx1_rx2();
        assert_eq!(bench.tmsts(), [TxTime::Tmst(expected)]);
    }
    let mut bench = Bench::connected();
    bench.now += 2 * SECOND;
    bench.send_rx1_rx2();
    assert_eq!(bench.outcomes(), [Outcome::Refused(Refusal::TooLate)]);
    assert!(bench.sent.is_empty());
}

#[test]
fn the_sx1302_forwarder_needs_ten_milliseconds_more() {
    let mut bench = Bench::new(Config::default(), Policy::default());
    bench.pull(HOME);
    bench.push_all(&[Rxpk { sx1302: true, ..rxpk(10_000_000) }]);
    bench.now += 960_000;
    bench.send_rx1_rx2();
    assert_eq!(bench.tmsts(), [TxTime::Tmst(12_000_000)]);
}

#[test]
fn a_refused_power_is_retried_lower_and_remembered() {
    let mut bench = Bench::connected();
    bench.send_rx1_rx2();
    bench.refuse(Refusal::TxPower);
    assert_eq!(bench.powers(), [16, 14]);
    assert_eq!(bench.tmsts(), [TxTime::Tmst(11_000_000); 2], "the same window");
    bench.answer(Verdict::Accepted);
    assert_eq!((bench.acks[0].power, bench.acks[0].item), (Some(1400), 0));
    bench.send_rx1_rx2();
    assert_eq!(bench.powers(), [16, 14, 14]);
}

#[test]
fn a_warning_is_an_acceptance() {
    let mut bench = Bench::connected();
    bench.send_rx1_rx2();
    bench.answer(Verdict::Warned { reason: Refusal::TxPower, value: Some(12) });
    assert_eq!(bench.outcomes(), [Outcome::AcceptedWithWarning(Refusal::TxPower)]);
    assert_eq!(bench.acks[0].power, Some(1200));
    assert_eq!(bench.sent.len(), 1);
}

#[test]
fn silence_is_unknown_and_a_late_answer_is_only_counted() {
    let mut bench = Bench::connected();
    bench.send_rx1_rx2();
    bench.wait(3 * SECOND - 1);
    assert!(bench.acks.is_empty());
    bench.wait(1);
    assert_eq!(bench.outcomes(), [Outcome::Unknown]);
    bench.answer(Verdict::Accepted);
    assert_eq!((bench.acks.len(), bench.counted(Count::TxAckUnmatched)), (1, 1));
}

#[test]
fn a_version_1_gateway_is_sent_to_and_never_answers() {
    let mut bench = Bench::new(Config::default(), Policy::default());
    bench.receive(HOME, &pull_data::build(Version::V1, DatagramToken([1, 2]), EUI));
    assert_eq!(bench.answers, [[1, 1, 2, 4]]);
    bench.push(10_000_000);
    bench.send_rx1_rx2();
    assert_eq!(bench.sent.len(), 1);
    bench.wait(10 * SECOND);
    assert_eq!(bench.outcomes(), [Outcome::Unknown]);
}

#[test]
fn what_is_past_its_deadline_or_of_another_boot_expires() {
    let mut bench = Bench::connected();
    let stale = Downlink {
        gateway_eui: EUI,
        id: 1,
        boot_epoch: 0,
        deadline: bench.now - 1,
        items: vec![item(When::Immediately, 1400)],
    };
    bench.send_as(stale);
    let old = bench.item(1_000_000);
    bench.now += 120 * SECOND;
    bench.push(5_000_000);
    assert!(matches!(bench.events.last(), Some(GatewayEvent::Rebooted { .. })));
    bench.send(vec![old.clone()]);
    assert_eq!(bench.outcomes(), [Outcome::Expired, Outcome::Expired]);
    assert!(bench.sent.is_empty());
    // What does not hang on the counter is sent all the same.
    bench.send(vec![old, item(When::Immediately, 1400)]);
    assert_eq!(bench.tmsts(), [TxTime::Immediately]);
}

#[test]
fn a_counter_in_the_clear_is_bound_to_its_boot() {
    let mut bench = Bench::connected();
    bench.send(vec![item(When::Tmst(12_000_000), 1400)]);
    assert_eq!(bench.tmsts(), [TxTime::Tmst(12_000_000)]);
    let wrong = Downlink {
        gateway_eui: EUI,
        id: 8,
        boot_epoch: 1,
        deadline: bench.now + SECOND,
        items: vec![item(When::Tmst(12_000_000), 1400)],
    };
    bench.send_as(wrong);
    assert_eq!(bench.outcomes(), [Outcome::Expired]);
}

#[test]
fn an_unknown_or_silent_gateway_is_not_connected() {
    let mut bench = Bench::new(Config::default(), Policy::default());
    bench.send(vec![item(When::Immediately, 1400)]);
    bench.push(1);
    bench.send(vec![item(When::Immediately, 1400)]);
    assert_eq!(bench.outcomes(), [Outcome::NotConnected, Outcome::NotConnected]);
}

#[test]
fn a_full_queue_refuses_like_a_gateway() {
    let config = Config { most_pending: 2, ..Config::default() };
    let mut bench = Bench::new(config, Policy::default());
    bench.pull(HOME);
    for _ in 0..3 {
        bench.send(vec![item(When::Immediately, 1400)]);
    }
    assert_eq!(bench.outcomes(), [Outcome::Refused(Refusal::CollisionPacket)]);
}

#[test]
fn a_new_address_takes_over_after_two_silent_keepalives() {
    let mut bench = Bench::connected();
    bench.wait(10 * SECOND);
    bench.pull(HOME);
    bench.wait(19 * SECOND);
    bench.answers.clear();
    for _ in 0..3 {
        bench.pull(ELSEWHERE);
    }
    let conflict =
        GatewayEvent::AddressConflict { claimed_by: ELSEWHERE.into(), held_by: HOME.into() };
    assert_eq!(bench.events.iter().filter(|event| **event == conflict).count(), 1);
    assert_eq!(bench.counted(Count::AddressConflict), 3);
    assert!(bench.answers.is_empty(), "a claim is not answered");
    bench.wait(SECOND);
    bench.pull(ELSEWHERE);
    let moved = GatewayEvent::AddressChanged { from: HOME.into(), to: ELSEWHERE.into() };
    assert_eq!(bench.events.last(), Some(&moved));
    bench.send(vec![item(When::Immediately, 1400)]);
    assert_eq!(bench.sent[0].0, ELSEWHERE.parse().unwrap());
}

#[test]
fn only_the_gateways_own_host_may_acknowledge() {
    let mut bench = Bench::connected();
    bench.send_rx1_rx2();
    let token = bench.sent[0].1;
    bench.receive(ELSEWHERE, &Verdict::Accepted.build(token, EUI));
    assert_eq!((bench.acks.len(), bench.counted(Count::TxAckStranger)), (0, 1));
    bench.receive("192.0.2.1:7777", &Verdict::Accepted.build(token, EUI));
    assert_eq!(bench.outcomes(), [Outcome::Accepted]);
}

#[test]
fn a_gateway_is_offline_after_90_seconds_and_back_with_its_next_pull() {
    let mut bench = Bench::connected();
    bench.wait(90 * SECOND - 1);
    let is_gone = |event: &GatewayEvent| matches!(event, GatewayEvent::Disconnected { .. });
    assert!(!bench.events.iter().any(is_gone));
    bench.wait(1);
    let gone = GatewayEvent::Disconnected { silent_us: 90 * SECOND };
    assert_eq!(bench.events.last(), Some(&gone));
    bench.pull(ELSEWHERE);
    assert!(matches!(bench.events.last(), Some(GatewayEvent::Connected { protocol: 2, .. })));
}

#[test]
fn a_slow_keepalive_gets_three_of_its_own() {
    let mut bench = Bench::connected();
    for _ in 0..4 {
        bench.wait(60 * SECOND);
        bench.pull(HOME);
    }
    bench.wait(180 * SECOND - 1);
    assert_eq!(bench.counted(Count::Disconnected), 0);
    bench.wait(1);
    assert_eq!(bench.counted(Count::Disconnected), 1);
}

#[test]
fn a_doubled_datagram_is_acknowledged_twice_and_read_once() {
    let mut bench = Bench::connected();
    bench.answers.clear();
    bench.push(20_000_000);
    bench.push(20_000_000);
    assert_eq!(bench.answers, [[2, 3, 4, 1], [2, 3, 4, 1]]);
    assert_eq!((bench.uplinks.len(), bench.counted(Count::Duplicate)), (2, 1));
}

#[test]
fn of_mirror_frames_the_best_snr_is_the_reception() {
    let mut bench = Bench::new(Config::default(), Policy::default());
    let mirror = Rxpk { snr: -800, frequency_hz: 869_900_000, ..rxpk(10_000_008) };
    let other = Rxpk { phy_payload: vec![0x40], ..rxpk(10_000_000) };
    let repeat = rxpk(12_000_000);
    bench.push_all(&[mirror, rxpk(10_000_000), other, repeat]);
    let heard: Vec<_> = bench.uplinks.iter().map(|uplink| (uplink.tmst, uplink.snr)).collect();
    assert_eq!(heard, [(10_000_000, 500), (10_000_000, 500), (12_000_000, 500)]);
    assert_eq!(bench.counted(Count::Mirror), 1);
}

#[test]
fn a_push_data_is_acknowledged_whatever_it_holds() {
    let mut bench = Bench::new(Config::default(), Policy::default());
    let mut datagram = vec![2, 8, 9, 0];
    datagram.extend_from_slice(&EUI.0);
    datagram.extend_from_slice(b"{\"rxpk\":[");
    bench.receive(HOME, &datagram);
    assert_eq!(bench.answers, [[2, 8, 9, 1]]);
    assert!(bench.counters.all().contains(&("packet_errors", "json_truncated", 1)));
    bench.receive(HOME, &datagram[..11]);
    assert_eq!(bench.answers.len(), 1);
    assert!(bench.counters.all().contains(&("packet_errors", "too_short", 1)));
}

#[test]
fn an_unregistered_gateway_is_ignored_where_registration_is_required() {
    let mut bench = Bench::connected();
    bench.answers.clear();
    let policy = Policy { require_registered: true, ..Policy::default() };
    bench.sessions.set_policy(policy.clone());
    bench.pull(HOME);
    bench.push(11_000_000);
    assert!(bench.answers.is_empty());
    assert_eq!(bench.counted(Count::NotRegistered), 2);
    bench.sessions.set_policy(Policy { registered: [EUI].into(), ..policy });
    bench.pull(HOME);
    assert_eq!(bench.answers.len(), 1);
}

#[test]
fn a_flood_of_invented_gateways_is_bounded_and_spares_the_connected() {
    let config = Config { most_gateways: 10, ..Config::default() };
    let mut bench = Bench::new(config, Policy::default());
    bench.pull(HOME);
    for n in 0..1000_u64 {
        let push = PushData::default();
        let datagram = push.build(Version::V2, DatagramToken([0, 0]), GatewayEui(n.to_be_bytes()));
        bench.receive(ELSEWHERE, &datagram);
    }
    assert_eq!(bench.sessions.len(), 10);
    assert_eq!(bench.counted(Count::Forgotten), 991);
    bench.send(vec![item(When::Immediately, 1400)]);
    assert_eq!(bench.sent.len(), 1);
}

#[test]
fn when_the_bridge_stops_everyone_is_told() {
    let mut bench = Bench::connected();
    bench.send_rx1_rx2();
    let mut out = Vec::new();
    bench.sessions.close(bench.now, &mut out);
    bench.sort(out);
    assert_eq!(bench.outcomes(), [Outcome::Unknown]);
    assert!(matches!(bench.events.last(), Some(GatewayEvent::Disconnected { .. })));
}
