//! What happened, as a page that anyone in the field can read.

use std::fmt::Write as _;

use lns_core::effect::Stage;
use lns_core::event::{Fate, Freshness};
use lns_core::{EventKind, Note};
use lns_lorawan::{
    CfList, DownlinkMacCommand, FCntDown, Frequency, JoinAcceptFields, Modulation, Timestamp,
    Window,
};
use sim::device::{HeardData, Received, Sent, SentData, What};

use super::setup::START;
use crate::checkers::hex;

/// How many lines a failing run shows.
const LAST: usize = 40;

/// The lines so far.
#[derive(Default)]
pub struct Transcript {
    lines: Vec<String>,
}

/// One line: a mark, who, what, and the particulars.
pub struct Line<'a> {
    /// When.
    pub at: Timestamp,
    /// ▲ up, ▼ down, ✓ good, ✗ not.
    pub mark: char,
    /// Who.
    pub who: &'a str,
    /// What, in a word or two.
    pub what: &'a str,
    /// The particulars.
    pub detail: String,
    /// Data rate and frequency, where something was on air.
    pub radio: String,
}

impl Transcript {
    /// Adds a line.
    pub fn add(&mut self, line: Line<'_>) {
        let Line { at, mark, who, what, detail, radio } = line;
        let seconds = (at - START).as_secs_f64();
        let text = format!("t={seconds:>8.3}  {mark} {who:<9} {what:<13} {detail:<44} {radio}");
        self.lines.push(text.trim_end().to_owned());
    }

    /// All lines, each ended.
    pub fn text(&self) -> String {
        self.lines.iter().fold(String::new(), |text, line| text + line + "\n")
    }

    /// The last lines, each ended.
    pub fn tail(&self) -> String {
        let first = self.lines.len().saturating_sub(LAST);
        self.lines[first..].iter().fold(String::new(), |text, line| text + line + "\n")
    }
}

/// `SF10 868.3`, `SF8/500 923.3`.
pub fn radio(modulation: Modulation, frequency: Frequency) -> String {
    let rate = match modulation {
        Modulation::Lora { spreading_factor, bandwidth } => match bandwidth.hz() / 1000 {
            125 => format!("SF{}", spreading_factor.value()),
            khz => format!("SF{}/{khz}", spreading_factor.value()),
        },
        Modulation::Fsk { .. } => "FSK".to_owned(),
        Modulation::LrFhss { .. } => "LR-FHSS".to_owned(),
    };
    format!("{rate} {frequency}")
}

/// What a device sends: in a word, and its particulars.
pub fn sent(sent: &Sent) -> (&'static str, String) {
    match sent {
        Sent::JoinRequest { dev_nonce } => {
            ("Join-Request", format!("DevNonce {:04x}", dev_nonce.0))
        }
        Sent::Data(data) => {
            let word = if data.confirmed { "confirmed" } else { "uplink" };
            (word, sent_data(data))
        }
        Sent::Rejoin(fields) => {
            let kind = fields.join_req_type().value();
            ("Rejoin-Request", format!("type {kind} RJcount {}", fields.rj_count()))
        }
        Sent::Replay => ("replay", String::new()),
        Sent::Proprietary => ("proprietary", String::new()),
    }
}

fn sent_data(data: &SentData) -> String {
    let mut text = format!("FCnt {}", data.f_cnt_up);
    if data.repeat > 0 {
        let _ = write!(text, " repeat {}", data.repeat);
    }
    port(&mut text, data.f_port, &data.payload);
    if !data.f_opts.is_empty() {
        let _ = write!(text, "  FOpts {}", hex(&data.f_opts));
    }
    flags(&mut text, &[(data.ack, " ACK"), (data.adr_ack_req, " ADRACKReq")]);
    text
}

/// What a device hears: in a word, and its particulars.
pub fn heard(received: &Received) -> (&'static str, String) {
    let window = window(received.window);
    match &received.what {
        What::JoinAccept(fields) => ("Join-Accept", format!("{window}  {}", join_accept(fields))),
        What::Data(data) => {
            let word = if data.confirmed { "confirmed" } else { "downlink" };
            (word, format!("{window}  {}", heard_data(data)))
        }
        What::Multicast { group, data } => {
            ("multicast", format!("{window}  to {group} {}", heard_data(data)))
        }
    }
}

fn join_accept(fields: &JoinAcceptFields) -> String {
    let mut text = format!("DevAddr {} RxDelay {}", fields.dev_addr, fields.rx_delay.seconds());
    match &fields.cf_list {
        None => {}
        Some(CfList::Frequencies(channels)) => {
            let _ = write!(text, " CFList");
            channels.iter().flatten().for_each(|channel| {
                let _ = write!(text, " {channel}");
            });
        }
        Some(list @ CfList::Masks(_)) => {
            let _ = write!(text, " CFList {list:?}");
        }
    }
    text
}

fn heard_data(data: &HeardData) -> String {
    let mut text = format!("FCnt {}", data.f_cnt_down);
    if data.f_port.is_some_and(|f_port| f_port > 0) {
        port(&mut text, data.f_port, &data.payload);
    }
    flags(&mut text, &[(data.ack, " ACK"), (data.f_pending, " FPending")]);
    for command in &data.mac {
        let _ = write!(text, " {}", mac(command));
    }
    text
}

fn mac(command: &DownlinkMacCommand) -> String {
    format!("{command:?}").replace("DataRateIndex", "DR").replace("TxPowerIndex", "TXPower")
}

fn port(text: &mut String, f_port: Option<u8>, payload: &[u8]) {
    if let Some(f_port) = f_port {
        let _ = write!(text, "  FPort {f_port} {}", hex(payload));
    }
}

fn flags(text: &mut String, flags: &[(bool, &str)]) {
    flags.iter().filter(|(on, _)| *on).for_each(|(_, flag)| text.push_str(flag));
}

/// A window's name.
pub fn window(window: Window) -> &'static str {
    match window {
        Window::Rx1 => "RX1",
        Window::Rx2 => "RX2",
        Window::Ping => "ping",
        Window::Rxc => "RXC",
    }
}

/// A note of the server: mark, word, particulars; `None` for what says nothing new.
pub fn note(note: &Note) -> Option<(char, &'static str, String)> {
    let counter = |f_cnt: &Option<FCntDown>| match f_cnt {
        Some(f_cnt) => format!("FCnt {f_cnt}"),
        None => "Join-Accept".to_owned(),
    };
    Some(match note {
        Note::Uplink { freshness: Freshness::New, .. } | Note::SessionConfirmed { .. } => {
            return None;
        }
        Note::Uplink { f_cnt_up, freshness: Freshness::Repeat, heard_by, .. } => {
            ('✓', "repeat", format!("FCnt {f_cnt_up} heard by {heard_by}"))
        }
        Note::Joining { dev_addr, heard_by, .. } => {
            ('✓', "joined", format!("DevAddr {dev_addr} heard by {heard_by}"))
        }
        Note::Rejoining { kind, dev_addr, heard_by, .. } => {
            ('✓', "rejoined", format!("type {kind} DevAddr {dev_addr} heard by {heard_by}"))
        }
        Note::Uplink { freshness: Freshness::Reset, .. } => return None,
        Note::CountersForgotten { got, last } => {
            ('✗', "forgotten", format!("FCnt {got} after {last}"))
        }
        Note::CountersReset { got, last, .. } => {
            ('✓', "recount", format!("FCnt {got} after {last}"))
        }
        Note::Relayed { readable } => {
            ('✓', "relayed", (if *readable { "a frame" } else { "unreadable" }).to_owned())
        }
        Note::ReservedFPort { f_port } => ('✓', "reserved", format!("FPort {f_port}")),
        Note::NoRejoin { tries } => ('✗', "no rejoin", format!("told {tries} times")),
        Note::Rejected(reject) => ('✗', "rejected", reject.to_string()),
        Note::LateCopy { gateway } => ('✓', "late copy", format!("by {gateway}")),
        Note::Planned { f_cnt_down, window: first, size, .. } => {
            let detail = format!("{} {} {size} bytes", counter(f_cnt_down), window(*first));
            ('✓', "planned", detail)
        }
        Note::ClassChanged { class } => ('✓', "class", class.name().to_owned()),
        Note::NoOffer => ('✗', "no offer", String::new()),
        Note::DoesNotFit { id, room } => ('✗', "does not fit", format!("item {id} room {room}")),
        Note::DownCounterExhausted => ('✗', "exhausted", "FCntDown".to_owned()),
        Note::Sent { f_cnt_down, fate, window: used, .. } => {
            let used = used.map_or("", window);
            let (mark, word) = fate_of(fate);
            let why = if let Fate::Refused(why) = fate { why } else { "" };
            (mark, word, format!("{} {used} {why}", counter(f_cnt_down)).trim_end().to_owned())
        }
        Note::Acked { f_cnt_down } => ('✓', "acked", format!("FCnt {f_cnt_down}")),
        Note::UnknownMacCommand { cid } => ('✗', "unknown MAC", format!("CID {cid:02x}")),
        Note::UnexpectedMacAnswer { cid } => ('✗', "unasked MAC", format!("CID {cid:02x}")),
        Note::MacRequestRefused { cid, status } => {
            ('✗', "MAC refused", format!("CID {cid:02x} status {status:02x}"))
        }
        Note::Adr(why) => ('✓', "ADR", why.to_string()),
        Note::DevStatus { battery, margin } => {
            ('✓', "status", format!("battery {battery} margin {margin}"))
        }
    })
}

fn fate_of(fate: &Fate) -> (char, &'static str) {
    match fate {
        Fate::Accepted => ('✓', "accepted"),
        Fate::Refused(_) => ('✗', "refused"),
        Fate::Unknown => ('✗', "unknown"),
        Fate::Expired => ('✗', "expired"),
    }
}

/// An event at the application: mark, word, particulars.
pub fn event(kind: &EventKind) -> (char, &'static str, String) {
    match kind {
        EventKind::Uplink(uplink) => {
            let mut text = format!("FCnt {}", uplink.f_cnt_up);
            port(&mut text, uplink.f_port, &uplink.frm_payload);
            let _ = write!(text, "  heard by {}", uplink.receptions.len());
            ('✓', "uplink", text)
        }
        EventKind::Joined { dev_addr, .. } => ('✓', "join", format!("DevAddr {dev_addr}")),
        EventKind::Counters { got, last, .. } => {
            ('✓', "counters", format!("FCnt {got} after {last}"))
        }
        EventKind::Relayed(relayed) => {
            ('✓', "relayed", format!("{} bytes", relayed.phy_payload.len()))
        }
        EventKind::ProprietaryMac { commands, .. } => {
            ('✓', "maker's MAC", format!("{} bytes", commands.len()))
        }
        EventKind::Downlink { id, stage, .. } => {
            let (mark, word) = stage_of(stage);
            (mark, word, format!("item {id}"))
        }
    }
}

fn stage_of(stage: &Stage) -> (char, &'static str) {
    match stage {
        Stage::Queued => ('✓', "queued"),
        Stage::Handed { fate, .. } => fate_of(fate),
        Stage::Acked { .. } => ('✓', "acked"),
        Stage::Failed { .. } => ('✗', "failed"),
        Stage::Expired => ('✗', "expired"),
        Stage::Impossible(_) => ('✗', "impossible"),
        Stage::Dropped => ('✗', "dropped"),
    }
}
