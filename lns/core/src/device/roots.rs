//! The root keys of a device that joins, and what is made with them.
//!
//! This is the join server's half of a join: JSIntKey and JSEncKey, the Join-Accept's MIC and
//! encryption, and the session keys. LoRaWAN 1.0.x has one root key. LoRaWAN 1.1 has two, of which
//! only NwkKey protects the join itself (§6.1.1).

use lns_lorawan::{
    AppKey, BuildError, DerivationContext, DevEui, DevNonce, JoinAcceptCipher, JoinAcceptFields,
    JoinAcceptKeys, JoinEui, JoinReqType, JoinRequest, MacVersion, NwkKey, RejoinRequest, Scheme,
    SessionKeys, js_enc_key, js_int_key, session_keys_1_0, session_keys_1_1,
};

use crate::profile::{Activation, Description, Profile};

/// What a Join-Accept answers: its type, the JoinEUI, and DevNonce or the RJcount in its place.
pub(super) type Request = (JoinReqType, JoinEui, DevNonce);

/// The root keys, by the version under which the device is answered.
pub(super) enum Roots<'a> {
    /// LoRaWAN 1.0.x; also for a 1.1 device that is answered as by a 1.0.x network (OptNeg unset),
    /// whose NwkKey then takes the place of the AppKey, for AppSKey too (LoRaWAN 1.1 §6.1.1.3 and
    /// §6.2.3).
    V1_0(AppKey),
    /// LoRaWAN 1.1.
    V1_1 { nwk_key: &'a NwkKey, app_key: &'a AppKey, scheme: Scheme },
}

impl<'a> Roots<'a> {
    /// The root keys of a device; `None` of one that is activated by personalization.
    pub fn of(about: &'a Description) -> Option<Self> {
        match &about.activation {
            Activation::Otaa10 { app_key, .. } => Some(Roots::V1_0(app_key.clone())),
            Activation::Otaa11 { nwk_key, .. } if !speaks_1_1(&about.profile) => {
                Some(Roots::V1_0(nwk_key.as_app_key()))
            }
            Activation::Otaa11 { nwk_key, app_key, .. } => {
                Some(Roots::V1_1 { nwk_key, app_key, scheme: about.profile.scheme_1_1() })
            }
            Activation::Abp { .. } => None,
        }
    }

    /// Whether both ends speak 1.1 from now on: OptNeg (LoRaWAN 1.1 §6.2.3).
    pub fn opt_neg(&self) -> bool {
        match self {
            Roots::V1_0(_) => false,
            Roots::V1_1 { .. } => true,
        }
    }

    /// The version whose rules the session follows. A 1.1 device that is answered without OptNeg
    /// reverts to the last 1.0.x (LoRaWAN 1.1 §6.2.3).
    pub fn session_version(&self, profile: &Profile) -> MacVersion {
        let own = profile.mac_version;
        if own.is_1_1() && !self.opt_neg() { MacVersion::V1_0_4 } else { own }
    }

    /// Whether the holder of these keys sent the Join-Request: AppKey signs it in 1.0.x, NwkKey in
    /// 1.1 (§6.2.2).
    pub fn signed(&self, request: &JoinRequest) -> bool {
        match self {
            Roots::V1_0(app_key) => request.verify_1_0(app_key),
            Roots::V1_1 { nwk_key, .. } => request.verify_1_1(nwk_key),
        }
    }

    /// Whether the holder of these keys sent the Rejoin-Request of type 1 (LoRaWAN 1.1 §6.2.4.2).
    pub fn signed_rejoin(&self, request: &RejoinRequest, dev_eui: DevEui) -> bool {
        match self {
            Roots::V1_0(_) => false,
            Roots::V1_1 { nwk_key, .. } => request.verify_with_root(&js_int_key(nwk_key, dev_eui)),
        }
    }

    /// The Join-Accept as it is sent.
    pub fn seal(
        &self,
        fields: &JoinAcceptFields,
        request: Request,
        dev_eui: DevEui,
    ) -> Result<Vec<u8>, BuildError> {
        match self {
            Roots::V1_0(app_key) => fields.build(&JoinAcceptKeys::V1_0 { app_key }),
            Roots::V1_1 { nwk_key, .. } => {
                let js_enc_key = js_enc_key(nwk_key, dev_eui);
                let cipher = match request.0 {
                    JoinReqType::Join => JoinAcceptCipher::NwkKey(nwk_key),
                    JoinReqType::Rejoin0 | JoinReqType::Rejoin1 | JoinReqType::Rejoin2 => {
                        JoinAcceptCipher::JsEncKey(&js_enc_key)
                    }
                };
                let js_int_key = js_int_key(nwk_key, dev_eui);
                let js_int_key = &js_int_key;
                fields.build(&JoinAcceptKeys::V1_1 { cipher, js_int_key, request })
            }
        }
    }

    /// The keys of the session that the Join-Accept begins.
    pub fn session_keys(&self, fields: &JoinAcceptFields, request: Request) -> SessionKeys {
        let (_, join_eui, dev_nonce) = request;
        let JoinAcceptFields { join_nonce, net_id, .. } = *fields;
        let context = DerivationContext { join_nonce, dev_nonce, net_id, join_eui };
        match self {
            Roots::V1_0(app_key) => session_keys_1_0(app_key, &context),
            Roots::V1_1 { nwk_key, app_key, scheme } => {
                SessionKeys { scheme: *scheme, ..session_keys_1_1(nwk_key, app_key, &context) }
            }
        }
    }
}

/// Whether devices of this make are answered in 1.1.
fn speaks_1_1(profile: &Profile) -> bool {
    profile.mac_version.is_1_1() && !profile.answer_as_1_0
}
