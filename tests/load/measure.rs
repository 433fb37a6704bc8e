//! One measurement: a volley sent, its messages awaited, the processor time counted.

use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::fleet::Fleet;
use crate::flight::Flight;
use crate::metrics::Metrics;
use crate::pace::{self, Air, Pace};
use crate::process::{CpuTime, Process};
use crate::subscriber::{Arrivals, Expected, Subscriber};
use crate::volley::{Layout, Volley};
use crate::wire::Wire;

/// Frames a second for which memory is set aside when the rate is not known before.
const MOST: f64 = 60_000.0;

/// Uplinks on their way in the closed loop: more than one group commit, less than a queue.
pub const WINDOW: u64 = 2000;

/// A server that keeps up has at most so much of the sent frames left to do at the end.
const BACKLOG: Duration = Duration::from_millis(100);

/// The server looks at its socket's counters a few times a second.
const COUNTED: Duration = Duration::from_millis(450);

/// The longest that 99 of 100 uplinks may take.
const P99: Duration = Duration::from_secs(1);

/// A sender that could not keep its own pace has measured itself.
const PUNCTUAL: f64 = 0.95;

/// What is the same in all measurements of a server.
pub struct Bench<'a> {
    process: &'a Process,
    layout: Layout,
    fleet: Fleet,
    air: Air,
    subscriber: Subscriber,
}

/// How the load is shaped.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Gateways in all.
    pub gateways: u32,
    /// How many of them hear each frame.
    pub copies: u32,
    /// Frames in one datagram.
    pub per_datagram: usize,
    /// The subscriber's QoS.
    pub qos: u8,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Uplinks sent.
    pub sent: u64,
    /// Of these, how many arrived.
    pub arrived: u64,
    /// Sent a second.
    pub offered: f64,
    /// Arrived a second, until the last.
    pub rate: f64,
    /// Sent over planned rate; 1 when there was no plan.
    pub punctuality: f64,
    /// Not yet arrived when the last was sent.
    pub backlog: u64,
    /// Messages of frames that had arrived before.
    pub duplicates: u64,
    /// The share of messages that named every gateway that heard the frame, by samples.
    pub complete: f64,
    /// Half of the uplinks took no longer, ms.
    pub p50: f64,
    /// 99 of 100 took no longer, ms.
    pub p99: f64,
    /// The server's processor time per arrived uplink, µs.
    pub cpu: f64,
    /// The same by thread, the dearest first.
    pub threads: Vec<(String, f64)>,
    /// The generator's and subscriber's own, per uplink sent, µs.
    pub own_cpu: f64,
    /// Of the machine's processor time, the share of neither server nor generator, percent.
    pub others: f64,
    /// Records in one of the server's group commits, on average.
    pub group: f64,
    /// What the server refused, dropped or gave up.
    pub trouble: Vec<(String, u64)>,
}

impl Measured {
    /// How many did not arrive.
    pub fn lost(&self) -> u64 {
        self.sent - self.arrived
    }

    /// Whether the server can go on like this for ever.
    pub fn sustained(&self) -> bool {
        self.lost() == 0
            && self.p99 <= P99.as_secs_f64() * 1e3
            && self.backlog as f64 <= self.offered * BACKLOG.as_secs_f64()
            && self.punctuality >= PUNCTUAL
    }
}

impl<'a> Bench<'a> {
    /// Opens the gateways and the subscriber of a server that knows so many devices.
    pub fn open(process: &'a Process, devices: usize, shape: Shape) -> anyhow::Result<Self> {
        anyhow::ensure!(
            devices.is_multiple_of(shape.per_datagram),
            "{devices} devices cannot be told in datagrams of {}: choose a divisor",
            shape.per_datagram
        );
        anyhow::ensure!(
            shape.copies > 0 && shape.gateways >= shape.copies,
            "{} gateways cannot give {} copies",
            shape.gateways,
            shape.copies
        );
        let wire = Wire::open(process.udp).context("opening the gateways' socket")?;
        wire.pull(shape.gateways)?;
        Ok(Bench {
            process,
            layout: Layout {
                devices,
                per_datagram: shape.per_datagram,
                groups: (shape.gateways / shape.copies) as usize,
            },
            fleet: Fleet::new(devices),
            air: Air {
                wire,
                copies: shape.copies,
                gateways: shape.gateways,
                since: Instant::now(),
            },
            subscriber: Subscriber::connect(process.mqtt, shape.qos)?,
        })
    }

    /// Every device sends once; so the server knows whose copies to wait for.
    pub fn warm_up(&mut self) -> anyhow::Result<Measured> {
        let time = Duration::from_secs(10);
        self.send_and_await((Pace::Window(WINDOW), time), self.fleet.len())
    }

    /// Sends at a pace for so long, and awaits what comes of it.
    pub fn measure(&mut self, pace: Pace, time: Duration) -> anyhow::Result<Measured> {
        let rate = match pace {
            Pace::Rate(rate) => rate,
            Pace::Window(_) | Pace::Flood => MOST,
        };
        // A planned volley is sent whole, late or not; the other two only have so much time.
        let longest = if matches!(pace, Pace::Rate(_)) { time * 2 } else { time };
        self.send_and_await((pace, longest), (rate * time.as_secs_f64()) as usize)
    }

    fn send_and_await(
        &mut self,
        (pace, longest): (Pace, Duration),
        frames: usize,
    ) -> anyhow::Result<Measured> {
        let mut volley = self.volley(frames.next_multiple_of(self.layout.per_datagram));
        self.air.wire.pull(self.air.gateways)?;
        self.subscriber.ping()?;
        let expected = Expected {
            devices: self.fleet.len(),
            first_f_cnt: self.fleet.next_f_cnt(),
            copies: self.air.copies as usize,
        };

        let metrics = Metrics::scrape(self.process.http)?;
        let before = Usage::now(self.process)?;
        let flight = Flight::new(volley.frames());
        let (air, subscriber) = (&self.air, &mut self.subscriber);
        let (sending, arrivals) = std::thread::scope(|scope| {
            let receiver = scope.spawn(|| {
                let arrivals = subscriber.collect(&flight, expected);
                arrivals.inspect_err(|_| flight.fail())
            });
            let sent = pace::send(&mut volley, (air, pace), &flight, longest);
            let took = flight.elapsed();
            match &sent {
                Ok(sent) => flight.end_sending(*sent),
                Err(_) => flight.fail(),
            }
            (sent.map(|sent| (sent, took)), receiver.join().expect("it returns its failures"))
        });
        let usage = Usage::now(self.process)?.since(&before);
        // What arrived first tells what went wrong on the other side.
        let arrivals = arrivals?;
        let sending = sending.context("sending datagrams")?;
        self.fleet.advance(sending.0.div_ceil(self.fleet.len()) as u32);
        // The kernel tells of dropped datagrams with the next one that it does not drop.
        self.air.wire.pull(1)?;
        std::thread::sleep(COUNTED);
        let after = Metrics::scrape(self.process.http)?;
        let since = |name| after.since(&metrics, name);
        let group = since("lns_commit_records_sum") / since("lns_commit_records_count").max(1.0);
        let trouble = after.trouble_since(&metrics);
        Ok(Measured { group, trouble, ..summary((pace, sending), arrivals, &usage) })
    }

    /// Memory that the server uses, MiB.
    pub fn memory_mib(&self) -> anyhow::Result<u64> {
        self.process.memory_mib()
    }

    fn volley(&self, frames: usize) -> Volley {
        let (devices, first) = (self.fleet.len(), self.fleet.next_f_cnt());
        let frame = |at: usize| self.fleet.frame(at % devices, first + (at / devices) as u32);
        Volley::new((0..frames).map(frame), &self.layout)
    }
}

/// Processor time of the server, of this process and of the machine, µs.
struct Usage {
    server: CpuTime,
    own: u64,
    machine: u64,
}

impl Usage {
    fn now(process: &Process) -> anyhow::Result<Self> {
        Ok(Usage {
            server: process.cpu_time()?,
            own: CpuTime::of("self")?.all,
            machine: CpuTime::of_machine()?,
        })
    }

    fn since(&self, before: &Usage) -> Usage {
        Usage {
            server: self.server.since(&before.server),
            own: self.own.saturating_sub(before.own),
            machine: self.machine.saturating_sub(before.machine),
        }
    }
}

fn summary(
    (pace, (sent, sending)): (Pace, (usize, Duration)),
    arrivals: Arrivals,
    usage: &Usage,
) -> Measured {
    let mut took = arrivals.took;
    took.retain(|took| *took > 0);
    took.sort_unstable();
    let percentile = |of_thousand: usize| {
        let at = (took.len() * of_thousand / 1000).min(took.len().saturating_sub(1));
        f64::from(took.get(at).copied().unwrap_or_default()) / 1e3
    };
    let arrived = took.len() as u64;
    let each = |micros: u64| micros as f64 / arrived.max(1) as f64;
    let offered = sent as f64 / sending.as_secs_f64();
    let threads = usage.server.threads.iter().map(|(name, micros)| (name.clone(), each(*micros)));
    let mut threads: Vec<_> = threads.filter(|(_, cpu)| *cpu >= 0.05).collect();
    threads.sort_by(|a, b| b.1.total_cmp(&a.1));
    let others = usage.machine.saturating_sub(usage.server.all + usage.own);
    Measured {
        sent: sent as u64,
        arrived,
        offered,
        rate: arrived as f64 / arrivals.last.max(sending).as_secs_f64(),
        punctuality: match pace {
            Pace::Rate(rate) => offered / rate,
            Pace::Window(_) | Pace::Flood => 1.0,
        },
        backlog: (sent as u64).saturating_sub(arrivals.at_end_of_sending.unwrap_or(arrived)),
        duplicates: arrivals.duplicates,
        complete: arrivals.complete as f64 / arrivals.samples.max(1) as f64,
        p50: percentile(500),
        p99: percentile(990),
        cpu: each(usage.server.all),
        threads,
        own_cpu: usage.own as f64 / sent.max(1) as f64,
        others: 100.0 * others as f64 / usage.machine.max(1) as f64,
        group: 0.0,
        trouble: Vec::new(),
    }
}
