//! The same over WebSocket: a server that sends whatever messages a scenario wants.

use std::net::TcpStream;
use std::time::Duration;

use tungstenite::handshake::server::{Request, Response};
use tungstenite::http::HeaderValue;
use tungstenite::{Error, Message, WebSocket};

use crate::peer::{Conversation, Said, is_late};

impl Conversation {
    /// Shakes hands.
    pub(crate) fn websocket(&mut self) -> Option<Messages<'_>> {
        let stream = self.handle();
        stream.set_read_timeout(None).ok()?;
        #[allow(clippy::result_large_err, reason = "tungstenite wants it so")]
        let agree = |_: &Request, mut response: Response| {
            let protocol = HeaderValue::from_static("v12.stomp");
            let headers = response.headers_mut();
            headers.insert("sec-websocket-protocol", protocol);
            Ok(response)
        };
        let socket = tungstenite::accept_hdr(stream, agree).ok()?;
        let patience = Some(Duration::from_millis(50));
        socket.get_ref().set_read_timeout(patience).ok()?;
        Some(Messages { peer: self, socket })
    }
}

/// A conversation in messages.
pub(crate) struct Messages<'a> {
    pub(crate) peer: &'a mut Conversation,
    socket: WebSocket<TcpStream>,
}

impl Messages<'_> {
    /// Waits for a message with a frame in it; `None` when the client has gone.
    pub(crate) fn hear(&mut self) -> Option<Said> {
        while !self.peer.is_over() {
            match self.socket.read() {
                Ok(Message::Text(text)) if text.len() > 1 => return Some(Said::new(&text)),
                Ok(Message::Binary(octets)) if octets.len() > 1 => {
                    return Some(Said::new(&String::from_utf8_lossy(&octets)));
                }
                Ok(_) => {}
                Err(Error::Io(error)) if is_late(&error) => {}
                Err(_) => return None,
            }
        }
        None
    }

    pub(crate) fn say(&mut self, text: &str) -> bool {
        self.socket.send(Message::text(text)).is_ok()
    }

    pub(crate) fn welcome(&mut self) -> bool {
        self.hear().is_some() && self.say("CONNECTED\nversion:1.2\n\n\0")
    }

    /// The same, as the server that calls itself so.
    pub(crate) fn welcome_as(&mut self, server: &str) -> bool {
        let connected = format!("CONNECTED\nversion:1.2\nserver:{server}\n\n\0");
        self.hear().is_some() && self.say(&connected)
    }

    /// Sends these octets, beside the protocol, for as long as they are taken; reads nothing.
    pub(crate) fn flood(&mut self, octets: &[u8]) {
        while self.peer.say_octets(octets) {}
    }

    /// The same, while somebody reads whatever the client says.
    pub(crate) fn flood_and_read(&mut self, octets: &[u8]) {
        let mut reader = self.peer.another();
        std::thread::spawn(move || while reader.swallow(64 << 10) {});
        self.flood(octets);
    }
}
