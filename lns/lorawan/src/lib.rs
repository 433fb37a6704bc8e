//! What the LoRaWAN standard says: frames, keys, MAC commands, regions.
//!
//! Pure: no clock, no randomness, no socket. Bytes become types at the door and an unauthenticated
//! payload is a type that cannot be read.
#![forbid(unsafe_code)]

mod airtime;
mod dev_addr;
mod eui;
mod f_cnt;
mod hex_text;
mod key;
mod nonce;
mod time;
mod units;

pub use airtime::{PREAMBLE_SYMBOLS, time_on_air};
pub use dev_addr::{DevAddr, DevAddrPrefix, NetId};
pub use eui::{DevEui, GatewayEui, JoinEui};
pub use f_cnt::{AFCntDown, FCntDown, FCntUp, NFCntDown, WireFCnt};
pub use hex_text::HexError;
pub use key::{
    AppKey, AppSKey, FNwkSIntKey, GenAppKey, JsEncKey, JsIntKey, NwkKey, NwkSEncKey, NwkSKey,
    SNwkSIntKey,
};
pub use nonce::{DevNonce, JoinNonce, JoinNonceTooLarge};
pub use time::{GpsTime, TimeDelta, Timestamp, Tmst};
pub use units::{
    Bandwidth, CodingRate, DataRateIndex, Db, Dbm, Direction, Frequency, IndexTooLarge,
    LrFhssCoding, Modulation, SpreadingFactor, TxPowerIndex, UnitError, Window,
};
