//! The devices of the load: who they are, what they measure, and their frames.

use lns_lorawan::{
    AppKey, AppSKey, DataUp, DevAddr, DevEui, DevNonce, FCntUp, FCtrlUp, JoinEui, JoinRequest,
    NwkSKey, SessionKeys, SessionSchedules, Uplink11Ctx,
};

/// The DevEUI of the first device; the others follow.
pub const FIRST_EUI: u64 = 0x70b3_d57e_1000_0000;

/// Whom joining devices ask.
pub const JOIN_EUI: u64 = 0x70b3_d57e_d000_0000;

/// The port of `lns_pipeline::samples::TEMPERATURE`.
const PORT: u8 = 1;

/// How a device comes by its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Personalized: it has one from the start.
    Abp,
    /// Over the air: it joins.
    Otaa,
}

/// The DevEUI of a device.
pub fn dev_eui(device: usize) -> u64 {
    FIRST_EUI + device as u64
}

/// The address of a personalized device, in the block of NetID 000000. Its low bits do not point
/// to the device's home, as with addresses that another network has given: the dearer case.
pub fn dev_addr(device: usize) -> u32 {
    0x0100_0000 + device as u32
}

/// A key of a device: `purpose` tells its keys apart.
pub fn key(device: usize, purpose: u8) -> [u8; 16] {
    let mut key = [purpose; 16];
    key[..8].copy_from_slice(&dev_eui(device).to_be_bytes());
    key
}

/// The `purpose` of each [`key`].
pub mod purpose {
    /// NwkSKey.
    pub const NWK_S_KEY: u8 = 1;
    /// AppSKey.
    pub const APP_S_KEY: u8 = 2;
    /// AppKey.
    pub const APP_KEY: u8 = 3;
}

/// What a device reports in one uplink.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    hundredths_of_degree: i16,
    half_percent: u8,
    millivolts: u16,
}

impl Reading {
    /// What this device reports under this counter: different from its neighbours in both.
    pub fn of(device: usize, f_cnt: u32) -> Self {
        let (device, count) = (device as u64, u64::from(f_cnt));
        Reading {
            hundredths_of_degree: ((device * 7 + count * 13) % 4000) as i16 - 500,
            half_percent: 60 + ((device + count) % 100) as u8,
            millivolts: 2500 + (device % 1000) as u16,
        }
    }

    fn to_bytes(self) -> [u8; 5] {
        let [t0, t1] = self.hundredths_of_degree.to_be_bytes();
        let [b0, b1] = self.millivolts.to_be_bytes();
        [t0, t1, self.half_percent, b0, b1]
    }

    /// Whether this is what the codec must have made of it.
    pub fn is(&self, decoded: &serde_json::Value) -> bool {
        let near = |name: &str, wanted: f64| {
            decoded[name].as_f64().is_some_and(|found| (found - wanted).abs() < 1e-6)
        };
        near("temperature", f64::from(self.hundredths_of_degree) / 100.0)
            && near("humidity", f64::from(self.half_percent) / 2.0)
            && near("battery", f64::from(self.millivolts) / 1000.0)
    }
}

/// Personalized devices that count their uplinks in step.
pub struct Fleet {
    schedules: Vec<SessionSchedules>,
    next_f_cnt: u32,
}

impl Fleet {
    /// So many devices that have sent nothing yet.
    pub fn new(devices: usize) -> Self {
        let schedules = (0..devices)
            .map(|device| {
                let nwk_s_key = NwkSKey::from_bytes(key(device, purpose::NWK_S_KEY));
                let app_s_key = AppSKey::from_bytes(key(device, purpose::APP_S_KEY));
                SessionKeys::v1_0(&nwk_s_key, app_s_key).schedules()
            })
            .collect();
        Fleet { schedules, next_f_cnt: 1 }
    }

    /// How many devices.
    pub fn len(&self) -> usize {
        self.schedules.len()
    }

    /// The counter of every device's next uplink.
    pub fn next_f_cnt(&self) -> u32 {
        self.next_f_cnt
    }

    /// Every device has used so many counters.
    pub fn advance(&mut self, rounds: u32) {
        self.next_f_cnt += rounds;
    }

    /// The frame of a device under a counter.
    pub fn frame(&self, device: usize, f_cnt: u32) -> Vec<u8> {
        let frame = DataUp {
            confirmed: false,
            dev_addr: DevAddr::new(dev_addr(device)),
            f_ctrl: FCtrlUp::default(),
            f_cnt_up: FCntUp(f_cnt),
            f_opts: &[],
            f_port: Some(PORT),
            frm_payload: &Reading::of(device, f_cnt).to_bytes(),
        };
        frame
            .build(&self.schedules[device], Uplink11Ctx::default())
            .expect("five bytes fit into every frame")
    }
}

/// The Join-Request of a device; `attempt` is its DevNonce.
pub fn join_request(device: usize, attempt: u16) -> [u8; 23] {
    JoinRequest::build_1_0(
        JoinEui::new(JOIN_EUI),
        DevEui::new(dev_eui(device)),
        DevNonce(attempt),
        &AppKey::from_bytes(key(device, purpose::APP_KEY)),
    )
}
