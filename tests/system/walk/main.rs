//! The first walk: the real server, and devices and gateways that share no code with it.
//!
//! Each story is told in every region that the independent stack has right, or nearly so (in AS923 it
//! panics on a CFList of five channels). The gateway of US915 boots three seconds before its 32-bit
//! clock wraps, so that windows lie on both sides of the wrap.

mod application;
mod binding;
mod copies;
mod downlink;
mod events;
mod join;
mod refused;
mod restart;
mod uplink;

use std::sync::Arc;

use lns_lorawan::Region;
use lorawan_device::nb_device::Response;
use lorawan_device::region::{AU915 as Au915Plan, US915 as Us915Plan};
use lorawan_device::region::{Configuration, DR, Subband};
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
    /// RX2's data rate, where the profile asks for another than the region's.
    rx2_dr: Option<u8>,
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
    rx2_dr: None,
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
    rx2_dr: None,
    tmst: u32::MAX - 3_000_000,
};

/// RP002: DR5 up is DR13 in RX1 with RX1DROffset 0; RX2 is 923.3 MHz, DR8.
const AU915: Terms = Terms { region: Region::Au915, data_dr: DR::_5, tmst: 1_000_000, ..US915 };

/// RP002: RX2 is 434.665 MHz, DR0.
const EU433: Terms = Terms { region: Region::Eu433, rx2: (434_665_000, "SF12BW125"), ..EU868 };

/// RP002: RX2 is 866.55 MHz, DR2; but the independent stack listens at DR0 there, so that the
/// profile asks for that, and no story has a device join in RX2.
const IN865: Terms =
    Terms { region: Region::In865, rx2: (866_550_000, "SF12BW125"), rx2_dr: Some(0), ..EU868 };

/// Everywhere that the stories are told.
const EVERYWHERE: [Terms; 5] = [EU868, US915, AU915, EU433, IN865];

impl Terms {
    /// The device's idea of the region; in US915 and AU915 it prefers sub-band 2.
    fn configuration(&self) -> Configuration {
        let plain = match self.region {
            Region::Us915 => {
                let mut plan = Us915Plan::new();
                plan.set_join_bias(Subband::_2);
                return plan.into();
            }
            Region::Au915 => {
                let mut plan = Au915Plan::new();
                plan.set_join_bias(Subband::_2);
                return plan.into();
            }
            Region::Eu868 => lorawan_device::Region::EU868,
            Region::Eu433 => lorawan_device::Region::EU433,
            Region::In865 => lorawan_device::Region::IN865,
            other => panic!("the independent stack does not know {other}"),
        };
        Configuration::new(plain)
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
        let mut profile = json!({
            "MacVersion": "1.0.3", "RegParamsRevision": "A", "RxDelay1": 1,
            "SupportsJoin": true, "Codec": "temperature",
        });
        if let Some(data_rate) = terms.rx2_dr {
            profile["RxDataRate2"] = data_rate.into();
        }
        let profile = provision.profile(&profile);
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

/// Each story as a test, told in every region at once: most of the time is waiting for windows.
macro_rules! in_every_region {
    ($($story:ident)*) => {
        mod in_every_region {
            $(#[test] fn $story() { crate::everywhere(super::$story); })*
        }
    };
}
use in_every_region;

fn everywhere(story: fn(Terms)) {
    std::thread::scope(|scope| {
        for terms in EVERYWHERE {
            let name = terms.region.to_string();
            std::thread::Builder::new()
                .name(name)
                .spawn_scoped(scope, move || story(terms))
                .expect("a thread");
        }
    });
}
