//! Any packets from two clients, as bytes, into a broker: it answers every one, and what it says can be
//! written down at the size that it has said.
#![no_main]

use std::collections::HashMap;
use std::sync::Arc;

use arbitrary::Arbitrary;
use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use lns_broker::wire::{Frame, build, parse, parse_connect};
use lns_broker::{
    Config, Connecting, ConnectionId, Core, Input, Output, ServerPacket, Timestamp, Unrestricted,
    Version,
};

const MOST: usize = 4096;

#[derive(Debug, Arbitrary)]
struct Said<'a> {
    second: bool,
    seconds: u8,
    commits: bool,
    bytes: &'a [u8],
}

fuzz_target!(|said: Vec<Said<'_>>| {
    let mut core = Core::new(Config::default());
    let mut now = Timestamp::from_micros(1_795_428_930_000_000);
    let mut versions: HashMap<ConnectionId, Version> = HashMap::new();
    for Said { second, seconds, commits, bytes } in said {
        now = now.plus_seconds(u32::from(seconds));
        let id = ConnectionId(1 + u64::from(second));
        let mut bytes = BytesMut::from(bytes);
        while let Ok(Some(frame)) = Frame::take(&mut bytes, MOST) {
            let input = match versions.get(&id) {
                Some(version) => match parse(&frame, *version) {
                    Ok(packet) => Input::Packet(id, packet),
                    Err(error) => Input::Disconnect(id, error.reason()),
                },
                None => {
                    let Ok(mut hello) = parse_connect(&frame.body) else { continue };
                    if hello.connect.client_id.is_empty() {
                        hello.connect.client_id = format!("anonymous-{}", id.0).into();
                        hello.connect.assigned = true;
                    }
                    versions.insert(id, hello.connect.version);
                    Input::Connect(Box::new(Connecting {
                        connection: id,
                        connect: hello.connect,
                        principal: None,
                        address: None,
                        thing: None,
                        access: Ok(Arc::new(Unrestricted)),
                    }))
                }
            };
            happen(&mut core, (now, input), commits, &mut versions);
        }
        happen(&mut core, (now, Input::Wake), commits, &mut versions);
    }
});

/// Has one thing happen, and carries out what becomes of it.
fn happen(
    core: &mut Core,
    (now, input): (Timestamp, Input),
    commits: bool,
    versions: &mut HashMap<ConnectionId, Version>,
) {
    let mut outputs = Vec::new();
    core.handle(now, input, &mut outputs);
    let mut next = Vec::new();
    for output in outputs {
        match output {
            Output::Send(id, packet) => {
                let version = versions.get(&id).expect("nobody else is spoken to");
                let mut out = BytesMut::new();
                build(&packet, *version, &mut out);
                if let ServerPacket::Publish(delivery) = &packet {
                    assert_eq!(out.len(), delivery.size, "{packet:?}");
                    next.push(Input::Written(id, delivery.size));
                }
            }
            Output::Close(id) => drop(versions.remove(&id)),
            Output::Write(token, _) if commits => next.push(Input::Committed(token)),
            _ => {}
        }
    }
    for input in next {
        happen(core, (now, input), commits, versions);
    }
}
