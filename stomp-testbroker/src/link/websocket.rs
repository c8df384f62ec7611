use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_core::Stream;
use futures_sink::Sink;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};

/// The subprotocols of STOMP over WebSocket.
const PROTOCOLS: [&str; 3] = ["v10.stomp", "v11.stomp", "v12.stomp"];

const PROTOCOL_HEADER: &str = "sec-websocket-protocol";

/// Takes up a WebSocket on any path, with the first subprotocol offered that is STOMP's.
pub(crate) async fn accept<S>(stream: S) -> io::Result<Octets<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let socket = tokio_tungstenite::accept_hdr_async(stream, choose_protocol);
    Ok(Octets {
        socket: socket.await.map_err(into_io)?,
        received: Bytes::new(),
    })
}

#[expect(
    clippy::result_large_err,
    reason = "the type of the callback is tungstenite's"
)]
fn choose_protocol(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    let offers = request.headers().get_all(PROTOCOL_HEADER);
    let chosen = offers
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .find_map(|offer| PROTOCOLS.into_iter().find(|known| *known == offer.trim()));
    if let Some(chosen) = chosen {
        let headers = response.headers_mut();
        headers.insert(PROTOCOL_HEADER, HeaderValue::from_static(chosen));
    }
    Ok(response)
}

/// A WebSocket as a stream of octets: frames may be cut into messages in any way.
///
/// What is written at one go becomes one message: text if it is UTF-8, as RabbitMQ does.
pub(crate) struct Octets<S> {
    socket: WebSocketStream<S>,
    /// The rest of the last message.
    received: Bytes,
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Octets<S> {
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

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Octets<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(Pin::new(&mut self.socket).poll_ready(cx)).map_err(into_io)?;
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

/// A client that leaves without a word is at its end, and nothing worse.
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
