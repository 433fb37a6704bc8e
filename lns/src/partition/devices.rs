//! The devices of a partition: a dense table and the two ways to find a row.

use std::collections::HashMap;

use lns_core::Device;
use lns_core::device::matching::Row;
use lns_core::event::Under;
use lns_lorawan::{DevAddr, DevEui};

/// The row of a device; valid until the device is forgotten.
pub type Slot = u32;

/// Devices by row, by DevEUI and by address.
#[derive(Default)]
pub struct Devices {
    rows: Vec<Option<Device>>,
    free: Vec<Slot>,
    by_eui: HashMap<DevEui, Slot>,
    by_addr: HashMap<DevAddr, Vec<(Slot, Row)>>,
}

impl Devices {
    /// The row of a DevEUI.
    pub fn find(&self, dev_eui: DevEui) -> Option<Slot> {
        self.by_eui.get(&dev_eui).copied()
    }

    /// The device of a row.
    pub fn device(&self, slot: Slot) -> Option<&Device> {
        self.rows.get(slot as usize)?.as_ref()
    }

    /// The sessions that answer to an address, as matching scans them.
    pub fn under(&self, dev_addr: DevAddr) -> &[(Slot, Row)] {
        self.by_addr.get(&dev_addr).map_or(&[], Vec::as_slice)
    }

    /// All devices.
    pub fn iter(&self) -> impl Iterator<Item = &Device> {
        self.rows.iter().flatten()
    }

    /// Puts a device in a row of its own.
    pub fn insert(&mut self, device: Device) -> Slot {
        let dev_eui = device.about.dev_eui;
        assert!(!self.by_eui.contains_key(&dev_eui), "a DevEUI has one row");
        let addresses = addresses(&device);
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.rows.push(None);
                Slot::try_from(self.rows.len() - 1).expect("fewer than 2^32 devices")
            }
        };
        self.rows[slot as usize] = Some(device);
        self.by_eui.insert(dev_eui, slot);
        self.index(slot, addresses);
        slot
    }

    /// Replaces the device of a row; answers the addresses it had and has, if they changed.
    pub fn replace(&mut self, slot: Slot, device: Device) -> Option<AddressChange> {
        let row = self.rows[slot as usize].as_mut().expect("the row is in use");
        let before = addresses(row);
        let after = addresses(&device);
        *row = device;
        if before == after {
            self.refresh(slot, after);
            return None;
        }
        self.unindex(slot, &before);
        self.index(slot, after);
        let only = |list: Addresses| {
            list.into_iter().flatten().map(|(dev_addr, _)| dev_addr).collect::<Vec<_>>()
        };
        let now = only(after);
        let gone = only(before).into_iter().filter(|dev_addr| !now.contains(dev_addr)).collect();
        Some(AddressChange { gone, now })
    }

    /// Takes a device out; answers it.
    pub fn remove(&mut self, slot: Slot) -> Option<Device> {
        let device = self.rows.get_mut(slot as usize)?.take()?;
        self.unindex(slot, &addresses(&device));
        self.by_eui.remove(&device.about.dev_eui);
        self.free.push(slot);
        Some(device)
    }

    /// The device of a row, to change what matching does not scan.
    pub fn device_mut(&mut self, slot: Slot) -> Option<&mut Device> {
        self.rows.get_mut(slot as usize)?.as_mut()
    }

    fn index(&mut self, slot: Slot, addresses: Addresses) {
        for (dev_addr, under) in addresses.into_iter().flatten() {
            let Some(row) = self.device(slot).and_then(|device| Row::of(device, under)) else {
                continue;
            };
            // Most addresses have one session, and a vector would begin with room for four.
            let rows = self.by_addr.entry(dev_addr).or_insert_with(|| Vec::with_capacity(1));
            rows.push((slot, row));
        }
    }

    /// The sessions are the same, and have gone on.
    fn refresh(&mut self, slot: Slot, addresses: Addresses) {
        let Some(device) = self.rows.get(slot as usize).and_then(Option::as_ref) else { return };
        for (dev_addr, under) in addresses.into_iter().flatten() {
            let Some(rows) = self.by_addr.get_mut(&dev_addr) else { continue };
            let ours = |(other, row): &&mut (Slot, Row)| *other == slot && row.under() == under;
            if let (Some((_, row)), Some(now)) =
                (rows.iter_mut().find(ours), Row::of(device, under))
            {
                *row = now;
            }
        }
    }

    fn unindex(&mut self, slot: Slot, addresses: &Addresses) {
        for &(dev_addr, _) in addresses.iter().flatten() {
            if let Some(rows) = self.by_addr.get_mut(&dev_addr) {
                rows.retain(|(other, _)| *other != slot);
                if rows.is_empty() {
                    self.by_addr.remove(&dev_addr);
                }
            }
        }
    }
}

/// Addresses that a device no longer has, and has from now on.
pub struct AddressChange {
    /// No longer.
    pub gone: Vec<DevAddr>,
    /// From now on.
    pub now: Vec<DevAddr>,
}

/// Addresses and the sessions that have them, current and pending.
pub type Addresses = [Option<(DevAddr, Under)>; 2];

/// The addresses of a device and the sessions they belong to.
pub fn addresses(device: &Device) -> Addresses {
    [
        device.session.as_ref().map(|session| (session.dev_addr, Under::Current)),
        device.pending.as_ref().map(|session| (session.dev_addr, Under::Pending)),
    ]
}
