use std::sync::Arc;

use lns_core::{Activation, Command, Description, Event};
use lns_lorawan::{FCntUp, MacVersion, Region, RxDelay};

use crate::bench::*;

fn describe(bench: &mut Bench, change: impl FnOnce(&mut Description)) {
    let mut about = (*bench.device.about).clone();
    change(&mut about);
    bench.step(Event::Command(Command::Describe(Arc::new(about))));
}

#[test]
fn another_name_changes_nothing_else() {
    let mut bench = Bench::abp();
    bench.hear(&Up::at(3)).unwrap();
    let before = bench.device.session.clone();
    describe(&mut bench, |about| about.name = "roof".to_owned());
    assert_eq!(bench.device.session, before);
    assert_eq!(bench.device.about.name, "roof");
}

#[test]
fn an_abp_device_listens_as_its_profile_says_at_once() {
    let mut bench = Bench::abp();
    describe(&mut bench, |about| {
        let mut profile = eu868(MacVersion::V1_0_4);
        profile.rx_delay = RxDelay::new(5);
        about.profile = Arc::new(profile);
    });
    let step = bench.hear(&Up::at(0)).unwrap();
    assert_eq!(delay_ms(&opening(&step).unwrap().windows[0]), 5000);
}

#[test]
fn under_the_same_keys_downlink_counters_go_on() {
    let mut bench = Bench::abp();
    bench.hear(&Up::confirmed(9)).unwrap();
    bench.listen().unwrap();
    describe(&mut bench, |about| {
        about.activation =
            Activation::Abp { dev_addr: DEV_ADDR, keys: abp_keys(), f_cnt_start: FCntUp(5) };
    });
    bench.hear(&Up::confirmed(5)).unwrap();
    assert_eq!(bench.listen().unwrap().opened.f_cnt_down.0, 1);
}

#[test]
fn in_another_region_a_device_joins_again() {
    let mut bench = Bench::new(eu868(MacVersion::V1_0_3), otaa());
    bench.join(1);
    bench.hear(&Up::at(0)).unwrap();
    describe(&mut bench, |about| {
        let mut profile = eu868(MacVersion::V1_0_3);
        profile.region = Region::Us915;
        about.profile = Arc::new(profile);
    });
    assert!(bench.device.addresses().is_empty());
    assert_eq!(bench.device.used_dev_nonces.len(), 1, "the root key is the same");
}
