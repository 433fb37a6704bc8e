//! Which CFList a device understands.
//!
//! Type 0 (frequencies) is for dynamic plans and barred from fixed ones (RP002-1.0.5 §3.3.1). Type 1
//! (masks) came with 1.0.3 and 1.1: an older US915 or AU915 device would take its bytes for
//! frequencies, or nothing at all, and needs LinkADRReq for its sub-band.

use lns_lorawan::{CfList, RegParamsRevision, Region};

#[test]
fn frequencies_are_for_dynamic_plans_only() {
    for region in Region::ALL {
        let tables = region.tables();
        if !tables.plan.is_dynamic() {
            assert_eq!(tables.default_cf_list(), None, "{region}");
        }
    }
    let Some(CfList::Frequencies(list)) = Region::Ru864.tables().default_cf_list() else {
        panic!("RU864 has usual channels");
    };
    assert_eq!(list[0], Some(super::mhz("864.1")));
}

#[test]
fn masks_are_for_fixed_plans_that_know_them() {
    for region in [Region::Us915, Region::Au915, Region::Cn470] {
        for revision in RegParamsRevision::ALL {
            let tables = region.tables_for(*revision, None);
            let mask = tables.sub_band_mask(2).unwrap();
            let known = *revision >= RegParamsRevision::Rp001_1_0_3A;
            let list = tables.cf_list_masks(&mask, *revision);
            assert_eq!(list, known.then(|| CfList::Masks(mask.words())), "{region} {revision}");
        }
    }
    let eu = Region::Eu868.tables();
    assert_eq!(eu.cf_list_masks(&eu.default_mask(), RegParamsRevision::Rp002_1_0_5), None);
}
