//! What the README shows of failing tests is what they print.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use common::Peer;
use stomp_frame::Command;
use stomp_testbroker::{TestBroker, on};

/// The message with which a test fails; times and places as the README has them.
fn failure(test: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(test)).expect_err("it should fail");
    let message = panic.downcast::<String>().expect("a message");
    let lines = message.lines().map(|line| match line.split_once(" #") {
        Some((time, rest)) if time.trim().parse::<f64>().is_ok() => format!("   0.000 #{rest}\n"),
        _ => match line.split_once("(at ") {
            Some((start, _)) => format!("{start}(at tests/orders.rs:23:42)\n"),
            None => format!("{line}\n"),
        },
    });
    lines.collect()
}

#[track_caller]
fn assert_shown(message: &str) {
    let block = format!("```text\n{message}```\n");
    let readme = include_str!("../README.md");
    assert!(
        readme.contains(&block),
        "the README does not show:\n{block}"
    );
}

#[test]
fn what_never_came() {
    let message = failure(|| {
        let broker = TestBroker::in_memory();
        broker.expect(
            on(Command::Ack)
                .to("/queue/orders")
                .named("the worker is done"),
            1,
        );
        let mut worker = Peer::connect(&broker);
        worker.confirm("SUBSCRIBE\nid:0\ndestination:/queue/orders\nack:client\n\n");
        broker.push("/queue/orders", "a book");
        worker.hear();
    });
    assert_shown(&message);
}

#[test]
fn what_came_too_often() {
    let message = failure(|| {
        let broker = TestBroker::in_memory();
        broker.expect(on(Command::Send).to("/queue/pay"), 1);
        let mut shop = Peer::connect(&broker);
        shop.confirm("SEND\ndestination:/queue/pay\n\n42");
        shop.confirm("SEND\ndestination:/queue/pay\n\n42");
        shop.confirm("DISCONNECT\n\n");
    });
    assert_shown(&message);
}

#[test]
fn what_was_waited_for_in_vain() {
    let message = failure(|| {
        let broker = TestBroker::in_memory();
        let mut worker = Peer::connect(&broker);
        worker.confirm("SUBSCRIBE\nid:0\ndestination:/queue/order\n\n");
        let wait = broker.subscribed("/queue/orders");
        wait.within(Duration::from_millis(100)).wait();
    });
    assert_shown(&message);
}
