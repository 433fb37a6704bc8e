//! A class A device: the independent stack `lorawan-device`, driven window by window.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lorawan::default_crypto::DefaultFactory;
use lorawan_device::mac::Session;
use lorawan_device::nb_device::{Device, Event, Response, radio};
use lorawan_device::region::{Configuration, DR};
use lorawan_device::{AppEui, AppKey, DevEui, JoinMode, RngCore};

use super::radio::Radio;
use super::{Downlink, Emission, Gateway, Listening, OpenedDownlink};

/// A frame that the device has received.
#[derive(Clone, Debug)]
pub struct Heard {
    /// 1 or 2.
    pub window: u8,
    /// When the window opened, ms after the end of the uplink.
    pub opened_ms: u32,
    /// How the radio listened.
    pub listening: Listening,
    /// What came.
    pub downlink: Downlink,
    /// FOpts and all of the frame's header, by the device's keys; `None` for a Join-Accept.
    pub opened: Option<OpenedDownlink>,
}

/// What came of one transmission.
#[derive(Debug)]
pub struct Outcome {
    /// The stack's last word.
    pub response: Response,
    /// What it received.
    pub heard: Option<Heard>,
}

impl Outcome {
    /// What was received.
    ///
    /// # Panics
    /// When nothing was.
    pub fn heard(&self) -> &Heard {
        self.heard.as_ref().unwrap_or_else(|| panic!("nothing was heard: {:?}", self.response))
    }
}

type Stack = Device<Radio, DefaultFactory, Dice, 512>;

/// A device.
pub struct Node {
    stack: Stack,
    dev_eui: u64,
    join_eui: u64,
    app_key: [u8; 16],
}

impl Node {
    /// A device that joins by these EUIs, as they are printed, and this key.
    pub fn new(
        region: Configuration,
        gateways: &[Arc<Gateway>],
        dev_eui: u64,
        app_key: [u8; 16],
    ) -> Self {
        let radio = Radio::new(gateways.to_vec());
        let stack = Device::new(region, radio, Dice(dev_eui));
        Self { stack, dev_eui, join_eui: Self::JOIN_EUI, app_key }
    }

    /// The JoinEUI of all devices of the tests.
    pub const JOIN_EUI: u64 = 0x70b3_d57e_d000_0000;

    /// The data rate of uplinks from now on.
    pub fn set_data_rate(&mut self, data_rate: DR) {
        self.stack.set_datarate(data_rate);
    }

    /// Sends a Join-Request, and listens.
    pub fn join(&mut self) -> Outcome {
        let response = self.request_to_join();
        self.listen(response, true)
    }

    /// Sends a Join-Request, and does not wait for an answer.
    pub fn join_in_vain(&mut self) -> Outcome {
        let response = self.request_to_join();
        self.listen(response, false)
    }

    fn request_to_join(&mut self) -> Response {
        let mode = JoinMode::OTAA {
            deveui: DevEui::from(self.dev_eui.to_le_bytes()),
            appeui: AppEui::from(self.join_eui.to_le_bytes()),
            appkey: AppKey::from(self.app_key),
        };
        self.stack.join(mode).expect("an idle stack joins")
    }

    /// Sends an uplink, and listens in both windows as long as they last on the wall's clock.
    pub fn send(&mut self, f_port: u8, payload: &[u8], confirmed: bool) -> Outcome {
        let response = self.stack.send(payload, f_port, confirmed).expect("a joined stack sends");
        self.listen(response, true)
    }

    /// Sends an uplink that no answer is expected for: the windows pass at once.
    pub fn report(&mut self, f_port: u8, payload: &[u8]) {
        let response = self.stack.send(payload, f_port, false).expect("a joined stack sends");
        let outcome = self.listen(response, false);
        assert!(matches!(outcome.response, Response::RxComplete), "{:?}", outcome.response);
    }

    /// The last downlink's payload and FPort, if the stack took one.
    pub fn take_downlink(&mut self) -> Option<(u8, Vec<u8>)> {
        self.stack.take_downlink().map(|downlink| (downlink.fport, downlink.data.to_vec()))
    }

    /// The frame that was sent last.
    pub fn sent(&mut self) -> Emission {
        self.stack.get_radio().sent.clone().expect("something was sent")
    }

    /// When it was sent.
    pub fn sent_at(&mut self) -> Instant {
        self.stack.get_radio().ended_at
    }

    /// FCntUp of the next uplink.
    pub fn f_cnt_up(&self) -> u32 {
        self.session().fcnt_up
    }

    /// Goes on counting from here.
    pub fn set_f_cnt_up(&mut self, f_cnt_up: u32) {
        let session = Session { fcnt_up: f_cnt_up, ..self.session().clone() };
        self.stack.set_session(session);
    }

    /// The address, as it is printed.
    pub fn dev_addr(&self) -> String {
        format!("{:08x}", self.keys().dev_addr)
    }

    /// Address and keys of the session.
    pub fn keys(&self) -> super::AbpSession {
        let session = self.session();
        let key = |key: &[u8]| key.try_into().expect("a key of 16 bytes");
        let dev_addr = session.devaddr.as_ref().try_into().expect("an address of 4 bytes");
        super::AbpSession {
            dev_addr: u32::from_le_bytes(dev_addr),
            nwk_s_key: key(session.newskey.as_ref()),
            app_s_key: key(session.appskey.as_ref()),
        }
    }

    fn session(&self) -> &Session {
        self.stack.get_session().expect("the device has joined")
    }

    /// Takes the stack through its windows. Patient, it waits for a frame until the window has
    /// opened on the wall's clock; else it takes only what is there already.
    fn listen(&mut self, mut response: Response, patient: bool) -> Outcome {
        let (mut window, mut opens_ms) = (0, 0);
        while let Response::TimeoutRequest(at_ms) = response {
            if self.stack.get_radio().listening.is_none() {
                (window, opens_ms) = (window + 1, at_ms);
            } else if let Some(heard) = self.receive(window, opens_ms, patient) {
                let received = Event::RadioEvent(radio::Event::Phy(()));
                response = self.stack.handle_event(received).expect("the radio has no errors");
                self.stack.get_radio().listening = None;
                return Outcome { response, heard: Some(heard) };
            }
            response = self.stack.handle_event(Event::TimeoutFired).expect("time passes");
        }
        Outcome { response, heard: None }
    }

    fn receive(&mut self, window: u8, opens_ms: u32, patient: bool) -> Option<Heard> {
        let radio = self.stack.get_radio();
        let opens = radio.ended_at + Duration::from_millis(opens_ms.into());
        let deadline = if patient { opens } else { Instant::now() };
        let listening = radio.listening.clone()?;
        let downlink = radio.catch(opens_ms, deadline)?;
        // Forwarders are told ahead of time. A device cannot send again before it has listened to
        // the end; if it did, its next windows would fall into what is still to be sent.
        let ends = opens + listening.time_on_air(downlink.bytes.len());
        std::thread::sleep(ends.saturating_duration_since(Instant::now()));
        let keys = self.stack.get_session().is_some().then(|| self.keys());
        let opened = keys.and_then(|keys| keys.open(&downlink.bytes));
        Some(Heard { window, opened_ms: opens_ms, listening, downlink, opened })
    }
}

/// The stack's chance: different for each device, the same in each run. DevNonce and channels are
/// drawn from it.
struct Dice(u64);

impl RngCore for Dice {
    fn next_u32(&mut self) -> u32 {
        (self.next_u64() >> 32) as u32
    }

    /// SplitMix64.
    fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        bytes.fill_with(|| self.next_u32() as u8);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}
