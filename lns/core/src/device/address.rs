//! Which address a device is given.
//!
//! Addresses need not be unique: the MIC tells whose a frame is. But each session of a shared one
//! costs a MIC computation, so addresses are spread evenly over the block that the network has
//! (LoRaWAN Backend Interfaces 1.0, chapter on DevAddr assignment): 33,554,432 for NetID type 0, 128
//! for type 7. Of a block with at least one address a home, the low six bits name the device's home,
//! so that its frames find their way without a look-up. A smaller one (delegated by a larger
//! network) serves all homes with all its addresses, through the router's table of exceptions.

use lns_lorawan::{DevAddr, DevAddrPrefix};

use super::HOMES;

/// How many addresses are compared: all that a home has under NetID types 6 and 7. Where there are
/// more, the least used of sixteen is hardly worse than the least used of all.
const COMPARED: u64 = 16;

/// An address of `block` for a device of `home`: of sixteen, beginning with a random one, the first
/// that fewest sessions have, by `sessions`.
pub fn choose(
    block: DevAddrPrefix,
    home: u8,
    random: u64,
    sessions: impl Fn(DevAddr) -> usize,
) -> DevAddr {
    let size = 1u64 << 32u32.saturating_sub(block.length);
    let homes = u64::from(HOMES);
    let (first, stride) = if size >= homes { (u64::from(home), homes) } else { (0, 1) };
    let count = size / stride;
    let start = random % count;
    let nth = |n: u64| {
        let place = first + (start + n) % count * stride;
        DevAddr::new(block.dev_addr.value() | u32::try_from(place).unwrap_or_default())
    };
    let compared = (0..count.min(COMPARED)).map(nth);
    // The first of those with fewest.
    compared.min_by_key(|dev_addr| sessions(*dev_addr)).unwrap_or(block.dev_addr)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lns_lorawan::NetId;
    use std::collections::HashMap;

    /// Gives so many devices of each home their addresses; how many have each.
    fn spread(block: DevAddrPrefix, homes: u8, devices: u32) -> HashMap<DevAddr, usize> {
        let mut sessions: HashMap<DevAddr, usize> = HashMap::new();
        for home in 0..homes {
            for n in 0..devices {
                let random =
                    crate::dedup::digest(&(u64::from(home) << 32 | u64::from(n)).to_le_bytes());
                let given = choose(block, home, random, |dev_addr| {
                    sessions.get(&dev_addr).copied().unwrap_or_default()
                });
                assert!(block.contains(given), "{given} is not of {block}");
                *sessions.entry(given).or_default() += 1;
            }
        }
        sessions
    }

    #[test]
    fn every_net_id_types_addresses_are_spread_and_name_their_home() {
        // Type, a NetID, addresses that a home has.
        let types = [
            (0, 0x00_0013, 524_288),
            (1, 0x20_0001, 262_144),
            (2, 0x40_0001, 16_384),
            (3, 0x60_002d, 2_048),
            (4, 0x80_0001, 512),
            (5, 0xa0_0001, 128),
            (6, 0xc0_0053, 16),
            (7, 0xe0_0001, 2),
        ];
        for (net_id_type, net_id, addresses) in types {
            let net_id = NetId::new(net_id).unwrap();
            assert_eq!(net_id.net_id_type(), net_id_type);
            let block = net_id.prefix();
            let devices = (3 * addresses).min(1_500);
            let sessions = spread(block, 3, devices);
            for home in 0..3 {
                let ours: Vec<usize> = sessions
                    .iter()
                    .filter(|(dev_addr, _)| dev_addr.value() % 64 == home)
                    .map(|(_, sessions)| *sessions)
                    .collect();
                assert_eq!(ours.iter().sum::<usize>(), devices as usize, "type {net_id_type}");
                let even = (devices as usize).div_ceil(addresses as usize);
                let most = *ours.iter().max().unwrap();
                let slack = usize::from(u64::from(addresses) > COMPARED);
                assert!(most <= even + slack, "type {net_id_type}: {most} of one, {even} if even");
            }
        }
    }

    #[test]
    fn a_block_smaller_than_the_homes_serves_them_all_evenly() {
        for (length, addresses) in [(26, 64), (27, 32), (28, 16), (31, 2), (32, 1)] {
            let block = DevAddrPrefix { dev_addr: DevAddr::new(0xfc01_4c40), length };
            let sessions = spread(block, 64, 4);
            assert_eq!(sessions.len(), addresses, "/{length}");
            let even = 64 * 4 / addresses;
            let most = *sessions.values().max().unwrap();
            assert!(most <= even + even / 2, "/{length}: {most} of one, {even} if even");
        }
    }

    #[test]
    fn a_whole_address_space_is_a_block_too() {
        let block = DevAddrPrefix { dev_addr: DevAddr::new(0), length: 0 };
        assert_eq!(choose(block, 63, u64::MAX, |_| 0).value() % 64, 63);
    }
}
