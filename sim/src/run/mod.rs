//! A simulation in real time, over real UDP: one socket a gateway, as real forwarders have it.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lns_lorawan::{TimeDelta, Timestamp};

use crate::device::Device;
use crate::event::Event;
use crate::field::Field;
use crate::report::Report;
use crate::scenario::Scenario;

/// How long a reader waits for a datagram before it looks whether it should stop.
const READ_PATIENCE: Duration = Duration::from_millis(200);
/// How long the driver sleeps at most, for the same reason.
const DRIVE_PATIENCE: Duration = Duration::from_millis(100);
/// Longer datagrams than this are none of the protocol.
const DATAGRAM: usize = 4096;

/// Told of everything that happens, on the simulation's own thread: be quick.
pub type OnEvent = Box<dyn FnMut(&Event) + Send>;

/// A simulation to be run.
pub struct Config {
    /// The server's UDP address.
    pub server: SocketAddr,
    /// The fleet.
    pub scenario: Scenario,
    /// Who looks on.
    pub on_event: Option<OnEvent>,
}

/// Why a simulation cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No socket for a gateway.
    #[error(
        "cannot open a UDP socket for gateway {gateway} towards {server}: {why} \
         (each gateway needs one: see `ulimit -n`)"
    )]
    Socket {
        /// Its number, from 1.
        gateway: usize,
        /// Where to.
        server: SocketAddr,
        /// What the system said.
        why: io::Error,
    },
    /// No thread.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

/// Something that a device is to do, given the time.
type Act = Box<dyn FnOnce(&mut Device, Timestamp) + Send>;

/// What happens to the driver from outside.
enum Input {
    Datagram { gateway: usize, bytes: Vec<u8> },
    Act { device: usize, act: Act },
}

/// A running simulation. It stops when this is dropped.
pub struct Handle {
    shared: Arc<Shared>,
    inputs: Sender<Input>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    stop: AtomicBool,
    field: Mutex<Field>,
    worst_lag_micros: Mutex<TimeDelta>,
}

impl Shared {
    /// A panic elsewhere does not spoil the numbers.
    fn field(&self) -> MutexGuard<'_, Field> {
        self.field.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn worst_lag(&self) -> MutexGuard<'_, TimeDelta> {
        self.worst_lag_micros.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Starts a simulation.
///
/// # Errors
/// No sockets or threads are left.
pub fn run(config: Config) -> Result<Handle, RunError> {
    let clock = Clock::new();
    let field = config.scenario.build(clock.now());
    let sockets = open_sockets(config.server, field.gateways().len())?;
    let shared = Arc::new(Shared {
        stop: AtomicBool::new(false),
        field: Mutex::new(field),
        worst_lag_micros: Mutex::new(TimeDelta::ZERO),
    });
    let (inputs, received) = mpsc::channel();
    let mut handle = Handle { shared: shared.clone(), inputs, threads: Vec::new() };
    for (gateway, socket) in sockets.iter().enumerate() {
        let (socket, inputs) = (socket.clone(), handle.inputs.clone());
        let shared = shared.clone();
        let read = move || read_datagrams(gateway, &socket, &inputs, &shared);
        handle.threads.push(spawn("sim-gateway", read)?);
    }
    let mut driver = Driver { clock, shared, sockets, received, on_event: config.on_event };
    handle.threads.push(spawn("sim", move || driver.drive())?);
    Ok(handle)
}

impl Handle {
    /// What it has come to so far.
    pub fn report(&self) -> Report {
        let report = self.shared.field().report();
        Report { worst_lag: *self.shared.worst_lag(), ..report }
    }

    /// Lets a device do something, soon: `act` is told the time.
    pub fn with_device(
        &self,
        device: usize,
        act: impl FnOnce(&mut Device, Timestamp) + Send + 'static,
    ) {
        // Fails only when the simulation has stopped, and then nobody wants it any more.
        let _ = self.inputs.send(Input::Act { device, act: Box::new(act) });
    }

    /// Stops, and says what it has come to.
    pub fn stop(mut self) -> Report {
        self.halt();
        self.report()
    }

    fn halt(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // A panic in a thread has been printed by it.
            let _ = thread.join();
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.halt();
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, RunError> {
    // A reader needs little, and there may be a thousand.
    let builder = std::thread::Builder::new().name(name.into()).stack_size(512 * 1024);
    builder.spawn(run).map_err(RunError::Thread)
}

fn open_sockets(server: SocketAddr, count: usize) -> Result<Vec<Arc<UdpSocket>>, RunError> {
    let open = |gateway: usize| {
        let any: SocketAddr = match server {
            SocketAddr::V4(_) => ([0u8; 4], 0).into(),
            SocketAddr::V6(_) => ([0u16; 8], 0).into(),
        };
        let socket = UdpSocket::bind(any)?;
        socket.connect(server)?;
        socket.set_read_timeout(Some(READ_PATIENCE))?;
        Ok::<_, io::Error>(Arc::new(socket)).map(|socket| (gateway, socket))
    };
    (1..=count)
        .map(|gateway| {
            let opened = open(gateway).map(|(_, socket)| socket);
            opened.map_err(|why| RunError::Socket { gateway, server, why })
        })
        .collect()
}

fn read_datagrams(gateway: usize, socket: &UdpSocket, inputs: &Sender<Input>, shared: &Shared) {
    let mut buffer = [0u8; DATAGRAM];
    while !shared.is_stopped() {
        // Timeouts are the rule; "connection refused" says that the server is away, which it may
        // be: the gateway keeps on calling.
        let Ok(length) = socket.recv(&mut buffer) else {
            continue;
        };
        let bytes = buffer[..length].to_vec();
        if inputs.send(Input::Datagram { gateway, bytes }).is_err() {
            return;
        }
    }
}

/// The wall clock at the start, and from there on one that never jumps.
struct Clock {
    started: Timestamp,
    since: Instant,
}

impl Clock {
    fn new() -> Self {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let started = Timestamp::default() + TimeDelta::from_std(since_1970);
        Self { started, since: Instant::now() }
    }

    fn now(&self) -> Timestamp {
        self.started + TimeDelta::from_std(self.since.elapsed())
    }

    fn until(&self, at: Timestamp) -> Duration {
        (at - self.now()).to_std().unwrap_or_default()
    }
}

/// Brings clock, sockets and field together.
struct Driver {
    clock: Clock,
    shared: Arc<Shared>,
    sockets: Vec<Arc<UdpSocket>>,
    received: Receiver<Input>,
    on_event: Option<OnEvent>,
}

impl Driver {
    fn drive(&mut self) {
        while !self.shared.is_stopped() {
            let next = self.turn();
            let patience = next.map_or(DRIVE_PATIENCE, |next| self.clock.until(next));
            match self.received.recv_timeout(patience.min(DRIVE_PATIENCE)) {
                Ok(input) => self.take(input),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Does what is due; when the next thing is.
    fn turn(&mut self) -> Option<Timestamp> {
        let now = self.clock.now();
        let mut field = self.shared.field();
        if let Some(due) = field.next_wake().filter(|due| *due < now) {
            let mut worst = self.shared.worst_lag();
            *worst = worst.max(now - due);
        }
        field.wake(now);
        let (datagrams, events) = (field.take_datagrams(), field.take_events());
        let next = field.next_wake();
        drop(field);
        for (gateway, datagram) in datagrams {
            // Lost datagrams are what UDP is about.
            let _ = self.sockets[gateway].send(&datagram);
        }
        if let Some(on_event) = &mut self.on_event {
            events.iter().for_each(on_event);
        }
        next
    }

    fn take(&mut self, input: Input) {
        let now = self.clock.now();
        let mut field = self.shared.field();
        match input {
            Input::Datagram { gateway, bytes } => field.datagram(now, gateway, &bytes),
            Input::Act { device, act } => {
                field.with_device(device, |device| act(device, now));
            }
        }
    }
}
