//! TLS and WebSocket.

#![cfg(all(feature = "tls", feature = "websocket"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use futures_core::Stream;
use futures_sink::Sink;
use stomp_testbroker::{Certificate, TestBroker};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};

const CONNECT: &str = "CONNECT\naccept-version:1.2\nhost:h\n\n\0";

/// Trusts the broker's authority and nobody else.
fn connector(broker: &TestBroker) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_slice(broker.ca_pem().as_bytes());
    roots.add(authority.unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

async fn tcp(url: &str) -> TcpStream {
    let (_, rest) = url.split_once("://").unwrap();
    let address = rest.split('/').next().unwrap();
    TcpStream::connect(address).await.unwrap()
}

#[tokio::test]
async fn tls_client_that_trusts_the_authority() {
    let broker = TestBroker::builder().tls(Certificate::Valid).start();
    for name in ["localhost", "127.0.0.1"] {
        let stream = tcp(&broker.tls_url()).await;
        let name = ServerName::try_from(name).unwrap();
        let mut stream = connector(&broker).connect(name, stream).await.unwrap();
        stream.write_all(CONNECT.as_bytes()).await.unwrap();
        let mut start = [0; 10];
        stream.read_exact(&mut start).await.unwrap();
        assert_eq!(&start, b"CONNECTED\n");
        stream.write_all(b"DISCONNECT\n\n\0").await.unwrap();
        let rest = stream.read_to_end(&mut Vec::new()).await;
        assert!(rest.is_ok(), "an end with close_notify");
    }
}

#[tokio::test]
async fn bad_certificates_are_bad() {
    for certificate in [Certificate::WrongHost, Certificate::Expired] {
        let broker = TestBroker::builder().tls(certificate).start();
        let stream = tcp(&broker.tls_url()).await;
        let name = ServerName::try_from("localhost").unwrap();
        let connected = connector(&broker).connect(name, stream).await;
        assert!(connected.is_err(), "{certificate:?}");
    }
}

async fn websocket<S>(stream: S, protocols: &'static str) -> (WebSocketStream<S>, Option<String>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut request = "ws://localhost/ws".into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert(
        "sec-websocket-protocol",
        HeaderValue::from_static(protocols),
    );
    let (socket, response) = tokio_tungstenite::client_async(request, stream)
        .await
        .unwrap();
    let chosen = response.headers().get("sec-websocket-protocol");
    (
        socket,
        chosen.map(|chosen| chosen.to_str().unwrap().to_owned()),
    )
}

async fn send<S>(socket: &mut WebSocketStream<S>, message: Message)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    use std::future::poll_fn;
    use std::pin::Pin;
    poll_fn(|cx| Pin::new(&mut *socket).poll_ready(cx))
        .await
        .unwrap();
    Pin::new(&mut *socket).start_send(message).unwrap();
    poll_fn(|cx| Pin::new(&mut *socket).poll_flush(cx))
        .await
        .unwrap();
}

async fn next<S>(socket: &mut WebSocketStream<S>) -> Option<Result<Message, Error>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    std::future::poll_fn(|cx| std::pin::Pin::new(&mut *socket).poll_next(cx)).await
}

#[tokio::test]
async fn websocket_frames_may_be_cut_anywhere() {
    let broker = TestBroker::builder().websocket().start();
    let stream = tcp(&broker.websocket_url()).await;
    let (mut socket, chosen) = websocket(stream, "chat, v11.stomp, v12.stomp").await;
    assert_eq!(
        chosen.as_deref(),
        Some("v11.stomp"),
        "the first that it knows"
    );
    let (one, two) = CONNECT.split_at(20);
    send(&mut socket, Message::text(one)).await;
    send(&mut socket, Message::binary(two.as_bytes().to_vec())).await;
    let connected = next(&mut socket).await.unwrap().unwrap();
    assert!(connected.to_text().unwrap().starts_with("CONNECTED\n"));
    send(
        &mut socket,
        Message::binary(b"SUBSCRIBE\nid:0\ndestination:/queue/a\n\n\0SEND\ndestination:/queue/a\ncontent-length:2\n\n\xff\0\0".to_vec()),
    )
    .await;
    let message = next(&mut socket).await.unwrap().unwrap();
    assert!(message.is_binary(), "not UTF-8");
    assert!(message.into_data().ends_with(b"\n\n\xff\0\0"));
    send(&mut socket, Message::text("DISCONNECT\n\n\0")).await;
    let end = next(&mut socket).await.unwrap().unwrap();
    assert!(end.is_close(), "{end}");
}

#[tokio::test]
async fn websocket_over_tls() {
    let broker = TestBroker::builder()
        .websocket()
        .tls(Certificate::Valid)
        .start();
    let stream = tcp(&broker.node(0).secure_websocket_url()).await;
    let name = ServerName::try_from("localhost").unwrap();
    let stream = connector(&broker).connect(name, stream).await.unwrap();
    let (mut socket, _) = websocket(stream, "v12.stomp").await;
    send(&mut socket, Message::text(CONNECT)).await;
    assert!(next(&mut socket).await.unwrap().unwrap().is_text());
}
