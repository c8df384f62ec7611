use std::time::Duration;

use stomp_commands::{Abort, AckMode, Begin, Send, Subscribe};
use stomp_session::{Event, UsageError, With};

use crate::peer::{Peer, message, quiet};

#[test]
fn receipt_answers_its_frame_and_lists_what_else_was_received_once() {
    let mut peer = Peer::connected();
    for receipt in ["r1", "r2", "r3", "r4"] {
        peer.send(receipt);
    }
    peer.hear(
        "RECEIPT\nreceipt-id:r3\n\n\0RECEIPT\nreceipt-id:r4\n\n\0RECEIPT\nreceipt-id:r1\n\n\0",
    );
    assert_eq!(
        peer.events(),
        ["receipt r3 <r1 <r2", "receipt r4", "receipt r1"]
    );
    assert_eq!(peer.session.pending_receipts().count(), 1);
}

#[test]
fn only_1_2_says_that_earlier_frames_were_received() {
    let mut peer = Peer::by_version("1.1");
    peer.send("r1");
    peer.send("r2");
    peer.hear("RECEIPT\nreceipt-id:r2\n\n\0");
    assert_eq!(peer.events(), ["receipt r2"]);
}

#[test]
fn receipt_has_a_deadline() {
    let mut peer = Peer::connected();
    peer.send("r1");
    peer.sent();
    peer.sleep_ms(5_000);
    peer.send("r2");
    peer.sent();
    peer.sleep_ms(9_999);
    assert_eq!(peer.events(), [""; 0]);
    peer.sleep_ms(1);
    assert_eq!(
        peer.events(),
        ["no receipt r1: no receipt within the time allowed"]
    );
    peer.sleep_ms(5_000);
    assert_eq!(
        peer.events(),
        ["no receipt r2: no receipt within the time allowed"]
    );
    assert_eq!(peer.session.poll_timeout(), None);
    assert!(!peer.session.is_closed());
}

#[test]
fn frame_that_is_stuck_on_its_way_is_not_waited_for_for_ever() {
    let mut peer = Peer::connected();
    peer.session.handle_pause(); // the broker may have to wait for us
    peer.send("r1");
    peer.send("r2");
    assert!(peer.session.poll_transmit(peer.now).is_some());
    peer.send("r3");
    peer.sleep_ms(10_000);
    peer.session.handle_written(1, peer.now);
    peer.sleep_ms(14_999);
    assert_eq!(peer.events(), [""; 0]);
    peer.sleep_ms(1);
    assert_eq!(
        peer.events(),
        [
            "no receipt r1: no receipt within the time allowed",
            "no receipt r2: no receipt within the time allowed"
        ]
    );
    assert_eq!(peer.session.poll_timeout(), None, "r3 was not offered");
}

#[test]
fn late_receipt_is_reported_and_harms_nobody() {
    let mut peer = Peer::connected();
    peer.send("r1");
    peer.sent();
    peer.sleep_ms(15_000);
    peer.events();
    peer.hear("RECEIPT\nreceipt-id:r1\n\n\0");
    assert_eq!(peer.events(), ["unexpected receipt r1"]);
}

#[test]
fn endless_patience_has_no_deadline() {
    let mut peer = Peer::connecting(quiet().receipt_timeout(Duration::MAX));
    peer.hear("CONNECTED\nversion:1.2\n\n\0");
    peer.send("r1");
    assert_eq!(peer.session.poll_timeout(), None);
}

#[test]
fn lost_connection_tells_apart_what_was_sent_and_what_was_not() {
    let mut peer = Peer::connected();
    peer.send("r1");
    peer.sent();
    peer.send("r2");
    peer.session.handle_eof(peer.now);
    assert_eq!(
        peer.events(),
        [
            "no receipt r1: the connection ended before the receipt came",
            "no receipt r2: the frame was not sent",
            "closed: the connection was lost",
        ]
    );
    assert_eq!(peer.sent(), "");
}

#[test]
fn error_that_names_a_receipt_answers_that_frame_only() {
    let mut peer = Peer::connected();
    peer.send("r1");
    peer.send("r2");
    peer.sent();
    peer.hear("ERROR\nmessage:no\nreceipt-id:r2\n\n\0");
    assert_eq!(
        peer.events(),
        [
            "error no",
            "no receipt r2: the server refused the frame: no",
            "no receipt r1: the connection ended before the receipt came",
            "closed: the server reported an error: no",
        ]
    );
}

#[test]
fn receipt_behind_an_error_proves_nothing() {
    let mut peer = Peer::connected();
    let subscribe = Subscribe::to("/amq/queue/none").receipt("r1");
    peer.session
        .subscribe(subscribe, peer.now)
        .expect("connected");
    peer.sent();
    peer.hear("ERROR\nmessage:not_found\n\n\0RECEIPT\nreceipt-id:r1\n\n\0");
    assert_eq!(
        peer.events(),
        [
            "error not_found",
            "no receipt r1: the server seems to have refused the frame: not_found",
            "closed: the server reported an error: not_found",
        ]
    );
}

#[test]
fn id_that_is_waited_for_is_refused_in_every_command_and_nothing_changes() {
    let mut peer = Peer::connected();
    let key = peer.subscribe(AckMode::Client);
    let token = peer.receive("s1", 1);
    peer.session.begin(Begin::new("t"), peer.now).expect("new");
    peer.send("r1");
    peer.sent();
    let (session, now) = (&mut peer.session, peer.now);
    let with = || With::nothing().receipt("r1");
    let refused = [
        session.send(Send::to("/queue/a").receipt("r1"), now),
        session
            .subscribe(Subscribe::to("/b").receipt("r1"), now)
            .map(drop),
        session.unsubscribe(key, with(), now),
        session.ack(&token, with(), now).map(drop),
        session.nack(&token, with(), now).map(drop),
        session.begin(Begin::new("u").receipt("r1"), now),
        session.commit(stomp_commands::Commit::new("t").receipt("r1"), now),
        session.abort(Abort::new("t").receipt("r1"), now),
        session.disconnect(stomp_commands::Disconnect::new().receipt("r1"), now),
    ];
    assert_eq!(refused, [const { Err(UsageError::DuplicateReceipt) }; 9]);
    assert_eq!(session.subscriptions().len(), 1);
    assert_eq!(session.unsettled(key), 1);
    let open: Vec<_> = session.open_transactions().map(|t| t.as_str()).collect();
    assert_eq!(open, ["t"]);
    assert_eq!(peer.sent(), "");
    peer.hear(&message("s1", 2));
    assert_eq!(peer.events(), ["message m2"]);
}

#[test]
fn id_is_free_again_when_it_was_answered_or_given_up() {
    let mut peer = Peer::connected();
    peer.send("r1");
    peer.hear("RECEIPT\nreceipt-id:r1\n\n\0");
    peer.send("r1");
    peer.sent();
    peer.sleep_ms(15_000);
    peer.send("r1");
}

#[test]
fn receipts_inside_a_transaction_wait_for_its_commit_on_rabbitmq() {
    let mut peer = Peer::connecting(quiet());
    peer.hear("CONNECTED\nversion:1.2\nserver:RabbitMQ/3.10.8\n\n\0");
    peer.session.begin(Begin::new("t"), peer.now).expect("new");
    let send = Send::to("/queue/a").transaction("t").receipt("r1");
    peer.session.send(send, peer.now).expect("open");
    peer.sent();
    peer.sleep_ms(60_000);
    assert!(matches!(peer.event(), Some(Event::Connected(_))));
    assert_eq!(peer.events(), [""; 0]);
    let commit = stomp_commands::Commit::new("t");
    peer.session.commit(commit, peer.now).expect("open");
    peer.sent();
    peer.sleep_ms(14_999);
    assert_eq!(peer.events(), [""; 0]);
    peer.sleep_ms(1);
    assert_eq!(
        peer.events(),
        ["no receipt r1: no receipt within the time allowed"]
    );
}

#[test]
fn receipts_inside_a_transaction_have_their_deadline_elsewhere() {
    let mut peer = Peer::connected();
    peer.session.begin(Begin::new("t"), peer.now).expect("new");
    let send = Send::to("/queue/a").transaction("t").receipt("r1");
    peer.session.send(send, peer.now).expect("open");
    peer.sent();
    peer.sleep_ms(1_000);
    peer.session
        .commit(stomp_commands::Commit::new("t"), peer.now)
        .expect("open");
    peer.sent();
    peer.sleep_ms(14_000);
    assert_eq!(
        peer.events(),
        ["no receipt r1: no receipt within the time allowed"]
    );
    assert_eq!(peer.session.poll_timeout(), None);
}

/// Two frames, one of them in a transaction that is aborted. Returns the events, and the receipts
/// that are still waited for.
fn aborted(mut peer: Peer) -> (Peer, Vec<String>, Vec<String>) {
    peer.send("r1");
    peer.session.begin(Begin::new("t"), peer.now).expect("new");
    let send = Send::to("/queue/a").transaction("t").receipt("r2");
    peer.session.send(send, peer.now).expect("open");
    peer.session.abort(Abort::new("t"), peer.now).expect("open");
    let pending = peer.session.pending_receipts();
    let pending = pending.map(ToString::to_string).collect();
    let events = peer.events();
    (peer, events, pending)
}

#[test]
fn abort_ends_the_wait_for_its_frames_on_rabbitmq() {
    let mut peer = Peer::connecting(quiet());
    peer.hear("CONNECTED\nversion:1.2\nserver:RabbitMQ/3.10.8\n\n\0");
    peer.event();
    let (_, events, pending) = aborted(peer);
    assert_eq!(events, ["no receipt r2: the transaction was aborted"]);
    assert_eq!(pending, ["r1"]);
}

#[test]
fn receipts_of_an_aborted_transaction_are_under_way_elsewhere() {
    let (mut peer, events, pending) = aborted(Peer::connected());
    assert_eq!(events, [""; 0]);
    assert_eq!(pending, ["r1", "r2"]);
    let again = Send::to("/queue/a").receipt("r2");
    let refused = peer.session.send(again, peer.now);
    assert_eq!(refused, Err(UsageError::DuplicateReceipt));
    // Another transaction of that name has nothing to do with it.
    peer.session.begin(Begin::new("t"), peer.now).expect("new");
    peer.session.abort(Abort::new("t"), peer.now).expect("open");
    peer.hear("RECEIPT\nreceipt-id:r2\n\n\0");
    assert_eq!(peer.events(), ["receipt r2 <r1"]);
}

#[test]
fn ids_are_never_made_twice_nor_taken_from_the_application() {
    let mut peer = Peer::connected();
    peer.send("r1");
    assert_eq!(peer.session.new_receipt().as_str(), "r2");
    assert_eq!(peer.session.new_receipt().as_str(), "r3");
    let mut peer = peer.reconnected();
    assert_eq!(peer.session.new_receipt().as_str(), "r4");
}
