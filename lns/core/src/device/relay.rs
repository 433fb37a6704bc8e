//! A relay forwards what it has heard of another device (TS011): recognised and told, not unwrapped.
//!
//! DEPARTURE TS011 — the frame inside is reported with the relay's measurements and goes no further:
//! its device is neither served nor answered through the relay.

use lns_lorawan::{Db, Dbm, ForwardedUplink, Frame, PhyPayload};

use super::draft::Draft;
use crate::effect::{EventKind, RelayedUplink};
use crate::event::UplinkHeard;
use crate::note::Note;

/// Tells of a frame that a relay has forwarded.
pub(super) fn forwarded(draft: &mut Draft<'_>, heard: &UplinkHeard) {
    let read = ForwardedUplink::parse(heard.opened.frm_payload.as_slice());
    draft.note(Note::Relayed { readable: read.is_ok() });
    let Ok(inside) = read else { return };
    let (dev_addr, dev_eui) = match PhyPayload::parse(inside.phy_payload) {
        Ok(Frame::Up(sealed)) => (Some(sealed.dev_addr()), None),
        Ok(Frame::JoinRequest(request)) => (None, Some(request.dev_eui)),
        Ok(Frame::JoinAccept(_) | Frame::Rejoin(_) | Frame::Down(_) | Frame::Proprietary(_))
        | Err(_) => (None, None),
    };
    draft.publish(EventKind::Relayed(Box::new(RelayedUplink {
        f_cnt_up: heard.opened.f_cnt_up,
        data_rate: inside.data_rate,
        frequency: inside.frequency,
        rssi: Dbm::from_whole(inside.rssi),
        snr: Db::from_whole(inside.snr),
        second_channel: inside.second_channel,
        phy_payload: inside.phy_payload.into(),
        dev_addr,
        dev_eui,
    })));
}
