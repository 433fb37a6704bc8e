//! What must be true of everything that left the server, over all its lives.

use std::collections::{HashMap, HashSet};

use system_tests::harness::{Application, Downlink, Gateway, OpenedDownlink, open_join_accept};

use super::fleet::{APP_KEY, DEVICES, Fleet, device_of, session};

/// A data frame down, by the device whose keys open it.
pub fn opened(downlink: &Downlink) -> Option<(u8, OpenedDownlink)> {
    (0..DEVICES).find_map(|device| Some((device, session(device).open(&downlink.bytes)?)))
}

/// Marks of downlinks that have left.
pub fn marks_sent(gateway: &Gateway) -> HashSet<String> {
    let downlinks = gateway.downlinks();
    let payloads = downlinks.iter().filter_map(|downlink| Some(opened(downlink)?.1.payload));
    payloads.map(|payload| String::from_utf8_lossy(&payload).into_owned()).collect()
}

/// Marks of downlinks of which the application was told that they are durable.
pub fn marks_queued(application: &Application) -> HashSet<String> {
    let queued = application.all(|message| message.text("Status") == "queued");
    queued.iter().map(|message| message.text("CorrelationId").to_owned()).collect()
}

/// No FCntDown, hence no keystream, for two different frames. How many frames there were.
pub fn no_counter_was_used_twice(gateway: &Gateway) -> usize {
    let mut used: HashMap<(u8, u16), Vec<u8>> = HashMap::new();
    for downlink in gateway.downlinks().iter().filter(|d| d.bytes.first() != Some(&0x20)) {
        let (device, frame) = opened(downlink).expect("a downlink is some device's");
        let first = used.entry((device, frame.f_cnt)).or_insert_with(|| downlink.bytes.clone());
        assert_eq!(
            *first, downlink.bytes,
            "FCntDown {} of device {device} was used for two frames",
            frame.f_cnt
        );
    }
    used.len()
}

/// No JoinNonce in two Join-Accepts, and no two Join-Accepts for a DevNonce. How many there were.
pub fn no_nonce_was_used_twice(fleet: &Fleet) -> usize {
    let (mut by_join_nonce, mut by_dev_nonce) = (HashMap::new(), HashMap::new());
    for downlink in fleet.gateway.downlinks().iter().filter(|d| d.bytes.first() == Some(&0x20)) {
        let join_nonce = open_join_accept(&downlink.bytes, APP_KEY).expect("a Join-Accept of ours");
        let before = by_join_nonce.insert(join_nonce, downlink.bytes.clone());
        assert!(
            before.is_none_or(|before| before == downlink.bytes),
            "JoinNonce {join_nonce} was used twice"
        );
        let tmst = downlink.tmst.expect("a Join-Accept has its time");
        let request =
            [5_000_000, 6_000_000].map(|delay| fleet.joins.get(&tmst.wrapping_sub(delay)));
        let dev_nonce = request.into_iter().flatten().next().expect("it answers a Join-Request");
        let before = by_dev_nonce.insert(*dev_nonce, join_nonce);
        assert!(
            before.is_none_or(|before| before == join_nonce),
            "DevNonce {dev_nonce} was accepted twice"
        );
    }
    by_join_nonce.len()
}

/// What was published is what was sent, under one EventId for each uplink, and each EventId means
/// one uplink. How many uplinks were published.
pub fn every_event_is_one_uplink(fleet: &Fleet, application: &Application) -> usize {
    let (mut ids, mut meanings) = (HashMap::new(), HashMap::new());
    for message in application.all(|message| device_of(message).is_some()) {
        let device = device_of(&message).expect("an uplink of ours");
        let f_cnt = message.f_cnt().and_then(|f_cnt| u32::try_from(f_cnt).ok()).expect("FCnt");
        assert_eq!(Some(&message.payload()), fleet.sent.get(&(device, f_cnt)), "{}", message.body);
        let id = message.text("EventId").to_owned();
        let first = ids.entry((device, f_cnt)).or_insert_with(|| id.clone());
        assert_eq!(*first, id, "uplink {f_cnt} of device {device} has two EventIds");
        let meaning = meanings.entry(id).or_insert((device, f_cnt));
        assert_eq!(*meaning, (device, f_cnt), "one EventId for two uplinks");
    }
    ids.len()
}

/// The confirmed uplinks whose acknowledgement has left.
pub fn acknowledged(fleet: &Fleet) -> HashSet<(u8, u32)> {
    let mut acknowledged = HashSet::new();
    for downlink in fleet.gateway.downlinks() {
        let Some((device, frame)) = opened(&downlink) else { continue };
        if !frame.ack {
            continue;
        }
        let tmst = downlink.tmst.expect("a class A downlink has its time");
        let uplink = [1_000_000, 2_000_000]
            .into_iter()
            .find_map(|delay| fleet.confirmed.get(&tmst.wrapping_sub(delay)));
        if let Some(uplink) = uplink {
            assert_eq!(uplink.0, device, "an ACK for another device's uplink");
            acknowledged.insert(*uplink);
        }
    }
    acknowledged
}

/// The largest published FCntUp of each device that has one.
pub fn last_published(application: &Application) -> HashMap<u8, u32> {
    let mut last = HashMap::new();
    for message in application.all(|message| device_of(message).is_some()) {
        let device = device_of(&message).expect("an uplink of ours");
        let f_cnt = message.f_cnt().and_then(|f_cnt| u32::try_from(f_cnt).ok()).expect("FCnt");
        let last = last.entry(device).or_insert(f_cnt);
        *last = f_cnt.max(*last);
    }
    last
}
