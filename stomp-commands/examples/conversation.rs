//! Both sides of a short conversation, typed, with the octets that go between them.
//!
//! ```text
//! cargo run -p stomp-commands --example conversation -- 1.1
//! ```

use std::error::Error;

use bytes::BytesMut;
use stomp_commands::{
    Ack, AckMode, ClientFrame, Command, Connect, Connected, Frame, Receipt, Send, ServerFrame,
    Subscribe, Version, header, negotiate,
};
use stomp_frame::{Decoder, Item, Limits, encode};

fn main() -> Result<(), Box<dyn Error>> {
    let latest = std::env::args()
        .nth(1)
        .map_or(Ok(Version::V1_2), |text| text.parse())?;
    let mut broker = Broker {
        speaks: Version::ALL.into_iter().filter(|v| *v <= latest).collect(),
        version: Version::V1_0,
    };

    let connect = Connect::new("/").login("guest").passcode("guest");
    let offered = connect.versions.clone();
    let answer = broker.answer(connect.into_frame()?)?.swap_remove(0);
    let connected = Connected::from_frame(answer, &offered)?;
    let version = connected.version;

    let subscribe = Subscribe::to("/queue/a")
        .id("s1")
        .ack(AckMode::ClientIndividual);
    broker.answer(subscribe.into_frame(version)?)?;

    let send = Send::to("/queue/a").text("hello").receipt("r1");
    for frame in broker.answer(send.into_frame(version)?)? {
        match ServerFrame::from_frame(frame, version)? {
            ServerFrame::Message(message) => {
                broker.answer(Ack::of(&message).into_frame(version)?)?;
            }
            ServerFrame::Receipt(receipt) => println!("{} is safe", receipt.receipt_id),
            other => println!("unasked for: {other:?}"),
        }
    }
    Ok(())
}

/// A broker with one client, who hears what it says itself.
struct Broker {
    speaks: Vec<Version>,
    version: Version,
}

impl Broker {
    /// Hears a frame over the wire, and says what it has to say about it.
    fn answer(&mut self, frame: Frame) -> Result<Vec<Frame>, Box<dyn Error>> {
        let frame = carry("C", &frame, self.version)?;
        if frame.command == Command::Connect {
            let offer = frame.headers.get(header::ACCEPT_VERSION);
            self.version = negotiate::common_version(offer, &self.speaks)?;
        }
        let answers = match ClientFrame::from_frame(frame, self.version)? {
            ClientFrame::Connect(_) => vec![Connected::new(self.version).into_frame()?],
            ClientFrame::Send(mut send) => {
                let receipt = send.receipt.take().ok_or("nobody wants a receipt")?;
                let message = send.into_message("m1").subscription("s1").ack_id("a1");
                vec![message.into_frame(), Receipt::new(receipt).into_frame()?]
            }
            _ => vec![],
        };
        answers
            .iter()
            .map(|answer| carry("S", answer, self.version))
            .collect()
    }
}

/// Turns a frame into octets and back, and prints them.
fn carry(who: &str, frame: &Frame, version: Version) -> Result<Frame, Box<dyn Error>> {
    let mut wire = BytesMut::new();
    encode(frame, version, &mut wire)?;
    println!("{who}: {}", wire.escape_ascii());
    let mut decoder = Decoder::new(frame.command.side(), Limits::default());
    decoder.set_version(version);
    match decoder.decode(&mut wire)? {
        Some(Item::Frame(frame)) => Ok(frame),
        _ => Err("a frame that is no frame".into()),
    }
}
