//! Join-Request, Join-Accept and Rejoin-Request, explained.

use lns_lorawan::{
    CfList, DerivationContext, EncryptedJoinAccept, JoinAcceptCipher, JoinAcceptFields,
    JoinAcceptKeys, JoinReqType, JoinRequest, RejoinFields, RejoinRequest, SessionKeys, js_int_key,
    session_keys_1_0, session_keys_1_1,
};

use super::{DecodeArgs, Explanation};

pub(super) fn request(request: &JoinRequest, args: &DecodeArgs) -> Explanation {
    let mut explanation = Explanation::new("Join-Request");
    explanation.line("JoinEUI", request.join_eui);
    explanation.line("DevEUI", request.dev_eui);
    explanation.line("DevNonce", format_args!("{:04x}", request.dev_nonce.0));
    let tried = [
        args.app_key.as_ref().map(|key| request.verify_1_0(key)),
        args.nwk_key.as_ref().map(|key| request.verify_1_1(key)),
    ];
    let verified = tried.into_iter().flatten().reduce(|one, other| one || other);
    explanation.mic(request.mic(), verified, "--app-key, or --nwk-key for 1.1");
    explanation
}

pub(super) fn rejoin(request: &RejoinRequest, args: &DecodeArgs) -> Explanation {
    let mut explanation = Explanation::new("Rejoin-Request");
    let (verified, wanted) = match &request.fields {
        RejoinFields::Type0 { net_id, .. } | RejoinFields::Type2 { net_id, .. } => {
            explanation.line("NetID", net_id);
            let key = args.s_nwk_s_int_key.as_ref();
            (key.map(|key| request.verify_with_session(key)), "--s-nwk-s-int-key")
        }
        RejoinFields::Type1 { join_eui, dev_eui, .. } => {
            explanation.line("JoinEUI", join_eui);
            let key = args.nwk_key.as_ref().map(|key| js_int_key(key, *dev_eui));
            (key.map(|key| request.verify_with_root(&key)), "--nwk-key")
        }
    };
    let (kind, counter) = match &request.fields {
        RejoinFields::Type0 { .. } => (0, "RJcount0"),
        RejoinFields::Type1 { .. } => (1, "RJcount1"),
        RejoinFields::Type2 { .. } => (2, "RJcount0"),
    };
    explanation.title = format!("Rejoin-Request of type {kind}");
    explanation.line("DevEUI", request.fields.dev_eui());
    explanation.line(counter, request.fields.rj_count());
    explanation.mic(request.mic(), verified, wanted);
    explanation
}

/// 1.1 is tried where its keys are given and taken when OptNeg says so, then 1.0.
pub(super) fn accept(accept: &EncryptedJoinAccept<'_>, args: &DecodeArgs) -> Explanation {
    let list = if accept.has_cf_list() { "with a CFList" } else { "without a CFList" };
    let mut explanation = Explanation::new(format!("Join-Accept {list}"));
    if let Some(fields) = open_1_1(accept, args) {
        describe(&fields, &mut explanation);
        explanation.line("MIC", "verified as 1.1");
        derive(&fields, args, &mut explanation);
    } else if let Some(fields) = open_1_0(accept, args) {
        describe(&fields, &mut explanation);
        explanation.line("MIC", "verified as 1.0.x");
        derive(&fields, args, &mut explanation);
    } else {
        let given = args.app_key.is_some() || args.nwk_key.is_some();
        explanation.refused = given;
        let hint = if given {
            "none of the keys opens it (1.1 needs --nwk-key, --dev-eui, --join-eui, --dev-nonce)"
        } else {
            "give --app-key; for 1.1 --nwk-key, --dev-eui, --join-eui, --dev-nonce"
        };
        explanation.line("Encrypted", hint);
    }
    explanation
}

fn open_1_0(accept: &EncryptedJoinAccept<'_>, args: &DecodeArgs) -> Option<JoinAcceptFields> {
    let nwk_key = args.nwk_key.as_ref().map(|key| key.as_app_key());
    let roots = [args.app_key.as_ref(), nwk_key.as_ref()];
    let open = |app_key| accept.open(&JoinAcceptKeys::V1_0 { app_key }).ok();
    roots.into_iter().flatten().find_map(open)
}

fn open_1_1(accept: &EncryptedJoinAccept<'_>, args: &DecodeArgs) -> Option<JoinAcceptFields> {
    let nwk_key = args.nwk_key.as_ref()?;
    let (dev_eui, join_eui, dev_nonce) = (args.dev_eui?, args.join_eui?, args.dev_nonce?);
    let keys = JoinAcceptKeys::V1_1 {
        cipher: JoinAcceptCipher::NwkKey(nwk_key),
        js_int_key: &js_int_key(nwk_key, dev_eui),
        request: (JoinReqType::Join, join_eui, dev_nonce),
    };
    accept.open(&keys).ok().filter(|fields| fields.dl_settings.opt_neg)
}

fn describe(fields: &JoinAcceptFields, explanation: &mut Explanation) {
    explanation.line("JoinNonce", format_args!("{:06x}", fields.join_nonce.value()));
    explanation.line("NetID", fields.net_id);
    explanation.line("DevAddr", fields.dev_addr);
    let settings = fields.dl_settings;
    let (offset, rate) = (settings.rx1_dr_offset, settings.rx2_data_rate.value());
    let version = if settings.opt_neg { ", 1.1" } else { "" };
    explanation.line("DLSettings", format_args!("RX1DROffset {offset}, RX2 DR{rate}{version}"));
    explanation.line("RxDelay", format_args!("{} s", fields.rx_delay.seconds()));
    match &fields.cf_list {
        None => {}
        Some(CfList::Frequencies(channels)) => {
            let channels: Vec<String> =
                channels.iter().flatten().map(ToString::to_string).collect();
            explanation.line("CFList", format_args!("{} MHz", channels.join(", ")));
        }
        Some(CfList::Masks(masks)) => {
            let masks: Vec<String> = masks.iter().map(|mask| format!("{mask:04x}")).collect();
            explanation.line("CFList", format_args!("channel masks {}", masks.join(" ")));
        }
    }
}

/// The session's keys: they are what one decodes the next frames with.
fn derive(fields: &JoinAcceptFields, args: &DecodeArgs, explanation: &mut Explanation) {
    let Some(dev_nonce) = args.dev_nonce else {
        return explanation.line("Session keys", "give --dev-nonce to see them");
    };
    let context = DerivationContext {
        join_nonce: fields.join_nonce,
        dev_nonce,
        net_id: fields.net_id,
        join_eui: args.join_eui.unwrap_or(lns_lorawan::JoinEui::new(0)),
    };
    let nwk_as_app = args.nwk_key.as_ref().map(|key| key.as_app_key());
    let keys: SessionKeys = match (&args.nwk_key, &args.app_key) {
        (Some(nwk_key), Some(app_key)) if fields.dl_settings.opt_neg => {
            session_keys_1_1(nwk_key, app_key, &context)
        }
        (Some(_), None) if fields.dl_settings.opt_neg => {
            return explanation.line("Session keys", "give --app-key to see them");
        }
        (_, app_key) => match nwk_as_app.as_ref().or(app_key.as_ref()) {
            Some(root) => session_keys_1_0(root, &context),
            None => return,
        },
    };
    let mut show = |name, key: &[u8; 16]| explanation.line(name, hex::encode(key));
    match keys.nwk_s_key() {
        Some(nwk_s_key) => show("NwkSKey", nwk_s_key.as_bytes()),
        None => {
            show("FNwkSIntKey", keys.f_nwk_s_int_key.as_bytes());
            show("SNwkSIntKey", keys.s_nwk_s_int_key.as_bytes());
            show("NwkSEncKey", keys.nwk_s_enc_key.as_bytes());
        }
    }
    show("AppSKey", keys.app_s_key.as_bytes());
}
