//! Getting a connection, and being told why there is none.

use std::net::TcpListener;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stomp_frame::Version;
use stomp_testbroker::{Certificate, TestBroker};

use crate::client::{Options, Outgoing, Settled, Transport, Verdict, Wanted};
use crate::peer::Peer;
use crate::world::{SHORT, SOON, World, fast, within};

/// Tries to connect, and returns the complaint of one line.
#[track_caller]
fn refused(world: &World, options: &Options) -> String {
    let Err(verdict) = within(SOON, || world.adapter.connect(options)) else {
        panic!("it connected");
    };
    assert!(matches!(verdict, Verdict::Connect(_)), "{verdict:?}");
    let text = verdict.text().to_owned();
    assert!(!text.contains('\n'), "{text}");
    text
}

pub(crate) fn a_message_goes_there_and_back(world: &World) {
    let broker = world.broker();
    let client = world.connect(&broker);
    let mut inbox = client.subscribe(Wanted::from("/queue/a")).unwrap();
    for length in [0, 1, 100_000] {
        let body = vec![b'x'; length];
        client
            .send(Outgoing::confirmed("/queue/a", body.clone()))
            .ok();
        let message = inbox.next(SOON).message();
        assert!(message.body() == body, "{length} octets");
        assert_eq!(message.ack(), Settled::Sent);
    }
    client.disconnect().ok();
    assert_eq!(broker.depth("/queue/a"), 0);
    assert_eq!(broker.unacked("/queue/a"), 0);
}

pub(crate) fn a_refused_login_is_told_without_its_passcode(world: &World) {
    let broker = world.start(TestBroker::builder().login("me", "right"));
    let mut options = world.options(&broker);
    options.login = Some(("me".into(), "wr0ng".into()));
    let text = refused(world, &options);
    assert!(text.contains("refused the connection"), "{text}");
    assert!(!text.contains("wr0ng"), "{text}");
}

pub(crate) fn where_nobody_listens_the_address_is_told(world: &World) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let uri = format!("stomp://{address}");
    let text = refused(
        world,
        &Options {
            uri,
            ..Options::default()
        },
    );
    assert!(text.contains("connection refused"), "{text}");
    assert!(text.contains(&address.to_string()), "{text}");
}

pub(crate) fn the_second_broker_serves_when_the_first_is_down(world: &World) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    let broker = world.broker();
    let uri = format!(
        "failover:(stomp://{nobody},{})?randomize=false&initialReconnectDelay=1&startupMaxReconnectAttempts=3",
        broker.url()
    );
    let client = world.connect_by(&Options {
        uri,
        ..Options::default()
    });
    client.send(Outgoing::confirmed("/queue/a", "x")).ok();
    assert_eq!(broker.depth("/queue/a"), 1);
}

pub(crate) fn a_wrong_uri_is_told_before_anything_is_tried(world: &World) {
    let uri = "http://localhost".to_owned();
    let options = Options {
        uri,
        ..Options::default()
    };
    let Err(Verdict::Other(text)) = world.adapter.connect(&options) else {
        panic!("it is no URI of a broker");
    };
    assert!(text.contains("http"), "{text}");
}

pub(crate) fn what_speaks_no_stomp_is_given_up_in_time(world: &World) {
    let peer = Peer::start(world, |peer| peer.ignore());
    let mut options = peer.options();
    options.connected_timeout = Some(SHORT);
    let text = refused(world, &options);
    assert!(text.contains("no CONNECTED within 500ms"), "{text}");
    assert!(text.contains(&peer.address.to_string()), "{text}");
}

pub(crate) fn line_ends_without_end_do_not_stop_the_clock(world: &World) {
    let peer = Peer::start(world, |peer| {
        let line_ends = [b'\n'; 4096];
        while peer.say_octets(&line_ends) {}
    });
    let mut options = peer.options();
    options.connected_timeout = Some(SHORT);
    refused(world, &options);
}

pub(crate) fn a_tls_handshake_octet_by_octet_is_given_up_in_time(world: &World) {
    let peer = Peer::start(world, |peer| {
        // A record of 16 KiB that is never finished.
        let mut octets = b"\x16\x03\x03\x40\x00".iter().copied();
        while peer.say_octets(&[octets.next().unwrap_or(0)]) {
            peer.pass(Duration::from_millis(20));
        }
    });
    // Only its authority is wanted.
    let other = TestBroker::builder().tls(Certificate::Valid).start();
    let options = Options {
        uri: fast(&format!("stomp+tls://{}", peer.address)),
        ca: Some(other.ca_pem().to_owned()),
        connect_timeout: Some(SHORT),
        connected_timeout: Some(SHORT),
        ..Options::default()
    };
    let text = refused(world, &options);
    assert!(text.contains("500ms"), "{text}");
}

pub(crate) fn a_transport_of_the_users_gets_no_passcode_where_tls_was_asked_for(world: &World) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hearing = heard.clone();
    let peer = Peer::start(world, move |peer| {
        while let Some(said) = peer.hear() {
            hearing.lock().unwrap().push(format!("{said:?}"));
            if !peer.say("CONNECTED\nversion:1.2\n\n\0") {
                return;
            }
        }
    });
    let options = Options {
        uri: format!("stomp+tls://me:s3cret@{}", peer.address),
        transport: Transport::Users(Arc::new(AtomicBool::new(false))),
        ..Options::default()
    };
    let result = world.adapter.connect(&options);
    let heard = heard.lock().unwrap().join("\n");
    assert!(!heard.contains("s3cret"), "in clear: {heard}");
    assert!(result.is_err());
}

pub(crate) fn durations_without_end_wait_for_ever(world: &World) {
    let broker = world.broker();
    let forever = Some(Duration::MAX);
    let options = Options {
        connect_timeout: forever,
        connected_timeout: forever,
        send_timeout: forever,
        receipt_timeout: forever,
        write_timeout: forever,
        disconnect_timeout: forever,
        ..world.options(&broker)
    };
    let client = world.connect_by(&options);
    let mut inbox = client.subscribe(Wanted::from("/queue/a")).unwrap();
    let message = Outgoing::confirmed("/queue/a", "x").timeout(Duration::MAX);
    client.send(message).ok();
    let message = Outgoing::fired("/queue/a", "y").timeout(Duration::MAX);
    client.send(message).ok();
    for _ in 0..2 {
        let message = inbox.next(SOON).message();
        assert_eq!(message.ack(), Settled::Sent);
    }
    client.disconnect().ok();
}

pub(crate) fn version_1_0_is_asked_for_by_its_name_and_subscriptions_by_ids(world: &World) {
    let broker = world.start(TestBroker::builder().versions([Version::V1_0]));
    let mut options = world.options(&broker);
    options.versions = Some(vec![Version::V1_0]);
    let client = world.connect_by(&options);
    let mut inbox = client.subscribe(Wanted::from("/queue/a")).unwrap();
    client.send(Outgoing::confirmed("/queue/a", "x")).ok();
    assert_eq!(inbox.next(SOON).message().ack(), Settled::Sent);
    let transcript = broker.transcript().to_string();
    let line = |word: &str| {
        let mut lines = transcript.lines();
        let line = lines.find(|line| line.contains(word));
        line.unwrap_or_default().to_owned()
    };
    let connect = line("CONNECT ");
    assert!(connect.contains("accept-version:1.0"), "{transcript}");
    assert!(line("SUBSCRIBE ").contains(" id:"), "{transcript}");
}
