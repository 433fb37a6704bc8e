//! Joins of LoRaWAN 1.1, with a device that goes by the standard.

use std::sync::Arc;

use lns_core::effect::Durable;
use lns_core::event::Purpose;
use lns_core::{Activation, Command, Event, Note, Occasion, Profile, Reject, Step};
use lns_lorawan::mac::{DownlinkMacCommand, DownlinkMacCommands, RekeyMinor};
use lns_lorawan::{JoinAcceptFields, JoinReqType, MacVersion, OpenedDownlink, Scheme};

use crate::bench::*;
use crate::model::{Model, app_key_1_1, nwk_key};

pub fn otaa_1_1() -> Activation {
    Activation::Otaa11 { join_eui: Some(JOIN_EUI), nwk_key: nwk_key(), app_key: app_key_1_1() }
}

pub fn bench(change: impl FnOnce(&mut Profile)) -> Bench {
    let mut profile = eu868(MacVersion::V1_1_0);
    change(&mut profile);
    Bench::new(profile, otaa_1_1())
}

/// The server answers a Join-Request; the bytes of the Join-Accept.
pub fn answer_join(bench: &mut Bench, model: &mut Model) -> Vec<u8> {
    let asked = bench.join_with(&model.ask_to_join());
    assert!(opening(&asked).is_some(), "{:?}", asked.notes);
    let answered = bench.offer_join(&[64]);
    transmitted(&answered).expect("a Join-Accept").phy_payload.to_vec()
}

pub fn join(bench: &mut Bench, model: &mut Model) -> JoinAcceptFields {
    let accept = answer_join(bench, model);
    model.take_accept(&accept, JoinReqType::Join).expect("a good Join-Accept")
}

/// The server hears an uplink of the device.
pub fn hear(bench: &mut Bench, bytes: &[u8]) -> Result<Step, Reject> {
    bench.now += lns_lorawan::TimeDelta::from_secs(10);
    let heard = bench.matched(bytes)?;
    Ok(bench.step(Event::Uplink(Box::new(heard))))
}

/// The server answers, and the device hears it.
pub fn answer(bench: &mut Bench, model: &mut Model) -> Option<OpenedDownlink> {
    let offers = vec![bench.an_offer(1, lns_lorawan::Window::Rx1, 64)];
    let step =
        bench.step(Event::Occasion(Occasion { purpose: Purpose::ClassA, offers, shortage: None }));
    let bytes = transmitted(&step)?.phy_payload.to_vec();
    Some(model.hear(&bytes).expect("a downlink that it takes"))
}

pub fn commands(opened: &OpenedDownlink) -> Vec<DownlinkMacCommand> {
    DownlinkMacCommands::new(opened.mac_commands()).map(|command| command.unwrap()).collect()
}

const REKEY_CONF: DownlinkMacCommand = DownlinkMacCommand::RekeyConf(RekeyMinor { minor: 1 });

#[test]
fn a_join_ends_with_four_keys_and_rekey_conf() {
    let (mut bench, mut model) = (bench(|_| {}), Model::new());
    let fields = join(&mut bench, &mut model);
    assert!(fields.dl_settings.opt_neg);
    assert_eq!((fields.net_id.value(), fields.join_nonce.value()), (0x13, 1));

    let step = hear(&mut bench, &model.up(b"hello")).unwrap();
    assert_eq!(&*uplink(&step).unwrap().frm_payload, b"hello");
    assert!(step.notes.contains(&Note::SessionConfirmed { dev_addr: fields.dev_addr }));
    let opened = answer(&mut bench, &mut model).unwrap();
    assert_eq!(commands(&opened), [REKEY_CONF]);
    assert!(!model.life().rekeying);

    let step = hear(&mut bench, &model.up(b"more")).unwrap();
    assert_eq!(&*uplink(&step).unwrap().frm_payload, b"more");
    assert!(answer(&mut bench, &mut model).is_none(), "nothing more to say");
}

#[test]
fn rekey_ind_is_answered_until_the_answer_is_heard() {
    let (mut bench, mut model) = (bench(|_| {}), Model::new());
    join(&mut bench, &mut model);
    for counter in 0..4 {
        let frame = model.up(b"x");
        for _transmission in 0..2 {
            let step = hear(&mut bench, &frame).unwrap();
            assert!(opening(&step).unwrap().something_to_say, "{counter}");
            let sent = transmitted(&bench.offer(64, 64)).is_some();
            assert!(sent, "an answer that the device does not hear");
        }
    }
    hear(&mut bench, &model.up(b"x")).unwrap();
    let opened = answer(&mut bench, &mut model).unwrap();
    assert_eq!(commands(&opened), [REKEY_CONF]);
    assert_eq!(opened.f_cnt_down.0, 8, "each answer under a new NFCntDown");
}

#[test]
fn until_the_first_rekey_ind_the_old_session_goes_on_and_the_new_one_is_not_heard() {
    let (mut bench, mut model) = (bench(|_| {}), Model::new());
    join(&mut bench, &mut model);
    hear(&mut bench, &model.up(b"1")).unwrap();
    let mut old = model.life.clone();
    join(&mut bench, &mut model);

    let silent = model.up_with(&[], b"no RekeyInd");
    let heard = bench.matched(&silent).unwrap();
    let step = bench.step(Event::Uplink(Box::new(heard)));
    assert_refused(&step, Reject::RekeyIndMissing);

    std::mem::swap(&mut model.life, &mut old);
    hear(&mut bench, &model.up(b"2")).unwrap();
    std::mem::swap(&mut model.life, &mut old);
    hear(&mut bench, &model.up(b"3")).unwrap();
    model.life = old;
    assert!(hear(&mut bench, &model.up(b"4")).is_err(), "the old session is over");
}

#[test]
fn join_nonces_grow_whatever_is_lost() {
    let (mut bench, mut model) = (bench(|_| {}), Model::new());
    let mut last = None;
    for round in 0..20 {
        let accept = answer_join(&mut bench, &mut model);
        let record = bench.record();
        if round % 3 == 1 {
            bench.crash(&record);
        }
        if round % 2 == 1 {
            continue;
        }
        let fields = model.take_accept(&accept, JoinReqType::Join).expect("JoinNonce has grown");
        assert!(last < Some(fields.join_nonce));
        last = Some(fields.join_nonce);
    }
}

#[test]
fn a_counted_dev_nonce_is_not_taken_twice() {
    let (mut bench, mut model) = (bench(|_| {}), Model::new());
    let request = model.ask_to_join();
    bench.join_with(&request);
    let answered = bench.offer_join(&[64]);
    assert_eq!(answered.durable, Durable::Record, "a counter needs no ring of used nonces");
    bench.now += lns_lorawan::TimeDelta::from_secs(60);
    let again = bench.join_with(&request);
    assert_eq!(rejected(&again), Some(Reject::DevNonceNotAbove { got: 0, last: 0 }));
}

#[test]
fn a_profile_makes_a_1_1_device_fall_back_to_1_0() {
    let (mut bench, mut model) = (bench(|profile| profile.answer_as_1_0 = true), Model::new());
    let fields = join(&mut bench, &mut model);
    assert!(!fields.dl_settings.opt_neg);
    assert_eq!(bench.device.pending.as_ref().unwrap().mac_version, MacVersion::V1_0_4);
    let step = hear(&mut bench, &model.up(b"hello")).unwrap();
    assert_eq!(&*uplink(&step).unwrap().frm_payload, b"hello", "AppSKey is NwkKey's too");
    assert!(answer(&mut bench, &mut model).is_none());
}

#[test]
fn a_rekey_ind_that_nobody_may_send_is_noted_and_not_answered() {
    let mut bench = Bench::abp();
    let step = bench.hear(&Up { f_opts: &[0x0b, 0x01], ..Up::at(0) }).unwrap();
    assert!(step.notes.contains(&Note::UnexpectedMacAnswer { cid: 0x0b }));
    assert!(bench.listen().is_none());
}

#[test]
fn a_device_of_the_first_text_is_understood_by_profile() {
    let mut bench = bench(|profile| profile.f_opts_first_text = true);
    let mut model = Model::new();
    model.scheme = Scheme::V1_1FirstText;
    join(&mut bench, &mut model);
    hear(&mut bench, &model.up(b"hello")).unwrap();
    assert_eq!(commands(&answer(&mut bench, &mut model).unwrap()), [REKEY_CONF]);
}

#[test]
fn the_switch_of_the_text_works_on_a_session_and_no_counter_goes_back() {
    let (mut bench, mut model) = (bench(|_| {}), Model::new());
    join(&mut bench, &mut model);
    hear(&mut bench, &model.up(b"1")).unwrap();
    answer(&mut bench, &mut model).unwrap();

    let mut about = (*bench.device.about).clone();
    let mut profile = (*about.profile).clone();
    profile.f_opts_first_text = true;
    about.profile = Arc::new(profile);
    bench.step(Event::Command(Command::Describe(Arc::new(about))));
    model.life().keys.scheme = Scheme::V1_1FirstText;
    let link_check = model.up_with(&[0x02], b"2");
    hear(&mut bench, &link_check).unwrap();
    let opened = answer(&mut bench, &mut model).unwrap();
    assert!(matches!(commands(&opened)[..], [DownlinkMacCommand::LinkCheckAns(_)]));
    assert_eq!(opened.f_cnt_down.0, 1);
}
