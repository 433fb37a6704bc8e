//! A session of LoRaWAN 1.1, activated by personalization.

use lns_core::Activation;
use lns_core::event::Fate;
use lns_core::mac::Ledger;
use lns_core::session::{Channels, DeviceChannel, Slot};
use lns_lorawan::{
    AppSKey, DataRateIndex, DataUp, FCntDown, FCntUp, FCtrlUp, FNwkSIntKey, Frame, MacVersion,
    NwkSEncKey, OpenedDownlink, PhyPayload, SNwkSIntKey, Scheme, SessionKeys, Uplink11Ctx,
};

use crate::bench::*;

fn keys() -> SessionKeys {
    SessionKeys {
        scheme: Scheme::V1_1,
        f_nwk_s_int_key: FNwkSIntKey::from_bytes([1; 16]),
        s_nwk_s_int_key: SNwkSIntKey::from_bytes([2; 16]),
        nwk_s_enc_key: NwkSEncKey::from_bytes([3; 16]),
        app_s_key: AppSKey::from_bytes([4; 16]),
    }
}

fn device() -> Bench {
    let activation = Activation::Abp { dev_addr: DEV_ADDR, keys: keys(), f_cnt_start: FCntUp(0) };
    Bench::new(eu868(MacVersion::V1_1_0), activation)
}

/// On channel 0 at DR5; `conf` is the counter of the downlink that it acknowledges.
fn up(f_cnt: u32, conf: Option<u16>) -> Vec<u8> {
    on_channel(0, f_cnt, conf)
}

fn on_channel(tx_ch: u8, f_cnt: u32, conf: Option<u16>) -> Vec<u8> {
    let f_ctrl = FCtrlUp { ack: conf.is_some(), ..FCtrlUp::default() };
    let frame = DataUp {
        confirmed: false,
        dev_addr: DEV_ADDR,
        f_ctrl,
        f_cnt_up: FCntUp(f_cnt),
        f_opts: &[0x02],
        f_port: Some(1),
        frm_payload: b"hello",
    };
    let tx_dr = DataRateIndex::new(5).unwrap();
    let context = Uplink11Ctx { conf_f_cnt: conf.unwrap_or(0), tx_dr, tx_ch };
    frame.build(&keys().schedules(), context).unwrap()
}

fn hear(bench: &mut Bench, bytes: &[u8]) -> lns_core::Step {
    let heard = bench.matched(bytes).unwrap();
    bench.step(lns_core::Event::Uplink(Box::new(heard)))
}

fn open(step: &lns_core::Step, f_cnt_down: u32) -> OpenedDownlink {
    let plan = transmitted(step).unwrap();
    assert_eq!(plan.f_cnt_down, Some(FCntDown(f_cnt_down)));
    let Frame::Down(sealed) = PhyPayload::parse(&plan.phy_payload).unwrap() else { panic!() };
    sealed.open(&keys().schedules(), FCntDown(f_cnt_down), 0).unwrap()
}

#[test]
fn the_mic_covers_data_rate_and_channel() {
    let mut bench = device();
    let step = hear(&mut bench, &up(0, None));
    assert_eq!(&*uplink(&step).unwrap().frm_payload, b"hello");
    // Another channel than the one it was sent on.
    bench.frequency = lns_lorawan::Frequency::from_hz(868_300_000);
    assert!(bench.matched(&up(1, None)).is_err());
}

#[test]
fn payloads_and_commands_have_counters_of_their_own() {
    let mut bench = device();
    hear(&mut bench, &up(0, None));
    open(&bench.offer(64, 64), 0);
    bench.enqueue(1, false, b"on");
    hear(&mut bench, &up(1, None));
    let first_of_application = open(&bench.offer(64, 64), 0);
    assert_eq!(&*first_of_application.frm_payload, b"on");
    assert_eq!(first_of_application.f_opts.len(), 3, "LinkCheckAns, encrypted and opened again");
    hear(&mut bench, &up(2, None));
    open(&bench.offer(64, 64), 1);
}

#[test]
fn an_acknowledgement_covers_the_counter_that_it_acknowledges() {
    let mut bench = device();
    bench.enqueue(1, true, b"on");
    hear(&mut bench, &up(0, None));
    let step = bench.offer(64, 64);
    let plan = transmitted(&step).unwrap().id;
    bench.outcome(plan, Fate::Accepted);
    assert!(bench.matched(&up(1, Some(7))).is_err());
    let step = hear(&mut bench, &up(1, Some(0)));
    assert_eq!(uplink(&step).unwrap().acked, Some(1));
}

/// What devices that took the text's other meaning acknowledge.
#[test]
fn an_acknowledgement_may_cover_the_last_downlink_of_either_counter() {
    for (what, conf, verifies) in [
        ("the confirmed one's", 6, true),
        ("the last with an application's port", 9, true),
        ("the last without", 12, true),
        ("any other", 7, false),
    ] {
        let mut bench = device();
        let session = bench.device.session.as_mut().unwrap();
        session.confirmed_f_cnt_down = Some(FCntDown(6));
        session.a_f_cnt_down.next = FCntDown(10);
        session.n_f_cnt_down.next = FCntDown(0x1_000d);
        assert_eq!(bench.matched(&up(0, Some(conf))).is_ok(), verifies, "{what}");
    }
}

#[test]
fn a_frame_may_come_on_a_channel_that_was_asked_for_and_not_confirmed_yet() {
    let extra = lns_lorawan::Frequency::from_hz(867_500_000);
    let with = |session: &lns_core::Session, slots: &[Slot]| {
        let before = session.current.channels.slots().map(|(_, slot)| slot);
        Channels::of(before.chain(slots.iter().copied()))
    };
    let mut bench = device();
    bench.frequency = extra;
    assert!(bench.matched(&on_channel(4, 0, None)).is_err(), "nobody knows of it");

    let session = bench.device.session.clone().unwrap();
    let rates = session.current.channels.slot(0).channel().unwrap().data_rates;
    let asked = Slot::Channel(DeviceChannel::new(extra, rates));
    let mut ledger = Ledger::new(&session.current);
    ledger.asked.channels = with(&session, &[Slot::Free, asked]);
    bench.device.mac.ledger = Some(Box::new(ledger));
    let heard = bench.matched(&on_channel(4, 0, None)).unwrap();
    assert_eq!(heard.channel, Some(4), "the MIC says which it was");

    bench.device.mac.ledger = None;
    let unknown = with(&session, &[Slot::Free, Slot::Unknown]);
    bench.device.session.as_mut().unwrap().current_mut().channels = unknown;
    assert_eq!(bench.matched(&on_channel(4, 0, None)).unwrap().channel, Some(4));
    assert!(bench.matched(&on_channel(5, 0, None)).is_err());
}

#[test]
fn of_two_channels_with_one_frequency_the_mic_says_which_it_was() {
    let mut bench = device();
    let session = bench.device.session.as_mut().unwrap();
    let first = session.current.channels.slot(0);
    let twice = session.current.channels.slots().map(|(_, slot)| slot).chain([first]);
    session.current_mut().channels = Channels::of(twice.collect::<Vec<_>>());
    for channel in [0, 3] {
        let bytes = on_channel(channel, u32::from(channel), None);
        assert_eq!(bench.matched(&bytes).unwrap().channel, Some(channel));
    }
}
