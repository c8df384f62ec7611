//! The other side, in memory.

use bytes::BytesMut;

use super::super::{LayerError, Layers, Read, WebSocketClose};

/// A server on a transport: what it says, and what it hears.
#[derive(Default)]
pub(super) struct Peer {
    #[cfg(feature = "tls")]
    pub(super) tls: Option<rustls::ServerConnection>,
    /// What was heard, without TLS.
    pub(super) heard: Vec<u8>,
    pub(super) outbound: Vec<u8>,
}

impl Peer {
    /// Says something, within TLS if there is any.
    pub(super) fn say(&mut self, octets: &[u8]) {
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            tls.set_buffer_limit(None);
            std::io::Write::write_all(&mut tls.writer(), octets).unwrap();
            return;
        }
        self.outbound.extend_from_slice(octets);
    }

    /// Hears what the client wrote.
    pub(super) fn hear(&mut self, octets: &[u8]) {
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            let mut rest = octets;
            while !rest.is_empty() && tls.read_tls(&mut rest).unwrap() > 0 {
                if tls.process_new_packets().is_err() {
                    break;
                }
                // Fails where there is nothing yet.
                let _ = std::io::Read::read_to_end(&mut tls.reader(), &mut self.heard);
            }
            return;
        }
        self.heard.extend_from_slice(octets);
    }

    /// What goes over the line.
    pub(super) fn outbound(&mut self) -> Vec<u8> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            while tls.wants_write() {
                tls.write_tls(&mut self.outbound).unwrap();
            }
        }
        std::mem::take(&mut self.outbound)
    }
}

/// What a client has read.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Got {
    pub(super) octets: BytesMut,
    /// Where messages ended.
    pub(super) ends: Vec<usize>,
    pub(super) end: Option<Option<WebSocketClose>>,
}

impl Got {
    /// Reads until it is dry, at most `room` octets at a time.
    pub(super) fn read(&mut self, layers: &mut Layers, room: usize) -> Result<(), LayerError> {
        loop {
            let before = self.octets.len();
            match layers.read(&mut self.octets, room)? {
                Read::Octets {
                    count,
                    end_of_message,
                } => {
                    assert_eq!(self.octets.len() - before, count);
                    assert!(count <= room && (count > 0 || end_of_message));
                    if end_of_message {
                        self.ends.push(self.octets.len());
                    }
                }
                Read::Dry => return Ok(()),
                Read::End(close) => {
                    self.end = Some(close);
                    return Ok(());
                }
            }
        }
    }

    /// Receives and reads, in slices of that size.
    pub(super) fn feed(
        &mut self,
        layers: &mut Layers,
        octets: &[u8],
        size: usize,
    ) -> Result<(), LayerError> {
        for mut slice in octets.chunks(size) {
            while !slice.is_empty() {
                let taken = layers.receive(slice);
                assert!(taken > 0, "dry, and no progress");
                slice = &slice[taken..];
                self.read(layers, size)?;
            }
        }
        Ok(())
    }
}

/// Lets both sides talk until both are silent, in slices of that size.
pub(super) fn talk(
    layers: &mut Layers,
    peer: &mut Peer,
    got: &mut Got,
    size: usize,
) -> Result<(), LayerError> {
    loop {
        let mut silent = true;
        while !layers.outgoing().is_empty() {
            silent = false;
            let count = size.min(layers.outgoing().len());
            peer.hear(&layers.outgoing()[..count]);
            layers.written(count);
        }
        let octets = peer.outbound();
        if silent && octets.is_empty() {
            return Ok(());
        }
        got.feed(layers, &octets, size)?;
    }
}
