//! Joining over the air, 1.0.x. TS001-1.0.4 §6.2.5 and §6.2.6.

use lns_lorawan::{
    AppKey, DerivationContext, DevNonce, EncryptedJoinAccept, JoinAcceptFields, JoinAcceptKeys,
    JoinEui, JoinNonce, JoinRequest, SessionKeys, session_keys_1_0,
};

use super::spec::DevNonces;
use super::{DeviceSpec, Unheard};
use crate::random::Random;

/// What a device remembers of its joins, across sessions.
#[derive(Debug, Clone)]
pub(super) struct Joins {
    join_eui: JoinEui,
    app_key: AppKey,
    next: DevNonces,
    /// Of the last Join-Request; what its Join-Accept must fit.
    asked: Option<DevNonce>,
    last_join_nonce: Option<JoinNonce>,
    /// Join-Requests so far.
    pub attempts: u32,
}

impl Joins {
    pub(super) fn new(join_eui: JoinEui, app_key: &AppKey, next: DevNonces) -> Self {
        let app_key = app_key.clone();
        Self { join_eui, app_key, next, asked: None, last_join_nonce: None, attempts: 0 }
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
        let dev_nonce = spec.mischief.stuck_dev_nonce.unwrap_or(drawn);
        self.asked = Some(dev_nonce);
        self.attempts = self.attempts.wrapping_add(1);
        let key = AppKey::from_bytes(spec.mischief.bend(*self.app_key.as_bytes()));
        let frame = JoinRequest::build_1_0(self.join_eui, spec.dev_eui, dev_nonce, &key);
        (dev_nonce, frame.to_vec())
    }

    /// Opens the answer to the last Join-Request. Each request is answered once.
    pub(super) fn accept(
        &mut self,
        sealed: &EncryptedJoinAccept<'_>,
        spec: &DeviceSpec,
    ) -> Result<(JoinAcceptFields, SessionKeys), Unheard> {
        let dev_nonce = self.asked.ok_or(Unheard::ForAnother)?;
        let key = AppKey::from_bytes(spec.mischief.bend(*self.app_key.as_bytes()));
        // A Join-Accept names nobody: one that does not verify is another device's.
        let keys = JoinAcceptKeys::V1_0 { app_key: &key };
        let fields = sealed.open(&keys).map_err(|_| Unheard::ForAnother)?;
        let is_old = self.last_join_nonce.is_some_and(|last| fields.join_nonce <= last);
        if spec.mac_version.counts_dev_nonce() && is_old {
            return Err(Unheard::JoinNonceReplayed);
        }
        self.last_join_nonce = Some(fields.join_nonce);
        self.asked = None;
        let context = DerivationContext {
            join_nonce: fields.join_nonce,
            dev_nonce,
            net_id: fields.net_id,
            join_eui: self.join_eui,
        };
        Ok((fields, session_keys_1_0(&key, &context)))
    }
}
