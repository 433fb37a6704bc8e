//! Bounds: slow readers, full queues, limits, and the pause.

use lns_broker::{Config, DropCause, Input, Limits, Message, Note, Properties, Qos};

use crate::lab::*;

fn drops(lab: &Lab, why: DropCause) -> usize {
    let is_it = |note: &&Note| matches!(note, Note::Dropped { cause, .. } if *cause == why);
    lab.notes.iter().filter(is_it).count()
}

#[test]
fn a_slow_reader_loses_qos_0_and_queues_qos_1() {
    let mut config = Config::default();
    config.bounds.unwritten = 100;
    let mut lab = Lab::with(config);
    lab.connect(v5("slow"));
    lab.says("slow", subscribe(1, &[("t", Q1)]));
    lab.connect(v5("p"));
    lab.heard("slow");
    lab.writes = false;
    for n in 0..5 {
        lab.says("p", publish(0, "t", &format!("{n}{}", "x".repeat(40)), Q0));
        lab.says("p", publish(1, "t", &format!("{n}{}", "y".repeat(40)), Q1));
    }
    assert_eq!(lab.heard("slow").len(), 3, "100 bytes begin three messages of 46 and more");
    assert_eq!(drops(&lab, DropCause::SlowReader), 3);
    assert_eq!(lab.core.status().queued, 4);
    lab.writes = true;
    let sizes = lab.deliveries.iter().map(|(_, delivery)| delivery.size).sum();
    let connection = lab.connection("slow");
    lab.input(Input::Written(connection, sizes));
    let heard = lab.heard("slow");
    assert_eq!(heard.len(), 4, "in order: {heard:?}");
    assert!(heard.is_sorted());
    assert_eq!(lab.core.status().queued, 0);
}

#[test]
fn a_full_queue_drops_its_oldest_and_says_so() {
    let mut config = Config::default();
    config.bounds.queued_messages = 3;
    let mut lab = Lab::with(config);
    lab.connect(kept(v5("a")));
    lab.says("a", subscribe(1, &[("t", Q1)]));
    lab.leaves("a");
    lab.connect(v5("p"));
    for n in 0..5 {
        lab.says("p", publish(1, "t", &n.to_string(), Q1));
    }
    assert_eq!(drops(&lab, DropCause::QueueFull), 2);
    lab.heard("a");
    lab.connect(kept(v5("a")));
    assert_eq!(
        lab.heard("a"),
        ["CONNACK present", "\"t\" 2 q1 #1", "\"t\" 3 q1 #2", "\"t\" 4 q1 #3"]
    );
    assert_eq!(lab.store.len(), 2 + 3 + 3, "what was dropped is not in the store");
}

#[test]
fn a_queue_is_bounded_in_bytes_too() {
    let mut config = Config::default();
    config.bounds.queued_bytes = 1000;
    let mut lab = Lab::with(config);
    lab.connect(kept(v5("a")));
    lab.says("a", subscribe(1, &[("t", Q1)]));
    lab.leaves("a");
    lab.connect(v5("p"));
    for _ in 0..5 {
        lab.says("p", publish(1, "t", &"x".repeat(400), Q1));
    }
    assert_eq!(lab.core.status().queued, 2);
    assert_eq!(drops(&lab, DropCause::QueueFull), 3);
}

#[test]
fn all_queues_together_are_bounded_and_who_keeps_up_feels_nothing() {
    let mut config = Config::default();
    config.bounds.all_queued_bytes = 1000;
    let mut lab = Lab::with(config);
    for name in ["a", "b"] {
        lab.connect(kept(v5(name)));
        lab.says(name, subscribe(1, &[("t", Q1)]));
        lab.leaves(name);
    }
    lab.connect(v5("p"));
    lab.says("p", subscribe(1, &[("t", Q1)]));
    for _ in 0..5 {
        lab.says("p", publish(1, "t", &"x".repeat(300), Q1));
    }
    let queued = |lab: &Lab, name: &str| lab.core.session(name).map_or(0, |view| view.queued);
    assert_eq!(queued(&lab, "a") + queued(&lab, "b"), 3, "of 301 bytes each");
    assert_eq!(drops(&lab, DropCause::QueueFull), 7);
    let to_p = lab.deliveries.iter().filter(|(name, _)| name == "p").count();
    assert_eq!(to_p, 5);
    lab.crash();
    lab.connect(v5("q"));
    lab.says("q", publish(1, "t", &"x".repeat(900), Q1));
    let restored = "restored queues count: a loses its two and the new one, b the one it has";
    assert_eq!(drops(&lab, DropCause::QueueFull), 7 + 3 + 1, "{restored}");
    lab.pass(4000);
    assert_eq!(lab.core.status().queued, 0);
    lab.connect(kept(v5("a")));
    lab.says("a", subscribe(1, &[("t", Q1)]));
    lab.leaves("a");
    lab.says("q", publish(1, "t", &"x".repeat(900), Q1));
    assert_eq!(queued(&lab, "a"), 1, "ended sessions do not count");
}

#[test]
fn retained_messages_are_bounded() {
    let mut config = Config::default();
    config.bounds.retained_messages = 2;
    config.bounds.retained_bytes = 100;
    let mut lab = Lab::with(config);
    lab.connect(v5("a"));
    lab.heard("a");
    for (id, topic, bytes) in [(1, "1", 10), (2, "2", 10), (3, "3", 10), (4, "2", 90), (5, "2", 60)]
    {
        lab.says("a", publish_message(id, retained(topic, &"x".repeat(bytes), Q1)));
    }
    assert_eq!(
        lab.heard("a"),
        ["PUBACK 1", "PUBACK 2", "PUBACK 3 QuotaExceeded", "PUBACK 4 QuotaExceeded", "PUBACK 5"]
    );
}

#[test]
fn a_retained_message_expires() {
    let mut lab = Lab::new();
    lab.connect(v5("a"));
    let mut message = retained("t", "x", Q1);
    message.expiry = Some(10);
    lab.says("a", publish_message(1, message));
    lab.pass(4);
    lab.heard("a");
    lab.says("a", subscribe(1, &[("t", Q0)]));
    assert_eq!(lab.heard("a"), ["SUBACK 1 [00]", "\"t\" x q0 retained 6s"]);
    lab.pass(6);
    assert_eq!(lab.core.status().retained, 0);
    assert!(lab.store.is_empty());
}

#[test]
fn too_many_sessions_are_refused() {
    let mut config = Config::default();
    config.bounds.sessions = 1;
    let mut lab = Lab::with(config);
    lab.connect(v5("a"));
    lab.connect(v5("b"));
    assert_eq!(lab.heard("b"), ["CONNACK QuotaExceeded", "CLOSED"]);
    lab.connect(v5("a"));
    assert_eq!(lab.core.status().sessions, 1);
}

#[test]
fn reading_pauses_while_too_many_answers_wait() {
    let mut config = Config::default();
    config.bounds.unacknowledged = 4;
    let mut lab = Lab::with(config);
    lab.input(listen(&["t"]));
    lab.connect(v3("a"));
    lab.heard("a");
    lab.lets_go = false;
    for id in 1..=6 {
        lab.says("a", publish(id, "t", "x", Q1));
    }
    assert_eq!(lab.paused, [("a".to_owned(), true)]);
    assert_eq!(lab.heard("a"), [""; 0]);
    lab.let_go();
    assert_eq!(lab.paused, [("a".to_owned(), true), ("a".to_owned(), false)]);
    assert_eq!(lab.heard("a").len(), 6);
}

#[test]
fn aws_limits_hold_when_they_are_set() {
    let lab = || {
        let mut lab = Lab::with(Config { limits: Limits::aws(), ..Config::default() });
        lab.connect(v5("a"));
        lab.heard("a");
        lab
    };
    let answer = |message: Message| {
        let mut lab = lab();
        lab.says("a", publish_message(1, message));
        lab.heard("a").remove(0)
    };
    let to = |topic: &str| Message::new(topic, "x", Qos::AtLeastOnce);
    assert_eq!(answer(to("1/2/3/4/5/6/7/8")), "PUBACK 1");
    assert_eq!(answer(to("1/2/3/4/5/6/7/8/9")), "PUBACK 1 TopicNameInvalid");
    assert_eq!(answer(to("$aws/things/a/jobs/j/get/x/y/z")), "PUBACK 1");
    assert_eq!(answer(to(&"x".repeat(257))), "PUBACK 1 TopicNameInvalid");
    let large = Message::new("t", vec![0; (128 << 10) + 1], Qos::AtLeastOnce);
    assert_eq!(answer(large), "PUBACK 1 QuotaExceeded");

    let mut lab = lab();
    let filters: Vec<String> = (0..60).map(|n| format!("f/{n}")).collect();
    let nine: Vec<_> = filters.iter().take(9).map(|filter| (filter.as_str(), Q1)).collect();
    lab.says("a", subscribe(1, &nine));
    assert_eq!(lab.heard("a"), ["SUBACK 1 [97 97 97 97 97 97 97 97 97]"]);
    for (n, filter) in filters.iter().enumerate() {
        lab.says("a", subscribe(1, &[(filter, Q1)]));
        let expected = if n < 50 { "SUBACK 1 [01]" } else { "SUBACK 1 [97]" };
        assert_eq!(lab.heard("a"), [expected]);
    }
    lab.says("a", subscribe(1, &[("f/0", Q1)]));
    assert_eq!(lab.heard("a"), ["SUBACK 1 [01]"], "one that it has may change");
    lab.connect(v5(&"x".repeat(129)));
    assert_eq!(lab.heard(&"x".repeat(129)), ["CONNACK ClientIdentifierNotValid", "CLOSED"]);
}

#[test]
fn a_client_that_publishes_too_fast_is_told_so_and_goes_on_when_it_slows_down() {
    let limits = Limits { publishes_per_second: Some(3), ..Limits::default() };
    let lab = |connect| {
        let mut lab = Lab::with(Config { limits, ..Config::default() });
        lab.connect(v5("b"));
        lab.says("b", subscribe(1, &[("t", Q1)]));
        lab.connect(connect);
        lab.heard("a");
        lab.heard("b");
        for _ in 0..3 {
            lab.says("a", publish(0, "t", "", Q0));
        }
        lab
    };
    let mut v5_lab = lab(v5("a"));
    v5_lab.says("a", publish(0, "t", "", Q0));
    v5_lab.says("a", publish(1, "t", "", Q1));
    v5_lab.says("a", publish(2, "t", "", Q2));
    assert_eq!(v5_lab.heard("a"), ["PUBACK 1 QuotaExceeded", "PUBREC 2 QuotaExceeded"]);
    assert_eq!(v5_lab.heard("b").len(), 3);
    v5_lab.pass(1);
    v5_lab.says("a", publish(1, "t", "", Q1));
    assert_eq!(v5_lab.heard("a"), ["PUBACK 1"]);

    let mut v3_lab = lab(v3("a"));
    v3_lab.says("a", publish(0, "t", "", Q0));
    assert_eq!(v3_lab.heard("a"), [""; 0], "QoS 0 is dropped");
    v3_lab.says("a", publish(1, "t", "", Q1));
    assert_eq!(v3_lab.heard("a"), ["CLOSED"], "MQTT 3.1.1 has no words for it");
    assert_eq!(v3_lab.heard("b").len(), 3);
}

#[test]
fn all_clients_together_may_publish_so_much_and_each_its_own_share() {
    let limits = Limits {
        publishes_per_second: Some(3),
        all_publishes_per_second: Some(4),
        ..Limits::default()
    };
    let mut lab = Lab::with(Config { limits, ..Config::default() });
    let mut answers = Vec::new();
    for name in ["a", "b"] {
        lab.connect(v5(name));
        lab.heard(name);
        for id in 1..=4 {
            lab.says(name, publish(id, "t", "", Q1));
        }
        answers.push(lab.heard(name).iter().filter(|one| !one.contains("Quota")).count());
    }
    assert_eq!(answers, [3, 1]);
    lab.pass(1);
    lab.says("b", publish(9, "t", "", Q1));
    assert_eq!(lab.heard("b"), ["PUBACK 9"]);
}

#[test]
fn shared_subscriptions_and_their_members_have_limits() {
    let limits = Limits {
        shared_subscriptions: Some(2),
        shared_subscription_members: Some(2),
        ..Limits::default()
    };
    let mut lab = Lab::with(Config { limits, ..Config::default() });
    let wants = |lab: &mut Lab, name: &str, filters: &[&str]| {
        let filters: Vec<_> = filters.iter().map(|filter| (*filter, Q1)).collect();
        lab.says(name, subscribe(1, &filters));
        lab.heard(name).pop().unwrap()
    };
    for name in ["a", "b", "c"] {
        lab.connect(v5(name));
    }
    let all = ["$share/g/t", "$share/g/u", "$share/h/t", "t"];
    assert_eq!(wants(&mut lab, "a", &all), "SUBACK 1 [01 01 97 01]");
    assert_eq!(wants(&mut lab, "b", &all[..1]), "SUBACK 1 [01]");
    assert_eq!(wants(&mut lab, "c", &all[..2]), "SUBACK 1 [97 01]");
    assert_eq!(wants(&mut lab, "a", &all[..1]), "SUBACK 1 [01]", "it is a member already");
    lab.cut("b");
    assert_eq!(wants(&mut lab, "c", &all[..1]), "SUBACK 1 [01]");
    lab.says("a", unsubscribe(2, &all[..2]));
    lab.says("c", unsubscribe(2, &all[1..2]));
    assert_eq!(wants(&mut lab, "a", &all[2..]), "SUBACK 1 [01 01]", "a place is free");
    assert_eq!(wants(&mut lab, "a", &all[1..2]), "SUBACK 1 [97]");
}

#[test]
fn clients_that_connect_too_fast_are_turned_away_until_they_slow_down() {
    let limits = Limits { client_connects_per_second: Some(1), ..Limits::default() };
    let mut lab = Lab::with(Config { limits, ..Config::default() });
    lab.connect(v5("a"));
    lab.connect(v5("b"));
    lab.leaves("a");
    lab.heard("a");
    lab.heard("b");
    lab.connect(v5("a"));
    assert_eq!(lab.heard("a"), ["CONNACK ConnectionRateExceeded", "CLOSED"]);
    lab.pass(1);
    lab.connect(v5("a"));
    assert_eq!(lab.heard("a"), ["CONNACK"]);

    let limits = Limits { connects_per_second: Some(2), ..Limits::default() };
    let mut lab = Lab::with(Config { limits, ..Config::default() });
    let answers = ["a", "b", "c"].map(|name| {
        lab.connect(v5(name));
        lab.heard(name)[0].clone()
    });
    assert_eq!(answers, ["CONNACK", "CONNACK", "CONNACK ConnectionRateExceeded"]);
}

#[test]
fn retained_messages_expiry_and_user_properties_have_their_limits_too() {
    let mut lab = Lab::with(Config { limits: Limits::aws(), ..Config::default() });
    lab.connect(v5("a"));
    lab.heard("a");
    lab.says("a", publish_message(1, retained("t", "1", Q1)));
    lab.says("a", publish_message(2, retained("t", "2", Q1)));
    lab.says("a", publish_message(3, retained("u", "1", Q1)));
    assert_eq!(lab.heard("a"), ["PUBACK 1", "PUBACK 2 QuotaExceeded", "PUBACK 3"]);
    lab.pass(1);
    let lasting = Message { expiry: Some(u32::MAX), ..retained("t", "3", Q1) };
    lab.says("a", publish_message(2, lasting));
    lab.says("a", subscribe(4, &[("t", Q0)]));
    assert_eq!(lab.deliveries.last().unwrap().1.expiry, Some(604_800));
    lab.heard("a");

    let user = vec![("name".into(), "v".repeat(8 << 10))];
    let properties = Some(Box::new(Properties { user, ..Properties::default() }));
    let wordy = Message { properties, ..Message::new("t", "", Qos::AtLeastOnce) };
    lab.says("a", publish_message(5, wordy));
    assert_eq!(lab.heard("a"), ["PUBACK 5 QuotaExceeded"]);
}
