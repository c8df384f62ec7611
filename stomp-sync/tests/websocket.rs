//! The blocking client over WebSocket.

#![cfg(all(feature = "tls", feature = "websocket"))]

use stomp_sync::{Client, Error, Event, Tls};
use stomp_testbroker::{Certificate, TestBroker};

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

fn broker() -> TestBroker {
    TestBroker::builder()
        .tls(Certificate::Valid)
        .websocket()
        .start()
}

#[test]
fn messages_of_all_sizes_go_there_and_back_also_over_tls() -> Result {
    let broker = broker();
    for url in [
        broker.websocket_url(),
        broker.node(0).secure_websocket_url(),
    ] {
        let client = Client::builder(&url)
            .tls(Tls::new().ca_pem(broker.ca_pem()))
            .connect()?;
        let mut inbox = client.subscribe("/queue/a").open()?;
        for length in [0, 1, 100_000, 3_000_000] {
            let body = vec![0xff; length];
            let send = client.send("/queue/a").bytes(body.clone());
            send.confirmed()?;
            let message = inbox.next().ok_or("closed")??;
            assert!(message.body() == &body[..], "{length} octets");
            message.ack()?;
        }
        client.send("/queue/a").text("text").fire()?;
        let message = inbox.next().ok_or("closed")??;
        assert_eq!(message.text()?, "text");
        message.ack()?;
        client.disconnect()?;
    }
    Ok(())
}

#[test]
fn a_lost_connection_is_made_anew() -> Result {
    let broker = broker();
    let uri = format!(
        "failover:({})?initialReconnectDelay=1",
        broker.websocket_url()
    );
    let client = Client::connect(uri)?;
    let mut events = client.events();
    broker.close_connections();
    while !matches!(events.next(), Some(Event::Connected { .. })) {}
    client.send("/queue/a").confirmed()?;
    Ok(())
}

#[test]
fn what_is_no_websocket_is_an_error() {
    let broker = broker();
    let url = broker.url().replace("stomp://", "ws://");
    let error = Client::builder(url).connect().unwrap_err();
    assert!(matches!(error, Error::Connect(_)), "{error:?}");
}

#[test]
fn many_threads_write_while_one_reads() -> Result {
    let broker = broker();
    let tls = Tls::new().ca_pem(broker.ca_pem());
    let url = broker.node(0).secure_websocket_url();
    let client = Client::builder(url).tls(tls).connect()?;
    let mut inbox = client.subscribe("/queue/a").capacity(10).open()?;
    let _slices = broker.slice(1_000);
    std::thread::scope(|scope| {
        for thread in 1..=4_u8 {
            let client = client.clone();
            scope.spawn(move || {
                for n in 0..30 {
                    let body = vec![thread; n * 1_000];
                    client
                        .send("/queue/a")
                        .bytes(body)
                        .confirmed()
                        .expect("confirmed");
                }
            });
        }
        let mut octets = 0;
        for _ in 0..120 {
            let message = inbox.next().expect("open").expect("a message");
            octets += message.body().len();
            let first = message.body().first().copied();
            assert!(message.body().iter().all(|&octet| Some(octet) == first));
            message.ack().expect("connected");
        }
        assert_eq!(octets, 4 * 1_000 * (0..30).sum::<usize>());
    });
    client.disconnect()?;
    Ok(())
}

#[test]
fn a_large_message_goes_in_several_where_that_is_asked_for() -> Result {
    let broker = broker();
    let options = stomp_sync::WebSocketOptions::default().max_message(1_000);
    let client = Client::builder(broker.websocket_url())
        .websocket(options)
        .connect()?;
    let mut inbox = client.subscribe("/queue/a").open()?;
    client
        .send("/queue/a")
        .text("x".repeat(10_000))
        .confirmed()?;
    let message = inbox.next().ok_or("closed")??;
    assert_eq!(message.text()?.len(), 10_000);
    message.ack()?;
    client.disconnect()?;
    Ok(())
}
