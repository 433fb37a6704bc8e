//! A group's key travels to a 1.0.x device under its GenAppKey, not under the AppKey that it joins with.
//!
//! ChirpStack's forum, topic 9538: a server that took the AppKey sent keys that no such device could
//! read, and every multicast frame was noise to its members. A 1.1 device does derive from its AppKey
//! (TS005-2.0.0 §4.3).

use lns_lorawan::{AppKey, GenAppKey, McRoot, mc_ke_key};

/// The numbers are those of a Python program with the AES of the `cryptography` package.
#[test]
fn each_version_has_its_own_root() {
    let key = core::array::from_fn(|n| n as u8);
    let of_1_0 = mc_ke_key(McRoot::V1_0(&GenAppKey::from_bytes(key)));
    assert_eq!(u128::from_be_bytes(*of_1_0.as_bytes()), 0x2c57_8f79_27a9_49d3_b511_ae8f_b691_45c6);
    let of_1_1 = mc_ke_key(McRoot::V1_1(&AppKey::from_bytes(key)));
    assert_ne!(of_1_0, of_1_1, "the same sixteen bytes are two roots");
}
