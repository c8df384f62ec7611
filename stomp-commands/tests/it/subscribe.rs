//! SUBSCRIBE and UNSUBSCRIBE.

use stomp_commands::{AckMode, Command, CommandError, FrameError, Subscribe, Unsubscribe, Version};

use crate::{frame, headers};
use Version::{V1_0, V1_1, V1_2};

#[test]
fn an_id_is_mandatory_from_1_1_on() {
    let anonymous = Subscribe::to("/queue/a");
    let said = anonymous.clone().into_frame(V1_0).unwrap();
    assert_eq!(headers(&said), [("destination", "/queue/a")]);
    for version in [V1_1, V1_2] {
        let error = CommandError::MissingHeader {
            command: Command::Subscribe,
            header: "id",
            version,
        };
        assert_eq!(anonymous.clone().into_frame(version), Err(error));
    }
    for version in Version::ALL {
        let said = anonymous.clone().id("s1").into_frame(version).unwrap();
        assert_eq!(headers(&said), [("id", "s1"), ("destination", "/queue/a")]);
    }
}

#[test]
fn ack_modes_other_than_auto_are_written() {
    let cases = [
        (AckMode::Auto, None),
        (AckMode::Client, Some("client")),
        (AckMode::ClientIndividual, Some("client-individual")),
    ];
    for (mode, written) in cases {
        let subscribe = Subscribe::to("/queue/a").id("s1").ack(mode);
        let frame = subscribe.into_frame(V1_1).unwrap();
        assert_eq!(frame.headers.get("ack"), written);
        assert_eq!(Subscribe::from_frame(frame, V1_1).unwrap().ack, mode);
    }
}

#[test]
fn unknown_ack_modes_are_refused() {
    for mode in ["sometimes", "", "Auto", " auto", "client_individual"] {
        let given = [("destination", "/queue/a"), ("id", "s1"), ("ack", mode)];
        let read = Subscribe::from_frame(frame(Command::Subscribe, &given), V1_2);
        assert_eq!(read, Err(FrameError::BadAckMode), "{mode:?}");
        assert!(mode.parse::<AckMode>().is_err());
    }
}

#[test]
fn receipt_and_headers_of_ones_own_follow() {
    let subscribe = Subscribe::to("/queue/a")
        .id("s1")
        .header("a", "b")
        .receipt("r1");
    let said = subscribe.into_frame(V1_2).unwrap();
    let expected = [
        ("id", "s1"),
        ("destination", "/queue/a"),
        ("receipt", "r1"),
        ("a", "b"),
    ];
    assert_eq!(headers(&said), expected);
    let unsubscribe = Unsubscribe::id("s1")
        .header("durable", "true")
        .receipt("r2");
    let said = unsubscribe.into_frame(V1_2).unwrap();
    assert_eq!(
        headers(&said),
        [("id", "s1"), ("receipt", "r2"), ("durable", "true")]
    );
}

#[test]
fn unsubscribe_goes_by_id_and_in_1_0_by_destination() {
    for version in Version::ALL {
        let said = Unsubscribe::id("s1").into_frame(version).unwrap();
        assert_eq!(headers(&said), [("id", "s1")]);
    }
    let anonymous = Unsubscribe::destination("/queue/a");
    let said = anonymous.clone().into_frame(V1_0).unwrap();
    assert_eq!(headers(&said), [("destination", "/queue/a")]);
    for version in [V1_1, V1_2] {
        let refused = anonymous.clone().into_frame(version);
        assert!(matches!(
            refused,
            Err(CommandError::MissingHeader { header: "id", .. })
        ));
    }
}

#[test]
fn brokers_read_unsubscribe_by_id_first() {
    let both = [("id", "s1"), ("destination", "/queue/a")];
    let read = Unsubscribe::from_frame(frame(Command::Unsubscribe, &both), V1_0).unwrap();
    assert_eq!(read, Unsubscribe::id("s1"));
    let read = Unsubscribe::from_frame(frame(Command::Unsubscribe, &both[1..]), V1_0).unwrap();
    assert_eq!(read, Unsubscribe::destination("/queue/a"));
    for (version, header) in [(V1_0, "destination"), (V1_1, "id"), (V1_2, "id")] {
        let read = Unsubscribe::from_frame(frame(Command::Unsubscribe, &[]), version);
        let command = Command::Unsubscribe;
        assert_eq!(read, Err(FrameError::MissingHeader { command, header }));
    }
}

#[test]
fn typed_headers_cannot_be_given_by_name() {
    for name in ["destination", "id", "ack", "receipt", "content-length"] {
        let subscribe = Subscribe::to("/queue/a").id("s1").header(name, "x");
        let error = CommandError::ReservedHeader {
            command: Command::Subscribe,
            header: name.to_owned(),
        };
        assert_eq!(subscribe.into_frame(V1_2), Err(error));
    }
}
