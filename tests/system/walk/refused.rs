//! Frames that are refused, each by its name; and bytes that are no frames.

use std::time::Duration;

use system_tests::harness::{AbpSession, Emission, eventually};

use crate::{DEV_EUI, Terms, Walk};

crate::in_every_region! {
    refused_frames_are_counted_by_reason_and_not_delivered
    garbage_costs_nothing_but_itself
}

fn refused_frames_are_counted_by_reason_and_not_delivered(terms: Terms) {
    let mut walk = Walk::joined(terms);
    let http = walk.live.http();
    walk.node.report(2, b"\x00\x00");
    let replayed = walk.node.sent();
    let sent_at = walk.node.sent_at();
    walk.node.report(2, b"\x00\x01");
    walk.application.uplink(DEV_EUI, 1);

    // Within a second it would be another reception of the same transmission.
    std::thread::sleep(Duration::from_millis(1100).saturating_sub(sent_at.elapsed()));
    walk.gateway.hear(&replayed);
    eventually("the replay", || http.rejects("f_cnt_replayed") == 1.0);

    let stranger = AbpSession { dev_addr: 0x01ff_ffff, ..walk.node.keys() };
    let frame = stranger.uplink(7, 2, b"\x00\x02", false);
    walk.gateway.hear(&Emission { bytes: frame, ..replayed.clone() });
    eventually("the unknown DevAddr", || http.rejects("unknown_dev_addr") == 1.0);

    let thief = AbpSession { nwk_s_key: [3; 16], ..walk.node.keys() };
    let frame = thief.uplink(7, 2, b"\x00\x03", false);
    walk.gateway.hear(&Emission { bytes: frame, ..replayed.clone() });
    eventually("the wrong key", || http.rejects("mic_mismatch") == 1.0);

    walk.node.report(2, b"\x00\x04");
    walk.application.uplink(DEV_EUI, 2);
    assert_eq!(walk.application.all(|message| message.is(DEV_EUI, "up")).len(), 3);
    walk.end();
}

fn garbage_costs_nothing_but_itself(terms: Terms) {
    let mut walk = Walk::joined(terms);
    let header = [2, 0, 0, 0, 0, 0x16, 0xc0, 1, 0xff, 0x10, 0xd4, 0x46];
    let broken = [
        &b""[..],
        b"\x02",
        b"\xff\xff\xff\xff\xff\xff",
        &[&header[..], b"{\"rxpk\":[{\"tmst\":1"].concat(),
        &[&header[..], b"{\"rxpk\":[null,{},{\"lsnr\":nan}]}"].concat(),
        &[&header[..], &[0xff; 1000]].concat(),
    ];
    for datagram in broken {
        walk.gateway.send_raw(datagram);
    }
    walk.node.report(2, b"\x00\x05");
    let frame = walk.node.sent();
    for bytes in [vec![0x40], vec![0xff; 255], vec![0x20; 17], vec![0x40; 12], vec![0; 23]] {
        walk.gateway.hear(&Emission { bytes, ..frame.clone() });
    }
    let outcome = walk.node.send(2, b"\x00\x06", true);
    assert!(outcome.heard().opened.as_ref().expect("a data frame").ack);
    walk.application.uplink(DEV_EUI, 1);
    assert_eq!(walk.live.http().rejects("bug"), 0.0);
    walk.end();
}
