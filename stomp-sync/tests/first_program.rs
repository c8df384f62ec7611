//! The first program of the README, against servers that answer less than it hopes for.

use std::time::{Duration, Instant};

use stomp_sync::{Cause, Client, Error};
use stomp_testbroker::{Builder, Profile, TestBroker};

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// What it has printed.
fn first_program(client: Client) -> Result<String> {
    let mut printed = String::new();
    let mut inbox = client.subscribe("/queue/hello").open()?;
    client.send("/queue/hello").text("hi").confirmed()?;
    if let Some(message) = inbox.next().transpose()? {
        printed.push_str(message.text()?);
        message.ack()?;
    }
    client.disconnect()?;
    Ok(printed)
}

/// The same with `fire` in place of `confirmed`.
fn first_program_fired(client: Client) -> Result<String> {
    let mut printed = String::new();
    let mut inbox = client.subscribe("/queue/hello").open()?;
    client.send("/queue/hello").text("hi").fire()?;
    if let Some(message) = inbox.next().transpose()? {
        printed.push_str(message.text()?);
        message.ack()?;
    }
    client.disconnect()?;
    Ok(printed)
}

fn spring() -> Builder {
    TestBroker::builder().profile(Profile::Spring)
}

#[test]
fn it_is_the_program_of_the_readme() {
    let readme = include_str!("../README.md");
    let program = readme.split("```").nth(1).unwrap_or_default();
    let here = include_str!("first_program.rs");
    let lines = program.lines().map(str::trim);
    let lines: Vec<_> = lines.filter(|line| line.contains("inbox")).collect();
    assert_eq!(lines.len(), 2, "{program}");
    let sends = program.lines().find(|line| line.contains(".send("));
    for line in lines.into_iter().chain(sends.map(str::trim)) {
        assert!(here.contains(line), "{line}");
    }
}

#[test]
fn spring_never_answers_and_without_confirmed_it_prints_its_message() -> Result {
    let broker = spring().start();
    let begin = Instant::now();
    assert_eq!(first_program_fired(Client::connect(broker.url())?)?, "hi");
    assert!(
        begin.elapsed() < Duration::from_secs(3),
        "{:?}",
        begin.elapsed()
    );
    Ok(())
}

#[test]
fn spring_never_answers_and_the_error_says_so() -> Result {
    let broker = spring().start();
    let patience = Duration::from_secs(1);
    let client = Client::builder(broker.url()).receipt_timeout(patience);
    let error = first_program(client.connect()?).expect_err("nobody answers");
    let unconfirmed = error.downcast_ref::<Error>();
    assert!(
        matches!(unconfirmed, Some(Error::Unconfirmed(Cause::NoReceipts(time))) if *time == patience),
        "{error:?}"
    );
    let said = error.to_string();
    assert!(
        said.contains("no RECEIPT ever came from this broker"),
        "{said}"
    );
    Ok(())
}

#[test]
fn a_server_that_answers_no_subscribe_runs_it_as_it_is() -> Result {
    let broker = TestBroker::builder().subscribe_receipts(false).start();
    assert_eq!(first_program(Client::connect(broker.url())?)?, "hi");
    assert_eq!(broker.depth("/queue/hello"), 0);
    Ok(())
}
