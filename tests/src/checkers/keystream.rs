//! Keystream: no counter of a session carries two byte strings, and no JoinNonce makes two
//! Join-Accepts, across any crash. Looks at what leaves the server.

use std::collections::HashMap;

use lns_core::TxPlan;
use lns_lorawan::{AppKey, DevAddr, DevEui, Frame, JoinAcceptKeys, JoinNonce, PhyPayload};

use super::{Verdict, against, hex};

const NAME: &str = "keystream";

/// What has left the server, for ever.
#[derive(Default)]
pub struct Keystream {
    frames: HashMap<(DevEui, DevAddr, u32), Box<[u8]>>,
    accepts: HashMap<(DevEui, JoinNonce), Box<[u8]>>,
}

impl Keystream {
    /// A frame is handed over. `app_key` is its device's, where it has one.
    pub fn leaves(&mut self, plan: &TxPlan, app_key: Option<&AppKey>) -> Verdict {
        let (dev_eui, bytes) = (plan.dev_eui, &plan.phy_payload);
        match PhyPayload::parse(bytes) {
            Ok(Frame::Down(sealed)) => {
                let Some(f_cnt_down) = plan.f_cnt_down else {
                    return against(NAME, format!("a data frame to {dev_eui} without a counter"));
                };
                if sealed.wire_f_cnt().0 != (f_cnt_down.0 & 0xffff) as u16 {
                    let wire = sealed.wire_f_cnt().0;
                    let what = format!("{dev_eui}: FCntDown {f_cnt_down} is {wire} on the wire");
                    return against(NAME, what);
                }
                let key = (dev_eui, sealed.dev_addr(), f_cnt_down.0);
                once(&mut self.frames, key, bytes, || {
                    format!("FCntDown {f_cnt_down} of {dev_eui} under {}", sealed.dev_addr())
                })
            }
            Ok(Frame::JoinAccept(sealed)) => {
                let Some(app_key) = app_key else {
                    return against(NAME, format!("a Join-Accept to {dev_eui}, which never joins"));
                };
                let Ok(fields) = sealed.open(&JoinAcceptKeys::V1_0 { app_key }) else {
                    return against(NAME, format!("{dev_eui} cannot open its Join-Accept"));
                };
                let nonce = fields.join_nonce;
                once(&mut self.accepts, (dev_eui, nonce), bytes, || {
                    format!("JoinNonce {nonce} of {dev_eui}")
                })
            }
            Ok(Frame::JoinRequest(_) | Frame::Rejoin(_) | Frame::Up(_) | Frame::Proprietary(_))
            | Err(_) => against(NAME, format!("{} is no downlink", hex(bytes))),
        }
    }
}

/// The same name never has two contents.
fn once<K: std::hash::Hash + Eq>(
    used: &mut HashMap<K, Box<[u8]>>,
    key: K,
    bytes: &[u8],
    name: impl FnOnce() -> String,
) -> Verdict {
    let first = used.entry(key).or_insert_with(|| bytes.into());
    if **first == *bytes {
        return Ok(());
    }
    let (first, second) = (hex(first), hex(bytes));
    against(NAME, format!("{} was used for {first} and for {second}", name()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lns_lorawan::FCntDown;

    fn plan(f_cnt: u8, mic: u8) -> TxPlan {
        // MHDR, DevAddr, FCtrl, FCnt, MIC.
        let phy_payload = [0x60, 1, 0, 0, 0, 0, f_cnt, 0, mic, mic, mic, mic];
        TxPlan {
            id: 1,
            dev_eui: DevEui::new(1),
            phy_payload: phy_payload.into(),
            f_cnt_down: Some(FCntDown(u32::from(f_cnt))),
            offers: Vec::new(),
        }
    }

    #[test]
    fn a_counter_with_two_contents_is_found_and_a_repeated_frame_is_none() {
        let mut keystream = Keystream::default();
        for (f_cnt, mic) in [(0, 1), (1, 2), (0, 1)] {
            keystream.leaves(&plan(f_cnt, mic), None).unwrap();
        }
        let violation = keystream.leaves(&plan(1, 3), None).unwrap_err();
        assert_eq!(violation.property, NAME);
        assert!(violation.what.starts_with("FCntDown 1 "), "{}", violation.what);
    }
}
