//! What an uplink costs: parse, MIC, decrypt. With the schedules kept, and without.

use criterion::{Criterion, criterion_group, criterion_main};
use lns_lorawan::{
    AppSKey, DataUp, DevAddr, FCntUp, FCtrlUp, Frame, NwkSKey, PhyPayload, SessionKeys,
    SessionSchedules, Uplink11Ctx,
};
use std::hint::black_box;

fn open(bytes: &[u8], schedules: &SessionSchedules) -> usize {
    let Ok(Frame::Up(sealed)) = PhyPayload::parse(bytes) else { return 0 };
    let opened = sealed.open(schedules, FCntUp(70_000), Uplink11Ctx::default());
    opened.map_or(0, |uplink| uplink.frm_payload.len())
}

fn uplink(criterion: &mut Criterion) {
    let keys = SessionKeys::v1_0(&NwkSKey::from_bytes([1; 16]), AppSKey::from_bytes([2; 16]));
    let schedules = keys.schedules();
    let frame = DataUp {
        confirmed: false,
        dev_addr: DevAddr::new(0x2601_1bda),
        f_ctrl: FCtrlUp::default(),
        f_cnt_up: FCntUp(70_000),
        f_opts: &[],
        f_port: Some(1),
        frm_payload: &[0x55; 20],
    };
    let bytes = frame.build(&schedules, Uplink11Ctx::default()).expect("twenty bytes fit");
    assert_eq!(open(&bytes, &schedules), 20);

    criterion.bench_function("parse 20-byte uplink", |bencher| {
        bencher.iter(|| PhyPayload::parse(black_box(&bytes)).is_ok());
    });
    criterion.bench_function("parse, verify 20-byte uplink", |bencher| {
        bencher.iter(|| match PhyPayload::parse(black_box(&bytes)) {
            Ok(Frame::Up(sealed)) => {
                sealed.verify(&schedules, FCntUp(70_000), Uplink11Ctx::default())
            }
            _ => false,
        });
    });
    criterion.bench_function("parse, verify, decrypt 20-byte uplink", |bencher| {
        bencher.iter(|| open(black_box(&bytes), &schedules));
    });
    criterion.bench_function("the same with keys expanded each time", |bencher| {
        bencher.iter(|| open(black_box(&bytes), &keys.schedules()));
    });
}

criterion_group!(benches, uplink);
criterion_main!(benches);
