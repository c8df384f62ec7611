//! Spring's simple broker, and servers that are as sparing with answers.

mod common;

use std::time::Duration;

use common::{Peer, body, value};
use stomp_frame::Command;
use stomp_testbroker::{Builder, Fault, Profile, TestBroker, on};

const CONNECT: &str = "CONNECT\naccept-version:1.2\nhost:h\n\n";

fn spring() -> Builder {
    TestBroker::builder().profile(Profile::Spring)
}

fn connect(broker: &TestBroker) -> Peer {
    let mut client = Peer::open(broker);
    client.say(CONNECT);
    assert_eq!(client.hear(), "CONNECTED\nversion:1.2\nheart-beat:0,0\n\n");
    client
}

#[test]
fn disconnect_alone_is_confirmed_and_leaves_the_link_to_the_client() {
    let broker = spring().in_memory();
    let mut client = connect(&broker);
    client.say("SUBSCRIBE\nid:s\ndestination:/queue/a\nreceipt:1\n\n");
    client.say("SEND\ndestination:/queue/b\nreceipt:2\n\nx");
    client.say("BEGIN\ntransaction:t\nreceipt:3\n\n");
    client.say("ACK\nid:nothing\nreceipt:4\n\n");
    client.say("UNSUBSCRIBE\nid:s\nreceipt:5\n\n");
    assert!(client.is_quiet());
    client.confirm("DISCONNECT\n\n");
    client.say("SEND\ndestination:/queue/b\n\nignored");
    assert!(client.is_quiet(), "neither an answer nor the end");
}

#[test]
fn disconnect_without_a_receipt_is_an_error() {
    let broker = spring().in_memory();
    let mut client = connect(&broker);
    client.say("DISCONNECT\n\n");
    assert_eq!(
        client.hear(),
        "ERROR\nmessage:Session closed.\ncontent-length:0\n\n"
    );
    assert_eq!(client.hear(), "");
}

#[test]
fn a_queue_reaches_every_subscriber_and_keeps_nothing() {
    let broker = spring().in_memory();
    let mut clients = [connect(&broker), connect(&broker)];
    clients[0].say("SEND\ndestination:/queue/a\n\nlost");
    for client in &mut clients {
        client.say("SUBSCRIBE\nid:s\ndestination:/queue/a\nack:client\n\n");
    }
    clients[0].say("SEND\ndestination:/queue/a\nreceipt:3\nk:a\nk:b\n\none");
    let message = |client| {
        format!(
            "MESSAGE\ndestination:/queue/a\nreceipt:3\nk:a\nk:b\nsubscription:s\n\
             message-id:session-{client}-1\ncontent-length:3\n\none"
        )
    };
    assert_eq!(clients[0].hear(), message(1), "no `ack`");
    assert_eq!(clients[1].hear(), message(2));
    assert_eq!(broker.unacked("/queue/a"), 0);
    assert_eq!(broker.depth("/queue/a"), 0);
}

#[test]
fn a_transaction_holds_nothing_back() {
    let broker = spring().in_memory();
    let mut client = connect(&broker);
    client.say("SUBSCRIBE\nid:s\ndestination:/topic/a\n\n");
    client.say("SEND\ndestination:/topic/a\ntransaction:t\n\none");
    assert_eq!(body(&client.hear()), "one");
    client.say("ABORT\ntransaction:t\n\n");
    assert!(client.is_quiet());
}

#[test]
fn most_mistakes_are_passed_over_in_silence() {
    let broker = spring().in_memory();
    for connect in [
        "CONNECT\nhost:h\n\n",
        "CONNECT\naccept-version:2.0\nhost:h\n\n",
    ] {
        let mut client = Peer::open(&broker);
        client.say(connect);
        assert!(client.is_quiet(), "{connect}");
    }
    let mut client = connect(&broker);
    for frame in [
        "SUBSCRIBE\ndestination:/queue/a\nreceipt:r\n\n",
        "SUBSCRIBE\nid:s\ndestination:/nowhere\nreceipt:r\n\n",
        "SEND\nreceipt:r\n\nx",
        "SEND\ndestination:/nowhere\nreceipt:r\n\nx",
        "UNSUBSCRIBE\nid:s\nreceipt:r\n\n",
    ] {
        client.say(frame);
        assert!(client.is_quiet(), "{frame}");
    }
    client.say("SUBSCRIBE\nid:s\ndestination:/topic/a\n\n");
    client.say("SUBSCRIBE\nid:s\ndestination:/topic/b\n\n");
    client.say("SEND\ndestination:/topic/b\n\nx");
    assert!(client.is_quiet(), "the first of the two stays");
    let transcript = broker.transcript().to_string();
    assert!(
        transcript.contains("ignored: SUBSCRIBE without the header id"),
        "but told to the test: {transcript}"
    );
    client.say(CONNECT);
    assert_eq!(
        value(&client.hear(), "message"),
        Some("Session already exists")
    );
    assert_eq!(client.hear(), "");
}

#[test]
fn subscribe_can_go_without_a_receipt_while_send_has_one() {
    let broker = TestBroker::builder().subscribe_receipts(false).in_memory();
    let mut client = Peer::connect(&broker);
    client.say("SUBSCRIBE\nid:s\ndestination:/queue/a\nreceipt:1\n\n");
    client.say("UNSUBSCRIBE\nid:s\nreceipt:2\n\n");
    assert!(client.is_quiet());
    client.confirm("SEND\ndestination:/queue/a\n\nx");
    client.say("SUBSCRIBE\nid:s\ndestination:/queue/a\nack:never\nreceipt:3\n\n");
    assert_eq!(value(&client.hear(), "receipt-id"), Some("3"), "an ERROR");

    let broker = spring().subscribe_receipts(true).in_memory();
    let mut client = connect(&broker);
    client.confirm("SUBSCRIBE\nid:s\ndestination:/queue/a\n\n");
}

#[test]
fn an_error_can_name_its_frame_as_that_of_vertx_does() {
    let broker = TestBroker::builder()
        .configure(|config| config.error_receipt_header = "receipt".to_owned())
        .in_memory();
    let mut client = Peer::connect(&broker);
    client.say("UNSUBSCRIBE\nid:nothing\nreceipt:q2\n\n");
    let error = client.hear();
    assert_eq!(value(&error, "receipt"), Some("q2"));
    assert_eq!(value(&error, "receipt-id"), None);

    let mut client = Peer::connect(&broker);
    let _fault = on(Command::Send)
        .then(Fault::Error("no".into()))
        .mount(&broker);
    client.say("SEND\ndestination:/queue/a\nreceipt:q3\n\nx");
    assert_eq!(client.hear(), "ERROR\nmessage:no\nreceipt:q3\n\n");
}

#[test]
fn disconnect_can_be_answered_by_an_error() {
    let broker = TestBroker::in_memory();
    let mut client = Peer::connect(&broker);
    let _fault = on(Command::Disconnect)
        .then(Fault::Error("Connection to broker closed.".into()))
        .mount(&broker);
    client.say("DISCONNECT\nreceipt:bye\n\n");
    assert_eq!(
        client.hear(),
        "ERROR\nmessage:Connection to broker closed.\nreceipt-id:bye\n\n"
    );
    assert_eq!(client.hear(), "");
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_told_that_its_session_is_closed() -> std::io::Result<()> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let broker = spring().heart_beat(10_000, 10_000).in_memory();
    let mut client = broker.connect_memory_async()?;
    let connect = "CONNECT\naccept-version:1.2\nhost:h\nheart-beat:10000,0\n\n\0";
    client.write_all(connect.as_bytes()).await?;
    let started = tokio::time::Instant::now();
    let mut heard = String::new();
    client.read_to_string(&mut heard).await?;
    assert_eq!(started.elapsed().as_secs(), 30);
    assert!(heard.contains("heart-beat:10000,10000\n"), "{heard}");
    assert!(
        heard.contains("ERROR\nmessage:Session closed.\n"),
        "{heard}"
    );
    assert!(started.elapsed() < Duration::from_secs(31));
    Ok(())
}
