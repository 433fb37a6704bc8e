//! Keystream: no counter of a session carries two byte strings, and no JoinNonce makes two
//! Join-Accepts, across any crash. Looks at what leaves the server.

use std::collections::{HashMap, VecDeque};

use lns_core::TxPlan;
use lns_core::effect::Recipient;
use lns_lorawan::{
    AppKey, DevAddr, DevEui, DevNonce, EncryptedJoinAccept, Frame, JoinAcceptCipher,
    JoinAcceptFields, JoinAcceptKeys, JoinEui, JoinNonce, JoinReqType, NwkKey, PhyPayload,
    js_enc_key, js_int_key,
};

use super::{Verdict, against, hex};

const NAME: &str = "keystream";

/// Requests of a 1.1 device that a Join-Accept may still answer.
const REQUESTS: usize = 16;

/// What a device opens Join-Accepts with.
#[derive(Clone, Copy, Debug)]
pub enum Root<'a> {
    /// 1.0.x.
    V1_0(&'a AppKey),
    /// 1.1, on a network of 1.1 or of 1.0.x.
    V1_1(&'a NwkKey, JoinEui),
    /// Nothing: it is personalized.
    None {
        /// Whether its session is one of 1.1.
        is_1_1: bool,
    },
}

/// Which of a session's counters a frame counts in: 1.1 has one for the application's frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Counter {
    Network,
    Application,
}

impl Counter {
    /// `bytes` is a data frame down: MHDR, DevAddr, FCtrl with the length of FOpts in its low four
    /// bits, FCnt, FOpts, and before the MIC perhaps FPort and payload.
    fn of(bytes: &[u8], root: Root<'_>) -> Self {
        let f_opts_len = usize::from(bytes[5] & 0x0f);
        let body = &bytes[8..bytes.len() - 4];
        let of_application = body.get(f_opts_len).is_some_and(|f_port| *f_port > 0);
        match root {
            Root::V1_1(..) | Root::None { is_1_1: true } if of_application => Counter::Application,
            Root::V1_0(_) | Root::V1_1(..) | Root::None { .. } => Counter::Network,
        }
    }
}

/// What has left the server, for ever.
#[derive(Default)]
pub struct Keystream {
    frames: HashMap<(Recipient, DevAddr, Counter, u32), Box<[u8]>>,
    accepts: HashMap<(DevEui, JoinNonce), Box<[u8]>>,
    /// What devices have asked for: the answer's code covers it in 1.1.
    requests: HashMap<DevEui, VecDeque<(JoinReqType, DevNonce)>>,
}

impl Keystream {
    /// A device sends a Join-Request, or a Rejoin-Request with a counter in the nonce's place.
    pub fn asked(&mut self, dev_eui: DevEui, request: (JoinReqType, DevNonce)) {
        let requests = self.requests.entry(dev_eui).or_default();
        requests.push_front(request);
        requests.truncate(REQUESTS);
    }

    /// A frame is handed over. `root` is its device's.
    pub fn leaves(&mut self, plan: &TxPlan, root: Root<'_>) -> Verdict {
        let (to, bytes) = (plan.to, &plan.phy_payload);
        match PhyPayload::parse(bytes) {
            Ok(Frame::Down(sealed)) => {
                let Some(f_cnt_down) = plan.f_cnt_down else {
                    return against(NAME, format!("a data frame to {to:?} without a counter"));
                };
                if sealed.wire_f_cnt().0 != (f_cnt_down.0 & 0xffff) as u16 {
                    let wire = sealed.wire_f_cnt().0;
                    let what = format!("{to:?}: FCntDown {f_cnt_down} is {wire} on the wire");
                    return against(NAME, what);
                }
                let counter = Counter::of(bytes, root);
                let key = (to, sealed.dev_addr(), counter, f_cnt_down.0);
                once(&mut self.frames, key, bytes, || {
                    format!("FCntDown {f_cnt_down} of {to:?} under {}", sealed.dev_addr())
                })
            }
            Ok(Frame::JoinAccept(sealed)) => {
                let Recipient::Device(dev_eui) = to else {
                    return against(NAME, format!("a Join-Accept to {to:?}"));
                };
                if matches!(root, Root::None { .. }) {
                    return against(NAME, format!("a Join-Accept to {dev_eui}, which never joins"));
                }
                let Some(fields) = self.open(dev_eui, &sealed, root) else {
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

impl Keystream {
    /// The Join-Accept as its device may read it.
    fn open(
        &self,
        dev_eui: DevEui,
        sealed: &EncryptedJoinAccept<'_>,
        root: Root<'_>,
    ) -> Option<JoinAcceptFields> {
        let (nwk_key, join_eui) = match root {
            Root::V1_0(app_key) => return sealed.open(&JoinAcceptKeys::V1_0 { app_key }).ok(),
            Root::V1_1(nwk_key, join_eui) => (nwk_key, join_eui),
            Root::None { .. } => return None,
        };
        let (encrypts, signs) = (js_enc_key(nwk_key, dev_eui), js_int_key(nwk_key, dev_eui));
        let mut requests = self.requests.get(&dev_eui)?.iter();
        let as_1_1 = requests.find_map(|(join_req_type, nonce)| {
            let cipher = match join_req_type {
                JoinReqType::Join => JoinAcceptCipher::NwkKey(nwk_key),
                JoinReqType::Rejoin0 | JoinReqType::Rejoin1 | JoinReqType::Rejoin2 => {
                    JoinAcceptCipher::JsEncKey(&encrypts)
                }
            };
            let request = (*join_req_type, join_eui, *nonce);
            sealed.open(&JoinAcceptKeys::V1_1 { cipher, js_int_key: &signs, request }).ok()
        });
        let as_1_0 = || {
            let app_key = &nwk_key.as_app_key();
            sealed.open(&JoinAcceptKeys::V1_0 { app_key }).ok()
        };
        as_1_1.or_else(as_1_0)
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

    const PERSONALIZED: Root<'_> = Root::None { is_1_1: false };

    fn plan(f_cnt: u8, mic: u8) -> TxPlan {
        // MHDR, DevAddr, FCtrl, FCnt, MIC.
        let phy_payload = [0x60, 1, 0, 0, 0, 0, f_cnt, 0, mic, mic, mic, mic];
        TxPlan {
            id: 1,
            to: DevEui::new(1).into(),
            phy_payload: phy_payload.into(),
            f_cnt_down: Some(FCntDown(u32::from(f_cnt))),
            offers: Vec::new(),
        }
    }

    #[test]
    fn a_counter_with_two_contents_is_found_and_a_repeated_frame_is_none() {
        let mut keystream = Keystream::default();
        for (f_cnt, mic) in [(0, 1), (1, 2), (0, 1)] {
            keystream.leaves(&plan(f_cnt, mic), PERSONALIZED).unwrap();
        }
        let violation = keystream.leaves(&plan(1, 3), PERSONALIZED).unwrap_err();
        assert_eq!(violation.property, NAME);
        assert!(violation.what.starts_with("FCntDown 1 "), "{}", violation.what);
    }
}
