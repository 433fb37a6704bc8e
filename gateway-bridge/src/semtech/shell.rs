//! A socket and nothing else: moves datagrams between the kernel and [`Sessions`], and tells a
//! [`Forward`] what comes of them.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gateway_link::{Downlink, Outcome, Refusal, TxAck};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use super::session::{Config, Out, Policy, Sessions};
use super::socket::{self, BATCH, Bound, Receiver};
use crate::counters::{Count, Counters};
use crate::forward::Forward;

/// Downlinks on their way to the socket's thread. A server hands over a few hundred a second.
const MOST_COMMANDS: usize = 4096;
/// Batches read before anything else gets a turn.
const MOST_BATCHES: usize = 8;

/// Why a UDP address cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Something else has it.
    #[error(
        "UDP {0} is in use; stop the other packet-forwarder server, or choose another address \
         with --semtech-udp"
    )]
    InUse(SocketAddr),
    /// The system does not allow it.
    #[error("UDP {0} is not allowed for this user; choose a port above 1023 with --semtech-udp")]
    Denied(SocketAddr),
    /// It is no address of this host.
    #[error("{0} is no address of this host; use 0.0.0.0 or [::] for all of them")]
    NotHere(SocketAddr),
    /// Anything else.
    #[error("UDP {address} cannot be opened: {source}")]
    Other {
        /// Which address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

impl BindError {
    fn new(address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::InUse(address),
            io::ErrorKind::PermissionDenied => Self::Denied(address),
            io::ErrorKind::AddrNotAvailable => Self::NotHere(address),
            _ => Self::Other { address, source },
        }
    }
}

/// How a bridge begins.
#[derive(Debug, Clone)]
pub struct BridgeConfig {
    /// Bounds. `first_token` is drawn at random.
    pub sessions: Config,
    /// Which gateways are served.
    pub policy: Policy,
    /// How much the kernel is asked to hold for the socket, bytes. It may grant less.
    pub receive_buffer: usize,
}

impl Default for BridgeConfig {
    fn default() -> Self {
        Self {
            sessions: Config::default(),
            policy: Policy::default(),
            receive_buffer: socket::WANTED_BUFFER,
        }
    }
}

/// A bound socket that does not run yet.
pub struct Bridge {
    bound: Bound,
    address: SocketAddr,
    sessions: Sessions,
    commands: mpsc::Receiver<Downlink>,
    control: mpsc::UnboundedReceiver<Control>,
    handle: BridgeHandle,
}

enum Control {
    Policy(Policy),
    Stop,
}

/// The way to a running bridge, from any thread.
#[derive(Clone)]
pub struct BridgeHandle {
    commands: mpsc::Sender<Downlink>,
    control: mpsc::UnboundedSender<Control>,
    counters: Arc<Counters>,
    forward: Arc<dyn Forward>,
}

impl BridgeHandle {
    /// Hands a downlink over. Exactly one [`Forward::tx_ack`] follows; when the way to the socket is
    /// full or closed, it is called before this returns.
    pub fn send(&self, downlink: Downlink) {
        let (downlink, outcome) = match self.commands.try_send(downlink) {
            Ok(()) => return,
            Err(mpsc::error::TrySendError::Full(downlink)) => {
                self.counters.count(Count::CommandsFull);
                (downlink, Outcome::Refused(Refusal::CollisionPacket))
            }
            Err(mpsc::error::TrySendError::Closed(downlink)) => (downlink, Outcome::NotConnected),
        };
        self.forward.tx_ack(TxAck {
            gateway_eui: downlink.gateway_eui,
            id: downlink.id,
            outcome,
            item: 0,
            refusals: Vec::new(),
            power: None,
            lead_us: None,
        });
    }

    /// Changes which gateways are served.
    pub fn set_policy(&self, policy: Policy) {
        // A bridge that has stopped needs no policy.
        let _ = self.control.send(Control::Policy(policy));
    }

    /// Stops the bridge: gateways are told gone, downlinks in flight unknown, then it ends.
    pub fn stop(&self) {
        let _ = self.control.send(Control::Stop);
    }

    /// Every counter as name, label, value.
    pub fn counters(&self) -> Vec<(&'static str, &'static str, u64)> {
        self.counters.all()
    }
}

impl Bridge {
    /// Binds a UDP address; `[::]` takes IPv4, too.
    pub fn bind(
        address: SocketAddr,
        config: BridgeConfig,
        forward: Arc<dyn Forward>,
    ) -> Result<Self, BindError> {
        let bound = socket::bind(address, config.receive_buffer)
            .map_err(|source| BindError::new(address, source))?;
        let address =
            bound.socket.local_addr().map_err(|source| BindError::new(address, source))?;
        let counters = Arc::new(Counters::default());
        let random = RandomState::new().build_hasher().finish();
        let sessions = Config { first_token: random as u16, ..config.sessions };
        let (command_sender, commands) = mpsc::channel(MOST_COMMANDS);
        let (control_sender, control) = mpsc::unbounded_channel();
        Ok(Self {
            bound,
            address,
            sessions: Sessions::new(sessions, config.policy, Arc::clone(&counters)),
            commands,
            control,
            handle: BridgeHandle {
                commands: command_sender,
                control: control_sender,
                counters,
                forward,
            },
        })
    }

    /// The address it listens on; tells the port when 0 was asked for.
    pub fn local_address(&self) -> SocketAddr {
        self.address
    }

    /// The receive buffer the kernel granted, bytes.
    pub fn receive_buffer(&self) -> usize {
        self.bound.receive_buffer
    }

    /// What the operator should know about that buffer, if it is small.
    pub fn receive_buffer_warning(&self) -> Option<&str> {
        self.bound.warning.as_deref()
    }

    /// The way to it, once it runs.
    pub fn handle(&self) -> BridgeHandle {
        self.handle.clone()
    }

    /// Runs it on a thread of its own, until [`BridgeHandle::stop`] or the last handle is dropped.
    pub fn spawn(self) -> io::Result<JoinHandle<io::Result<()>>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new()
            .name("semtech-udp".into())
            .spawn(move || runtime.block_on(self.run()))
    }

    /// Runs it in the current tokio runtime, until [`BridgeHandle::stop`] or the last handle is
    /// dropped. The [`Forward`] is called from here and must not block.
    pub async fn run(self) -> io::Result<()> {
        let mut running = Running {
            socket: UdpSocket::from_std(self.bound.socket)?,
            mapped: self.address.is_ipv6(),
            sessions: self.sessions,
            receiver: Receiver::default(),
            dropped: None,
            out: Vec::new(),
            counters: Arc::clone(&self.handle.counters),
            forward: Arc::clone(&self.handle.forward),
        };
        let (mut commands, mut control) = (self.commands, self.control);
        // Only handles elsewhere keep the channels open; with the last of them the bridge ends.
        drop(self.handle);
        loop {
            let nap = running.nap();
            tokio::select! {
                ready = running.socket.readable() => {
                    ready?;
                    running.receive();
                }
                Some(downlink) = commands.recv() => running.send(downlink),
                word = control.recv() => match word {
                    Some(Control::Policy(policy)) => running.sessions.set_policy(policy),
                    Some(Control::Stop) | None => break,
                },
                () = nap => running.tick(),
            }
        }
        // What was handed over before the stop still gets its one answer.
        commands.close();
        while let Ok(downlink) = commands.try_recv() {
            running.send(downlink);
        }
        running.close();
        Ok(())
    }
}

struct Running {
    socket: UdpSocket,
    mapped: bool,
    sessions: Sessions,
    receiver: Receiver,
    dropped: Option<u32>,
    out: Vec<Out>,
    counters: Arc<Counters>,
    forward: Arc<dyn Forward>,
}

impl Running {
    /// Reads what is there, with a bound, so that downlinks get their turn under load.
    fn receive(&mut self) {
        for _ in 0..MOST_BATCHES {
            let receiver = &mut self.receiver;
            let read = || receiver.receive(self.socket.as_fd());
            match self.socket.try_io(Interest::READABLE, read) {
                Ok(count) => {
                    self.handle(count);
                    if count < BATCH {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => return self.counters.count(Count::ReceiveErrors),
            }
        }
    }

    fn handle(&mut self, count: usize) {
        let fallback = now();
        for datagram in self.receiver.datagrams(count) {
            if let Some(total) = datagram.dropped {
                let new = total.wrapping_sub(self.dropped.unwrap_or(0));
                self.counters.add(Count::KernelDrops, u64::from(new));
                self.dropped = Some(total);
            }
            if datagram.truncated {
                self.counters.count(Count::Oversized);
                continue;
            }
            let at = datagram.arrived.unwrap_or(fallback);
            self.sessions.handle_datagram(at, datagram.from, datagram.bytes, &mut self.out);
            perform(&mut self.out, &self.socket, self.mapped, (&self.counters, &*self.forward));
        }
    }

    fn send(&mut self, downlink: Downlink) {
        self.sessions.send(now(), downlink, &mut self.out);
        self.perform();
    }

    fn tick(&mut self) {
        self.sessions.tick(now(), &mut self.out);
        self.perform();
    }

    fn close(&mut self) {
        self.sessions.close(now(), &mut self.out);
        self.perform();
    }

    fn perform(&mut self) {
        perform(&mut self.out, &self.socket, self.mapped, (&self.counters, &*self.forward));
    }

    /// Sleeps until the sessions want to be woken, at most a minute: the wall clock may be stepped.
    fn nap(&self) -> tokio::time::Sleep {
        let micros = self.sessions.next_wake().map_or(i64::MAX, |wake| wake - now());
        let micros = u64::try_from(micros.clamp(0, 60_000_000)).unwrap_or(0);
        tokio::time::sleep(Duration::from_micros(micros))
    }
}

/// Does what the sessions have decided, in order.
fn perform(
    out: &mut Vec<Out>,
    socket: &UdpSocket,
    mapped: bool,
    (counters, forward): (&Counters, &dyn Forward),
) {
    for one in out.drain(..) {
        let sent = match one {
            Out::Ack { to, bytes } => socket::send(socket, mapped, to, &bytes),
            Out::Datagram { to, bytes } => socket::send(socket, mapped, to, &bytes),
            Out::Uplink(uplink) => {
                forward.uplink(uplink);
                Ok(())
            }
            Out::TxAck(ack) => {
                forward.tx_ack(ack);
                Ok(())
            }
            Out::Event(gateway_eui, event) => {
                forward.event(gateway_eui, event);
                Ok(())
            }
        };
        if sent.is_err() {
            counters.count(Count::SendErrors);
        }
    }
}

/// µs since 1970 UTC.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
