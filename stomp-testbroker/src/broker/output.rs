use std::time::Instant;

use bytes::{BufMut, BytesMut};
use stomp_frame::{ContentLength, EncodeError, Encoder, Frame, Headers, Side, Version, header};

use super::Broker;
use super::connection::{ConnectionId, State};
use crate::{Direction, Profile};

/// What is left of a frame to be sent after its fault.
#[derive(Debug)]
pub(crate) enum Outcome {
    Done,
    Write(Frame),
    WriteTwice(Frame),
    WriteAndHangUp(Frame),
    /// Only so many octets of it, and then the connection ends.
    WriteStart(Frame, usize),
}

impl Broker {
    /// Sends a frame, unless a fault has something against it.
    pub(crate) fn emit(&mut self, id: ConnectionId, frame: Frame, now: Instant) {
        match self.connections.get(&id) {
            Some(connection) if !connection.discard => {}
            _ => return,
        }
        if !self.has_faults() {
            return self.write_frame(id, &frame, now);
        }
        let Some(fault) = self.judge(Direction::Sent, id, &frame, now) else {
            return self.write_frame(id, &frame, now);
        };
        match self.send_with_fault(id, frame, fault, now) {
            Outcome::Done => {}
            Outcome::Write(frame) => self.write_frame(id, &frame, now),
            Outcome::WriteTwice(frame) => {
                self.write_frame(id, &frame, now);
                self.write_frame(id, &frame, now);
            }
            Outcome::WriteAndHangUp(frame) => {
                self.write_frame(id, &frame, now);
                self.hang_up(id, now);
            }
            Outcome::WriteStart(frame, octets) => {
                let before = self.connection(id).output.len();
                self.write_frame(id, &frame, now);
                self.connection(id).output.truncate(before + octets);
                self.hang_up(id, now);
            }
        }
    }

    /// Writes a frame into the output of a connection.
    pub(crate) fn write_frame(&mut self, id: ConnectionId, frame: &Frame, now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let before = connection.output.len();
        let raw;
        let frame = match self.config.profile {
            Profile::ActiveMq if connection.version == Version::V1_0 => {
                raw = with_raw_line_feeds(frame);
                &raw
            }
            _ => frame,
        };
        let version = self.manners.wire_version(connection.version);
        let encoder = Encoder::new(Side::Server).version(version);
        // ActiveMQ's text messages go without.
        let bare = self.config.profile == Profile::ActiveMq
            && !frame.headers.contains(header::CONTENT_LENGTH);
        let withheld = bare
            && encoder
                .content_length(ContentLength::Withhold)
                .encode(frame, &mut connection.output)
                .is_ok();
        if !withheld {
            write(frame, encoder, &mut connection.output);
        }
        if self.manners.eol_after_frame {
            connection.output.put_u8(b'\n');
        }
        connection.sent_octets += (connection.output.len() - before) as u64;
        connection.beats.sent = now;
        self.transcript.frame(id, Direction::Sent, frame, now);
        self.announce(id);
    }

    pub(crate) fn emit_beat(&mut self, id: ConnectionId, now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        debug_assert_eq!(connection.state, State::Connected);
        connection.output.put_u8(b'\n');
        connection.sent_octets += 1;
        let beats = &mut connection.beats;
        beats.sent = match beats.beats_at {
            Some(ticks) => ticks.last_before(now),
            None => now,
        };
        self.announce(id);
    }
}

/// Makes of a header with a line feed what a client takes it for when it is not escaped, which is
/// how ActiveMQ writes to 1.0: another header, if there is a colon behind it.
fn with_raw_line_feeds(frame: &Frame) -> Frame {
    let mut raw = frame.clone();
    if frame.headers.iter().all(|(_, value)| !value.contains('\n')) {
        return raw;
    }
    raw.headers = Headers::new();
    for (name, value) in &frame.headers {
        let mut lines = value.split('\n');
        raw.headers.append(name, lines.next().unwrap_or_default());
        let others = lines.filter_map(|line| line.split_once(':'));
        raw.headers.extend(others);
    }
    raw
}

/// Writes a frame; headers that the version cannot carry are left out (a line feed in 1.0, a NUL in
/// any).
fn write(frame: &Frame, encoder: Encoder, output: &mut BytesMut) {
    if write_head(frame, encoder, output) {
        output.reserve(frame.body.len() + 1);
        output.put_slice(&frame.body);
        output.put_u8(0);
    }
}

/// Writes a frame up to and including the blank line, in the same way. Tells whether it could.
pub(crate) fn write_head(frame: &Frame, encoder: Encoder, output: &mut BytesMut) -> bool {
    if encoder.encode_head(frame, output).is_ok() {
        return true;
    }
    let mut reduced = frame.clone();
    loop {
        match encoder.encode_head(&reduced, output) {
            Ok(()) => return true,
            Err(EncodeError::Unencodable { name, .. } | EncodeError::NulInHeader { name })
                if reduced.headers.contains(&name) =>
            {
                reduced.headers.remove(&name);
            }
            Err(EncodeError::EmptyHeaderName) if reduced.headers.contains("") => {
                reduced.headers.remove("");
            }
            Err(_) => return false,
        }
    }
}
