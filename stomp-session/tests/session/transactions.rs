use stomp_commands::{Abort, AckMode, Begin, Commit, Send};
use stomp_session::{Settled, UsageError, With};

use crate::peer::Peer;

fn open() -> Peer {
    let mut peer = Peer::connected();
    peer.session.begin(Begin::new("t"), peer.now).expect("new");
    assert_eq!(peer.sent(), "BEGIN\ntransaction:t\n\n\0");
    peer
}

fn send() -> Send {
    Send::to("/queue/a").transaction("t")
}

#[test]
fn ids_are_made_on_request_and_never_twice() {
    let mut peer = Peer::connected();
    peer.session.begin(Begin::new("t1"), peer.now).expect("new");
    let id = peer.session.new_transaction();
    assert_eq!(id.as_str(), "t2");
    peer.session.begin(Begin::new(&id), peer.now).expect("new");
    let mut peer = peer.reconnected();
    assert_eq!(peer.session.new_transaction().as_str(), "t3");
}

#[test]
fn id_of_a_lost_transaction_is_not_made_again() {
    let mut peer = Peer::connected();
    peer.session.begin(Begin::new("t1"), peer.now).expect("new");
    let mut peer = peer.reconnected();
    assert_eq!(peer.session.new_transaction().as_str(), "t2");
}

#[test]
fn begin_commit_and_abort_carry_receipts_and_headers() {
    let mut peer = Peer::connected();
    let (session, now) = (&mut peer.session, peer.now);
    let begin = |id: &str, receipt: &str| Begin::new(id).receipt(receipt).header("k", "v");
    session.begin(begin("4711", "r1"), now).expect("new");
    let commit = Commit::new("4711").receipt("r2").header("k", "v");
    session.commit(commit, now).expect("open");
    session.begin(begin("t", "r3"), now).expect("new");
    let abort = Abort::new("t").receipt("r4").header("k", "v");
    session.abort(abort, now).expect("open");
    let frames = [
        "BEGIN\ntransaction:4711\nreceipt:r1\nk:v\n\n\0",
        "COMMIT\ntransaction:4711\nreceipt:r2\nk:v\n\n\0",
        "BEGIN\ntransaction:t\nreceipt:r3\nk:v\n\n\0",
        "ABORT\ntransaction:t\nreceipt:r4\nk:v\n\n\0",
    ];
    assert_eq!(peer.sent(), frames.concat());
    for receipt in ["r1", "r2", "r3", "r4"] {
        peer.hear(&format!("RECEIPT\nreceipt-id:{receipt}\n\n\0"));
        assert_eq!(peer.events(), [format!("receipt {receipt}")]);
    }
}

#[test]
fn open_one_cannot_be_begun_again() {
    let mut peer = open();
    let again = peer.session.begin(Begin::new("t"), peer.now);
    assert_eq!(again, Err(UsageError::DuplicateTransaction));
}

#[test]
fn ended_one_is_unknown_and_its_id_free() {
    for commit in [true, false] {
        let mut peer = open();
        let (session, now) = (&mut peer.session, peer.now);
        let ended = match commit {
            true => session.commit(Commit::new("t"), now),
            false => session.abort(Abort::new("t"), now),
        };
        assert_eq!(ended, Ok(()));
        let unknown = Err(UsageError::UnknownTransaction);
        assert_eq!(session.commit(Commit::new("t"), now), unknown);
        assert_eq!(session.abort(Abort::new("t"), now), unknown);
        assert_eq!(session.send(send(), now), unknown);
        assert_eq!(session.open_transactions().count(), 0);
        assert_eq!(session.begin(Begin::new("t"), now), Ok(()));
    }
}

#[test]
fn transaction_of_another_connection_is_lost_not_unknown() {
    let mut peer = open();
    peer.session.handle_eof(peer.now);
    assert_eq!(peer.events(), ["lost t", "closed: the connection was lost"]);
    let mut peer = peer.reconnected();
    let (session, now) = (&mut peer.session, peer.now);
    let lost = Err(UsageError::TransactionLost);
    assert_eq!(session.send(send(), now), lost);
    assert_eq!(session.commit(Commit::new("t"), now), lost);
    assert_eq!(session.abort(Abort::new("t"), now), lost);
    let never = session.commit(Commit::new("u"), now);
    assert_eq!(never, Err(UsageError::UnknownTransaction));
    assert_eq!(
        session.begin(Begin::new("t"), now),
        Ok(()),
        "its id is free"
    );
    assert_eq!(session.commit(Commit::new("t"), now), Ok(()));
    let ended = session.commit(Commit::new("t"), now);
    assert_eq!(ended, Err(UsageError::UnknownTransaction));
}

#[test]
fn commit_without_an_answer_is_in_doubt_once_it_left() {
    let mut peer = open();
    let commit = Commit::new("t").receipt("r1");
    peer.session.commit(commit, peer.now).expect("open");
    peer.sent();
    peer.session.handle_eof(peer.now);
    assert_eq!(
        peer.events(),
        [
            "no receipt r1: the commit may or may not have taken place",
            "closed: the connection was lost",
        ]
    );
}

#[test]
fn commit_that_never_left_did_not_take_place() {
    let mut peer = open();
    let commit = Commit::new("t").receipt("r1");
    peer.session.commit(commit, peer.now).expect("open");
    peer.session.handle_eof(peer.now);
    assert_eq!(
        peer.events(),
        [
            "no receipt r1: the transaction was lost with its connection",
            "closed: the connection was lost",
        ]
    );
}

#[test]
fn commit_whose_answer_is_overdue_is_in_doubt() {
    let mut peer = open();
    let commit = Commit::new("t").receipt("r1");
    peer.session.commit(commit, peer.now).expect("open");
    peer.sent();
    peer.sleep_ms(15_000);
    let doubt = "no receipt r1: the commit may or may not have taken place";
    assert_eq!(peer.events(), [doubt]);
}

#[test]
fn commit_that_was_refused_did_not_take_place() {
    let mut peer = open();
    let commit = Commit::new("t").receipt("r1");
    peer.session.commit(commit, peer.now).expect("open");
    peer.sent();
    peer.hear("ERROR\nmessage:no\nreceipt-id:r1\n\n\0");
    assert_eq!(
        peer.events()[1],
        "no receipt r1: the server refused the frame: no"
    );
}

#[test]
fn frames_of_a_lost_transaction_are_lost_with_it_and_those_of_a_committed_one_unconfirmed() {
    let mut peer = open();
    peer.session
        .send(send().receipt("r1"), peer.now)
        .expect("open");
    peer.sent();
    peer.session.handle_eof(peer.now);
    let lost = "no receipt r1: the transaction was lost with its connection";
    assert_eq!(
        peer.events(),
        [lost, "lost t", "closed: the connection was lost"]
    );

    let mut peer = open();
    peer.session
        .send(send().receipt("r1"), peer.now)
        .expect("open");
    peer.session
        .commit(Commit::new("t"), peer.now)
        .expect("open");
    peer.sent();
    peer.session.handle_eof(peer.now);
    let unconfirmed = "no receipt r1: the connection ended before the receipt came";
    assert_eq!(
        peer.events(),
        [unconfirmed, "closed: the connection was lost"]
    );
}

#[test]
fn acks_wait_for_the_commit_and_an_abort_takes_them_back() {
    let mut peer = Peer::connected();
    let key = peer.subscribe(AckMode::ClientIndividual);
    let tokens = [1, 2].map(|n| peer.receive("s1", n));
    peer.session.begin(Begin::new("t"), peer.now).expect("new");
    let with = || With::nothing().transaction("t");
    let (session, now) = (&mut peer.session, peer.now);
    assert_eq!(session.ack(&tokens[0], with(), now), Ok(Settled::Sent));
    let refused = session.ack(&tokens[0], With::nothing(), now);
    assert_eq!(refused, Err(UsageError::AlreadySettled));
    assert_eq!(session.unsettled(key), 2);
    session.abort(Abort::new("t"), now).expect("open");

    assert_eq!(session.begin(Begin::new("t"), now), Ok(()));
    assert_eq!(session.ack(&tokens[0], with(), now), Ok(Settled::Sent));
    session.commit(Commit::new("t"), now).expect("open");
    assert_eq!(session.unsettled(key), 1);
    let refused = session.ack(&tokens[0], With::nothing(), now);
    assert_eq!(refused, Err(UsageError::AlreadySettled));
    assert_eq!(
        session.ack(&tokens[1], With::nothing(), now),
        Ok(Settled::Sent)
    );
}

#[test]
fn ack_in_a_transaction_that_is_not_open_changes_nothing() {
    let mut peer = Peer::connected();
    let key = peer.subscribe(AckMode::Client);
    let token = peer.receive("s1", 1);
    let with = With::nothing().transaction("t");
    let refused = peer.session.ack(&token, with, peer.now);
    assert_eq!(refused, Err(UsageError::UnknownTransaction));
    assert_eq!(peer.session.unsettled(key), 1);
    assert_eq!(peer.sent(), "");
}

#[test]
fn only_so_many_lost_transactions_are_remembered() {
    let mut peer = Peer::connected();
    for round in 0..17 {
        for n in 0..64 {
            let begin = Begin::new(format!("{round}-{n}"));
            peer.session.begin(begin, peer.now).expect("new");
        }
        peer = peer.reconnected();
    }
    let mut commit = |id: &str| peer.session.commit(Commit::new(id), peer.now);
    assert_eq!(commit("0-63"), Err(UsageError::UnknownTransaction));
    assert_eq!(commit("1-0"), Err(UsageError::TransactionLost));
    assert_eq!(commit("16-63"), Err(UsageError::TransactionLost));
}
