use super::history::{History, Sample};
use super::*;
use crate::profile::Profile;
use lns_lorawan::{Db, FCntUp, MacVersion, RegParamsRevision, Region};
use proptest::prelude::*;

fn dr(value: u8) -> DataRateIndex {
    DataRateIndex::new(value).unwrap()
}

fn power(value: u8) -> TxPowerIndex {
    TxPowerIndex::new(value).unwrap()
}

fn times(value: u8) -> NbTrans {
    NbTrans::clamped(value)
}

fn profile(region: Region) -> Profile {
    Profile::new(region, MacVersion::V1_0_3, RegParamsRevision::Rp001_1_0_3A)
}

/// A device at DR0 with full power, its ADR bit on.
const START: Current = Current {
    data_rate: DataRateIndex::DR0,
    tx_power: TxPowerIndex::MAX_POWER,
    nb_trans: NbTrans::ONCE,
    adr: true,
};

/// A device whose frames a test makes.
struct Bench {
    history: History,
    profile: Profile,
    policy: Policy,
    current: Current,
    f_cnt_up: u32,
    adr_ack_req: bool,
}

impl Bench {
    fn new(data_rate: u8, tx_power: u8) -> Self {
        Bench {
            history: History::default(),
            profile: profile(Region::Eu868),
            policy: Policy::default(),
            current: Current { data_rate: dr(data_rate), tx_power: power(tx_power), ..START },
            f_cnt_up: 0,
            adr_ack_req: false,
        }
    }

    fn us915(data_rate: u8) -> Self {
        Bench { profile: profile(Region::Us915), ..Bench::new(data_rate, 0) }
    }

    /// One frame after so many lost ones.
    fn hear_after(&mut self, lost: u32, snr: Option<f64>, data_rate: u8) -> Option<BackedOff> {
        self.f_cnt_up += 1 + lost;
        let sample = Sample {
            f_cnt_up: FCntUp(self.f_cnt_up),
            gateways: 1,
            snr: snr.map(Db::from_f64),
            data_rate: dr(data_rate),
            adr_ack_req: self.adr_ack_req,
            adr: self.current.adr,
        };
        let backed_off = self.history.record(&sample, &self.current, 32);
        self.current.data_rate = sample.data_rate;
        if backed_off.is_some() {
            self.current.tx_power = TxPowerIndex::MAX_POWER;
        }
        backed_off
    }

    fn hear(&mut self, count: u32, snr: f64) -> &mut Self {
        for _ in 0..count {
            self.hear_after(0, Some(snr), self.current.data_rate.value());
        }
        self
    }

    fn limits(&self) -> Limits {
        Limits::new(&self.profile, &self.policy, self.history.refused)
    }

    fn decide(&self) -> (Target, Why) {
        decide(&self.history, &self.limits(), &self.policy, self.current)
    }

    /// Data rate, power and NbTrans to be, and the decision.
    fn told(&self) -> (u8, u8, u8, Decision) {
        let (target, why) = self.decide();
        let Target { data_rate, tx_power, nb_trans } = target;
        (data_rate.value(), tx_power.value(), nb_trans.value(), why.decision)
    }

    /// The device does what it is told.
    fn obey(&mut self) -> bool {
        let (target, _) = self.decide();
        let Target { data_rate, tx_power, nb_trans } = target;
        let before = self.current;
        self.current = Current { data_rate, tx_power, nb_trans, ..before };
        self.current != before
    }
}

#[test]
fn margin_goes_first_to_the_data_rate_then_to_power_by_steps_of_three_decibels() {
    // DR0 needs −20 dB and the installation 10 dB, so −10 dB is just enough.
    let cases = [
        // Data rate, power, frames, SNR; then data rate and power to be.
        ((0, 0, 20, -13.0), (0, 0, Decision::Keep)),
        ((0, 0, 20, -7.1), (0, 0, Decision::Keep)),
        ((0, 0, 1, -7.0), (1, 0, Decision::Faster)),
        ((0, 0, 1, 2.0), (4, 0, Decision::Faster)),
        ((0, 0, 20, 5.0), (5, 0, Decision::Faster)),
        ((0, 0, 20, 9.0), (5, 1, Decision::Faster)),
        ((0, 0, 19, 9.0), (5, 0, Decision::Faster)),
        ((5, 0, 19, 9.0), (5, 0, Decision::Waiting)),
        ((5, 0, 20, 9.0), (5, 2, Decision::LessPower)),
        ((5, 0, 20, 40.0), (5, 7, Decision::LessPower)),
        ((5, 7, 20, 40.0), (5, 7, Decision::Keep)),
        ((5, 4, 20, -0.4), (5, 4, Decision::Keep)),
        ((5, 4, 20, -0.5), (5, 3, Decision::MorePower)),
        ((5, 4, 19, -0.5), (5, 4, Decision::Waiting)),
        ((5, 4, 20, -7.0), (5, 1, Decision::MorePower)),
        ((5, 0, 20, -7.0), (5, 0, Decision::Keep)),
    ];
    for ((data_rate, tx_power, frames, snr), (faster, weaker, decision)) in cases {
        let mut bench = Bench::new(data_rate, tx_power);
        bench.hear(frames, snr);
        let told = bench.told();
        let case = (data_rate, tx_power, frames, snr);
        assert_eq!(told, (faster, weaker, 1, decision), "{case:?}");
    }
}

#[test]
fn the_reasons_can_be_read() {
    let mut bench = Bench::new(3, 2);
    bench.hear(5, -4.25);
    bench.hear_after(2, Some(-6.0), 3);
    let (target, why) = bench.decide();
    assert_eq!(why.samples, 6);
    assert_eq!(why.best_snr, Some(Db::from_f64(-4.25)));
    assert_eq!(why.margin, Some(Db::from_f64(-4.25 + 12.5 - 10.0)));
    assert_eq!(why.lost, (2, 8));
    assert_eq!((why.decision, why.target), (Decision::Keep, target));
}

#[test]
fn a_device_that_does_not_ask_for_it_keeps_its_data_rate_and_power() {
    let mut bench = Bench::new(2, 3);
    bench.current.adr = false;
    bench.hear(20, 20.0);
    bench.policy.nb_trans = (times(2), times(3));
    assert_eq!(bench.told(), (2, 3, 1, Decision::AdrBitOff));
}

#[test]
fn off_leaves_all_to_the_device_and_static_tells_it_once() {
    let mut bench = Bench::new(2, 3);
    bench.hear(20, 20.0);
    bench.policy.mode = Mode::Off;
    assert_eq!(bench.told(), (2, 3, 1, Decision::Off));
    let wanted = Target { data_rate: dr(4), tx_power: power(1), nb_trans: times(2) };
    bench.policy.mode = Mode::Static(wanted);
    assert_eq!(bench.told(), (4, 1, 2, Decision::Static));
    bench.history.refused.add((Some(dr(4)), None));
    assert_eq!(bench.told(), (2, 1, 2, Decision::Static), "it has said that it cannot");
    bench.history.refused.add((None, Some(power(1))));
    assert_eq!(bench.told(), (2, 3, 2, Decision::Static));
}

#[test]
fn profiles_bound_data_rate_power_and_repetitions() {
    let mut bench = Bench::new(0, 0);
    bench.policy.data_rates = (None, Some(dr(3)));
    bench.policy.tx_powers = (Some(power(1)), Some(power(2)));
    bench.hear(20, 20.0);
    assert_eq!(bench.told(), (3, 2, 1, Decision::Faster));

    bench.policy.data_rates = (Some(dr(2)), Some(dr(15)));
    let mut weak = Bench { policy: bench.policy.clone(), ..Bench::new(0, 0) };
    weak.hear(1, -15.0);
    assert_eq!(weak.told(), (2, 1, 1, Decision::Limit), "it is drawn in from below");
    let mut fast = Bench { policy: bench.policy.clone(), ..Bench::new(5, 0) };
    fast.policy.data_rates = (None, Some(dr(4)));
    fast.hear(1, -15.0);
    assert_eq!(fast.told(), (4, 1, 1, Decision::Limit), "and from above");

    let mut all = Bench::new(0, 0);
    all.policy.data_rates = (Some(dr(0)), Some(dr(15)));
    all.policy.tx_powers = (Some(power(0)), Some(power(15)));
    all.hear(20, 60.0);
    assert_eq!(all.told(), (5, 7, 1, Decision::Faster), "the region's are the outer bounds");
}

#[test]
fn an_old_device_is_not_asked_for_a_power_that_its_edition_does_not_have() {
    let cases = [
        (Region::Eu868, RegParamsRevision::Rp001_1_0_2A, 5),
        (Region::Eu868, RegParamsRevision::Rp001_1_0_2B, 7),
        (Region::Us915, RegParamsRevision::Rp001_1_0_2B, 10),
        (Region::Us915, RegParamsRevision::Rp001_1_0_3A, 14),
    ];
    for (region, revision, most) in cases {
        let mut bench = Bench::new(0, 0);
        bench.profile = Profile::new(region, MacVersion::V1_0_2, revision);
        bench.hear(20, 90.0);
        assert_eq!(bench.told().1, most, "{region} {revision}");
    }
}

#[test]
fn what_was_refused_is_not_asked_for_again() {
    let mut bench = Bench::new(3, 0);
    bench.hear(20, 20.0);
    assert_eq!(bench.told(), (5, 5, 1, Decision::Faster));
    bench.history.refused.add((Some(dr(5)), None));
    assert_eq!(bench.told(), (4, 6, 1, Decision::Faster));
    bench.history.refused.add((None, Some(power(6))));
    assert_eq!(bench.told(), (4, 7, 1, Decision::Faster), "the next one is another question");
    bench.history.refused.add((None, Some(power(7))));
    assert_eq!(bench.told(), (4, 5, 1, Decision::Faster));
}

#[test]
fn every_lora_data_rate_of_a_region_has_its_floor_and_the_others_have_none() {
    let bench = Bench::new(0, 0);
    let floor = |index| bench.limits().floor(dr(index));
    let eu = [-2000, -1750, -1500, -1250, -1000, -750, -750 + 301];
    for (index, snr) in (0..).zip(eu) {
        assert_eq!(floor(index), Some(snr), "DR{index}");
    }
    assert_eq!((floor(7), floor(8), floor(11)), (None, None, None), "FSK and LR-FHSS");
    assert_eq!((floor(12), floor(13)), (Some(-500), Some(-250)), "SF6 and SF5");
    let us = Bench::us915(0);
    assert_eq!(us.limits().floor(dr(4)), Some(-1000 + 602), "SF8 in 500 kHz");
}

#[test]
fn a_device_at_a_rate_without_snr_is_left_alone() {
    let mut bench = Bench::new(7, 2);
    for _ in 0..20 {
        bench.hear_after(0, None, 7);
    }
    assert_eq!(bench.told(), (7, 2, 1, Decision::NoSnr));
    assert_eq!(Bench::new(0, 0).told(), (0, 0, 1, Decision::NoSamples));
}

#[test]
fn samples_outlive_a_change_of_bandwidth_and_power() {
    let mut bench = Bench::us915(4);
    bench.hear(20, 4.0);
    bench.current.data_rate = dr(3);
    bench.hear(1, 10.0);
    let (_, why) = bench.decide();
    assert_eq!(why.best_snr, Some(Db::from_f64(10.02)), "6.02 dB less noise in 125 kHz");

    let mut bench = Bench::new(5, 0);
    bench.hear(20, 12.0);
    assert!(bench.obey());
    assert_eq!(bench.current.tx_power, power(3));
    let (_, why) = bench.decide();
    assert_eq!(why.best_snr, Some(Db::from_f64(6.0)), "three steps of 2 dB less");
    assert_eq!(why.margin, Some(Db::from_f64(3.5)));
    assert!(!bench.obey(), "and twenty frames at this power before it is judged");
}

#[test]
fn the_frame_that_confirms_a_change_counts_as_the_first_after_it() {
    let mut bench = Bench::new(5, 0);
    bench.hear(20, 12.0);
    assert!(bench.obey());
    // The device changed when it heard us: this frame carries the answer and the new power.
    bench.hear(1, 6.0);
    let newest = bench.history.frames().next().unwrap();
    assert_eq!(newest, (Some(Db::from_f64(6.0)), 1, dr(5), power(3)));
    bench.hear(18, 6.0);
    assert!(!bench.history.is_full(bench.current), "nineteen frames at this power");
    bench.hear(1, 6.0);
    assert!(bench.history.is_full(bench.current));
}

#[test]
fn a_device_that_slowed_itself_down_is_heard_for_a_while_before_it_is_hurried() {
    let mut bench = Bench::new(5, 3);
    bench.hear(20, 10.0);
    assert_eq!(bench.hear_after(0, Some(10.0), 4), Some(BackedOff::DataRate));
    assert_eq!(bench.current.tx_power, power(0), "power goes up before the data rate goes down");
    assert_eq!(bench.told(), (4, 0, 1, Decision::BackedOff));
    bench.hear(18, 10.0);
    assert_eq!(bench.told().3, Decision::BackedOff);
    bench.hear(1, 10.0);
    assert_eq!(bench.told().0, 5, "{:?}", bench.told());
}

#[test]
fn a_device_that_asked_in_vain_has_full_power() {
    let mut bench = Bench::new(5, 4);
    bench.hear(20, 0.0);
    bench.adr_ack_req = true;
    for _ in 0..30 {
        assert_eq!(bench.hear_after(0, Some(0.0), 5), None);
    }
    assert_eq!(bench.hear_after(1, Some(8.0), 5), Some(BackedOff::Power), "a lost one counts");
    let newest = bench.history.frames().next().unwrap();
    assert_eq!((newest.2, newest.3), (dr(5), power(0)));

    let mut slow = Bench::new(0, 0);
    slow.hear(5, -15.0);
    slow.adr_ack_req = true;
    assert_eq!(slow.hear_after(62, Some(-15.0), 0), None);
    assert_eq!(slow.hear_after(0, Some(-15.0), 0), Some(BackedOff::Everything));
}

#[test]
fn a_device_that_chooses_for_itself_does_not_back_off() {
    let mut bench = Bench::new(5, 0);
    bench.current.adr = false;
    bench.hear(10, 5.0);
    assert_eq!(bench.hear_after(0, Some(5.0), 2), None);
    assert_eq!(bench.history.len(), 11);
}

#[test]
fn loss_raises_nb_trans_and_its_absence_lowers_it() {
    let rows = [
        // Lost of the frames to come; NbTrans before and after.
        (0, [1, 1, 2]),
        (1, [1, 1, 2]),
        (2, [1, 2, 3]),
        (3, [2, 3, 3]),
        (8, [2, 3, 3]),
        (9, [3, 3, 3]),
        (19, [3, 3, 3]),
    ];
    for (lost, after) in rows {
        for (before, after) in (1..=3).zip(after) {
            let mut bench = Bench::new(5, 0);
            bench.current.nb_trans = times(before);
            // Long without loss, so that it may fall, then the frames that count.
            bench.hear(100, -1.0);
            bench.hear_after(lost, Some(-1.0), 5);
            bench.hear(18, -1.0);
            assert_eq!(bench.told().2, after, "{lost} lost, NbTrans {before}");
        }
    }
}

#[test]
fn the_target_of_the_profile_moves_the_rows() {
    let mut bench = Bench::new(5, 0);
    bench.hear(10, -1.0);
    bench.hear_after(3, Some(-1.0), 5);
    bench.hear(10, -1.0);
    for (target_per, nb_trans) in [(1, 3), (5, 2), (10, 2), (30, 1)] {
        bench.policy.target_per = target_per;
        assert_eq!(bench.told().2, nb_trans, "{target_per} %");
    }
    bench.policy.target_per = 1;
    bench.policy.nb_trans = (times(1), times(2));
    assert_eq!(bench.told().2, 2, "within the profile's bounds");
}

#[test]
fn loss_is_judged_only_by_frames_at_this_nb_trans() {
    let mut bench = Bench::new(5, 0);
    bench.hear(10, -1.0);
    bench.hear_after(5, Some(-1.0), 5);
    bench.hear(10, -1.0);
    assert!(bench.obey());
    assert_eq!(bench.current.nb_trans, times(2));
    bench.hear(19, -1.0);
    assert_eq!(bench.told().2, 2, "the loss was at NbTrans 1");
    bench.hear(1, -1.0);
    assert_eq!(bench.told().2, 2, "it has risen once: it falls after twice the time");
    bench.hear(20, -1.0);
    assert_eq!(bench.told().2, 1);
}

#[test]
fn an_outage_is_no_loss() {
    let mut bench = Bench::new(5, 0);
    bench.hear(20, -1.0);
    bench.hear_after(400, Some(-1.0), 5);
    bench.hear(40, -1.0);
    assert_eq!((bench.history.lost(), bench.told().2), ((0, 20), 1));
}

#[test]
fn several_gateways_may_have_to_hear_a_device() {
    let mut bench = Bench::new(5, 3);
    bench.policy.min_gateways = 2;
    for _ in 0..20 {
        bench.hear_after(0, None, 5);
    }
    assert_eq!(bench.told(), (5, 2, 1, Decision::MorePower), "one gateway is not two");
    bench.history.improve(Some(Db::from_whole(10)), 2);
    let newest = bench.history.frames().next().unwrap();
    assert_eq!(newest, (None, 2, dr(5), power(3)));
}

#[test]
fn a_late_copy_improves_the_newest_frame() {
    let mut bench = Bench::new(0, 0);
    bench.history.improve(Some(Db::from_whole(9)), 1);
    assert!(bench.history.is_empty(), "there is nothing to improve");
    bench.hear(2, -5.0);
    bench.history.improve(Some(Db::from_whole(2)), 1);
    bench.history.improve(Some(Db::from_whole(-9)), 1);
    let frames: Vec<_> =
        bench.history.frames().map(|(snr, gateways, ..)| (snr, gateways)).collect();
    let snr = |whole| Some(Db::from_whole(whole));
    assert_eq!(frames, [(snr(2), 3), (snr(-5), 1)]);
}

#[test]
fn a_history_is_small() {
    assert!(size_of::<History>() <= 128, "{}", size_of::<History>());
}

/// Random numbers of a seed (xorshift).
struct Dice(u64);

impl Dice {
    fn draw(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// 0 to 1.
    fn even(&mut self) -> f64 {
        (self.draw() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// About normal, with this deviation: the sum of twelve even draws.
    fn normal(&mut self, deviation: f64) -> f64 {
        let sum: f64 = (0..12).map(|_| self.even()).sum();
        (sum - 6.0) * deviation
    }
}

/// A link with fading between a device that obeys and a gateway.
struct Air {
    dice: Dice,
    /// Mean SNR at full power in 125 kHz, dB.
    mean: f64,
    fading: f64,
    /// Share of transmissions that collide.
    collisions: f64,
    /// Downlinks with LinkADRReq that are lost.
    deaf: f64,
}

impl Air {
    /// One frame, sent as often as the device repeats; whether the device was told something new.
    fn frame(&mut self, bench: &mut Bench) -> bool {
        let Current { data_rate, tx_power, nb_trans, .. } = bench.current;
        let limits = bench.limits();
        let needed = f64::from(limits.floor(data_rate).unwrap()) / 100.0;
        let below = f64::from(limits.below_full(tx_power)) / 100.0;
        let heard = (0..nb_trans.value()).find_map(|_| {
            let snr = self.mean - below + self.dice.normal(self.fading);
            (snr >= needed && self.dice.even() >= self.collisions).then_some(snr)
        });
        let Some(snr) = heard else {
            bench.f_cnt_up += 1;
            return false;
        };
        bench.hear_after(0, Some(snr), data_rate.value());
        self.dice.even() >= self.deaf && bench.obey()
    }

    fn frames(&mut self, bench: &mut Bench, count: u32) -> usize {
        (0..count).filter(|_| self.frame(bench)).count()
    }
}

fn margin_at(bench: &Bench, mean: f64, data_rate: u8) -> f64 {
    mean - f64::from(bench.limits().floor(dr(data_rate)).unwrap()) / 100.0 - 10.0
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_device_finds_the_fastest_data_rate_with_margin_and_stays(
        seed in 1u64..,
        mean in -20.0f64..30.0,
        fading in 0.0f64..4.0,
    ) {
        let mut bench = Bench::new(0, 0);
        let mut air = Air { dice: Dice(seed), mean, fading, collisions: 0.0, deaf: 0.3 };
        air.frames(&mut bench, 400);
        let reached = bench.current.data_rate.value();

        // The history shows the best of twenty frames, some two deviations above the mean.
        let best = mean + 2.0 * fading;
        if reached < 5 {
            let next = margin_at(&bench, best, reached + 1);
            prop_assert!(next < 1.0 + fading, "DR{reached} although DR{} has {next} dB", reached + 1);
        }
        if reached > 0 {
            let here = margin_at(&bench, mean + 5.0 * fading, reached);
            prop_assert!(here >= 0.0, "DR{reached} with {here} dB");
        }
        let mut changes = [0; 3];
        for _ in 0..2_000 {
            let before = bench.current;
            air.frame(&mut bench);
            changes[0] += u8::from(bench.current.data_rate != before.data_rate);
            changes[1] += u8::from(bench.current.tx_power != before.tx_power);
            changes[2] += u8::from(bench.current.nb_trans != before.nb_trans);
        }
        let [data_rate, tx_power, nb_trans] = changes;
        // Fading of 4 dB makes the best of twenty frames wander by more than a step has hysteresis.
        let bounds = data_rate <= 4 && tx_power <= 20 && nb_trans <= 25;
        prop_assert!(bounds, "{changes:?} changes in 2,000 frames");
        prop_assert!(bench.current.data_rate.value() >= reached, "it never slows a device down");
    }

    #[test]
    fn without_fading_nothing_changes_any_more(seed in 1u64.., mean in -20.0f64..60.0) {
        let mut bench = Bench::new(0, 0);
        let mut air = Air { dice: Dice(seed), mean, fading: 0.0, collisions: 0.0, deaf: 0.0 };
        air.frames(&mut bench, 100);
        prop_assert_eq!(air.frames(&mut bench, 1_000), 0);
    }

    #[test]
    fn collisions_raise_nb_trans_and_a_quiet_air_lowers_it(seed in 1u64..) {
        let mut bench = Bench::new(5, 0);
        let mut air = Air { dice: Dice(seed), mean: 3.0, fading: 0.0, collisions: 0.5, deaf: 0.2 };
        air.frames(&mut bench, 300);
        prop_assert!(bench.current.nb_trans > NbTrans::ONCE);
        air.collisions = 0.0;
        air.frames(&mut bench, 500);
        prop_assert_eq!(bench.current.nb_trans, NbTrans::ONCE);
    }

    #[test]
    fn a_steady_loss_does_not_swing_nb_trans(seed in 1u64.., collisions in 0.0f64..0.4) {
        let mut bench = Bench::new(5, 0);
        let mut air = Air { dice: Dice(seed), mean: 3.0, fading: 0.0, collisions, deaf: 0.0 };
        air.frames(&mut bench, 500);
        let changes = air.frames(&mut bench, 2_000);
        prop_assert!(changes <= 25, "{changes} changes in 2,000 frames");
    }
}
