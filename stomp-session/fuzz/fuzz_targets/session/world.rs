use std::time::{Duration, Instant};

use bytes::BytesMut;
use stomp_commands::{Dialect, HeartBeat, Version};
use stomp_frame_fuzz::Choices;
use stomp_session::{Config, FlowLimits, Liveness, Opening, Session, Subscriptions};

use crate::application::Application;
use crate::peer::Peer;

/// A session between an application and a peer, both of whom keep books.
pub(crate) struct World {
    config: Config,
    session: Session,
    application: Application,
    peer: Peer,
    /// What has come, and was not taken yet.
    inbound: BytesMut,
    start: Instant,
    now: Instant,
}

impl World {
    /// Begins the first connection, unless the configuration cannot be written.
    pub(crate) fn new(choices: &[u8]) -> Option<Self> {
        let config = configure(Choices::of(choices));
        let now = Instant::now();
        let session = Session::connect(config.clone(), Subscriptions::new(), now).ok()?;
        Some(Self {
            peer: Peer::new(session.epoch().number()),
            config,
            session,
            application: Application::default(),
            inbound: BytesMut::new(),
            start: now,
            now,
        })
    }

    pub(crate) fn step(mut self, letter: u8, rest: &[u8]) -> Self {
        let mut choices = Choices::of(rest);
        match letter {
            b'd' => self.receive(rest),
            b'c' => self.receive(&self.peer.connected(choices)),
            b'm' => self.receive(&self.peer.message(choices)),
            b'r' => self.receive(&self.peer.receipt(choices)),
            b'e' => self.receive(&self.peer.error(choices)),
            b'x' => self.session.handle_eof(self.now),
            b't' => self.move_clock(choices),
            b'h' => self.handle_timeout(),
            b'p' => self.session.handle_pause(),
            b'q' => self.session.handle_resume(self.now),
            b'w' => self.write(),
            b'R' => self = self.reconnect(choices.yes()),
            _ => self
                .application
                .call(letter, choices, &mut self.session, self.now),
        }
        self.application.take_events(&mut self.session);
        if let Some(connection) = self.session.connection() {
            self.peer.settle(connection.version);
        }
        self
    }

    /// Ends the last connection.
    pub(crate) fn end(mut self) {
        self.session.handle_eof(self.now);
        self.application.take_events(&mut self.session);
        self.application.must_be_closed(&self.peer);
        self.write();
        assert_eq!(self.session.poll_timeout(), None, "a closed session waits");
    }

    fn receive(&mut self, octets: &[u8]) {
        self.inbound.extend_from_slice(octets);
        self.session.handle_data(&mut self.inbound, self.now);
        assert!(!self.session.is_closed() || self.inbound.is_empty());
    }

    /// Moves the clock, which is as bad as clocks are. The driver may notice late.
    fn move_clock(&mut self, mut choices: Choices) {
        const DAY: u64 = 24 * 60 * 60 * 1000;
        let milliseconds = [1, 79, 80, 1_000, 5_000, 21_000, 30 * DAY];
        let step = Duration::from_millis(choices.one_of(milliseconds));
        self.now = match choices.yes() {
            false => self.now + step,
            true => self.now.checked_sub(step).unwrap_or(self.start),
        }
        .max(self.start);
    }

    /// Everything that is due is done at once, or the driver would call for ever.
    fn handle_timeout(&mut self) {
        self.session.handle_timeout(self.now);
        if let Some(deadline) = self.session.poll_timeout() {
            assert!(deadline > self.now, "still due after it was handled");
        }
    }

    fn write(&mut self) {
        while let Some(octets) = self.session.poll_transmit(self.now) {
            assert!(!octets.is_empty());
            self.peer.read(&octets, &self.application);
        }
        assert_eq!(self.session.outbound(), 0);
    }

    /// The transport is gone with what was on it, and the next one opens.
    fn reconnect(mut self, in_order: bool) -> Self {
        if in_order {
            self.write();
        }
        self.session.handle_eof(self.now);
        self.application.take_events(&mut self.session);
        self.application.must_be_closed(&self.peer);
        self.application.begin_connection();
        let subscriptions = self.session.into_subscriptions();
        let session = Session::connect(self.config.clone(), subscriptions, self.now);
        let session = session.expect("this configuration worked before");
        Self {
            peer: Peer::new(session.epoch().number()),
            session,
            inbound: BytesMut::new(),
            ..self
        }
    }
}

fn configure(mut choices: Choices) -> Config {
    let versions = match choices.below(4) {
        0 => Version::ALL.to_vec(),
        n => vec![Version::ALL[n - 1]],
    };
    let heart_beat = choices.one_of([10_000, 100, 1, 0, u32::MAX]);
    let receipt_timeout = choices.one_of([15_000, 0, 1, u64::MAX]);
    let mut config = Config::default()
        .versions(versions)
        .heart_beat(HeartBeat::new(heart_beat.into(), heart_beat.into()))
        .receipt_timeout(Duration::from_millis(receipt_timeout));
    config.dialect = match choices.below(5) {
        0 => None,
        n => Some(Dialect::ALL[n - 1]),
    };
    if choices.yes() {
        config = config.flow(
            FlowLimits::default()
                .receipts(2)
                .transactions(1)
                .subscriptions(2)
                .outbound(100),
        );
    }
    if choices.yes() {
        config.limits = config.limits.headers(8).header_line(40).head(200).body(20);
    }
    if choices.yes() {
        let eager = Liveness::default().send_percent(0).dead_percent(0);
        config = config.liveness(eager.grace(Duration::ZERO));
    }
    if choices.yes() {
        config = config.opening(Opening::Stomp).client_id("me");
    }
    config
}
