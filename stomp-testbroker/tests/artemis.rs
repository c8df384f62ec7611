//! What Artemis does otherwise than the others (observed with 2.40).

mod common;

use common::{Peer, body, value};
use stomp_testbroker::{Profile, TestBroker};

fn artemis() -> TestBroker {
    TestBroker::builder().profile(Profile::Artemis).in_memory()
}

/// Hears a frame, without the EOL of the one before.
fn hear(client: &mut Peer) -> String {
    client.hear().trim_start().to_owned()
}

fn connect(broker: &TestBroker) -> Peer {
    let mut client = Peer::open(broker);
    client.say("CONNECT\naccept-version:1.1\nhost:h\n\n");
    assert!(client.hear().starts_with("CONNECTED\n"));
    client
}

#[test]
fn a_temporary_queue_is_an_address_like_any_other() {
    let broker = artemis();
    let (mut asker, mut server) = (connect(&broker), connect(&broker));
    asker.say("SUBSCRIBE\nid:replies\ndestination:/temp-queue/foo\n\n");
    server.say("SUBSCRIBE\nid:s\ndestination:/queue/a\n\n");
    asker.say("SEND\ndestination:/queue/a\nreply-to:/temp-queue/foo\n\nask");
    let question = hear(&mut server);
    assert_eq!(value(&question, "reply-to"), Some("/temp-queue/foo"));
    server.say("SEND\ndestination:/temp-queue/foo\n\nanswer");
    let answer = hear(&mut asker);
    assert_eq!(value(&answer, "destination"), Some("/temp-queue/foo"));
    assert_eq!(body(&answer), "answer");
}

#[test]
fn an_ack_in_a_transaction_is_done_at_once() {
    let broker = artemis();
    let mut client = connect(&broker);
    client.say("SUBSCRIBE\nid:s\ndestination:/queue/a\nack:client-individual\n\n");
    client.say("SEND\ndestination:/queue/a\n\nx");
    let message = hear(&mut client);
    let id = value(&message, "message-id").expect("each has one");
    client.say("BEGIN\ntransaction:t\n\n");
    client.say(&format!(
        "ACK\nmessage-id:{id}\nsubscription:s\ntransaction:t\n\n"
    ));
    client.say("ABORT\ntransaction:t\nreceipt:a\n\n");
    assert_eq!(hear(&mut client), "RECEIPT\nreceipt-id:a\n\n");
    assert_eq!(broker.unacked("/queue/a"), 0);
    drop(client);
    broker.close_connections();
    assert_eq!(broker.depth("/queue/a"), 0);
}

#[test]
fn a_send_in_an_unknown_transaction_is_confirmed_and_lost() {
    let broker = artemis();
    let mut client = connect(&broker);
    client.say("SEND\ndestination:/queue/a\ntransaction:t\nreceipt:s\n\nx");
    assert_eq!(hear(&mut client), "RECEIPT\nreceipt-id:s\n\n");
    client.say("COMMIT\ntransaction:t\nreceipt:c\n\n");
    assert!(hear(&mut client).starts_with("ERROR\n"));
    assert_eq!(broker.depth("/queue/a"), 0);
}
