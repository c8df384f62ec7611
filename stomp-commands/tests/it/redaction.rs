//! Secrets do not print, and types are what threads need.

use stomp_commands::{
    ClientFrame, Command, CommandError, Connect, ErrorFrame, FrameError, Message, Passcode, Send,
    ServerFrame,
};

#[test]
fn passcodes_do_not_print() {
    let connect = Connect::new("/").login("me").passcode("s3cret");
    let frame = connect.clone().into_frame().unwrap();
    assert_eq!(format!("{:?}", Passcode::new("s3cret")), "<redacted>");
    let shown = [
        format!("{connect:?}"),
        format!("{:?}", ClientFrame::from(connect)),
        format!("{frame:?}"),
        frame.to_string(),
    ];
    for shown in shown {
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}

#[test]
fn headers_of_ones_own_on_connect_print_by_name() {
    let connect = Connect::new("/").header("authorization", "Bearer s3cret");
    let shown = format!("{connect:?}");
    assert!(shown.contains("authorization"), "{shown}");
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[test]
fn bodies_do_not_print() {
    let error = ErrorFrame::new("no").text("CONNECT\npasscode:s3cret");
    let shown = format!("{error:?}");
    assert!(!shown.contains("s3cret"), "{shown}");
    assert!(shown.contains("23 bytes"), "{shown}");

    let message = Message::builder("/queue/a", "1").body("s3cret").build();
    assert!(!format!("{message:?} {message}").contains("s3cret"));
    let shown = format!("{message:?}");
    assert!(
        shown.contains("/queue/a") && shown.contains("6 bytes"),
        "{shown}"
    );
    let send = Send::to("/queue/a").text("s3cret");
    let shown = format!("{send:?}");
    assert!(!shown.contains("s3cret"), "{shown}");
    assert!(
        shown.contains("/queue/a") && shown.contains("6 bytes"),
        "{shown}"
    );
}

#[test]
fn errors_name_headers_but_not_their_values() {
    let refused = Send::to("/queue/a")
        .header("receipt", "s3cret")
        .into_frame(stomp_commands::Version::V1_2);
    let error = refused.unwrap_err();
    let expected = r#"the header "receipt" of SEND is set by its own method, not by name"#;
    assert_eq!(error.to_string(), expected);
    let error = CommandError::ReservedHeader {
        command: Command::Send,
        header: "receipt".to_owned(),
    };
    assert!(!format!("{error:?}").contains("s3cret"));
}

#[test]
fn types_travel_between_threads_and_errors_are_small() {
    fn travels<T: std::marker::Send + Sync + 'static>() {}
    travels::<ClientFrame>();
    travels::<ServerFrame>();
    travels::<CommandError>();
    assert!(size_of::<CommandError>() <= 40);
    assert!(size_of::<FrameError>() <= 24);
}
