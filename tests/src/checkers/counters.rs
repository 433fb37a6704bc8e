//! Counters: accepted FCntUp strictly increases in a session, and one transmission becomes at most
//! one event. What an application reads is what the device sent.

use std::collections::{BTreeMap, HashMap};

use lns::message::OutboundEvent;
use lns_core::EventKind;
use lns_core::effect::UplinkEvent;
use lns_lorawan::{DevAddr, DevEui, DevNonce, Frame, Mic, PhyPayload};
use sim::device::{Sent, SentData};

use super::{Verdict, against, hex};

const NAME: &str = "counters";

/// What devices sent and what became events.
#[derive(Default)]
pub struct Counters {
    /// By address and MIC, which together name a frame well enough.
    sent: HashMap<(DevAddr, [u8; 4]), (DevEui, SentData)>,
    /// By session: event number → FCntUp.
    events: HashMap<(DevEui, DevAddr), BTreeMap<u64, u32>>,
    /// By frame: its event's number.
    numbers: HashMap<(DevEui, DevAddr, [u8; 4]), u64>,
    nonces: HashMap<(DevEui, DevNonce), u64>,
    joins: u64,
}

impl Counters {
    /// A device has sent a frame.
    pub fn sent(&mut self, dev_eui: DevEui, phy_payload: &[u8], sent: &Sent) {
        let Sent::Data(data) = sent else { return };
        if let Ok(Frame::Up(sealed)) = PhyPayload::parse(phy_payload)
            && let Some(mic) = phy_payload.last_chunk::<4>()
        {
            self.sent.insert((sealed.dev_addr(), *mic), (dev_eui, data.clone()));
        }
    }

    /// A Join-Request was accepted, durably.
    pub fn joined(&mut self, dev_eui: DevEui, dev_nonce: DevNonce) -> Verdict {
        self.joins += 1;
        match self.nonces.insert((dev_eui, dev_nonce), self.joins) {
            None => Ok(()),
            Some(_) => {
                against(NAME, format!("DevNonce {dev_nonce} of {dev_eui} was accepted twice"))
            }
        }
    }

    /// An event has reached the application, perhaps not for the first time.
    pub fn delivered(&mut self, outbound: &OutboundEvent) -> Verdict {
        match &outbound.event.kind {
            EventKind::Uplink(uplink) => {
                self.uplink(outbound.about.dev_eui, outbound.event.number, uplink)
            }
            EventKind::Joined { .. }
            | EventKind::Downlink { .. }
            | EventKind::Counters { .. }
            | EventKind::Relayed(_)
            | EventKind::ProprietaryMac { .. } => Ok(()),
        }
    }

    fn uplink(&mut self, dev_eui: DevEui, number: u64, uplink: &UplinkEvent) -> Verdict {
        let (dev_addr, Mic(mic)) = (uplink.dev_addr, uplink.mic);
        let f_cnt_up = uplink.f_cnt_up.0;
        self.is_true(dev_eui, uplink)?;
        let first = *self.numbers.entry((dev_eui, dev_addr, mic)).or_insert(number);
        if first != number {
            return against(
                NAME,
                format!(
                    "the frame FCntUp {f_cnt_up} of {dev_eui} is event {first} and event {number}"
                ),
            );
        }
        let session = self.events.entry((dev_eui, dev_addr)).or_default();
        session.insert(number, f_cnt_up);
        let before = session.range(..number).next_back().map(|(_, f_cnt)| *f_cnt);
        let after = session.range(number + 1..).next().map(|(_, f_cnt)| *f_cnt);
        if before.is_some_and(|before| before >= f_cnt_up)
            || after.is_some_and(|after| after <= f_cnt_up)
        {
            return against(
                NAME,
                format!(
                    "FCntUp of {dev_eui} under {dev_addr} goes {before:?}, {f_cnt_up}, {after:?}"
                ),
            );
        }
        Ok(())
    }

    /// Is this what the device sent?
    fn is_true(&self, dev_eui: DevEui, uplink: &UplinkEvent) -> Verdict {
        let f_cnt_up = uplink.f_cnt_up;
        let Some((whose, sent)) = self.sent.get(&(uplink.dev_addr, uplink.mic.0)) else {
            let what = format!("event with FCntUp {f_cnt_up} of {dev_eui}, which nobody sent");
            return against(NAME, what);
        };
        let payload = if uplink.f_port == Some(0) { &[] } else { sent.payload.as_slice() };
        let same = *whose == dev_eui
            && sent.f_cnt_up == f_cnt_up
            && sent.f_port == uplink.f_port
            && payload == &*uplink.frm_payload;
        if same {
            return Ok(());
        }
        against(
            NAME,
            format!(
                "{whose} sent FCntUp {} {}; the event of {dev_eui} has FCntUp {f_cnt_up} {}",
                sent.f_cnt_up,
                hex(payload),
                hex(&uplink.frm_payload)
            ),
        )
    }
}
