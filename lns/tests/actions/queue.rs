//! The queues themselves: durable before the message is let go, bounded, kept over a restart.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lns::actions::{ActionId, Bounds, Duty, Settings, Source, Target, Task};
use lns::broker::{Taken, Ticket};
use lns::gateways::Gateways;
use lns::store::{Fault, FaultyStore, MemoryStore, Store, Table};

use crate::support::{Bench, republish, until};

fn records(store: &dyn Store, table: Table) -> usize {
    let mut count = 0;
    let counted = store.scan(table, &[], &mut |_, _| {
        count += 1;
        std::ops::ControlFlow::Continue(())
    });
    counted.expect("the store is read");
    count
}

fn ticket() -> (Taken, Arc<AtomicBool>) {
    let back = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&back);
    let ticket = Ticket::new(1, Arc::new(move |_| told.store(true, Ordering::Release)));
    (Taken::from(ticket), back)
}

fn task(payload: &str) -> Task {
    let now = lns::clock::Clock::start().now().micros();
    Task::new(now, Source::default(), republish("out", payload.as_bytes()))
}

#[test]
fn a_message_is_let_go_when_its_tasks_are_durable_and_what_is_done_is_deleted() {
    let bench = Bench::new();
    bench.apply(vec![Target::Republish]);
    let (taken, back) = ticket();
    bench.actions.queue(vec![(ActionId::new("r", 0), task("1"))], taken);
    until("the ticket is back", || back.load(Ordering::Acquire));
    bench.drained(0);
    assert_eq!(bench.published("out"), ["1"]);
    until("the record is deleted", || records(&*bench.store, Table::ActionQueues) == 0);
}

#[test]
fn what_waits_is_there_after_a_restart_in_its_order() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let first = Bench::on(Arc::clone(&store), Settings::default());
    let paused = HashMap::from([(ActionId::new("r", 0), Duty::Pause)]);
    first.actions.apply(&paused);
    for number in 0..100 {
        first.queue(0, republish("out", number.to_string().as_bytes()));
    }
    until("all are durable", || records(&*store, Table::ActionQueues) == 100);
    assert!(first.published("out").is_empty(), "a rule that is off does nothing");
    drop(first);
    let second = Bench::on(store, Settings::default());
    assert_eq!(second.actions.waiting(), 100);
    second.apply(vec![Target::Republish]);
    until("all are published", || second.published("out").len() == 100);
    let wanted: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    assert_eq!(second.published("out"), wanted);
}

#[test]
fn a_store_that_refuses_lets_no_message_go() {
    let (store, faults) = FaultyStore::new(Box::new(MemoryStore::new()));
    let bench = Bench::on(Arc::new(store), Settings::default());
    bench.apply(vec![Target::Republish]);
    faults.always(Fault::Refused);
    let (taken, back) = ticket();
    bench.actions.queue(vec![(ActionId::new("r", 0), task("1"))], taken);
    std::thread::sleep(std::time::Duration::from_millis(100));
    assert!(!back.load(Ordering::Acquire) && bench.published("out").is_empty());
    faults.heal();
    until("the ticket is back", || back.load(Ordering::Acquire));
    bench.drained(0);
}

#[test]
fn the_oldest_are_skipped_beyond_the_bound() {
    let bounds = Bounds { tasks: 10, bytes: 1 << 20 };
    let bench = Bench::on(Arc::new(MemoryStore::new()), Settings { bounds, ..Settings::default() });
    bench.actions.apply(&HashMap::from([(ActionId::new("r", 0), Duty::Pause)]));
    for number in 0..25 {
        bench.queue(0, republish("out", number.to_string().as_bytes()));
    }
    until("all were taken", || bench.meters(0).queued.get() == 25);
    bench.apply(vec![Target::Republish]);
    bench.drained(0);
    let left = bench.published("out");
    let wanted: Vec<String> = (15..25).map(|number| number.to_string()).collect();
    assert_eq!((left, bench.meters(0).skipped.get()), (wanted, 15));
    until("no record is left", || records(&*bench.store, Table::ActionQueues) == 0);
}

#[test]
fn what_a_removed_rule_leaves_is_in_dead_letters_within_their_bound() {
    let settings = Settings { dead_letters: 3, ..Settings::default() };
    let bench = Bench::on(Arc::new(MemoryStore::new()), settings);
    bench.actions.apply(&HashMap::from([(ActionId::new("r", 0), Duty::Pause)]));
    for number in 0..5 {
        bench.queue(0, republish("out", number.to_string().as_bytes()));
    }
    until("all were taken", || bench.meters(0).queued.get() == 5);
    bench.actions.apply(&HashMap::new());
    until("all are given up", || records(&*bench.store, Table::ActionQueues) == 0);
    until("no more are kept", || records(&*bench.store, Table::DeadLetters) == 3);
    assert_eq!(bench.reasons(), ["the rule, or this action of it, was removed"; 3]);
}

#[test]
fn an_action_that_is_gone_leaves_neither_a_queue_nor_counters() {
    let bench = Bench::new();
    bench.apply(vec![Target::Republish]);
    bench.queue(0, republish("out", b"1"));
    until("it is done", || bench.published("out").len() == 1);
    let shown = || bench.observer.scrape(&Gateways::default()).contains("rule=\"r\"");
    assert!(shown());
    bench.actions.apply(&HashMap::new());
    until("it is gone", || !shown() && bench.actions.queues("r").is_empty());
    // It may come again, and begins anew.
    bench.apply(vec![Target::Republish]);
    bench.queue(0, republish("out", b"2"));
    until("it is done", || bench.published("out").len() == 2);
    assert_eq!(bench.meters(0).queued.get(), 1);
}
