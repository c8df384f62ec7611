//! WebSocket as a stream of octets. What is written at one go becomes one message.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_core::Stream;
use futures_sink::Sink;
use stomp_failover::Broker;
use stomp_session::Limits;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::transport::BoxTransport;

/// The subprotocols of STOMP, the best first.
const PROTOCOLS: HeaderValue = HeaderValue::from_static("v12.stomp, v11.stomp, v10.stomp");

/// Asks for a WebSocket on the path of the broker's URI.
pub(crate) async fn connect(
    broker: &Broker,
    stream: BoxTransport,
    largest_message: usize,
) -> io::Result<Octets> {
    let host = match broker.host() {
        ip if ip.contains(':') => format!("[{ip}]"),
        name => name.to_owned(),
    };
    let resource = broker.resource_name().unwrap_or_default();
    // The scheme is for the reader; TLS is a matter of the stream.
    let uri = format!("ws://{host}:{}{resource}", broker.port());
    let mut request = uri.into_client_request().map_err(into_io)?;
    let headers = request.headers_mut();
    headers.insert("sec-websocket-protocol", PROTOCOLS);
    let config = WebSocketConfig::default()
        .max_message_size(Some(largest_message))
        .max_frame_size(Some(largest_message));
    let connected = client_async_with_config(request, stream, Some(config)).await;
    let (socket, _) = connected.map_err(into_io)?;
    Ok(Octets {
        socket,
        received: Bytes::new(),
    })
}

/// Room for the largest frame, which is to be told from one that is too large, and for the many
/// small ones that a broker may put into one message.
pub(crate) fn largest_message(limits: &Limits) -> usize {
    let twice = limits.body.saturating_mul(2);
    usize::try_from(twice).unwrap_or(usize::MAX).max(64 << 20)
}

pub(crate) struct Octets {
    socket: WebSocketStream<BoxTransport>,
    /// The rest of the last message.
    received: Bytes,
}

impl AsyncRead for Octets {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.received.is_empty() {
            match ready!(Pin::new(&mut self.socket).poll_next(cx)) {
                Some(Ok(Message::Text(text))) => self.received = text.into(),
                Some(Ok(Message::Binary(octets))) => self.received = octets,
                Some(Ok(Message::Close(_))) | None => return Poll::Ready(Ok(())),
                Some(Ok(_)) => {} // pings are answered by tungstenite
                Some(Err(error)) => return Poll::Ready(end(error)),
            }
        }
        let count = self.received.len().min(buf.remaining());
        buf.put_slice(&self.received[..count]);
        self.received.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Octets {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(Pin::new(&mut self.socket).poll_ready(cx)).map_err(into_io)?;
        // Text where it can be: not every broker takes anything else.
        let message = match std::str::from_utf8(buf) {
            Ok(text) => Message::text(text),
            Err(_) => Message::binary(Bytes::copy_from_slice(buf)),
        };
        let sent = Pin::new(&mut self.socket).start_send(message);
        Poll::Ready(sent.map(|()| buf.len()).map_err(into_io))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx).map_err(into_io)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_close(cx).map_err(into_io)
    }
}

/// A broker that leaves without a word is at its end, and nothing worse.
fn end(error: Error) -> io::Result<()> {
    match error {
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Ok(()),
        error => Err(into_io(error)),
    }
}

fn into_io(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        error => io::Error::other(error),
    }
}
