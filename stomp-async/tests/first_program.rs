//! The first program of both READMEs, against servers that answer less than it hopes for.

use std::time::{Duration, Instant};

use stomp_async::{Cause, Client, Error};
use stomp_testbroker::{Builder, Profile, TestBroker};

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// What it has printed.
async fn first_program(client: Client) -> Result<String> {
    let mut printed = String::new();
    let mut inbox = client.subscribe("/queue/hello").await?;
    client.send("/queue/hello").text("hi").confirmed().await?;
    if let Some(message) = inbox.next().await.transpose()? {
        printed.push_str(message.text()?);
        message.ack().await?;
    }
    client.disconnect().await?;
    Ok(printed)
}

/// The same without `.confirmed()`.
async fn first_program_fired(client: Client) -> Result<String> {
    let mut printed = String::new();
    let mut inbox = client.subscribe("/queue/hello").await?;
    client.send("/queue/hello").text("hi").await?;
    if let Some(message) = inbox.next().await.transpose()? {
        printed.push_str(message.text()?);
        message.ack().await?;
    }
    client.disconnect().await?;
    Ok(printed)
}

fn spring() -> Builder {
    TestBroker::builder().profile(Profile::Spring)
}

#[test]
fn it_is_the_program_of_the_readmes() {
    for readme in [
        include_str!("../README.md"),
        include_str!("../../README.md"),
    ] {
        let program = readme.split("```").find(|part| part.contains(".send("));
        let program = program.unwrap_or_default();
        let here = include_str!("first_program.rs");
        let lines = program.lines().map(str::trim);
        let lines: Vec<_> = lines.filter(|line| line.contains("inbox")).collect();
        assert_eq!(lines.len(), 2, "{program}");
        let sends = program.lines().find(|line| line.contains(".send("));
        for line in lines.into_iter().chain(sends.map(str::trim)) {
            assert!(here.contains(line), "{line}");
        }
    }
}

#[tokio::test]
async fn spring_never_answers_and_without_confirmed_it_prints_its_message() -> Result {
    let broker = spring().start();
    let begin = Instant::now();
    assert_eq!(
        first_program_fired(Client::connect(broker.url()).await?).await?,
        "hi"
    );
    assert!(
        begin.elapsed() < Duration::from_secs(3),
        "{:?}",
        begin.elapsed()
    );
    Ok(())
}

#[tokio::test]
async fn spring_never_answers_and_the_error_says_so() -> Result {
    let broker = spring().start();
    let patience = Duration::from_secs(1);
    let client = Client::builder(broker.url()).receipt_timeout(patience);
    let error = first_program(client.connect().await?)
        .await
        .expect_err("nobody answers");
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

#[tokio::test]
async fn a_server_that_answers_no_subscribe_runs_it_as_it_is() -> Result {
    let broker = TestBroker::builder().subscribe_receipts(false).start();
    assert_eq!(
        first_program(Client::connect(broker.url()).await?).await?,
        "hi"
    );
    assert_eq!(broker.depth("/queue/hello"), 0);
    Ok(())
}
