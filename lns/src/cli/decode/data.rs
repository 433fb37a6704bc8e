//! Data frames, explained.

use lns_lorawan::{
    AppSKey, DataRateIndex, DownlinkMacCommands, FCntDown, FCntUp, FNwkSIntKey, MacStop,
    MicSchedule, NwkSEncKey, Scheme, SealedDownlink, SealedUplink, SessionKeys, SessionSchedules,
    Uplink11Ctx, UplinkMacCommands,
};

use super::{DecodeArgs, Explanation, with_length};

/// How to get a data frame verified.
const WANTED: &str = "--nwk-s-key; for 1.1 --s-nwk-s-int-key, and --f-nwk-s-int-key for uplinks";

/// The frame in clear, whichever way it went.
struct Clear {
    f_cnt: u32,
    f_opts: Vec<u8>,
    frm_payload: Vec<u8>,
    mac_commands: Vec<String>,
}

pub(super) fn up(sealed: &SealedUplink<'_>, args: &DecodeArgs) -> Explanation {
    let f_ctrl = sealed.f_ctrl();
    let flags = [
        (f_ctrl.adr, "ADR"),
        (f_ctrl.adr_ack_req, "ADRACKReq"),
        (f_ctrl.ack, "ACK"),
        (f_ctrl.class_b, "ClassB"),
    ];
    let kind = if sealed.confirmed() { "Confirmed" } else { "Unconfirmed" };
    let mut explanation = Explanation::new(format!("{kind} uplink"));
    explanation.line("DevAddr", sealed.dev_addr());
    explanation.line("FCtrl", names(&flags));
    let keys = session(args, args.f_nwk_s_int_key.as_ref());
    let clear = keys.as_ref().and_then(|keys| open_up(sealed, keys, args));
    let frame = Seen {
        bytes: sealed.bytes(),
        wire_f_cnt: sealed.wire_f_cnt().0,
        f_port: sealed.f_port(),
        f_opts_len: sealed.f_opts_len(),
        frm_payload_len: sealed.frm_payload_len(),
    };
    frame.describe(clear.as_ref(), args, &mut explanation);
    explanation.mic(sealed.mic(), keys.map(|_| clear.is_some()), WANTED);
    explanation
}

pub(super) fn down(sealed: &SealedDownlink<'_>, args: &DecodeArgs) -> Explanation {
    let f_ctrl = sealed.f_ctrl();
    let flags = [(f_ctrl.adr, "ADR"), (f_ctrl.ack, "ACK"), (f_ctrl.f_pending, "FPending")];
    let kind = if sealed.confirmed() { "Confirmed" } else { "Unconfirmed" };
    let mut explanation = Explanation::new(format!("{kind} downlink"));
    explanation.line("DevAddr", sealed.dev_addr());
    explanation.line("FCtrl", names(&flags));
    // No downlink is signed with FNwkSIntKey.
    let unused = FNwkSIntKey::from_bytes([0; 16]);
    let keys = session(args, args.f_nwk_s_int_key.as_ref().or(Some(&unused)));
    let clear = keys.as_ref().and_then(|keys| open_down(sealed, keys, args));
    let frame = Seen {
        bytes: sealed.bytes(),
        wire_f_cnt: sealed.wire_f_cnt().0,
        f_port: sealed.f_port(),
        f_opts_len: sealed.f_opts_len(),
        frm_payload_len: sealed.frm_payload_len(),
    };
    frame.describe(clear.as_ref(), args, &mut explanation);
    explanation.mic(sealed.mic(), keys.map(|_| clear.is_some()), WANTED);
    explanation
}

/// What anybody can see of a frame.
struct Seen<'a> {
    bytes: &'a [u8],
    wire_f_cnt: u16,
    f_port: Option<u8>,
    f_opts_len: usize,
    frm_payload_len: usize,
}

impl Seen<'_> {
    fn describe(&self, clear: Option<&Clear>, args: &DecodeArgs, explanation: &mut Explanation) {
        match clear {
            Some(clear) => explanation.line("FCnt", clear.f_cnt),
            None => explanation.line("FCnt", format_args!("{} (low half)", self.wire_f_cnt)),
        }
        // 1.0.x has no key for MAC commands alone, and FOpts in clear.
        let is_1_1 = args.s_nwk_s_int_key.is_some();
        let commands = (args.nwk_s_enc_key.is_none() && is_1_1).then_some("--nwk-s-enc-key");
        if self.f_opts_len > 0 {
            let clear = clear.map(|clear| clear.f_opts.as_slice());
            let sealed = self.part(self.f_opts_to_mic(), self.f_opts_len);
            explanation.line("FOpts", shown(clear, sealed, commands));
        }
        match self.f_port {
            None => explanation.line("FPort", "none, and no FRMPayload"),
            Some(f_port) => {
                explanation.line("FPort", f_port);
                let application = args.app_s_key.is_none().then_some("--app-s-key");
                let missing = if f_port == 0 { commands } else { application };
                let clear = clear.map(|clear| clear.frm_payload.as_slice());
                let sealed = self.part(self.frm_payload_len, self.frm_payload_len);
                explanation.line("FRMPayload", shown(clear, sealed, missing));
            }
        }
        let readable = clear.filter(|_| commands.is_none());
        for command in readable.iter().flat_map(|clear| &clear.mac_commands) {
            explanation.line("MAC command", command);
        }
    }

    /// Bytes from the start of FOpts to the MIC.
    fn f_opts_to_mic(&self) -> usize {
        self.f_opts_len + usize::from(self.f_port.is_some()) + self.frm_payload_len
    }

    /// So many bytes of the frame, starting so many before the MIC.
    fn part(&self, before_mic: usize, length: usize) -> &[u8] {
        let start = self.bytes.len().saturating_sub(4 + before_mic);
        self.bytes.get(start..start + length).unwrap_or_default()
    }
}

/// A part of a frame in clear where it was opened and its key is not `missing`.
fn shown(clear: Option<&[u8]>, sealed: &[u8], missing: Option<&str>) -> String {
    match (clear, missing) {
        _ if sealed.is_empty() => "none".to_owned(),
        (Some(clear), None) => with_length(clear),
        (Some(_), Some(key)) => format!("{}, encrypted: give {key}", with_length(sealed)),
        (None, _) => format!("{}, as sent", with_length(sealed)),
    }
}

/// The keys that were given, or nothing if no frame could be verified with them. What only a key
/// that is missing could decrypt is not shown.
fn session(args: &DecodeArgs, forwarding: Option<&FNwkSIntKey>) -> Option<SessionSchedules> {
    let app_s_key = args.app_s_key.clone().unwrap_or(AppSKey::from_bytes([0; 16]));
    let keys = match (forwarding, &args.s_nwk_s_int_key) {
        (Some(forwarding), Some(serving)) => SessionKeys {
            scheme: Scheme::V1_1,
            f_nwk_s_int_key: forwarding.clone(),
            s_nwk_s_int_key: serving.clone(),
            nwk_s_enc_key: args.nwk_s_enc_key.clone().unwrap_or(NwkSEncKey::from_bytes([0; 16])),
            app_s_key,
        },
        _ => SessionKeys::v1_0(args.nwk_s_key.as_ref()?, app_s_key),
    };
    Some(keys.schedules())
}

/// The counters to try: the one that was given, or every one with this low half.
fn counters(wire: u16, args: &DecodeArgs) -> impl Iterator<Item = u32> {
    let (first, last) = args.f_cnt.map_or((0, u16::MAX), |full| {
        let upper = (full >> 16) as u16;
        (upper, upper)
    });
    let fits = args.f_cnt.is_none_or(|full| full & 0xffff == u32::from(wire));
    (first..=last).filter(move |_| fits).map(move |upper| u32::from(upper) << 16 | u32::from(wire))
}

fn open_up(sealed: &SealedUplink<'_>, keys: &SessionSchedules, args: &DecodeArgs) -> Option<Clear> {
    let half = args.f_nwk_s_int_key.as_ref().map(MicSchedule::from);
    let likely =
        |f_cnt: &FCntUp| half.as_ref().is_none_or(|half| sealed.verify_f_nwk_s_int(half, *f_cnt));
    let opened = counters(sealed.wire_f_cnt().0, args)
        .map(FCntUp)
        .filter(likely)
        .find_map(|f_cnt| contexts(keys, args).find_map(|c| sealed.open(keys, f_cnt, c).ok()))?;
    Some(Clear {
        f_cnt: opened.f_cnt_up.0,
        f_opts: opened.f_opts.to_vec(),
        mac_commands: UplinkMacCommands::new(opened.mac_commands()).map(command).collect(),
        frm_payload: opened.frm_payload.into_boxed_slice().into(),
    })
}

/// A MAC command by name and meaning, or why none can be read any more.
fn command<T: std::fmt::Debug>(read: Result<T, MacStop<'_>>) -> String {
    match read {
        Ok(command) => format!("{command:?}"),
        Err(MacStop::UnknownCid { cid, rest }) => {
            format!(
                "unknown command {cid:02x}, so that nothing after it can be read: {}",
                hex::encode(rest)
            )
        }
        Err(MacStop::Truncated { cid, rest }) => {
            format!("command {cid:02x} is cut short: {}", hex::encode(rest))
        }
    }
}

/// The contexts that a 1.1 uplink may have been sent in: those that were given, or every data rate
/// and channel. 1.0.x has none.
fn contexts(keys: &SessionSchedules, args: &DecodeArgs) -> impl Iterator<Item = Uplink11Ctx> {
    let given_or = |given: Option<u8>, last: u8| match (keys.scheme().is_1_1(), given) {
        (true, None) => 0..=last,
        (true, Some(given)) => given..=given,
        (false, _) => 0..=0,
    };
    let conf_f_cnt = conf_f_cnt(args);
    let channels = given_or(args.tx_ch, 95);
    given_or(args.tx_dr, 15).filter_map(DataRateIndex::new).flat_map(move |tx_dr| {
        channels.clone().map(move |tx_ch| Uplink11Ctx { conf_f_cnt, tx_dr, tx_ch })
    })
}

/// The low half of the acknowledged counter.
fn conf_f_cnt(args: &DecodeArgs) -> u16 {
    (args.conf_f_cnt.unwrap_or(0) & 0xffff) as u16
}

fn open_down(
    sealed: &SealedDownlink<'_>,
    keys: &SessionSchedules,
    args: &DecodeArgs,
) -> Option<Clear> {
    let opened = counters(sealed.wire_f_cnt().0, args)
        .find_map(|f_cnt| sealed.open(keys, FCntDown(f_cnt), conf_f_cnt(args)).ok())?;
    Some(Clear {
        f_cnt: opened.f_cnt_down.0,
        f_opts: opened.f_opts.to_vec(),
        mac_commands: DownlinkMacCommands::new(opened.mac_commands()).map(command).collect(),
        frm_payload: opened.frm_payload.into_boxed_slice().into(),
    })
}

fn names(flags: &[(bool, &'static str)]) -> String {
    let set: Vec<&str> = flags.iter().filter(|(set, _)| *set).map(|(_, name)| *name).collect();
    if set.is_empty() { "no flags".to_owned() } else { set.join(", ") }
}
