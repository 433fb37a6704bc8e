//! Devices that are only keys and counters, and what they have sent.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use system_tests::harness::{
    AbpSession, Application, Emission, Gateway, Http, Message, Node, Provision, eui_text,
    join_request,
};

/// How many personalized devices there are.
pub const DEVICES: u8 = 40;

/// Between two uplinks: hence 400 ms between two of one device, longer than their copies gather,
/// and room on the air for each other's windows.
pub const PACE: Duration = Duration::from_millis(10);

/// The device that joins.
pub const JOINING: u64 = 0x70b3_d57e_d005_ff00;

/// Its root key.
pub const APP_KEY: [u8; 16] = [0x5a; 16];

/// Every tenth uplink is confirmed, and at another tenth a downlink is queued.
const SELDOM: u32 = 10;

/// The devices, the gateway that hears them, and everything they did.
pub struct Fleet {
    /// The gateway; its clock runs on while servers come and go.
    pub gateway: Arc<Gateway>,
    f_cnt_up: [u32; DEVICES as usize],
    /// Payloads of what was sent, by device and FCntUp.
    pub sent: HashMap<(u8, u32), Vec<u8>>,
    /// Frames of confirmed uplinks, by the gateway's clock at their end.
    pub confirmed: HashMap<u32, (u8, u32)>,
    /// DevNonces of Join-Requests, by the gateway's clock at their end.
    pub joins: HashMap<u32, u16>,
    /// Marks of the downlinks that were asked for.
    pub asked: Vec<(u8, String)>,
    frames: HashMap<(u8, u32), Vec<u8>>,
}

/// A device's DevEUI.
pub fn dev_eui(device: u8) -> u64 {
    0x70b3_d57e_d005_0000 | u64::from(device)
}

/// A device's session.
pub fn session(device: u8) -> AbpSession {
    AbpSession::numbered(device + 1)
}

/// Which device a message is about, if it is an uplink of ours.
pub fn device_of(message: &Message) -> Option<u8> {
    (0..DEVICES).find(|device| message.is(dev_eui(*device), "up"))
}

impl Fleet {
    /// The fleet around this gateway.
    pub fn new(gateway: Arc<Gateway>) -> Self {
        Self {
            gateway,
            f_cnt_up: [0; DEVICES as usize],
            sent: HashMap::new(),
            confirmed: HashMap::new(),
            joins: HashMap::new(),
            asked: Vec::new(),
            frames: HashMap::new(),
        }
    }

    /// Registers all devices.
    pub fn register(http: Http) {
        let provision = Provision(http);
        // RX2 at DR13 instead of DR8, whose frames would take the air from twenty others.
        let profile = |joins: bool| {
            json!({
                "MacVersion": "1.0.3", "RegParamsRevision": "A", "SupportsJoin": joins,
                "RxDelay1": 1, "RxDataRate2": 13,
            })
        };
        let personalized = provision.profile(&profile(false));
        for device in 0..DEVICES {
            provision.abp(&personalized, dev_eui(device), &session(device));
        }
        let joining = provision.profile(&profile(true));
        provision.otaa(&joining, JOINING, Node::JOIN_EUI, APP_KEY);
    }

    fn emission(bytes: Vec<u8>) -> Emission {
        // Channel 8, the first of sub-band 2, at DR3.
        Emission { frequency_hz: 903_900_000, datr: "SF7BW125".to_owned(), bytes }
    }

    fn push(&self, bytes: Vec<u8>) -> (u32, [u8; 2]) {
        let tmst = self.gateway.tmst();
        (tmst, self.gateway.push(&Self::emission(bytes), tmst))
    }

    /// The device's next uplink; now and then confirmed. Its FCntUp, and the datagram's token.
    pub fn report(&mut self, device: u8) -> (u32, [u8; 2]) {
        let f_cnt = self.f_cnt_up[usize::from(device)];
        self.f_cnt_up[usize::from(device)] += 1;
        let payload = format!("{device}:{f_cnt}").into_bytes();
        let confirmed = f_cnt % SELDOM == u32::from(device) % SELDOM;
        let frame = session(device).uplink(f_cnt, 1, &payload, confirmed);
        self.sent.insert((device, f_cnt), payload);
        self.frames.insert((device, f_cnt), frame.clone());
        let (tmst, token) = self.push(frame);
        if confirmed {
            self.confirmed.insert(tmst, (device, f_cnt));
        }
        (f_cnt, token)
    }

    /// Every device reports once, and a few downlinks are asked for.
    pub fn round(&mut self, application: &Application) {
        for device in 0..DEVICES {
            let (f_cnt, _) = self.report(device);
            if f_cnt % SELDOM == (u32::from(device) + 5) % SELDOM {
                self.ask(application, device);
            }
            std::thread::sleep(PACE);
        }
    }

    /// Half of the devices report at once, and a few downlinks are asked for: work to be cut off in.
    pub fn burst(&mut self, application: &Application) {
        for device in 0..DEVICES / 2 {
            self.report(device);
            if device % 4 == 0 {
                self.ask(application, device);
            }
        }
    }

    fn ask(&mut self, application: &Application, device: u8) {
        use base64::Engine as _;
        let mark = format!("{device}-{}", self.asked.len());
        let payload = base64::engine::general_purpose::STANDARD.encode(&mark);
        let request = json!({ "FPort": 7, "PayloadData": payload, "CorrelationId": mark });
        application.try_publish(&format!("lorawan/{}/down", eui_text(dev_eui(device))), &request);
        self.asked.push((device, mark));
    }

    /// A frame as it was sent before.
    pub fn repeat(&self, device: u8, f_cnt: u32) {
        self.push(self.frames[&(device, f_cnt)].clone());
    }

    /// Another frame under a counter that was used before, as a device would send that has
    /// forgotten it, or a thief of the keys.
    pub fn contradict(&self, device: u8, f_cnt: u32) {
        self.push(session(device).uplink(f_cnt, 1, b"a contradiction", false));
    }

    /// A Join-Request.
    pub fn join(&mut self, dev_nonce: u16) {
        let (tmst, _) = self.push(join_request(Node::JOIN_EUI, JOINING, dev_nonce, APP_KEY));
        self.joins.insert(tmst, dev_nonce);
    }
}
