//! An engine, a clock that only moves when told to, and a broker that says what the test says.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use stomp_commands::{AckMode, HeartBeat, Send, Subscribe};
use stomp_session::SubscriptionKey;
use stomp_session::engine::{
    Arrival, Dial, Engine, Error, Event, LinkId, LinkInfo, ListenerId, OpId, Outcome, Sent,
    Settings, Taken, Wake, Work,
};

pub(crate) const RABBITMQ: &str = "CONNECTED\nversion:1.2\nserver:RabbitMQ/3.10.8\n\n\0";
pub(crate) const ACTIVEMQ: &str = "CONNECTED\nversion:1.2\nserver:ActiveMQ/5.17.2\n\n\0";
pub(crate) const GENERIC: &str = "CONNECTED\nversion:1.2\n\n\0";

pub(crate) struct Peer {
    pub(crate) engine: Engine,
    pub(crate) now: Instant,
    pub(crate) link: Option<LinkId>,
    pub(crate) connecting: OpId,
    listener: ListenerId,
    buffer: BytesMut,
}

/// Without heart-beats, so that no timer disturbs.
pub(crate) fn quiet() -> Settings {
    let mut settings = Settings::default();
    settings.session = settings.session.host("h").heart_beat(HeartBeat::NONE);
    settings
}

/// Reconnects at once, and without chance.
const URI: &str = "failover:(stomp://a)?initialReconnectDelay=10&randomize=false";

impl Peer {
    /// Asked to connect, and nothing has happened yet.
    pub(crate) fn new(settings: Settings, uri: &str) -> Self {
        Self::with_seed(settings, uri, 1)
    }

    pub(crate) fn with_seed(settings: Settings, uri: &str, seed: u64) -> Self {
        let now = Instant::now();
        let uri = uri.parse().expect("a good URI");
        let mut engine = Engine::new(settings, uri, seed, now).expect("good settings");
        let listener = engine.listen();
        let connecting = engine.connect(now);
        Self {
            engine,
            now,
            link: None,
            connecting,
            listener,
            buffer: BytesMut::new(),
        }
    }

    /// There is a link, CONNECT is out, and the broker has said nothing yet.
    pub(crate) fn linked(settings: Settings) -> Self {
        let mut peer = Self::new(settings, URI);
        peer.dial();
        peer
    }

    pub(crate) fn connected() -> Self {
        Self::connected_to(GENERIC, quiet())
    }

    pub(crate) fn connected_to(connected: &str, settings: Settings) -> Self {
        let mut peer = Self::linked(settings);
        peer.hear(connected);
        assert!(matches!(
            peer.engine.outcome(peer.connecting),
            Some(Ok(Outcome::Connected))
        ));
        peer.events();
        peer.wakes();
        peer
    }

    /// What the engine wants to be done next.
    pub(crate) fn work(&mut self) -> Option<Work> {
        self.engine.poll_work(self.now)
    }

    pub(crate) fn dial_wanted(&mut self) -> Dial {
        while let Some(work) = self.work() {
            if let Work::Dial(dial) = work {
                return dial;
            }
        }
        panic!("nobody wants to dial")
    }

    /// Opens the transport that the engine wants, and reads CONNECT.
    pub(crate) fn dial(&mut self) {
        let dial = self.dial_wanted();
        self.open(&dial);
    }

    /// The same, however long it takes the engine to want one.
    pub(crate) fn dial_when_due(&mut self) {
        loop {
            match self.work() {
                Some(Work::Dial(dial)) => return self.open(&dial),
                Some(_) => {}
                None => {
                    let due = self.engine.poll_timeout().expect("it wants to dial");
                    self.sleep(due.saturating_duration_since(self.now));
                }
            }
        }
    }

    pub(crate) fn open(&mut self, dial: &Dial) {
        self.buffer.clear();
        self.link = self
            .engine
            .handle_dialled(dial.attempt, LinkInfo::plain(), self.now);
        let connect = self.sent();
        assert!(connect.starts_with("CONNECT\n"), "{connect}");
    }

    /// The connection is lost, and the next one is up.
    pub(crate) fn reconnect(&mut self, connected: &str) {
        self.lose();
        self.sleep_ms(10);
        self.dial();
        self.hear(connected);
    }

    pub(crate) fn lose(&mut self) {
        let link = self.link();
        self.engine.handle_closed(link, None, self.now);
        self.buffer.clear();
    }

    pub(crate) fn link(&self) -> LinkId {
        self.link.expect("there is a link")
    }

    pub(crate) fn hear(&mut self, octets: &str) {
        self.hear_some(octets, false);
    }

    /// Hears a message of a WebSocket.
    pub(crate) fn hear_message(&mut self, octets: &str) {
        self.hear_some(octets, true);
    }

    fn hear_some(&mut self, octets: &str, end: bool) {
        let link = self.link();
        self.buffer.extend_from_slice(octets.as_bytes());
        while self
            .engine
            .handle_data(link, &mut self.buffer, end, self.now)
        {}
    }

    /// What the engine has written since the last look.
    pub(crate) fn sent(&mut self) -> String {
        let link = self.link();
        let mut sent = Vec::new();
        while let Some(octets) = self.engine.poll_transmit(link, self.now) {
            sent.extend_from_slice(&octets);
        }
        String::from_utf8(sent).expect("tests write text")
    }

    /// The commands of what was written, with the receipts that they ask for.
    pub(crate) fn commands(&mut self) -> Vec<String> {
        let sent = self.sent();
        let frames = sent.split('\0').filter(|frame| !frame.trim().is_empty());
        frames
            .map(|frame| {
                let mut lines = frame.trim_start().lines();
                let command = lines.next().unwrap_or_default().to_owned();
                let value = |name| value(frame, name);
                let names = ["destination", "id", "transaction", "receipt"];
                let said = names.into_iter().filter_map(value);
                said.fold(command, |all, value| format!("{all} {value}"))
            })
            .collect()
    }

    /// Answers the last frame that was written.
    pub(crate) fn answer(&mut self, sent: &str) {
        let receipts: Vec<_> = sent
            .split('\0')
            .filter_map(|frame| value(frame, "receipt"))
            .map(|id| format!("RECEIPT\nreceipt-id:{id}\n\n\0"))
            .collect();
        self.hear(&receipts.concat());
    }

    /// Lets time pass, and fires the timers on the way, in order.
    pub(crate) fn sleep(&mut self, duration: Duration) {
        let end = self.now + duration;
        let mut calls = 0;
        while let Some(due) = self.engine.poll_timeout()
            && due <= end
        {
            self.now = self.now.max(due);
            self.engine.handle_timeout(self.now);
            calls += 1;
            assert!(calls < 1_000, "a timer that never rests");
        }
        self.now = end;
    }

    pub(crate) fn sleep_ms(&mut self, ms: u64) {
        self.sleep(Duration::from_millis(ms));
    }

    /// The driver goes to sleep.
    pub(crate) fn sleeps(&mut self, writable: bool) {
        let until = self.engine.sleep(writable);
        assert_eq!(until, self.engine.poll_timeout());
    }

    pub(crate) fn wakes(&mut self) -> Vec<Wake> {
        std::iter::from_fn(|| self.engine.poll_wake()).collect()
    }

    /// All events since the last look, in words.
    pub(crate) fn events(&mut self) -> Vec<String> {
        let next = || self.engine.event(self.listener);
        let events = std::iter::from_fn(next);
        events.map(|event: Event| event.to_string()).collect()
    }

    pub(crate) fn send(&mut self, body: &str, confirm: bool) -> Sent {
        self.send_within(body, confirm, None)
    }

    pub(crate) fn send_within(
        &mut self,
        body: &str,
        confirm: bool,
        timeout: Option<Duration>,
    ) -> Sent {
        let send = Send::to("/queue/a").text(body);
        let sent = self.engine.send(&send, confirm, timeout, None, self.now);
        sent.expect("the client is open")
    }

    /// Comes again with a place in the line.
    pub(crate) fn resend(&mut self, body: &str, confirm: bool, place: OpId) -> Result<Sent, Error> {
        let send = Send::to("/queue/a").text(body);
        self.engine
            .send(&send, confirm, None, Some(place), self.now)
    }

    pub(crate) fn ask(&mut self, body: &str) -> OpId {
        asked(self.send(body, true))
    }

    pub(crate) fn ask_within(&mut self, body: &str, ms: u64) -> OpId {
        asked(self.send_within(body, true, Some(Duration::from_millis(ms))))
    }

    pub(crate) fn ask_to_subscribe(&mut self, ack: AckMode, capacity: usize) -> OpId {
        let subscribe = Subscribe::to("/queue/a").ack(ack);
        let sent = self
            .engine
            .subscribe(&subscribe, capacity, None, None, self.now);
        asked(sent.expect("connected"))
    }

    /// Subscribes, one by one to be acknowledged, and has it confirmed.
    pub(crate) fn subscribe(&mut self, capacity: usize) -> SubscriptionKey {
        self.subscribe_by(AckMode::ClientIndividual, capacity)
    }

    pub(crate) fn subscribe_by(&mut self, ack: AckMode, capacity: usize) -> SubscriptionKey {
        let op = self.ask_to_subscribe(ack, capacity);
        let sent = self.sent();
        self.answer(&sent);
        let key = self.subscribed(op);
        self.wakes();
        key
    }

    pub(crate) fn subscribed(&mut self, op: OpId) -> SubscriptionKey {
        match self.engine.outcome(op) {
            Some(Ok(Outcome::Subscribed(key))) => key,
            other => panic!("expected a subscription, got {other:?}"),
        }
    }

    /// How an operation has ended, in words.
    pub(crate) fn outcome(&mut self, op: OpId) -> String {
        match self.engine.outcome(op) {
            None => "not yet".to_owned(),
            Some(Ok(outcome)) => format!("{outcome:?}"),
            Some(Err(error)) => error.to_string(),
        }
    }

    pub(crate) fn take(&mut self, key: SubscriptionKey) -> Arrival {
        match self.engine.take(key, self.now) {
            Taken::Message(arrival) => arrival,
            other => panic!("expected a message, got {other:?}"),
        }
    }

    pub(crate) fn has_nothing(&mut self, key: SubscriptionKey) -> bool {
        matches!(self.engine.take(key, self.now), Taken::Nothing)
    }
}

pub(crate) fn asked(sent: Sent) -> OpId {
    match sent {
        Sent::Asked(op) => op,
        other => panic!("expected to wait for an answer, got {other:?}"),
    }
}

pub(crate) fn placed(sent: Sent) -> OpId {
    match sent {
        Sent::Wait(op) => op,
        other => panic!("expected a place in the line, got {other:?}"),
    }
}

/// Message `n` of a subscription, as 1.2 has it.
pub(crate) fn message(subscription: &str, n: u32) -> String {
    format!(
        "MESSAGE\ndestination:/queue/a\nmessage-id:m{n}\nsubscription:{subscription}\nack:k{n}\n\nhi\0"
    )
}

pub(crate) fn messages(subscription: &str, numbers: std::ops::Range<u32>) -> String {
    numbers.map(|n| message(subscription, n)).collect()
}

/// The value of a header in the text of a frame.
fn value(frame: &str, name: &str) -> Option<String> {
    let line = |line: &str| Some(line.strip_prefix(name)?.strip_prefix(':')?.to_owned());
    frame.lines().find_map(line)
}
