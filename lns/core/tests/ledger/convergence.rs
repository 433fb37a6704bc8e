//! Under random loss, changes of mind and crashes, what the server believes is what the device does,
//! or it knows that it does not know; and every conversation comes to an end.

use lns_core::adr::{NbTrans, Target};
use lns_core::env::ExtraChannel;
use lns_core::session::AdrAck;
use lns_lorawan::{DataRateIndex, Frequency, MacVersion, Region, RxDelay, TxPowerIndex};
use proptest::prelude::*;

use crate::talk::*;

#[derive(Clone, Debug)]
enum Act {
    Exchange(Air),
    Crash,
    RxDelay(u8),
    RxParams {
        offset: u8,
        rx2_data_rate: u8,
        rx2_hz: Option<u32>,
    },
    DutyCycle(u8),
    AdrAck(u8, u8),
    PingSlot(Option<u32>),
    Beacon(Option<u32>),
    Channels(Vec<(u8, Option<u32>)>),
    SubBand(u8),
    Target(u8, u8, u8),
    AdrBit(bool),
    /// The device falls back by itself to what the standard has for a device in doubt.
    BackOff,
}

fn air() -> impl Strategy<Value = Air> {
    let lost = prop::bool::weighted(0.3);
    (lost, lost, prop::bool::weighted(0.1)).prop_map(|(up_lost, down_lost, not_sent)| Air {
        up_lost,
        down_lost,
        not_sent,
    })
}

fn hz() -> impl Strategy<Value = Option<u32>> {
    prop::option::of((0..15u32).prop_map(|n| 867_000_000 + n * 100_000))
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        30 => air().prop_map(Act::Exchange),
        1 => Just(Act::Crash),
        1 => (1..16u8).prop_map(Act::RxDelay),
        1 => (0..6u8, 0..6u8, hz()).prop_map(|(offset, rx2_data_rate, rx2_hz)| {
            Act::RxParams { offset, rx2_data_rate, rx2_hz }
        }),
        1 => (0..16u8).prop_map(Act::DutyCycle),
        1 => (0..16u8, 0..16u8).prop_map(|(limit, delay)| Act::AdrAck(limit, delay)),
        1 => hz().prop_map(Act::PingSlot),
        1 => hz().prop_map(Act::Beacon),
        2 => prop::collection::vec((0..9u8, hz()), 0..9).prop_map(Act::Channels),
        1 => (1..9u8).prop_map(Act::SubBand),
        2 => (0..6u8, 0..8u8, 1..4u8).prop_map(|(dr, power, nb)| Act::Target(dr, power, nb)),
        1 => any::<bool>().prop_map(Act::AdrBit),
        1 => Just(Act::BackOff),
    ]
}

fn version() -> impl Strategy<Value = MacVersion> {
    prop::sample::select(vec![
        MacVersion::V1_0_2,
        MacVersion::V1_0_3,
        MacVersion::V1_0_4,
        MacVersion::V1_1_0,
    ])
}

fn do_it(talk: &mut Talk, act: &Act) {
    let us915 = talk.model.make.us915;
    let frequency = |hz: Option<u32>| hz.map(Frequency::from_hz);
    match act {
        Act::Exchange(air) => {
            talk.exchange(*air);
            talk.assert_true();
        }
        Act::Crash => talk.crash(),
        Act::RxDelay(seconds) => talk.describe(|p| p.rx_delay = RxDelay::new(*seconds)),
        Act::RxParams { offset, rx2_data_rate, rx2_hz } if !us915 => talk.describe(|p| {
            p.rx1_dr_offset = *offset;
            p.rx2_data_rate = DataRateIndex::new(*rx2_data_rate);
            p.rx2_frequency = frequency(*rx2_hz);
        }),
        Act::DutyCycle(limit) => talk.describe(|p| p.max_duty_cycle = *limit),
        Act::AdrAck(limit_exp, delay_exp) => talk.describe(|p| {
            p.adr_ack = Some(AdrAck { limit_exp: *limit_exp, delay_exp: *delay_exp });
        }),
        Act::PingSlot(hz) => talk.describe(|p| p.ping_slot_frequency = frequency(*hz)),
        Act::Beacon(hz) => talk.describe(|p| p.beacon_frequency = frequency(*hz)),
        Act::Channels(channels) => {
            let extra = channels.iter().map(|(n, rx1)| ExtraChannel {
                rx1_frequency: frequency(*rx1),
                ..Frequency::from_hz(867_100_000 + u32::from(*n) * 200_000).into()
            });
            let mut extra: Vec<ExtraChannel> = extra.collect();
            extra.sort_by_key(|channel| channel.frequency);
            extra.dedup_by_key(|channel| channel.frequency);
            talk.bench.network.extra_channels = extra;
        }
        Act::SubBand(number) => talk.bench.network.sub_band = Some(*number),
        Act::Target(data_rate, tx_power, nb_trans) => {
            let most = if us915 { 3 } else { 5 };
            talk.tell(Target {
                data_rate: DataRateIndex::new((*data_rate).min(most)).unwrap(),
                tx_power: TxPowerIndex::new(*tx_power).unwrap(),
                nb_trans: NbTrans::clamped(*nb_trans),
            });
        }
        Act::AdrBit(on) => talk.model.adr = *on,
        Act::BackOff if talk.model.adr && talk.model.data_rate > 0 => {
            talk.model.tx_power = 0;
            talk.model.data_rate -= 1;
            if talk.model.data_rate == 0 {
                talk.model.nb_trans = 1;
                if !us915 {
                    talk.model.enabled.extend(0..3);
                }
            }
            talk.exchange(CLEAR);
        }
        Act::BackOff | Act::RxParams { .. } => {}
    }
}

/// The longest pause is 1,024 uplinks.
const LONG: usize = 2_500;

fn converges(region: Region, version: MacVersion, acts: &[Act]) {
    let mut talk = Talk::with(region, version, |profile| profile.supports_class_b = true);
    talk.bench.network.sub_band = Some(2);
    acts.iter().for_each(|act| do_it(&mut talk, act));
    // An answer that is still repeated keeps the next value waiting for an uplink.
    let (mut uplinks, mut quiet) = (0, 0);
    while uplinks < LONG && quiet < 3 {
        let silent = talk.exchange(CLEAR).is_empty() && talk.is_quiet();
        quiet = if silent { quiet + 1 } else { 0 };
        uplinks += 1;
    }
    talk.assert_true();
    assert!(talk.is_quiet(), "{:?}", talk.mac().ledger);
    assert_eq!(talk.exchanges(20), vec![Vec::<u8>::new(); 20], "a conversation without end");
    talk.assert_true();
    assert_wishes(&talk);
}

/// All wishes are fulfilled: nothing was refused.
fn assert_wishes(talk: &Talk) {
    let (profile, model) = (&talk.bench.device.about.profile, &talk.model);
    assert_eq!(model.max_duty_cycle, profile.max_duty_cycle);
    assert_eq!(model.rx1_dr_offset, profile.rx1_dr_offset);
    if let Some(delay) = profile.rx_delay {
        assert_eq!(model.rx_delay, delay.seconds());
    }
    if let Some(target) = talk.mac().target.filter(|_| model.adr) {
        let asked = (target.data_rate.value(), target.tx_power.value(), target.nb_trans.value());
        assert_eq!((model.data_rate, model.tx_power, model.nb_trans), asked);
    }
    if model.make.us915 {
        let sub_band = talk.bench.network.sub_band.unwrap() - 1;
        assert!(model.enabled.iter().all(|at| *at / 8 == sub_band || *at == 64 + sub_band));
    }
    for wanted in talk.bench.network.extra_channels.iter().filter(|_| !model.make.us915) {
        let has = model.channels.iter().flatten().find(|has| has.hz == wanted.frequency.hz());
        let rx1 = wanted.rx1_frequency.unwrap_or(wanted.frequency).hz();
        assert_eq!(has.map(|has| has.rx1_hz), Some(rx1), "{wanted:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn in_a_dynamic_plan(version in version(), acts in prop::collection::vec(act(), 1..150)) {
        converges(Region::Eu868, version, &acts);
    }

    #[test]
    fn in_a_fixed_plan(version in version(), acts in prop::collection::vec(act(), 1..150)) {
        converges(Region::Us915, version, &acts);
    }
}
