//! Frames by the crate `lorawan`, for devices that are only keys and a counter.

use lorawan::creator::{DataPayloadCreator, JoinRequestCreator};
use lorawan::default_crypto::DefaultFactory;
use lorawan::keys::{AppEui, AppKey, AppSKey, DevEui, NewSKey};
use lorawan::parser::{
    DataHeader, DataPayload, DevAddr, DevNonce, FCtrl, FRMPayload, JoinAcceptPayload, PhyPayload,
    parse,
};

/// A LoRaWAN 1.0 session by personalization.
#[derive(Clone, Copy, Debug)]
pub struct AbpSession {
    /// The address, as a number.
    pub dev_addr: u32,
    /// NwkSKey.
    pub nwk_s_key: [u8; 16],
    /// AppSKey.
    pub app_s_key: [u8; 16],
}

/// What a downlink says, once its MIC has been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedDownlink {
    /// FCntDown as it stands in the frame, 16 bits.
    pub f_cnt: u16,
    /// The ACK bit.
    pub ack: bool,
    /// FPort, where there is one.
    pub f_port: Option<u8>,
    /// The decrypted FRMPayload.
    pub payload: Vec<u8>,
}

impl AbpSession {
    /// A session whose keys are made of `number`.
    pub fn numbered(number: u8) -> Self {
        let dev_addr = 0x0100_0000 | u32::from(number) << 8 | u32::from(number);
        Self { dev_addr, nwk_s_key: [number; 16], app_s_key: [number ^ 0xff; 16] }
    }

    /// A data frame up.
    pub fn uplink(&self, f_cnt: u32, f_port: u8, payload: &[u8], confirmed: bool) -> Vec<u8> {
        let mut frame = DataPayloadCreator::new();
        frame
            .set_uplink(true)
            .set_confirmed(confirmed)
            .set_fctrl(&FCtrl::new(0, true))
            .set_dev_addr(DevAddr::from(self.dev_addr.to_le_bytes()))
            .set_f_port(f_port)
            .set_fcnt(f_cnt);
        let (nwk, app) = (NewSKey::from(self.nwk_s_key), AppSKey::from(self.app_s_key));
        frame.build(payload, &[], &nwk, &app).expect("a frame of a few bytes").to_vec()
    }

    /// Opens a downlink whose counter has not gone beyond 16 bits; `None` when it is not ours, or
    /// its MIC is wrong.
    pub fn open(&self, bytes: &[u8]) -> Option<OpenedDownlink> {
        let Ok(PhyPayload::Data(DataPayload::Encrypted(sealed))) = parse(bytes.to_vec()) else {
            return None;
        };
        let header = sealed.fhdr();
        let ours = header.dev_addr().as_ref() == self.dev_addr.to_le_bytes();
        let (f_cnt, ack) = (header.fcnt(), header.fctrl().ack());
        let (nwk, app) = (NewSKey::from(self.nwk_s_key), AppSKey::from(self.app_s_key));
        if !ours || sealed.is_uplink() || !sealed.validate_mic(nwk.inner(), u32::from(f_cnt)) {
            return None;
        }
        let opened = sealed.decrypt(Some(nwk.inner()), Some(app.inner()), u32::from(f_cnt)).ok()?;
        let payload = match opened.frm_payload() {
            FRMPayload::Data(payload) => payload.to_vec(),
            FRMPayload::MACCommands(_) | FRMPayload::None => Vec::new(),
        };
        Some(OpenedDownlink { f_cnt, ack, f_port: opened.f_port(), payload })
    }
}

/// A Join-Request. EUIs are numbers as they are printed.
pub fn join_request(join_eui: u64, dev_eui: u64, dev_nonce: u16, app_key: [u8; 16]) -> Vec<u8> {
    let mut frame: JoinRequestCreator<[u8; 23], DefaultFactory> =
        JoinRequestCreator::with_options([0; 23], DefaultFactory).expect("23 bytes");
    frame
        .set_app_eui(AppEui::from(join_eui.to_le_bytes()))
        .set_dev_eui(DevEui::from(dev_eui.to_le_bytes()))
        .set_dev_nonce(DevNonce::from(dev_nonce));
    frame.build(&AppKey::from(app_key)).to_vec()
}

/// The JoinNonce of a Join-Accept whose MIC the key verifies.
pub fn open_join_accept(bytes: &[u8], app_key: [u8; 16]) -> Option<u32> {
    let Ok(PhyPayload::JoinAccept(JoinAcceptPayload::Encrypted(sealed))) = parse(bytes.to_vec())
    else {
        return None;
    };
    let key = AppKey::from(app_key);
    let opened = sealed.decrypt(&key);
    let nonce = opened.app_nonce();
    let &[low, middle, high] = nonce.as_ref() else { return None };
    opened.validate_mic(&key).then(|| u32::from_le_bytes([low, middle, high, 0]))
}
