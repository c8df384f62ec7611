//! There and back again: typed, to a frame, over the wire, to a frame, typed.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use stomp_commands::{
    Abort, Ack, AckMode, Begin, ClientFrame, Commit, Connect, Connected, Disconnect, ErrorFrame,
    Headers, HeartBeat, Message, Nack, Receipt, Send, ServerFrame, Subscribe, Unsubscribe, Version,
};

use crate::over_the_wire;
use Version::{V1_0, V1_2};

/// Text that any version can carry in a header: 1.0 has no escapes, and drops leading blanks.
fn plain() -> impl Strategy<Value = String> {
    "[a-z/:\\\\äλ中][ a-z/:\\\\äλ中]{0,12}"
}

/// Text that needs every escape there is.
fn wild() -> impl Strategy<Value = String> {
    "[ -~\n\r\täλ中]{0,16}"
}

/// Text of a header in `version`. A CR is raw in 1.1.
fn text(version: Version) -> BoxedStrategy<String> {
    match version {
        V1_0 => plain().boxed(),
        _ => wild().boxed(),
    }
}

/// Headers of one's own, under names that are nobody else's.
fn own(version: Version) -> impl Strategy<Value = Headers> {
    vec(("x-[a-z]{1,8}", text(version)), 0..4).prop_map(|pairs| pairs.into_iter().collect())
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..64)
}

fn mode() -> impl Strategy<Value = AckMode> {
    proptest::sample::select(AckMode::ALL.to_vec())
}

/// A message that any version can acknowledge.
fn message(version: Version) -> impl Strategy<Value = Message> {
    let text = || text(version);
    (text(), text(), text(), text(), own(version), body()).prop_map(
        |(destination, id, subscription, ack, headers, body)| {
            Message::builder(destination, id)
                .subscription(subscription)
                .ack_id(ack)
                .headers(&headers)
                .body(body)
                .build()
        },
    )
}

/// Sets what all commands have in common.
macro_rules! dress {
    ($command:expr, $receipt:expr, $headers:expr) => {{
        let mut command = $command;
        command.receipt = $receipt.map(Into::into);
        command.headers = $headers;
        ClientFrame::from(command)
    }};
}

fn client_frame(version: Version) -> impl Strategy<Value = ClientFrame> {
    let text = || text(version);
    let parts = (
        (text(), text(), option::of(text()), option::of(text())),
        (option::of(text()), own(version), body(), mode()),
        message(version),
        0..9u8,
    );
    parts.prop_map(
        move |(texts, (receipt, headers, body, mode), message, which)| {
            let (a, b, transaction, content_type) = texts;
            match which {
                0 => {
                    let mut send = Send::to(a).body(body);
                    send.transaction = transaction.map(Into::into);
                    send.content_type = content_type;
                    dress!(send, receipt, headers)
                }
                1 => dress!(Subscribe::to(a).id(b).ack(mode), receipt, headers),
                2 if version == V1_0 => dress!(Unsubscribe::destination(a), receipt, headers),
                2 => dress!(Unsubscribe::id(a), receipt, headers),
                3 => dress!(Begin::new(a), receipt, headers),
                4 => dress!(Commit::new(a), receipt, headers),
                5 => dress!(Abort::new(a), receipt, headers),
                6 => dress!(Disconnect::new(), receipt, headers),
                7 if version > V1_0 => {
                    let mut nack = Nack::of(&message);
                    nack.transaction = transaction.map(Into::into);
                    dress!(nack, receipt, headers)
                }
                _ => {
                    let mut ack = Ack::of(&message);
                    ack.transaction = transaction.map(Into::into);
                    dress!(ack, receipt, headers)
                }
            }
        },
    )
}

fn connect() -> impl Strategy<Value = Connect> {
    let offer = proptest::sample::subsequence(Version::ALL.to_vec(), 1..=3);
    let texts = (
        plain(),
        option::of(plain()),
        option::of(plain()),
        option::of(plain()),
    );
    let beats = (any::<u64>(), any::<u64>());
    (offer, texts, beats, own(V1_0), any::<bool>()).prop_map(
        |(versions, (host, login, passcode, client_id), (can, want), headers, stomp)| {
            let mut connect = Connect::new(host).versions(versions);
            connect.login = login;
            connect.passcode = passcode.map(Into::into);
            connect.client_id = client_id;
            connect.headers = headers;
            if connect.versions == [V1_0] {
                connect.host = None;
            } else {
                connect.heart_beat = HeartBeat::new(can, want);
                connect.stomp = stomp;
            }
            connect
        },
    )
}

fn versions() -> impl Strategy<Value = Version> {
    proptest::sample::select(Version::ALL.to_vec())
}

#[test]
fn a_lent_command_gives_the_same_frame_and_shares_its_body() {
    let send = Send::to("/queue/a")
        .body(vec![b'x'; 9])
        .receipt("r")
        .transaction("t");
    let frame = send.to_frame(V1_2).unwrap();
    assert_eq!(frame.body.as_ptr(), send.body.as_ptr());
    assert_eq!(send.into_frame(V1_2), Ok(frame));
    let message = Message::builder("/queue/a", "1")
        .subscription("s")
        .ack_id("2")
        .build();
    let (ack, nack) = (
        Ack::of(&message).receipt("r"),
        Nack::of(&message).transaction("t"),
    );
    assert_eq!(ack.to_frame(V1_2), ack.clone().into_frame(V1_2));
    assert_eq!(nack.to_frame(V1_2), nack.clone().into_frame(V1_2));
    let subscribe = Subscribe::to("/queue/a")
        .id("s")
        .selector("a = 1")
        .receipt("r");
    assert_eq!(subscribe.to_frame(V1_2), subscribe.clone().into_frame(V1_2));
    let unsubscribe = Unsubscribe::destination("/queue/a").receipt("r");
    assert_eq!(
        unsubscribe.to_frame(V1_0),
        unsubscribe.clone().into_frame(V1_0)
    );
    let begin = Begin::new("t").receipt("r");
    assert_eq!(begin.to_frame(V1_2), begin.clone().into_frame(V1_2));
    let disconnect = Disconnect::new().receipt("r");
    assert_eq!(
        disconnect.to_frame(V1_2),
        disconnect.clone().into_frame(V1_2)
    );
}

proptest! {
    #[test]
    fn client_frames((version, said) in versions().prop_flat_map(|v| (Just(v), client_frame(v)))) {
        let frame = said.clone().into_frame(version).unwrap();
        let arrived = over_the_wire(&frame, version);
        let read = ClientFrame::from_frame(arrived, version).unwrap();
        // The version does not carry all the names a message has; what it carries must be the same.
        let again = read.clone().into_frame(version).unwrap();
        prop_assert_eq!(again, frame);
        if !matches!(said, ClientFrame::Ack(_) | ClientFrame::Nack(_)) {
            prop_assert_eq!(read, said);
        }
    }

    #[test]
    fn connects(said in connect()) {
        let version = *said.versions.last().unwrap();
        let frame = said.clone().into_frame().unwrap();
        let arrived = over_the_wire(&frame, V1_2);
        prop_assert_eq!(Connect::from_frame(arrived, version).unwrap(), said);
    }

    #[test]
    fn messages((version, said) in versions().prop_flat_map(|v| (Just(v), message(v)))) {
        let arrived = over_the_wire(said.frame(), version);
        let read = ServerFrame::from_frame(arrived, version).unwrap();
        let ServerFrame::Message(read) = read else { panic!() };
        prop_assert_eq!(read.destination(), said.destination());
        prop_assert_eq!(read.message_id(), said.message_id());
        prop_assert_eq!(read.subscription(), said.subscription());
        prop_assert_eq!(read.ack_id(), said.ack_id());
        prop_assert_eq!(read.body(), said.body());
    }

    #[test]
    fn other_server_frames(
        version in versions(),
        texts in (plain(), plain(), plain()),
        headers in own(V1_0),
        beats in (any::<u64>(), any::<u64>()),
    ) {
        let (a, b, c) = texts;

        let mut receipt = Receipt::new(a.as_str());
        receipt.headers = headers.clone();
        let frame = receipt.clone().into_frame().unwrap();
        let read = ServerFrame::from_frame(over_the_wire(&frame, version), version).unwrap();
        prop_assert_eq!(read, ServerFrame::Receipt(receipt));

        let mut error = ErrorFrame::new(a.as_str()).receipt_id(b.as_str()).versions(&[version]);
        error.headers = headers.clone();
        let frame = error.clone().into_frame().unwrap();
        let read = ServerFrame::from_frame(over_the_wire(&frame, version), version).unwrap();
        prop_assert_eq!(read, ServerFrame::Error(error));

        let mut connected = Connected::new(version).session(b).server(c);
        connected.headers = headers;
        if version > V1_0 {
            connected.heart_beat = HeartBeat::new(beats.0, beats.1);
        }
        let frame = connected.clone().into_frame().unwrap();
        let read = Connected::from_frame(over_the_wire(&frame, V1_2), &[version]).unwrap();
        prop_assert_eq!(read, connected);
    }

    /// Whatever a peer sends is read or refused, never a reason to panic.
    #[test]
    fn anything_is_read_or_refused(
        command in proptest::sample::select(stomp_commands::Command::ALL.to_vec()),
        version in versions(),
        names in vec((proptest::sample::select(stomp_commands::header::ALL.to_vec()), wild()), 0..12),
    ) {
        let frame = crate::frame(command, &names.iter().map(|(n, v)| (*n, v.as_str())).collect::<Vec<_>>());
        if let Ok(read) = ClientFrame::from_frame(frame.clone(), version) {
            let _ = (format!("{read:?}"), read.into_frame(version));
        }
        if let Ok(read) = ServerFrame::from_frame(frame, version) {
            let _ = format!("{read:?}");
        }
    }
}
