//! Keys at work: schedules, message integrity codes, keystreams and derivations.
//!
//! Payload encryption: LoRaWAN 1.1 §4.3.3. MIC: TS001-1.0.4 §4.4, LoRaWAN 1.1 §4.4.1 and §4.4.2.
//! Keys: TS001-1.0.4 §6.2.6, LoRaWAN 1.1 §6.1.1.4 and §6.2.3. FOpts: LoRaWAN 1.1 §4.3.1.6 with its
//! errata.

mod aes;
mod derive;
mod keystream;
mod mic;
mod multicast;
mod session;

pub use aes::Aes128Schedule;
pub use derive::{
    DerivationContext, JoinReqType, js_enc_key, js_int_key, ping_slot_rand, session_keys_1_0,
    session_keys_1_1,
};
pub use mic::{Mic, MicMismatch, MicSchedule};
pub use multicast::{McRoot, mc_ke_key, mc_key_encrypted, mc_session_keys};
pub use session::{RELAY_F_PORT, Scheme, SessionKeys, SessionSchedules, Uplink11Ctx};

pub(crate) use aes::{decrypt_blocks, encrypt_blocks};
pub(crate) use keystream::{FOptsCounter, KeystreamId};
pub(crate) use mic::BlockHead;
