//! The server and the model device, and the air between them.

use std::sync::Arc;

use lns_core::adr::{Mode, Target};
use lns_core::effect::Durable;
use lns_core::event::Fate;
use lns_core::mac::{Kind, MacState};
use lns_core::session::{MacParams, Slot};
use lns_core::{Command, Event, Note, Profile, Step};
use lns_lorawan::{FCtrlUp, Frequency, MacVersion, RegParamsRevision, Region};

use crate::bench::{Bench, Up, abp};
use crate::model::{Channel, Make, Model};

/// What becomes of one uplink and what answers it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Air {
    pub up_lost: bool,
    pub down_lost: bool,
    /// No gateway sends the downlink, and the server is told so.
    pub not_sent: bool,
}

/// All is well.
pub const CLEAR: Air = Air { up_lost: false, down_lost: false, not_sent: false };
/// The device is not heard.
pub const UP_LOST: Air = Air { up_lost: true, ..CLEAR };
/// The server is not heard.
pub const DOWN_LOST: Air = Air { down_lost: true, ..CLEAR };

/// A server and a device.
pub struct Talk {
    pub bench: Bench,
    pub model: Model,
    /// Notes of the last uplink.
    pub notes: Vec<Note>,
    f_cnt: u32,
    record: Vec<u8>,
}

pub fn make(region: Region, version: MacVersion) -> Make {
    Make {
        us915: region == Region::Us915,
        knows_keep: version >= MacVersion::V1_0_4,
        one_answer: version >= MacVersion::V1_1_0,
        sticky_since_1_0_4: version >= MacVersion::V1_0_4,
    }
}

impl Talk {
    /// A personalized device, about which nobody wants anything.
    pub fn new(region: Region, version: MacVersion) -> Self {
        Talk::with(region, version, |_| {})
    }

    /// The same, with a profile that wants something.
    pub fn with(region: Region, version: MacVersion, change: impl FnOnce(&mut Profile)) -> Self {
        let mut profile = Profile::new(region, version, RegParamsRevision::Rp002_1_0_5);
        let plain = Bench::new(profile.clone(), abp());
        change(&mut profile);
        let mut bench = Bench::new(profile, abp());
        // What the profile wants is not what the factory gave.
        bench.device.session = plain.device.session;
        let record = bench.record();
        let model = Model::new(make(region, version));
        Talk { bench, model, notes: Vec::new(), f_cnt: 0, record }
    }

    /// This is what the device should do.
    pub fn tell(&mut self, target: Target) {
        Arc::make_mut(&mut self.bench.device.about).adr.mode = Mode::Static(target);
    }

    /// The device sends, and may be answered. The commands that the server sent.
    pub fn exchange(&mut self, air: Air) -> Vec<u8> {
        let said = self.model.speak();
        let frequency = self.model.sends_on();
        let f_cnt = self.f_cnt;
        self.f_cnt += 1;
        if air.up_lost {
            return Vec::new();
        }
        self.bench.frequency = Frequency::from_hz(frequency);
        self.bench.modulation = modulation(self.model.make.us915, self.model.data_rate);
        let f_ctrl = FCtrlUp { adr: self.model.adr, ..FCtrlUp::default() };
        let plain = Up { f_ctrl, ..Up::at(f_cnt) };
        let up = if said.len() > 15 {
            Up { f_port: Some(0), payload: &said, ..plain }
        } else {
            Up { f_opts: &said, ..plain }
        };
        let step = self.bench.hear(&up).expect("a frame of the device's");
        self.notes = step.notes.clone();
        self.keep(&step);
        self.answer(air)
    }

    fn answer(&mut self, air: Air) -> Vec<u8> {
        let step = self.bench.offer(64, 64);
        self.keep(&step);
        let Some(down) = self.bench.understand(&step) else { return Vec::new() };
        let commands = down.opened.mac_commands().to_vec();
        let fate = if air.not_sent { Fate::Expired } else { Fate::Accepted };
        let step = self.bench.outcome(down.plan.id, fate);
        self.keep(&step);
        if !air.down_lost && !air.not_sent {
            self.model.hear(&commands);
        }
        commands
    }

    /// Exchanges without loss.
    pub fn exchanges(&mut self, count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|_| self.exchange(CLEAR)).collect()
    }

    fn keep(&mut self, step: &Step) {
        if step.durable >= Durable::Record {
            self.record = self.bench.record();
        }
    }

    /// The server dies and starts again.
    pub fn crash(&mut self) {
        self.bench.crash(&self.record);
    }

    /// Somebody wants something else.
    pub fn describe(&mut self, change: impl FnOnce(&mut Profile)) {
        let mut about = (*self.bench.device.about).clone();
        let mut profile = (*about.profile).clone();
        change(&mut profile);
        about.profile = Arc::new(profile);
        let session = self.bench.device.session.clone();
        let step = self.bench.step(Event::Command(Command::Describe(Arc::new(about))));
        // A personalized device's profile says what it does from the factory; here it says what it
        // should do.
        self.bench.device.session = session;
        self.record = self.bench.record();
        drop(step);
    }

    pub fn mac(&self) -> &MacState {
        &self.bench.device.mac
    }

    pub fn current(&self) -> &MacParams {
        &self.bench.device.session.as_ref().expect("a personalized device has a session").current
    }

    pub fn is_outstanding(&self, kind: Kind) -> bool {
        self.mac().is_outstanding(kind)
    }

    /// Whether what the server believes is what the device does. What it does not know, or waits for
    /// an answer to, is no mistake.
    pub fn assert_true(&self) {
        let (current, model) = (self.current(), &self.model);
        let settled = |kind: Kind| !self.is_outstanding(kind);
        let rx = &current.rx;
        if settled(Kind::RxTimingSetup) {
            assert_eq!(rx.rx_delay.seconds(), model.rx_delay, "RX1's delay");
        }
        if settled(Kind::RxParamSetup) {
            let windows = (rx.rx1_dr_offset, rx.rx2_data_rate.value(), rx.rx2_frequency.hz());
            assert_eq!(windows, (model.rx1_dr_offset, model.rx2.0, model.rx2.1), "windows");
        }
        if settled(Kind::NewChannel) && settled(Kind::DlChannel) {
            self.assert_channels();
        }
        let known = |kind, server: Option<u8>, device: u8| {
            let same = server.is_none_or(|server| server == device);
            assert!(same || !settled(kind), "{kind:?}: {server:?}, {device}");
        };
        known(Kind::LinkAdr, current.tx_power.map(|power| power.value()), model.tx_power);
        known(Kind::LinkAdr, current.nb_trans, model.nb_trans);
        known(Kind::DutyCycle, current.max_duty_cycle, model.max_duty_cycle);
        known(Kind::AdrParamSetup, current.adr_ack.map(|ack| ack.limit_exp), model.adr_ack.0);
        known(Kind::AdrParamSetup, current.adr_ack.map(|ack| ack.delay_exp), model.adr_ack.1);
        if let Some(place) = current.beacon.filter(|_| settled(Kind::BeaconFreq)) {
            assert_eq!(place.on_air().hz(), model.beacon_hz, "beacon");
        }
        let ping_slot = current.ping_slot.channel.filter(|_| settled(Kind::PingSlotChannel));
        if let Some(channel) = ping_slot {
            assert_eq!(channel.place.on_air().hz(), model.ping_slot.0, "ping slots");
            if let Some(data_rate) = channel.data_rate {
                assert_eq!(Some(data_rate.value()), model.ping_slot.1, "ping slots");
            }
        }
    }

    fn assert_channels(&self) {
        let (current, model) = (self.current(), &self.model);
        if let Some(mask) = current.ch_mask.filter(|_| !self.is_outstanding(Kind::LinkAdr)) {
            let on: Vec<u8> = mask.iter().collect();
            let enabled: Vec<u8> = model.enabled.iter().copied().collect();
            // One that may or may not exist may or may not be in use.
            let known = |index: &&u8| current.channels.slot(**index) != Slot::Unknown;
            let filtered = |list: &[u8]| list.iter().filter(known).copied().collect::<Vec<u8>>();
            assert_eq!(filtered(&on), filtered(&enabled), "mask");
        }
        for index in 0..16 {
            let device: Option<Channel> = model.channels.get(usize::from(index)).copied().flatten();
            match current.channels.slot(index) {
                Slot::Unknown => {}
                Slot::Free => assert_eq!(device, None, "channel {index}"),
                Slot::Channel(channel) => {
                    let device =
                        device.unwrap_or_else(|| panic!("no channel {index}: {channel:?}"));
                    let places = (channel.frequency.hz(), channel.rx1_frequency.hz());
                    assert_eq!(places, (device.hz, device.rx1_hz), "channel {index}");
                    let rates: Vec<u8> = channel.data_rates.iter().map(|dr| dr.value()).collect();
                    let range: Vec<u8> = (device.least..=device.greatest).collect();
                    assert_eq!(rates, range, "channel {index}");
                }
            }
        }
    }

    /// Whether nothing is unknown and nothing is under way.
    pub fn is_quiet(&self) -> bool {
        let current = self.current();
        let unknown = current.channels.slots().any(|(_, slot)| slot == Slot::Unknown);
        self.mac().ledger.is_none() && !unknown && current.ch_mask.is_some()
    }
}

fn modulation(us915: bool, data_rate: u8) -> &'static str {
    let eu868 = ["SF12BW125", "SF11BW125", "SF10BW125", "SF9BW125", "SF8BW125", "SF7BW125"];
    let us = ["SF10BW125", "SF9BW125", "SF8BW125", "SF7BW125", "SF8BW500"];
    if us915 { us[usize::from(data_rate)] } else { eu868[usize::from(data_rate)] }
}
