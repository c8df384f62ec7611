//! A broker that does as it is told.

use bytes::{Buf, BytesMut};
use stomp_frame::{Command, Decoder, Frame, Item, Limits, Side, Version};

/// One connection, as the broker sees it.
#[derive(Debug)]
pub(crate) struct Peer {
    decoder: Decoder,
    input: BytesMut,
    /// What the client has not read yet.
    output: BytesMut,
    /// It is called like this.
    subscription: Option<String>,
    delivered: usize,
    /// Messages for which there is no subscription yet.
    waiting: usize,
    manners: Manners,
    /// How many frames of each kind came.
    pub(crate) sends: usize,
    pub(crate) acks: usize,
    pub(crate) disconnects: usize,
    /// How many more octets it takes for now.
    pub(crate) room: usize,
    /// The client cannot write any more.
    pub(crate) broken: bool,
    /// Nothing follows what is to be read.
    pub(crate) ended: bool,
    /// The client has closed it.
    pub(crate) closed: bool,
}

/// What a broker does by itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manners {
    /// Answer SEND.
    pub(crate) receipts: bool,
    /// Have so many messages for whoever subscribes.
    pub(crate) messages: usize,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            receipts: true,
            messages: 0,
        }
    }
}

impl Peer {
    /// Takes the place of the connection `before`, and has what this one leaves.
    pub(crate) fn new(manners: Manners, before: Option<&Self>) -> Self {
        let left = |peer: &Self| peer.waiting + peer.delivered.saturating_sub(peer.acks);
        Self {
            waiting: before.map_or(manners.messages, left),
            decoder: Decoder::new(Side::Client, Limits::client()),
            input: BytesMut::new(),
            output: BytesMut::new(),
            subscription: None,
            delivered: 0,
            manners,
            sends: 0,
            acks: 0,
            disconnects: 0,
            room: usize::MAX,
            broken: false,
            ended: false,
            closed: false,
        }
    }

    /// Takes what a client has written, as much as there is room for, and answers at once.
    pub(crate) fn take(&mut self, octets: &[u8]) -> usize {
        let count = octets.len().min(self.room);
        self.room = match self.room {
            usize::MAX => usize::MAX,
            room => room - count,
        };
        self.input.extend_from_slice(&octets[..count]);
        let mut input = std::mem::take(&mut self.input);
        while let Some(item) = self.decoder.decode(&mut input).expect("we can write STOMP") {
            if let Item::Frame(frame) = item {
                self.hear(&frame);
            }
        }
        self.input = input;
        count
    }

    /// Hands over what the client is to read, about a message at a time.
    pub(crate) fn give(&mut self, buffer: &mut [u8]) -> usize {
        let count = buffer.len().min(self.output.len()).min(100);
        self.output.copy_to_slice(&mut buffer[..count]);
        count
    }

    /// Tells whether there is anything to be read, be it the end.
    pub(crate) fn is_readable(&self) -> bool {
        !self.output.is_empty() || self.ended || self.closed
    }

    pub(crate) fn is_writable(&self) -> bool {
        self.room > 0 || self.broken || self.closed
    }

    /// Delivers a message, as soon as there is a subscription.
    pub(crate) fn deliver(&mut self) {
        let Some(subscription) = &self.subscription else {
            self.waiting += 1;
            return;
        };
        self.delivered += 1;
        let number = self.delivered.to_string();
        let message = Frame::new(Command::Message)
            .header("subscription", subscription)
            .header("message-id", &number)
            .header("ack", &number)
            .header("destination", "/queue/a")
            .body(number);
        self.say(&message);
    }

    fn hear(&mut self, frame: &Frame) {
        let mut answers = true;
        match frame.command {
            Command::Connect | Command::Stomp => {
                let connected = Frame::new(Command::Connected).header("version", "1.2");
                self.say(&connected);
                self.decoder.set_version(Version::V1_2);
            }
            Command::Send => {
                self.sends += 1;
                answers = self.manners.receipts;
            }
            Command::Subscribe => self.subscription = frame.headers.get("id").map(str::to_owned),
            Command::Unsubscribe => self.subscription = None,
            Command::Ack | Command::Nack => self.acks += 1,
            Command::Disconnect => self.disconnects += 1,
            _ => {}
        }
        if let Some(receipt) = frame.headers.get("receipt").filter(|_| answers) {
            self.say(&Frame::new(Command::Receipt).header("receipt-id", receipt));
        }
        if frame.command == Command::Subscribe {
            (0..std::mem::take(&mut self.waiting)).for_each(|_| self.deliver());
        }
    }

    fn say(&mut self, frame: &Frame) {
        let encoded = stomp_frame::encode(frame, Version::V1_2, &mut self.output);
        encoded.expect("the broker can write STOMP");
    }
}
