//! Notes as lines of the live view.

use lns_core::Note;
use lns_core::event::{Fate, Freshness};

use super::fate_label;

/// What the live view shows of a note; `None` for what another line shows better.
pub(super) fn live_line(note: &Note) -> Option<(char, String)> {
    Some(match note {
        Note::Uplink { f_cnt_up, freshness: Freshness::Repeat, .. } => {
            ('▲', format!("repeat         FCntUp {}", f_cnt_up.0))
        }
        Note::Uplink { .. } | Note::SessionConfirmed { .. } => return None,
        Note::Joining { dev_nonce, dev_addr, heard_by } => (
            '✓',
            format!(
                "joined         DevAddr {dev_addr}  DevNonce {:04x}  heard by {heard_by}",
                dev_nonce.0
            ),
        ),
        Note::Rejoining { kind, rj_count, dev_addr, heard_by } => (
            '✓',
            format!(
                "rejoined       DevAddr {dev_addr}  type {kind}  RJcount {rj_count}  heard by {heard_by}"
            ),
        ),
        Note::CountersForgotten { .. } => {
            ('✗', "counters forgotten: POST …/reset-counters takes it at its word".into())
        }
        Note::CountersReset { got, last, .. } => {
            ('✓', format!("counters reset FCntUp {} after {}", got.0, last.0))
        }
        Note::Relayed { .. } => ('▲', "relay          forwarded a frame".into()),
        Note::ReservedFPort { f_port } => ('·', format!("uplink on reserved FPort {f_port}")),
        Note::NoRejoin { tries } => {
            ('✗', format!("no rejoin      told {tries} times, and no Rejoin-Request came"))
        }
        Note::Rejected(reject) => ('✗', format!("rejected       {reject}")),
        Note::LateCopy { gateway } => ('·', format!("late copy      by {gateway}")),
        Note::Planned { .. } => return None,
        Note::DoesNotFit { room, .. } => {
            ('·', format!("queued downlink does not fit: room for {room} bytes"))
        }
        Note::DownCounterExhausted => {
            ('✗', "downlink counters are used up; must join again".into())
        }
        Note::NoOffer => ('✗', "no gateway can send in time".into()),
        Note::Sent { f_cnt_down, fate, gateway, window, .. } => {
            let mark = if *fate == Fate::Accepted { '▼' } else { '✗' };
            let what = match f_cnt_down {
                Some(f_cnt_down) => format!("FCntDown {}", f_cnt_down.0),
                None => "Join-Accept".into(),
            };
            let by = gateway.map(|gateway| format!(" by {gateway}")).unwrap_or_default();
            let window = window.map(|window| format!(" in {window:?}")).unwrap_or_default();
            (mark, format!("downlink       {what} {}{window}{by}", fate_label(fate)))
        }
        Note::ClassChanged { class } => ('✓', format!("class          {}", class.name())),
        Note::Acked { f_cnt_down } => ('✓', format!("acknowledged   FCntDown {}", f_cnt_down.0)),
        Note::UnknownMacCommand { cid } => ('·', format!("unknown MAC command CID {cid:02x}")),
        Note::UnexpectedMacAnswer { cid } => ('·', format!("unexpected MAC answer CID {cid:02x}")),
        Note::MacRequestRefused { cid, status } => {
            ('·', format!("MAC request CID {cid:02x} refused, status {status:03b}"))
        }
        Note::Adr(why) => ('·', format!("ADR            {why}")),
        Note::DevStatus { battery, margin } => {
            ('·', format!("status         battery {battery}  margin {margin} dB"))
        }
    })
}
