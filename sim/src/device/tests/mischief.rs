//! Bad habits, one by one.

use super::*;
use lns_lorawan::mac::{DutyCycleReq, LinkAdrAns, LinkAdrReq, RxTimingSetupReq};
use lns_lorawan::{DataRateIndex, TxPowerIndex};

fn with(mischief: Mischief) -> Pair {
    let mut spec = abp();
    spec.mischief = mischief;
    Pair::new(spec)
}

fn link_adr() -> DownlinkMacCommand {
    DownlinkMacCommand::LinkAdrReq(LinkAdrReq {
        data_rate: DataRateIndex::from_low_bits(3),
        tx_power: TxPowerIndex::from_low_bits(1),
        ch_mask: 0b111,
        ch_mask_cntl: 0,
        nb_trans: 1,
    })
}

#[test]
fn each_part_of_a_link_adr_request_can_be_refused() {
    let none = Refusals::default();
    let table = [
        (Refusals { channel_mask: true, ..none }, (false, true, true)),
        (Refusals { data_rate: true, ..none }, (true, false, true)),
        (Refusals { power: true, ..none }, (true, true, false)),
    ];
    for (refuse, (channel_mask_ack, data_rate_ack, power_ack)) in table {
        let mut pair = with(Mischief { refuse, ..Mischief::default() });
        let answer = LinkAdrAns { channel_mask_ack, data_rate_ack, power_ack };
        assert_eq!(pair.ask(&[link_adr()]), [UplinkMacCommand::LinkAdrAns(answer)]);
        assert_eq!(pair.device.mac().data_rate, 5);
    }
}

#[test]
fn a_mute_device_obeys_and_says_nothing() {
    let mut pair = with(Mischief { mute: vec![0x04], ..Mischief::default() });
    let duty_cycle = DownlinkMacCommand::DutyCycleReq(DutyCycleReq { max_duty_cycle: 1 });
    assert_eq!(pair.ask(&[duty_cycle]), []);
    assert_eq!(pair.device.mac().max_duty_cycle, 1);
}

#[test]
fn answers_come_twice() {
    let mut pair = with(Mischief { answers_twice: true, ..Mischief::default() });
    assert_eq!(pair.ask(&[link_adr()]).len(), 2);
}

#[test]
fn sticky_answers_can_stick_for_ever() {
    let mut pair = with(Mischief { sticky_for_ever: true, ..Mischief::default() });
    let rx_delay = RxDelay::new(2).unwrap();
    let timing = DownlinkMacCommand::RxTimingSetupReq(RxTimingSetupReq { rx_delay });
    pair.ask(&[timing]);
    for _ in 0..3 {
        pair.answer(Down::default());
        assert_eq!(answers(&pair.uplink().1), [UplinkMacCommand::RxTimingSetupAns]);
    }
}

#[test]
fn an_unknown_command_can_come_first() {
    let mut pair = with(Mischief { unknown_cid_every: Some(2), ..Mischief::default() });
    let first: Vec<_> = (0..4).map(|_| pair.uplink().1.f_opts.first().copied()).collect();
    assert_eq!(first, [None, Some(0x7f), None, Some(0x7f)]);
}

#[test]
fn proprietary_frames_are_sent_in_between() {
    let mut pair = with(Mischief { proprietary_every: Some(2), ..Mischief::default() });
    let kinds: Vec<_> = (0..4).map(|_| pair.sends()).collect();
    let is_proprietary = |sent: &Transmission| {
        let parsed = PhyPayload::parse(&sent.phy_payload);
        assert_eq!(matches!(parsed, Ok(Frame::Proprietary(_))), sent.sent == Sent::Proprietary);
        sent.sent == Sent::Proprietary
    };
    let seen: Vec<bool> = kinds.iter().map(is_proprietary).collect();
    assert_eq!(seen, [false, true, false, true]);
}

#[test]
fn frames_can_leave_the_mask() {
    let mut pair = with(Mischief { off_mask_every: Some(3), ..Mischief::default() });
    pair.device.mac.channels.enable([0u8].into_iter().collect());
    let off: Vec<bool> = (0..6).map(|_| pair.sends().channel != 0).collect();
    assert_eq!(off, [false, false, true, false, false, true]);
}

#[test]
fn few_nonces_come_again() {
    let mut spec = otaa();
    spec.mischief.few_dev_nonces = Some(3);
    let mut pair = Pair::new(spec);
    let nonces: std::collections::BTreeSet<u16> = (0..20)
        .map(|_| match pair.sends().sent {
            Sent::JoinRequest { dev_nonce } => dev_nonce.0,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(nonces, [0, 1, 2].into());
}

#[test]
fn a_rebooting_device_forgets_what_it_was_told() {
    let mut pair = with(Mischief { reboot_every: Some(4), ..Mischief::default() });
    pair.ask(&[link_adr()]);
    assert_eq!(pair.device.mac().data_rate, 3);
    pair.sends();
    pair.sends();
    let (_, opened) = pair.uplink();
    assert_eq!((opened.f_cnt_up.0, pair.device.mac().data_rate), (0, 5));
    assert_eq!(pair.device.tally().reboots, 1);
    let counters: Vec<u32> = (0..5).map(|_| pair.uplink().1.f_cnt_up.0).collect();
    assert_eq!(counters, [1, 2, 3, 0, 1]);
}

#[test]
fn a_rebooting_device_joins_again_if_it_can() {
    let mut pair = Pair::new(otaa());
    let Sent::JoinRequest { dev_nonce } = pair.sends().sent else { panic!() };
    let (accept, keys) = join_accept(dev_nonce, None);
    assert!(matches!(pair.device.hear(&pair.on_air(Window::Rx1, accept)), Heard::Received(_)));
    pair.keys = keys;
    let ends = pair.uplink().0.ends;
    pair.device.reboot(ends);
    assert!(pair.device.session().is_none());
    assert!(matches!(pair.sends().sent, Sent::JoinRequest { .. }));
}

#[test]
fn a_slow_clock_opens_its_windows_late() {
    let mut pair = with(Mischief { drift_ppm: 1000, ..Mischief::default() });
    let sent = pair.sends();
    let [rx1, rx2] = pair.device.windows() else { panic!() };
    assert_eq!((rx1.nominal - sent.ends).micros(), 1_001_000);
    assert_eq!((rx2.nominal - sent.ends).micros(), 2_002_000);
}
