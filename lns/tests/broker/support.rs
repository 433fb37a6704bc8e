//! Clients, intakes and processes for the tests.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use lns::broker::{Acknowledge, Embedded, EmbeddedConfig, Intake, Message};
use rumqttc::{Client, Event, MqttOptions, Outgoing, Packet, QoS, SubscribeReasonCode};

/// Longer than anything takes on a busy machine.
pub const LONG: Duration = Duration::from_secs(30);

/// Messages that the server took in.
#[derive(Clone, Default)]
pub struct Taken(pub Arc<Mutex<Vec<Message>>>);

impl Taken {
    pub fn intake(&self) -> Intake {
        let taken = self.0.clone();
        Arc::new(move |publication, _| {
            taken.lock().unwrap().push(publication.message);
            Ok(())
        })
    }

    pub fn topics(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().map(|message| message.topic.clone()).collect()
    }
}

/// The numbers of the tickets that came back.
pub fn acknowledgements() -> (Acknowledge, Receiver<u64>) {
    let (sender, receiver) = channel();
    let acknowledge = move |number| {
        let _ = sender.send(number);
    };
    (Arc::new(acknowledge), receiver)
}

pub fn loopback() -> EmbeddedConfig {
    EmbeddedConfig::new("127.0.0.1:0".parse().unwrap())
}

pub fn start(config: EmbeddedConfig) -> (Embedded, Taken) {
    let taken = Taken::default();
    let broker = Embedded::start(config, taken.intake()).expect("a free port");
    (broker, taken)
}

pub fn options(id: &str, address: SocketAddr) -> MqttOptions {
    let mut options = MqttOptions::new(id, address.ip().to_string(), address.port());
    options.set_max_packet_size(1 << 20, 1 << 20);
    options
}

/// A client with a thread that runs it; it ends with its connection.
pub struct Tester {
    pub client: Client,
    pub events: Receiver<Packet>,
}

impl Tester {
    pub fn connect(options: MqttOptions) -> Self {
        let (client, mut connection) = Client::new(options, 100);
        let (sender, events) = channel();
        thread::spawn(move || {
            for event in connection.iter() {
                match event {
                    Ok(Event::Incoming(packet)) => drop(sender.send(packet)),
                    // The one who says goodbye closes the connection (MQTT 3.1.1 §3.14.4).
                    Ok(Event::Outgoing(Outgoing::Disconnect)) | Err(_) => return,
                    Ok(Event::Outgoing(_)) => {}
                }
            }
        });
        Self { client, events }
    }

    /// Subscribes, and returns when the broker has answered; whether it granted it.
    pub fn subscribe(&self, filter: &str) -> bool {
        self.client.subscribe(filter, QoS::AtLeastOnce).unwrap();
        let answer = self.wait(|packet| match packet {
            Packet::SubAck(answer) => Some(answer.return_codes.clone()),
            _ => None,
        });
        let codes = answer.expect("an answer to SUBSCRIBE");
        !codes.contains(&SubscribeReasonCode::Failure)
    }

    /// Publishes with QoS 1, and returns whether it was acknowledged before the connection ended.
    pub fn publish(&self, topic: &str, body: &str) -> bool {
        self.client.publish(topic, QoS::AtLeastOnce, false, body).unwrap();
        self.wait(|packet| matches!(packet, Packet::PubAck(_)).then_some(())).is_some()
    }

    /// The next message, as topic and text.
    pub fn message(&self) -> Option<(String, String)> {
        self.wait(|packet| match packet {
            Packet::Publish(publish) => {
                let text = String::from_utf8_lossy(&publish.payload).into_owned();
                Some((publish.topic.clone(), text))
            }
            _ => None,
        })
    }

    /// Waits for a packet; `None` when the connection has ended.
    pub fn wait<T>(&self, mut wanted: impl FnMut(&Packet) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + LONG;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left) {
                Ok(packet) => {
                    if let Some(found) = wanted(&packet) {
                        return Some(found);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => panic!("nothing came for {LONG:?}"),
            }
        }
    }
}

/// Waits until `done`, which is looked at every few milliseconds.
pub fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !done() {
        assert!(Instant::now() < deadline, "not within {LONG:?}: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Where a program of mosquitto is; `None`, with a line that says so, where it is not installed.
pub fn tool(name: &str) -> Option<PathBuf> {
    let found = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"]
        .map(|folder| Path::new(folder).join(name))
        .into_iter()
        .find(|path| path.exists());
    let required = std::env::var_os("LNS_REQUIRE_TOOLS").is_some();
    assert!(found.is_some() || !required, "{name} is not installed");
    if found.is_none() {
        eprintln!("skipped: {name} is not installed (apt-get install mosquitto mosquitto-clients)");
    }
    found
}

/// A process that is killed when it goes out of scope.
pub struct Process(pub Child);

impl Process {
    pub fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::null()).spawn().expect("the program starts"))
    }

    /// SIGKILL, and wait for the end.
    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Process {
    /// SIGTERM, and wait for the end.
    pub fn terminate(mut self) {
        let told = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        assert!(told.unwrap().success());
        self.0.wait().unwrap();
    }
}

/// mosquitto on [`HOST`], with a database in its folder that it writes when it ends or is told to.
pub struct Mosquitto<'a> {
    pub folder: &'a Path,
    pub port: u16,
    /// Lines of configuration besides.
    pub more: &'a str,
}

impl Mosquitto<'_> {
    /// Starts it; `None` where it is not installed.
    pub fn start(&self) -> Option<Process> {
        let Self { folder, port, more } = self;
        let program = tool("mosquitto")?;
        let configuration = format!(
            "listener {port} {HOST}\n{more}allow_anonymous true\nuser root\npersistence true\n\
             persistence_location {}/\nautosave_interval 0\nmax_queued_messages 0\n",
            folder.display()
        );
        let file = folder.join("mosquitto.conf");
        std::fs::write(&file, configuration).unwrap();
        let mut command = Command::new(program);
        command.arg("-c").arg(file).stdout(Stdio::null()).stderr(Stdio::null());
        let process = Process::start(&mut command);
        let address = (HOST, *port);
        eventually("mosquitto listens", || std::net::TcpStream::connect(address).is_ok());
        Some(process)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where the servers listen that must have their port again after a restart. Not 127.0.0.1, where
/// the other tests' sockets draw their ports.
pub const HOST: &str = "127.0.0.2";

/// A port that was free there a moment ago.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind((HOST, 0)).unwrap().local_addr().unwrap().port()
}
