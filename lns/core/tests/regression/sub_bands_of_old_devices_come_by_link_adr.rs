//! A CFList with channel masks is known only from regional parameters 1.0.3 on.
//!
//! A US915 device of 1.0.2 ignores a CFList of type 1, or takes it for frequencies. A server that
//! relies on it never hears eight of nine uplinks. It must be told by LinkADRReq, right after the
//! join.

use lns_core::Profile;
use lns_lorawan::{CfList, ChMask, DownlinkMacCommand, DownlinkMacCommands, MacVersion};
use lns_lorawan::{Frequency, RegParamsRevision, Region};

use crate::bench::{Bench, Up, otaa};

#[test]
fn before_1_0_3_by_link_adr_and_later_by_cf_list() {
    let cases = [
        (MacVersion::V1_0_2, RegParamsRevision::Rp001_1_0_2A, false),
        (MacVersion::V1_0_2, RegParamsRevision::Rp001_1_0_2B, false),
        (MacVersion::V1_0_3, RegParamsRevision::Rp001_1_0_3A, true),
    ];
    for (version, reg_params, by_cf_list) in cases {
        let mut bench = Bench::new(Profile::new(Region::Us915, version, reg_params), otaa());
        bench.network.sub_band = Some(2);
        bench.frequency = Frequency::from_hz(903_900_000);
        let accept = bench.join(1);
        let has_masks = matches!(accept.cf_list, Some(CfList::Masks(_)));
        assert_eq!(has_masks, by_cf_list, "{reg_params}");
        bench.hear(&Up::at(0)).unwrap();
        let current = &bench.device.session.as_ref().unwrap().current;
        assert_eq!(current.ch_mask, ChMask::bank(1).filter(|_| by_cf_list));
        let down = bench.listen();
        let commands = down.iter().flat_map(|down| {
            DownlinkMacCommands::new(down.opened.mac_commands()).map(Result::unwrap)
        });
        let asked = commands.into_iter().any(|it| matches!(it, DownlinkMacCommand::LinkAdrReq(_)));
        assert_eq!(asked, !by_cf_list, "{reg_params}");
    }
}
