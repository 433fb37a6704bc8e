//! Messages through the core, without sockets: one to one, one to a thousand, and past fifteen
//! thousand idle clients. The shell's part is played: bytes are written, commits come back, clients
//! acknowledge.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lns_broker::{
    Access, Ack, ClientPacket, Config, Connect, Connecting, ConnectionId, Core, Input, Message,
    Output, PacketId, Publish, Qos, ServerPacket, Subscribe, SubscriptionOptions, Timestamp,
    Unrestricted, Version,
};

const PUBLISHER: ConnectionId = ConnectionId(0);

struct Bench {
    core: Core,
    outputs: Vec<Output>,
    replies: Vec<Input>,
}

impl Bench {
    fn new() -> Self {
        let core = Core::new(Config::default());
        let mut bench = Self { core, outputs: Vec::new(), replies: Vec::new() };
        bench.connect(PUBLISHER, false);
        bench
    }

    fn connect(&mut self, connection: ConnectionId, kept: bool) {
        let mut connect = Connect::new(Version::V311, format!("client-{:08}", connection.0));
        connect.clean_start = !kept;
        let access: Arc<dyn Access> = Arc::new(Unrestricted);
        let (principal, address, thing) = (None, None, None);
        let access = Ok(access);
        let connecting = Connecting { connection, connect, principal, address, thing, access };
        self.run(Input::Connect(Box::new(connecting)));
    }

    fn subscribe(&mut self, connection: ConnectionId, filter: String, qos: Qos) {
        let filters = vec![(filter, SubscriptionOptions::at(qos))];
        let subscribe = Subscribe { packet_id: PacketId::MIN, identifier: None, filters };
        self.run(Input::Packet(connection, ClientPacket::Subscribe(subscribe)));
    }

    fn publish(&mut self, message: &Message) {
        let packet_id = (message.qos != Qos::AtMostOnce).then_some(PacketId::MIN);
        let publish = Publish::new(packet_id, message.clone());
        self.run(Input::Packet(PUBLISHER, ClientPacket::Publish(publish)));
    }

    /// One input, and everything that follows from it.
    fn run(&mut self, input: Input) {
        self.replies.push(input);
        while let Some(input) = self.replies.pop() {
            self.core.handle(Timestamp::default(), input, &mut self.outputs);
            for output in self.outputs.drain(..) {
                match output {
                    Output::Send(connection, ServerPacket::Publish(delivery)) => {
                        self.replies.push(Input::Written(connection, delivery.size));
                        if let Some(id) = delivery.packet_id {
                            let ack = ClientPacket::PubAck(Ack::success(id));
                            self.replies.push(Input::Packet(connection, ack));
                        }
                    }
                    Output::Write(token, changes) => {
                        black_box(changes);
                        self.replies.push(Input::Committed(token));
                    }
                    other => drop(black_box(other)),
                }
            }
        }
    }
}

fn message(qos: Qos) -> Message {
    Message::new("lorawan/70b3d57ed005a1b2/up", vec![b'x'; 900], qos)
}

fn one_to_one(c: &mut Criterion) {
    let mut group = c.benchmark_group("routing");
    group.throughput(Throughput::Elements(1));
    for (name, qos, kept) in [
        ("one to one, QoS 0", Qos::AtMostOnce, false),
        ("one to one, QoS 1", Qos::AtLeastOnce, false),
        ("one to one, QoS 1, kept session", Qos::AtLeastOnce, true),
    ] {
        let mut bench = Bench::new();
        bench.connect(ConnectionId(1), kept);
        bench.subscribe(ConnectionId(1), "lorawan/+/up".into(), qos);
        let message = message(qos);
        group.bench_function(name, |b| b.iter(|| bench.publish(&message)));
    }
    group.finish();
}

fn one_to_thousand(c: &mut Criterion) {
    let mut group = c.benchmark_group("routing");
    group.throughput(Throughput::Elements(1000));
    for (name, qos) in
        [("one to 1000, QoS 0", Qos::AtMostOnce), ("one to 1000, QoS 1", Qos::AtLeastOnce)]
    {
        let mut bench = Bench::new();
        for n in 1..=1000 {
            bench.connect(ConnectionId(n), false);
            bench.subscribe(ConnectionId(n), "lorawan/#".into(), qos);
        }
        let message = message(qos);
        group.bench_function(name, |b| b.iter(|| bench.publish(&message)));
    }
    group.finish();
}

/// 15,000 clients with 105,000 subscriptions of their own, and one that is served.
fn past_idle_sessions(c: &mut Criterion) {
    let mut group = c.benchmark_group("routing");
    group.throughput(Throughput::Elements(1));
    let mut bench = Bench::new();
    for n in 1..=15_000 {
        bench.connect(ConnectionId(n), false);
        for kind in 0..7 {
            bench.subscribe(ConnectionId(n), format!("lorawan/{n:016x}/{kind}"), Qos::AtLeastOnce);
        }
    }
    bench.connect(ConnectionId(20_000), false);
    bench.subscribe(ConnectionId(20_000), "lorawan/+/up".into(), Qos::AtLeastOnce);
    let message = message(Qos::AtLeastOnce);
    group.bench_function("one to one past 15,000 idle, QoS 1", |b| {
        b.iter(|| bench.publish(&message));
    });
    group.finish();
}

criterion_group!(benches, one_to_one, one_to_thousand, past_idle_sessions);
criterion_main!(benches);
