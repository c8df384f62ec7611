//! The frames of a WebSocket as they come in, passed on while they come (RFC 6455, 5).

use std::io::Cursor;

use bytes::BytesMut;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

/// Takes frames apart. Keeps a header and the payload of a control frame, 139 octets in all; data
/// goes through.
#[derive(Default)]
pub(super) struct Frames {
    header: Short<HEADER>,
    inside: Inside,
    /// There was a frame of a message, and not yet its last one.
    fragmented: bool,
    /// There was an octet in this message.
    substance: bool,
}

/// What the next octet belongs to.
#[derive(Default)]
enum Inside {
    #[default]
    Header,
    /// So many octets of data are to come, of the last frame of a message or of another one.
    Data { left: u64, last: bool },
    /// So many octets are to come of what a control frame says.
    Control {
        which: Control,
        left: usize,
        payload: Short<CONTROL>,
    },
}

/// The longest header, in octets: with a mask, which is refused.
const HEADER: usize = 14;

/// The longest payload of a control frame, in octets (RFC 6455, 5.5).
pub(super) const CONTROL: usize = 125;

/// What [`Frames::take`] has found, at most one thing at a time.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing that anybody has to know.
    Nothing,
    /// So many octets of data, and perhaps the end of the message.
    Data {
        count: usize,
        end: bool,
    },
    Ping(Short<CONTROL>),
    Close(Short<CONTROL>),
}

impl Frames {
    /// Takes some of the octets that came, and says how many; at least one if there are any, and
    /// room. Data goes behind what is in `into`, at most `room` octets.
    ///
    /// # Errors
    ///
    /// How the server broke the protocol.
    pub(super) fn take(
        &mut self,
        octets: &[u8],
        into: &mut BytesMut,
        room: usize,
    ) -> Result<(usize, Found), &'static str> {
        match &mut self.inside {
            Inside::Header => self.header(octets),
            Inside::Data { left, last } => {
                let wanted = usize::try_from(*left).unwrap_or(usize::MAX);
                let count = wanted.min(octets.len()).min(room);
                into.extend_from_slice(&octets[..count]);
                *left -= count as u64;
                self.substance |= count > 0;
                let end = *left == 0 && *last;
                if *left == 0 {
                    self.inside = Inside::Header;
                }
                if end {
                    self.substance = false;
                }
                Ok((count, Found::Data { count, end }))
            }
            Inside::Control {
                which,
                left,
                payload,
            } => {
                let count = (*left).min(octets.len());
                payload.push(&octets[..count]);
                *left -= count;
                let found = match *left {
                    0 => said(*which, *payload),
                    _ => return Ok((count, Found::Nothing)),
                };
                self.inside = Inside::Header;
                Ok((count, found))
            }
        }
    }

    fn header(&mut self, octets: &[u8]) -> Result<(usize, Found), &'static str> {
        let before = self.header.len;
        let more = octets.len().min(HEADER - before);
        self.header.push(&octets[..more]);
        let mut cursor = Cursor::new(self.header.octets());
        let parsed = FrameHeader::parse(&mut cursor).map_err(|_| "an opcode that is reserved")?;
        let Some((header, length)) = parsed else {
            return Ok((more, Found::Nothing));
        };
        // What was looked at beyond the header stays where it is.
        let taken = usize::try_from(cursor.position()).unwrap_or(HEADER) - before;
        self.header = Short::default();
        Ok((taken, self.begin(&header, length)?))
    }

    /// Judges a header, and prepares for what it announces.
    fn begin(&mut self, header: &FrameHeader, length: u64) -> Result<Found, &'static str> {
        if header.rsv1 || header.rsv2 || header.rsv3 {
            return Err("a bit that is reserved");
        }
        if header.mask.is_some() {
            return Err("a masked frame");
        }
        if length > u64::MAX / 2 {
            return Err("a negative length");
        }
        let last = header.is_final;
        match header.opcode {
            OpCode::Control(_) if !last => Err("a control frame in parts"),
            OpCode::Control(_) if length > CONTROL as u64 => {
                Err("a control frame that is too long")
            }
            OpCode::Control(which) if length == 0 => Ok(said(which, Short::default())),
            OpCode::Control(which) => {
                self.inside = Inside::Control {
                    which,
                    left: length as usize,
                    payload: Short::default(),
                };
                Ok(Found::Nothing)
            }
            OpCode::Data(Data::Continue) if !self.fragmented => Err("a part of no message"),
            OpCode::Data(data) if self.fragmented && data != Data::Continue => {
                Err("a message inside another one")
            }
            OpCode::Data(_) => {
                self.fragmented = !last;
                if length > 0 {
                    self.inside = Inside::Data { left: length, last };
                    return Ok(Found::Nothing);
                }
                // A message without any octet is none.
                match last && std::mem::take(&mut self.substance) {
                    true => Ok(Found::Data {
                        count: 0,
                        end: true,
                    }),
                    false => Ok(Found::Nothing),
                }
            }
        }
    }
}

fn said(which: Control, payload: Short<CONTROL>) -> Found {
    match which {
        Control::Ping => Found::Ping(payload),
        Control::Close => Found::Close(payload),
        // An answer to a ping of ours, and there was none; or one that was refused before.
        Control::Pong | Control::Reserved(_) => Found::Nothing,
    }
}

/// Up to `N` octets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Short<const N: usize> {
    octets: [u8; N],
    len: usize,
}

impl<const N: usize> Short<N> {
    fn push(&mut self, octets: &[u8]) {
        self.octets[self.len..][..octets.len()].copy_from_slice(octets);
        self.len += octets.len();
    }

    pub(super) fn octets(&self) -> &[u8] {
        &self.octets[..self.len]
    }
}

impl<const N: usize> Default for Short<N> {
    fn default() -> Self {
        Self {
            octets: [0; N],
            len: 0,
        }
    }
}

impl<const N: usize> std::fmt::Debug for Short<N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.octets().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds everything, in slices of that size, and returns the data and what else was found.
    fn read(octets: &[u8], size: usize) -> Result<(Vec<u8>, Vec<Found>), &'static str> {
        let mut frames = Frames::default();
        let mut into = BytesMut::new();
        let mut found = Vec::new();
        for mut slice in octets.chunks(size) {
            while !slice.is_empty() {
                let (taken, what) = frames.take(slice, &mut into, usize::MAX)?;
                assert!(taken > 0, "no progress");
                slice = &slice[taken..];
                match what {
                    Found::Nothing | Found::Data { end: false, .. } => {}
                    Found::Data { end: true, .. } => found.push(Found::Data {
                        count: into.len(),
                        end: true,
                    }),
                    what => found.push(what),
                }
            }
        }
        Ok((into.to_vec(), found))
    }

    fn short(octets: &[u8]) -> Short<CONTROL> {
        let mut short = Short::default();
        short.push(octets);
        short
    }

    #[test]
    fn a_message_may_come_in_parts_with_control_frames_in_between() {
        let octets = b"\x01\x02ab\x89\x01p\x00\x00\x8a\x00\x80\x01c\x82\x01d\x88\x02\x03\xe8";
        for size in 1..octets.len() {
            let (data, found) = read(octets, size).unwrap();
            assert_eq!(data, b"abcd");
            let want = [
                Found::Ping(short(b"p")),
                Found::Data {
                    count: 3,
                    end: true,
                },
                Found::Data {
                    count: 4,
                    end: true,
                },
                Found::Close(short(b"\x03\xe8")),
            ];
            assert_eq!(found, want);
        }
    }

    #[test]
    fn an_empty_last_part_ends_a_message_and_an_empty_message_is_none() {
        let (data, found) = read(b"\x81\x00\x01\x00\x80\x00\x01\x01a\x80\x00\x81\x00", 1).unwrap();
        assert_eq!(data, b"a");
        assert_eq!(
            found,
            [Found::Data {
                count: 1,
                end: true
            }]
        );
    }

    #[test]
    fn lengths_may_be_written_in_three_ways_and_none_allocates() {
        for header in [
            &b"\x82\x03"[..],
            b"\x82\x7e\x00\x03",
            b"\x82\x7f\x00\x00\x00\x00\x00\x00\x00\x03",
        ] {
            let (data, found) = read(&[header, b"abc"].concat(), 1).unwrap();
            assert_eq!((&data[..], found.len()), (&b"abc"[..], 1));
        }
        let mut into = BytesMut::new();
        let mut frames = Frames::default();
        let endless = b"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff";
        assert_eq!(
            frames.take(endless, &mut into, 99),
            Ok((10, Found::Nothing))
        );
        assert_eq!(into.capacity(), 0);
    }

    #[test]
    fn what_the_protocol_forbids_is_refused() {
        for (octets, why) in [
            (&b"\xc1\x00"[..], "a bit that is reserved"),
            (b"\xa1\x00", "a bit that is reserved"),
            (b"\x91\x00", "a bit that is reserved"),
            (b"\x83\x00", "an opcode that is reserved"),
            (b"\x8b\x00", "an opcode that is reserved"),
            (b"\x81\x81abcdX", "a masked frame"),
            (b"\x82\xffabcdefghijklX", "a negative length"),
            (b"\x09\x00", "a control frame in parts"),
            (b"\x89\x7e\x00\x7e", "a control frame that is too long"),
            (b"\x80\x00", "a part of no message"),
            (b"\x01\x00\x81\x00", "a message inside another one"),
        ] {
            for size in 1..=octets.len() {
                // Which of two faults is told does not matter.
                let error = read(octets, size).unwrap_err();
                assert!(error == why || error == "a masked frame", "{error}");
            }
        }
    }

    #[test]
    fn no_more_is_taken_than_there_is_room_for() {
        let mut frames = Frames::default();
        let mut into = BytesMut::new();
        let mut take = |octets, room| frames.take(octets, &mut into, room);
        assert_eq!(take(b"\x82\x03abc", 2), Ok((2, Found::Nothing)));
        let data = |count, end| Ok((count, Found::Data { count, end }));
        assert_eq!(take(b"abc", 2), data(2, false));
        assert_eq!(take(b"c", 0), data(0, false));
        assert_eq!(take(b"c", 1), data(1, true));
    }
}
