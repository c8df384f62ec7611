//! The test that the README of the test broker shows, once and a thousand times.

use stomp_frame::Command;
use stomp_sync::Client;
use stomp_testbroker::{Fault, TestBroker, on};

#[test]
fn nobody_can_tell_whether_the_payment_was_taken() -> Result<(), stomp_sync::Error> {
    for (fault, taken) in [(Fault::Close, 0), (Fault::ProcessThenClose, 1)] {
        let broker = TestBroker::start();
        let client = Client::connect(broker.url())?;
        let fault = on(Command::Send).to("/queue/pay").then(fault);
        let _fault = fault.mount(&broker);

        let sent = client.send("/queue/pay").text("42").confirmed();

        // Both times the client says that it cannot know. The broker does.
        let error = sent.expect_err("no RECEIPT came");
        assert!(error.is_in_doubt(), "{error}");
        assert_eq!(broker.depth("/queue/pay"), taken);
    }
    Ok(())
}

#[test]
fn it_ends_in_the_same_way_a_thousand_times() -> Result<(), stomp_sync::Error> {
    (0..1000).try_for_each(|_| nobody_can_tell_whether_the_payment_was_taken())
}

#[test]
fn the_readme_shows_that_very_test() {
    let readme = include_str!("../../stomp-testbroker/README.md");
    let shown = readme
        .split("```rust,ignore\n")
        .nth(1)
        .expect("the README has code");
    let (shown, _) = shown.split_once("```\n").expect("which ends");
    assert!(include_str!("in_doubt.rs").contains(shown), "{shown}");
}
