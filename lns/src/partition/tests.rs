//! Turns, given and then: what must be durable, what waits for it, and what a panic costs.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use lns_core::adr::Policy;
use lns_core::profile::Activation;
use lns_core::{Description, Event, Network, Note, Profile, Reception, Reject};
use lns_lorawan::{
    AppSKey, DataUp, Db, Dbm, DevAddr, DevEui, FCntUp, FCtrlUp, Frequency, GatewayEui, MacVersion,
    NetId, NwkSKey, RegParamsRevision, Region, SessionKeys, TimeDelta, Timestamp, Tmst,
    Uplink11Ctx,
};

use super::*;
use crate::message::{HeardFrame, Reply};
use crate::store::{Table, Write};

const DEVICE: DevEui = DevEui::new(0x70b3_d57e_d000_0001);

fn keys() -> SessionKeys {
    SessionKeys::v1_0(&NwkSKey::from_bytes([1; 16]), AppSKey::from_bytes([2; 16]))
}

fn about() -> Arc<Description> {
    let (version, revision) = (MacVersion::V1_0_3, RegParamsRevision::Rp001_1_0_3A);
    Arc::new(Description {
        dev_eui: DEVICE,
        name: "attic".into(),
        activation: Activation::Abp {
            dev_addr: DevAddr::new(0x0100_0001),
            keys: keys(),
            f_cnt_start: FCntUp(0),
        },
        profile: Arc::new(Profile::new(Region::Eu868, version, revision)),
        adr: Policy::default(),
    })
}

/// A partition with one personalized device, and the turn that made it.
fn partition() -> (Partition, Turn) {
    let network = Network {
        net_id: NetId::new(0).expect("a NetID"),
        sub_band: None,
        extra_channels: Vec::new(),
        queue_limit: 10,
    };
    let settings = Settings {
        index: 0,
        network: Arc::new(network),
        dedup_limit: TimeDelta::from_millis(200),
        addresses: NetId::new(0).expect("a NetID").prefix(),
        rx_delay: None,
        gateways: Arc::default(),
        delivered: watermarks(),
    };
    let mut partition = Partition::new(settings, Dice::new(1), Loaded::default());
    let command = lns_core::Command::Describe(about());
    let message = ToPartition::Command { dev_eui: DEVICE, command, reply: Reply::nobody() };
    let mut turn = Turn::default();
    partition.handle(Timestamp::from_secs(100), message, &mut turn);
    partition.finish(&mut turn);
    (partition, turn)
}

fn frame(f_cnt_up: u32, at: Timestamp) -> HeardFrame {
    frame_with(f_cnt_up, at, b"hello")
}

fn frame_with(f_cnt_up: u32, at: Timestamp, payload: &[u8]) -> HeardFrame {
    let up = DataUp {
        confirmed: false,
        dev_addr: DevAddr::new(0x0100_0001),
        f_ctrl: FCtrlUp::default(),
        f_cnt_up: FCntUp(f_cnt_up),
        f_opts: &[],
        f_port: Some(1),
        frm_payload: payload,
    };
    let bytes = up.build(&keys().schedules(), Uplink11Ctx::default()).expect("it is short");
    HeardFrame {
        digest: lns_core::dedup::digest(&bytes),
        bytes: bytes.into(),
        reception: Reception {
            gateway: GatewayEui::new(1),
            arrived: at,
            air_time: at,
            tmst: Tmst(at.micros() as u32),
            boot_epoch: 1,
            token: Box::default(),
            frequency: Frequency::from_hz(868_100_000),
            modulation: "SF7BW125".parse().expect("a modulation"),
            coding_rate: "4/5".into(),
            rssi: Dbm::from_whole(-60),
            snr: Db::from_whole(9),
            channel: Some(0),
            rf_chain: Some(0),
            antenna: None,
            gateway_time: None,
            tmms: None,
        },
        region: Region::Eu868,
        then: 0,
    }
}

/// A frame is heard, and what is gathered closes.
fn hear(partition: &mut Partition, f_cnt_up: u32, second: i64) -> Turn {
    let at = Timestamp::from_secs(second);
    let mut turn = Turn::default();
    partition.handle(at, ToPartition::Heard(frame(f_cnt_up, at)), &mut turn);
    partition.wake(at + TimeDelta::from_millis(300), &mut turn);
    partition.finish(&mut turn);
    turn
}

fn puts(turn: &Turn, wanted: Table) -> usize {
    let is_put = |write: &&Write| matches!(write, Write::Put { table, .. } if *table == wanted);
    turn.batch.writes.iter().filter(is_put).count()
}

fn published(turn: &Turn) -> usize {
    let is = |release: &&Release| matches!(release, Release::Publish(_));
    turn.batch.releases.iter().filter(is).count()
}

#[test]
fn a_new_device_is_durable_before_its_address_is_known_and_its_creator_told() {
    let (_, turn) = partition();
    assert_eq!(puts(&turn, Table::DeviceState), 1);
    let [Release::Addresses { now, .. }, Release::Reply(_, Ok(()))] = &turn.batch.releases[..]
    else {
        panic!("addresses, then the reply");
    };
    assert_eq!(now, &[DevAddr::new(0x0100_0001)]);
}

#[test]
fn an_uplink_is_one_record_and_one_event_that_waits_for_it() {
    let (mut partition, _) = partition();
    let turn = hear(&mut partition, 0, 200);
    assert_eq!((puts(&turn, Table::DeviceState), published(&turn)), (1, 1));
    let again = hear(&mut partition, 0, 205);
    assert_eq!(published(&again), 0, "a repeat is not delivered again");
}

#[test]
fn events_that_no_sink_has_had_are_spilled_before_the_record_drops_them() {
    let (mut partition, _) = partition();
    let spilled: Vec<usize> = (0..4_u32)
        .map(|count| {
            let turn = hear(&mut partition, count, 200 + i64::from(count) * 10);
            let event = turn
                .batch
                .writes
                .iter()
                .position(|write| matches!(write, Write::Put { table: Table::Events, .. }));
            let record =
                turn.batch.writes.iter().position(|write| {
                    matches!(write, Write::Put { table: Table::DeviceState, .. })
                });
            assert!(event.is_none_or(|event| Some(event) < record), "the event first");
            puts(&turn, Table::Events)
        })
        .collect();
    assert_eq!(spilled, [0, 0, 1, 1]);

    let home = usize::from(lns_core::device::home_of(DEVICE));
    partition.settings.delivered[home].store(4, Ordering::Release);
    let turn = hear(&mut partition, 4, 300);
    let deletes = turn
        .batch
        .writes
        .iter()
        .filter(|write| matches!(write, Write::Delete { table: Table::Events, .. }));
    assert_eq!((deletes.count(), puts(&turn, Table::Events)), (2, 0), "delivered ones are swept");
}

#[test]
fn a_panic_while_deciding_costs_one_frame_and_keeps_it() {
    let (mut partition, _) = partition();
    partition.sabotage = Some(|event| {
        assert!(!matches!(event, Event::Uplink(_)), "a bug");
    });
    let turn = hear(&mut partition, 0, 200);
    let bug =
        |seen: &Seen| seen.note == Note::Rejected(Reject::Bug) && seen.dev_eui == Some(DEVICE);
    assert!(turn.seen.iter().any(bug), "{:?}", turn.seen);
    assert_eq!((published(&turn), puts(&turn, Table::DeviceState)), (0, 0));
    let [Write::Put { table: Table::Meta, value, .. }] = &turn.batch.writes[..] else {
        panic!("the frame is kept: {:?}", turn.batch.writes);
    };
    assert!(value.ends_with(&frame(0, Timestamp::from_secs(200)).bytes));

    partition.sabotage = None;
    assert_eq!(published(&hear(&mut partition, 0, 210)), 1, "the device is as it was");
}

#[test]
fn a_forgotten_device_leaves_nothing_behind() {
    let (mut partition, _) = partition();
    hear(&mut partition, 0, 200);
    let mut turn = Turn::default();
    let message = ToPartition::Forget { dev_eui: DEVICE, reply: Reply::nobody() };
    partition.handle(Timestamp::from_secs(201), message, &mut turn);
    partition.finish(&mut turn);
    let gone = |wanted| {
        let is =
            move |write: &&Write| matches!(write, Write::Delete { table, .. } if *table == wanted);
        turn.batch.writes.iter().filter(is).count()
    };
    assert_eq!((gone(Table::DeviceState), gone(Table::DevNonces)), (1, 1));
    let turn = hear(&mut partition, 1, 210);
    let unknown = |seen: &Seen| seen.note == Note::Rejected(Reject::UnknownDevAddr);
    assert!(turn.seen.iter().any(unknown));
}

#[test]
fn a_frame_that_waits_for_copies_is_not_overtaken_by_the_next_one() {
    let (mut partition, _) = partition();
    let at = Timestamp::from_secs(200);
    let next = at + TimeDelta::from_millis(100);
    let mut turn = Turn::default();
    partition.handle(at, ToPartition::Heard(frame(0, at)), &mut turn);
    partition.handle(next, ToPartition::Heard(frame(1, next)), &mut turn);
    partition.wake(next + TimeDelta::from_millis(300), &mut turn);
    partition.finish(&mut turn);
    assert_eq!(published(&turn), 2);
}

/// A class C device that was heard, in a partition whose lanes answer as told.
fn in_class_c() -> Partition {
    let (mut partition, _) = partition();
    let mut about = (*about()).clone();
    Arc::make_mut(&mut about.profile).supports_class_c = true;
    let command = lns_core::Command::Describe(Arc::new(about));
    let message = ToPartition::Command { dev_eui: DEVICE, command, reply: Reply::nobody() };
    partition.handle(Timestamp::from_secs(150), message, &mut Turn::default());
    hear(&mut partition, 0, 200);
    partition.wake(Timestamp::from_secs(203), &mut Turn::default());
    partition
}

fn enqueue(partition: &mut Partition, at: Timestamp) -> Turn {
    let item = lns_core::event::QueueItem {
        id: 1,
        f_port: 10,
        payload: b"on".as_slice().into(),
        confirmed: false,
        correlation_id: None,
        queued_at: at,
        expires_at: None,
    };
    let command = lns_core::Command::Enqueue(item);
    let message = ToPartition::Command { dev_eui: DEVICE, command, reply: Reply::nobody() };
    let mut turn = Turn::default();
    partition.handle(at, message, &mut turn);
    partition.wake(at, &mut turn);
    partition.finish(&mut turn);
    turn
}

fn asked(turn: &Turn) -> Vec<(OccasionId, lns_core::event::Purpose)> {
    let asked = turn.lanes.iter().filter_map(|message| match message {
        ToLanes::Ask { occasion, opening } => Some((*occasion, opening.purpose)),
        _ => None,
    });
    asked.collect()
}

#[test]
fn what_is_queued_in_class_c_asks_the_lanes_in_the_same_turn_and_again_when_they_have_no_place() {
    let mut partition = in_class_c();
    let now = Timestamp::from_secs(300);
    let turn = enqueue(&mut partition, now);
    let [(occasion, lns_core::event::Purpose::ClassC)] = asked(&turn)[..] else {
        panic!("one question: {:?}", asked(&turn));
    };
    let mut turn = Turn::default();
    let nothing = ToPartition::Offers { occasion, offers: Vec::new(), shortage: None };
    partition.handle(now, nothing, &mut turn);
    partition.wake(now, &mut turn);
    assert!(turn.seen.iter().any(|seen| seen.note == Note::NoOffer));
    let again = partition.next_wake().expect("a pause");
    assert!(again > now && again < now + TimeDelta::from_secs(1));
    let mut turn = Turn::default();
    partition.wake(again, &mut turn);
    assert_eq!(asked(&turn).len(), 1);
}

#[test]
fn a_class_c_device_that_has_just_sent_is_not_spoken_to_before_its_frame_is_understood() {
    let mut partition = in_class_c();
    let at = Timestamp::from_secs(300);
    let mut turn = Turn::default();
    partition.handle(at, ToPartition::Heard(frame(1, at)), &mut turn);
    let turn = enqueue(&mut partition, at + TimeDelta::from_millis(5));
    assert_eq!(asked(&turn), [], "its copies are being gathered");
    let mut turn = Turn::default();
    partition.wake(at + TimeDelta::from_millis(300), &mut turn);
    let purposes: Vec<_> = asked(&turn).into_iter().map(|(_, purpose)| purpose).collect();
    assert_eq!(purposes, [lns_core::event::Purpose::ClassA]);
}

#[test]
fn a_device_that_counts_anew_is_told_of_once_and_heard_again_when_somebody_allows_it() {
    let (mut partition, _) = partition();
    for f_cnt in 0..5 {
        hear(&mut partition, f_cnt, 200 + 10 * i64::from(f_cnt));
    }
    let mut send = |f_cnt: u32, second: i64, command: Option<lns_core::Command>| {
        let at = Timestamp::from_secs(second);
        let mut turn = Turn::default();
        if let Some(command) = command {
            let message = ToPartition::Command { dev_eui: DEVICE, command, reply: Reply::nobody() };
            partition.handle(at, message, &mut turn);
        }
        let frame = frame_with(f_cnt, at, b"anew");
        partition.handle(at, ToPartition::Heard(frame), &mut turn);
        partition.wake(at + TimeDelta::from_millis(300), &mut turn);
        partition.finish(&mut turn);
        let rejected = turn.seen.iter().find_map(|seen| match &seen.note {
            Note::Rejected(reject) => Some((*reject, seen.dev_eui)),
            _ => None,
        });
        (rejected, published(&turn))
    };
    let reset = |got| Some((Reject::FCntReset { got, last: 4 }, Some(DEVICE)));
    assert_eq!(send(0, 300, None), (reset(0), 1), "refused, and the application is told");
    assert_eq!(send(1, 310, None), (reset(1), 0), "once");
    let allow = Some(lns_core::Command::AllowReset);
    assert_eq!(send(2, 320, allow), (None, 2), "its counters begin anew, and its uplink");
    assert_eq!(send(3, 330, None), (None, 1));
}

#[test]
fn what_matching_scans_follows_the_device() {
    let (mut partition, _) = partition();
    for f_cnt in 0..3 {
        hear(&mut partition, f_cnt, 200 + 10 * i64::from(f_cnt));
        let devices = partition.devices();
        let [(slot, row)] = devices.under(DevAddr::new(0x0100_0001)) else { panic!("one") };
        let device = devices.device(*slot).expect("it is there");
        let now = lns_core::device::matching::Row::of(device, lns_core::event::Under::Current);
        assert_eq!(Some(row), now.as_ref());
    }
}

/// A gateway that stores and forwards: the frame is delivered, and no window of it is asked for.
#[test]
fn a_frame_that_comes_minutes_after_its_air_time_is_delivered_and_not_answered() {
    let (mut partition, _) = partition();
    for (lag, answered) in [(20, true), (120_000, false)] {
        let on_air = Timestamp::from_secs(1_000 + lag);
        let f_cnt = u32::from(!answered);
        let mut heard = frame(f_cnt, on_air);
        heard.reception.arrived = on_air + TimeDelta::from_millis(lag);
        let bytes = confirmed(f_cnt);
        heard.digest = lns_core::dedup::digest(&bytes);
        heard.bytes = bytes.into();
        let now = heard.reception.arrived;
        let mut turn = Turn::default();
        partition.handle(now, ToPartition::Heard(heard), &mut turn);
        partition.wake(now + TimeDelta::from_millis(300), &mut turn);
        partition.finish(&mut turn);
        assert_eq!(published(&turn), 1);
        assert_eq!(asked(&turn).len(), usize::from(answered), "{lag} ms late");
    }
}

fn confirmed(f_cnt_up: u32) -> Vec<u8> {
    let up = DataUp {
        confirmed: true,
        dev_addr: DevAddr::new(0x0100_0001),
        f_ctrl: FCtrlUp::default(),
        f_cnt_up: FCntUp(f_cnt_up),
        f_opts: &[],
        f_port: Some(1),
        frm_payload: b"hello",
    };
    up.build(&keys().schedules(), Uplink11Ctx::default()).expect("it is short")
}
