//! Joining over the air. TS001-1.0.4 §6.2.5 and §6.2.6; LoRaWAN 1.1 §6.2.2 to §6.2.4.

use lns_lorawan::{
    AppKey, DerivationContext, DevNonce, EncryptedJoinAccept, JoinAcceptCipher, JoinAcceptFields,
    JoinAcceptKeys, JoinEui, JoinNonce, JoinReqType, JoinRequest, NwkKey, RejoinFields,
    SessionKeys, js_enc_key, js_int_key, session_keys_1_0, session_keys_1_1,
};

use super::spec::{Activation, DevNonces};
use super::{DeviceSpec, Session, Unheard};
use crate::random::Random;

/// Root keys.
#[derive(Debug, Clone)]
enum Roots {
    V1_0 { app_key: AppKey },
    V1_1 { nwk_key: NwkKey, app_key: AppKey },
}

/// What a device remembers of its joins, across sessions.
#[derive(Debug, Clone)]
pub(super) struct Joins {
    join_eui: JoinEui,
    roots: Roots,
    next: DevNonces,
    /// What was asked last, and with which nonce (or RJcount); what its Join-Accept must fit.
    asked: Option<(JoinReqType, DevNonce)>,
    last_join_nonce: Option<JoinNonce>,
    /// Join-Requests so far.
    pub attempts: u32,
    /// Of the next Rejoin-Request of type 0 or 2, and of type 1.
    pub rj_counts: (u16, u16),
}

/// A Join-Accept that was meant for this device.
#[derive(Debug)]
pub(super) struct Accepted {
    pub fields: JoinAcceptFields,
    pub keys: SessionKeys,
    /// What it answers.
    pub answers: JoinReqType,
}

impl Joins {
    /// `None` for a personalized device.
    pub(super) fn new(spec: &DeviceSpec) -> Option<Self> {
        let bend = |key: &[u8; 16]| spec.mischief.bend(*key);
        let (join_eui, roots, next) = match &spec.activation {
            Activation::Otaa { join_eui, app_key, dev_nonces } => {
                let app_key = AppKey::from_bytes(bend(app_key.as_bytes()));
                (*join_eui, Roots::V1_0 { app_key }, *dev_nonces)
            }
            Activation::Otaa11 { join_eui, nwk_key, app_key, dev_nonce } => {
                let nwk_key = NwkKey::from_bytes(bend(nwk_key.as_bytes()));
                let app_key = AppKey::from_bytes(bend(app_key.as_bytes()));
                (*join_eui, Roots::V1_1 { nwk_key, app_key }, DevNonces::Counting(*dev_nonce))
            }
            Activation::Abp { .. } | Activation::Abp11 { .. } => return None,
        };
        let (asked, last_join_nonce, attempts, rj_counts) = (None, None, 0, (0, 0));
        Some(Self { join_eui, roots, next, asked, last_join_nonce, attempts, rj_counts })
    }

    /// The next Join-Request.
    pub(super) fn ask(&mut self, spec: &DeviceSpec, random: &mut Random) -> (DevNonce, Vec<u8>) {
        let drawn = match self.next {
            DevNonces::Random => DevNonce(u16::from_le_bytes(random.bytes())),
            DevNonces::Counting(next) => {
                self.next = DevNonces::Counting(DevNonce(next.0.wrapping_add(1)));
                next
            }
        };
        let dev_nonce = spec.mischief.dev_nonce(drawn, random);
        self.asked = Some((JoinReqType::Join, dev_nonce));
        self.attempts = self.attempts.wrapping_add(1);
        let frame = match &self.roots {
            Roots::V1_0 { app_key } => {
                JoinRequest::build_1_0(self.join_eui, spec.dev_eui, dev_nonce, app_key)
            }
            Roots::V1_1 { nwk_key, .. } => {
                JoinRequest::build_1_1(self.join_eui, spec.dev_eui, dev_nonce, nwk_key)
            }
        };
        (dev_nonce, frame.to_vec())
    }

    /// The next Rejoin-Request of a type, 0 to 2. `None` in 1.0.x, and when the counter of types 0
    /// and 2 is used up (LoRaWAN 1.1 §6.2.4.1).
    pub(super) fn ask_again(
        &mut self,
        rejoin_type: u8,
        (spec, session): (&DeviceSpec, &Session),
    ) -> Option<(RejoinFields, Vec<u8>)> {
        let Roots::V1_1 { nwk_key, .. } = &self.roots else { return None };
        let (dev_eui, net_id) = (spec.dev_eui, session.net_id);
        let (rj_count0, rj_count1) = self.rj_counts;
        let fields = match rejoin_type {
            1 => RejoinFields::Type1 { join_eui: self.join_eui, dev_eui, rj_count1 },
            2 => RejoinFields::Type2 { net_id, dev_eui, rj_count0 },
            _ => RejoinFields::Type0 { net_id, dev_eui, rj_count0 },
        };
        let frame = match fields {
            RejoinFields::Type1 { .. } => {
                self.rj_counts.1 = rj_count1.checked_add(1)?;
                fields.build_with_root(&js_int_key(nwk_key, dev_eui))?
            }
            RejoinFields::Type0 { .. } | RejoinFields::Type2 { .. } => {
                self.rj_counts.0 = rj_count0.checked_add(1)?;
                fields.build_with_session(&session.keys.s_nwk_s_int_key)?
            }
        };
        self.asked = Some((fields.join_req_type(), DevNonce(fields.rj_count())));
        Some((fields, frame))
    }

    /// Opens the answer to the last request. Each request is answered once.
    pub(super) fn accept(
        &mut self,
        sealed: &EncryptedJoinAccept<'_>,
        spec: &DeviceSpec,
    ) -> Result<Accepted, Unheard> {
        let asked = self.asked.ok_or(Unheard::ForAnother)?;
        // A Join-Accept names nobody: one that does not verify is another device's.
        let fields = self.open(sealed, (spec, asked)).ok_or(Unheard::ForAnother)?;
        let is_old = self.last_join_nonce.is_some_and(|last| fields.join_nonce <= last);
        if spec.mac_version.counts_dev_nonce() && is_old {
            return Err(Unheard::JoinNonceReplayed);
        }
        self.last_join_nonce = Some(fields.join_nonce);
        self.asked = None;
        self.rj_counts.0 = 0;
        let context = DerivationContext {
            join_nonce: fields.join_nonce,
            dev_nonce: asked.1,
            net_id: fields.net_id,
            join_eui: self.join_eui,
        };
        let keys = match &self.roots {
            Roots::V1_0 { app_key } => session_keys_1_0(app_key, &context),
            Roots::V1_1 { nwk_key, app_key } if fields.dl_settings.opt_neg => {
                session_keys_1_1(nwk_key, app_key, &context)
            }
            Roots::V1_1 { nwk_key, .. } => session_keys_1_0(&nwk_key.as_app_key(), &context),
        };
        Ok(Accepted { fields, keys, answers: asked.0 })
    }

    /// A 1.1 device learns from OptNeg within which keys were the right ones: it tries those of 1.1
    /// and then, in answer to a Join-Request, those of 1.0.x (LoRaWAN 1.1 §6.2.3).
    fn open(
        &self,
        sealed: &EncryptedJoinAccept<'_>,
        (spec, (kind, nonce)): (&DeviceSpec, (JoinReqType, DevNonce)),
    ) -> Option<JoinAcceptFields> {
        let (nwk_key, is_join) = match &self.roots {
            Roots::V1_0 { app_key } => return sealed.open(&JoinAcceptKeys::V1_0 { app_key }).ok(),
            Roots::V1_1 { nwk_key, .. } => (nwk_key, kind == JoinReqType::Join),
        };
        let (js_int_key, js_enc_key) =
            (js_int_key(nwk_key, spec.dev_eui), js_enc_key(nwk_key, spec.dev_eui));
        let cipher = match is_join {
            true => JoinAcceptCipher::NwkKey(nwk_key),
            false => JoinAcceptCipher::JsEncKey(&js_enc_key),
        };
        let request = (kind, self.join_eui, nonce);
        let keys = JoinAcceptKeys::V1_1 { cipher, js_int_key: &js_int_key, request };
        let new = sealed.open(&keys).ok().filter(|fields| fields.dl_settings.opt_neg);
        let old = || {
            let app_key = nwk_key.as_app_key();
            let fields = sealed.open(&JoinAcceptKeys::V1_0 { app_key: &app_key }).ok()?;
            (is_join && !fields.dl_settings.opt_neg).then_some(fields)
        };
        new.or_else(old)
    }
}
