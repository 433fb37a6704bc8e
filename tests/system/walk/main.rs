//! The first walk: the real server, and devices and gateways that share no code with it.
//!
//! Each story is told in EU868 and in US915. The gateway of US915 boots three seconds before its
//! 32-bit clock wraps, so that windows lie on both sides of the wrap.

mod application;
mod copies;
mod downlink;
mod join;
mod refused;
mod restart;
mod uplink;

use std::sync::Arc;

use lns_lorawan::Region;
use lorawan_device::nb_device::Response;
use lorawan_device::region::{Configuration, DR, Subband, US915};
use serde_json::json;
use system_tests::harness::{Application, Gateway, Live, Node};

/// What differs between the regions.
#[derive(Clone, Copy, Debug)]
struct Terms {
    region: Region,
    /// DataRate of joins and of uplinks.
    join_dr: DR,
    data_dr: DR,
    /// The data rates of the frames up and in RX1, and RX2's frequency (Hz) and data rate.
    up_datr: &'static str,
    rx1_datr: &'static str,
    rx2: (u32, &'static str),
    /// The gateway's clock when it boots.
    tmst: u32,
}

/// RP002: DR5 up is DR5 in RX1 with RX1DROffset 0; RX2 is 869.525 MHz, DR0.
const EU868: Terms = Terms {
    region: Region::Eu868,
    join_dr: DR::_5,
    data_dr: DR::_5,
    up_datr: "SF7BW125",
    rx1_datr: "SF7BW125",
    rx2: (869_525_000, "SF12BW125"),
    tmst: 1_000_000,
};

/// RP002: DR3 up is DR13 in RX1 with RX1DROffset 0; RX2 is 923.3 MHz, DR8.
const US915: Terms = Terms {
    region: Region::Us915,
    join_dr: DR::_0,
    data_dr: DR::_3,
    up_datr: "SF7BW125",
    rx1_datr: "SF7BW500",
    rx2: (923_300_000, "SF12BW500"),
    tmst: u32::MAX - 3_000_000,
};

impl Terms {
    /// The device's idea of the region; in US915 it prefers sub-band 2.
    fn configuration(&self) -> Configuration {
        if self.region == Region::Us915 {
            let mut plan = US915::new();
            plan.set_join_bias(Subband::_2);
            return plan.into();
        }
        Configuration::new(lorawan_device::Region::EU868)
    }
}

const DEV_EUI: u64 = 0x70b3_d57e_d005_a1b2;
const APP_KEY: [u8; 16] = *b"an AES-128 key :";
const GATEWAY: u64 = 0x0016_c001_ff10_d446;

/// A codec that reads a temperature in hundredths of a degree, most significant byte first.
const CODEC: &str = "function decodeUplink(input) {
    const hundredths = (input.bytes[0] << 24 >> 16) | input.bytes[1];
    return { data: { temperature: hundredths / 100, port: input.fPort } };
}";

/// A server with one gateway, one application and one device, which is registered.
struct Walk {
    terms: Terms,
    node: Node,
    application: Application,
    gateway: Arc<Gateway>,
    live: Live,
}

impl Walk {
    fn start(terms: Terms) -> Self {
        let live = Live::start(terms.region);
        let provision = live.provision();
        provision.codec("temperature", CODEC);
        let profile = provision.profile(&json!({
            "MacVersion": "1.0.3", "RegParamsRevision": "A", "RxDelay1": 1,
            "SupportsJoin": true, "Codec": "temperature",
        }));
        provision.otaa(&profile, DEV_EUI, Node::JOIN_EUI, APP_KEY);
        let application = live.application();
        let gateway = live.gateway(GATEWAY, terms.tmst);
        let gateways = [Arc::clone(&gateway)];
        let mut node = Node::new(terms.configuration(), &gateways, DEV_EUI, APP_KEY);
        node.set_data_rate(terms.join_dr);
        Self { terms, node, application, gateway, live }
    }

    /// The same, and the device has joined.
    fn joined(terms: Terms) -> Self {
        let mut walk = Self::start(terms);
        walk.join();
        walk
    }

    fn join(&mut self) {
        self.node.set_data_rate(self.terms.join_dr);
        let outcome = self.node.join();
        assert!(matches!(outcome.response, Response::JoinSuccess), "{outcome:?}");
        self.node.set_data_rate(self.terms.data_dr);
    }

    /// At the end of a story nothing was sent that no device was listening to.
    fn end(self) {
        assert!(self.gateway.unheard().is_empty(), "{:#?}", self.gateway.unheard());
    }
}

/// Each story as a test, told in both regions at once: most of the time is waiting for windows.
macro_rules! in_both_regions {
    ($($story:ident)*) => {
        mod in_both_regions {
            $(#[test] fn $story() { crate::in_both(super::$story); })*
        }
    };
}
use in_both_regions;

fn in_both(story: fn(Terms)) {
    std::thread::scope(|scope| {
        for terms in [EU868, US915] {
            let name = terms.region.to_string();
            std::thread::Builder::new()
                .name(name)
                .spawn_scoped(scope, move || story(terms))
                .expect("a thread");
        }
    });
}
