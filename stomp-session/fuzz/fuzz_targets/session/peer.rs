use std::collections::HashSet;

use bytes::BytesMut;
use stomp_commands::{
    ClientFrame, Connected, ErrorFrame, Frame, HeartBeat, Message, Receipt, ReceiptId, Version,
};
use stomp_frame::{Command, Decoder, Encoder, Item, Limits, Side, header};
use stomp_frame_fuzz::Choices;

use crate::application::Application;

/// The other end of one connection: reads what is written, and makes the frames a server would.
pub(crate) struct Peer {
    epoch: u64,
    version: Version,
    decoder: Decoder,
    buffer: BytesMut,
    /// Frames so far.
    frames: usize,
    /// What is subscribed: its id, or its destination in 1.0, and where it listens.
    subscriptions: Vec<(String, String)>,
    transactions: HashSet<String>,
    /// Receipts asked for.
    receipts: Vec<String>,
    has_left: bool,
}

impl Peer {
    pub(crate) fn new(epoch: u64) -> Self {
        Self {
            epoch,
            version: Version::V1_2,
            decoder: Decoder::new(Side::Client, Limits::client()),
            buffer: BytesMut::new(),
            frames: 0,
            subscriptions: Vec::new(),
            transactions: HashSet::new(),
            receipts: Vec::new(),
            has_left: false,
        }
    }

    pub(crate) fn settle(&mut self, version: Version) {
        self.version = version;
    }

    /// Tells how many frames asked for this receipt.
    pub(crate) fn asked_for(&self, receipt: &ReceiptId) -> usize {
        let asked = self.receipts.iter();
        asked.filter(|asked| *asked == receipt.as_str()).count()
    }

    /// Reads octets, and checks every frame against what came before it on this connection.
    pub(crate) fn read(&mut self, octets: &[u8], application: &Application) {
        self.buffer.extend_from_slice(octets);
        loop {
            // CONNECT is read as every version has it.
            if self.frames > 0 {
                self.decoder.set_version(self.version);
            }
            let item = self.decoder.decode(&mut self.buffer);
            match item.expect("what is written can be read") {
                Some(Item::Frame(frame)) => self.check(frame, application),
                Some(_) => assert!(self.frames > 0, "a heart-beat before CONNECT"),
                None => return,
            }
        }
    }

    fn check(&mut self, frame: Frame, application: &Application) {
        let opens = matches!(frame.command, Command::Connect | Command::Stomp);
        assert_eq!(opens, self.frames == 0, "{frame:?}");
        assert!(!self.has_left, "behind DISCONNECT: {frame:?}");
        self.frames += 1;
        if opens {
            return; // what it demands depends on the version that it leads to
        }
        if let Some(transaction) = frame.headers.get(header::TRANSACTION) {
            let is_new = frame.command == Command::Begin;
            let is_open = self.transactions.contains(transaction);
            assert_ne!(is_new, is_open, "{frame:?}");
        }
        self.receipts
            .extend(frame.headers.get(header::RECEIPT).map(str::to_owned));
        let named = frame.headers.clone();
        let typed = ClientFrame::from_frame(frame, self.version);
        match typed.expect("every frame has what its version demands") {
            ClientFrame::Subscribe(subscribe) => {
                let id = subscribe.id.as_ref().map(|id| id.as_str().to_owned());
                if let Some(id) = &id {
                    let is_marked = id.ends_with(&format!(".e{}", self.epoch));
                    let may_stay = self.epoch == 1 || application.is_durable(id);
                    assert!(
                        is_marked || may_stay,
                        "{id} looks like an older connection's"
                    );
                }
                let id = id.unwrap_or_else(|| subscribe.destination.clone());
                assert!(!self.is_subscribed(&id), "{id} twice");
                self.subscriptions.push((id, subscribe.destination));
            }
            ClientFrame::Unsubscribe(_) => {
                let id = named.get(header::ID).or(named.get(header::DESTINATION));
                let id = id.expect("one of the two is there");
                assert!(self.is_subscribed(id), "{id} is not subscribed");
                self.subscriptions.retain(|(known, _)| known != id);
            }
            ClientFrame::Ack(_) | ClientFrame::Nack(_) => {
                let id = named.get(match self.version {
                    Version::V1_2 => header::ID,
                    _ => header::MESSAGE_ID,
                });
                let id = id.expect("one of the two is there");
                assert!(application.was_delivered(id), "{id} was not delivered here");
            }
            ClientFrame::Begin(begin) => {
                self.transactions
                    .insert(begin.transaction.as_str().to_owned());
            }
            ClientFrame::Commit(commit) => {
                self.transactions.remove(commit.transaction.as_str());
            }
            ClientFrame::Abort(abort) => {
                self.transactions.remove(abort.transaction.as_str());
            }
            ClientFrame::Disconnect(_) => self.has_left = true,
            ClientFrame::Send(_) => {}
            ClientFrame::Connect(_) => unreachable!("it was the first frame"),
        }
    }

    fn is_subscribed(&self, id: &str) -> bool {
        self.subscriptions.iter().any(|(known, _)| known == id)
    }

    pub(crate) fn connected(&self, mut choices: Choices) -> Vec<u8> {
        let mut connected =
            Connected::new(choices.one_of([Version::V1_2, Version::V1_1, Version::V1_0]));
        connected.server = match choices.below(4) {
            0 => None,
            1 => Some("RabbitMQ/3.10.8".to_owned()),
            2 => Some("ActiveMQ/5.17.2".to_owned()),
            _ => Some("ActiveMQ-Artemis/2.31.0 ActiveMQ Artemis Messaging Engine".to_owned()),
        };
        let period = choices.one_of([10_000, 100, 1, 0, u32::MAX]);
        let connected = connected.heart_beat(HeartBeat::new(period.into(), period.into()));
        self.write(&connected.into_frame().expect("these headers are good"))
    }

    /// A message for a subscription, or for none. Its ack id is one that other connections use too.
    pub(crate) fn message(&self, mut choices: Choices) -> Vec<u8> {
        let at = choices.below(8);
        let number = choices.below(16);
        let (id, destination) = match self.subscriptions.get(at) {
            Some((id, destination)) => (id.as_str(), destination.as_str()),
            None => ("nobody", "/queue/nowhere"),
        };
        let message = Message::builder(destination, format!("m{number}"))
            .subscription(id)
            .ack_id(format!("m{number}"))
            .body(choices.rest().to_vec());
        self.write(&message.into_frame())
    }

    pub(crate) fn receipt(&self, mut choices: Choices) -> Vec<u8> {
        let receipt = self.asked(choices.below(16));
        self.write(&Receipt::new(receipt).into_frame().expect("that is a name"))
    }

    pub(crate) fn error(&self, mut choices: Choices) -> Vec<u8> {
        let error = ErrorFrame::new("no");
        let error = match (choices.below(3), choices.below(16)) {
            (0, _) => error,
            (1, n) => error.receipt_id(self.asked(n)),
            (_, n) => match self.subscriptions.get(n) {
                Some((id, _)) => error.subscription(id.as_str()),
                None => error,
            },
        };
        self.write(&error.into_frame().expect("these are names"))
    }

    fn asked(&self, at: usize) -> String {
        let asked = self.receipts.iter().rev().nth(at);
        asked.cloned().unwrap_or_else(|| "never".to_owned())
    }

    fn write(&self, frame: &Frame) -> Vec<u8> {
        let mut wire = BytesMut::new();
        let encoder = Encoder::new(Side::Server).version(self.version);
        match encoder.encode(frame, &mut wire) {
            Ok(()) => wire.to_vec(),
            Err(_) => Vec::new(), // 1.0 and names it cannot carry
        }
    }
}
