//! CN470 since RP002: the channel of the Join-Request chooses the plan.
//!
//! There are four plans and one name. A device may join on any of twenty channels, and the one that
//! it used tells where it listens for the Join-Accept and which 64 or 48 channels it has afterwards.
//! A server that takes the plan from a profile answers on frequencies at which nobody listens.

use lns_lorawan::region::{Cn470JoinChannel, Cn470Plan};
use lns_lorawan::{RegParamsRevision, Region};

use super::{dr, mhz};

const REVISION: RegParamsRevision = RegParamsRevision::Rp002_1_0_5;

/// Join frequency, plan, RX1 and RX2 of the Join-Accept.
const ROWS: [(&str, Cn470Plan, &str, &str); 20] = [
    ("470.9", Cn470Plan::Mhz20A, "484.5", "485.3"),
    ("472.5", Cn470Plan::Mhz20A, "486.1", "486.9"),
    ("474.1", Cn470Plan::Mhz20A, "487.7", "488.5"),
    ("475.7", Cn470Plan::Mhz20A, "489.3", "490.1"),
    ("504.1", Cn470Plan::Mhz20A, "490.9", "491.7"),
    ("505.7", Cn470Plan::Mhz20A, "492.5", "493.3"),
    ("507.3", Cn470Plan::Mhz20A, "494.1", "494.9"),
    ("508.9", Cn470Plan::Mhz20A, "495.7", "496.5"),
    ("479.9", Cn470Plan::Mhz20B, "479.9", "478.3"),
    ("499.9", Cn470Plan::Mhz20B, "499.9", "498.3"),
    ("470.3", Cn470Plan::Mhz26A, "492.5", "492.5"),
    ("472.3", Cn470Plan::Mhz26A, "492.5", "492.5"),
    ("474.3", Cn470Plan::Mhz26A, "492.5", "492.5"),
    ("476.3", Cn470Plan::Mhz26A, "492.5", "492.5"),
    ("478.3", Cn470Plan::Mhz26A, "492.5", "492.5"),
    ("480.3", Cn470Plan::Mhz26B, "502.5", "502.5"),
    ("482.3", Cn470Plan::Mhz26B, "502.5", "502.5"),
    ("484.3", Cn470Plan::Mhz26B, "502.5", "502.5"),
    ("486.3", Cn470Plan::Mhz26B, "502.5", "502.5"),
    ("488.3", Cn470Plan::Mhz26B, "502.5", "502.5"),
];

#[test]
fn the_join_channel_tells_plan_and_windows() {
    for ((up, plan, rx1, rx2), index) in ROWS.into_iter().zip(0..) {
        let up = mhz(up);
        let joined = Region::Cn470.join_channel(REVISION, up).unwrap();
        assert_eq!((joined.index(), joined.plan()), (index, plan));
        let tables = Region::Cn470.tables_for(REVISION, Some(joined));
        let channel = tables.uplink_channel_index(up, dr(3)).unwrap();
        assert!(tables.is_join_channel(channel, dr(3)), "{up}");
        assert_eq!(tables.join_rx1_frequency(channel, up), mhz(rx1), "{up}");
        assert_eq!(tables.rx2.0, mhz(rx2), "{up}");
        assert_eq!(serde_json::to_string(&joined).unwrap(), index.to_string());
    }
    assert_eq!(Cn470JoinChannel::new(20), None);
}

#[test]
fn after_the_join_every_plan_answers_in_its_own_way() {
    let rx1 = |join: u8, channel: u8| {
        let tables = Region::Cn470.tables_for(REVISION, Cn470JoinChannel::new(join));
        let uplink = tables.channel(channel).unwrap().frequency;
        (uplink, tables.rx1_frequency(channel, uplink))
    };
    assert_eq!(rx1(0, 0), (mhz("470.3"), mhz("483.9")));
    assert_eq!(rx1(0, 63), (mhz("509.7"), mhz("496.5")));
    assert_eq!(rx1(8, 31), (mhz("483.1"), mhz("483.1")));
    assert_eq!(rx1(9, 32), (mhz("496.9"), mhz("496.9")));
    assert_eq!(rx1(10, 0), (mhz("470.3"), mhz("490.1")));
    assert_eq!(rx1(10, 47), (mhz("479.7"), mhz("494.7")));
    assert_eq!(rx1(15, 25), (mhz("485.3"), mhz("500.3")));
}

#[test]
fn elsewhere_and_before_rp002_a_join_channel_means_nothing() {
    let old = RegParamsRevision::Rp001_1_1B;
    assert_eq!(Region::Cn470.join_channel(old, mhz("470.9")), None);
    assert_eq!(Region::Cn470.join_channel(REVISION, mhz("470.5")), None);
    assert_eq!(Region::Eu868.join_channel(REVISION, mhz("470.9")), None);
    let legacy = Region::Cn470.tables_for(old, Cn470JoinChannel::new(12));
    assert_eq!(legacy.default_mask().count(), 96);
    assert_eq!(legacy.rx2, (mhz("505.3"), dr(0)));
    assert_eq!(legacy.rx1_frequency(49, mhz("480.1")), mhz("500.5"));
}

#[test]
fn a_device_that_never_joins_has_the_plan_of_type_a() {
    let tables = Region::Cn470.tables_for(REVISION, None);
    assert_eq!(tables.rx2.0, mhz("486.9"));
    for (plan, rx2) in [
        (Cn470Plan::Mhz20A, "486.9"),
        (Cn470Plan::Mhz20B, "498.3"),
        (Cn470Plan::Mhz26A, "492.5"),
        (Cn470Plan::Mhz26B, "502.5"),
    ] {
        let stands_for = plan.without_join().unwrap();
        assert_eq!(stands_for.plan(), plan);
        let tables = Region::Cn470.tables_for(REVISION, Some(stands_for));
        assert_eq!(tables.rx2.0, mhz(rx2));
    }
}
