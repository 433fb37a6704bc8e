//! The bridge on loopback: a real socket on both sides.

use std::net::UdpSocket;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use gateway_bridge::semtech::packet::{
    DatagramToken, FromServer, PushData, ServerMessage, TxTime, Txpk, Verdict, Version, pull_data,
};
use gateway_bridge::{BindError, Bridge, BridgeConfig, Forward};
use gateway_link::{
    CodingRate, Downlink, DownlinkItem, GatewayEui, GatewayEvent, Outcome, TxAck, Uplink, When,
};

const EUI: GatewayEui = GatewayEui([1, 2, 3, 4, 5, 6, 7, 8]);
const PATIENCE: Duration = Duration::from_secs(20);

enum Heard {
    Uplink(Uplink),
    TxAck(TxAck),
    Event(GatewayEvent),
}

struct Ear(mpsc::Sender<Heard>);

impl Forward for Ear {
    fn uplink(&self, uplink: Uplink) {
        let _ = self.0.send(Heard::Uplink(uplink));
    }

    fn tx_ack(&self, ack: TxAck) {
        let _ = self.0.send(Heard::TxAck(ack));
    }

    fn event(&self, _: GatewayEui, event: GatewayEvent) {
        let _ = self.0.send(Heard::Event(event));
    }
}

fn ear() -> (Arc<Ear>, mpsc::Receiver<Heard>) {
    let (sender, receiver) = mpsc::channel();
    (Arc::new(Ear(sender)), receiver)
}

fn exchange(gateway: &UdpSocket, datagram: &[u8]) -> Vec<u8> {
    gateway.send(datagram).unwrap();
    receive(gateway)
}

fn receive(gateway: &UdpSocket) -> Vec<u8> {
    let mut buffer = [0; 2000];
    let length = gateway.recv(&mut buffer).unwrap();
    buffer[..length].to_vec()
}

fn walk(listen: &str, from: &str) {
    let (ear, heard) = ear();
    let bridge = Bridge::bind(listen.parse().unwrap(), BridgeConfig::default(), ear).unwrap();
    assert!(bridge.receive_buffer() > 0);
    let (handle, port) = (bridge.handle(), bridge.local_address().port());
    let running = bridge.spawn().unwrap();
    let gateway = UdpSocket::bind((from, 0)).unwrap();
    gateway.set_read_timeout(Some(PATIENCE)).unwrap();
    gateway.connect((from, port)).unwrap();

    let ack = exchange(&gateway, &pull_data::build(Version::V2, DatagramToken([1, 2]), EUI));
    assert_eq!(ack, [2, 1, 2, 4]);
    let Ok(Heard::Event(GatewayEvent::Connected { address, .. })) = heard.recv_timeout(PATIENCE)
    else {
        panic!("the gateway is not connected")
    };
    assert_eq!(address, gateway.local_addr().unwrap().to_string());

    let body = br#"{"rxpk":[{"tmst":5,"freq":868.1,"stat":1,"modu":"LORA","datr":"SF7BW125","rssi":-3,"lsnr":5,"data":"QAECAw"}]}"#;
    let push = PushData::parse(body).build(Version::V2, DatagramToken([3, 4]), EUI);
    assert_eq!(exchange(&gateway, &push), [2, 3, 4, 1]);
    let Ok(Heard::Uplink(uplink)) = heard.recv_timeout(PATIENCE) else { panic!("no uplink") };
    assert_eq!(uplink.phy_payload, [0x40, 1, 2, 3]);

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
    handle.send(Downlink {
        gateway_eui: EUI,
        id: 9,
        boot_epoch: uplink.boot_epoch,
        deadline: uplink.received_at + 4_000_000,
        items: vec![item],
    });
    let datagram = receive(&gateway);
    let packet = FromServer::parse(&datagram).unwrap();
    let ServerMessage::PullResp(body) = packet.message else { panic!("{packet:?}") };
    assert_eq!(Txpk::parse(body).unwrap().when, TxTime::Tmst(5_000_005));
    gateway.send(&Verdict::Accepted.build(packet.token, EUI)).unwrap();
    let outcome = heard.iter().find_map(|heard| match heard {
        Heard::TxAck(ack) => Some(ack.outcome),
        Heard::Uplink(_) | Heard::Event(_) => None,
    });
    assert_eq!(outcome, Some(Outcome::Accepted));

    handle.stop();
    running.join().unwrap().unwrap();
    let gone = |heard| matches!(heard, Heard::Event(GatewayEvent::Disconnected { .. }));
    assert!(heard.try_iter().any(gone));
    assert!(handle.counters().contains(&("rxpk", "forwarded", 1)));
}

#[test]
fn a_gateway_is_served_over_ipv4() {
    walk("127.0.0.1:0", "127.0.0.1");
}

#[test]
fn a_gateway_is_served_over_ipv6() {
    walk("[::1]:0", "::1");
}

#[test]
fn the_ipv6_wildcard_serves_ipv4() {
    walk("[::]:0", "127.0.0.1");
}

#[test]
fn a_taken_port_says_what_to_do() {
    let (ear, _heard) = ear();
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let error = Bridge::bind(address, BridgeConfig::default(), ear).err().unwrap();
    assert!(matches!(error, BindError::InUse(_)), "{error}");
    assert!(error.to_string().contains("--semtech-udp"), "{error}");
}

#[test]
fn a_stopped_bridge_still_answers_for_its_downlinks() {
    let (ear, heard) = ear();
    let bridge =
        Bridge::bind("127.0.0.1:0".parse().unwrap(), BridgeConfig::default(), ear).unwrap();
    let handle = bridge.handle();
    drop(bridge);
    handle.send(Downlink {
        gateway_eui: EUI,
        id: 1,
        boot_epoch: 0,
        deadline: i64::MAX,
        items: Vec::new(),
    });
    let Ok(Heard::TxAck(ack)) = heard.try_recv() else { panic!("no answer") };
    assert_eq!(ack.outcome, Outcome::NotConnected);
}
