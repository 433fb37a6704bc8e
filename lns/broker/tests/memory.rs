//! What an idle client costs. A process of its own, because it is the process that is measured.

use std::sync::Arc;

use lns_broker::{
    Access, ClientPacket, Config, Connect, Connecting, ConnectionId, Core, Input, PacketId, Qos,
    Subscribe, SubscriptionOptions, Timestamp, Unrestricted, Version,
};

const SESSIONS: u64 = 15_000;

/// Bytes of memory that the process has, as Linux counts them.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux tells");
    let pages: usize = statm.split(' ').nth(1).and_then(|n| n.parse().ok()).expect("a number");
    pages * 4096
}

#[test]
fn fifteen_thousand_idle_sessions_with_subscriptions_stay_small() {
    let mut core = Core::new(Config::default());
    let mut outputs = Vec::new();
    let now = Timestamp::from_micros(0);
    let access: Arc<dyn Access> = Arc::new(Unrestricted);
    let before = resident();
    for n in 0..SESSIONS {
        let connection = ConnectionId(n);
        let mut connect = Connect::new(Version::V311, format!("device-{n:016x}"));
        connect.keep_alive = 1200;
        let (principal, address) = (None, Some(([127, 0, 0, 1], 1883).into()));
        let access = Ok(access.clone());
        let connecting =
            Connecting { connection, connect, principal, address, thing: None, access };
        core.handle(now, Input::Connect(Box::new(connecting)), &mut outputs);
        let filters = ["down", "config"].map(|kind| {
            (format!("lorawan/{n:016x}/{kind}"), SubscriptionOptions::at(Qos::AtLeastOnce))
        });
        let (packet_id, identifier) = (PacketId::MIN, None);
        let subscribe = Subscribe { packet_id, identifier, filters: filters.into() };
        core.handle(
            now,
            Input::Packet(connection, ClientPacket::Subscribe(subscribe)),
            &mut outputs,
        );
        outputs.clear();
    }
    let each = (resident() - before) / SESSIONS as usize;
    println!("{each} bytes for an idle connected client with two subscriptions of its own");
    assert_eq!(core.status().subscriptions, 2 * SESSIONS as usize);
    assert!(each < 4096, "{each} bytes for each idle session");
}
