//! What a device never does, whatever it is told: send outside its mask, longer than its dwell time,
//! or more than its share of the time.

use super::*;
use crate::random::Random;
use lns_lorawan::mac::{DutyCycleReq, LinkAdrReq, TxParamSetupReq};
use lns_lorawan::{DataRateIndex, Region, TxPowerIndex};

/// Longer uplinks than a dwell time of 400 ms allows there must not be.
const DWELL: TimeDelta = TimeDelta::from_millis(400);

fn any_request(random: &mut Random) -> DownlinkMacCommand {
    let mut draw = |below| u16::try_from(random.below(below)).unwrap();
    DownlinkMacCommand::LinkAdrReq(LinkAdrReq {
        data_rate: DataRateIndex::from_low_bits(u8::try_from(draw(16)).unwrap()),
        tx_power: TxPowerIndex::from_low_bits(u8::try_from(draw(16)).unwrap()),
        ch_mask: draw(0x1_0000),
        ch_mask_cntl: u8::try_from(draw(8)).unwrap(),
        nb_trans: u8::try_from(draw(4)).unwrap(),
    })
}

/// Told anything at all, a device of any region sends on channels that are on, with data rates that
/// they carry, and no more power than its region allows.
#[test]
fn a_device_never_leaves_its_mask() {
    for (seed, region) in (1..).zip(Region::ALL) {
        let mut random = Random::new(seed);
        let mut spec = abp().in_region(region);
        spec.payload = Payload::Empty;
        let mut pair = Pair::new(spec);
        for _ in 0..60 {
            let sent = pair.sends();
            let mac = pair.device.mac();
            let channel = mac.channels.channel(sent.channel).unwrap();
            assert!(mac.channels.enabled().contains(sent.channel), "{region} {sent:?}");
            assert!(channel.rates.contains(sent.data_rate), "{region} {sent:?}");
            assert_eq!(channel.frequency, sent.frequency);
            assert!(sent.power <= mac.plan.max_eirp(mac.revision), "{region}");
            let requests: Vec<_> =
                (0..=random.below(3)).map(|_| any_request(&mut random)).collect();
            pair.answer(Down { mac: &requests, ..Down::default() });
        }
    }
}

#[test]
fn a_device_never_sends_longer_than_its_dwell_time() {
    for region in [Region::As923_1, Region::As923_4, Region::Au915] {
        for data_rate in 0..=5 {
            let mut spec = abp().in_region(region);
            spec.data_rate = DataRateIndex::from_low_bits(data_rate);
            // As long as it can be: payloads that do not fit are left out.
            spec.payload = Payload::Made(std::sync::Arc::new(|n, _| (1, vec![0; n as usize])));
            spec.adr = false;
            let mut pair = Pair::new(spec);
            let mut longest = TimeDelta::ZERO;
            for _ in 0..60 {
                let sent = pair.sends();
                longest = longest.max(sent.ends - sent.starts);
                assert!(sent.ends - sent.starts <= DWELL, "{region} {sent:?}");
            }
            assert!(longest > TimeDelta::ZERO);
        }
    }
}

#[test]
fn dwell_times_and_power_are_set_by_the_network() {
    let mut spec = abp().in_region(Region::As923_1);
    spec.mac_version = MacVersion::V1_0_4;
    spec.data_rate = DR0;
    let mut pair = Pair::new(spec);
    assert_eq!(pair.device.mac().dwell, Dwell { up: true, down: false });
    let request = |up, down| {
        DownlinkMacCommand::TxParamSetupReq(TxParamSetupReq {
            uplink_dwell_time: up,
            downlink_dwell_time: down,
            max_eirp: 2,
        })
    };
    assert_eq!(pair.ask(&[request(false, true)]), [UplinkMacCommand::TxParamSetupAns]);
    assert_eq!(pair.device.mac().dwell, Dwell { up: false, down: true });
    pair.device.mac.data_rate = 0;
    // The answer sticks, and 12 dBm are what is left of 16.
    let (sent, opened) = pair.uplink();
    assert_eq!(answers(&opened), [UplinkMacCommand::TxParamSetupAns]);
    assert_eq!((sent.power, sent.data_rate), (lns_lorawan::Dbm::from_whole(12), 0));
    pair.answer(Down { mac: &[request(true, true)], ..Down::default() });
    assert_eq!(pair.sends().data_rate, 2, "DR0 and DR1 take too long now");
    let mut elsewhere = Pair::new(abp());
    assert_eq!(elsewhere.ask(&[request(true, true)]), [], "EU868 does not know it");
}

/// Over an hour, every sub-band's share is kept.
#[test]
fn a_device_never_sends_more_than_its_share() {
    let mut spec = abp();
    spec.keeps_duty_cycle = true;
    spec.data_rate = DR0;
    spec.interval = TimeDelta::from_secs(1);
    let mut pair = Pair::new(spec);
    let first = pair.sends();
    let mut airtime = first.ends - first.starts;
    let mut last = first.clone();
    while last.starts - first.starts < TimeDelta::from_secs(3600) {
        let sent = pair.sends();
        // 1 % of 868.0 to 868.6 MHz: after a frame, 99 times as long.
        let silence = sent.starts - last.ends;
        assert!(silence >= (last.ends - last.starts).times(99), "{silence}");
        airtime += sent.ends - sent.starts;
        last = sent;
    }
    let span = last.ends - first.starts;
    assert!(airtime.micros() * 100 <= span.micros() + 100 * airtime.micros() / 20);
}

#[test]
fn the_networks_share_counts_over_all_sub_bands() {
    let mut spec = abp();
    spec.interval = TimeDelta::from_secs(1);
    let mut pair = Pair::new(spec);
    let request = DownlinkMacCommand::DutyCycleReq(DutyCycleReq { max_duty_cycle: 8 });
    assert_eq!(pair.ask(&[request]), [UplinkMacCommand::DutyCycleAns]);
    for _ in 0..20 {
        let last = pair.last.clone().unwrap();
        let sent = pair.sends();
        let silence = sent.starts - last.ends;
        assert!(silence >= (last.ends - last.starts).times(255), "{silence}");
    }
}
