//! Which gateways heard a device's last transmissions, and so whose copies to expect.

use core::ops::Deref;

use lns_lorawan::GatewayEui;
use serde::{Deserialize, Serialize};

/// How many transmissions are remembered: the bits of a history.
pub const TRANSMISSIONS: u8 = 16;

/// How many gateways are remembered per device. A device that more of them hear loses the ones
/// that hear it least, which nobody should wait for.
pub const GATEWAYS: usize = 16;

/// One gateway and the transmissions that it heard, the newest in the lowest bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Hearer {
    gateway: GatewayEui,
    history: u16,
}

/// The last 16 transmissions of a device by up to 16 gateways. Ten bytes a gateway; may be lost in
/// a crash, after which the next transmissions wait the limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    transmissions: u8,
    hearers: Vec<Hearer>,
}

impl Heard {
    /// Nothing heard yet.
    pub const fn new() -> Self {
        Heard { transmissions: 0, hearers: Vec::new() }
    }

    /// One more transmission, heard by these gateways.
    pub fn record(&mut self, gateways: impl IntoIterator<Item = GatewayEui>) {
        for hearer in &mut self.hearers {
            hearer.history <<= 1;
        }
        self.transmissions = (self.transmissions + 1).min(TRANSMISSIONS);
        for gateway in gateways {
            self.record_late(gateway);
        }
        self.hearers.retain(|hearer| hearer.history != 0);
    }

    /// The last transmission was heard by this gateway too. Once is as good as twice.
    pub fn record_late(&mut self, gateway: GatewayEui) {
        match self.hearers.iter_mut().find(|hearer| hearer.gateway == gateway) {
            Some(hearer) => hearer.history |= 1,
            None => self.enter(Hearer { gateway, history: 1 }),
        }
    }

    /// The gateways alive that heard at least 80 % of the last transmissions: those worth waiting
    /// for.
    pub fn expected(&self, alive: impl Fn(GatewayEui) -> bool) -> Expected {
        let mut expected = Expected::none();
        for hearer in &self.hearers {
            let often = hearer.history.count_ones() * 5 >= u32::from(self.transmissions) * 4;
            if often && alive(hearer.gateway) {
                expected.push(hearer.gateway);
            }
        }
        expected
    }

    /// How many transmissions the figures rest on, at most 16.
    pub fn transmissions(&self) -> usize {
        usize::from(self.transmissions)
    }

    /// The gateways that heard any of the last transmissions.
    pub fn gateways(&self) -> impl Iterator<Item = GatewayEui> + '_ {
        self.hearers.iter().map(|hearer| hearer.gateway)
    }

    /// Takes a gateway in, at the expense of the one that heard least when there is no room.
    fn enter(&mut self, hearer: Hearer) {
        if self.hearers.len() < GATEWAYS {
            self.hearers.push(hearer);
            return;
        }
        let least = self.hearers.iter_mut().min_by_key(|hearer| hearer.history.count_ones());
        // One that has heard a single transmission is worth no more than the newcomer, unless it
        // is this transmission.
        if let Some(least) = least.filter(|least| least.history & 1 == 0) {
            *least = hearer;
        }
    }
}

/// The gateways whose copies are expected, at most 16; read it as a slice.
#[derive(Clone, Copy, Debug)]
pub struct Expected {
    gateways: [GatewayEui; GATEWAYS],
    count: usize,
}

impl Expected {
    const fn none() -> Self {
        Expected { gateways: [GatewayEui::new(0); GATEWAYS], count: 0 }
    }

    fn push(&mut self, gateway: GatewayEui) {
        if let Some(place) = self.gateways.get_mut(self.count) {
            *place = gateway;
            self.count += 1;
        }
    }
}

impl Deref for Expected {
    type Target = [GatewayEui];
    fn deref(&self) -> &[GatewayEui] {
        &self.gateways[..self.count]
    }
}
