//! What goes wrong, when it is told to.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::time::Duration;

use common::{Peer, body, value};
use stomp_frame::{Command, Frame};
use stomp_testbroker::{Fault, Profile, TestBroker, any_received, any_sent, on};

const SEND: &str = "SEND\ndestination:/queue/a\nreceipt:r\n\nx";
const RECEIPT: &str = "RECEIPT\nreceipt-id:r\n\n";
const SUBSCRIBE: &str = "SUBSCRIBE\nid:0\ndestination:/queue/a\nack:client\n\n";

/// Mounts a rule, lets a client send, and returns what it hears and how many messages there are.
fn suffer(rule: stomp_testbroker::Rule) -> (String, usize) {
    let broker = TestBroker::in_memory();
    let mut client = Peer::connect(&broker);
    let _fault = rule.mount(&broker);
    client.say(SEND);
    let heard = match client.is_quiet() {
        true => "nothing".to_owned(),
        false => client.hear(),
    };
    (heard, broker.depth("/queue/a"))
}

#[test]
fn faults_of_received_frames() {
    let send = || on(Command::Send).to("/queue/a");
    let ok = || RECEIPT.to_owned();
    let error = || "ERROR\nmessage:no\nreceipt-id:r\n\n".to_owned();
    let end = String::new;
    let nothing = || "nothing".to_owned();
    assert_eq!(suffer(send()), (ok(), 1));
    assert_eq!(suffer(send().then(Fault::Drop)), (nothing(), 0));
    assert_eq!(suffer(send().then(Fault::Duplicate)), (ok(), 2));
    assert_eq!(suffer(send().then(Fault::Close)), (end(), 0));
    assert_eq!(suffer(send().then(Fault::ProcessThenClose)), (end(), 1));
    assert_eq!(suffer(send().then(Fault::WithholdReceipt)), (nothing(), 1));
    assert_eq!(suffer(send().then(Fault::Error("no".into()))), (error(), 0));
    assert_eq!(suffer(send().then(Fault::Crash)), (end(), 0));
    assert_eq!(suffer(send().then(Fault::Slice(1))), (ok(), 1));
    assert_eq!(suffer(send().then(Fault::BlackHole)), (nothing(), 1));
    let garbage = Fault::Garbage("???".into());
    assert_eq!(suffer(send().then(garbage)), (format!("???{RECEIPT}"), 1));
    let other = Frame::new(Command::Send)
        .header("destination", "/queue/b")
        .header("receipt", "other");
    let heard = suffer(send().then(Fault::Replace(Box::new(other))));
    assert_eq!(heard, (RECEIPT.replace(":r", ":other"), 0));
}

#[test]
fn faults_of_sent_frames() {
    let receipt = || on(Command::Receipt).header("receipt-id", "r");
    let hears = |rule| suffer(rule).0;
    assert_eq!(hears(receipt().then(Fault::Drop)), "nothing");
    assert_eq!(hears(receipt().then(Fault::Close)), "");
    assert_eq!(hears(receipt().then(Fault::ProcessThenClose)), RECEIPT);
    assert_eq!(hears(receipt().then(Fault::Truncate(9))), "RECEIPT\nr");
    assert_eq!(hears(receipt().then(Fault::Garbage("?\0".into()))), "?");
    let error = receipt().then(Fault::ErrorAndStay("no".into()));
    assert_eq!(hears(error), "ERROR\nmessage:no\n\n");
}

#[test]
fn error_and_stay_leaves_the_connection_open() {
    let broker = TestBroker::in_memory();
    let mut client = Peer::connect(&broker);
    let refused = on(Command::Send)
        .nth(1)
        .then(Fault::ErrorAndStay("not now".into()))
        .mount(&broker);
    client.say(SEND);
    assert_eq!(value(&client.hear(), "message"), Some("not now"));
    client.say(SEND);
    assert_eq!(client.hear(), RECEIPT);
    assert_eq!(refused.hits(), 1);
}

#[test]
fn rules_pick_frames_by_number_header_connection_and_order() {
    let broker = TestBroker::in_memory();
    let (mut one, mut two) = (Peer::connect(&broker), Peer::connect(&broker));
    let second = on(Command::Send).to("/queue/a").nth(2).mount(&broker);
    let later = on(Command::Send).from_nth(2).mount(&broker);
    let marked = on(Command::Send).header("k", "v").mount(&broker);
    let of_two = any_received().connection(2).mount(&broker);
    let after = on(Command::Send)
        .after(on(Command::Subscribe))
        .mount(&broker);
    let late = any_sent().after_octets(200).mount(&broker);
    one.confirm("SEND\ndestination:/queue/a\n\n1");
    one.confirm("SEND\ndestination:/queue/b\nk:v\n\n2");
    two.confirm("SEND\ndestination:/queue/a\nk:w\n\n3");
    two.confirm("SUBSCRIBE\nid:0\ndestination:/queue/c\n\n");
    two.confirm("SEND\ndestination:/queue/a\n\n4");
    let hits = [&second, &later, &marked, &of_two, &after, &late].map(|guard| guard.hits());
    assert_eq!(hits, [1, 3, 1, 3, 1, 0]);
}

#[test]
fn ack_can_be_matched_by_the_destination_of_its_message() {
    let broker = TestBroker::in_memory();
    let mut client = Peer::connect(&broker);
    let acks = on(Command::Ack).to("/queue/a").mount(&broker);
    broker.push("/queue/a", "x");
    client.say(SUBSCRIBE);
    let message = client.hear();
    let ack = value(&message, "ack").unwrap();
    client.confirm(&format!("ACK\nid:{ack}\n\n"));
    assert_eq!(acks.hits(), 1);
}

#[test]
fn healing_brings_back_what_a_black_hole_held_up() {
    let broker = TestBroker::in_memory();
    let mut client = Peer::connect(&broker);
    let hole = broker.black_hole();
    client.say(SEND);
    assert!(client.is_quiet());
    assert_eq!(broker.depth("/queue/a"), 0);
    hole.heal();
    assert_eq!(client.hear(), RECEIPT);
}

#[test]
fn faults_end_with_their_guard() {
    let broker = TestBroker::in_memory();
    let mut client = Peer::connect(&broker);
    let dropping = on(Command::Send).then(Fault::Drop).mount(&broker);
    client.say(SEND);
    drop(dropping);
    client.say(SEND);
    assert_eq!(client.hear(), RECEIPT);
    assert_eq!(broker.depth("/queue/a"), 1);
}

#[test]
fn crash_keeps_persistent_messages_only() {
    let broker = TestBroker::in_memory();
    let mut client = Peer::connect(&broker);
    client.confirm("SEND\ndestination:/queue/a\n\ntransient");
    client.confirm("SEND\ndestination:/queue/a\npersistent:true\n\nwaiting");
    client.confirm("SEND\ndestination:/queue/b\npersistent:true\n\nin hand");
    client.confirm("SUBSCRIBE\nid:0\ndestination:/queue/b\nack:client\n\n");
    client.hear();
    let crash = broker.crash();
    assert_eq!(client.hear(), "");
    assert!(broker.connect_memory().is_err());
    crash.heal();
    let mut client = Peer::connect(&broker);
    client.say(SUBSCRIBE);
    assert_eq!(body(&client.hear()), "waiting");
    client.say("SUBSCRIBE\nid:1\ndestination:/queue/b\n\n");
    assert_eq!(body(&client.hear()), "in hand");
}

#[test]
fn crashed_broker_refuses_and_comes_back_on_its_port() {
    let broker = TestBroker::start();
    let address = broker.address();
    let mut client = Peer::connect_tcp(address).unwrap();
    let crash = broker.crash();
    assert_eq!(client.hear(), "");
    let refused = Peer::connect_tcp(address).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    crash.heal();
    Peer::connect_tcp(address).unwrap();
}

#[test]
fn cluster_outlives_the_crash_of_a_member() {
    let broker = TestBroker::builder().nodes(2).start();
    let [one, two] = [0, 1].map(|n| broker.node(n).address());
    let expected = format!("failover:(stomp://{one},stomp://{two})");
    assert_eq!(broker.failover_url(), expected);
    let mut sender = Peer::connect_tcp(one).unwrap();
    let mut receiver = Peer::connect_tcp(two).unwrap();
    sender.confirm("SEND\ndestination:/queue/a\n\nx");
    let crash = broker.node(0).crash();
    assert_eq!(sender.hear(), "", "its connections end");
    assert!(Peer::connect_tcp(one).is_err());
    receiver.say(SUBSCRIBE);
    assert_eq!(body(&receiver.hear()), "x", "the others have the messages");
    crash.heal();
    Peer::connect_tcp(one).unwrap();
}

#[test]
fn delayed_receipt_is_overtaken() {
    let broker = TestBroker::in_memory();
    let mut client = Peer::connect(&broker);
    let _late = on(Command::Send)
        .nth(1)
        .then(Fault::DelayReceipt(Duration::from_millis(5)))
        .mount(&broker);
    client.say(SEND);
    client.say(&SEND.replace(":r", ":s"));
    assert_eq!(value(&client.hear(), "receipt-id"), Some("s"));
    assert_eq!(value(&client.hear(), "receipt-id"), Some("r"));
}

#[test]
fn same_seed_same_faults() {
    let run = |seed| {
        let broker = TestBroker::builder().chaos_seed(seed).in_memory();
        for _ in 0..20 {
            let mut client = Peer::open(&broker);
            client.say("CONNECT\naccept-version:1.2\nhost:h\n\n");
            for _ in 0..10 {
                client.say("SEND\ndestination:/queue/a\n\nx");
            }
        }
        let transcript = broker.transcript();
        let lines = transcript.lines().map(|line| format!("{:?}", line.what));
        (broker.depth("/queue/a"), lines.collect::<Vec<_>>())
    };
    assert_eq!(run(7).1, run(7).1);
    assert_ne!(run(7).0, 200, "something happened to somebody");
}

#[test]
fn profiles_are_named_by_their_server_header() {
    for profile in Profile::ALL {
        let broker = TestBroker::builder().profile(profile).in_memory();
        let mut client = Peer::open(&broker);
        client.say("CONNECT\naccept-version:1.2\nhost:/\n\n");
        let connected = client.hear();
        let server = value(&connected, "server");
        let dialect = stomp_commands::Dialect::detect(server);
        assert_eq!(dialect, profile.dialect(), "{connected}");
    }
}
