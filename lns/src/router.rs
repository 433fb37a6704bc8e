//! To the homes that may know a frame's device.
//!
//! A join or rejoin goes to the home of its DevEUI. A data frame goes to the home that its DevAddr points to
//! (the low six bits of NwkAddr), and to every home that stands in the exception table for this
//! address: devices whose address points elsewhere (personalized, imported, drawn under another
//! NetID). "Not ours" is what the last home says, never a prefix test.

use std::collections::HashMap;

use lns_core::device::home_of;
use lns_core::multicast::GroupId;
use lns_lorawan::{DevAddr, DevEui, Frame, PhyPayload};
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

    /// The partition in which a multicast group lives.
    pub fn partition_of_group(&self, group: GroupId) -> u16 {
        self.partition_of_home(group.home())
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

    /// The partitions that may know the device of a frame. A frame that names none goes to the first,
    /// whose parser says what it is.
    pub fn partitions_of_frame(&self, phy_payload: &[u8]) -> u64 {
        match PhyPayload::parse(phy_payload) {
            Ok(Frame::JoinRequest(request)) => 1 << self.partition_of(request.dev_eui),
            Ok(Frame::Rejoin(request)) => 1 << self.partition_of(request.fields.dev_eui()),
            Ok(Frame::Up(sealed)) => self.partitions_of(sealed.dev_addr()),
            Ok(Frame::JoinAccept(_) | Frame::Down(_) | Frame::Proprietary(_)) | Err(_) => 1,
        }
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
    use lns_lorawan::{
        DevNonce, JoinEui, JoinRequest, JsIntKey, NetId, NwkKey, RejoinFields, SNwkSIntKey,
    };

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
    fn joins_and_rejoins_go_by_dev_eui_and_data_by_address() {
        let router = Router::new(64);
        let (dev_eui, join_eui) = (DevEui::new(0x70b3_d57e_d000_0042), JoinEui::new(7));
        let by_dev_eui = 1 << router.partition_of(dev_eui);
        let net_id = NetId::new(0x13).unwrap();
        let (session, root) = (SNwkSIntKey::from_bytes([1; 16]), JsIntKey::from_bytes([2; 16]));
        let join =
            JoinRequest::build_1_1(join_eui, dev_eui, DevNonce(1), &NwkKey::from_bytes([3; 16]));
        let type_0 = RejoinFields::Type0 { net_id, dev_eui, rj_count0: 1 };
        let type_1 = RejoinFields::Type1 { join_eui, dev_eui, rj_count1: 1 };
        let type_2 = RejoinFields::Type2 { net_id, dev_eui, rj_count0: 1 };
        let asking = [
            join.to_vec(),
            type_0.build_with_session(&session).unwrap(),
            type_1.build_with_root(&root).unwrap(),
            type_2.build_with_session(&session).unwrap(),
        ];
        for frame in asking {
            assert_eq!(router.partitions_of_frame(&frame), by_dev_eui, "{frame:02x?}");
        }
        let data = [0x40, 0x05, 0, 0, 0x26, 0, 1, 0, 9, 9, 9, 9];
        assert_eq!(router.partitions_of_frame(&data), 1 << 5);
        assert_eq!(router.partitions_of_frame(&[0xc0, 0]), 1, "a broken frame has no device");
    }

    #[test]
    fn an_address_that_points_home_needs_no_table() {
        let router = Router::new(4);
        router.change(5, &[], &[DevAddr::new(0x2600_0005)]);
        assert_eq!(router.exceptions(), 0);
        assert_eq!(router.partitions_of(DevAddr::new(0x2600_0005)), 1 << 1);
    }
}
