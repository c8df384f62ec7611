//! WebSocket, over real sockets.

#![cfg(all(feature = "tls", feature = "websocket"))]

use stomp_async::{Client, Error, Event, Tls};
use stomp_testbroker::{Certificate, TestBroker};

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

fn broker() -> TestBroker {
    TestBroker::builder()
        .tls(Certificate::Valid)
        .websocket()
        .start()
}

#[tokio::test]
async fn messages_of_all_sizes_go_there_and_back_also_over_tls() -> Result {
    let broker = broker();
    for url in [
        broker.websocket_url(),
        broker.node(0).secure_websocket_url(),
    ] {
        let client = Client::builder(&url)
            .tls(Tls::new().ca_pem(broker.ca_pem()))
            .connect()
            .await?;
        let mut inbox = client.subscribe("/queue/a").await?;
        for length in [0, 1, 100_000, 3_000_000] {
            let body = vec![0xff; length];
            let send = client.send("/queue/a").bytes(body.clone());
            send.confirmed().await?;
            let message = inbox.next().await.ok_or("closed")??;
            assert!(message.body() == &body[..], "{length} octets");
            message.ack().await?;
        }
        client.send("/queue/a").text("text").await?;
        let message = inbox.next().await.ok_or("closed")??;
        assert_eq!(message.text()?, "text");
        message.ack().await?;
        client.disconnect().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_lost_connection_is_made_anew() -> Result {
    let broker = broker();
    let uri = format!(
        "failover:({})?initialReconnectDelay=1",
        broker.websocket_url()
    );
    let client = Client::connect(uri).await?;
    let mut events = client.events();
    broker.close_connections();
    while !matches!(events.next().await, Some(Event::Connected { .. })) {}
    client.send("/queue/a").confirmed().await?;
    Ok(())
}

#[tokio::test]
async fn what_is_no_websocket_is_an_error() {
    let broker = broker();
    let url = broker.url().replace("stomp://", "ws://");
    let error = Client::builder(url).connect().await.unwrap_err();
    assert!(matches!(error, Error::Connect(_)), "{error:?}");
}
