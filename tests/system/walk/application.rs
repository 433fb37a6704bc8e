//! An application that answers in time makes this very RX1; requests that cannot be taken.

use std::thread;

use lorawan_device::nb_device::Response;
use serde_json::json;
use system_tests::harness::{Message, eui_text, eventually};

use crate::{DEV_EUI, Terms, Walk};

crate::in_every_region! {
    an_answer_to_an_uplink_comes_in_its_rx1
    the_same_request_twice_is_sent_once
    a_request_that_cannot_be_taken_is_refused_by_name
}

fn an_answer_to_an_uplink_comes_in_its_rx1(terms: Terms) {
    let mut walk = Walk::joined(terms);
    let (application, node) = (&walk.application, &mut walk.node);
    thread::scope(|scope| {
        let answered = scope.spawn(|| {
            for f_cnt in 0..3_u8 {
                application.uplink(DEV_EUI, f_cnt.into());
                let answer = json!({ "FPort": 30 + f_cnt, "PayloadData": "AQ==" });
                application.try_publish(&format!("lorawan/{}/down", eui_text(DEV_EUI)), &answer);
            }
        });
        for f_cnt in 0..3_u8 {
            let outcome = node.send(2, b"\x00\x01", false);
            assert!(matches!(outcome.response, Response::DownlinkReceived(_)), "{outcome:?}");
            assert_eq!(node.take_downlink(), Some((30 + f_cnt, vec![1])));
            assert_eq!(outcome.heard().window, 1);
        }
        answered.join().expect("the application does not panic");
    });
    walk.end();
}

fn the_same_request_twice_is_sent_once(terms: Terms) {
    let mut walk = Walk::joined(terms);
    let request = json!({ "FPort": 5, "PayloadData": "AQ==", "CorrelationId": "once" });
    let first = walk.application.queue(DEV_EUI, &request);
    let topic = format!("lorawan/{}/down", eui_text(DEV_EUI));
    walk.application.publish(&topic, &request);
    let queued =
        |message: &Message| message.is(DEV_EUI, "ack") && message.text("CorrelationId") == "once";
    eventually("the second answer", || walk.application.all(queued).len() == 2);
    let answers = walk.application.all(queued);
    assert!(answers.iter().all(|answer| answer.text("MessageId") == first), "{answers:?}");
    assert!(matches!(
        walk.node.send(2, b"\x00\x01", false).response,
        Response::DownlinkReceived(_)
    ));
    assert_eq!(walk.node.take_downlink(), Some((5, vec![1])));
    let outcome = walk.node.send(2, b"\x00\x01", false);
    assert!(matches!(outcome.response, Response::RxComplete), "{outcome:?}");
    walk.end();
}

fn a_request_that_cannot_be_taken_is_refused_by_name(terms: Terms) {
    let walk = Walk::start(terms);
    let (known, stranger) = (eui_text(DEV_EUI), eui_text(DEV_EUI + 1));
    let table = [
        (&known, json!({ "FPort": 1, "PayloadData": "AQ==", "Confirmd": true }), "UnknownKey"),
        (&known, json!({ "PayloadData": "AQ==" }), "NoFPort"),
        (&known, json!({ "FPort": 225, "PayloadData": "AQ==" }), "BadFPort"),
        (&known, json!({ "FPort": 1, "PayloadData": "!" }), "BadPayloadData"),
        (&known, json!({ "FPort": 1, "Payload": { "open": true } }), "EncodeFailed|NoCodec"),
        (&known, json!([1, 2]), "NotAnObject"),
        (&stranger, json!({ "FPort": 1, "PayloadData": "AQ==" }), "UnknownDevice"),
    ];
    for (dev_eui, request, reason) in table {
        walk.application.publish(&format!("lorawan/{dev_eui}/down"), &request);
        let topic = format!("lorawan/{dev_eui}/error");
        walk.application.wait(&format!("{reason} for {request}"), |message| {
            message.topic == topic && reason.split('|').any(|name| message.text("Error") == name)
        });
    }
}
