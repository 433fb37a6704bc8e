//! What one `rxpk` costs. The budget is 2 µs.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use gateway_bridge::semtech::packet::PushData;

const BODY: &[u8] = br#"{"rxpk":[{"jver":1,"tmst":682631918,"time":"2019-05-27T12:42:40.117758Z","tmms":1242996179117,"chan":0,"rfch":0,"freq":865.062500,"mid": 0,"stat":1,"modu":"LORA","datr":"SF12BW125","codr":"4/5","rssis":-95,"lsnr":6.8,"foff":-1300,"rssi":-94,"size":20,"data":"QNbPNwABAQANyqD8ngiq26Hk4gs="}]}"#;

fn push_data(criterion: &mut Criterion) {
    criterion.bench_function("one rxpk with every field", |bencher| {
        bencher.iter(|| PushData::parse(black_box(BODY)));
    });
}

criterion_group!(benches, push_data);
criterion_main!(benches);
