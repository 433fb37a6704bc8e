//! A packet forwarder that speaks Semtech's UDP protocol, version 2, as PROTOCOL.TXT has it, with
//! a concentrator whose clock is the wall clock from another beginning.

use std::collections::{HashSet, VecDeque};
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::LONG;

const PUSH_DATA: u8 = 0;
const PUSH_ACK: u8 = 1;
const PULL_DATA: u8 = 2;
const PULL_RESP: u8 = 3;
const PULL_ACK: u8 = 4;
const TX_ACK: u8 = 5;

/// How often the way for downlinks is kept open.
const KEEPALIVE: Duration = Duration::from_secs(5);

/// A frame on its way up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emission {
    /// Hz.
    pub frequency_hz: u32,
    /// As forwarders write it: `SF7BW125`.
    pub datr: String,
    /// The PHYPayload.
    pub bytes: Vec<u8>,
}

/// What a PULL_RESP asked for.
#[derive(Clone, Debug)]
pub struct Downlink {
    /// When it came.
    pub at: Instant,
    /// When it is to be sent, on the concentrator's clock; `None`: at once.
    pub tmst: Option<u32>,
    /// Hz.
    pub frequency_hz: u32,
    /// `SF7BW125`.
    pub datr: String,
    /// IQ polarity inverted, as devices expect it.
    pub inverted: bool,
    /// Without the radio's CRC, as devices expect it.
    pub no_crc: bool,
    /// dBm.
    pub power_dbm: i64,
    /// The PHYPayload.
    pub bytes: Vec<u8>,
    /// What the TX_ACK said; `None`: accepted.
    pub refused: Option<String>,
    /// A device has received it.
    pub heard: bool,
}

#[derive(Default)]
struct State {
    token: u16,
    pushed: HashSet<[u8; 2]>,
    pulls: u64,
    downlinks: Vec<Downlink>,
    refusals: VecDeque<String>,
}

struct Shared {
    eui: u64,
    server: SocketAddr,
    socket: UdpSocket,
    boot: Instant,
    tmst_at_boot: u32,
    stopped: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

/// A gateway that runs until it is dropped.
pub struct Gateway(Arc<Shared>);

impl Gateway {
    /// Starts with this reading of its clock; not connected yet.
    pub fn start(eui: u64, server: SocketAddr, tmst_at_boot: u32) -> Arc<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        socket.set_read_timeout(Some(KEEPALIVE)).expect("a time-out");
        let shared = Arc::new(Shared {
            eui,
            server,
            socket,
            boot: Instant::now(),
            tmst_at_boot,
            stopped: AtomicBool::new(false),
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let reader = Arc::clone(&shared);
        thread::spawn(move || reader.run());
        Arc::new(Self(shared))
    }

    /// Opens the way for downlinks; returns when the server has answered.
    pub fn connect(&self) {
        let before = self.0.lock().pulls;
        super::eventually("PULL_ACK", || {
            self.0.pull();
            let deadline = Instant::now() + Duration::from_millis(100);
            self.0.until(deadline, |state| (state.pulls > before).then_some(())).is_some()
        });
    }

    /// The concentrator's clock now, µs.
    pub fn tmst(&self) -> u32 {
        self.0.tmst_at_boot.wrapping_add(self.0.boot.elapsed().as_micros() as u32)
    }

    /// Hands over a frame whose end was heard at `tmst`; does not wait. The token of the datagram.
    pub fn push(&self, emission: &Emission, tmst: u32) -> [u8; 2] {
        let rxpk = json!({
            "tmst": tmst, "chan": 2, "rfch": 0, "stat": 1, "modu": "LORA", "codr": "4/5",
            "freq": f64::from(emission.frequency_hz) / 1e6, "datr": emission.datr,
            "rssi": -61, "lsnr": 9.5, "size": emission.bytes.len(),
            "data": STANDARD.encode(&emission.bytes),
        });
        self.0.send(PUSH_DATA, json!({ "rxpk": [rxpk] }).to_string().as_bytes())
    }

    /// Hears a frame now; returns when the server has acknowledged the datagram. When the frame
    /// ended.
    pub fn hear(&self, emission: &Emission) -> u32 {
        let tmst = self.tmst();
        let token = self.push(emission, tmst);
        let acked = |state: &mut State| state.pushed.contains(&token).then_some(());
        self.0.until(Instant::now() + LONG, acked).expect("PUSH_ACK");
        tmst
    }

    /// Sends bytes as they are.
    pub fn send_raw(&self, datagram: &[u8]) {
        self.0.socket.send_to(datagram, self.0.server).expect("loopback takes a datagram");
    }

    /// Whether the server has acknowledged the PUSH_DATA with this token.
    pub fn acknowledged(&self, token: [u8; 2]) -> bool {
        self.0.lock().pushed.contains(&token)
    }

    /// The next PULL_RESP is answered with this error.
    pub fn refuse_next(&self, error: &str) {
        self.0.lock().refusals.push_back(error.to_owned());
    }

    /// Every PULL_RESP so far.
    pub fn downlinks(&self) -> Vec<Downlink> {
        self.0.lock().downlinks.clone()
    }

    /// What was accepted for sending and no device has heard.
    pub fn unheard(&self) -> Vec<Downlink> {
        let unheard = |downlink: &Downlink| !downlink.heard && downlink.refused.is_none();
        self.downlinks().into_iter().filter(unheard).collect()
    }

    /// Waits until `deadline` for a downlink that is wanted and was not refused or heard; from now
    /// on it is heard.
    pub fn emitted(
        &self,
        deadline: Instant,
        wanted: impl Fn(&Downlink) -> bool,
    ) -> Option<Downlink> {
        self.0.until(deadline, |state| {
            let open = |d: &&mut Downlink| !d.heard && d.refused.is_none() && wanted(d);
            let found = state.downlinks.iter_mut().find(open)?;
            found.heard = true;
            Some(found.clone())
        })
    }
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gateway({:016x})", self.0.eui)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.0.stopped.store(true, Ordering::Relaxed);
        // Wakes the reader, which would wait for the keepalive.
        if let Ok(own) = self.0.socket.local_addr() {
            let _ = self.0.socket.send_to(&[], own);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding it")
    }

    fn until<T>(
        &self,
        deadline: Instant,
        mut found: impl FnMut(&mut State) -> Option<T>,
    ) -> Option<T> {
        let mut state = self.lock();
        loop {
            if let Some(found) = found(&mut state) {
                return Some(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.expect("nobody panics while holding it").0;
        }
    }

    fn send(&self, kind: u8, body: &[u8]) -> [u8; 2] {
        let token = {
            let mut state = self.lock();
            state.token = state.token.wrapping_add(1);
            state.token.to_be_bytes()
        };
        self.send_with(token, kind, body);
        token
    }

    fn send_with(&self, token: [u8; 2], kind: u8, body: &[u8]) {
        let mut datagram = vec![2, token[0], token[1], kind];
        datagram.extend_from_slice(&self.eui.to_be_bytes());
        datagram.extend_from_slice(body);
        self.socket.send_to(&datagram, self.server).expect("loopback takes a datagram");
    }

    fn pull(&self) {
        self.send(PULL_DATA, &[]);
    }

    fn run(&self) {
        let mut datagram = [0; 2048];
        while !self.stopped.load(Ordering::Relaxed) {
            match self.socket.recv_from(&mut datagram) {
                Ok((length, _)) => self.read(&datagram[..length]),
                Err(_) => self.pull(),
            }
        }
    }

    fn read(&self, datagram: &[u8]) {
        let &[2, high, low, kind, ref body @ ..] = datagram else { return };
        let token = [high, low];
        match kind {
            PUSH_ACK => drop(self.lock().pushed.insert(token)),
            PULL_ACK => self.lock().pulls += 1,
            PULL_RESP => self.transmit(token, body),
            other => panic!("a server does not send datagrams of kind {other}"),
        }
        self.changed.notify_all();
    }

    fn transmit(&self, token: [u8; 2], body: &[u8]) {
        let body: Value = serde_json::from_slice(body).expect("a PULL_RESP is JSON");
        let mut downlink = downlink(&body["txpk"]).unwrap_or_else(|| panic!("txpk of {body}"));
        let mut state = self.lock();
        downlink.refused = state.refusals.pop_front();
        let verdict = downlink.refused.clone();
        state.downlinks.push(downlink);
        drop(state);
        let answer = verdict.map(|error| json!({ "txpk_ack": { "error": error } }).to_string());
        self.send_with(token, TX_ACK, answer.unwrap_or_default().as_bytes());
    }
}

/// Reads a txpk; `None` when something that must be there is not, or is of the wrong type.
fn downlink(txpk: &Value) -> Option<Downlink> {
    let immediately = txpk["imme"].as_bool().unwrap_or(false);
    let tmst = || txpk["tmst"].as_u64().and_then(|tmst| u32::try_from(tmst).ok());
    let bytes = STANDARD.decode(txpk["data"].as_str()?).ok()?;
    let right_size = txpk["size"].as_u64()? == bytes.len() as u64;
    let lora = txpk["modu"] == "LORA" && txpk["codr"] == "4/5";
    txpk["rfch"].as_u64()?;
    (right_size && lora).then_some(Downlink {
        at: Instant::now(),
        tmst: if immediately { None } else { Some(tmst()?) },
        frequency_hz: (txpk["freq"].as_f64()? * 1e6).round() as u32,
        datr: txpk["datr"].as_str()?.to_owned(),
        inverted: txpk["ipol"].as_bool()?,
        no_crc: txpk["ncrc"].as_bool().unwrap_or(false),
        power_dbm: txpk["powe"].as_i64()?,
        bytes,
        refused: None,
        heard: false,
    })
}
