//! One bridge without a socket, driven by hand.

use std::net::SocketAddr;
use std::sync::Arc;

use gateway_bridge::counters::{Count, Counters};
use gateway_bridge::semtech::packet::{
    DatagramToken, FromServer, PushData, Rxpk, ServerMessage, TxTime, Txpk, Verdict, Version,
    pull_data,
};
use gateway_bridge::semtech::session::{Config, Out, Policy, Sessions};
use gateway_link::{
    CodingRate, Downlink, DownlinkItem, GatewayEui, GatewayEvent, Modulation, Outcome, Refusal,
    TxAck, Uplink, When,
};

pub const EUI: GatewayEui = GatewayEui([0, 0x16, 0xc0, 1, 0xff, 0x10, 0xd4, 0x46]);
pub const SECOND: i64 = 1_000_000;
pub const START: i64 = 1_700_000_000 * SECOND;
pub const HOME: &str = "192.0.2.1:5000";
pub const ELSEWHERE: &str = "198.51.100.7:5000";

/// One bridge, its outputs sorted.
pub struct Bench {
    pub sessions: Sessions,
    pub counters: Arc<Counters>,
    pub now: i64,
    pub acks: Vec<TxAck>,
    pub events: Vec<GatewayEvent>,
    pub uplinks: Vec<Uplink>,
    pub sent: Vec<(SocketAddr, DatagramToken, Txpk)>,
    pub answers: Vec<[u8; 4]>,
}

impl Bench {
    pub fn new(config: Config, policy: Policy) -> Self {
        let counters = Arc::new(Counters::default());
        Self {
            sessions: Sessions::new(config, policy, Arc::clone(&counters)),
            counters,
            now: START,
            acks: Vec::new(),
            events: Vec::new(),
            uplinks: Vec::new(),
            sent: Vec::new(),
            answers: Vec::new(),
        }
    }

    /// A version 2 gateway that is connected and has been heard, its counter at 10 s.
    pub fn connected() -> Self {
        let mut bench = Self::new(Config::default(), Policy::default());
        bench.pull(HOME);
        bench.push(10_000_000);
        bench
    }

    pub fn sort(&mut self, out: Vec<Out>) {
        for one in out {
            match one {
                Out::Ack { bytes, .. } => self.answers.push(bytes),
                Out::Uplink(uplink) => self.uplinks.push(uplink),
                Out::TxAck(ack) => self.acks.push(ack),
                Out::Event(_, event) => self.events.push(event),
                Out::Datagram { to, bytes } => {
                    let packet = FromServer::parse(&bytes).unwrap();
                    let ServerMessage::PullResp(body) = packet.message else {
                        panic!("{packet:?}")
                    };
                    self.sent.push((to, packet.token, Txpk::parse(body).unwrap()));
                }
            }
        }
    }

    pub fn receive(&mut self, from: &str, bytes: &[u8]) {
        let mut out = Vec::new();
        self.sessions.handle_datagram(self.now, from.parse().unwrap(), bytes, &mut out);
        self.sort(out);
    }

    pub fn pull(&mut self, from: &str) {
        self.receive(from, &pull_data::build(Version::V2, DatagramToken([1, 2]), EUI));
    }

    pub fn push(&mut self, tmst: u32) {
        self.push_all(&[rxpk(tmst)]);
    }

    pub fn push_all(&mut self, rxpks: &[Rxpk]) {
        let push =
            PushData { rxpk: rxpks.iter().cloned().map(Ok).collect(), ..PushData::default() };
        self.receive(HOME, &push.build(Version::V2, DatagramToken([3, 4]), EUI));
    }

    pub fn send(&mut self, items: Vec<DownlinkItem>) {
        let boot_epoch = self.uplinks.last().map_or(0, |uplink| uplink.boot_epoch);
        let deadline = self.now + 3 * SECOND;
        self.send_as(Downlink { gateway_eui: EUI, id: 7, boot_epoch, deadline, items });
    }

    pub fn send_as(&mut self, downlink: Downlink) {
        let mut out = Vec::new();
        self.sessions.send(self.now, downlink, &mut out);
        self.sort(out);
    }

    /// RX1 at one second, RX2 at two, after the last uplink.
    pub fn send_rx1_rx2(&mut self) {
        let items = [1_000_000, 2_000_000].map(|delay_us| self.item(delay_us)).to_vec();
        self.send(items);
    }

    pub fn item(&self, delay_us: u32) -> DownlinkItem {
        let token = self.uplinks.last().expect("an uplink was heard").token;
        item(When::After { token, delay_us }, 1600)
    }

    /// The gateway answers what it was sent last.
    pub fn answer(&mut self, verdict: Verdict) {
        let token = self.sent.last().expect("something was sent").1;
        self.receive(HOME, &verdict.build(token, EUI));
    }

    pub fn refuse(&mut self, reason: Refusal) {
        self.answer(Verdict::Refused { reason, value: None });
    }

    pub fn wait(&mut self, micros: i64) {
        self.now += micros;
        let mut out = Vec::new();
        self.sessions.tick(self.now, &mut out);
        self.sort(out);
        assert!(self.sessions.next_wake().is_none_or(|wake| wake > self.now));
    }

    pub fn tmsts(&self) -> Vec<TxTime> {
        self.sent.iter().map(|sent| sent.2.when).collect()
    }

    pub fn powers(&self) -> Vec<i8> {
        self.sent.iter().filter_map(|sent| sent.2.power_dbm).collect()
    }

    pub fn outcomes(&self) -> Vec<Outcome> {
        self.acks.iter().map(|ack| ack.outcome.clone()).collect()
    }

    pub fn counted(&self, what: Count) -> u64 {
        self.counters.value(what)
    }
}

pub fn rxpk(tmst: u32) -> Rxpk {
    let body = format!(
        r#"{{"rxpk":[{{"tmst":{tmst},"freq":868.1,"stat":1,"modu":"LORA","datr":"SF7BW125","codr":"4/5","rssi":-35,"lsnr":5.0,"size":4,"data":"QAECAw=="}}]}}"#
    );
    PushData::parse(body.as_bytes()).rxpk.swap_remove(0).unwrap()
}

pub fn item(when: When, power: i16) -> DownlinkItem {
    DownlinkItem {
        phy_payload: vec![0x60, 1, 2, 3],
        when,
        frequency_hz: 868_100_000,
        modulation: Modulation::Lora { spreading_factor: 7, bandwidth_hz: 125_000 },
        coding_rate: CodingRate::Cr4_5,
        power,
        invert_polarity: true,
        no_crc: true,
        preamble: None,
    }
}
