//! Frames: bytes to meaning and back.
//!
//! `parse` never looks at a key and never shows a payload: what it returns is *sealed*. Opening
//! checks the MIC first. TS001-1.0.4 §4 and §6.2, LoRaWAN 1.1 §4 and §6.2.

mod build;
mod cf_list;
mod data;
mod error;
mod f_hdr;
mod join;
mod phy;
mod reader;
mod rejoin;
mod relay;

pub use build::{DataDown, DataUp};
pub use cf_list::CfList;
pub use data::{OpenedDownlink, OpenedUplink, SealedDownlink, SealedUplink};
pub use error::{BuildError, FrameKind, JoinAcceptError, WireError};
pub use f_hdr::{FCtrlDown, FCtrlUp, FOpts, FrmPayload};
pub use join::{
    DlSettings, EncryptedJoinAccept, JoinAcceptCipher, JoinAcceptFields, JoinAcceptKeys,
    JoinRequest, RxDelay,
};
pub use phy::{Frame, PhyPayload};
pub use rejoin::{RejoinFields, RejoinRequest};
pub use relay::{ForwardedUplink, RelayError};

pub(crate) use reader::Reader;
