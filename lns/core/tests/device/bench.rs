//! A device on the bench: what it would send, what it would hear, and the server's memory of it.
//!
//! The frames are built and opened with `lns-lorawan`, which has vectors of its own; here it is
//! decided what they mean.

use std::sync::Arc;

use lns_core::adr::{Mode, Policy};
use lns_core::device::home_of;
use lns_core::device::matching::{Match, Matcher, OnAir, Row, digest};
use lns_core::effect::{Durable, Opening, Stage, UplinkEvent};
use lns_core::event::{
    Asking, Fate, JoinHeard, Outcome, Purpose, QueueItem, Reception, Under, UplinkHeard, When,
};
use lns_core::radio::odds::Odds;
use lns_core::radio::plan::{Start, WindowPlan};
use lns_core::{
    Activation, Command, Description, Device, Effect, Env, Event, EventKind, Network, Note,
    Occasion, Offer, Profile, Reject, Step, TxPlan, step,
};
use lns_lorawan::{
    AppKey, AppSKey, DataRateIndex, DataUp, Db, Dbm, DerivationContext, DevAddr, DevEui, DevNonce,
    FCntUp, FCtrlUp, Frame, Frequency, GatewayEui, JoinAcceptFields, JoinAcceptKeys, JoinEui,
    JoinRequest, MacVersion, NetId, NwkSKey, OpenedDownlink, PhyPayload, RegParamsRevision, Region,
    RxDelay, SessionKeys, TimeDelta, Timestamp, Tmst, Uplink11Ctx, Window, session_keys_1_0,
};

pub const DEV_EUI: DevEui = DevEui::new(0x70b3_d57e_d000_0042);
pub const JOIN_EUI: JoinEui = JoinEui::new(0x0011_2233_4455_6677);
pub const DEV_ADDR: DevAddr = DevAddr::new(0x0012_3456);
pub const GATEWAY: GatewayEui = GatewayEui::new(0xaa55_5a00_0000_0001);

pub fn app_key() -> AppKey {
    AppKey::from_bytes([7; 16])
}

pub fn abp_keys() -> SessionKeys {
    SessionKeys::v1_0(&NwkSKey::from_bytes([1; 16]), AppSKey::from_bytes([2; 16]))
}

pub fn eu868(mac_version: MacVersion) -> Profile {
    Profile::new(Region::Eu868, mac_version, RegParamsRevision::Rp002_1_0_5)
}

pub fn abp() -> Activation {
    Activation::Abp { dev_addr: DEV_ADDR, keys: abp_keys(), f_cnt_start: FCntUp(0) }
}

pub fn otaa() -> Activation {
    Activation::Otaa10 { join_eui: Some(JOIN_EUI), app_key: app_key() }
}

/// One uplink, as the device means it.
#[derive(Clone)]
pub struct Up<'a> {
    pub f_cnt: u32,
    pub confirmed: bool,
    pub f_ctrl: FCtrlUp,
    pub f_opts: &'a [u8],
    pub f_port: Option<u8>,
    pub payload: &'a [u8],
}

impl Default for Up<'_> {
    fn default() -> Self {
        Up {
            f_cnt: 0,
            confirmed: false,
            f_ctrl: FCtrlUp::default(),
            f_opts: &[],
            f_port: Some(10),
            payload: b"hello",
        }
    }
}

impl Up<'_> {
    pub fn at(f_cnt: u32) -> Self {
        Up { f_cnt, ..Up::default() }
    }

    pub fn confirmed(f_cnt: u32) -> Self {
        Up { f_cnt, confirmed: true, ..Up::default() }
    }

    pub fn acking(f_cnt: u32) -> Self {
        let f_ctrl = FCtrlUp { ack: true, ..FCtrlUp::default() };
        Up { f_cnt, f_ctrl, ..Up::default() }
    }
}

/// A downlink, as the device understands it.
#[derive(Clone, Debug)]
pub struct Down {
    pub opened: OpenedDownlink,
    pub plan: TxPlan,
}

/// The server's memory of one device, its surroundings, and the keys that the device has.
pub struct Bench {
    pub device: Device,
    pub network: Network,
    pub now: Timestamp,
    pub keys: Option<SessionKeys>,
    pub dev_addr: DevAddr,
    pub steps: u64,
    /// What it sends on.
    pub frequency: Frequency,
    /// What passes before each of its uplinks.
    pub pace: TimeDelta,
    /// How.
    pub modulation: &'static str,
    pub snr: Db,
    matcher: Matcher,
}

/// How long after the uplink a window opens, ms.
pub fn delay_ms(window: &WindowPlan) -> i64 {
    match window.start {
        Start::After(delay) => delay.millis(),
        other => panic!("it follows no uplink: {other:?}"),
    }
}

impl Bench {
    pub fn new(profile: Profile, activation: Activation) -> Self {
        let keys = match &activation {
            Activation::Abp { keys, .. } => Some(keys.clone()),
            Activation::Otaa10 { .. } | Activation::Otaa11 { .. } => None,
        };
        // Told of channels at its join, or not at all, so that there is nothing to ask of it.
        let extra = if keys.is_some() { &[][..] } else { &[8671, 8673, 8675, 8677, 8679] };
        let extra = extra.iter().map(|tenths| Frequency::from_hz(tenths * 100_000).into());
        let first = profile.region.tables().channel(0).unwrap();
        let frequency = first.frequency;
        let about = Description {
            dev_eui: DEV_EUI,
            name: "bench".to_owned(),
            activation,
            profile: Arc::new(profile),
            // Other tests are not about it.
            adr: Policy { mode: Mode::Off, ..Policy::default() },
        };
        Bench {
            device: Device::new(Arc::new(about)),
            network: Network {
                net_id: NetId::new(0x13).unwrap(),
                sub_band: None,
                extra_channels: extra.collect(),
                queue_limit: 8,
            },
            now: Timestamp::from_secs(1_700_000_000),
            keys,
            dev_addr: DEV_ADDR,
            steps: 0,
            frequency,
            pace: TimeDelta::from_secs(10),
            modulation: "SF7BW125",
            snr: Db::from_hundredths(925),
            matcher: Matcher::new(4, 64),
        }
    }

    /// An ABP device of LoRaWAN 1.0.4 in EU868.
    pub fn abp() -> Self {
        Bench::new(eu868(MacVersion::V1_0_4), abp())
    }

    /// The verb, and what the shell does with its answer.
    pub fn step(&mut self, event: Event) -> Step {
        self.steps += 1;
        let random = digest(&self.steps.to_le_bytes());
        let env = Env { now: self.now, network: &self.network, random };
        let step = step(&self.device, event, &env);
        self.device = step.device.clone();
        step
    }

    /// The process dies and starts again, with what the last record had. `None` where nothing was
    /// written yet.
    pub fn crash(&mut self, record: &[u8]) {
        let about = Arc::clone(&self.device.about);
        let nonces = self.device.used_dev_nonces.to_vec();
        self.device = lns_core::record::decode(record, about, nonces).unwrap();
    }

    pub fn record(&self) -> Vec<u8> {
        lns_core::record::encode(&self.device)
    }

    /// The bytes of an uplink.
    pub fn frame(&self, up: &Up<'_>) -> Vec<u8> {
        let up = DataUp {
            confirmed: up.confirmed,
            dev_addr: self.dev_addr,
            f_ctrl: up.f_ctrl,
            f_cnt_up: FCntUp(up.f_cnt),
            f_opts: up.f_opts,
            f_port: up.f_port,
            frm_payload: up.payload,
        };
        up.build(&self.keys.as_ref().unwrap().schedules(), Uplink11Ctx::default()).unwrap()
    }

    /// Matches bytes to the device, as a partition does.
    pub fn matched(&mut self, bytes: &[u8]) -> Result<UplinkHeard, Reject> {
        self.matched_in(self.device.about.profile.region, bytes)
    }

    /// The same, heard by a gateway of some region.
    pub fn matched_in(&mut self, region: Region, bytes: &[u8]) -> Result<UplinkHeard, Reject> {
        let Frame::Up(sealed) = PhyPayload::parse(bytes).unwrap() else { panic!("no uplink") };
        let reception = self.reception();
        let on_air = OnAir {
            now: self.now,
            digest: digest(bytes),
            region,
            modulation: reception.modulation,
            frequency: reception.frequency,
        };
        let device = self.device.clone();
        let rows: Vec<_> = [Under::Current, Under::Pending]
            .into_iter()
            .filter_map(|under| Row::of(&device, under))
            .filter(|row| device.session_under(row.under()).unwrap().dev_addr == sealed.dev_addr())
            .map(|row| ((), row))
            .collect();
        match self.matcher.match_uplink(&sealed, &on_air, &rows, |()| Some(&device)) {
            Match::Verified(verified) => Ok(UplinkHeard {
                opened: verified.opened,
                phy_payload: Arc::from(bytes),
                digest: on_air.digest,
                under: verified.under,
                freshness: verified.freshness,
                receptions: vec![reception],
                data_rate: verified.data_rate,
                channel: verified.channel,
                suggested_rx_delay: None,
            }),
            Match::Refused { reject, whose } => {
                if let Some(((), behind)) = whose {
                    self.device.behind = behind;
                }
                Err(reject)
            }
        }
    }

    /// The device sends; the frame is matched and decided.
    pub fn hear(&mut self, up: &Up<'_>) -> Result<Step, Reject> {
        self.now += self.pace;
        let bytes = self.frame(up);
        let heard = self.matched(&bytes)?;
        Ok(self.step(Event::Uplink(Box::new(heard))))
    }

    /// The lanes offer RX1 and RX2 of these sizes.
    pub fn offer(&mut self, rx1: usize, rx2: usize) -> Step {
        let offers = vec![self.an_offer(1, Window::Rx1, rx1), self.an_offer(2, Window::Rx2, rx2)];
        self.step(Event::Occasion(Occasion { purpose: Purpose::ClassA, offers, shortage: None }))
    }

    /// The device wakes, if it wants to by now; what it then opens.
    pub fn wake(&mut self) -> Option<Opening> {
        let due = self.device.next_wake().is_some_and(|at| at <= self.now);
        let step = due.then(|| self.step(Event::Wake))?;
        opening(&step).cloned()
    }

    /// The lanes offer a place of this size in what the device has opened last.
    pub fn offer_in(&mut self, opening: &Opening, size: usize) -> Step {
        let mut offer = self.an_offer(1, opening.windows[0].window, size);
        offer.starts = match opening.windows[0].start {
            Start::After(delay) => self.now + delay,
            Start::At(moment) => moment.to_timestamp(),
            Start::Soon { not_before, .. } => not_before.max(self.now),
        };
        offer.modulation = opening.windows[0].modulation;
        let offers = if size == 0 { Vec::new() } else { vec![offer] };
        self.step(Event::Occasion(Occasion { purpose: opening.purpose, offers, shortage: None }))
    }

    /// The server may answer the last uplink; what the device understands of it.
    pub fn listen(&mut self) -> Option<Down> {
        let step = self.offer(64, 64);
        self.understand(&step)
    }

    pub fn understand(&self, step: &Step) -> Option<Down> {
        let plan = transmitted(step)?;
        let Frame::Down(sealed) = PhyPayload::parse(&plan.phy_payload).unwrap() else {
            panic!("no downlink")
        };
        let f_cnt_down = plan.f_cnt_down.unwrap();
        let keys = self.keys.as_ref().unwrap().schedules();
        Some(Down { opened: sealed.open(&keys, f_cnt_down, 0).unwrap(), plan: plan.clone() })
    }

    pub fn outcome(&mut self, plan: u64, fate: Fate) -> Step {
        let window = Some(Window::Rx1);
        let outcome = Outcome {
            plan,
            fate,
            gateway: Some(GATEWAY),
            window,
            margin: None,
            starts: None,
            modulation: None,
            lead_us: None,
        };
        self.step(Event::Outcome(outcome))
    }

    pub fn enqueue(&mut self, id: u64, confirmed: bool, payload: &[u8]) -> Step {
        let item = self.item(id, confirmed, payload);
        self.step(Event::Command(Command::Enqueue(item)))
    }

    pub fn item(&self, id: u64, confirmed: bool, payload: &[u8]) -> QueueItem {
        QueueItem {
            id,
            f_port: 10,
            payload: payload.into(),
            confirmed,
            correlation_id: Some("mark".into()),
            queued_at: self.now,
            expires_at: None,
        }
    }

    pub fn reception(&self) -> Reception {
        Reception {
            gateway: GATEWAY,
            arrived: self.now,
            air_time: self.now - TimeDelta::from_millis(20),
            tmst: Tmst(1_000_000),
            boot_epoch: 1,
            token: Box::from([1, 2, 3]),
            frequency: self.frequency,
            modulation: self.modulation.parse().unwrap(),
            coding_rate: Arc::from("4/5"),
            rssi: Dbm::from_whole(-60),
            snr: self.snr,
            channel: Some(0),
            rf_chain: Some(0),
            antenna: None,
            gateway_time: None,
            tmms: None,
        }
    }

    pub fn an_offer(&self, id: u64, window: Window, max_phy_payload: usize) -> Offer {
        let delay = TimeDelta::from_secs(if window == Window::Rx1 { 1 } else { 2 });
        Offer {
            id,
            gateway: GATEWAY,
            boot_epoch: 1,
            window,
            when: When::After { token: Box::from([1, 2, 3]), delay },
            starts: self.now + delay,
            frequency: Frequency::from_hz(868_100_000),
            data_rate: DataRateIndex::DR0,
            modulation: "SF12BW125".parse().unwrap(),
            power: Dbm::from_whole(14),
            max_phy_payload,
            margin: Db::from_whole(10),
            odds: Odds { chance: 900, worth: 900 },
            reserved_until: self.now + delay,
        }
    }

    /// The device asks to join.
    pub fn ask_to_join(&mut self, dev_nonce: u16) -> Step {
        let bytes = JoinRequest::build_1_0(JOIN_EUI, DEV_EUI, DevNonce(dev_nonce), &app_key());
        self.join_with(&bytes)
    }

    /// The server hears a Join-Request or Rejoin-Request.
    pub fn join_with(&mut self, bytes: &[u8]) -> Step {
        self.now += TimeDelta::from_secs(10);
        let request: Asking = match PhyPayload::parse(bytes).unwrap() {
            Frame::JoinRequest(request) => request.into(),
            Frame::Rejoin(request) => request.into(),
            other => panic!("no request: {other:?}"),
        };
        self.step(Event::Join(Box::new(JoinHeard {
            request,
            bytes: bytes.into(),
            receptions: vec![self.reception()],
            data_rate: DataRateIndex::new(5).unwrap(),
            channel: Some(0),
            suggested_rx_delay: RxDelay::new(1).unwrap(),
            dev_addr: self.drawn_address(),
        })))
    }

    /// An address of the device's home, as drawn by the release that wrote the stored record.
    fn drawn_address(&self) -> DevAddr {
        let random = digest(&(self.steps + 2).to_le_bytes()) as u32;
        let nwk_addr = random & !0x3f | u32::from(home_of(DEV_EUI));
        DevAddr::from_net_id(self.network.net_id, nwk_addr)
    }

    pub fn offer_join(&mut self, sizes: &[usize]) -> Step {
        let offers = sizes.iter().map(|size| self.an_offer(9, Window::Rx1, *size)).collect();
        self.step(Event::Occasion(Occasion {
            purpose: Purpose::JoinAccept,
            offers,
            shortage: None,
        }))
    }

    /// A join to its end: the device has the new keys and uses them from now on.
    pub fn join(&mut self, dev_nonce: u16) -> JoinAcceptFields {
        let asked = self.ask_to_join(dev_nonce);
        assert!(opening(&asked).is_some(), "not accepted: {:?}", asked.notes);
        let answered = self.offer_join(&[64]);
        self.take_accept(&answered, dev_nonce)
    }

    pub fn take_accept(&mut self, step: &Step, dev_nonce: u16) -> JoinAcceptFields {
        let plan = transmitted(step).expect("a Join-Accept");
        let Frame::JoinAccept(accept) = PhyPayload::parse(&plan.phy_payload).unwrap() else {
            panic!("no Join-Accept")
        };
        let fields = accept.open(&JoinAcceptKeys::V1_0 { app_key: &app_key() }).unwrap();
        let context = DerivationContext {
            join_nonce: fields.join_nonce,
            dev_nonce: DevNonce(dev_nonce),
            net_id: fields.net_id,
            join_eui: JOIN_EUI,
        };
        self.keys = Some(session_keys_1_0(&app_key(), &context));
        self.dev_addr = fields.dev_addr;
        fields
    }
}

pub fn transmitted(step: &Step) -> Option<&TxPlan> {
    step.effects.iter().find_map(|effect| match effect {
        Effect::Transmit(plan) => Some(&**plan),
        Effect::Publish(_) | Effect::Open(_) => None,
    })
}

pub fn opening(step: &Step) -> Option<&Opening> {
    step.effects.iter().find_map(|effect| match effect {
        Effect::Open(opening) => Some(opening),
        Effect::Publish(_) | Effect::Transmit(_) => None,
    })
}

pub fn published(step: &Step) -> Vec<&EventKind> {
    let published = step.effects.iter().filter_map(|effect| match effect {
        Effect::Publish(kind) => Some(kind),
        Effect::Open(_) | Effect::Transmit(_) => None,
    });
    published.collect()
}

pub fn uplink(step: &Step) -> Option<&UplinkEvent> {
    published(step).into_iter().find_map(|kind| match kind {
        EventKind::Uplink(event) => Some(&**event),
        EventKind::Joined { .. }
        | EventKind::Downlink { .. }
        | EventKind::Counters { .. }
        | EventKind::Relayed(_)
        | EventKind::ProprietaryMac { .. } => None,
    })
}

/// The stages of downlinks that a step tells of.
pub fn stages(step: &Step) -> Vec<(u64, Stage)> {
    let stages = published(step).into_iter().filter_map(|kind| match kind {
        EventKind::Downlink { id, stage, .. } => Some((*id, stage.clone())),
        EventKind::Uplink(_)
        | EventKind::Joined { .. }
        | EventKind::Counters { .. }
        | EventKind::Relayed(_)
        | EventKind::ProprietaryMac { .. } => None,
    });
    stages.collect()
}

pub fn rejected(step: &Step) -> Option<Reject> {
    step.notes.iter().find_map(|note| match note {
        Note::Rejected(reject) => Some(*reject),
        _ => None,
    })
}

/// Everything is as it was: nothing to write, nothing to do.
pub fn assert_refused(step: &Step, reject: Reject) {
    assert_eq!(rejected(step), Some(reject));
    assert_eq!(step.durable, Durable::Nothing);
    assert!(step.effects.is_empty(), "{:?}", step.effects);
}
