//! A radio without a radio: what the stack behind it sends goes to gateways, and it hears only
//! what is sent exactly as the stack listens.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lorawan_device::Timings;
use lorawan_device::nb_device::radio::{
    BaseBandModulationParams, Event, PhyRxTx, Response, RfConfig, RxQuality, TxConfig,
};

use super::{Downlink, Emission, Gateway};

/// How far from the opening of the window a frame may begin, µs. HOUSE: ±20 µs.
const TOLERANCE_US: i64 = 20;

/// A receive window.
#[derive(Clone, Debug, PartialEq)]
pub struct Listening {
    /// Hz.
    pub frequency_hz: u32,
    /// `SF7BW125`.
    pub datr: String,
    modulation: BaseBandModulationParams,
}

impl Listening {
    /// How long a frame of this length is on air.
    pub fn time_on_air(&self, length: usize) -> Duration {
        let length = u8::try_from(length).unwrap_or(u8::MAX);
        let micros = self.modulation.time_on_air_us(Some(8), true, length);
        Duration::from_micros(micros.into())
    }
}

/// The radio. Its clock stands at 0 when a transmission ends.
#[derive(Debug)]
pub struct Radio {
    gateways: Vec<Arc<Gateway>>,
    /// What was sent last.
    pub sent: Option<Emission>,
    /// When that ended, on each gateway's clock.
    pub ended: Vec<u32>,
    /// When that ended, on the wall's.
    pub ended_at: Instant,
    /// What it listens to now.
    pub listening: Option<Listening>,
    received: Vec<u8>,
}

impl Radio {
    /// A radio that these gateways hear.
    pub fn new(gateways: Vec<Arc<Gateway>>) -> Self {
        let ended_at = Instant::now();
        let received = Vec::new();
        Self { gateways, sent: None, ended: Vec::new(), ended_at, listening: None, received }
    }

    /// The frame that a gateway sends into the window that opens `opens_ms` after the
    /// transmission, if one comes before `deadline`. It is received.
    pub fn catch(&mut self, opens_ms: u32, deadline: Instant) -> Option<Downlink> {
        let listening = self.listening.clone()?;
        let own: Vec<_> = self.gateways.iter().zip(self.ended.clone()).collect();
        let caught = loop {
            // One gateway at a time is asked, briefly: any of them may be the one.
            let slice = deadline.min(Instant::now() + Duration::from_millis(10));
            let found = own.iter().find_map(|(gateway, ended)| {
                gateway.emitted(slice, |d| fits(d, &listening, ended.wrapping_add(opens_ms * 1000)))
            });
            if found.is_some() || Instant::now() >= deadline {
                break found;
            }
        };
        self.received = caught.as_ref()?.bytes.clone();
        caught
    }

    fn transmit(&mut self, config: TxConfig, bytes: &[u8]) {
        let emission = Emission {
            frequency_hz: config.rf.frequency,
            datr: datr(&config.rf),
            bytes: bytes.to_vec(),
        };
        self.ended_at = Instant::now();
        self.ended = self.gateways.iter().map(|gateway| gateway.tmst()).collect();
        for (gateway, tmst) in self.gateways.iter().zip(&self.ended) {
            gateway.push(&emission, *tmst);
        }
        self.sent = Some(emission);
    }
}

/// The stack's AU915 has 922.3 MHz for the first downlink channel, where RP002 has 923.3 MHz.
fn meant(frequency_hz: u32) -> u32 {
    if frequency_hz == 922_300_000 { 923_300_000 } else { frequency_hz }
}

fn datr(rf: &RfConfig) -> String {
    format!("SF{}BW{}", rf.bb.sf.factor(), rf.bb.bw.hz() / 1000)
}

fn fits(downlink: &Downlink, listening: &Listening, opens: u32) -> bool {
    let off = downlink.tmst.map(|tmst| i64::from(tmst.wrapping_sub(opens) as i32));
    off.is_some_and(|off| off.abs() <= TOLERANCE_US)
        && downlink.frequency_hz == listening.frequency_hz
        && downlink.datr == listening.datr
        && downlink.inverted
        && downlink.no_crc
}

impl PhyRxTx for Radio {
    type PhyEvent = ();
    type PhyError = Infallible;
    type PhyResponse = ();

    const MAX_RADIO_POWER: u8 = 20;

    fn get_mut_radio(&mut self) -> &mut Self {
        self
    }

    fn get_received_packet(&mut self) -> &mut [u8] {
        &mut self.received
    }

    fn handle_event(&mut self, event: Event<'_, Self>) -> Result<Response<Self>, Infallible> {
        Ok(match event {
            Event::TxRequest(config, bytes) => {
                self.transmit(config, bytes);
                Response::TxDone(0)
            }
            Event::RxRequest(rf) => {
                self.listening = Some(Listening {
                    frequency_hz: meant(rf.frequency),
                    datr: datr(&rf),
                    modulation: rf.bb,
                });
                Response::Rxing
            }
            Event::CancelRx => {
                self.listening = None;
                Response::Idle
            }
            Event::Phy(()) => Response::RxDone(RxQuality::new(-60, 9)),
        })
    }
}

impl Timings for Radio {
    fn get_rx_window_offset_ms(&self) -> i32 {
        0
    }

    fn get_rx_window_duration_ms(&self) -> u32 {
        100
    }
}
