//! One client: CONNECT, then packets both ways until one end has enough.
//!
//! Bytes are turned into packets here, so that the broker's thread never sees a malformed one; what
//! the broker has to say is written in as few writes as it comes in.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use lns_broker::wire::{self, Frame, Hello, WireError};
use lns_broker::{
    ClientPacket, Connecting, ConnectionId, Input, ReasonCode, ServerPacket, Version,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep_until, timeout};

use super::gate::{Admitted, Caller, Porter, Transport};
use super::line::Line;
use super::owner::ToOwner;
use super::pace::Pace;
use super::read::read;
use crate::broker::status::Counters;
use crate::entropy;
use crate::tls::TlsPeer;

/// How long a client may take to say CONNECT, its TLS handshake included.
pub(super) const CONNECT_TIME: Duration = Duration::from_secs(10);
/// How long the last words to a client may take, and how long it may take to hear them.
const FAREWELL: Duration = Duration::from_secs(5);
/// Bytes that wait to be written, beyond which the client's packets are not read: who does not take
/// our answers is asked nothing more.
const UNREAD: usize = 256 * 1024;
/// A CONNECT has a will, a user name, a password and properties, each below 64 KiB.
const MAX_CONNECT: usize = 256 * 1024;
/// Packets that are handed to the broker at once.
const BATCH: usize = 512;

/// What all connections of a broker share.
pub(super) struct Reception {
    pub owner: mpsc::Sender<ToOwner>,
    pub porter: Arc<Porter>,
    pub counters: Arc<Counters>,
    /// How many clients are asked at a time who they are: hashing a password takes a core.
    pub asking: Semaphore,
    pub max_packet: usize,
    /// The most bytes of a second each way of one connection.
    pub bytes_per_second: Option<u32>,
}

/// The two ends of a client's connection.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    /// The client's address.
    pub client: SocketAddr,
    /// Our address that it has come to, where the system tells.
    pub server: Option<SocketAddr>,
}

/// Where a client comes from.
pub(super) struct Whence {
    pub ends: Ends,
    pub transport: Transport,
    /// What its TLS has told; nothing without.
    pub shown: TlsPeer,
}

/// A stream of bytes with a client at its other end.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for S {}

/// Serves one client until it has gone.
pub(super) async fn serve(
    reception: Arc<Reception>,
    mut stream: impl Stream,
    id: ConnectionId,
    whence: Whence,
) {
    let mut bytes = BytesMut::new();
    let hello = match timeout(CONNECT_TIME, hear_hello(&mut stream, &mut bytes)).await {
        Ok(Some(hello)) => hello,
        // It has said nothing, nothing that we know, or has been told what was wrong.
        Ok(None) | Err(_) => {
            return Counters::count(&reception.counters.refused);
        }
    };
    let version = hello.connect.version;
    let line = Arc::new(Line::new(id, whence.ends.server));
    let connecting = Box::new(reception.admit(hello, id, whence).await);
    Counters::count(&reception.counters.connections);
    if reception.owner.send(ToOwner::Connect(Arc::clone(&line), connecting)).await.is_err() {
        return;
    }
    let (from, to) = tokio::io::split(stream);
    let mut talk = Talk { line, version, reception, bytes, deaf: false, from, to, out: Out::new() };
    match talk.run().await {
        Ok(()) => part(&mut talk.from.unsplit(talk.to)).await,
        // Nobody listens only when the broker has stopped.
        Err(_) => drop(talk.reception.owner.send(ToOwner::Input(Input::Closed(id))).await),
    }
}

/// Reads CONNECT, and answers one that cannot be taken.
async fn hear_hello(stream: &mut impl Stream, bytes: &mut BytesMut) -> Option<Hello> {
    let frame = loop {
        match Frame::take(bytes, MAX_CONNECT) {
            Ok(Some(frame)) => break frame,
            Ok(None) => {}
            Err(_) => return None,
        }
        // What is no CONNECT need not be read to its end.
        if bytes.first().is_some_and(|first| *first != 0x10) || read(stream, bytes).await.ok()? == 0
        {
            return None;
        }
    };
    if !frame.is_connect() {
        return None;
    }
    match wire::parse_connect(&frame.body) {
        Ok(hello) => Some(hello),
        Err(error) => {
            tracing::debug!(%error, "a client's CONNECT is not taken");
            let mut out = BytesMut::new();
            answer(error, &frame.body, &mut out);
            let _ = stream.write_all(&out).await;
            part(stream).await;
            None
        }
    }
}

/// MQTT 3.1.1 has no words for a malformed CONNECT (§3.1.4): there the end of the connection says it.
fn answer(error: WireError, body: &[u8], out: &mut BytesMut) {
    let level = body.get(6).copied();
    let version = match (error, level) {
        (WireError::Version { younger: true, .. }, _) | (_, Some(5)) => Version::V5,
        (WireError::Version { .. } | WireError::NoClientId, _) => Version::V311,
        _ => return,
    };
    wire::refusal(error.reason(), version, out);
}

impl Reception {
    /// Finds out who it is.
    async fn admit(&self, hello: Hello, id: ConnectionId, whence: Whence) -> Connecting {
        let Hello { mut connect, username, password } = hello;
        if connect.client_id.is_empty() {
            connect.client_id = format!("lns-{:016x}", entropy::u64()).into();
            connect.assigned = true;
        }
        let caller = Caller {
            client_id: Arc::clone(&connect.client_id),
            username,
            password,
            certificates: whence.shown.certificates,
            server_name: whence.shown.server_name,
            address: whence.ends.client,
            transport: whence.transport,
        };
        let porter = Arc::clone(&self.porter);
        let _place = self.asking.acquire().await.expect("it is never closed");
        let admitted = tokio::task::spawn_blocking(move || porter.admit(&caller)).await;
        let admitted = admitted.unwrap_or_else(|error| {
            tracing::error!(%error, "a client could not be asked who it is");
            Err(ReasonCode::UnspecifiedError)
        });
        let address = Some(whence.ends.client);
        match admitted {
            Ok(Admitted { principal, thing, access }) => Connecting {
                connection: id,
                connect,
                principal,
                address,
                thing,
                access: Ok(access),
            },
            Err(why) => Connecting {
                connection: id,
                connect,
                principal: None,
                address,
                thing: None,
                access: Err(why),
            },
        }
    }
}

/// Ends a connection so that its last words are read: were the socket closed while the client still
/// speaks, the system would answer with a reset, and the client might lose what it has not read yet.
async fn part(stream: &mut impl Stream) {
    let goodbye = async {
        stream.shutdown().await?;
        let mut unheard = BytesMut::new();
        while read(stream, &mut unheard).await? > 0 {
            unheard.clear();
        }
        io::Result::Ok(())
    };
    // However it ends, it has ended.
    let _ = timeout(FAREWELL, goodbye).await;
}

/// Writes all of `bytes` and says how many; dropped before it is ready, it has written some, and they
/// are gone from there.
async fn write(to: &mut (impl AsyncWrite + Unpin), bytes: &mut BytesMut) -> io::Result<usize> {
    let count = bytes.len();
    while !bytes.is_empty() {
        if to.write_buf(bytes).await? == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
    }
    *bytes = BytesMut::new();
    to.flush().await.map(|()| count)
}

/// The earlier of two moments, of which one may be none.
fn earlier(one: Option<Instant>, other: Option<Instant>) -> Instant {
    one.into_iter().chain(other).min().unwrap_or_else(Instant::now)
}

/// A connection after CONNECT.
struct Talk<S> {
    line: Arc<Line>,
    version: Version,
    reception: Arc<Reception>,
    bytes: BytesMut,
    /// It has broken MQTT: what follows means nothing.
    deaf: bool,
    from: ReadHalf<S>,
    to: WriteHalf<S>,
    out: Out,
}

/// What is on its way to the client: what is being written, and what came in meanwhile.
struct Out {
    writing: BytesMut,
    /// Nothing of what was written is still in a buffer of TLS or WebSocket.
    flushed: bool,
    /// Of the packets being written, what the core wants to be told.
    owed: usize,
    next: BytesMut,
    next_owed: usize,
    packets: Vec<ServerPacket>,
}

impl Out {
    fn new() -> Self {
        Self {
            writing: BytesMut::new(),
            flushed: true,
            owed: 0,
            next: BytesMut::new(),
            next_owed: 0,
            packets: Vec::new(),
        }
    }

    /// Turns packets into bytes.
    fn encode(&mut self, version: Version) {
        for packet in self.packets.drain(..) {
            if let ServerPacket::Publish(delivery) = &packet {
                self.next_owed += delivery.size;
            }
            wire::build(&packet, version, &mut self.next);
        }
        if self.packets.capacity() > BATCH {
            self.packets = Vec::new();
        }
    }

    /// Begins with what came in meanwhile; whether there is anything to write or flush.
    fn begin(&mut self) -> bool {
        if self.flushed && !self.next.is_empty() {
            self.writing = std::mem::take(&mut self.next);
            self.owed += std::mem::take(&mut self.next_owed);
            self.flushed = false;
        }
        !self.flushed
    }
}

impl<S: Stream> Talk<S> {
    /// Ends well when the broker has closed the connection, and with an error when the client has.
    async fn run(&mut self) -> io::Result<()> {
        let (mut closed, mut paused) = (false, false);
        let mut last_moment = None;
        let pace = || Pace::new(self.reception.bytes_per_second);
        let (mut reading, mut saying) = (pace(), pace());
        // What came with CONNECT.
        self.hand_over().await?;
        loop {
            let writing = self.out.begin();
            if closed && !writing {
                return Ok(());
            }
            let not_yet = reading.wait();
            // Last words need not wait.
            let not_said = saying.wait().filter(|_| !closed);
            let may_read = !closed && !paused && !self.deaf && self.out.next.len() < UNREAD;
            tokio::select! {
                () = self.line.changed() => {
                    (closed, paused) = self.line.take(&mut self.out.packets);
                    self.out.encode(self.version);
                    if closed {
                        last_moment.get_or_insert(Instant::now() + FAREWELL);
                    }
                }
                written = write(&mut self.to, &mut self.out.writing), if writing && not_said.is_none() => {
                    saying.spend(written?);
                    self.out.flushed = true;
                    self.report().await?;
                }
                count = read(&mut self.from, &mut self.bytes), if may_read && not_yet.is_none() => {
                    match count? {
                        0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                        count => reading.spend(count),
                    }
                    self.hand_over().await?;
                }
                () = sleep_until(earlier(not_yet, not_said)), if not_yet.or(not_said).is_some() => {}
                () = sleep_until(last_moment.unwrap_or_else(Instant::now)), if closed => return Ok(()),
            }
        }
    }

    /// Tells the broker what has been written.
    async fn report(&mut self) -> io::Result<()> {
        match std::mem::take(&mut self.out.owed) {
            0 => Ok(()),
            owed => self.tell(ToOwner::Input(Input::Written(self.line.id, owed))).await,
        }
    }

    /// Hands over the packets that have come in whole.
    async fn hand_over(&mut self) -> io::Result<()> {
        loop {
            let mut packets = Vec::new();
            let more = self.parse(&mut packets);
            if !packets.is_empty() {
                self.line.hand().await;
                self.tell(ToOwner::Packets(self.line.id, packets)).await?;
            }
            match more {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    tracing::debug!(%error, connection = self.line.id.0, "a client breaks MQTT");
                    (self.bytes, self.deaf) = (BytesMut::new(), true);
                    let input = Input::Disconnect(self.line.id, error.reason());
                    return self.tell(ToOwner::Input(input)).await;
                }
            }
        }
        if self.bytes.is_empty() {
            // An idle connection holds no buffer.
            self.bytes = BytesMut::new();
        }
        Ok(())
    }

    /// Parses up to a batch of packets; whether there may be more.
    fn parse(&mut self, packets: &mut Vec<ClientPacket>) -> Result<bool, WireError> {
        while packets.len() < BATCH {
            let Some(frame) = Frame::take(&mut self.bytes, self.reception.max_packet)? else {
                return Ok(false);
            };
            packets.push(wire::parse(&frame, self.version)?);
        }
        Ok(true)
    }

    async fn tell(&mut self, input: ToOwner) -> io::Result<()> {
        let sent = self.reception.owner.send(input).await;
        sent.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
