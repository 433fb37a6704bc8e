//! The bridge as a process, between a gateway's socket and a real broker: Debian's mosquitto.

use std::collections::{BTreeSet, VecDeque};
use std::io::Write;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gateway_bridge::semtech::packet::{
    DatagramToken, FromServer, PushData, ServerMessage, Txpk, Verdict, Version, pull_data,
};
use gateway_link::topic::{Kind, SERVER_FILTERS, Topic};
use gateway_link::{
    BridgeState, CodingRate, Downlink, DownlinkItem, GatewayEui, GatewayEvent, Outcome, TxAck,
    Uplink, When,
};
use rumqttc::{Client, Connection, Event, MqttOptions, Packet, Publish, QoS};

const MOSQUITTO: &str = "/usr/sbin/mosquitto";
const EUI: GatewayEui = GatewayEui([1, 2, 3, 4, 5, 6, 7, 8]);
const PATIENCE: Duration = Duration::from_secs(30);

/// A process that ends with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    fn terminate(&mut self) -> Option<i32> {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.0.wait().unwrap().code()
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A broker that keeps sessions over a restart, and wants the password that is written here.
fn broker(folder: &Path, port: u16) -> Process {
    let passwords = folder.join("passwords");
    if !passwords.exists() {
        let made = Command::new("mosquitto_passwd")
            .args(["-b", "-c"])
            .arg(&passwords)
            .args(["bridge", "correct horse"])
            .status()
            .expect("mosquitto_passwd comes with mosquitto: apt-get install mosquitto");
        assert!(made.success());
    }
    let folder_text = folder.display();
    let conf = folder.join("mosquitto.conf");
    let text = format!(
        "listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {folder_text}/passwords\n\
         persistence true\npersistence_location {folder_text}/\nuser root\nlog_dest none\n"
    );
    std::fs::write(&conf, text).unwrap();
    let child = Command::new(MOSQUITTO).arg("-c").arg(&conf).spawn();
    let process = Process(child.expect("mosquitto is installed: apt-get install mosquitto"));
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(begun.elapsed() < PATIENCE, "mosquitto does not listen on {port}");
        std::thread::yield_now();
    }
    process
}

fn bridge(folder: &Path, udp: u16, mqtt: u16) -> Process {
    let password = folder.join("password");
    writeln!(std::fs::File::create(&password).unwrap(), "correct horse").unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_gateway-bridge"))
        .args(["--semtech-udp", &format!("127.0.0.1:{udp}"), "--client-id", "attic"])
        .args(["--broker-url", &format!("mqtt://127.0.0.1:{mqtt}"), "--username", "bridge"])
        .arg("--password-file")
        .arg(&password)
        .stderr(Stdio::null())
        .spawn();
    Process(child.unwrap())
}

/// The server's side: a client with a session that the broker keeps.
struct Server {
    client: Client,
    connection: Connection,
    /// What the broker had kept for the session, and delivered before the subscriptions.
    early: VecDeque<Publish>,
}

impl Server {
    fn connect(port: u16) -> Self {
        let mut options = MqttOptions::new("server", "127.0.0.1", port);
        options.set_clean_session(false).set_credentials("bridge", "correct horse");
        let (client, connection) = Client::new(options, 64);
        for filter in SERVER_FILTERS {
            client.subscribe(filter, QoS::AtLeastOnce).unwrap();
        }
        let mut server = Self { client, connection, early: VecDeque::new() };
        let (mut subscribed, mut early) = (0, VecDeque::new());
        server.until(|packet| {
            match packet {
                Packet::SubAck(_) => subscribed += 1,
                Packet::Publish(publish) => early.push_back(publish.clone()),
                _ => {}
            }
            (subscribed == SERVER_FILTERS.len()).then_some(())
        });
        server.early = early;
        server
    }

    fn until<T>(&mut self, mut wanted: impl FnMut(&Packet) -> Option<T>) -> T {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            match self.connection.recv_timeout(PATIENCE) {
                Ok(Ok(Event::Incoming(packet))) => {
                    if let Some(found) = wanted(&packet) {
                        return found;
                    }
                }
                Ok(Ok(Event::Outgoing(_))) => {}
                other => panic!("the server's connection ended: {other:?}"),
            }
        }
        panic!("what was waited for did not come")
    }

    fn message<T>(&mut self, mut wanted: impl FnMut(Topic, &Publish) -> Option<T>) -> T {
        let mut judge = |publish: &Publish| {
            wanted(Topic::parse(&publish.topic).expect("a topic of ours"), publish)
        };
        while let Some(publish) = self.early.pop_front() {
            if let Some(found) = judge(&publish) {
                return found;
            }
        }
        self.until(|packet| match packet {
            Packet::Publish(publish) => judge(publish),
            _ => None,
        })
    }

    fn state(&mut self, wanted: fn(&BridgeState) -> bool) {
        self.message(|topic, publish| {
            let Topic::Bridge { client_id } = topic else { return None };
            assert_eq!(client_id, "attic");
            wanted(&BridgeState::decode(&publish.payload).unwrap()).then_some(())
        });
    }

    fn uplink(&mut self) -> Uplink {
        self.message(|topic, publish| {
            (topic == Topic::gateway(EUI, Kind::Up))
                .then(|| Uplink::decode(&publish.payload).unwrap())
        })
    }

    fn ack(&mut self) -> TxAck {
        self.message(|topic, publish| {
            (topic == Topic::gateway(EUI, Kind::Ack))
                .then(|| TxAck::decode(&publish.payload).unwrap())
        })
    }

    fn event(&mut self, wanted: fn(&GatewayEvent) -> bool) {
        self.message(|topic, publish| {
            let ours = topic == Topic::gateway(EUI, Kind::Stat);
            (ours && wanted(&GatewayEvent::decode(&publish.payload).unwrap())).then_some(())
        });
    }

    fn send(&mut self, downlink: &Downlink) {
        let topic = Topic::gateway(downlink.gateway_eui, Kind::Down).to_string();
        self.client.publish(topic, QoS::AtLeastOnce, false, downlink.encode()).unwrap();
    }
}

struct Gateway(UdpSocket);

impl Gateway {
    fn connect(port: u16) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(("127.0.0.1", port)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let gateway = Self(socket);
        // Until the bridge listens, datagrams are lost.
        let begun = Instant::now();
        while gateway
            .try_exchange(&pull_data::build(Version::V2, DatagramToken([1, 2]), EUI))
            .is_none()
        {
            assert!(begun.elapsed() < PATIENCE, "the bridge does not listen");
        }
        gateway.0.set_read_timeout(Some(PATIENCE)).unwrap();
        gateway
    }

    fn try_exchange(&self, datagram: &[u8]) -> Option<Vec<u8>> {
        self.0.send(datagram).ok()?;
        let mut buffer = [0; 2000];
        let length = self.0.recv(&mut buffer).ok()?;
        Some(buffer[..length].to_vec())
    }

    fn push(&self, tmst: u32) {
        let body = format!(
            r#"{{"rxpk":[{{"tmst":{tmst},"freq":868.1,"stat":1,"modu":"LORA","datr":"SF7BW125","rssi":-3,"lsnr":5,"data":"QAECAw"}}]}}"#
        );
        let push = PushData::parse(body.as_bytes()).build(Version::V2, DatagramToken([3, 4]), EUI);
        assert_eq!(self.try_exchange(&push).unwrap(), [2, 3, 4, 1]);
    }
}

fn downlink(uplink: &Uplink, id: u64, deadline: i64) -> Downlink {
    let item = DownlinkItem {
        phy_payload: vec![0x60],
        when: When::After { token: uplink.token, delay_us: 5_000_000 },
        frequency_hz: 868_100_000,
        modulation: uplink.modulation,
        coding_rate: CodingRate::Cr4_5,
        power: 1600,
        invert_polarity: true,
        no_crc: true,
        preamble: None,
    };
    let (gateway_eui, boot_epoch) = (uplink.gateway_eui, uplink.boot_epoch);
    Downlink { gateway_eui, id, boot_epoch, deadline, items: vec![item] }
}

#[test]
fn frames_go_through_the_broker_both_ways_and_a_stop_is_clean() {
    let folder = tempfile::tempdir().unwrap();
    let (mqtt, udp) = (free_port(), free_port());
    let _broker = broker(folder.path(), mqtt);
    let mut server = Server::connect(mqtt);
    let mut bridge = bridge(folder.path(), udp, mqtt);
    server.state(|state| matches!(state, BridgeState::Here { .. }));
    let gateway = Gateway::connect(udp);
    server.event(|event| matches!(event, GatewayEvent::Connected { protocol: 2, .. }));
    gateway.push(1000);
    let uplink = server.uplink();
    assert_eq!((uplink.tmst, uplink.phy_payload.as_slice()), (1000, [0x40, 1, 2, 3].as_slice()));

    // Past its deadline: answered, not sent. Another bridge's gateway: not answered at all.
    server.send(&downlink(&uplink, 1, uplink.received_at - 1));
    let elsewhere = Uplink { gateway_eui: GatewayEui([9; 8]), ..uplink.clone() };
    server.send(&downlink(&elsewhere, 2, uplink.received_at + 4_000_000));
    server.send(&downlink(&uplink, 3, uplink.received_at + 4_000_000));
    let expired = server.ack();
    assert_eq!((expired.id, expired.outcome), (1, Outcome::Expired));
    let mut buffer = [0; 2000];
    let length = gateway.0.recv(&mut buffer).unwrap();
    let packet = FromServer::parse(&buffer[..length]).unwrap();
    let ServerMessage::PullResp(body) = packet.message else { panic!("{packet:?}") };
    assert_eq!(Txpk::parse(body).unwrap().phy_payload, [0x60]);
    gateway.0.send(&Verdict::Accepted.build(packet.token, EUI)).unwrap();
    let accepted = server.ack();
    assert_eq!((accepted.id, accepted.outcome), (3, Outcome::Accepted));

    assert_eq!(bridge.terminate(), Some(0));
    server.event(|event| matches!(event, GatewayEvent::Disconnected { .. }));
    server.state(|state| *state == BridgeState::Gone);
}

#[test]
fn what_is_heard_while_the_broker_is_away_arrives_later() {
    let folder = tempfile::tempdir().unwrap();
    let (mqtt, udp) = (free_port(), free_port());
    let mut first = broker(folder.path(), mqtt);
    let server = Server::connect(mqtt);
    let _bridge = bridge(folder.path(), udp, mqtt);
    let gateway = Gateway::connect(udp);
    gateway.push(1_000_000);
    first.terminate();
    drop(server);
    for n in 2..=50 {
        gateway.push(n * 1_000_000);
    }
    let _second = broker(folder.path(), mqtt);
    let mut server = Server::connect(mqtt);
    let mut heard = BTreeSet::new();
    while heard.len() < 50 {
        heard.insert(server.uplink().tmst / 1_000_000);
    }
    assert_eq!(heard, (1..=50).collect());
}

#[test]
fn a_killed_bridge_leaves_its_last_will() {
    let folder = tempfile::tempdir().unwrap();
    let (mqtt, udp) = (free_port(), free_port());
    let _broker = broker(folder.path(), mqtt);
    let mut server = Server::connect(mqtt);
    let bridge = bridge(folder.path(), udp, mqtt);
    server.state(|state| matches!(state, BridgeState::Here { .. }));
    drop(bridge);
    server.state(|state| *state == BridgeState::Gone);
}

#[test]
fn a_bad_flag_says_what_to_write() {
    let output = Command::new(env!("CARGO_BIN_EXE_gateway-bridge"))
        .args(["--broker-url", "localhost"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("mqtt://host:1883"));
}
