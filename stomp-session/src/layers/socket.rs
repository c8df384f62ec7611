//! WebSocket, as a client speaks it (RFC 6455).

use std::hash::{BuildHasher, RandomState};

use bytes::BytesMut;
use stomp_failover::Broker;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::frames::{CONTROL, Found, Frames, Short};
use super::upgrade::Upgrade;
use super::wire::{Upper, Wire};
use super::{LayerError, Read, WebSocketClose, WebSocketOptions};
use crate::Pieces;

pub(super) struct Socket {
    /// `None` when it is done.
    upgrade: Option<Upgrade>,
    frames: Frames,
    /// The answer to the latest ping, until there is room for it. Those to earlier ones may be left
    /// out (5.5.3), so nobody can fill our memory by pinging.
    pong: Option<Short<CONTROL>>,
    /// Pings since an answer was last taken.
    unanswered: u32,
    /// Pings since there was anything else.
    pings: u32,
    /// Said goodbye.
    closed: bool,
    max_message: usize,
    masks: Masks,
    /// A part of a frame that is being written.
    part: Vec<u8>,
}

/// What is passed on at a time, in octets: one record of TLS.
const PART: usize = 16 << 10;

/// So many pings in a row are an attack, while the other side takes no answer. Whoever pings to see
/// life does so a few times a minute.
const UNANSWERED: u32 = 10_000;

/// So many pings in a row are an attack whatever is done about the answers: ours may wait in the
/// buffers of the system.
const PINGS: u32 = 1_000_000;

/// The end is a normal one (7.4.1).
const NORMAL: u16 = 1000;

/// The other side broke the protocol (7.4.1).
const PROTOCOL_ERROR: u16 = 1002;

impl Socket {
    pub(super) fn new(broker: &Broker, options: WebSocketOptions) -> Result<Self, LayerError> {
        Ok(Self {
            upgrade: Some(Upgrade::new(broker, options)?),
            frames: Frames::default(),
            pong: None,
            unanswered: 0,
            pings: 0,
            closed: false,
            max_message: options.max_message.unwrap_or(usize::MAX).max(1),
            masks: Masks::default(),
            part: Vec::new(),
        })
    }

    /// Writes one frame, without ever holding it whole a second time.
    fn frame(&mut self, wire: &mut Wire, opcode: OpCode, payload: &[u8]) {
        let is_stomp = matches!(opcode, OpCode::Data(_));
        let mask = self.masks.next();
        let header = FrameHeader {
            opcode,
            mask: Some(mask),
            ..FrameHeader::default()
        };
        let written = header.format(payload.len() as u64, &mut self.part);
        written.expect("writing to a vector does not fail");
        let mut masked = 0;
        loop {
            let count = (payload.len() - masked).min(PART - self.part.len());
            let start = self.part.len();
            self.part.extend_from_slice(&payload[masked..][..count]);
            apply(mask, masked, &mut self.part[start..]);
            wire.put(&self.part, if is_stomp { count } else { 0 });
            self.part.clear();
            masked += count;
            if masked == payload.len() {
                break;
            }
        }
    }

    fn say_close(&mut self, wire: &mut Wire, payload: &[u8]) {
        if !std::mem::replace(&mut self.closed, true) {
            self.frame(wire, OpCode::Control(Control::Close), payload);
        }
    }

    fn say_pong(&mut self, wire: &mut Wire) {
        self.unanswered = 0;
        if let Some(payload) = self.pong.take()
            && !self.closed
        {
            self.frame(wire, OpCode::Control(Control::Pong), payload.octets());
        }
    }
}

impl Upper for Socket {
    fn pieces(&self) -> Pieces {
        Pieces::Frames
    }

    fn is_open(&self) -> bool {
        self.upgrade.is_none()
    }

    fn advance(&mut self, wire: &mut Wire) -> Result<(), LayerError> {
        let Some(upgrade) = &mut self.upgrade else {
            return Ok(());
        };
        if let Some(request) = upgrade.request() {
            wire.put(&request, 0);
        }
        loop {
            let came = wire.peek();
            if came.is_empty() {
                return Ok(());
            }
            let (taken, done) = upgrade.take(came)?;
            wire.consume(taken);
            if done {
                self.upgrade = None;
                return Ok(());
            }
        }
    }

    fn read(
        &mut self,
        wire: &mut Wire,
        into: &mut BytesMut,
        room: usize,
    ) -> Result<Read, LayerError> {
        loop {
            let came = wire.peek();
            if came.is_empty() {
                return Ok(Read::Dry);
            }
            let (taken, found) = match self.frames.take(came, into, room) {
                Ok(found) => found,
                Err(why) => {
                    self.say_close(wire, &PROTOCOL_ERROR.to_be_bytes());
                    return Err(LayerError::WebSocket(why));
                }
            };
            wire.consume(taken);
            match found {
                Found::Nothing => {}
                Found::Data { count, end } => {
                    self.pings = 0;
                    return Ok(Read::Octets {
                        count,
                        end_of_message: end,
                    });
                }
                Found::Ping(payload) => {
                    self.pong = Some(payload);
                    self.unanswered += 1;
                    self.pings += 1;
                    self.idle(wire);
                    let why = match (self.unanswered > UNANSWERED, self.pings > PINGS) {
                        (true, _) => "pings without end, and none of the answers is taken",
                        (_, true) => "pings without end, and nothing else",
                        _ => continue,
                    };
                    return Err(LayerError::WebSocket(why));
                }
                Found::Close(payload) => {
                    let Some(close) = WebSocketClose::parse(payload.octets()) else {
                        self.say_close(wire, &PROTOCOL_ERROR.to_be_bytes());
                        return Err(LayerError::WebSocket("half a code at the end"));
                    };
                    // The same code goes back (5.5.1).
                    let code = payload.octets().get(..2).unwrap_or_default();
                    self.say_close(wire, code);
                    return Ok(Read::End(Some(close)));
                }
            }
        }
    }

    fn write(&mut self, wire: &mut Wire, piece: &[u8]) {
        self.say_pong(wire); // else it would wait for as long as pieces come
        let text = std::str::from_utf8(piece).ok();
        let data = match text {
            Some(_) => Data::Text,
            None => Data::Binary,
        };
        let mut rest = piece;
        while !rest.is_empty() {
            let mut cut = rest.len().min(self.max_message);
            if let Some(text) = text {
                let start = piece.len() - rest.len();
                cut = boundary(text, start, cut);
            }
            let (message, after) = rest.split_at(cut);
            self.frame(wire, OpCode::Data(data), message);
            rest = after;
        }
    }

    fn idle(&mut self, wire: &mut Wire) {
        if wire.outgoing().waiting() == 0 {
            self.say_pong(wire);
        }
    }

    fn close(&mut self, wire: &mut Wire) {
        if self.is_open() {
            self.say_close(wire, &NORMAL.to_be_bytes());
        }
    }
}

/// The most octets from `start` on, up to `most`, that end between characters; at least one character.
fn boundary(text: &str, start: usize, most: usize) -> usize {
    let fits = (1..=most)
        .rev()
        .find(|&cut| text.is_char_boundary(start + cut));
    let first = || text[start..].chars().next().map_or(most, char::len_utf8);
    fits.unwrap_or_else(first)
}

/// What frames are masked with, so that nobody who chooses the payload also chooses what goes over
/// the line (10.3): numbers hashed with what the standard library seeds its hash maps with.
#[derive(Default)]
struct Masks {
    secret: RandomState,
    count: u64,
}

impl Masks {
    fn next(&mut self) -> [u8; 4] {
        self.count += 1;
        let [a, b, c, d, ..] = self.secret.hash_one(self.count).to_ne_bytes();
        [a, b, c, d]
    }
}

/// Masks octets, before which `before` others of the same frame were masked.
fn apply(mask: [u8; 4], before: usize, octets: &mut [u8]) {
    let mask = std::array::from_fn::<u8, 8, _>(|n| mask[(before + n) % 4]);
    let word = u64::from_ne_bytes(mask);
    let (words, rest) = octets.as_chunks_mut::<8>();
    for octets in words {
        *octets = (u64::from_ne_bytes(*octets) ^ word).to_ne_bytes();
    }
    for (octet, mask) in rest.iter_mut().zip(mask) {
        *octet ^= mask;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_goes_on_where_it_stopped() {
        let mask = [1, 2, 3, 4];
        let plain: Vec<u8> = (0..100).collect();
        let masked = |n: usize| plain[n] ^ mask[n % 4];
        for cut in 0..100 {
            let mut octets = plain.clone();
            let (first, second) = octets.split_at_mut(cut);
            apply(mask, 0, first);
            apply(mask, cut, second);
            assert!((0..100).all(|n| octets[n] == masked(n)), "{cut}");
        }
    }

    #[test]
    fn masks_differ_and_so_do_connections() {
        let mut masks = Masks::default();
        assert_ne!(masks.next(), masks.next());
        assert_ne!(Masks::default().next(), Masks::default().next());
    }

    #[test]
    fn text_is_cut_between_characters() {
        let text = "a€b";
        assert_eq!(boundary(text, 0, 3), 1);
        assert_eq!(boundary(text, 1, 2), 3, "a character is never cut");
        assert_eq!(boundary(text, 0, 4), 4);
        assert_eq!(boundary(text, 4, 1), 1);
    }
}
