//! What a 1.1 device says of itself until it is confirmed, and what it is made to do.

use lns_core::class::Class;
use lns_core::mac::force_rejoin::{ForceRejoin, MOST_TRIES, RejoinType};
use lns_core::session::RejoinPeriod;
use lns_core::{Activation, Command, Event, Note};
use lns_lorawan::JoinReqType::{Rejoin0, Rejoin2};
use lns_lorawan::mac::{
    DeviceMode, DownlinkMacCommand, ForceRejoinReq, RejoinParamSetupReq, ResetMinor,
};
use lns_lorawan::{
    AppSKey, DataRateIndex, FCntUp, FNwkSIntKey, MacVersion, NetId, NwkSEncKey, RxDelay,
    SNwkSIntKey, Scheme, SessionKeys,
};

use crate::bench::*;
use crate::join_1_1::{answer, bench, commands, hear, join};
use crate::model::{Life, Model};

const RESET_CONF: DownlinkMacCommand = DownlinkMacCommand::ResetConf(ResetMinor { minor: 1 });

fn keys() -> SessionKeys {
    SessionKeys {
        scheme: Scheme::V1_1,
        f_nwk_s_int_key: FNwkSIntKey::from_bytes([1; 16]),
        s_nwk_s_int_key: SNwkSIntKey::from_bytes([2; 16]),
        nwk_s_enc_key: NwkSEncKey::from_bytes([3; 16]),
        app_s_key: AppSKey::from_bytes([4; 16]),
    }
}

/// A personalized device, and what the server knows of it.
fn personalized() -> (Bench, Model) {
    let activation = Activation::Abp { dev_addr: DEV_ADDR, keys: keys(), f_cnt_start: FCntUp(0) };
    let mut profile = eu868(MacVersion::V1_1_0);
    profile.rx_delay = RxDelay::new(3);
    let mut model = Model::new();
    model.life = Some(Life {
        dev_addr: DEV_ADDR,
        net_id: NetId::new(0).unwrap(),
        keys: keys(),
        f_cnt_up: 0,
        f_cnt_down: [0, 0],
        to_acknowledge: None,
        rekeying: false,
        rj_count0: 0,
    });
    (Bench::new(profile, activation), model)
}

fn joined() -> (Bench, Model) {
    let (mut bench, mut model) = (bench(|profile| profile.supports_class_c = true), Model::new());
    join(&mut bench, &mut model);
    hear(&mut bench, &model.up(b"1")).unwrap();
    answer(&mut bench, &mut model).unwrap();
    (bench, model)
}

#[test]
fn reset_ind_puts_the_parameters_back_and_no_counter() {
    let (mut bench, mut model) = personalized();
    for _ in 0..3 {
        hear(&mut bench, &model.up_with(&[0x02], b"x")).unwrap();
        answer(&mut bench, &mut model).unwrap();
    }
    let factory = personalized().0.device.session.unwrap().current;
    let session = bench.device.session.as_mut().unwrap();
    session.current_mut().max_duty_cycle = Some(4);
    session.current_mut().rx.rx_delay = RxDelay::new(9).unwrap();

    hear(&mut bench, &model.up_with(&[0x01, 0x01], b"reset")).unwrap();
    let session = bench.device.session.as_ref().unwrap();
    assert_eq!(session.current.rx, factory.rx);
    assert_eq!(session.current.max_duty_cycle, factory.max_duty_cycle);
    assert_eq!((session.f_cnt_up, session.n_f_cnt_down.next.0), (Some(FCntUp(3)), 3));
    let opened = answer(&mut bench, &mut model).unwrap();
    assert!(commands(&opened).contains(&RESET_CONF));
    assert_eq!(opened.f_cnt_down.0, 3);
}

#[test]
fn reset_ind_of_a_device_that_has_joined_is_ignored() {
    let (mut bench, mut model) = joined();
    let session = bench.device.session.as_mut().unwrap();
    session.current_mut().max_duty_cycle = Some(4);
    let step = hear(&mut bench, &model.up_with(&[0x01, 0x01], b"x")).unwrap();
    assert!(step.notes.contains(&Note::UnexpectedMacAnswer { cid: 0x01 }));
    assert_eq!(bench.device.session.as_ref().unwrap().current.max_duty_cycle, Some(4));
}

#[test]
fn device_mode_changes_the_class_and_is_confirmed_until_it_is_heard() {
    let (mut bench, mut model) = joined();
    assert_eq!(bench.device.class(), Class::A);
    for _ in 0..2 {
        hear(&mut bench, &model.up_with(&[0x20, 0x02], b"x")).unwrap();
        assert_eq!(bench.device.class(), Class::C);
    }
    let opened = answer(&mut bench, &mut model).unwrap();
    let conf = |mode| DownlinkMacCommand::DeviceModeConf(mode);
    assert!(commands(&opened).contains(&conf(DeviceMode::ClassC)));
    let step = hear(&mut bench, &model.up_with(&[0x20, 0x00], b"x")).unwrap();
    assert!(step.notes.contains(&Note::ClassChanged { class: Class::A }));
    let opened = answer(&mut bench, &mut model).unwrap();
    assert!(commands(&opened).contains(&conf(DeviceMode::ClassA)));
}

#[test]
fn a_mode_that_means_nothing_and_one_of_a_1_0_device_are_not_confirmed() {
    let (mut bench, mut model) = joined();
    let step = hear(&mut bench, &model.up_with(&[0x20, 0x07], b"x")).unwrap();
    assert!(step.notes.contains(&Note::UnexpectedMacAnswer { cid: 0x20 }));
    let mut old = Bench::abp();
    let step = old.hear(&Up { f_opts: &[0x20, 0x02], ..Up::at(0) }).unwrap();
    assert!(step.notes.contains(&Note::UnexpectedMacAnswer { cid: 0x20 }));
    assert_eq!(old.device.class(), Class::A);
}

#[test]
fn who_joins_again_is_in_class_a_and_who_rejoins_stays_in_its_class() {
    let (mut bench, mut model) = joined();
    hear(&mut bench, &model.up_with(&[0x20, 0x02], b"x")).unwrap();
    for kind in [Rejoin0, Rejoin2] {
        bench.join_with(&model.ask_to_rejoin(kind));
        let accept = transmitted(&bench.offer_join(&[64])).unwrap().phy_payload.to_vec();
        model.take_accept(&accept, kind).unwrap();
        hear(&mut bench, &model.up(b"x")).unwrap();
        assert_eq!(bench.device.class(), Class::C, "{kind:?}");
    }
    join(&mut bench, &mut model);
    hear(&mut bench, &model.up(b"x")).unwrap();
    assert_eq!(bench.device.class(), Class::A);
}

#[test]
fn how_often_a_device_rejoins_is_asked_until_it_answers() {
    for time_ok in [0, 1] {
        let period = RejoinPeriod { max_time_n: 10, max_count_n: 4 };
        let (mut bench, mut model) = (bench(|profile| profile.rejoin = Some(period)), Model::new());
        join(&mut bench, &mut model);
        let request = RejoinParamSetupReq { max_time_n: 10, max_count_n: 4 };
        let asked = DownlinkMacCommand::RejoinParamSetupReq(request);
        for _ in 0..2 {
            hear(&mut bench, &model.up(b"x")).unwrap();
            let opened = answer(&mut bench, &mut model).unwrap();
            assert!(commands(&opened).contains(&asked));
        }
        hear(&mut bench, &model.up_with(&[0x0f, time_ok], b"x")).unwrap();
        assert_eq!(bench.device.session.as_ref().unwrap().current.rejoin, Some(period));
        hear(&mut bench, &model.up(b"x")).unwrap();
        assert!(answer(&mut bench, &mut model).is_none(), "{time_ok}");
    }
    let (mut personalized, mut model) = personalized();
    let mut profile = (*personalized.device.about.profile).clone();
    profile.rejoin = Some(RejoinPeriod { max_time_n: 10, max_count_n: 4 });
    let mut about = (*personalized.device.about).clone();
    about.profile = std::sync::Arc::new(profile);
    let describe = Command::Describe(std::sync::Arc::new(about));
    personalized.step(Event::Command(describe));
    hear(&mut personalized, &model.up_with(&[0x02], b"x")).unwrap();
    let opened = answer(&mut personalized, &mut model).unwrap();
    let rejoin = |command: &DownlinkMacCommand| command.cid() == 0x0f;
    assert!(!commands(&opened).iter().any(rejoin), "it has nothing to rejoin with");
}

const WISH: ForceRejoin = ForceRejoin {
    rejoin_type: RejoinType::Rekey,
    data_rate: DataRateIndex::DR0,
    period: 1,
    max_retries: 2,
};

fn force(bench: &mut Bench) {
    bench.step(Event::Command(Command::ForceRejoin(WISH)));
}

/// Whether the server asks for a rejoin in answer to an uplink, which the device does not hear.
fn asks(bench: &mut Bench, model: &mut Model) -> bool {
    hear(bench, &model.up(b"x")).unwrap();
    let mut listener = model.life.clone();
    std::mem::swap(&mut model.life, &mut listener);
    let opened = answer(bench, model);
    model.life = listener;
    let wanted =
        ForceRejoinReq { period: 1, max_retries: 2, rejoin_type: 2, data_rate: DataRateIndex::DR0 };
    let is_it =
        |command: &DownlinkMacCommand| *command == DownlinkMacCommand::ForceRejoinReq(wanted);
    opened.is_some_and(|opened| commands(&opened).iter().any(is_it))
}

#[test]
fn a_wish_to_rejoin_is_told_ever_less_often_and_then_given_up() {
    let (mut bench, mut model) = joined();
    force(&mut bench);
    let mut told_at = Vec::new();
    for uplink in 0..200 {
        let record = bench.record();
        bench.crash(&record);
        if asks(&mut bench, &mut model) {
            told_at.push(uplink);
        }
    }
    assert_eq!(told_at, [0, 2, 6, 14, 30, 62]);
    assert_eq!(told_at.len(), usize::from(MOST_TRIES));
    assert_eq!(bench.device.rejoining().forced, None);
}

#[test]
fn a_rejoin_ends_the_wish() {
    let (mut bench, mut model) = joined();
    force(&mut bench);
    assert!(asks(&mut bench, &mut model));
    bench.join_with(&model.ask_to_rejoin(Rejoin2));
    let accept = transmitted(&bench.offer_join(&[64])).unwrap().phy_payload.to_vec();
    model.take_accept(&accept, Rejoin2).unwrap();
    for _ in 0..20 {
        assert!(!asks(&mut bench, &mut model));
    }
}

#[test]
fn nobody_is_made_to_rejoin_who_cannot() {
    for mut bench in [Bench::abp(), personalized().0, Bench::new(eu868(MacVersion::V1_0_4), otaa())]
    {
        assert!(!bench.device.can_rejoin());
        force(&mut bench);
        assert_eq!(bench.device.rejoining().forced, None);
    }
}

#[test]
fn an_acknowledgement_in_1_1_covers_the_uplink_that_it_acknowledges() {
    let (mut bench, mut model) = joined();
    let bytes = model.up_confirmed(b"are you there?");
    hear(&mut bench, &bytes).unwrap();
    let opened = answer(&mut bench, &mut model).expect("the model checks ConfFCnt");
    assert!(opened.f_ctrl.ack);
}
