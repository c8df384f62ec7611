use std::io;
use std::time::Instant;

use bytes::BytesMut;
use stomp_frame_fuzz::Choices;
use stomp_session::Pieces;
use stomp_session::engine::{AttemptId, Engine, LinkId, LinkInfo, Wake, Work};

use crate::peer::Peer;
use crate::world::World;

/// The driver, who may do anything at any time, and notes what he was told.
#[derive(Default)]
pub(crate) struct Driver {
    attempts: Vec<AttemptId>,
    /// All that there ever were.
    links: Vec<LinkId>,
    /// The other end of the last one, and what has come from there and was not taken.
    peer: Peer,
    inbound: BytesMut,
    /// All that was ever written.
    pub(crate) wire: Vec<u8>,
    asleep: Option<Asleep>,
    /// A reader waits for a word, on this link.
    blocked: Option<LinkId>,
    pub(crate) has_ended: bool,
}

struct Asleep {
    until: Option<Instant>,
    writable: bool,
}

impl Driver {
    pub(crate) fn wake(&mut self, wake: Wake) {
        match wake {
            Wake::Driver => self.asleep = None,
            Wake::Reader => self.blocked = None,
            Wake::Everybody => {
                self.asleep = None;
                self.blocked = None;
            }
            _ => {}
        }
    }

    /// Checks that nobody sleeps over something to do.
    pub(crate) fn must_be_awake_if_needed(&self, engine: &Engine) {
        if let Some(asleep) = &self.asleep {
            let due = engine.poll_timeout();
            let sooner = match (due, asleep.until) {
                (Some(due), Some(until)) => due < until,
                (due, until) => due.is_some() && until.is_none(),
            };
            assert!(!sooner, "the driver sleeps too long");
            let writes = asleep.writable && engine.outbox_octets() > 0;
            assert!(!writes, "the driver sleeps and has something to write");
        }
        if let Some(link) = self.blocked {
            assert!(!engine.wants_read(link), "the reader was not told");
        }
    }

    fn link(&self, choices: &mut Choices) -> Option<LinkId> {
        self.links.iter().rev().nth(choices.below(4)).copied()
    }
}

impl World {
    pub(crate) fn drive(&mut self, letter: u8, mut choices: Choices, octets: &[u8]) {
        match letter {
            b'd' => self.receive(octets, false),
            b'D' => self.receive(octets, true),
            b'c' => {
                let octets = self.driver.peer.connected(choices);
                self.receive(&octets, true);
            }
            b'm' => self.receive(&self.driver.peer.message(choices), true),
            b'r' => self.receive(&self.driver.peer.receipt(choices), true),
            b'e' => self.receive(&self.driver.peer.error(choices), true),
            b'x' => {
                let error = io::Error::from(io::ErrorKind::ConnectionReset);
                if let Some(link) = self.driver.link(&mut choices) {
                    let why = choices.yes().then_some(&error);
                    self.engine.handle_closed(link, why, self.now);
                }
            }
            b'y' => {
                if let Some(link) = self.driver.link(&mut choices) {
                    self.engine.handle_read_dry(link, self.now);
                }
            }
            b'w' => {
                if let Some(link) = self.driver.link(&mut choices) {
                    self.write(link);
                }
            }
            b'W' => {
                if let Some(link) = self.driver.link(&mut choices) {
                    let octets = choices.one_of([1, 10, 100, 100_000]);
                    self.engine.handle_written(link, octets, self.now);
                }
            }
            b'p' => self.work(),
            b'o' | b'O' => {
                let attempts = self.driver.attempts.iter().rev();
                if let Some(attempt) = attempts.copied().nth(choices.below(4)) {
                    self.dialled(attempt, letter == b'o', choices);
                }
            }
            b'z' => {
                let writable = choices.yes();
                let until = self.engine.sleep(writable);
                self.driver.asleep = Some(Asleep { until, writable });
            }
            b'Z' => {
                self.engine.sleep_on();
                if let Some(asleep) = &mut self.driver.asleep {
                    asleep.writable = true;
                }
            }
            b'G' => self.engine.handle_driver_gone("it went"),
            b'P' => self.engine.handle_panic("it panicked"),
            _ => {}
        }
    }

    fn receive(&mut self, octets: &[u8], end_of_message: bool) {
        let Some(&link) = self.driver.links.last() else {
            return;
        };
        self.driver.inbound.extend_from_slice(octets);
        loop {
            if !self.engine.is_open(link) {
                return self.driver.inbound.clear();
            }
            if !self.engine.wants_read(link) {
                self.driver.blocked = Some(link);
                return;
            }
            let inbound = &mut self.driver.inbound;
            let more = self
                .engine
                .handle_data(link, inbound, end_of_message, self.now);
            self.look_around();
            if !more {
                return;
            }
        }
    }

    fn write(&mut self, link: LinkId) -> bool {
        let Some(piece) = self.engine.poll_transmit(link, self.now) else {
            return false;
        };
        assert!(!piece.is_empty());
        self.driver.wire.extend_from_slice(&piece);
        if self.driver.links.last() == Some(&link) {
            self.driver.peer.hear(&piece);
        }
        true
    }

    fn work(&mut self) {
        let work = self.engine.poll_work(self.now);
        let Some(work) = work else { return };
        assert!(!self.driver.has_ended, "behind the end: {work:?}");
        let asleep = self.driver.asleep.as_ref();
        // Whoever is up at the time that he was told needs nobody to wake him.
        let is_up = asleep.is_none_or(|asleep| asleep.until.is_some_and(|until| until <= self.now));
        match work {
            Work::Dial(dial) => self.driver.attempts.push(dial.attempt),
            work => {
                assert!(is_up, "nobody told the driver of {work:?}");
                self.driver.has_ended = matches!(work, Work::End);
            }
        }
    }

    fn dialled(&mut self, attempt: AttemptId, succeeds: bool, mut choices: Choices) {
        if !succeeds {
            self.engine.handle_dial_failed(attempt, "down", self.now);
            return;
        }
        let secure = choices.yes();
        let pieces = choices.one_of([Pieces::Coalesced, Pieces::Frames]);
        let info = LinkInfo::plain().secure(secure).pieces(pieces);
        if let Some(link) = self.engine.handle_dialled(attempt, info, self.now) {
            assert!(self.engine.is_open(link));
            self.driver.links.push(link);
            self.driver.peer = Peer::default();
            self.driver.inbound.clear();
        }
    }

    /// Does what a driver should, with brokers that are all down.
    pub(crate) fn drive_on(&mut self) {
        self.driver.asleep = None;
        for _ in 0..100 {
            self.work();
        }
        self.look_around();
        for attempt in std::mem::take(&mut self.driver.attempts) {
            self.engine.handle_dial_failed(attempt, "down", self.now);
            self.look_around();
        }
        for link in self.driver.links.clone() {
            let mut pieces = 0;
            while self.write(link) {
                pieces += 1;
                assert!(pieces < 100_000, "it writes for ever");
            }
            self.look_around();
        }
        for _ in 0..100 {
            self.work();
        }
        self.look_around();
    }
}
