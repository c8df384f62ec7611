//! WebSocket. What is written at one go becomes one message.

use std::io::{self, Read, Write};
use std::time::Instant;

use bytes::{Buf, Bytes, BytesMut};
use stomp_failover::Broker;
use stomp_session::Limits;
use tungstenite::client::{IntoClientRequest, client_with_config};
use tungstenite::error::ProtocolError;
use tungstenite::handshake::client::Request;
use tungstenite::handshake::{HandshakeError, MidHandshake};
use tungstenite::http::HeaderValue;
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{ClientHandshake, Error, Message, WebSocket};

use crate::layered::{Layer, Layered};
use crate::transport::BoxTransport;

/// The subprotocols of STOMP, the best first.
const PROTOCOLS: HeaderValue = HeaderValue::from_static("v12.stomp, v11.stomp, v10.stomp");

/// Asks for a WebSocket on the path of the broker's URI, until `deadline` at most.
pub(crate) fn connect(
    broker: &Broker,
    below: BoxTransport,
    largest_message: usize,
    deadline: Instant,
) -> io::Result<BoxTransport> {
    let config = WebSocketConfig::default()
        .max_message_size(Some(largest_message))
        .max_frame_size(Some(largest_message));
    let asked = client_with_config(request(broker)?, Pipe::default(), Some(config));
    let mut octets = Octets {
        socket: Socket::Gone,
        received: Bytes::new(),
    };
    octets.advance(asked.map(|(socket, _)| socket))?;
    let stream = Layered::establish(octets, below, deadline, Octets::is_open)?;
    Ok(Box::new(stream))
}

/// Room for the largest frame, which is to be told from one that is too large, and for the many
/// small ones that a broker may put into one message.
pub(crate) fn largest_message(limits: &Limits) -> usize {
    let twice = limits.body.saturating_mul(2);
    usize::try_from(twice).unwrap_or(usize::MAX).max(64 << 20)
}

fn request(broker: &Broker) -> io::Result<Request> {
    let host = match broker.host() {
        ip if ip.contains(':') => format!("[{ip}]"),
        name => name.to_owned(),
    };
    let resource = broker.resource_name().unwrap_or_default();
    // The scheme is for the reader; TLS is a matter of what is below.
    let uri = format!("ws://{host}:{}{resource}", broker.port());
    let mut request = uri.into_client_request().map_err(into_io)?;
    let headers = request.headers_mut();
    headers.insert("sec-websocket-protocol", PROTOCOLS);
    Ok(request)
}

struct Octets {
    socket: Socket,
    /// The rest of the last message.
    received: Bytes,
}

enum Socket {
    Asked(Box<MidHandshake<ClientHandshake<Pipe>>>),
    Open(Box<WebSocket<Pipe>>),
    /// The handshake has failed.
    Gone,
}

/// What tungstenite takes for a socket: octets that came, and octets to be written.
#[derive(Debug, Default)]
struct Pipe {
    inbound: BytesMut,
    outbound: Vec<u8>,
    ended: bool,
}

impl Octets {
    /// Goes on with the handshake, and says whether it is done.
    fn is_open(&mut self) -> io::Result<bool> {
        if let Socket::Asked(handshake) = std::mem::replace(&mut self.socket, Socket::Gone) {
            self.advance(handshake.handshake().map(|(socket, _)| socket))?;
            return Ok(matches!(self.socket, Socket::Open(_)));
        }
        Ok(true)
    }

    fn advance(
        &mut self,
        asked: Result<WebSocket<Pipe>, HandshakeError<ClientHandshake<Pipe>>>,
    ) -> io::Result<()> {
        self.socket = match asked {
            Ok(socket) => Socket::Open(Box::new(socket)),
            Err(HandshakeError::Interrupted(handshake)) => Socket::Asked(Box::new(handshake)),
            Err(HandshakeError::Failure(error)) => return Err(into_io(error)),
        };
        Ok(())
    }

    fn pipe(&mut self) -> io::Result<&mut Pipe> {
        match &mut self.socket {
            Socket::Asked(handshake) => Ok(handshake.get_mut().get_mut()),
            Socket::Open(socket) => Ok(socket.get_mut()),
            Socket::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn open(&mut self) -> io::Result<&mut WebSocket<Pipe>> {
        match &mut self.socket {
            Socket::Open(socket) => Ok(socket),
            _ => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

impl Layer for Octets {
    fn feed(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.pipe()?.inbound.extend_from_slice(octets);
        Ok(octets.len())
    }

    fn feed_end(&mut self) -> io::Result<()> {
        self.pipe()?.ended = true;
        Ok(())
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        while self.received.is_empty() {
            match self.open()?.read() {
                Ok(Message::Text(text)) => self.received = text.into(),
                Ok(Message::Binary(octets)) => self.received = octets,
                Ok(Message::Close(_)) => return Ok(Some(0)),
                Ok(_) => {} // pings are answered by tungstenite
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(None);
                }
                // A broker that leaves without a word is at its end, and nothing worse.
                Err(
                    Error::ConnectionClosed
                    | Error::AlreadyClosed
                    | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake),
                ) => return Ok(Some(0)),
                Err(error) => return Err(into_io(error)),
            }
        }
        let count = self.received.len().min(buffer.len());
        self.received.copy_to_slice(&mut buffer[..count]);
        Ok(Some(count))
    }

    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        // Text where it can be: not every broker takes anything else.
        let message = match std::str::from_utf8(octets) {
            Ok(text) => Message::text(text),
            Err(_) => Message::binary(Bytes::copy_from_slice(octets)),
        };
        self.open()?.send(message).map_err(into_io)?;
        Ok(octets.len())
    }

    fn drain(&mut self, octets: &mut Vec<u8>) -> io::Result<()> {
        match &mut self.socket {
            // An answer to a ping waits for this. Not at the end, when nothing can be said any more.
            Socket::Open(socket) if socket.can_write() => socket.flush().map_err(into_io)?,
            _ => {}
        }
        if let Ok(pipe) = self.pipe() {
            octets.append(&mut pipe.outbound);
        }
        Ok(())
    }

    fn close(&mut self) {
        if let Socket::Open(socket) = &mut self.socket {
            // Fails when it is closed already.
            let _ = socket.close(None);
        }
    }
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.inbound.is_empty() && !self.ended {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = self.inbound.len().min(buffer.len());
        self.inbound.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}

impl Write for Pipe {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.outbound.extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn into_io(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        error => io::Error::other(error),
    }
}
