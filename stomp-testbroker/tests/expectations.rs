//! How a test fails.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use common::Peer;
use stomp_frame::Command;
use stomp_testbroker::{TestBroker, on};

/// Returns the message with which `test` fails.
fn failure(test: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(test)).expect_err("it should fail");
    *panic.downcast::<String>().expect("a message")
}

fn without_numbers(text: &str) -> String {
    let line = |line: &str| match line.split_once(" #") {
        Some((time, rest)) if time.trim().parse::<f64>().is_ok() => format!("#{rest}\n"),
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

#[test]
fn missing_frame_is_shown_at_the_end_of_the_conversation() {
    let failure = failure(|| {
        let broker = TestBroker::in_memory();
        broker.expect(on(Command::Send).to("/queue/a").named("the order"), 2);
        Peer::connect(&broker).confirm("SEND\ndestination:/queue/a\n\nx");
    });
    let expected = "\
the test broker did not get what it expected:
  expected \"the order\" (SEND to /queue/a) 2 times, but it came once
what was said:
#1 opened
#1 → CONNECT accept-version:1.2 host:h
#1 ← CONNECTED version:1.2 session:session-1 server:stomp-testbroker/0.1.0 heart-beat:0,0
#1 → SEND receipt:r destination:/queue/a \"x\"
#1 ← RECEIPT receipt-id:r
#1 closed
^^^ here it ended
";
    assert_eq!(without_numbers(&failure), expected);
}

#[test]
fn frame_too_many_is_marked_where_it_came() {
    let failure = failure(|| {
        let broker = TestBroker::in_memory();
        broker.expect(on(Command::Send), ..=1);
        let mut client = Peer::connect(&broker);
        client.confirm("SEND\ndestination:/queue/a\n\n1");
        client.confirm("SEND\ndestination:/queue/a\n\n2");
    });
    let marked = "\
#1 → SEND receipt:r destination:/queue/a \"2\"
#1 ── ^^^ one too many: expected SEND at most once
";
    assert!(without_numbers(&failure).contains(marked), "{failure}");
}

#[test]
fn vain_wait_says_what_it_waited_for() {
    let failure = failure(|| {
        let broker = TestBroker::in_memory();
        let _client = Peer::connect(&broker);
        let wait = broker.subscribed("/queue/a");
        wait.within(Duration::from_millis(1)).wait();
    });
    let begin = "the test broker waited 1ms for a subscription to /queue/a, in vain (at ";
    assert!(failure.starts_with(begin), "{failure}");
    assert!(failure.contains("→ CONNECT"), "{failure}");
}

#[test]
fn guard_verifies_its_own_rule() {
    let broker = TestBroker::in_memory();
    let failure = failure(|| drop(on(Command::Ack).expect(1..).mount(&broker)));
    assert!(failure.contains("expected ACK at least once, but it never came"));
}

#[test]
fn met_expectation_is_silent() {
    let broker = TestBroker::in_memory();
    broker.expect(on(Command::Connect), 1);
    broker.expect(on(Command::Error), 0);
    Peer::connect(&broker);
}

#[test]
fn passcodes_are_hidden() {
    let broker = TestBroker::builder().login("me", "CANARY").in_memory();
    let mut client = Peer::open(&broker);
    client.say("CONNECT\naccept-version:1.2\nhost:h\nlogin:me\npasscode:CANARY\n\n");
    let transcript = broker.transcript();
    let shown = format!("{transcript} {transcript:?} {broker:?}");
    assert!(shown.contains("me") && !shown.contains("CANARY"), "{shown}");
}
