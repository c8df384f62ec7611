use std::time::Instant;

use bytes::BufMut;
use stomp_frame::{EncodeError, Encoder, Frame, Side, Version};

use super::Broker;
use super::connection::ConnectionId;
use crate::transcript::Direction;

impl Broker {
    /// Writes a frame into the output of a connection.
    pub(crate) fn emit(&mut self, id: ConnectionId, frame: Frame, now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        write(&frame, connection.version, &mut connection.output);
        if self.manners.eol_after_frame {
            connection.output.put_u8(b'\n');
        }
        connection.beats.sent = now;
        self.transcript.frame(id, Direction::Sent, &frame, now);
        self.announce(id);
    }

    pub(crate) fn emit_beat(&mut self, id: ConnectionId, now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        connection.output.put_u8(b'\n');
        connection.beats.sent = now;
        self.announce(id);
    }
}

/// Writes a frame; headers that the version cannot carry are left out (a line feed in 1.0).
fn write(frame: &Frame, version: Version, output: &mut bytes::BytesMut) {
    let encoder = Encoder::new(Side::Server).version(version);
    if encoder.encode(frame, output).is_ok() {
        return;
    }
    let mut reduced = frame.clone();
    while let Err(EncodeError::Unencodable { name, .. }) = encoder.encode(&reduced, output) {
        let before = reduced.headers.len();
        reduced.headers.remove(&name);
        if reduced.headers.len() == before {
            break;
        }
    }
}
