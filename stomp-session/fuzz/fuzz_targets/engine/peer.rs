use bytes::BytesMut;
use stomp_commands::{Connected, ErrorFrame, Frame, HeartBeat, Message, Receipt, Version};
use stomp_frame::{Encoder, Side};
use stomp_frame_fuzz::Choices;

/// The other end of one link: notes what is asked for, and makes the frames a server would.
pub(crate) struct Peer {
    version: Version,
    heard: Vec<u8>,
    subscriptions: Vec<String>,
    receipts: Vec<String>,
}

impl Default for Peer {
    fn default() -> Self {
        Self {
            version: Version::V1_2,
            heard: Vec::new(),
            subscriptions: Vec::new(),
            receipts: Vec::new(),
        }
    }
}

impl Peer {
    pub(crate) fn hear(&mut self, octets: &[u8]) {
        self.heard.extend_from_slice(octets);
        while let Some(end) = self.heard.iter().position(|octet| *octet == 0) {
            let frame: Vec<u8> = self.heard.drain(..=end).collect();
            self.note(&String::from_utf8_lossy(&frame));
        }
    }

    fn note(&mut self, frame: &str) {
        let head = frame.trim_start().split("\n\n").next().unwrap_or_default();
        let value = |name: &str| {
            let line = |line: &str| Some(line.strip_prefix(name)?.to_owned());
            head.lines().find_map(line)
        };
        self.receipts.extend(value("receipt:"));
        if head.starts_with("SUBSCRIBE") {
            self.subscriptions.extend(value("id:"));
        }
    }

    pub(crate) fn connected(&mut self, mut choices: Choices) -> Vec<u8> {
        self.version = choices.one_of([Version::V1_2, Version::V1_1, Version::V1_0]);
        let mut connected = Connected::new(self.version);
        connected.server = choices
            .one_of([
                None,
                Some("RabbitMQ/3.10.8"),
                Some("ActiveMQ/5.17.2"),
                Some("ActiveMQ-Artemis/2.31.0 ActiveMQ Artemis Messaging Engine"),
            ])
            .map(str::to_owned);
        let period = choices.one_of([0, 100, 10_000]);
        let connected = connected.heart_beat(HeartBeat::new(period, period));
        self.write(&connected.into_frame().expect("these headers are good"))
    }

    /// A message for a subscription, or for none.
    pub(crate) fn message(&self, mut choices: Choices) -> Vec<u8> {
        let at = choices.below(8);
        let number = choices.below(16);
        let id = self.subscriptions.get(at).map_or("nobody", String::as_str);
        let message = Message::builder("/queue/a", format!("m{number}"))
            .subscription(id)
            .ack_id(format!("m{number}"))
            .body(choices.rest().to_vec());
        self.write(&message.into_frame())
    }

    pub(crate) fn receipt(&self, mut choices: Choices) -> Vec<u8> {
        let receipt = Receipt::new(self.asked(choices.below(16)));
        self.write(&receipt.into_frame().expect("that is a name"))
    }

    pub(crate) fn error(&self, mut choices: Choices) -> Vec<u8> {
        let error = ErrorFrame::new("no");
        let error = match (choices.below(3), choices.below(16)) {
            (0, _) => error,
            (1, n) => error.receipt_id(self.asked(n)),
            (_, n) => match self.subscriptions.get(n) {
                Some(id) => error.subscription(id.as_str()),
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
