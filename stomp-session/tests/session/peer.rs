//! A session, a clock that only moves when told to, and a server that says what the test says.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use stomp_commands::{AckMode, HeartBeat, Send, Subscribe};
use stomp_session::{
    AckToken, CloseReason, Config, Delivery, Event, Session, SubscriptionKey, Subscriptions,
};

pub(crate) struct Peer {
    pub(crate) session: Session,
    pub(crate) now: Instant,
    buffer: BytesMut,
}

/// Without heart-beats, so that no timer disturbs.
pub(crate) fn quiet() -> Config {
    Config::default().host("h").heart_beat(HeartBeat::NONE)
}

impl Peer {
    /// CONNECT is out, the server has said nothing yet.
    pub(crate) fn connecting(config: Config) -> Self {
        Self::again(config, Subscriptions::new(), Instant::now())
    }

    pub(crate) fn again(config: Config, subscriptions: Subscriptions, now: Instant) -> Self {
        let session = Session::connect(config, subscriptions, now).expect("a good configuration");
        let mut peer = Self {
            session,
            now,
            buffer: BytesMut::new(),
        };
        let connect = peer.sent();
        assert!(connect.starts_with("CONNECT\n"), "{connect}");
        peer
    }

    /// Connected by 1.2, without heart-beats.
    pub(crate) fn connected() -> Self {
        Self::by_version("1.2")
    }

    pub(crate) fn by_version(version: &str) -> Self {
        let mut peer = Self::connecting(quiet());
        peer.hear(&format!("CONNECTED\nversion:{version}\n\n\0"));
        assert!(matches!(peer.event(), Some(Event::Connected(_))));
        peer
    }

    /// The connection is lost, and the next one is up.
    pub(crate) fn reconnected(self) -> Self {
        self.reconnected_by("CONNECTED\nversion:1.2\n\n\0")
    }

    pub(crate) fn reconnected_by(mut self, connected: &str) -> Self {
        self.session.handle_eof(self.now);
        let config = self.session.config().clone();
        let mut peer = Self::again(config, self.session.into_subscriptions(), self.now);
        peer.hear(connected);
        assert!(matches!(peer.event(), Some(Event::Connected(_))));
        peer
    }

    /// What the session has written since the last look.
    pub(crate) fn sent(&mut self) -> String {
        let mut sent = Vec::new();
        while let Some(octets) = self.session.poll_transmit(self.now) {
            sent.extend_from_slice(&octets);
        }
        String::from_utf8(sent).expect("tests write text")
    }

    pub(crate) fn hear(&mut self, octets: &str) {
        self.buffer.extend_from_slice(octets.as_bytes());
        self.session.handle_data(&mut self.buffer, self.now);
    }

    /// Lets time pass, and fires the timers on the way, in order.
    pub(crate) fn sleep(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(due) = self.session.poll_timeout()
            && due <= end
        {
            self.now = self.now.max(due);
            self.session.handle_timeout(self.now);
        }
        self.now = end;
    }

    pub(crate) fn sleep_ms(&mut self, ms: u64) {
        self.sleep(Duration::from_millis(ms));
    }

    pub(crate) fn event(&mut self) -> Option<Event> {
        self.session.poll_event()
    }

    /// All events since the last look, in words.
    pub(crate) fn events(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.session.poll_event())
            .map(|event| tell(&event))
            .collect()
    }

    pub(crate) fn delivery(&mut self) -> Delivery {
        match self.event() {
            Some(Event::Message(delivery)) => delivery,
            other => panic!("expected a message, got {other:?}"),
        }
    }

    /// The reason of the one last event. There is nothing behind it, whatever is done.
    pub(crate) fn closed(&mut self) -> CloseReason {
        let reason = match self.event() {
            Some(Event::Closed(reason)) => reason,
            other => panic!("expected the end, got {other:?}"),
        };
        self.session.handle_eof(self.now);
        self.hear("RECEIPT\nreceipt-id:late\n\n\0");
        self.session
            .handle_timeout(self.now + Duration::from_secs(1 << 30));
        assert_eq!(self.event(), None);
        assert_eq!(self.session.poll_timeout(), None);
        reason
    }

    pub(crate) fn subscribe(&mut self, ack: AckMode) -> SubscriptionKey {
        let subscribe = Subscribe::to("/queue/a").ack(ack);
        let key = self.session.subscribe(subscribe, self.now);
        self.sent();
        key.expect("connected")
    }

    /// Sends a message that asks for this receipt.
    pub(crate) fn send(&mut self, receipt: &str) {
        let send = Send::to("/queue/a").receipt(receipt);
        self.session.send(send, self.now).expect("connected");
    }

    /// Receives message `n` of a subscription, as 1.2 has it.
    pub(crate) fn receive(&mut self, subscription: &str, n: u32) -> AckToken {
        self.hear(&message(subscription, n));
        self.delivery().token
    }
}

pub(crate) fn message(subscription: &str, n: u32) -> String {
    format!(
        "MESSAGE\ndestination:/queue/a\nmessage-id:m{n}\nsubscription:{subscription}\nack:k{n}\n\nhi\0"
    )
}

fn tell(event: &Event) -> String {
    match event {
        Event::Connected(connection) => format!("connected {}", connection.version),
        Event::Message(delivery) => format!("message {}", delivery.message.message_id()),
        Event::OrphanMessage(message) => format!("orphan {}", message.message_id()),
        Event::Subscribed { subscription } => format!("subscribed: {subscription}"),
        Event::SubscribeUnanswered { subscription } => format!("unanswered: {subscription}"),
        Event::SubscriptionRefused { subscription, why } => {
            format!("refused: {subscription}: {why}")
        }
        Event::Replayed => "replayed".to_owned(),
        Event::Receipt {
            receipt,
            also_received,
        } => {
            let also: String = also_received.iter().map(|id| format!(" <{id}")).collect();
            format!("receipt {receipt}{also}")
        }
        Event::ReceiptFailed { receipt, why } => format!("no receipt {receipt}: {why}"),
        Event::UnexpectedReceipt { receipt } => format!("unexpected receipt {receipt}"),
        Event::TransactionLost { transaction } => format!("lost {transaction}"),
        Event::Error(error) => format!("error {error}"),
        Event::Closed(reason) => format!("closed: {reason}"),
        other => format!("{other:?}"),
    }
}
