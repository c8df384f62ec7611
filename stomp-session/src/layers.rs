//! What stands between the octets of a transport and those of STOMP: TLS, WebSocket, both, or
//! nothing. For drivers; touches no socket.
//!
//! ```text
//!                    ┌─────────────────────────────────┐
//!   receive ────────►│  ┌───────────┐                  │
//!   receive_end ────►│  │           │   ┌───────────┐  ├───► read
//!                    │  │    TLS    ├───┤ WebSocket │  │
//!   outgoing ◄───────┤  │           │   └───────────┘  │◄─── write, close
//!   written  ───────►│  └───────────┘                  │
//!                    └─────────────────────────────────┘
//!      transport                                             STOMP
//! ```
//!
//! Handshakes are nothing special for a driver: it moves octets, and looks at
//! [`is_open`](Layers::is_open) and the clock. Whatever came in, [`Layers::read`] has to be called
//! until it is [dry](Read::Dry), and afterwards [`Layers::outgoing`] may hold something to be
//! written: a step of a handshake, the answer to a ping, a farewell.
//!
//! ```
//! use bytes::BytesMut;
//! use stomp_session::layers::{LayerError, Layers, Read};
//! # struct Transport { inbound: Option<&'static [u8]>, outbound: Vec<u8> }
//! # impl Transport {
//! #     fn read(&mut self) -> &'static [u8] { self.inbound.take().unwrap_or_default() }
//! #     fn write(&mut self, octets: &[u8]) -> usize { self.outbound.extend(octets); octets.len() }
//! # }
//!
//! fn drive(layers: &mut Layers, transport: &mut Transport) -> Result<BytesMut, LayerError> {
//!     let mut stomp = BytesMut::new(); // a session's, which decodes in between
//!     let mut pieces = vec!["CONNECT\naccept-version:1.2\nhost:/\n\n\0"]; // and poll_transmit
//!     loop {
//!         while layers.wants_piece() && let Some(piece) = pieces.pop() {
//!             layers.write(piece.as_bytes())?;
//!         }
//!         while !layers.outgoing().is_empty() {
//!             let octets = transport.write(layers.outgoing());
//!             layers.written(octets); // tells how many of STOMP, for the session
//!         }
//!         let mut came = transport.read();
//!         if came.is_empty() {
//!             layers.receive_end();
//!         }
//!         loop {
//!             came = &came[layers.receive(came)..];
//!             match layers.read(&mut stomp, 16 << 10)? {
//!                 Read::Octets { .. } => {} // to the session, which is told if a message ends here
//!                 Read::Dry if came.is_empty() => break,
//!                 Read::Dry => {}
//!                 Read::End(_) => return Ok(stomp),
//!             }
//!         }
//!     }
//! }
//! # let mut transport = Transport { inbound: Some(b"CONNECTED\nversion:1.2\n\n\0"), outbound: vec![] };
//! # let stomp = drive(&mut Layers::plain(), &mut transport)?;
//! # assert!(stomp.starts_with(b"CONNECTED") && transport.outbound.starts_with(b"CONNECT"));
//! # Ok::<_, LayerError>(())
//! ```
//!
//! All that is kept here is bounded, whatever the other side does: about 100 KiB, and what one
//! [piece](Layers::write) takes.

mod config;
mod end;
mod error;
#[cfg(feature = "websocket")]
mod frames;
mod outgoing;
mod plain;
#[cfg(feature = "tls")]
mod secure;
#[cfg(feature = "websocket")]
mod socket;
#[cfg(feature = "websocket")]
mod upgrade;
mod wire;

use std::fmt;

use bytes::BytesMut;
use stomp_failover::Broker;

pub use config::LayerConfig;
#[cfg(feature = "websocket")]
pub use config::WebSocketOptions;
pub use end::WebSocketClose;
pub use error::LayerError;

use crate::Pieces;
use plain::{Buffer, Straight};
use wire::{Lower, Upper, Wire};

/// No more pieces are wanted when this much waits to be written, in octets.
const ENOUGH: usize = 64 << 10;

/// The layers of one connection: see the [module](self).
pub struct Layers {
    wire: Wire,
    upper: Box<dyn Upper>,
    is_plain: bool,
    is_secure: bool,
    /// Said goodbye.
    closed: bool,
    end: Option<Option<WebSocketClose>>,
    failure: Option<LayerError>,
}

/// What [`Layers::read`] has found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a driver has to know them all")]
pub enum Read {
    /// So many octets were appended.
    Octets {
        /// How many. None where only the end of a message came, or there is no room.
        count: usize,
        /// A WebSocket message ends exactly behind them: over WebSocket brokers send each frame in
        /// a message of its own, so a frame that is not finished here is broken.
        end_of_message: bool,
    },
    /// All that was received was read.
    Dry,
    /// Nothing will come any more. Over WebSocket, where the server said so, with its words.
    ///
    /// A transport that just ended is the same: many servers leave TLS without a word.
    End(Option<WebSocketClose>),
}

impl Layers {
    /// STOMP directly on the transport: a driver that [knows](Self::is_plain) need not call at all.
    #[must_use]
    pub fn plain() -> Self {
        Self::new(Box::new(Buffer::default()), Box::new(Straight), true)
    }

    /// The layers that the scheme of a broker's URI means, for a new connection.
    ///
    /// # Errors
    ///
    /// What is not built in, or not set up, and a host that cannot be the name of a server or stand
    /// in an HTTP request.
    pub fn for_broker(broker: &Broker, config: &LayerConfig) -> Result<Self, LayerError> {
        let upper: Box<dyn Upper> = match broker.uses_websocket() {
            false => Box::new(Straight),
            #[cfg(feature = "websocket")]
            true => Box::new(socket::Socket::new(broker, config.websocket)?),
            #[cfg(not(feature = "websocket"))]
            true => return Err(LayerError::NoWebSocket),
        };
        let lower: Box<dyn Lower> = match broker.uses_tls() {
            false => Box::new(Buffer::default()),
            #[cfg(feature = "tls")]
            true => {
                let (tls, rustls) = config.tls.as_ref().ok_or(LayerError::TlsNotSetUp)?;
                let name = tls.name_of(broker)?;
                Box::new(secure::Secure::new(rustls.clone(), name)?)
            }
            #[cfg(not(feature = "tls"))]
            true => return Err(LayerError::NoTls),
        };
        #[cfg(not(any(feature = "tls", feature = "websocket")))]
        let LayerConfig {} = config;
        let is_plain = !broker.uses_websocket() && !broker.uses_tls();
        let mut layers = Self::new(lower, upper, is_plain);
        layers.is_secure = broker.uses_tls();
        layers.advance();
        Ok(layers)
    }

    fn new(lower: Box<dyn Lower>, upper: Box<dyn Upper>, is_plain: bool) -> Self {
        Self {
            wire: Wire::new(lower),
            upper,
            is_plain,
            is_secure: false,
            closed: false,
            end: None,
            failure: None,
        }
    }

    /// There are none: what is received is STOMP.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// Every handshake is done.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.wire.is_open() && self.upper.is_open()
    }

    /// TLS is among them, so that nobody in between can read or change anything.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// How a session has to cut what it sends.
    #[must_use]
    pub fn pieces(&self) -> Pieces {
        self.upper.pieces()
    }

    /// Takes octets that came from the transport, as many as there is room for, and says how many.
    /// At least one, if there are any and [`read`](Self::read) was dry; all of them after the end.
    pub fn receive(&mut self, octets: &[u8]) -> usize {
        let mut taken = 0;
        while taken < octets.len() {
            if self.is_over() {
                return octets.len();
            }
            let some = self.wire.receive(&octets[taken..]);
            self.advance();
            taken += some;
            if some == 0 {
                break;
            }
        }
        taken
    }

    /// Takes note that the transport has ended.
    pub fn receive_end(&mut self) {
        self.wire.receive_end();
    }

    /// Moves what belongs to STOMP behind what is in `into`, at most `room` octets and up to the end
    /// of one WebSocket message.
    ///
    /// # Errors
    ///
    /// What has gone wrong, as soon as all was read that came before it; always the same then. A
    /// word for the other side about it may be [outgoing](Self::outgoing).
    pub fn read(&mut self, into: &mut BytesMut, room: usize) -> Result<Read, LayerError> {
        let read = self.try_read(into, room);
        if let Err(error) = &read
            && self.failure.is_none()
        {
            self.failure = Some(error.clone());
        }
        self.wire.drain();
        read
    }

    fn try_read(&mut self, into: &mut BytesMut, room: usize) -> Result<Read, LayerError> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        if let Some(close) = &self.end {
            return Ok(Read::End(close.clone()));
        }
        let read = match self.is_open() {
            true => self.upper.read(&mut self.wire, into, room)?,
            false => Read::Dry,
        };
        let read = match read {
            Read::Dry => match (self.wire.failure(), self.wire.has_ended()) {
                (Some(failure), _) => return Err(failure.clone()),
                (None, true) if self.is_open() => Read::End(None),
                (None, true) => return Err(LayerError::EndedEarly),
                (None, false) => Read::Dry,
            },
            read => read,
        };
        if let Read::End(close) = &read {
            self.end = Some(close.clone());
        }
        Ok(read)
    }

    /// There is room for another piece: everything is open, and less than 64 KiB wait to be written.
    #[must_use]
    pub fn wants_piece(&self) -> bool {
        self.is_open() && !self.is_silent() && self.wire.outgoing().waiting() < ENOUGH
    }

    /// Takes octets of STOMP that are to be sent. A piece becomes one WebSocket message, of text if
    /// it can, since not every broker takes anything else.
    ///
    /// # Errors
    ///
    /// What has gone wrong, or [`LayerError::NotOpen`] before everything is open and after the end.
    pub fn write(&mut self, piece: &[u8]) -> Result<(), LayerError> {
        if let Some(failure) = self.failure.as_ref().or(self.wire.failure()) {
            return Err(failure.clone());
        }
        if !self.is_open() || self.is_silent() {
            return Err(LayerError::NotOpen);
        }
        self.upper.write(&mut self.wire, piece);
        self.wire
            .failure()
            .map_or(Ok(()), |error| Err(error.clone()))
    }

    /// Says goodbye, behind what was written. Nothing can be written after this, but read.
    pub fn close(&mut self) {
        if self.closed {
            return;
        }
        self.closed = true;
        if self.wire.is_open() {
            self.upper.close(&mut self.wire);
        }
        self.wire.close();
    }

    /// What is to be written to the transport.
    #[must_use]
    pub fn outgoing(&self) -> &[u8] {
        self.wire.outgoing().octets()
    }

    /// Moves what is [outgoing](Self::outgoing) behind what is in `buffer`, for a driver that does
    /// not write under its lock. It counts as waiting until it is told to be
    /// [written](Self::written), which has to be before what comes after it.
    pub fn take_outgoing(&mut self, buffer: &mut Vec<u8>) {
        self.wire.outgoing_mut().take(buffer);
    }

    /// Takes note that so many octets were written to the transport, of what is
    /// [outgoing](Self::outgoing) or was [taken](Self::take_outgoing). Returns how many octets of
    /// STOMP have got there by this: about as many, but a piece of up to 16 KiB counts when all of
    /// it is written, and small ones with those that follow, up to 1 KiB.
    ///
    /// # Panics
    ///
    /// If there were not so many.
    pub fn written(&mut self, octets: usize) -> usize {
        let stomp = self.wire.outgoing_mut().written(octets);
        if self.is_open() && !self.is_silent() {
            self.upper.idle(&mut self.wire);
        }
        stomp
    }

    /// Goes on with the handshakes.
    fn advance(&mut self) {
        if self.wire.is_open()
            && self.failure.is_none()
            && let Err(error) = self.upper.advance(&mut self.wire)
        {
            self.failure = Some(error);
        }
        self.wire.drain();
    }

    /// Nobody will ever read what comes.
    fn is_over(&self) -> bool {
        self.failure.is_some() || self.end.is_some() || self.wire.failure().is_some()
    }

    /// Nothing may be said any more.
    fn is_silent(&self) -> bool {
        self.closed || self.is_over()
    }
}

/// Shows nothing of what is sent and received.
impl fmt::Debug for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layers")
            .field("is_plain", &self.is_plain())
            .field("is_secure", &self.is_secure())
            .field("is_open", &self.is_open())
            .field("pieces", &self.pieces())
            .field("outgoing", &self.outgoing().len())
            .field("failure", &self.failure)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
