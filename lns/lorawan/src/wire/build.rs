//! Data frames from their parts.

use super::error::BuildError;
use super::f_hdr::{FCtrlDown, FCtrlUp, FOpts};
use crate::crypto::{BlockHead, FOptsCounter, KeystreamId, Mic, SessionSchedules, Uplink11Ctx};
use crate::dev_addr::DevAddr;
use crate::f_cnt::{FCntDown, FCntUp, WireFCnt};
use crate::units::Direction;

/// The longest MACPayload at any data rate of any region.
const MAX_MAC_PAYLOAD: usize = 250;

/// An uplink to be built, in clear.
#[derive(Debug, Clone, Copy)]
pub struct DataUp<'a> {
    /// Ask for an acknowledgement?
    pub confirmed: bool,
    /// The session's address.
    pub dev_addr: DevAddr,
    /// The flags.
    pub f_ctrl: FCtrlUp,
    /// The full counter.
    pub f_cnt_up: FCntUp,
    /// MAC commands, at most 15 bytes, none with FPort 0.
    pub f_opts: &'a [u8],
    /// `None` for a frame without port and payload.
    pub f_port: Option<u8>,
    /// The payload; MAC commands with FPort 0.
    pub frm_payload: &'a [u8],
}

/// A downlink to be built, in clear.
#[derive(Debug, Clone, Copy)]
pub struct DataDown<'a> {
    /// Ask for an acknowledgement?
    pub confirmed: bool,
    /// The session's address.
    pub dev_addr: DevAddr,
    /// The flags.
    pub f_ctrl: FCtrlDown,
    /// The full counter: in 1.1 NFCntDown without FPort or with FPort 0, else AFCntDown (LoRaWAN
    /// 1.1 §4.3.1.5).
    pub f_cnt_down: FCntDown,
    /// MAC commands, at most 15 bytes, none with FPort 0.
    pub f_opts: &'a [u8],
    /// `None` for a frame without port and payload.
    pub f_port: Option<u8>,
    /// The payload; MAC commands with FPort 0.
    pub frm_payload: &'a [u8],
}

impl DataUp<'_> {
    /// Encrypts and signs. `context` matters in 1.1 only.
    pub fn build(
        &self,
        keys: &SessionSchedules,
        context: Uplink11Ctx,
    ) -> Result<Vec<u8>, BuildError> {
        let parts = Parts {
            mhdr: if self.confirmed { 0x80 } else { 0x40 },
            direction: Direction::Up,
            dev_addr: self.dev_addr,
            f_ctrl: self.f_ctrl.to_byte(),
            f_cnt: (self.f_cnt_up.wire(), self.f_cnt_up.to_block()),
            f_opts: (FOptsCounter::FCntUp, self.f_opts),
            f_port: self.f_port,
            frm_payload: self.frm_payload,
        };
        let (mut frame, head) = parts.encrypt(keys)?;
        let Mic([f0, f1, f2, f3]) = keys.f_nwk_s_int.mic_after(head.b0(0), &frame);
        let mic = match &keys.s_nwk_s_int {
            None => [f0, f1, f2, f3],
            Some(serving_key) => {
                let conf_f_cnt = if self.f_ctrl.ack { context.conf_f_cnt } else { 0 };
                let b1 = head.b1(conf_f_cnt, context.tx_dr.value(), context.tx_ch);
                let Mic([s0, s1, ..]) = serving_key.mic_after(b1, &frame);
                [s0, s1, f0, f1]
            }
        };
        frame.extend(mic);
        Ok(frame)
    }
}

impl DataDown<'_> {
    /// Encrypts and signs. `conf_f_cnt` is the low half of the counter of the uplink that this
    /// frame acknowledges; it matters only in 1.1, and with ACK.
    pub fn build(&self, keys: &SessionSchedules, conf_f_cnt: u16) -> Result<Vec<u8>, BuildError> {
        let parts = Parts {
            mhdr: if self.confirmed { 0xa0 } else { 0x60 },
            direction: Direction::Down,
            dev_addr: self.dev_addr,
            f_ctrl: self.f_ctrl.to_byte(),
            f_cnt: (self.f_cnt_down.wire(), self.f_cnt_down.to_block()),
            f_opts: (FOptsCounter::of_downlink(self.f_port), self.f_opts),
            f_port: self.f_port,
            frm_payload: self.frm_payload,
        };
        let (mut frame, head) = parts.encrypt(keys)?;
        let covered = keys.scheme.is_1_1() && self.f_ctrl.ack;
        let b0 = head.b0(if covered { conf_f_cnt } else { 0 });
        let mic = keys.downlink_mic().mic_after(b0, &frame);
        frame.extend(mic.0);
        Ok(frame)
    }
}

struct Parts<'a> {
    mhdr: u8,
    direction: Direction,
    dev_addr: DevAddr,
    f_ctrl: u8,
    f_cnt: (WireFCnt, [u8; 4]),
    f_opts: (FOptsCounter, &'a [u8]),
    f_port: Option<u8>,
    frm_payload: &'a [u8],
}

impl Parts<'_> {
    /// Everything but the MIC, and what stands in front of it when the MIC is computed.
    fn encrypt(&self, keys: &SessionSchedules) -> Result<(Vec<u8>, BlockHead), BuildError> {
        let (wire_f_cnt, f_cnt) = self.f_cnt;
        let (counter, clear) = self.f_opts;
        let mut f_opts = FOpts::try_from(clear)?;
        let f_opts_len = self.check(f_opts.len())?;
        let id = KeystreamId { direction: self.direction, dev_addr: self.dev_addr, f_cnt };
        id.apply_to_f_opts(&keys.nwk_s_enc, keys.scheme, (counter, f_opts.as_mut_slice()));

        let mut frame = Vec::with_capacity(13 + f_opts.len() + self.frm_payload.len());
        frame.push(self.mhdr);
        frame.extend(self.dev_addr.to_wire());
        frame.push(self.f_ctrl | f_opts_len);
        frame.extend(wire_f_cnt.to_wire());
        frame.extend_from_slice(&f_opts);
        if let Some(f_port) = self.f_port {
            frame.push(f_port);
            let mut payload = self.frm_payload.to_vec();
            id.apply_to_payload(keys.payload_key(f_port), &mut payload);
            frame.append(&mut payload);
        }
        let too_long = BuildError::TooLong { length: frame.len() };
        let length = u8::try_from(frame.len()).map_err(|_| too_long)?;
        let head = BlockHead { direction: self.direction, dev_addr: self.dev_addr, f_cnt, length };
        Ok((frame, head))
    }

    /// FOptsLen, if the parts fit each other (TS001-1.0.4 §4.3.1.6 and §4.3.2) and the air.
    fn check(&self, f_opts_len: usize) -> Result<u8, BuildError> {
        if self.f_port == Some(0) && f_opts_len > 0 {
            return Err(BuildError::FOptsWithFPort0 { f_opts_len });
        }
        if self.f_port.is_none() && !self.frm_payload.is_empty() {
            return Err(BuildError::PayloadWithoutFPort { length: self.frm_payload.len() });
        }
        let length = 7 + f_opts_len + usize::from(self.f_port.is_some()) + self.frm_payload.len();
        if length > MAX_MAC_PAYLOAD {
            return Err(BuildError::TooLong { length });
        }
        u8::try_from(f_opts_len).map_err(|_| BuildError::FOptsTooLong { length: f_opts_len })
    }
}
