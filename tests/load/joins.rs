//! Join-Requests, and how fast Join-Accepts come back to the gateways.

use std::io;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::fleet;
use crate::flight::Flight;
use crate::metrics::Metrics;
use crate::process::Process;
use crate::volley::{FIRST_TMST, Layout, Volley};
use crate::wire::{self, Header, Wire};

/// Between two looks at the clock.
const TICK: Duration = Duration::from_millis(1);

/// When nothing has come for so long after the last request, nothing will.
const PATIENCE: Duration = Duration::from_secs(1);

/// From the end of the request to the two windows of its answer, µs.
const WINDOWS: [u32; 2] = [5_000_000, 6_000_000];

/// RX2 of EU868, as a `txpk` names it.
const RX2: &[u8] = b"\"freq\":869.525";

/// Devices that join, and the gateways that hear them.
pub struct Joins<'a> {
    process: &'a Process,
    wire: Wire,
    gateways: u32,
    devices: usize,
    since: Instant,
    /// Requests made so far: whose turn it is, and its next DevNonce.
    made: usize,
}

/// What came of some requests.
#[derive(Clone, Debug, Default)]
pub struct Joined {
    /// Requests sent a second.
    pub offered: f64,
    /// Requests sent.
    pub requested: u64,
    /// Joins that the server decided and made durable.
    pub decided: u64,
    /// Join-Accepts that came to gateways.
    pub answered: u64,
    /// Half of the answers took no longer, ms.
    pub p50: f64,
    /// 99 of 100 took no longer, ms.
    pub p99: f64,
    /// The server's processor time per request, µs.
    pub cpu: f64,
    /// What the server refused, dropped or gave up.
    pub trouble: Vec<(String, u64)>,
}

impl<'a> Joins<'a> {
    /// Opens the gateways of a server that knows so many devices.
    pub fn open(process: &'a Process, devices: usize, gateways: u32) -> anyhow::Result<Self> {
        let wire = Wire::open(process.udp).context("opening the gateways' socket")?;
        wire.set_timeout(Duration::from_millis(20))?;
        wire.pull(gateways)?;
        // Until the server has heard them, it has nowhere to send answers.
        std::thread::sleep(Duration::from_millis(200));
        Ok(Joins { process, wire, gateways, devices, since: Instant::now(), made: 0 })
    }

    /// Asks at a rate for so long, and awaits the answers.
    pub fn measure(&mut self, rate: f64, time: Duration) -> anyhow::Result<Joined> {
        let mut volley = self.volley((rate * time.as_secs_f64()) as usize);
        self.made += volley.frames();
        let before = (Metrics::scrape(self.process.http)?, self.process.cpu_time()?);
        let flight = Flight::new(volley.frames());
        let (sending, answers) = std::thread::scope(|scope| {
            let receiver = scope.spawn(|| self.receive(&flight));
            let sent = self.send(&mut volley, rate, &flight);
            let took = flight.elapsed();
            match sent {
                Ok(()) => flight.end_sending(flight.frames()),
                Err(_) => flight.fail(),
            }
            (sent.map(|()| took), receiver.join().expect("it returns its failures"))
        });
        let (sending, mut took) = (sending.context("sending requests")?, answers?);
        let cpu = self.process.cpu_time()?.since(&before.1);
        let metrics = Metrics::scrape(self.process.http)?;
        took.sort_unstable();
        let percentile = |percent: usize| {
            let at = (took.len() * percent / 100).min(took.len().saturating_sub(1));
            f64::from(took.get(at).copied().unwrap_or_default()) / 1e3
        };
        Ok(Joined {
            offered: flight.frames() as f64 / sending.as_secs_f64(),
            requested: flight.frames() as u64,
            decided: metrics.since(&before.0, "lns_joins_total") as u64,
            answered: took.len() as u64,
            p50: percentile(50),
            p99: percentile(99),
            cpu: cpu.all as f64 / flight.frames().max(1) as f64,
            trouble: metrics.trouble_since(&before.0),
        })
    }

    fn volley(&self, requests: usize) -> Volley {
        let request = |at: usize| {
            let attempt = u16::try_from(at / self.devices).expect("fewer joins than DevNonces");
            fleet::join_request(at % self.devices, attempt).to_vec()
        };
        let layout =
            Layout { devices: self.devices, per_datagram: 1, groups: self.gateways as usize };
        Volley::new((self.made..self.made + requests).map(request), &layout)
    }

    fn send(&self, volley: &mut Volley, rate: f64, flight: &Flight) -> io::Result<()> {
        for next in 0..volley.len() {
            while (flight.elapsed().as_secs_f64() * rate) < next as f64 {
                std::thread::sleep(TICK);
            }
            let datagram = volley.datagram(next);
            let gateway = datagram.group;
            // A PULL_RESP does not say which gateway it is for, but when it wants to be sent. So
            // each gateway has instants of its own, a fraction of a millisecond apart.
            let now = self.tmst();
            let tmst = now - now % self.gateways + gateway;
            volley.stamp(datagram, tmst);
            let one: (Header, &[u8]) =
                (wire::push_data(next as u16, gateway), volley.body(datagram));
            self.wire.send(&[one])?;
        }
        Ok(())
    }

    fn tmst(&self) -> u32 {
        FIRST_TMST + self.since.elapsed().as_micros() as u32
    }

    /// Takes Join-Accepts, and tells the server that they will be sent; how long each took, µs.
    fn receive(&self, flight: &Flight) -> anyhow::Result<Vec<u32>> {
        let mut took = Vec::with_capacity(flight.frames());
        let mut heard = Instant::now();
        let mut buffer = [0; 2048];
        while !flight.failed() {
            if let Some(sent) = flight.sent()
                && (took.len() as u64 >= sent || heard.elapsed() > PATIENCE)
            {
                break;
            }
            let length = match self.wire.receive(&mut buffer) {
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error).context("receiving from the server"),
            };
            let &[_, high, low, wire::PULL_RESP] = &buffer[..4] else { continue };
            let asked_at = asked_at(&buffer[4..length]).with_context(|| {
                format!("a PULL_RESP without tmst: {}", String::from_utf8_lossy(&buffer[4..length]))
            })?;
            self.wire.tx_ack([high, low], asked_at % self.gateways)?;
            took.push(self.tmst().wrapping_sub(asked_at));
            heard = Instant::now();
        }
        Ok(took)
    }
}

/// The `tmst` of the request that a PULL_RESP answers.
fn asked_at(body: &[u8]) -> Option<u32> {
    const TMST: &[u8] = b"\"tmst\":";
    let find = |what: &[u8]| body.windows(what.len()).position(|window| window == what);
    let at = find(TMST)? + TMST.len();
    let digits = body[at..].iter().take_while(|byte| byte.is_ascii_digit());
    let tmst = digits.fold(0_u32, |sum, digit| sum.wrapping_mul(10) + u32::from(digit - b'0'));
    Some(tmst.wrapping_sub(WINDOWS[usize::from(find(RX2).is_some())]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_tells_when_it_was_asked_for() {
        let rx1 = br#"{"txpk":{"tmst":1005000123,"freq":868.100000,"rfch":0}}"#;
        let rx2 = br#"{"txpk":{"tmst":1006000123,"freq":869.525000,"rfch":0}}"#;
        assert_eq!((asked_at(rx1), asked_at(rx2)), (Some(1_000_000_123), Some(1_000_000_123)));
        assert_eq!(asked_at(br#"{"txpk":{"imme":true}}"#), None);
    }
}
