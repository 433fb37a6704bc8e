//! SIGKILL of a server with its own broker: what it has acknowledged for a client that is away, and what it
//! retains, is there again. With mosquitto's clients, which know nothing of us.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use system_tests::harness::Place;

/// Messages for the client that is away.
const COUNT: usize = 300;

fn tool(name: &str) -> Option<PathBuf> {
    let found = Path::new("/usr/bin").join(name);
    let required = std::env::var_os("LNS_REQUIRE_TOOLS").is_some();
    assert!(found.exists() || !required, "{name} is not installed");
    found.exists().then_some(found)
}

fn client(program: &Path, broker: SocketAddr, more: &[&str]) -> Command {
    let mut command = Command::new(program);
    let (host, port) = (broker.ip().to_string(), broker.port().to_string());
    command.args(["-h", &host, "-p", &port, "-q", "1"]).args(more);
    command
}

fn lines(command: &mut Command) -> Vec<String> {
    let output = command.stdin(Stdio::null()).output().expect("the program runs");
    let said = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said.lines().map(Into::into).collect()
}

#[test]
fn acknowledged_messages_and_retained_ones_survive_a_kill() {
    let (Some(subscriber), Some(publisher)) = (tool("mosquitto_sub"), tool("mosquitto_pub")) else {
        return eprintln!("skipped: mosquitto's clients are not installed");
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let place = Place::free();
    let server = super::start(place, folder.path(), &[]);
    let kept = ["-i", "keeper", "-c", "-t", "home/#"];
    // It subscribes, and goes.
    lines(&mut client(&subscriber, place.mqtt(), &[&kept[..], &["-E"]].concat()));
    let say = ["-t", "home/kitchen", "-l"];
    let mut talker =
        client(&publisher, place.mqtt(), &say).stdin(Stdio::piped()).spawn().expect("it starts");
    let mut input = talker.stdin.take().expect("it is piped");
    let expected: Vec<String> = (0..COUNT).map(|number| number.to_string()).collect();
    input.write_all(format!("{}\n", expected.join("\n")).as_bytes()).expect("it reads");
    drop(input);
    // It ends when each of its messages is acknowledged.
    assert!(talker.wait().expect("it ends").success());
    let retain = ["-t", "state/door", "-r", "-m", "open"];
    lines(&mut client(&publisher, place.mqtt(), &retain));
    server.kill();

    let server = super::start(place, folder.path(), &[]);
    let count = COUNT.to_string();
    let all = [&kept[..], &["-C", &count, "-W", "30"]].concat();
    assert_eq!(lines(&mut client(&subscriber, place.mqtt(), &all)), expected);
    let late = ["-t", "state/+", "-C", "1", "-W", "30"];
    assert_eq!(lines(&mut client(&subscriber, place.mqtt(), &late)), ["open"]);
    let (status, _) = server.terminate();
    assert_eq!(status.code(), Some(0));
}

/// A WebSocket message of a client, with a mask of zeros (RFC 6455 §5.2).
fn framed(bytes: &[u8]) -> Vec<u8> {
    [&[0x82, 0x80 | bytes.len() as u8, 0, 0, 0, 0], bytes].concat()
}

fn open_web_socket(address: SocketAddr, origin: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(address).expect("the server listens");
    stream.set_read_timeout(Some(std::time::Duration::from_secs(30))).expect("a socket");
    let request = format!(
        "GET /mqtt HTTP/1.1\r\nHost: {address}\r\nOrigin: {origin}\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("the server reads");
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
        head.push(byte[0]);
    }
    (stream, String::from_utf8(head).expect("a head is text"))
}

#[test]
fn mqtt_is_spoken_over_web_sockets_and_not_to_pages_of_others() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let place = Place::free();
    let server = super::start(place, folder.path(), &[]);
    let own = format!("http://{}", place.http());
    let (mut stream, head) = open_web_socket(place.http(), &own);
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    assert!(head.to_lowercase().contains("sec-websocket-protocol: mqtt"), "{head}");
    // CONNECT in two messages, because packets need not keep to their borders.
    let connect = b"\x10\x0D\0\x04MQTT\x04\x02\0\0\0\x01w";
    stream.write_all(&framed(&connect[..5])).expect("the server reads");
    stream.write_all(&framed(&connect[5..])).expect("the server reads");
    let mut answer = [0; 6];
    stream.read_exact(&mut answer).expect("CONNACK");
    assert_eq!(answer, [0x82, 4, 0x20, 2, 0, 0]);

    let (_, head) = open_web_socket(place.http(), "http://elsewhere.example");
    assert!(head.starts_with("HTTP/1.1 403"), "{head}");
    drop(server);
}
