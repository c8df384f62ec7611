//! Reads frames as a broker does: from whoever connects, friend or foe.
//!
//! ```text
//! cargo run -p stomp-frame --example broker
//! ```
//!
//! Octets come in, octets go out: the transport is somebody else's business.

use std::ops::ControlFlow::{self, Break, Continue};

use bytes::BytesMut;
use stomp_frame::{
    Command, Decoder, Encoder, Frame, Item, Limits, OnUnreadable, Side, Version, header,
};

fn main() {
    let connect = "CONNECT\naccept-version:1.0,1.1\nhost:h\n\n\0\n";
    let send = "SEND\ndestination:/queue/a\nreceipt:1\n";
    play(&format!("{connect}{send}\nhi\0DISCONNECT\n\n\0"));
    play(&format!("{send}\n\0"));
    play(&format!("CONNECT\npasscode:{}", "x".repeat(1 << 20)));
    play(&format!("{connect}{send}content-length:5000000\n\nhi"));
    play(&format!("{connect}{send}note:1.1 has no \\r\n\n\0"));
}

fn play(octets: &str) {
    let mut client = Client::new();
    let mut answers = BytesMut::new();
    let mut pieces = octets.as_bytes().chunks(100);
    let flow = pieces.try_for_each(|piece| client.receive(piece, &mut answers));
    let start = octets[..octets.len().min(120)].escape_debug();
    println!("> {start}\n< {}\n{flow:?}\n", answers.escape_ascii());
}

/// The broker's end of one connection.
struct Client {
    buffer: BytesMut,
    decoder: Decoder,
    encoder: Encoder,
    is_connected: bool,
}

/// What the client is told, and whether the connection goes on.
type Reply = (Option<Frame>, ControlFlow<()>);

impl Client {
    /// A stranger gets little room.
    fn new() -> Self {
        let decoder = Decoder::new(Side::Client, Limits::server_before_connect());
        Self {
            buffer: BytesMut::new(),
            decoder: decoder.unreadable(OnUnreadable::Skip),
            encoder: Encoder::new(Side::Server),
            is_connected: false,
        }
    }

    /// `Break`: write the answers, and close the connection.
    fn receive(&mut self, octets: &[u8], answers: &mut BytesMut) -> ControlFlow<()> {
        self.buffer.extend_from_slice(octets);
        loop {
            let (answer, flow) = match self.decoder.decode(&mut self.buffer) {
                Ok(None) => return Continue(()),
                Ok(Some(Item::Frame(frame))) => self.handle(&frame),
                // The head is there, so ERROR can say which frame is meant.
                Ok(Some(Item::Unreadable { frame, error, .. })) => {
                    refuse(error.to_string(), Some(&frame))
                }
                Ok(Some(_)) => continue, // a heart-beat
                // Names the rule and the place, never what a header said.
                Err(error) => refuse(error.to_string(), None),
            };
            if let Some(answer) = answer {
                let written = self.encoder.encode(&answer, answers);
                written.expect("what the client could write, the broker can write");
            }
            flow?;
        }
    }

    fn handle(&mut self, frame: &Frame) -> Reply {
        match (frame.command, self.is_connected) {
            (Command::Connect | Command::Stomp, false) => (Some(self.connect(frame)), Continue(())),
            (Command::Connect | Command::Stomp, true) => refuse("connected already", Some(frame)),
            (_, false) => refuse("not connected", Some(frame)),
            (Command::Disconnect, true) => (receipt(frame), Break(())),
            (_, true) => (receipt(frame), Continue(())), // here a broker would get to work
        }
    }

    /// Settles the version. It holds from the very next octet on, as do the wider limits.
    fn connect(&mut self, frame: &Frame) -> Frame {
        let offered = frame.headers.get(header::ACCEPT_VERSION).unwrap_or("1.0");
        let known = offered
            .split(',')
            .filter_map(|version| version.parse().ok());
        let version = known.max().unwrap_or(Version::V1_0);
        self.decoder.set_version(version);
        self.decoder.set_limits(Limits::server());
        self.encoder = self.encoder.version(version);
        self.is_connected = true;
        Frame::new(Command::Connected).header(header::VERSION, version.as_str())
    }
}

fn receipt(frame: &Frame) -> Option<Frame> {
    let id = frame.headers.get(header::RECEIPT)?;
    Some(Frame::new(Command::Receipt).header(header::RECEIPT_ID, id))
}

fn refuse(message: impl AsRef<str>, about: Option<&Frame>) -> Reply {
    let mut error = Frame::new(Command::Error).header(header::MESSAGE, message);
    let receipt = about.and_then(|frame| frame.headers.get(header::RECEIPT));
    error
        .headers
        .extend(receipt.map(|id| (header::RECEIPT_ID, id)));
    (Some(error), Break(()))
}
