//! What the commands say, in every version, to every broker.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are tests, though clippy does not know it"
)]

mod ack;
mod client_frame;
mod connect;
mod dialects;
mod redaction;
mod round_trip;
#[cfg(all(feature = "serde", feature = "json"))]
mod serde;
mod server_frame;
mod subscribe;

use bytes::BytesMut;
use stomp_commands::{Command, Frame, Message, Version};
use stomp_frame::{Decoder, Item, Limits, encode};

/// The headers of a frame, as a reader would write them down.
fn headers(frame: &Frame) -> Vec<(&str, &str)> {
    frame.headers.iter().collect()
}

/// A message as one is received in `version`, with these headers.
fn message(version: Version, headers: &[(&str, &str)]) -> Message {
    let frame = frame(Command::Message, headers);
    Message::from_frame(frame, version).unwrap()
}

fn frame(command: Command, headers: &[(&str, &str)]) -> Frame {
    headers
        .iter()
        .fold(Frame::new(command), |frame, (name, value)| {
            frame.header(name, value)
        })
}

/// Sends a frame over the wire, and takes it off again.
fn over_the_wire(frame: &Frame, version: Version) -> Frame {
    let mut wire = BytesMut::new();
    encode(frame, version, &mut wire).unwrap();
    let mut decoder = Decoder::new(frame.command.side(), Limits::default());
    decoder.set_version(version);
    match decoder.decode(&mut wire).unwrap() {
        Some(Item::Frame(frame)) if wire.is_empty() => frame,
        other => panic!("{other:?}, and {wire:?} left"),
    }
}
