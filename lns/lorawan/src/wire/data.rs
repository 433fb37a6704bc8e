//! Data frames, sealed and opened. TS001-1.0.4 §4.3.
//!
//! A sealed frame shows its header and how long its payload is. The payload itself comes only from
//! an opened one, that is, after the MIC has verified.

use super::error::{FrameKind, WireError};
use super::f_hdr::{FCtrlDown, FCtrlUp, FOpts, FrmPayload};
use super::reader::Reader;
use crate::crypto::{
    BlockHead, FOptsCounter, KeystreamId, Mic, MicMismatch, MicSchedule, Scheme, SessionSchedules,
    Uplink11Ctx,
};
use crate::dev_addr::DevAddr;
use crate::f_cnt::{FCntDown, FCntUp, WireFCnt};
use crate::units::Direction;

/// What both directions have in common, still encrypted.
#[derive(Debug, Clone, Copy)]
struct Sealed<'a> {
    bytes: &'a [u8],
    /// All but the MIC.
    signed: &'a [u8],
    length: u8,
    confirmed: bool,
    dev_addr: DevAddr,
    f_ctrl: u8,
    f_cnt: WireFCnt,
    f_opts: &'a [u8],
    f_port: Option<u8>,
    frm_payload: &'a [u8],
    mic: Mic,
}

impl<'a> Sealed<'a> {
    fn parse(bytes: &'a [u8], confirmed: bool, kind: FrameKind) -> Result<Self, WireError> {
        let wrong_length = WireError::Length { kind, length: bytes.len() };
        let mut reader = Reader::new(bytes);
        let mic = Mic(reader.last_array().ok_or(wrong_length)?);
        let signed = reader.rest();
        let length = u8::try_from(signed.len()).map_err(|_| wrong_length)?;
        let mut header = || {
            reader.byte()?;
            Some((
                DevAddr::from_wire(reader.array()?),
                reader.byte()?,
                WireFCnt::from_wire(reader.array()?),
            ))
        };
        let (dev_addr, f_ctrl, f_cnt) = header().ok_or(wrong_length)?;
        let f_opts_len = usize::from(f_ctrl & 0x0f);
        let available = reader.rest().len();
        let beyond = WireError::FOptsBeyondFrame { f_opts_len, available };
        let f_opts = reader.slice(f_opts_len).ok_or(beyond)?;
        let f_port = reader.byte();
        // MAC commands stand in one place or the other (TS001-1.0.4 §4.3.1.6).
        if f_port == Some(0) && f_opts_len > 0 {
            return Err(WireError::FOptsWithFPort0 { f_opts_len });
        }
        let frm_payload = reader.rest();
        Ok(Self {
            bytes,
            signed,
            length,
            confirmed,
            dev_addr,
            f_ctrl,
            f_cnt,
            f_opts,
            f_port,
            frm_payload,
            mic,
        })
    }

    /// `full` for B0, or nothing if it is not the counter that the frame shows half of.
    fn head(&self, direction: Direction, full: (WireFCnt, [u8; 4])) -> Option<BlockHead> {
        let (wire, f_cnt) = full;
        let head = BlockHead { direction, dev_addr: self.dev_addr, f_cnt, length: self.length };
        (wire == self.f_cnt).then_some(head)
    }

    fn decrypt(
        &self,
        keys: &SessionSchedules,
        (id, counter): (KeystreamId, FOptsCounter),
    ) -> (FOpts, FrmPayload) {
        let mut f_opts = FOpts::try_from(self.f_opts).unwrap_or_default();
        id.apply_to_f_opts(&keys.nwk_s_enc, keys.scheme, (counter, f_opts.as_mut_slice()));
        let mut payload: Box<[u8]> = self.frm_payload.into();
        if let Some(f_port) = self.f_port {
            id.apply_to_payload(keys.payload_key(f_port), &mut payload);
        }
        (f_opts, FrmPayload::from_clear(payload))
    }
}

macro_rules! header_questions {
    () => {
        /// The PHYPayload as it arrived.
        pub const fn bytes(&self) -> &'a [u8] {
            self.0.bytes
        }

        /// Does the sender want an acknowledgement?
        pub const fn confirmed(&self) -> bool {
            self.0.confirmed
        }

        /// Whose frame it says it is.
        pub const fn dev_addr(&self) -> DevAddr {
            self.0.dev_addr
        }

        /// The low half of the counter.
        pub const fn wire_f_cnt(&self) -> WireFCnt {
            self.0.f_cnt
        }

        /// Bytes of FOpts, 0 to 15.
        pub const fn f_opts_len(&self) -> usize {
            self.0.f_opts.len()
        }

        /// The port; `None` where the frame has neither port nor payload. A frame can have a port
        /// and an empty payload.
        pub const fn f_port(&self) -> Option<u8> {
            self.0.f_port
        }

        /// Bytes of FRMPayload, 0 to 242.
        pub const fn frm_payload_len(&self) -> usize {
            self.0.frm_payload.len()
        }

        /// The code at its end.
        pub const fn mic(&self) -> Mic {
            self.0.mic
        }
    };
}

/// An uplink that nobody has verified.
#[derive(Debug, Clone, Copy)]
pub struct SealedUplink<'a>(Sealed<'a>);

impl<'a> SealedUplink<'a> {
    pub(crate) fn parse(bytes: &'a [u8], confirmed: bool) -> Result<Self, WireError> {
        Sealed::parse(bytes, confirmed, FrameKind::DataUp).map(Self)
    }

    header_questions!();

    /// The flags.
    pub const fn f_ctrl(&self) -> FCtrlUp {
        FCtrlUp::from_byte(self.0.f_ctrl)
    }

    /// Did a device of this session send it, with this full counter?
    ///
    /// 1.0.x: CMAC over B0 (TS001-1.0.4 §4.4). 1.1: two bytes of CMAC over B1, then two over B0, so
    /// data rate, channel and (with ACK) the acknowledged counter must be right as well (LoRaWAN
    /// 1.1 §4.4.2).
    pub fn verify(&self, keys: &SessionSchedules, f_cnt_up: FCntUp, context: Uplink11Ctx) -> bool {
        let Some(head) = self.head(f_cnt_up) else { return false };
        let forwarding = keys.f_nwk_s_int.mic_after(head.b0(0), self.0.signed);
        let Some(serving_key) = &keys.s_nwk_s_int else { return forwarding == self.0.mic };
        let conf_f_cnt = if self.f_ctrl().ack { context.conf_f_cnt } else { 0 };
        let b1 = head.b1(conf_f_cnt, context.tx_dr.value(), context.tx_ch);
        let (Mic([s0, s1, ..]), Mic([f0, f1, ..])) =
            (serving_key.mic_after(b1, self.0.signed), forwarding);
        Mic([s0, s1, f0, f1]) == self.0.mic
    }

    /// 1.1: only the half of the MIC that needs no context (two bytes, so one stranger in 65 536
    /// passes). A quick refusal before the contexts are tried one by one.
    pub fn verify_f_nwk_s_int(&self, key: &MicSchedule, f_cnt_up: FCntUp) -> bool {
        let Some(head) = self.head(f_cnt_up) else { return false };
        let (Mic([f0, f1, ..]), Mic([_, _, m0, m1])) =
            (key.mic_after(head.b0(0), self.0.signed), self.0.mic);
        f0 == m0 && f1 == m1
    }

    /// What FNwkSIntKey alone can say: in 1.0.x whether the frame verifies, in 1.1 whether it may
    /// ([`Self::verify_f_nwk_s_int`]). One CMAC, and no other key needs to be expanded for it.
    pub fn may_verify(&self, key: &MicSchedule, scheme: Scheme, f_cnt_up: FCntUp) -> bool {
        if scheme.is_1_1() {
            return self.verify_f_nwk_s_int(key, f_cnt_up);
        }
        let head = self.head(f_cnt_up);
        head.is_some_and(|head| key.mic_after(head.b0(0), self.0.signed) == self.0.mic)
    }

    fn head(&self, f_cnt_up: FCntUp) -> Option<BlockHead> {
        self.0.head(Direction::Up, (f_cnt_up.wire(), f_cnt_up.to_block()))
    }

    /// Verifies, then decrypts.
    pub fn open(
        &self,
        keys: &SessionSchedules,
        f_cnt_up: FCntUp,
        context: Uplink11Ctx,
    ) -> Result<OpenedUplink, MicMismatch> {
        if !self.verify(keys, f_cnt_up, context) {
            return Err(MicMismatch);
        }
        let id = KeystreamId {
            direction: Direction::Up,
            dev_addr: self.0.dev_addr,
            f_cnt: f_cnt_up.to_block(),
        };
        let (f_opts, frm_payload) = self.0.decrypt(keys, (id, FOptsCounter::FCntUp));
        Ok(OpenedUplink {
            confirmed: self.0.confirmed,
            dev_addr: self.0.dev_addr,
            f_ctrl: self.f_ctrl(),
            f_cnt_up,
            f_opts,
            f_port: self.0.f_port,
            frm_payload,
        })
    }
}

/// An uplink that its session has verified, in clear. Owns its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenedUplink {
    /// Does the device want an acknowledgement?
    pub confirmed: bool,
    /// The session's address.
    pub dev_addr: DevAddr,
    /// The flags.
    pub f_ctrl: FCtrlUp,
    /// The full counter.
    pub f_cnt_up: FCntUp,
    /// MAC commands in the header.
    pub f_opts: FOpts,
    /// `None`: neither port nor payload.
    pub f_port: Option<u8>,
    /// With FPort 0, MAC commands.
    pub frm_payload: FrmPayload,
}

impl OpenedUplink {
    /// The MAC commands, wherever they stand.
    pub fn mac_commands(&self) -> &[u8] {
        if self.f_port == Some(0) { &self.frm_payload } else { &self.f_opts }
    }
}

/// A downlink that nobody has verified. Servers meet it in simulators and decoders.
#[derive(Debug, Clone, Copy)]
pub struct SealedDownlink<'a>(Sealed<'a>);

impl<'a> SealedDownlink<'a> {
    pub(crate) fn parse(bytes: &'a [u8], confirmed: bool) -> Result<Self, WireError> {
        Sealed::parse(bytes, confirmed, FrameKind::DataDown).map(Self)
    }

    header_questions!();

    /// The flags.
    pub const fn f_ctrl(&self) -> FCtrlDown {
        FCtrlDown::from_byte(self.0.f_ctrl)
    }

    /// Did the network of this session send it, with this full counter?
    ///
    /// `conf_f_cnt` is the low half of the counter of the uplink that the frame acknowledges. It
    /// matters only in 1.1, and with ACK (LoRaWAN 1.1 §4.4.1).
    pub fn verify(&self, keys: &SessionSchedules, f_cnt_down: FCntDown, conf_f_cnt: u16) -> bool {
        let full = (f_cnt_down.wire(), f_cnt_down.to_block());
        let Some(head) = self.0.head(Direction::Down, full) else { return false };
        let covered = keys.scheme.is_1_1() && self.f_ctrl().ack;
        let b0 = head.b0(if covered { conf_f_cnt } else { 0 });
        keys.downlink_mic().mic_after(b0, self.0.signed) == self.0.mic
    }

    /// Verifies, then decrypts.
    pub fn open(
        &self,
        keys: &SessionSchedules,
        f_cnt_down: FCntDown,
        conf_f_cnt: u16,
    ) -> Result<OpenedDownlink, MicMismatch> {
        if !self.verify(keys, f_cnt_down, conf_f_cnt) {
            return Err(MicMismatch);
        }
        let id = KeystreamId {
            direction: Direction::Down,
            dev_addr: self.0.dev_addr,
            f_cnt: f_cnt_down.to_block(),
        };
        let counter = FOptsCounter::of_downlink(self.0.f_port);
        let (f_opts, frm_payload) = self.0.decrypt(keys, (id, counter));
        Ok(OpenedDownlink {
            confirmed: self.0.confirmed,
            dev_addr: self.0.dev_addr,
            f_ctrl: self.f_ctrl(),
            f_cnt_down,
            f_opts,
            f_port: self.0.f_port,
            frm_payload,
        })
    }
}

/// A downlink that its session has verified, in clear. Owns its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenedDownlink {
    /// Does the network want an acknowledgement?
    pub confirmed: bool,
    /// The session's address.
    pub dev_addr: DevAddr,
    /// The flags.
    pub f_ctrl: FCtrlDown,
    /// The full counter: in 1.1 NFCntDown or AFCntDown, by FPort.
    pub f_cnt_down: FCntDown,
    /// MAC commands in the header.
    pub f_opts: FOpts,
    /// `None`: neither port nor payload.
    pub f_port: Option<u8>,
    /// With FPort 0, MAC commands.
    pub frm_payload: FrmPayload,
}

impl OpenedDownlink {
    /// The MAC commands, wherever they stand.
    pub fn mac_commands(&self) -> &[u8] {
        if self.f_port == Some(0) { &self.frm_payload } else { &self.f_opts }
    }
}
