//! What a layer is, and what is between them.

use bytes::BytesMut;

use super::outgoing::Outgoing;
use super::{LayerError, Read};
use crate::Pieces;

/// The layer at the transport: TLS, or none.
pub(super) trait Lower: Send {
    /// Takes octets that came, and says how many: none if there is no room for them.
    fn take(&mut self, octets: &[u8]) -> Result<usize, LayerError>;

    /// Takes note that no more will come.
    fn end(&mut self) -> Result<(), LayerError>;

    /// The handshake is done.
    fn is_open(&self) -> bool;

    /// The other side has said that no more will come.
    fn has_ended(&self) -> bool;

    /// Shows some of what is in what came. Nothing where there is nothing.
    fn peek(&mut self) -> &[u8];

    /// Takes away so many of the octets that were shown.
    fn consume(&mut self, octets: usize);

    /// Appends what these octets become below.
    fn put(&mut self, octets: &[u8], below: &mut Vec<u8>) -> Result<(), LayerError>;

    /// Appends what this layer has to say by itself.
    fn drain(&mut self, below: &mut Vec<u8>);

    /// Says goodbye.
    fn close(&mut self);
}

/// The layer at STOMP: WebSocket, or none. Only called when what is below is open.
pub(super) trait Upper: Send {
    fn pieces(&self) -> Pieces;

    /// The handshake is done.
    fn is_open(&self) -> bool;

    /// Goes on with the handshake.
    fn advance(&mut self, wire: &mut Wire) -> Result<(), LayerError>;

    /// As [`Layers::read`](super::Layers::read), when open. `Dry` says that the wire is dry.
    fn read(
        &mut self,
        wire: &mut Wire,
        into: &mut BytesMut,
        room: usize,
    ) -> Result<Read, LayerError>;

    /// Sends a piece, when open.
    fn write(&mut self, wire: &mut Wire, piece: &[u8]);

    /// Something was written, so there may be room for what could wait.
    fn idle(&mut self, wire: &mut Wire);

    /// Says goodbye.
    fn close(&mut self, wire: &mut Wire);
}

/// The layer at the transport, and what became of it.
pub(super) struct Wire {
    lower: Box<dyn Lower>,
    outgoing: Outgoing,
    ended: bool,
    /// Why nothing comes any more. To be told when all was read that came before.
    failure: Option<LayerError>,
}

impl Wire {
    pub(super) fn new(lower: Box<dyn Lower>) -> Self {
        let mut wire = Self {
            lower,
            outgoing: Outgoing::default(),
            ended: false,
            failure: None,
        };
        wire.drain();
        wire
    }

    pub(super) fn receive(&mut self, octets: &[u8]) -> usize {
        match self.lower.take(octets) {
            Ok(taken) => {
                self.ended |= self.lower.has_ended();
                taken
            }
            Err(error) => {
                self.failure = Some(error);
                octets.len()
            }
        }
    }

    pub(super) fn receive_end(&mut self) {
        if !self.ended
            && self.failure.is_none()
            && let Err(error) = self.lower.end()
        {
            self.failure = Some(error);
        }
        self.ended = true;
    }

    pub(super) fn is_open(&self) -> bool {
        self.lower.is_open()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    pub(super) fn failure(&self) -> Option<&LayerError> {
        self.failure.as_ref()
    }

    pub(super) fn peek(&mut self) -> &[u8] {
        self.lower.peek()
    }

    pub(super) fn consume(&mut self, octets: usize) {
        self.lower.consume(octets);
    }

    /// Sends octets, of which so many are of STOMP.
    pub(super) fn put(&mut self, octets: &[u8], stomp: usize) {
        let put = self.lower.put(octets, self.outgoing.room());
        self.outgoing.mark(stomp);
        if let Err(error) = put
            && self.failure.is_none()
        {
            self.failure = Some(error);
        }
    }

    pub(super) fn drain(&mut self) {
        self.lower.drain(self.outgoing.room());
    }

    pub(super) fn close(&mut self) {
        self.lower.close();
        self.drain();
    }

    pub(super) fn outgoing(&self) -> &Outgoing {
        &self.outgoing
    }

    pub(super) fn outgoing_mut(&mut self) -> &mut Outgoing {
        &mut self.outgoing
    }
}
