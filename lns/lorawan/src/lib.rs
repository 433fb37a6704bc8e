//! What the LoRaWAN standard says: frames, keys, MAC commands, regions.
//!
//! Pure: no clock, no randomness, no socket. Bytes become types at the door and an unauthenticated
//! payload is a type that cannot be read.
#![forbid(unsafe_code)]

mod airtime;
mod crypto;
mod dev_addr;
mod eui;
mod f_cnt;
mod hex_text;
mod key;
pub mod mac;
mod modulation;
mod nonce;
pub mod region;
mod time;
mod units;
mod version;
mod wire;

pub use airtime::{PREAMBLE_SYMBOLS, time_on_air};
pub use crypto::{
    Aes128Schedule, DerivationContext, JoinReqType, McRoot, Mic, MicMismatch, MicSchedule,
    RELAY_F_PORT, Scheme, SessionKeys, SessionSchedules, Uplink11Ctx, js_enc_key, js_int_key,
    mc_ke_key, mc_key_encrypted, mc_session_keys, ping_slot_rand, session_keys_1_0,
    session_keys_1_1,
};
pub use dev_addr::{DevAddr, DevAddrPrefix, NetId};
pub use eui::{DevEui, GatewayEui, JoinEui};
pub use f_cnt::{AFCntDown, FCntDown, FCntUp, NFCntDown, WireFCnt};
pub use hex_text::HexError;
pub use key::{
    AppKey, AppSKey, FNwkSIntKey, GenAppKey, JsEncKey, JsIntKey, McKeKey, McKey, NwkKey,
    NwkSEncKey, NwkSKey, SNwkSIntKey,
};
pub use mac::{
    DownlinkMacCommand, DownlinkMacCommands, MacStop, UplinkMacCommand, UplinkMacCommands,
};
pub use modulation::{Bandwidth, CodingRate, LrFhssCoding, Modulation, SpreadingFactor, UnitError};
pub use nonce::{DevNonce, JoinNonce, JoinNonceTooLarge};
pub use region::{ChMask, Region, RegionTables};
pub use time::{GpsTime, TimeDelta, Timestamp, Tmst};
pub use units::{
    DataRateIndex, Db, Dbm, Direction, Frequency, FrequencyStep, IndexTooLarge, TxPowerIndex,
    Window,
};
pub use version::{MacVersion, RegParamsRevision, VersionError};
pub use wire::{
    BuildError, CfList, DataDown, DataUp, DlSettings, EncryptedJoinAccept, FCtrlDown, FCtrlUp,
    FOpts, ForwardedUplink, Frame, FrameKind, FrmPayload, JoinAcceptCipher, JoinAcceptError,
    JoinAcceptFields, JoinAcceptKeys, JoinRequest, OpenedDownlink, OpenedUplink, PhyPayload,
    RejoinFields, RejoinRequest, RelayError, RxDelay, SealedDownlink, SealedUplink, WireError,
};
