//! What one `rxpk` costs: its JSON alone, and the whole way from datagram to reception. The budget
//! of the JSON is 2 µs.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use gateway_bridge::counters::Counters;
use gateway_bridge::semtech::packet::PushData;
use gateway_bridge::semtech::session::{Config, Policy, Sessions};

const BODY: &str = r#"{"rxpk":[{"jver":1,"tmst":TMST,"time":"2019-05-27T12:42:40.117758Z","tmms":1242996179117,"chan":0,"rfch":0,"freq":865.062500,"mid": 0,"stat":1,"modu":"LORA","datr":"SF12BW125","codr":"4/5","rssis":-95,"lsnr":6.8,"foff":-1300,"rssi":-94,"size":20,"data":"QNbPNwABAQANyqD8ngiq26Hk4gs="}]}"#;

fn json(criterion: &mut Criterion) {
    let body = BODY.replace("TMST", "682631918");
    criterion.bench_function("JSON of one rxpk with every field", |bencher| {
        bencher.iter(|| PushData::parse(black_box(body.as_bytes())));
    });
}

fn datagram(criterion: &mut Criterion) {
    let from = "192.0.2.1:5000".parse().expect("an address");
    let counters = Arc::new(Counters::default());
    let mut sessions = Sessions::new(Config::default(), Policy::default(), counters);
    let (mut tmst, mut out) = (0_u32, Vec::new());
    criterion.bench_function("datagram to PUSH_ACK and reception", |bencher| {
        let next = || {
            tmst = tmst.wrapping_add(1000);
            let mut datagram = vec![2, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
            datagram.extend_from_slice(BODY.replace("TMST", &tmst.to_string()).as_bytes());
            (i64::from(tmst), datagram)
        };
        let handle = |(now, datagram): (i64, Vec<u8>)| {
            sessions.handle_datagram(now, from, black_box(&datagram), &mut out);
            out.drain(..).count()
        };
        bencher.iter_batched(next, handle, BatchSize::SmallInput);
    });
}

criterion_group!(benches, json, datagram);
criterion_main!(benches);
