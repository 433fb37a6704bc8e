//! To the homes that may know a frame's device.
//!
//! A join goes to the home of its DevEUI. A data frame goes to the home that its DevAddr points to
//! (the low six bits of NwkAddr), and to every home that stands in the exception table for this
//! address: devices whose address points elsewhere (personalized, imported, drawn under another
//! NetID). "Not ours" is what the last home says, never a prefix test.

use std::collections::HashMap;

use lns_core::device::home_of;
use lns_lorawan::{DevAddr, DevEui};
use parking_lot::RwLock;

use crate::message::HOMES;

/// Where frames go.
pub struct Router {
    partitions: u16,
    /// Homes of devices whose address does not point to them, one bit each, with how many devices.
    exceptions: RwLock<HashMap<DevAddr, HashMap<u8, u32>>>,
}

impl Router {
    /// A router to so many partitions, 1 to 64.
    pub fn new(partitions: u16) -> Self {
        assert!((1..=HOMES as u16).contains(&partitions), "1 to 64 partitions");
        Router { partitions, exceptions: RwLock::default() }
    }

    /// How many partitions there are.
    pub fn partitions(&self) -> u16 {
        self.partitions
    }

    /// The partition that runs a home.
    pub fn partition_of_home(&self, home: u8) -> u16 {
        u16::from(home) % self.partitions
    }

    /// The partition in which a device lives.
    pub fn partition_of(&self, dev_eui: DevEui) -> u16 {
        self.partition_of_home(home_of(dev_eui))
    }

    /// The partitions that may know a session with this address, one bit each; never none.
    pub fn partitions_of(&self, dev_addr: DevAddr) -> u64 {
        let mut partitions = 1 << self.partition_of_home(pointed_home(dev_addr));
        if let Some(homes) = self.exceptions.read().get(&dev_addr) {
            for home in homes.keys() {
                partitions |= 1 << self.partition_of_home(*home);
            }
        }
        partitions
    }

    /// A device of this home has these addresses from now on, and not those any more.
    pub fn change(&self, home: u8, gone: &[DevAddr], now: &[DevAddr]) {
        let elsewhere = |dev_addr: &&DevAddr| pointed_home(**dev_addr) != home;
        if !gone.iter().chain(now).any(|dev_addr| elsewhere(&dev_addr)) {
            return;
        }
        let mut exceptions = self.exceptions.write();
        for dev_addr in now.iter().filter(elsewhere) {
            *exceptions.entry(*dev_addr).or_default().entry(home).or_default() += 1;
        }
        for dev_addr in gone.iter().filter(elsewhere) {
            let Some(homes) = exceptions.get_mut(dev_addr) else { continue };
            if let Some(count) = homes.get_mut(&home) {
                *count -= 1;
                if *count == 0 {
                    homes.remove(&home);
                }
            }
            if homes.is_empty() {
                exceptions.remove(dev_addr);
            }
        }
    }

    /// How many addresses stand in the exception table.
    pub fn exceptions(&self) -> usize {
        self.exceptions.read().len()
    }
}

/// The home that an address points to: the low six bits of its NwkAddr.
pub fn pointed_home(dev_addr: DevAddr) -> u8 {
    (dev_addr.value() % HOMES as u32) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_points_elsewhere_is_found_in_both_homes_until_its_last_device_leaves() {
        let router = Router::new(64);
        let dev_addr = DevAddr::new(0x2600_0005);
        assert_eq!(router.partitions_of(dev_addr), 1 << 5);
        router.change(9, &[], &[dev_addr]);
        router.change(9, &[], &[dev_addr]);
        assert_eq!(router.partitions_of(dev_addr), (1 << 5) | (1 << 9));
        router.change(9, &[dev_addr], &[]);
        assert_eq!(router.partitions_of(dev_addr), (1 << 5) | (1 << 9));
        router.change(9, &[dev_addr], &[]);
        assert_eq!(router.partitions_of(dev_addr), 1 << 5);
        assert_eq!(router.exceptions(), 0);
    }

    #[test]
    fn an_address_that_points_home_needs_no_table() {
        let router = Router::new(4);
        router.change(5, &[], &[DevAddr::new(0x2600_0005)]);
        assert_eq!(router.exceptions(), 0);
        assert_eq!(router.partitions_of(DevAddr::new(0x2600_0005)), 1 << 1);
    }
}
