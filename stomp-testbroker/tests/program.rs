//! The program, as tests in other languages see it.

#![cfg(feature = "cli")]

mod common;

use std::error::Error;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use common::Peer;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stomp-testbroker"));
    command
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Starts it; returns its process and the lines it prints.
fn start(arguments: &[&str]) -> Result<(Child, BufReader<ChildStdout>)> {
    let mut child = program(arguments).spawn()?;
    let output = child.stdout.take().ok_or("no output")?;
    Ok((child, BufReader::new(output)))
}

fn line(output: &mut BufReader<ChildStdout>) -> Result<String> {
    let mut line = String::new();
    output.read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

fn refused(arguments: &[&str]) -> Result<Output> {
    let output = program(arguments).output()?;
    assert!(!output.status.success(), "{arguments:?}");
    Ok(output)
}

#[test]
fn says_where_it_listens_and_ends_on_sigterm_with_the_conversation() -> Result<()> {
    let (mut child, mut output) = start(&[
        "--listen",
        "0",
        "--websocket",
        "localhost:0",
        "--login",
        "me:CANARY",
        "--transcript",
        "--fault",
        "SEND /queue/a error-and-stay=not today",
    ])?;
    let address = line(&mut output)?;
    let address = address.strip_prefix("listening on ").ok_or("no address")?;
    assert!(line(&mut output)?.starts_with("listening on ws://"));

    let mut client = Peer::over_tcp(address.parse()?)?;
    client.say("CONNECT\naccept-version:1.2\nhost:h\nlogin:me\npasscode:CANARY\n\n");
    assert!(client.hear().starts_with("CONNECTED\n"));
    client.say("SEND\ndestination:/queue/a\n\nx");
    assert!(client.hear().starts_with("ERROR\nmessage:not today\n"));

    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &id])
            .status()?
            .success()
    );
    assert!(child.wait()?.success());
    let mut conversation = String::new();
    output.read_to_string(&mut conversation)?;
    assert!(
        conversation.contains("#1 → SEND destination:/queue/a \"x\""),
        "{conversation}"
    );
    assert!(!conversation.contains("CANARY"));
    Ok(())
}

#[test]
fn says_what_is_wrong_and_no_secret() -> Result<()> {
    for (arguments, complaint) in [
        (["--login", "CANARY"], "--login takes USER:PASS"),
        (["--listen", "here"], "expected PORT or HOST:PORT"),
        (
            ["--fault", "SEND close /queue/a"],
            "the fault has to come last",
        ),
        (
            ["--profile", "hornetq"],
            "expected strict, rabbitmq, activemq, artemis or spring",
        ),
    ] {
        let output = refused(&arguments)?;
        let text = String::from_utf8(output.stderr)?;
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(complaint), "{text}");
        assert!(
            !text.contains("CANARY") && !text.contains("panicked"),
            "{text}"
        );
    }
    Ok(())
}

#[test]
fn a_port_that_is_taken_is_named() -> Result<()> {
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?.to_string();
    let output = refused(&["--listen", &address])?;
    let text = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(1));
    let begin = format!("stomp-testbroker: cannot listen on {address}: ");
    assert!(
        text.starts_with(&begin) && text.lines().count() == 1,
        "{text}"
    );
    Ok(())
}
