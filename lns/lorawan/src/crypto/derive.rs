//! Keys made from keys, and class B's pseudo-random slot.
//!
//! TS001-1.0.4 §6.2.6 for 1.0.x; LoRaWAN 1.1 §6.1.1.4 (JSIntKey, JSEncKey) and §6.2.3 (session
//! keys).

use super::aes::Aes128Schedule;
use super::session::{Scheme, SessionKeys};
use crate::dev_addr::{DevAddr, NetId};
use crate::eui::{DevEui, JoinEui};
use crate::key::{
    AppKey, AppSKey, FNwkSIntKey, JsEncKey, JsIntKey, NwkKey, NwkSEncKey, NwkSKey, SNwkSIntKey,
};
use crate::nonce::{DevNonce, JoinNonce};

/// Which request a Join-Accept answers. Part of a 1.1 Join-Accept's MIC (LoRaWAN 1.1 §6.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum JoinReqType {
    Join,
    Rejoin0,
    Rejoin1,
    Rejoin2,
}

impl JoinReqType {
    /// The byte that stands for it.
    pub const fn value(self) -> u8 {
        match self {
            Self::Join => 0xff,
            Self::Rejoin0 => 0,
            Self::Rejoin1 => 1,
            Self::Rejoin2 => 2,
        }
    }
}

/// What a join has agreed on. After a Rejoin-Request its RJcount stands for DevNonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DerivationContext {
    /// The server's nonce.
    pub join_nonce: JoinNonce,
    /// The device's nonce.
    pub dev_nonce: DevNonce,
    /// Enters the keys of 1.0.x.
    pub net_id: NetId,
    /// Enters the keys of 1.1.
    pub join_eui: JoinEui,
}

impl DerivationContext {
    /// 1.0.x: type | JoinNonce | NetID | DevNonce | 0 (TS001-1.0.4 §6.2.6).
    fn block_1_0(&self, kind: u8) -> [u8; 16] {
        let [j0, j1, j2] = self.join_nonce.to_wire();
        let [n0, n1, n2] = self.net_id.to_wire();
        let [d0, d1] = self.dev_nonce.to_wire();
        [kind, j0, j1, j2, n0, n1, n2, d0, d1, 0, 0, 0, 0, 0, 0, 0]
    }

    /// 1.1: type | JoinNonce | JoinEUI | DevNonce | 0 (LoRaWAN 1.1 §6.2.3).
    fn block_1_1(&self, kind: u8) -> [u8; 16] {
        let [j0, j1, j2] = self.join_nonce.to_wire();
        let [e0, e1, e2, e3, e4, e5, e6, e7] = self.join_eui.to_wire();
        let [d0, d1] = self.dev_nonce.to_wire();
        [kind, j0, j1, j2, e0, e1, e2, e3, e4, e5, e6, e7, d0, d1, 0, 0]
    }
}

impl NwkKey {
    /// The key under the name that a 1.1 device knows it by on a 1.0.x network, where its NwkKey
    /// is the only root key (LoRaWAN 1.1 §6.1.1.3).
    pub const fn as_app_key(&self) -> AppKey {
        AppKey::from_bytes(*self.as_bytes())
    }
}

/// The keys of a 1.0.x session, or of a 1.1 device whose network answered without OptNeg (then
/// from [`NwkKey::as_app_key`]).
pub fn session_keys_1_0(app_key: &AppKey, context: &DerivationContext) -> SessionKeys {
    let root = Aes128Schedule::new(app_key.as_bytes());
    let nwk_s_key = NwkSKey::from_bytes(root.encrypt(context.block_1_0(1)));
    SessionKeys::v1_0(&nwk_s_key, AppSKey::from_bytes(root.encrypt(context.block_1_0(2))))
}

/// The keys of a 1.1 session: the network's from NwkKey, the application's from AppKey.
pub fn session_keys_1_1(
    nwk_key: &NwkKey,
    app_key: &AppKey,
    context: &DerivationContext,
) -> SessionKeys {
    let network = Aes128Schedule::new(nwk_key.as_bytes());
    let application = Aes128Schedule::new(app_key.as_bytes());
    SessionKeys {
        scheme: Scheme::V1_1,
        f_nwk_s_int_key: FNwkSIntKey::from_bytes(network.encrypt(context.block_1_1(1))),
        s_nwk_s_int_key: SNwkSIntKey::from_bytes(network.encrypt(context.block_1_1(3))),
        nwk_s_enc_key: NwkSEncKey::from_bytes(network.encrypt(context.block_1_1(4))),
        app_s_key: AppSKey::from_bytes(application.encrypt(context.block_1_1(2))),
    }
}

/// Type | DevEUI | 0 (LoRaWAN 1.1 §6.1.1.4).
fn device_block(kind: u8, dev_eui: DevEui) -> [u8; 16] {
    let [e0, e1, e2, e3, e4, e5, e6, e7] = dev_eui.to_wire();
    [kind, e0, e1, e2, e3, e4, e5, e6, e7, 0, 0, 0, 0, 0, 0, 0]
}

/// The key that encrypts a Join-Accept which answers a Rejoin-Request (1.1).
pub fn js_enc_key(nwk_key: &NwkKey, dev_eui: DevEui) -> JsEncKey {
    let root = Aes128Schedule::new(nwk_key.as_bytes());
    JsEncKey::from_bytes(root.encrypt(device_block(5, dev_eui)))
}

/// The key of the MIC of Join-Accepts and of Rejoin-Requests of type 1 (1.1).
pub fn js_int_key(nwk_key: &NwkKey, dev_eui: DevEui) -> JsIntKey {
    let root = Aes128Schedule::new(nwk_key.as_bytes());
    JsIntKey::from_bytes(root.encrypt(device_block(6, dev_eui)))
}

/// Class B: the first two bytes of Rand, little-endian. Modulo the ping period they are the offset
/// of the first ping slot of the beacon period that starts at `beacon_time` (GPS seconds). LoRaWAN
/// 1.1 §13.2.
pub fn ping_slot_rand(beacon_time: u32, dev_addr: DevAddr) -> u16 {
    let [t0, t1, t2, t3] = beacon_time.to_le_bytes();
    let [d0, d1, d2, d3] = dev_addr.to_wire();
    let block = [t0, t1, t2, t3, d0, d1, d2, d3, 0, 0, 0, 0, 0, 0, 0, 0];
    let [low, high, ..] = Aes128Schedule::new(&[0; 16]).encrypt(block);
    u16::from_le_bytes([low, high])
}
