//! The test protocol on FPort 224 (TS009-1.0.0): an application on the network's side makes the device
//! do things, and the device says what it has seen. Only a device that is made for it listens.
//!
//! What is not here needs a laboratory (TxCw), is about packages that this device has not, or changes
//! nothing that it does (the duty cycle's switch).

use lns_lorawan::{TimeDelta, Timestamp};

use super::{Class, Device, Request};

/// The protocol's port.
pub const F_PORT: u8 = 224;

/// The package's identifier and version.
const PACKAGE: [u8; 2] = [6, 1];

/// Seconds from one uplink to the next, by TxPeriodicityChangeReq's index; 0 is the device's own.
const PERIODS: [i64; 11] = [0, 5, 10, 20, 30, 40, 50, 60, 120, 240, 480];

/// The first byte of a request.
mod request {
    pub const PACKAGE_VERSION: u8 = 0x00;
    pub const RESET: u8 = 0x01;
    pub const JOIN: u8 = 0x02;
    pub const SWITCH_CLASS: u8 = 0x03;
    pub const ADR_BIT_CHANGE: u8 = 0x04;
    pub const TX_PERIODICITY_CHANGE: u8 = 0x06;
    pub const TX_FRAMES_CTRL: u8 = 0x07;
    pub const ECHO_PAYLOAD: u8 = 0x08;
    pub const RX_APP_CNT: u8 = 0x09;
    pub const RX_APP_CNT_RESET: u8 = 0x0a;
    pub const LINK_CHECK: u8 = 0x20;
    pub const DEVICE_TIME: u8 = 0x21;
    pub const PING_SLOT_INFO: u8 = 0x22;
}

/// What a test has to remember.
#[derive(Debug, Clone, Default)]
pub(super) struct Test {
    /// Application payloads received, the protocol's own among them.
    received: u16,
    /// What is to be done before the next uplink, once this frame is dealt with.
    begin: Option<Begin>,
}

#[derive(Debug, Clone, Copy)]
enum Begin {
    Reset,
    Join,
}

impl Device {
    /// An application payload has come.
    pub(super) fn count_for_test(&mut self) {
        self.test.received = self.test.received.wrapping_add(1);
    }

    /// Begins anew if a test has asked for it.
    pub(super) fn begins_anew(&mut self, at: Timestamp) -> bool {
        match self.test.begin.take() {
            Some(Begin::Reset) => self.reboot(at),
            Some(Begin::Join) => self.rejoin(at),
            None => return false,
        }
        true
    }

    /// A request has come. One that is not known, or too short, is ignored.
    pub(super) fn obey_test(&mut self, payload: &[u8], ends: Timestamp) {
        let Some((&code, arguments)) = payload.split_first() else { return };
        match (code, arguments) {
            (request::PACKAGE_VERSION, _) => self.answer_test([&[code], &PACKAGE[..]].concat()),
            (request::RESET, _) => self.test.begin = Some(Begin::Reset),
            (request::JOIN, _) => self.test.begin = Some(Begin::Join),
            (request::SWITCH_CLASS, [class, ..]) => self.switch_class(*class),
            (request::ADR_BIT_CHANGE, [on, ..]) => self.spec.adr = *on == 1,
            (request::TX_PERIODICITY_CHANGE, [index, ..]) => {
                if let Some(seconds) = PERIODS.get(usize::from(*index)).filter(|it| **it > 0) {
                    self.spec.interval = TimeDelta::from_secs(*seconds);
                    self.planned = self.planned.min(ends + self.spec.interval);
                }
            }
            (request::TX_FRAMES_CTRL, [kind @ 1..=2, ..]) => {
                self.spec.confirmed_share = f64::from(kind - 1);
            }
            (request::ECHO_PAYLOAD, payload) => {
                let echo = payload.iter().map(|byte| byte.wrapping_add(1));
                self.answer_test(std::iter::once(code).chain(echo).collect());
            }
            (request::RX_APP_CNT, _) => {
                let received = self.test.received.to_le_bytes();
                self.answer_test([&[code], &received[..]].concat());
            }
            (request::RX_APP_CNT_RESET, _) => self.test.received = 0,
            (request::LINK_CHECK, _) => self.ask(Request::LinkCheck),
            (request::DEVICE_TIME, _) => self.ask(Request::DeviceTime),
            (request::PING_SLOT_INFO, [periodicity, ..]) => {
                let periodicity = periodicity & 7;
                self.spec.class = Class::B { periodicity };
                self.mac.ping_slot.periodicity = periodicity;
            }
            _ => {}
        }
    }

    /// 0 is class A, 1 class B, 2 class C.
    fn switch_class(&mut self, class: u8) {
        match class {
            0 => self.listen_always(false),
            1 => self.spec.class = Class::B { periodicity: 0 },
            2 => self.listen_always(true),
            _ => {}
        }
    }

    fn answer_test(&mut self, payload: Vec<u8>) {
        let confirmed = self.spec.confirmed_share > 0.5;
        self.send(F_PORT, payload, confirmed);
    }
}
