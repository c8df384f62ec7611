//! What is refused before it is sent, since it would end connections.

use stomp_commands::Send;
use stomp_session::Limits;
use stomp_session::engine::Sent;

use crate::peer::{Peer, quiet};

fn send(peer: &mut Peer, command: &Send) -> String {
    match peer.engine.send(command, false, None, None, peer.now) {
        Ok(Sent::Done) => "sent".to_owned(),
        Ok(other) => format!("{other:?}"),
        Err(error) => error.to_string(),
    }
}

fn connected_to(server: &str) -> Peer {
    let connected = format!("CONNECTED\nversion:1.2\nserver:{server}\n\n\0");
    Peer::connected_to(&connected, quiet())
}

fn limited(limits: Limits) -> Peer {
    let mut settings = quiet();
    settings.session = settings.session.limits(limits);
    Peer::connected_to("CONNECTED\nversion:1.2\n\n\0", settings)
}

#[test]
fn header_that_no_client_receives_is_not_sent_unless_limits_are_raised() {
    let long = Send::to("/queue/a").header("k", "x".repeat(17 << 10));
    let mut peer = Peer::connected();
    let text = "a header line of 17410 octets, where clients receive 16384 \
                (raise the limits of this one to send it)";
    assert_eq!(send(&mut peer, &long), text);
    assert_eq!(peer.sent(), "");
    let mut peer = limited(Limits::client().header_line(32 << 10));
    assert_eq!(send(&mut peer, &long), "sent");
}

#[test]
fn whoever_receives_little_may_send_what_others_receive() {
    let mut peer = limited(Limits::client().body(3));
    assert_eq!(send(&mut peer, &Send::to("/queue/a").body("four")), "sent");
}

#[test]
fn frame_that_this_version_of_the_broker_does_not_take_is_not_sent() {
    let large = Send::to("/queue/a").body(vec![b'x'; 5 << 20]);
    let refused = send(&mut connected_to("RabbitMQ/4.0.5"), &large);
    let end = "octets: RabbitMQ/4.0.5 takes 4194304";
    assert!(refused.ends_with(end), "{refused}");
    assert_eq!(send(&mut connected_to("RabbitMQ/3.10.8"), &large), "sent");
}
