use std::io::{self, BufRead, Write};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

use super::LayerError;
use super::wire::Lower;

/// TLS.
pub(super) struct Secure {
    connection: ClientConnection,
    /// Something came that looks like TLS.
    heard: bool,
    /// The other side said goodbye.
    ended: bool,
}

/// What is encrypted at a time, so that a large piece is never there twice: one record (RFC 8446,
/// 5.1).
const RECORD: usize = 16 << 10;

impl Secure {
    pub(super) fn new(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> Result<Self, LayerError> {
        let mut connection = ClientConnection::new(config, name)?;
        // Who writes looks at how much waits, and rustls would take half a piece.
        connection.set_buffer_limit(None);
        Ok(Self {
            connection,
            heard: false,
            ended: false,
        })
    }
}

impl Lower for Secure {
    fn take(&mut self, octets: &[u8]) -> Result<usize, LayerError> {
        let Some(&first) = octets.first() else {
            return Ok(0);
        };
        if self.ended {
            return Ok(octets.len());
        }
        // The first record is an alert or of the handshake (RFC 8446, 5.1).
        if !self.heard && !matches!(first, 0x15 | 0x16) {
            return Err(LayerError::NotTls);
        }
        self.heard = true;
        let mut rest = octets;
        let taken = match self.connection.read_tls(&mut rest) {
            Ok(taken) => taken,
            Err(_) if !self.peek().is_empty() => return Ok(0), // 16 KiB wait to be read
            Err(error) => return Err(rustls::Error::General(error.to_string()).into()),
        };
        let state = self.connection.process_new_packets()?;
        self.ended = state.peer_has_closed();
        Ok(taken)
    }

    fn end(&mut self) -> Result<(), LayerError> {
        match self.connection.is_handshaking() {
            true if !self.heard => Err(LayerError::NoAnswerInTls),
            true => Err(LayerError::EndedEarly),
            false => Ok(()),
        }
    }

    fn is_open(&self) -> bool {
        !self.connection.is_handshaking()
    }

    fn has_ended(&self) -> bool {
        self.ended
    }

    fn peek(&mut self) -> &[u8] {
        // Fails where there is nothing yet.
        self.connection
            .reader()
            .into_first_chunk()
            .unwrap_or_default()
    }

    fn consume(&mut self, octets: usize) {
        self.connection.reader().consume(octets);
    }

    fn put(&mut self, octets: &[u8], below: &mut Vec<u8>) -> Result<(), LayerError> {
        for part in octets.chunks(RECORD) {
            let written: io::Result<()> = self.connection.writer().write_all(part);
            written.map_err(|error| rustls::Error::General(error.to_string()))?;
            self.drain(below);
        }
        Ok(())
    }

    fn drain(&mut self, below: &mut Vec<u8>) {
        while self.connection.wants_write() {
            let written = self.connection.write_tls(below);
            written.expect("writing to a vector does not fail");
        }
    }

    fn close(&mut self) {
        self.connection.send_close_notify();
    }
}
