//! Keys at work: schedules, message integrity codes, keystreams and derivations.
//!
//! TS001-1.0.4 and LoRaWAN 1.1, chapters on the MAC frame payload encryption, the message
//! integrity code and end-device activation; FOpts encryption errata for 1.1.

mod aes;
mod derive;
mod keystream;
mod mic;
mod session;

pub use aes::Aes128Schedule;
pub use derive::{
    DerivationContext, JoinReqType, js_enc_key, js_int_key, ping_slot_rand, session_keys_1_0,
    session_keys_1_1,
};
pub use mic::{Mic, MicMismatch, MicSchedule};
pub use session::{Scheme, SessionKeys, SessionSchedules, Uplink11Ctx};

pub(crate) use aes::{decrypt_blocks, encrypt_blocks};
pub(crate) use keystream::{FOptsCounter, KeystreamId};
pub(crate) use mic::BlockHead;
