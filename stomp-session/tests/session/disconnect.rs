use std::time::Duration;

use stomp_commands::{AckMode, Disconnect};
use stomp_session::{CloseReason, SessionState, UsageError};

use crate::peer::{Peer, quiet};

fn disconnecting() -> Peer {
    let mut peer = Peer::connected();
    peer.subscribe(AckMode::Auto);
    let disconnect = Disconnect::new().receipt("bye").header("x", "y");
    peer.session
        .disconnect(disconnect, peer.now)
        .expect("connected");
    assert_eq!(peer.sent(), "DISCONNECT\nreceipt:bye\nx:y\n\n\0");
    assert_eq!(peer.session.state(), SessionState::Disconnecting);
    peer
}

#[test]
fn receipt_confirms_it() {
    let mut peer = disconnecting();
    peer.hear("RECEIPT\nreceipt-id:bye\n\n\0");
    assert_eq!(peer.closed(), CloseReason::Disconnected { confirmed: true });
}

#[test]
fn what_it_takes_along_may_be_processed() {
    let mut peer = Peer::connected();
    peer.send("r1");
    let disconnect = Disconnect::new();
    peer.session
        .disconnect(disconnect, peer.now)
        .expect("connected");
    assert_eq!(
        peer.events(),
        [
            "no receipt r1: the connection ended before the receipt came",
            "closed: disconnected",
        ]
    );
    let sent = peer.sent();
    assert!(sent.starts_with("SEND\n"), "{sent}");
    assert!(sent.ends_with("DISCONNECT\n\n\0"), "{sent}");
}

#[test]
fn what_it_takes_nowhere_was_not_sent() {
    let mut peer = Peer::connected();
    peer.send("r1");
    let disconnect = Disconnect::new().receipt("bye");
    peer.session
        .disconnect(disconnect, peer.now)
        .expect("connected");
    peer.session.handle_eof(peer.now);
    assert_eq!(
        peer.events(),
        [
            "no receipt r1: the frame was not sent",
            "closed: disconnected",
        ]
    );
    assert_eq!(peer.sent(), "");
}

#[test]
fn end_of_the_stream_is_as_good() {
    let mut peer = disconnecting();
    peer.session.handle_eof(peer.now);
    assert_eq!(
        peer.closed(),
        CloseReason::Disconnected { confirmed: false }
    );
}

#[test]
fn neither_in_time_is_a_reason_of_its_own() {
    let mut peer = disconnecting();
    peer.sleep_ms(4_999);
    assert!(!peer.session.is_closed());
    peer.sleep_ms(1);
    let after = Duration::from_secs(5);
    assert_eq!(peer.closed(), CloseReason::DisconnectTimedOut { after });
}

#[test]
fn its_receipt_has_no_deadline_of_its_own() {
    let second = Duration::from_secs(1);
    let mut peer = Peer::connecting(quiet().receipt_timeout(second));
    peer.hear("CONNECTED\nversion:1.2\n\n\0");
    peer.events();
    let disconnect = Disconnect::new().receipt("bye");
    peer.session
        .disconnect(disconnect, peer.now)
        .expect("connected");
    peer.sent();
    peer.sleep_ms(4_999);
    assert_eq!(peer.events(), [""; 0]);
    peer.hear("RECEIPT\nreceipt-id:bye\n\n\0");
    let reason = peer.closed();
    assert_eq!(reason, CloseReason::Disconnected { confirmed: true });
    assert!(reason.is_orderly());
    assert!(!CloseReason::ConnectionLost.is_orderly());
}

#[test]
fn messages_still_come_and_other_receipts_too() {
    let mut peer = Peer::connected();
    peer.subscribe(AckMode::Auto);
    peer.send("r1");
    let disconnect = Disconnect::new().receipt("bye");
    peer.session
        .disconnect(disconnect, peer.now)
        .expect("connected");
    peer.sent();
    peer.hear("MESSAGE\ndestination:/a\nmessage-id:1\nsubscription:s1\n\n\0");
    peer.hear("RECEIPT\nreceipt-id:r1\n\n\0");
    assert_eq!(peer.events(), ["message 1", "receipt r1"]);
}

#[test]
fn receipts_that_never_come_are_given_up_with_it() {
    let mut peer = Peer::connected();
    peer.send("r1");
    let disconnect = Disconnect::new().receipt("bye");
    peer.session
        .disconnect(disconnect, peer.now)
        .expect("connected");
    peer.sent();
    peer.hear("RECEIPT\nreceipt-id:bye\n\n\0");
    assert_eq!(
        peer.events(),
        [
            "no receipt r1: the connection ended before the receipt came",
            "closed: disconnected",
        ]
    );
}

#[test]
fn error_is_the_end_all_the_same() {
    let mut peer = disconnecting();
    peer.hear("ERROR\nmessage:no\nreceipt-id:bye\n\n\0");
    let closed = "closed: the server reported an error: no";
    assert_eq!(peer.events(), ["error no", closed]);
}

#[test]
fn without_receipt_it_is_over_at_once_and_the_frame_is_still_written() {
    let mut peer = Peer::connected();
    peer.session
        .disconnect(Disconnect::new(), peer.now)
        .expect("connected");
    assert_eq!(peer.session.state(), SessionState::Closed);
    assert_eq!(peer.sent(), "DISCONNECT\n\n\0");
    assert_eq!(
        peer.closed(),
        CloseReason::Disconnected { confirmed: false }
    );
}

#[test]
fn second_disconnect_is_refused() {
    let mut peer = disconnecting();
    let again = peer.session.disconnect(Disconnect::new(), peer.now);
    assert_eq!(again, Err(UsageError::NotConnected));
}

#[test]
fn subscriptions_outlive_it() {
    let peer = disconnecting();
    assert_eq!(peer.session.into_subscriptions().len(), 1);
}
