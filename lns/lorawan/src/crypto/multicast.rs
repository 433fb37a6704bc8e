//! Keys of multicast groups. TS005-2.0.0 §4.3.
//!
//! A group has one key, McKey, which every member knows. It travels to a device encrypted under a key
//! that only that device has: derived from its GenAppKey in 1.0.x, which is *not* the AppKey that it
//! joins with, and from its AppKey in 1.1. The two session keys follow from McKey and the group's
//! address.

use super::aes::Aes128Schedule;
use super::session::SessionKeys;
use crate::dev_addr::DevAddr;
use crate::key::{AppKey, AppSKey, GenAppKey, McKeKey, McKey, NwkSKey};

/// A device's root key for multicast, as its version has it.
#[derive(Clone, Copy, Debug)]
pub enum McRoot<'a> {
    /// 1.0.x.
    V1_0(&'a GenAppKey),
    /// 1.1.
    V1_1(&'a AppKey),
}

/// The key that protects a group's key on its way to one device.
pub fn mc_ke_key(root: McRoot<'_>) -> McKeKey {
    let mc_root_key = match root {
        McRoot::V1_0(key) => Aes128Schedule::new(key.as_bytes()).encrypt(block(0, None)),
        McRoot::V1_1(key) => Aes128Schedule::new(key.as_bytes()).encrypt(block(0x20, None)),
    };
    McKeKey::from_bytes(Aes128Schedule::new(&mc_root_key).encrypt(block(0, None)))
}

/// A group's key as McGroupSetupReq carries it: a device needs AES in one direction only, so that it
/// is "encrypted" with AES decrypt.
pub fn mc_key_encrypted(mc_ke_key: &McKeKey, mc_key: &McKey) -> [u8; 16] {
    let mut bytes = *mc_key.as_bytes();
    super::decrypt_blocks(mc_ke_key.as_bytes(), &mut bytes);
    bytes
}

/// The keys of a group's frames, which look like those of a 1.0.x session.
pub fn mc_session_keys(mc_key: &McKey, mc_addr: DevAddr) -> SessionKeys {
    let schedule = Aes128Schedule::new(mc_key.as_bytes());
    let mc_app_s_key = AppSKey::from_bytes(schedule.encrypt(block(1, Some(mc_addr))));
    let mc_nwk_s_key = NwkSKey::from_bytes(schedule.encrypt(block(2, Some(mc_addr))));
    SessionKeys::v1_0(&mc_nwk_s_key, mc_app_s_key)
}

/// Kind | McAddr | 0.
fn block(kind: u8, mc_addr: Option<DevAddr>) -> [u8; 16] {
    let [a0, a1, a2, a3] = mc_addr.map(DevAddr::to_wire).unwrap_or_default();
    [kind, a0, a1, a2, a3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
}

#[cfg(test)]
mod tests {
    use super::*;

    const MC_KEY: McKey =
        McKey::from_bytes(0x2b7e_1516_28ae_d2a6_abf7_1588_09cf_4f3c_u128.to_be_bytes());

    fn number(bytes: [u8; 16]) -> u128 {
        u128::from_be_bytes(bytes)
    }

    /// The numbers are those of a Python program with the AES of the `cryptography` package.
    #[test]
    fn keys_are_those_of_another_program() {
        let gen_app_key = GenAppKey::from_bytes(core::array::from_fn(|n| n as u8));
        let app_key = AppKey::from_bytes(core::array::from_fn(|n| n as u8 + 16));
        let of_1_0 = mc_ke_key(McRoot::V1_0(&gen_app_key));
        assert_eq!(number(*of_1_0.as_bytes()), 0x2c57_8f79_27a9_49d3_b511_ae8f_b691_45c6);
        let of_1_1 = mc_ke_key(McRoot::V1_1(&app_key));
        assert_eq!(number(*of_1_1.as_bytes()), 0x9f06_886d_03fe_0863_4e94_8cd5_43f4_4dda);
        let sent = mc_key_encrypted(&of_1_0, &MC_KEY);
        assert_eq!(number(sent), 0x0421_ea5f_e788_d8c7_e081_03a3_33f9_2c4a);
        let keys = mc_session_keys(&MC_KEY, DevAddr::new(0x01ab_cdef));
        let nwk_s_key = keys.nwk_s_key().expect("it is a 1.0.x session");
        assert_eq!(number(*nwk_s_key.as_bytes()), 0xab53_b1be_36e0_9dbc_ba96_1d51_17c1_4ab0);
        assert_eq!(number(*keys.app_s_key.as_bytes()), 0xd160_896c_23c1_e7e6_ae1b_89a2_118f_98ed);
    }

    #[test]
    fn a_device_reads_its_groups_key_with_aes_encrypt() {
        let mc_ke_key = mc_ke_key(McRoot::V1_0(&GenAppKey::from_bytes([9; 16])));
        let sent = mc_key_encrypted(&mc_ke_key, &MC_KEY);
        let read = Aes128Schedule::new(mc_ke_key.as_bytes()).encrypt(sent);
        assert_eq!(McKey::from_bytes(read), MC_KEY);
    }

    /// ChirpStack's forum, topic 9538: a server that derives them from AppKey sends a key that no 1.0.x
    /// device can read, and every multicast frame is noise to it.
    #[test]
    fn a_1_0_device_has_its_own_root_for_multicast() {
        let same = [7; 16];
        let of_1_0 = mc_ke_key(McRoot::V1_0(&GenAppKey::from_bytes(same)));
        let of_1_1 = mc_ke_key(McRoot::V1_1(&AppKey::from_bytes(same)));
        assert_ne!(of_1_0, of_1_1);
    }
}
