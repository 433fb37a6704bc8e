//! A device's record of version 1, as the first release wrote it. Read and never written.

use lns_lorawan::{
    ChMask, DataRateIndex, DevAddr, DevNonce, FCntDown, FCntUp, Frequency, JoinNonce, MacVersion,
    SessionKeys, Timestamp,
};
use serde::Deserialize;

use crate::device::{Queued, Recent};
use crate::mac::MacState;
use crate::mac::channel_plan;
use crate::mac::dev_status::DevStatus;
use crate::profile::Profile;
use crate::session::{Channels, DownCounter, MacParams, RxParams, Session};

use super::event::EventV1;
use super::session::KeysV1;

/// A device's record.
#[derive(Deserialize)]
pub(super) struct DeviceV1 {
    pub session: Option<SessionV1>,
    pub pending: Option<SessionV1>,
    pub join_nonce: Option<JoinNonce>,
    pub last_dev_nonce: Option<DevNonce>,
    pub queue: Vec<Queued>,
    pub mac: MacV1,
    pub events: Vec<EventV1>,
    pub next_event: u64,
    pub recent: Recent,
}

/// Of the downlink counters only the ceilings are durable.
#[derive(Deserialize)]
pub(super) struct SessionV1 {
    dev_addr: DevAddr,
    keys: KeysV1,
    mac_version: MacVersion,
    f_cnt_up: Option<FCntUp>,
    f_cnt_up_start: FCntUp,
    last_digest: [u8; 8],
    n_f_cnt_down_ceiling: FCntDown,
    a_f_cnt_down_ceiling: FCntDown,
    confirmed_f_cnt_down: Option<FCntDown>,
    rx: RxParams,
    extra_channels: Vec<Option<Frequency>>,
    ch_mask: Option<ChMask>,
}

/// What a device had told, and two requests of ours.
#[derive(Deserialize)]
pub(super) struct MacV1 {
    pub data_rate: Option<DataRateIndex>,
    adr: bool,
    answer: Option<(u8, i8)>,
    answered_at: Option<Timestamp>,
    _dev_status: AskV1,
    _link_adr: AskV1,
}

/// How often it was asked in vain: forgotten.
#[derive(Deserialize)]
struct AskV1 {
    _tries: u8,
    _not_before: FCntUp,
}

impl SessionV1 {
    /// The session of a device with this profile: the region's default channels were not written,
    /// and the data rate that it was last heard at stands elsewhere.
    pub fn into_session(self, profile: &Profile, data_rate: Option<DataRateIndex>) -> Session {
        let keys = SessionKeys::from(self.keys);
        let channels = Channels::new(profile.tables(), self.extra_channels);
        let dynamic = || profile.tables().plan.is_dynamic();
        let ch_mask = self.ch_mask.or_else(|| dynamic().then(|| channel_plan::defined(&channels)));
        let start = MacParams::at_start(self.rx, channels, ch_mask);
        let current = MacParams { data_rate, ..start };
        Session {
            f_cnt_up: self.f_cnt_up,
            f_cnt_up_start: self.f_cnt_up_start,
            last_digest: u64::from_le_bytes(self.last_digest),
            n_f_cnt_down: DownCounter::after_crash(self.n_f_cnt_down_ceiling),
            a_f_cnt_down: DownCounter::after_crash(self.a_f_cnt_down_ceiling),
            confirmed_f_cnt_down: self.confirmed_f_cnt_down,
            ..Session::new(self.dev_addr, keys, self.mac_version, current)
        }
    }
}

impl From<MacV1> for MacState {
    fn from(record: MacV1) -> Self {
        MacState {
            adr: record.adr,
            dev_status: DevStatus::said(record.answer, record.answered_at),
            ..MacState::default()
        }
    }
}
